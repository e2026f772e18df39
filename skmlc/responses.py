"""What classifiers predict, given known labels or not, brought into one form."""

from inspect import Parameter, signature

import numpy as np
from scipy.sparse import issparse

from .label_names import column_names, column_order, fitted_label_names

__all__ = [
    "can_be_told",
    "check_no_nan",
    "finite_where_told",
    "in_order_of_columns",
    "positive_probabilities",
    "tell",
]


def tell(estimator, method, X, known):
    """Call a method of an estimator with known labels.

    Parameters
    ----------
    estimator : estimator
        A fitted one whose method takes `known=`, a pipeline that ends in one, or a search
        (such as `GridSearchCV`) over either, whose best estimator is called.
    method : str
        "predict", "predict_proba" or "decision_function".
    X : array-like of shape (n_samples, ...)
        The samples.
    known : {ndarray, DataFrame} of shape (n_samples, n_labels)
        The known labels, NaN where unknown.

    Returns
    -------
    object
        What the method returns.
    """
    last = _last_step(estimator)
    if _takes_known(last, method):
        return getattr(estimator, method)(X, known=known)
    if not hasattr(last, "best_estimator_"):  # of a search
        raise TypeError(
            f"Scoring with known labels needs an estimator whose {method} takes known=, what "
            f"is known of the labels of each sample; {type(last).__name__}'s does not."
        )
    if last is estimator:
        return tell(estimator.best_estimator_, method, X, known)
    X = estimator[:-1].transform(X) if len(estimator.steps) > 1 else X
    return tell(estimator.steps[-1][1], method, X, known)


def can_be_told(estimator, method):
    """Return whether `tell` may call a method of a fitted estimator with `known`."""
    last = _last_step(estimator)
    if _takes_known(last, method):
        return True
    best = getattr(last, "best_estimator_", None)  # of a search
    return best is not None and can_be_told(best, method)


def positive_probabilities(proba, estimator, y_true):
    """Bring any form of predict_proba to (n_samples, n_labels)."""
    classes = getattr(estimator, "classes_", None)
    if isinstance(proba, list):
        # Those of each label, and not the labels themselves.
        if classes is None or len(classes) != len(proba) or np.ndim(classes[0]) == 0:
            classes = [np.arange(column.shape[1]) for column in proba]
        columns = [_positive_column(*pair) for pair in zip(proba, classes)]
        return np.column_stack(columns)  # (N, L)
    if issparse(proba):
        proba = proba.toarray()
    # Of lists, which may be wrong in any way, the first row tells.
    shape = np.shape(y_true[:1] if isinstance(y_true, list | tuple) else y_true)
    if np.ndim(proba) == 1 or (len(shape) > 1 and shape[1] != 1):
        return proba
    n_columns = np.shape(proba)[1]
    # One column is a label's where y was sparse, else that of a single class, which is 1.
    is_label = issparse(y_true) or classes is None
    if n_columns > 2 or (n_columns == 1 and (is_label or np.any(proba != 1))):
        return proba
    return _positive_column(proba, [0, 1] if classes is None else classes)


def check_no_nan(proba, method, whose):
    """Raise an error for a classifier's probabilities or scores that are NaN.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, ...)
        What the method has returned.
    method : str
        Its name, such as "predict_proba".
    whose : str
        What the classifier is called, such as "the member 'forest'".

    Raises
    ------
    ValueError
        That says whose they are, and of which sample the first is.
    """
    is_nan = np.isnan(proba)
    if is_nan.any():
        row, *column = np.argwhere(is_nan)[0]
        place = f" and label {column[0]}" if column else ""
        raise ValueError(
            f"{method} of {whose} must give numbers; got NaN for {is_nan.sum()} of "
            f"{is_nan.size}, the first for sample {row}{place}: look at the X and y that it "
            "was fitted on."
        )


def in_order_of_columns(response, estimator, y_true):
    """Put the columns of a response that has no names in the order of those of y_true."""
    if hasattr(response, "columns"):  # which the metric sees to
        return response
    order = column_order(
        column_names(y_true),
        fitted_label_names(estimator),
        name=f"the y that {type(estimator).__name__} was fitted on",
        reference="y_true",
    )
    return response if order is None else response[:, order]


def finite_where_told(response, known):
    """Set decision values of known labels, which are certain and may be infinite, to 0."""
    given = ~np.isnan(np.asarray(known))  # (N, L)
    response = response.reshape(-1, 1) if np.ndim(response) == 1 else response
    if hasattr(response, "columns") or np.shape(response) != given.shape:
        return response
    return np.where(given, 0.0, response)


def _positive_column(proba, classes):
    """Probability of class 1, which is 0 where the training rows had none, (N,)."""
    column = np.flatnonzero(np.asarray(classes) == 1)
    return proba[:, column[0]] if column.size else np.zeros(proba.shape[0])


def _last_step(estimator):
    """Return the last step of a pipeline, which may be nested; any other as it is."""
    while isinstance(getattr(estimator, "steps", None), list):
        estimator = estimator.steps[-1][1]
    return estimator


def _takes_known(estimator, method):
    """Return whether a method of an estimator may be called with `known`."""
    parameters = signature(getattr(estimator, method)).parameters
    kinds = [parameter.kind for parameter in parameters.values()]
    return "known" in parameters or Parameter.VAR_KEYWORD in kinds

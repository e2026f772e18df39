"""What a fitted estimator has to show, even inside pipelines, searches and tuners."""

from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from ..model_selection.unwrapping import layers
from ._drawing import sample_of

__all__ = ["explain", "find_fitted", "fitted_attribute", "name_of", "that_has"]


def that_has(estimator, name, what, X=None):
    """Return the outermost estimator that has an attribute, and X as it receives it.

    Parameters
    ----------
    estimator : estimator
        A fitted one, or a pipeline, a search or a tuner of one.
    name : str
        The attribute or method.
    what : str
        Which estimators have it, for the error.
    X : {array-like, container} of length n_samples, default=None
        Samples as `estimator` takes them.

    Returns
    -------
    estimator : estimator
        The one that has it.
    X : {array-like, container} of length n_samples
        The samples, transformed by the steps before it.

    Raises
    ------
    TypeError
        If none has it.
    """
    for inner, inner_X in layers(estimator, X):
        if getattr(inner, name, None) is not None:
            return inner, inner_X
    noun = name if name.endswith("_") else f"a method {name}"
    raise TypeError(
        f"estimator must have {noun}, as {what} has; {type(inner).__name__} has none."
    )


def fitted_attribute(estimator, name, what):
    """Return an attribute of an estimator or of what it wraps; `what` has such, in errors."""
    return getattr(that_has(estimator, name, what)[0], name)


def find_fitted(estimator, name):
    """Return the attribute of the outermost estimator that has it, None where none has."""
    found = (getattr(inner, name, None) for inner, _ in layers(estimator))
    return next((value for value in found if value is not None), None)


def name_of(estimator, name):
    """Return what a model is called in a legend: its class, if the user gives no name."""
    return type(estimator).__name__ if name is None else name


def explain(estimator, X, sample=None, known=None, feature_names=None):
    """Return the explanation of one sample, or of all.

    Parameters
    ----------
    estimator : estimator
        Fitted, with a method `explain`; or a pipeline, a search or a tuner of such.
    X : array-like or container of length n_samples
        The samples, as `estimator` takes them.
    sample : int or None, default=None
        The place of the one to explain; None for all.
    known : array-like, default=None
        The known labels of X.
    feature_names : array-like, default=None
        The names of features or tokens.

    Returns
    -------
    Explanation
        The explanation.

    Raises
    ------
    TypeError
        If no estimator has such a method.
    """
    if sample is not None:
        place = [sample_of(sample, _num_samples(X))]
        X = _safe_indexing(X, place)
        known = None if known is None else _safe_indexing(known, place)
    estimator, X = that_has(estimator, "explain", "LaMPClassifier", X)
    given = {"known": known, "feature_names": feature_names}
    return estimator.explain(X, **{k: v for k, v in given.items() if v is not None})

"""The classifier inside a search or a pipeline, with X as that classifier receives it."""

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

__all__ = ["layers", "unwrap"]


def unwrap(estimator, X):
    """Return the fitted classifier inside an estimator, and X as it reaches that classifier.

    Methods that scikit-learn's wrappers do not pass on, such as `predict_labels`,
    `predict_top_k` and `explain`, can be called on the result.

    Parameters
    ----------
    estimator : estimator
        A fitted `Pipeline`, or a search such as `GridSearchCV`, one within the other to any
        depth; any other estimator is returned as it is.
    X : {array-like, sparse matrix, container} of length n_samples
        Samples as `estimator` takes them.

    Returns
    -------
    classifier : estimator
        The fitted final estimator, not a copy.
    X : {array-like, sparse matrix, container} of length n_samples
        The samples, transformed by the steps before it.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If a search or a pipeline is not fitted.
    ValueError
        If a search did not refit its best estimator.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmlc import MLGCNClassifier
    >>> from skmlc.model_selection import unwrap
    >>> X, Y = make_multilabel_classification(n_samples=30, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), MLGCNClassifier(max_epochs=1)).fit(X, Y)
    >>> classifier, X_scaled = unwrap(pipeline, X)
    >>> classifier
    MLGCNClassifier(max_epochs=1)
    >>> float(X[:, 0].std().round(2)), float(X_scaled[:, 0].std().round(2))
    (2.34, 1.0)
    """
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        got = estimator.__name__ if isinstance(estimator, type) else repr(estimator)
        raise TypeError(f"estimator must be an instance of an estimator; got {got}.")
    return next(
        (inner, inner_X)
        for inner, inner_X in layers(estimator, X)
        if not isinstance(inner, Pipeline) and not _is_search(inner)
    )


def layers(estimator, X=None):
    """Yield an estimator, what it wraps, and so on inward, each with X as it receives it.

    Parameters
    ----------
    estimator : estimator
        A fitted one: a `Pipeline`, a search, or another that keeps what it has fitted as
        `estimator_`, such as `ThresholdTuner`; any other is the only one.
    X : {array-like, sparse matrix, container} of length n_samples, default=None
        Samples as `estimator` takes them; None where only the estimators matter.

    Yields
    ------
    estimator : estimator
        The next one.
    X : {array-like, sparse matrix, container} of length n_samples
        The samples, transformed by the steps before it; None without samples.
    """
    while estimator is not None:
        yield estimator, X
        if _is_search(estimator):
            estimator = _best(estimator)
        elif isinstance(estimator, Pipeline):
            check_is_fitted(estimator)
            if X is not None and len(estimator) > 1:
                X = estimator[:-1].transform(X)
            estimator = estimator[-1]
        else:
            estimator = getattr(estimator, "estimator_", None)


def _is_search(estimator):
    """Return whether an estimator is a search, fitted or not."""
    return hasattr(estimator, "refit") and hasattr(estimator, "scoring")


def _best(search):
    """Return the estimator that a search has refitted."""
    check_is_fitted(search, "cv_results_")
    if not hasattr(search, "best_estimator_"):
        raise ValueError(
            "estimator must be a search that refits its best estimator; got "
            f"{type(search).__name__} with refit={search.refit!r}: fit it with refit=True."
        )
    return search.best_estimator_

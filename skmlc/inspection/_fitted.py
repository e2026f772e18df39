"""Reading what an estimator has learned, also through pipelines, searches and tuners."""

from sklearn.pipeline import Pipeline


def fitted_attribute(estimator, name, what):
    """Return an attribute of an estimator or of what it wraps; `what` has such, in errors."""
    found = find_fitted(estimator, name)
    if found is None:
        raise TypeError(
            f"estimator must have {name}, as {what} has; {type(estimator).__name__} has none."
        )
    return found


def find_fitted(estimator, name):
    """Return the attribute of the outermost estimator that has it, None where none has."""
    if isinstance(estimator, Pipeline):
        return find_fitted(estimator.steps[-1][1], name)
    value = getattr(estimator, name, None)
    if value is not None:
        return value
    for wrapped in ("best_estimator_", "estimator_"):  # of a search, of a tuner
        inner = getattr(estimator, wrapped, None)
        if inner is not None:
            return find_fitted(inner, name)
    return None

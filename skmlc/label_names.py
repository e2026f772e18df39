"""A method that only an estimator fitted on labels with names has."""

from functools import update_wrapper
from types import MethodType

__all__ = ["NeedsLabelNames"]


class NeedsLabelNames:
    """Make a method of an estimator exist only where its labels have names.

    Like scikit-learn's `available_if`, but the error says what to do, not only that the
    attribute is missing.

    Parameters
    ----------
    method : function
        The method.
    """

    def __init__(self, method):
        self.method = method
        update_wrapper(self, method)

    def __get__(self, estimator, owner=None):
        """Return the method, or raise an error that names the reason."""
        if estimator is None:
            return self.method
        if not hasattr(estimator, "label_names_"):
            raise AttributeError(self._reason(estimator))
        return MethodType(self.method, estimator)

    def _reason(self, estimator):
        needs = f"{self.method.__name__} needs the names of the labels"
        name = type(estimator).__name__
        if not hasattr(estimator, "classes_"):
            return f"{needs}; fit this {name} first, with y as a DataFrame."
        return (
            f"{needs}, but y had no column names when this {name} was fitted: fit it with y "
            "as a DataFrame, or use predict."
        )

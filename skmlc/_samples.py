"""Whether X and y hold the same samples."""

from sklearn.utils import check_consistent_length

__all__ = ["check_same_samples"]


def check_same_samples(X, y):
    """Raise an error unless X and y have equally many rows.

    Parameters
    ----------
    X : object
        The samples, in any form that has a length or a shape.
    y : array-like
        Their labels.

    Raises
    ------
    ValueError
        If their lengths differ; it says so where y is transposed.
    """
    try:
        check_consistent_length(X, y)
    except ValueError as error:
        n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
        is_transposed = getattr(y, "shape", ())[1:] == (n_samples,)
        hint = " y seems to be transposed: pass y.T." if is_transposed else ""
        raise ValueError(
            f"X and y must have one row per sample each. {error}.{hint}"
        ) from error

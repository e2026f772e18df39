"""Leaving an estimator as it was if its fit fails."""

from contextlib import contextmanager

__all__ = ["unchanged_if_it_fails"]


@contextmanager
def unchanged_if_it_fails(estimator):
    """Restore an estimator if the block does not reach its end.

    So a first fit that fails leaves an estimator that is not fitted, and a later one the
    earlier model.  What the block changes in place is not put back.

    Parameters
    ----------
    estimator : estimator
        Its attributes may be set, replaced and deleted in the block.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise

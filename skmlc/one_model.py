"""A call sees one fitted model from beginning to end, also where threads fit it anew.

PyTorch has one random state in a process, and a warm start trains a network in place, so the
calls of estimators with a network take turns, whichever thread they come from.  All others
are fitted aside, and the result then takes the place of the earlier one at once.
"""

import os
import threading
from collections.abc import Callable
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

__all__ = ["fitted_aside", "in_turn", "of_one_model"]

_one_at_a_time = threading.RLock()


def _renew():
    """Make a new lock: of a process that was forked, no thread could release the old one."""
    global _one_at_a_time
    _one_at_a_time = threading.RLock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_renew)


@contextmanager
def in_turn():
    """Run the block while no other thread is in such a block; it may contain others."""
    with _one_at_a_time:
        yield


Method = TypeVar("Method", bound=Callable)


def of_one_model(method: Method) -> Method:
    """Have a method of a fitted estimator see one model from beginning to end.

    Parameters
    ----------
    method : function
        It must set no attributes, except where its class says `_trains_in_place`.

    Returns
    -------
    function
        With the same signature.
    """

    @wraps(method)
    def call(self, *args, **kwargs):
        if getattr(self, "_trains_in_place", False):
            with in_turn():
                return method(self, *args, **kwargs)
        return method(_shallow_copy(self), *args, **kwargs)

    return call  # pyright: ignore[reportReturnType]


@contextmanager
def fitted_aside(estimator):
    """Fit a copy within the block, and be that copy if the block comes to its end.

    Parameters
    ----------
    estimator : estimator
        As it was until then, for other threads too; for good, if the block fails.

    Yields
    ------
    estimator
        The copy, whose attributes may be set, replaced and deleted, but not changed in place.
    """
    aside = _shallow_copy(estimator)
    yield aside
    estimator.__dict__ = vars(aside)


def _shallow_copy(estimator) -> Any:
    """Return the estimator as it is now, whatever attributes it gets."""
    copy = object.__new__(type(estimator))
    copy.__dict__ = vars(estimator).copy()
    return copy

"""Tell a Ctrl-C that ends one training from one that ends a search of many."""

import dis
import sys
import traceback

__all__ = ["SearchInterrupted", "stops_a_search"]

# What fits an estimator several times.  `Pipeline` does not: an interrupt there is that of
# its one fit.
SEARCHES = (
    "joblib.parallel",
    "sklearn.calibration",
    "sklearn.ensemble",
    "sklearn.feature_selection",
    "sklearn.model_selection",
    "sklearn.multiclass",
    "sklearn.multioutput",
    "sklearn.semi_supervised",
    "skmlc.ensemble",
    "skmlc.known_labels",
    "skmlc.model_selection",
)
RAISE = dis.opmap["RAISE_VARARGS"]


class SearchInterrupted(BaseException):
    """A Ctrl-C within a search, under a name that skorch does not take for an early stop."""


def stops_a_search(interrupt):
    """Tell whether an interrupt of training is a user's, of a search that this fit is part of.

    Called where the interrupt is caught, whose callers are then those of the fit.

    Parameters
    ----------
    interrupt : KeyboardInterrupt
        As caught.

    Returns
    -------
    bool
        False for a fit by itself, and where a callback has ended training.
    """
    return not _is_raised_by_a_callback(interrupt) and _is_within_a_search()


def _is_raised_by_a_callback(interrupt):
    """Tell whether a `raise` in a callback has made the interrupt, and not a signal.

    A signal may come while a callback runs, but not at a `raise`.
    """
    frames = list(traceback.walk_tb(interrupt.__traceback__))
    if not any(frame.f_code.co_name == "notify" for frame, _ in frames):
        return False
    last = interrupt.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    return last.tb_frame.f_code.co_code[last.tb_lasti] == RAISE


def _is_within_a_search():
    """Tell whether one of the callers belongs to what fits an estimator several times."""
    frame = sys._getframe()
    while frame is not None:
        # Also what derives from such a class elsewhere calls its methods.
        if f"{frame.f_globals.get('__name__')}.".startswith(PREFIXES):
            return True
        frame = frame.f_back
    return False


PREFIXES = tuple(f"{name}." for name in SEARCHES)

"""Pickles that carry the version of the package, and say so if it is another one."""

import warnings

from .exceptions import InconsistentVersionWarning

__all__ = ["VersionedState"]

KEY = "_skmlc_version"


class VersionedState:
    """Puts the version of the package into the pickles of a class, before `BaseEstimator`."""

    def __getstate__(self):
        from . import __version__

        return {**super().__getstate__(), KEY: __version__}

    def __setstate__(self, state):
        from . import __version__

        state = dict(state)
        original = state.pop(KEY, __version__)
        if original != __version__:
            warnings.warn(
                InconsistentVersionWarning(
                    type(self).__name__, "skmlc", original, __version__
                ),
                stacklevel=2,
            )
        if hasattr(super(), "__setstate__"):
            super().__setstate__(state)  # pyright: ignore[reportAttributeAccessIssue]
        else:
            vars(self).update(state)

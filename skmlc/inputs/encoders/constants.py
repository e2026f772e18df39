"""Constants of modules, as exact as the type to which a module is cast."""

from torch import nn

__all__ = ["ExactConstants"]


class ExactConstants(nn.Module):
    """Base of modules that recompute their constants in whatever type they are cast to.

    A buffer that is cast from float32 to float64 would keep the seven digits of float32.
    """

    def _constants(self, like):
        """Return the constants by name, of the type and on the device of a tensor."""
        raise NotImplementedError

    def _apply(self, fn, recurse=True):
        # What `to`, `double`, `cuda` and the like all go through.
        super()._apply(fn, recurse)
        like = next(self.buffers(recurse=False))
        for name, value in self._constants(like).items():
            setattr(self, name, value)
        return self

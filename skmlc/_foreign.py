"""What other libraries hold, as NumPy or pandas holds it: tensors of torch, tables of Arrow.

None of these libraries is imported: where one is not, nothing of it can have been given.
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["is_of", "is_picture", "read_foreign"]

# Tables that are computed, or grouped, later on, and how to get what they stand for.
_NOT_YET = {
    "LazyFrame": "call its collect() first",
    "DataFrameGroupBy": "for bags, pass [rows for _, rows in groups]",
}


def is_of(value, library, *names):
    """Return whether a value is an instance of a class of a library.

    Parameters
    ----------
    value : object
        Anything.
    library : str
        The name of a module, which need not be installed.
    *names : str
        Names of classes in it.

    Returns
    -------
    bool
        Whether it is.
    """
    module = sys.modules.get(library)
    return module is not None and isinstance(
        value, tuple(getattr(module, name) for name in names if hasattr(module, name))
    )


def is_picture(value):
    """Return whether a value is an image of Pillow.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool
        Whether it is.
    """
    return is_of(value, "PIL.Image", "Image")


def read_foreign(value, name="X") -> Any:
    """Return what NumPy, SciPy or pandas holds as it is, and the same of other libraries so.

    Parameters
    ----------
    value : object
        As the user gave it.
    name : str, default="X"
        What it is called, for errors.

    Returns
    -------
    object
        An array for a dense tensor of torch, without its gradient, bfloat16 as float32; a list
        of arrays for a list of tensors; pandas for a table or an array of Arrow; anything else
        as it came.

    Raises
    ------
    TypeError
        If it is a sparse or a nested tensor, or has no content yet: lazy frames, groups, and
        what can be read only once.

    Examples
    --------
    >>> import torch
    >>> from skmlc._foreign import read_foreign
    >>> read_foreign(torch.ones(2, dtype=torch.bfloat16, requires_grad=True))
    array([1., 1.], dtype=float32)
    """
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, list | tuple):
        if value and is_of(value[0], "torch", "Tensor"):
            return [read_foreign(item, name) for item in value]
        return value
    if is_of(value, "torch", "Tensor"):
        return _tensor_to_array(value, name)
    if is_of(value, "pyarrow", "Table", "RecordBatch", "Array", "ChunkedArray"):
        return value.to_pandas()
    kind = type(value).__name__
    if kind in _NOT_YET:
        raise TypeError(f"{name} must be data in memory; got a {kind}: {_NOT_YET[kind]}.")
    if isinstance(value, Iterator):
        raise TypeError(
            f"{name} must be data that can be read more than once; got an instance of {kind}: "
            "pass a list."
        )
    return value


def _tensor_to_array(tensor, name):
    """Return a tensor as an array."""
    if tensor.is_nested or str(tensor.layout) != "torch.strided":
        kind = "nested" if tensor.is_nested else str(tensor.layout)
        raise TypeError(
            f"{name} must be an array, a sparse matrix of SciPy or a list; got a tensor that "
            f"is {kind}: for dense ones pass tensor.to_dense(), for nested ones a list."
        )
    if tensor.is_meta:
        raise TypeError(f"{name} must hold numbers; got a tensor without content (meta).")
    # NumPy has no bfloat16, nor anything smaller than float16.
    if tensor.is_floating_point() and str(tensor.dtype) not in _OF_NUMPY:
        tensor = tensor.float()
    return tensor.numpy(force=True)  # without its gradient, from wherever it is


_OF_NUMPY = {"torch.float16", "torch.float32", "torch.float64"}

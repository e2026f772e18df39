"""A number that tells one fit from another: of its data, its parameters and its seed."""

import hashlib
import os
from functools import partial
from inspect import isroutine
from types import CodeType, FunctionType, MethodType

import numpy as np
import torch
from scipy import sparse
from sklearn.utils import check_random_state

from .containers import Images, LazyRows

__all__ = ["fingerprint"]

BYTES_AT_ONCE = 1 << 24


def fingerprint(value):
    """Return a hexadecimal number that is the same for equal values, in every process.

    Parameters
    ----------
    value : object
        Numbers, strings, arrays, tensors, tables, containers, estimators, functions, and
        objects that are known by their attributes; also lists, tuples, sets and dicts of such.
        Of a function its code counts, of an object the attributes without a trailing
        underscore, of image files their names and sizes.

    Returns
    -------
    str
        Of 32 digits.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.inputs.fingerprint import fingerprint
    >>> fingerprint({"a": np.arange(3)}) == fingerprint({"a": np.arange(3)})
    True
    >>> fingerprint([1, 2]) == fingerprint([12])
    False
    """
    return _Digest().add(value).result.hexdigest()[:32]


class _Digest:
    """Takes in values, each with its type and its length, so that no two read the same."""

    def __init__(self):
        self.result = hashlib.sha256()
        self.within = []  # the objects that are being looked at, one within the other

    def add(self, value):
        """Take in a value, and return this digest."""
        if id(value) in self.within:
            return self._say("above")
        self.within.append(id(value))
        kind, parts = _described(value)
        self._say(kind)
        if isinstance(parts, str):
            self._say(parts)
        elif isinstance(parts, np.ndarray | LazyRows):
            self._add_array(parts)
        else:
            self._say(str(len(parts)))
            for part in parts:
                self.add(part)
        self.within.pop()
        return self

    def _say(self, text):
        text = text.encode("utf-8", "surrogatepass")
        self.result.update(len(text).to_bytes(8, "little") + text)
        return self

    def _add_array(self, array):
        """Take in an array part by part: a memory map stays on disk."""
        self._say(f"{array.dtype.str} {array.shape}")
        array = array[None] if array.ndim == 0 else array
        row = max(1, array[:1].nbytes)
        for start in range(0, len(array), max(1, BYTES_AT_ONCE // row)):
            part = array[start : start + max(1, BYTES_AT_ONCE // row)]
            self.result.update(np.ascontiguousarray(part).tobytes())


def _described(value):
    """Return the kind of a value, and its text, its array or its parts."""
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        return name, value.tolist()
    for kinds, describe in DESCRIPTIONS:
        if isinstance(value, kinds):
            return name, describe(value)
    if hasattr(value, "iloc"):  # a table of pandas
        parts = [value.index.to_numpy(), value.to_numpy()]
        return name, [*parts, list(getattr(value, "columns", ()))]
    if hasattr(value, "adjacency") and hasattr(value, "nodes"):  # a graph of networkx
        return name, [list(value.nodes), list(value.edges(data=True))]
    if hasattr(value, "dist") and hasattr(value, "kwds"):  # a distribution of SciPy
        return name, [value.dist.name, list(value.args), value.kwds]
    if hasattr(value, "get_params") and not isinstance(value, type):
        return name, [value.get_params(deep=False)]
    if isroutine(value):  # of C
        return name, getattr(value, "__qualname__", name)
    attributes = getattr(value, "__dict__", {})
    return name, [{k: v for k, v in attributes.items() if not k.endswith("_")}]


def _of_code(code):
    """Return what a function does, without where it is written."""
    return [code.co_code.hex(), list(code.co_names), list(code.co_consts)]


def _of_function(function):
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    defaults = [function.__defaults__, function.__kwdefaults__]
    return [function.__qualname__, function.__code__, *defaults, *cells]


def _of_dict(mapping):
    pairs = sorted(mapping.items(), key=lambda item: str(item[0]))
    return [part for pair in pairs for part in pair]


def _of_sparse(matrix):
    matrix = matrix.tocsr()
    return [str(matrix.shape), matrix.data, matrix.indices, matrix.indptr]


def _of_images(images):
    files = images.source[images.rows] if images.mode is not None else ()
    return [vars(images), [os.path.getsize(file) for file in files]]


def _of_tensor(tensor):
    tensor = tensor.detach().cpu()
    return [str(tensor.dtype), tensor.contiguous().reshape(-1).view(torch.uint8).numpy()]


def _of_random_state(state):
    if state is check_random_state(None):
        return "global"  # which others draw from, too
    return [state.get_state(legacy=True)]


DESCRIPTIONS = (
    ((type(None), bool, int, float, complex, np.generic, str, bytes), repr),
    ((os.PathLike, torch.device, torch.dtype), str),
    ((np.ndarray, LazyRows), lambda array: array),
    (torch.nn.Module, lambda module: [repr(module), dict(module.state_dict())]),
    (torch.Tensor, _of_tensor),
    (sparse.spmatrix | sparse.sparray, _of_sparse),
    (dict, _of_dict),
    ((list, tuple), list),
    ((set, frozenset), lambda items: sorted(map(repr, items))),
    (type, lambda kind: f"{kind.__module__}.{kind.__qualname__}"),
    (CodeType, _of_code),
    (FunctionType, _of_function),
    (MethodType, lambda method: [method.__func__, method.__self__]),
    (partial, lambda call: [call.func, call.args, call.keywords]),
    (np.random.RandomState, _of_random_state),
    (Images, _of_images),
)

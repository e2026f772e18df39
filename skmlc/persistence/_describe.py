"""From objects to the tree of plain values that a file holds."""

import functools
import types
from collections import OrderedDict, defaultdict

import numpy as np
import torch
from torch import nn

from ..training.net import Net
from ._arrays import Malformed, array_kind
from ._networks import describe_module, describe_net
from ._scikit_learn import COMPILED
from ._transformers import describe_pretrained
from ._tree import MAX_DEPTH, Record, is_plain
from ._types import (
    find_class,
    find_class_of_objects,
    find_function,
    name_of,
    public_name,
    refusal,
)

__all__ = ["Describer", "shadowed"]

# What NumPy's own functions are, such as its mean, is a class without a public name.
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, np.ufunc, type(np.mean))


class Describer:
    """Makes objects into plain values and records, each object once.

    Parameters
    ----------
    trusted : collection of str
        Names of classes and functions that may be there, beside those that always may.
    include_optimizer : bool
        Whether networks keep what their optimizers have gathered.
    """

    def __init__(self, trusted, include_optimizer):
        self.trusted, self.include_optimizer = trusted, include_optimizer
        self._done = {}  # by id: what stands for an object, and the object
        self._depth = 0

    def describe(self, x, where):
        """Return what stands for an object.

        Parameters
        ----------
        x : object
            Anything.
        where : str
            Where it was found, for errors.

        Returns
        -------
        object
            Plain values and records.
        """
        if x is None or type(x) in (bool, int, float, str):
            return x
        if id(x) not in self._done:
            self._done[id(x)] = _BEING_MADE, x
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise TypeError(f"{where[:100]}... is nested too deep to be saved.")
            self._done[id(x)] = self._describe(x, where), x
            self._depth -= 1
        made = self._done[id(x)][0]
        if made is _BEING_MADE:
            raise TypeError(f"{where} contains itself, and cannot be saved.")
        return made

    def _describe(self, x, where):
        type_ = type(x)
        if type_ in _CONTAINERS:
            return _CONTAINERS[type_](self, x, where)
        if type_ is np.ndarray and x.dtype == object:
            return self._array_of_objects(x, where)
        if type_ is np.ma.MaskedArray and x.dtype == object:
            data = self._array_of_objects(np.asarray(x.data), where)
            return np.ma.MaskedArray(data, mask=x.mask, fill_value=x.fill_value)
        if is_plain(x) or array_kind(x):
            return x
        if isinstance(x, type):
            self._check(x, find_class, where)
            return Record("class", name_of(x))
        if isinstance(x, _FUNCTIONS):
            self._check(x, find_function, where)
            return Record("function", name_of(x))
        return self._object(x, where)

    def _object(self, x, where):
        type_ = type(x)
        if type_ in _SPECIAL:
            kind, parts = _SPECIAL[type_]
            return Record(kind, self.describe(parts(x), where))
        if type_ in COMPILED:
            kind, describe, _ = COMPILED[type_]
            return Record(kind, self.describe(describe(x), where))
        pretrained = describe_pretrained(x)
        if pretrained is not None:
            kind, state = pretrained
            return Record(kind, self.describe(state, where))
        self._check(type_, find_class_of_objects, where)
        if isinstance(x, Net):
            state = describe_net(x, self.include_optimizer)
        elif isinstance(x, nn.Module):
            state = describe_module(x, where)
        elif isinstance(x, (dict, list, tuple)):
            state = _parts_of_subclass(x)
        else:
            state = _state(x, where)
        return Record(name_of(type_), self.describe(state, where))

    def _check(self, x, find, where):
        """Raise an error if `load` would not give back this class or function by its name."""
        try:
            found = find(name_of(x), self.trusted)
        except Malformed:
            found = None
        if found is not x:
            raise refusal(x, where)

    def _array_of_objects(self, x, where):
        result = np.empty(x.shape, dtype=object)
        for i, entry in np.ndenumerate(x):
            result[i] = self.describe(entry, f"{where}[{', '.join(map(str, i))}]")
        return result

    def _sequence(self, x, where):
        return type(x)(self.describe(v, f"{where}[{i}]") for i, v in enumerate(x))

    def _set(self, x, where):
        return type(x)(self.describe(v, f"an element of {where}") for v in x)

    def _dict(self, x, where):
        return {
            self.describe(key, f"a key of {where}"): self.describe(value, _at(where, key))
            for key, value in x.items()
        }


def _at(where, key):
    """Return how to write where an attribute or an entry of a dict is."""
    if isinstance(key, str) and key.isidentifier():
        return f"{where}.{key}"
    return f"{where}[{str(key)[:40]!r}]"


_BEING_MADE = object()
_CONTAINERS = {
    list: Describer._sequence,
    tuple: Describer._sequence,
    dict: Describer._dict,
    set: Describer._set,
    frozenset: Describer._set,
}


# Objects whose state is not in their attributes -----------------------------------------------


def _random_state(x):
    return x.get_state(legacy=False)


def _generator(x):
    return x.bit_generator.state


_SPECIAL = {
    functools.partial: ("partial", lambda x: [x.func, list(x.args), x.keywords]),
    OrderedDict: ("ordered dict", dict),
    defaultdict: ("default dict", lambda x: [x.default_factory, dict(x)]),
    np.random.RandomState: ("random state", _random_state),
    np.random.Generator: ("random generator", _generator),
    torch.Generator: ("torch generator", lambda x: x.get_state()),
}


def _parts_of_subclass(x):
    """Return the entries and the attributes of an object of a subclass of a builtin type."""
    entries = dict(x) if isinstance(x, dict) else list(x)
    return {"entries": entries, "attributes": dict(getattr(x, "__dict__", {}))}


def _state(x, where):
    """Return the attributes of an object, as its class says: a dict."""
    state = x.__getstate__()
    slots = {}
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    state = {**(state or {}), **(slots or {})} if isinstance(state, dict | None) else None
    if state:
        state.pop("_skmlc_version", None)  # the file has it
    try:
        object.__new__(type(x))
    except TypeError:
        state = None
    if state is None:
        raise TypeError(
            f"{where} is of the class {public_name(name_of(type(x)))}, which keeps what it "
            "knows in compiled code, and cannot be saved; keep this model with joblib.dump."
        )
    hidden = shadowed(type(x), state)
    if hidden:
        raise TypeError(
            f"{where}.{hidden} has taken the place of a method, and cannot be saved."
        )
    return state


def shadowed(class_, names):
    """Return a name that stands for a method or a property of a class, or None.

    Parameters
    ----------
    class_ : type
        The class.
    names : iterable of str
        The names of attributes.

    Returns
    -------
    str or None
        The first one.
    """
    for name in names:
        of_class = getattr(class_, name, None)
        if name.startswith("__") or isinstance(of_class, _METHODS):
            return name
    return None


_METHODS = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    property,
)

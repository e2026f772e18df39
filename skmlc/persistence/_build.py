"""From the tree of plain values that a file holds back to objects.

Nothing in a file is called; of its settings transformers makes networks of text, of types that
are listed.  An object is made empty and given its attributes; `__setstate__`
is that of a class of skmlc, scikit-learn or PyTorch, or of one that the user trusts.
"""

import functools
from collections import OrderedDict, defaultdict

import numpy as np
import torch
from torch import nn

from ..inputs.containers.base import Container, check_offsets
from ..inputs.containers.edges import check_edges
from ..training.net import Net
from ._arrays import Malformed
from ._describe import shadowed
from ._networks import build_module, build_net
from ._scikit_learn import COMPILED, check_estimator
from ._transformers import build_language_model, build_tokenizer
from ._tree import Record
from ._types import find_class, find_class_of_objects, find_function

__all__ = ["Builder"]


class Builder:
    """Makes objects of plain values and records, each object once.

    Parameters
    ----------
    trusted : collection of str
        Names of classes and functions that may be there, beside those that always may.
    """

    def __init__(self, trusted):
        self.trusted = trusted
        self._done = {}  # by id; what is read from a file lives as long as this

    def build(self, x):
        """Return the object that some values stand for.

        Parameters
        ----------
        x : object
            Plain values and records.

        Returns
        -------
        object
            What was described.
        """
        build = _BUILDERS.get(type(x))
        if build is None:
            return x
        if id(x) not in self._done:
            self._done[id(x)] = build(self, x)
        return self._done[id(x)]

    def _list(self, x):
        return type(x)(map(self.build, x))

    def _dict(self, x):
        return {self.build(key): self.build(value) for key, value in x.items()}

    def _array(self, x):
        if x.dtype != object:
            return x
        result = np.empty(x.shape, dtype=object)
        for i, entry in np.ndenumerate(x):
            result[i] = self.build(entry)
        return result

    def _masked(self, x):
        data = self._array(np.asarray(x.data))
        return np.ma.MaskedArray(data, mask=x.mask, fill_value=x.fill_value)

    def _record(self, record):
        if record.type == "class":
            return find_class(_text(record.state), self.trusted)
        if record.type == "function":
            return find_function(_text(record.state), self.trusted)
        special = _SPECIAL.get(record.type)
        class_ = None if special else find_class_of_objects(record.type, self.trusted)
        state = self.build(record.state)
        if special:
            return special(state)
        if not isinstance(state, dict):
            raise Malformed("an object has no attributes")
        if issubclass(class_, Net):
            return build_net(state)
        if issubclass(class_, nn.Module):
            return build_module(class_, state, shadowed)
        if issubclass(class_, (dict, list, tuple)):
            return _instance_of_subclass(class_, state)
        return _instance(class_, state)


_BUILDERS = {
    list: Builder._list,
    tuple: Builder._list,
    set: Builder._list,
    frozenset: Builder._list,
    dict: Builder._dict,
    np.ndarray: Builder._array,
    np.ma.MaskedArray: Builder._masked,
    Record: Builder._record,
}


def _text(state):
    if type(state) is not str:
        raise Malformed("a type has no name")
    return state


# Instances ------------------------------------------------------------------------------------


def _instance(class_, state):
    """Return an object of a class with the attributes of a state."""
    _check_names(class_, state)
    result = object.__new__(class_)
    if hasattr(class_, "__setstate__"):
        result.__setstate__(state)
    else:
        _set_attributes(result, state)
    if isinstance(result, Container):
        _check_container(result)
    if class_.__module__.startswith("sklearn."):
        check_estimator(result)
    return result


def _check_names(class_, state):
    if not all(type(name) is str for name in state) or shadowed(class_, state):
        raise Malformed(
            f"an object of {class_.__name__} has an attribute in the place of a method"
        )


def _set_attributes(x, state):
    """Set attributes, past a `__setattr__` that computes or forbids; some have slots."""
    for name, value in state.items():
        if hasattr(x, "__dict__") and not hasattr(getattr(type(x), name, None), "__set__"):
            vars(x)[name] = value
        else:
            object.__setattr__(x, name, value)


def _instance_of_subclass(class_, state):
    """Return an object of a subclass of dict, list or tuple."""
    entries, attributes = state["entries"], state["attributes"]
    _check_names(class_, attributes)
    base = next(b for b in (dict, list, tuple) if issubclass(class_, b))
    result = tuple.__new__(class_, entries) if base is tuple else base.__new__(class_)
    if base is dict:
        dict.update(result, entries)
    if base is list:
        list.extend(result, entries)
    if attributes:
        vars(result).update(attributes)
    return result


def _check_container(x):
    """Refuse offsets that lead out of the arrays which they divide, and edges out of bags."""
    state = vars(x)
    parts = [state[name] for name in ("instances", "tokens") if name in state]
    if "offsets" in state and parts:
        check_offsets(state["offsets"], len(parts[0]))
    if "edges" in state:
        parts = (
            state[name] for name in ("edges", "edge_offsets", "edge_weights", "offsets")
        )
        check_edges(*parts)


# Objects whose state is not in their attributes -----------------------------------------------


def _partial(state):
    function, args, keywords = state
    if not callable(function) or not all(type(name) is str for name in keywords):
        raise Malformed("a partial function has no function")
    return functools.partial(function, *args, **keywords)


def _default_dict(state):
    factory, entries = state
    if factory is not None and not isinstance(factory, type):
        raise Malformed("a dict has a default that is no class")
    return defaultdict(factory, entries)


def _random_state(state):
    key, place = state["state"]["key"], state["state"]["pos"]
    if key.shape != (624,) or type(place) is not int or not 0 <= place <= 624:
        raise Malformed("a random state is not one")
    result = np.random.RandomState(0)
    result.set_state(state)
    return result


def _random_generator(state):
    name = state["bit_generator"]
    if name not in ("PCG64", "PCG64DXSM", "SFC64"):
        raise Malformed("a random generator is of an unknown kind")
    result = np.random.Generator(getattr(np.random, name)(0))
    result.bit_generator.state = state
    return result


def _torch_generator(state):
    result = torch.Generator()
    result.set_state(state)
    return result


_SPECIAL = {
    "partial": _partial,
    "ordered dict": OrderedDict,
    "default dict": _default_dict,
    "random state": _random_state,
    "random generator": _random_generator,
    "torch generator": _torch_generator,
    "language model": build_language_model,
    "tokenizer": build_tokenizer,
    **{kind: build for kind, _, build in COMPILED.values()},
}

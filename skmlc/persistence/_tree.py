"""A tree of plain values as JSON and a table of arrays, and back.

JSON holds the tree as a flat list of nodes: each is ``[kind, *values]``, where a value is a
number, a string, a truth value, null, or ``[i]``, which stands for node i.  A node may refer
to earlier nodes only.  So reading is one loop without recursion, there are no cycles, and what
is in the tree twice is one object when it comes back.
"""

import json
import math
from pathlib import Path

import torch

from ._arrays import ARRAYS, Malformed, array_kind

__all__ = ["MAX_DEPTH", "Malformed", "Record", "decode_tree", "encode_tree", "is_plain"]

# Of nodes in nodes; a search over a pipeline over an ensemble of networks has fewer than 60.
MAX_DEPTH = 150
# Of the values within a key of a dict or a member of a set: to hash it walks through them.
MAX_KEY_SIZE = 1000


class Record:
    """An object as plain values: the name of its type, and its state.

    Parameters
    ----------
    type : str
        The name of its type.
    state : object
        A tree.
    """

    __slots__ = ("state", "type")

    def __init__(self, type, state):
        self.type, self.state = type, state


def is_plain(x):
    """Return whether an object that is neither a container nor an array is kept as it is.

    Parameters
    ----------
    x : object
        Anything.

    Returns
    -------
    bool
        Whether its type is one of those that the tree knows.
    """
    return type(x) in _KIND_OF


def encode_tree(tree):
    """Return the JSON of a tree, as bytes, and a dict of its arrays (dtype name, ndarray)."""
    writer = _Writer()
    root = writer.value(tree, 0)
    text = json.dumps({"nodes": writer.nodes, "root": root}, separators=(",", ":"))
    return text.encode("ascii"), writer.arrays


def decode_tree(text, parts):
    """Return the tree that `encode_tree` has made into JSON and arrays.

    Parameters
    ----------
    text : bytes
        The JSON.
    parts : dict of str to dict
        The arrays, as `safetensors.deserialize` gives them: "dtype", "shape", "data".

    Returns
    -------
    object
        The tree.

    Raises
    ------
    Exception
        Of many kinds, if the values are not what they should be; `Malformed` with a sentence.
    """
    content = json.loads(text, parse_constant=_no_constant)
    reader = _Reader(parts)
    for node in content["nodes"]:
        reader.read(node)
    return reader.value(content["root"])


class _Writer:
    """The nodes and arrays of a tree."""

    def __init__(self):
        self.nodes, self.arrays = [], {}
        self._seen = {}  # by id: the node's number, None while it is made, and the object

    def value(self, x, depth):
        """Return what stands for a value within a node."""
        if x is None or type(x) in (bool, int, str):
            return x
        if type(x) is float and math.isfinite(x):
            return x
        if id(x) not in self._seen:
            self._seen[id(x)] = None, x
            self.nodes.append(self._node(x, depth))
            self._seen[id(x)] = len(self.nodes) - 1, x
        number = self._seen[id(x)][0]
        if number is None:
            raise ValueError(f"A {type(x).__name__} that contains itself cannot be saved.")
        return [number]

    def _node(self, x, depth):
        if depth > MAX_DEPTH:
            raise ValueError(
                f"What is to be saved must be nested at most {MAX_DEPTH} deep; a "
                f"{type(x).__name__} is deeper."
            )
        kind = _KIND_OF.get(type(x)) or array_kind(x)
        if kind is None:
            raise TypeError(f"{type(x).__module__}.{type(x).__qualname__} cannot be saved.")
        if kind in ARRAYS:
            values = ARRAYS[kind].encode(x, self.add_array)
        else:
            values = _PLAIN[kind][1](x)
        return [kind, *[self.value(v, depth + 1) for v in values]]

    def add_array(self, dtype, array):
        """Keep a C-contiguous array, to be written as of the type named; return its name."""
        name = str(len(self.arrays))
        self.arrays[name] = dtype, array
        return name


class _Reader:
    """The values of the nodes that were read so far."""

    def __init__(self, parts):
        self.values, self._depths, self._sizes = [], [], []
        self._parts = parts

    def read(self, node):
        """Read a node and keep its value."""
        if not (isinstance(node, list) and node and isinstance(node[0], str)):
            raise Malformed("a node has no kind")
        kind, *raw = node
        inner = [v[0] for v in raw if isinstance(v, list)]
        values = [self.value(v) for v in raw]
        depth = 1 + max((self._depths[i] for i in inner), default=0)
        if depth > MAX_DEPTH + 1:
            raise Malformed("it is nested too deep")
        if kind in ("dict", "set", "frozenset"):
            self._check_keys(raw[::2] if kind == "dict" else raw, values)
        if kind in ARRAYS:
            value = ARRAYS[kind].decode(values, self._parts)
        elif kind in _PLAIN:
            value = _PLAIN[kind][2](values)
        else:
            raise Malformed(f"it has a node of the unknown kind {kind[:40]!r}")
        self.values.append(value)
        self._depths.append(depth)
        size = sum(self._sizes[i] for i in inner) if kind in ("tuple", "frozenset") else 0
        self._sizes.append(1 + len(raw) + size)

    def value(self, v):
        """Return the value that stands in a node."""
        if not isinstance(v, list):
            if isinstance(v, dict):
                raise Malformed("a node has a value of a wrong type")
            return v
        if len(v) != 1 or type(v[0]) is not int or not 0 <= v[0] < len(self.values):
            raise Malformed("a node refers to one that is not before it")
        return self.values[v[0]]

    def _check_keys(self, raw, values):
        """Refuse what would take forever to hash: huge integers that collide, nested tuples."""
        for v in raw:
            if type(v) is int and not -(2**63) <= v < 2**64:
                raise Malformed("an integer that is a key is too large")
            if isinstance(v, list) and self._sizes[v[0]] > MAX_KEY_SIZE:
                raise Malformed("a key is too large")


def _no_constant(name):
    raise Malformed(f"{name} is no number of JSON")


def _one(values, *types):
    """Return the one value of a node, of one of the types."""
    (value,) = values
    if type(value) not in types:
        raise Malformed("a node has a value of a wrong type")
    return value


def _read_dict(values):
    if len(values) % 2:
        raise Malformed("a dict has a key without a value")
    return dict(zip(values[::2], values[1::2], strict=True))


def _read_integers(make):
    """Return a reader that makes something of integers."""

    def read(values):
        if not all(type(v) is int for v in values):
            raise Malformed("a node has a value of a wrong type")
        return make(values)

    return read


def _read_slice(values):
    if not all(v is None or type(v) is int for v in values):
        raise Malformed("a node has a value of a wrong type")
    return slice(*values)


def _read_record(values):
    type_, state = values
    return Record(_one([type_], str), state)


def _read_dtype(values):
    return _TORCH_DTYPES[_one(values, str)]


def _in_order(x):
    """Return the members of a set in an order that does not change between processes."""
    return sorted(x, key=repr)


_TORCH_DTYPES = {
    str(dtype): dtype for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)
}
# Each kind of node: its type; what it holds, of the object; the object, of what it holds.
_PLAIN = {
    "list": (list, list, list),
    "tuple": (tuple, list, tuple),
    "dict": (dict, lambda x: [v for item in x.items() for v in item], _read_dict),
    "set": (set, _in_order, set),
    "frozenset": (frozenset, _in_order, frozenset),
    "float": (float, lambda x: [repr(x)], lambda v: float(_one(v, str))),
    "complex": (
        complex,
        lambda x: [x.real, x.imag],
        lambda v: complex(_one(v[:1], float), _one(v[1:], float)),
    ),
    "bytes": (bytes, lambda x: [x.hex()], lambda v: bytes.fromhex(_one(v, str))),
    "bytearray": (
        bytearray,
        lambda x: [x.hex()],
        lambda v: bytearray.fromhex(_one(v, str)),
    ),
    # As the text of the system that reads it.
    "path": (type(Path()), lambda x: [str(x)], lambda v: Path(_one(v, str))),
    "slice": (slice, lambda x: [x.start, x.stop, x.step], _read_slice),
    "range": (
        range,
        lambda x: [x.start, x.stop, x.step],
        _read_integers(lambda v: range(*v)),
    ),
    "torch.Size": (torch.Size, list, _read_integers(torch.Size)),
    "torch.dtype": (torch.dtype, lambda x: [str(x)], _read_dtype),
    "torch.device": (
        torch.device,
        lambda x: [str(x)],
        lambda v: torch.device(_one(v, str)),
    ),
    "record": (Record, lambda x: [x.type, x.state], _read_record),
}
_KIND_OF = {type_: kind for kind, (type_, _, _) in _PLAIN.items()}

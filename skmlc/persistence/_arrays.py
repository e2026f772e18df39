"""Arrays, sparse matrices and tensors as entries of a safetensors file, and back."""

import re
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch

__all__ = ["ARRAYS", "Malformed", "array_kind"]


class Malformed(Exception):
    """Raised within the readers: the message says what is wrong with the content."""


class Codec(NamedTuple):
    """What makes an object into values of a node, and those into the object."""

    encode: object  # (object, add_array) -> list of values
    decode: object  # (values, parts) -> object


# The names that safetensors gives to types that NumPy has too.
NUMPY_TYPES = {
    "BOOL": "bool",
    "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32",
    "I32": "int32", "U64": "uint64", "I64": "int64", "F16": "float16", "F32": "float32",
    "F64": "float64", "C64": "complex64",
}  # fmt: skip
TORCH_TYPES = {
    **{name: getattr(torch, dtype) for name, dtype in NUMPY_TYPES.items()},
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
}
_NATIVE = frozenset(NUMPY_TYPES.values())
_NATIVE_TENSORS = {
    dtype: str(dtype).removeprefix("torch.") for dtype in TORCH_TYPES.values()
}
# The types that safetensors lacks: strings, times, long floats, other byte orders.
_DTYPE = re.compile(r"[<>|=][biufcSUMm]\d{1,7}(\[\d{0,7}\w{1,2}\])?")
_SPARSE = {
    f"{format_}_{kind}": getattr(sp, f"{format_}_{kind}")
    for format_ in ("csr", "csc", "bsr", "coo")
    for kind in ("array", "matrix")
}


def array_kind(x):
    """Return the kind of node that holds an array, or None if it is none."""
    if isinstance(x, np.generic):
        return "scalar"
    if isinstance(x, np.dtype):
        return "dtype"
    if type(x) in (np.ndarray, np.memmap):
        return "objects" if x.dtype == object else "array"
    if type(x) is np.ma.MaskedArray:
        return "masked"
    if type(x) in (torch.Tensor, torch.nn.Parameter):
        return "tensor"
    return "sparse" if type(x) in _SPARSE.values() else None


# Dense arrays -----------------------------------------------------------------------------


def _encode_array(x, add_array):
    _check_dtype(x.dtype)
    order = _memory_order(x.strides)
    dense = x if order is None else x.transpose(order)
    if not dense.flags.c_contiguous:
        order, dense = None, np.array(x, order="C", copy=True, subok=False)
    writeable = x.flags.writeable
    if x.dtype.name in _NATIVE and x.dtype.isnative:
        return [add_array(x.dtype.name, dense), order, writeable]
    raw = np.frombuffer(dense.tobytes(), np.uint8)
    return [add_array("uint8", raw), order, writeable, x.dtype.str, tuple(dense.shape)]


def _decode_array(values, parts):
    name, order, writeable, *special = values
    part = _part(parts, name)
    dtype = np.dtype(NUMPY_TYPES[part["dtype"]])
    array = np.frombuffer(part["data"], dtype) if part["data"] else np.empty(0, dtype)
    if special:
        text, shape = special
        array = _view_as(array, _read_dtype_name(text))
    else:
        shape = part["shape"]
    _check_values(array)
    array = array.reshape(shape)
    if order is not None:
        array = array.transpose(_inverse(order, array.ndim))
    array.flags.writeable = writeable is not False
    return array


def _memory_order(strides):
    """Return the axes from the largest steps in memory to the smallest; None if they are so."""
    order = tuple(sorted(range(len(strides)), key=lambda axis: -strides[axis]))
    return None if order == tuple(range(len(strides))) else order


def _inverse(order, n_axes):
    if type(order) is not tuple or sorted(order) != list(range(n_axes)):
        raise Malformed("an array has axes that it cannot have")
    return np.argsort(order).tolist()


def _part(parts, name):
    if type(name) is not str or name not in parts:
        raise Malformed("it lacks an array")
    return parts[name]


def _view_as(array, dtype):
    if array.dtype != np.uint8 or dtype.itemsize == 0:
        return np.empty(0, dtype)
    return array.view(dtype)


def _check_dtype(dtype):
    """Raise an error if an array of this type cannot be saved."""
    if not _DTYPE.fullmatch(dtype.str):
        raise TypeError(f"An array of dtype {dtype} cannot be saved.")


def _read_dtype_name(text):
    if type(text) is not str or not _DTYPE.fullmatch(text):
        raise Malformed("an array has an unknown type")
    return np.dtype(text)


def _check_values(array):
    """Refuse what no program may have written: NumPy and PyTorch do not expect it."""
    if array.dtype == bool and array.view(np.uint8).max(initial=0) > 1:
        raise Malformed("an array of truth values has other values")
    if array.dtype.kind == "U":
        codes = array.astype(array.dtype.newbyteorder("="), copy=False).view(np.uint32)
        if codes.max(initial=0) > 0x10FFFF:
            raise Malformed("an array of strings has no such characters")


def _encode_scalar(x, add_array):
    _check_dtype(x.dtype)
    return [x.dtype.str, x.tobytes().hex()]


def _decode_scalar(values, parts):
    text, data = values
    dtype = _read_dtype_name(text)
    raw = bytes.fromhex(data)
    if len(raw) != dtype.itemsize:
        raise Malformed("a number has the wrong length")
    array = np.frombuffer(raw, dtype) if raw else np.zeros(1, dtype)
    _check_values(array)
    return array[0]


def _encode_dtype(x, add_array):
    if x != object:
        _check_dtype(x)
    return [x.str]


def _decode_dtype(values, parts):
    (text,) = values
    return np.dtype(object) if text == "|O" else _read_dtype_name(text)


def _encode_objects(x, add_array):
    return [x.shape, *x.ravel(order="C").tolist()]


def _decode_objects(values, parts):
    shape, *entries = values
    result = np.empty(len(entries), dtype=object)
    for i, entry in enumerate(entries):
        result[i] = entry
    return result.reshape(shape)


def _encode_masked(x, add_array):
    return [np.asarray(x.data), np.ma.getmaskarray(x), x.fill_value]


def _decode_masked(values, parts):
    data, mask, fill_value = values
    if type(data) is not np.ndarray or type(mask) is not np.ndarray:
        raise Malformed("a masked array lacks its data or its mask")
    if data.shape != mask.shape or mask.dtype != bool:
        raise Malformed("a masked array has another shape than its mask")
    return np.ma.MaskedArray(data, mask=mask, fill_value=fill_value)


# Sparse matrices --------------------------------------------------------------------------


def _encode_sparse(x, add_array):
    places = x.coords if x.format == "coo" else (x.indices, x.indptr)
    return [type(x).__name__, tuple(map(int, x.shape)), x.data, *places]


def _decode_sparse(values, parts):
    name, shape, data, *places = values
    if not all(type(array) is np.ndarray for array in (data, *places)):
        raise Malformed("a sparse matrix lacks its arrays")
    if not all(array.ndim == 1 and array.dtype.kind == "i" for array in places):
        raise Malformed("a sparse matrix has places that are no integers")
    if type(shape) is not tuple or not all(type(n) is int and n >= 0 for n in shape):
        raise Malformed("a sparse matrix has no shape")
    class_ = _SPARSE[name]
    if name.startswith("coo"):  # its constructor checks the places
        return class_((data, tuple(places)), shape=shape)
    matrix = class_((data, *places), shape=shape)
    # Compiled code reads and writes where the places say.
    matrix.check_format(full_check=True)
    return matrix


# Tensors ----------------------------------------------------------------------------------


def _encode_tensor(x, add_array):
    if x.layout != torch.strided or x.is_quantized or x.device.type == "meta":
        raise TypeError("Sparse, quantized and meta tensors cannot be saved.")
    flags = (isinstance(x, torch.nn.Parameter), x.requires_grad)
    values = x.detach().resolve_conj().resolve_neg().cpu()
    order = _memory_order(values.stride())
    dense = values if order is None else values.permute(order)
    if not dense.is_contiguous():
        order, dense = None, values.contiguous()
    if x.dtype == torch.complex128:
        dense = torch.view_as_real(dense)
    elif x.dtype not in _NATIVE_TENSORS:
        raise TypeError(f"A tensor of dtype {x.dtype} cannot be saved.")
    name = _NATIVE_TENSORS[dense.dtype]
    return [add_array(name, _as_ndarray(dense)), order, *flags, x.is_complex()]


def _as_ndarray(tensor):
    """Return a contiguous tensor's memory as an ndarray of the same shape."""
    if tensor.dtype in (torch.bool, torch.complex64) or tensor.dtype.itemsize > 2:
        return tensor.numpy()
    # NumPy lacks some of the small types, and only the bytes matter.
    return tensor.view(torch.int16 if tensor.dtype.itemsize == 2 else torch.uint8).numpy()


def _decode_tensor(values, parts):
    name, order, is_parameter, requires_grad, is_complex = values
    part = _part(parts, name)
    dtype, shape = TORCH_TYPES[part["dtype"]], part["shape"]
    if dtype == torch.bool:
        _check_values(np.frombuffer(part["data"], bool))
    if part["data"]:
        # A copy lies where PyTorch aligns its tensors, so that sums come out as they did.
        tensor = torch.frombuffer(part["data"], dtype=dtype).reshape(shape).clone()
    else:
        tensor = torch.empty(shape, dtype=dtype)
    if is_complex and not dtype.is_complex:
        tensor = torch.view_as_complex(tensor)
    if order is not None:
        tensor = tensor.permute(_inverse(order, tensor.ndim))
    if is_parameter is True:
        return torch.nn.Parameter(tensor, requires_grad=bool(requires_grad))
    return tensor.requires_grad_(bool(requires_grad))


ARRAYS = {
    "array": Codec(_encode_array, _decode_array),
    "scalar": Codec(_encode_scalar, _decode_scalar),
    "dtype": Codec(_encode_dtype, _decode_dtype),
    "objects": Codec(_encode_objects, _decode_objects),
    "masked": Codec(_encode_masked, _decode_masked),
    "sparse": Codec(_encode_sparse, _decode_sparse),
    "tensor": Codec(_encode_tensor, _decode_tensor),
}

"""Label matrices in every form that is taken, and in those that are refused."""

import importlib.util

import numpy as np
import pandas as pd
import torch
from scipy import sparse

try:
    import polars as pl
except ImportError:
    pl = None

NAMES = ["sea", "sky", "sun", "ship"]


def objects(Y, missing=None):
    """Python objects, unknown entries as None or the like."""
    kinds = (int, float, bool, np.float32, np.int8)
    values = [
        missing if value != value else kinds[i % 5](value) for i, value in enumerate(Y.flat)
    ]
    return np.array(values, dtype=object).reshape(Y.shape)


def stored(Y):
    """All entries of a matrix as (values, rows, columns)."""
    rows, columns = (index.ravel() for index in np.indices(Y.shape))
    return np.asarray(Y, dtype=float).ravel(), rows, columns


def coo_in_parts(Y, parts=(0.25, 0.75), dtype=float):
    """Sparse, with each entry stored in two parts that sum to it."""
    values, rows, columns = stored(Y)
    twice = [np.concatenate([index, index]) for index in (rows, columns)]
    data = np.concatenate([part * values for part in parts]).astype(dtype)
    return sparse.coo_array((data, tuple(twice)), shape=Y.shape)


def csr_in_parts(Y, parts=(0.25, 0.75), dtype=float):
    """Likewise as CSR, as it is after operations that leave the summing to others."""
    coo = coo_in_parts(Y, parts, dtype)
    order = np.argsort(coo.row, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(coo.row, minlength=Y.shape[0]))])
    return sparse.csr_array((coo.data[order], coo.col[order], indptr), shape=Y.shape)


def csr_with_zeros(Y, order=1):
    """CSR in which zeros are stored too, the columns of a row in any order."""
    columns = np.tile(np.arange(Y.shape[1])[::order], Y.shape[0])
    indptr = np.arange(0, Y.size + 1, Y.shape[1])
    values = np.asarray(Y, dtype=float)[:, ::order].ravel()
    return sparse.csr_array((values, columns, indptr), shape=Y.shape)


def csr_unsorted(Y):
    return csr_with_zeros(Y, order=-1)


def names(Y):
    return NAMES[: Y.shape[1]]


def frame(Y, dtype=None, **options):
    return pd.DataFrame(Y, columns=names(Y), **options).astype(dtype or Y.dtype)


def nullable(dtype):
    def form(Y):
        return pd.DataFrame({n: pd.array(c, dtype=dtype) for n, c in zip(names(Y), Y.T)})

    return form


def of_pandas_kinds(Y):
    """A column of each kind."""
    kinds = ("float64", "category", "object", "Float32")
    return pd.DataFrame(
        {n: pd.Series(c).astype(k) for n, c, k in zip(names(Y), objects(Y).T, kinds)}
    )


def sparse_frame(Y, fill_value=0):
    columns = {
        n: pd.arrays.SparseArray(c, fill_value=fill_value) for n, c in zip(names(Y), Y.T)
    }
    return pd.DataFrame(columns)


def polars_frame(Y, dtype=None):
    values = [[None if v != v else v for v in column] for column in Y.T.tolist()]
    return pl.DataFrame(
        {n: pl.Series(c).cast(dtype or pl.Float64) for n, c in zip(names(Y), values)}
    )


def of_polars_kinds(Y):
    kinds = (pl.UInt8, pl.Boolean, pl.Float32, pl.Decimal(5, 1))
    return polars_frame(Y).with_columns(
        [pl.col(n).cast(k) for n, k in zip(names(Y), kinds)]
    )


def through(dtype):
    return lambda Y: Y.astype(dtype)


def as_format(name, dtype=float):
    return lambda Y: sparse.coo_array(Y.astype(dtype)).asformat(name)


def read_only(Y):
    Y = Y.copy()
    Y.flags.writeable = False
    return Y


# Of labels that may be unknown.
FORMS = {
    "float16": through(np.float16),
    "float32": through(np.float32),
    "longdouble": through(np.longdouble),
    "big-endian": through(">f8"),
    "Fortran": np.asfortranarray,
    "read-only": read_only,
    "masked": lambda Y: np.ma.array(np.where(np.isnan(Y), 7, Y), mask=np.isnan(Y)),
    "lists": lambda Y: Y.tolist(),
    "tuples": lambda Y: tuple(map(tuple, Y.tolist())),
    "lists with None": lambda Y: objects(Y).tolist(),
    "objects": objects,
    "objects with NA": lambda Y: objects(Y, pd.NA),
    "tensor": torch.tensor,
    "tensor with a gradient": lambda Y: torch.tensor(Y, requires_grad=True),
    "tensor of bfloat16": lambda Y: torch.tensor(Y).bfloat16(),
    "csr": as_format("csr"),
    "csr float32": as_format("csr", np.float32),
    "csr matrix": sparse.csr_matrix,
    "csc": as_format("csc"),
    "coo": as_format("coo"),
    "lil": as_format("lil"),
    "dok": as_format("dok"),
    "bsr": as_format("bsr"),
    "dia": as_format("dia"),
    "csr with zeros": csr_with_zeros,
    "csr unsorted": csr_unsorted,
    "csr in parts": csr_in_parts,
    "coo in parts": coo_in_parts,
    "frame": frame,
    "frame of float16": lambda Y: frame(Y, np.float16),
    "frame of objects": lambda Y: frame(objects(Y)),
    "frame of categories": lambda Y: frame(Y, "category"),
    "frame of Int64": lambda Y: nullable("Int64")(np.where(np.isnan(Y), None, Y)),
    "frame of Float64": lambda Y: frame(Y, "Float64"),
    "frame of boolean": lambda Y: nullable("boolean")(np.where(np.isnan(Y), None, Y == 1)),
    "frame of all kinds": of_pandas_kinds,
    "sparse frame": sparse_frame,
    "sparse frame filled with NaN": lambda Y: sparse_frame(Y, np.nan),
}
# Of labels that are all known.
KNOWN = {
    **{
        dtype: through(dtype)
        for dtype in ("bool", "int8", "uint8", "uint64", ">i4", "int64")
    },
    "csr bool": as_format("csr", bool),
    "csr uint8": as_format("csr", np.uint8),
    "csc int64": as_format("csc", np.int64),
    "frame of bool": lambda Y: frame(Y, bool),
    "frame of bool and int": lambda Y: frame(Y, dict(zip(names(Y), [bool, int] * 2))),
    "sparse frame of bool": lambda Y: sparse_frame(Y == 1, fill_value=False),
}
# What is refused, and what the error must name; those of VALUES are numbers.
VALUES = {
    "2": (lambda Y: Y + Y, "the value 2"),
    "0.5": (lambda Y: Y / 2, r"the value 0\.5"),
    "csr of 1 + 1": (lambda Y: csr_in_parts(Y, (1, 1)), r"the value 2\.0"),
    "uint8 of 255 + 2": (lambda Y: csr_in_parts(Y, (255, 2), np.uint8), "the value 257"),
}
REFUSED = {
    "-1": (lambda Y: -Y, "-1"),
    "infinity": (lambda Y: np.where(Y == 1, np.inf, 0), "inf"),
    "complex": (through(complex), "complex128"),
    "csr of complex": (as_format("csr", complex), "complex128"),
    "text": (through(str), "<U"),
    "objects of text": (lambda Y: Y.astype(str).astype(object), "'[01]' in dtype object"),
    "frame of text": (lambda Y: frame(Y, str), r"dtype str|in dtype (str|object)"),
    "frame of categories": (lambda Y: frame(Y.astype(str), "category"), "category"),
    "dates": (through("datetime64[s]"), "datetime64"),
    "records": (lambda Y: frame(Y).to_records(index=False), "a structured array"),
    "matrix": (lambda Y: Y.view(np.matrix), "np.matrix is not supported"),
    "label lists": (
        lambda Y: [["sea"], ["sky", "sun"]] * (len(Y) // 2),
        "MultiLabelBinarizer",
    ),
    "sets": (lambda Y: [{"sea"}, {"sky", "sun"}] * (len(Y) // 2), "MultiLabelBinarizer"),
    "cube": (lambda Y: Y[:, :, None], "must be a matrix .* got 3 dimensions"),
}
# What scikit-learn, which counts the rows in splitters, refuses in words of its own.
NOT_YET = {
    "sparse tensor": (lambda Y: torch.tensor(Y).to_sparse(), "torch.sparse_coo"),
    "generator": (lambda Y: (row for row in Y), "y must .* generator: pass a list"),
}
# Of a single column.
ONE_LABEL = {
    "lists": lambda Y: Y.tolist(),
    "bool": through(bool),
    "float": through(float),
    "objects": objects,
    "csr": sparse.csr_array,
    "csr in parts": csr_in_parts,
    "frame": frame,
    "frame of Int64": nullable("Int64"),
    "sparse frame": sparse_frame,
}
# Of anything, with names.
FRAMES = {"pandas": lambda A: pd.DataFrame(A, columns=NAMES)}
if pl is not None:
    FORMS["polars"] = polars_frame
    FORMS["polars of all kinds"] = of_polars_kinds
    KNOWN["polars of int"] = lambda Y: polars_frame(Y, pl.Int32)
    KNOWN["polars of bool"] = lambda Y: polars_frame(Y, pl.Boolean)
    NOT_YET["lazy polars"] = (lambda Y: polars_frame(Y).lazy(), r"y must .* collect\(\)")
    REFUSED["polars of text"] = (lambda Y: polars_frame(Y, pl.String), "String")
    ONE_LABEL["polars"] = polars_frame
    FRAMES["polars"] = lambda A: pl.DataFrame(A, schema=NAMES)
if importlib.util.find_spec("pyarrow"):
    import pyarrow

    FORMS["frame of arrow"] = lambda Y: frame(Y, "float64[pyarrow]")
    KNOWN["frame of arrow bool"] = lambda Y: frame(Y == 1, "bool[pyarrow]")
    FORMS["table of arrow"] = lambda Y: pyarrow.Table.from_pandas(frame(Y))
    REFUSED["frame of arrow text"] = (lambda Y: frame(Y, "string[pyarrow]"), "string")

"""The same data in many forms, and estimators fitted to the plain one."""

import importlib.util
import inspect
from decimal import Decimal
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

import skmlc
from skmlc.inputs import Bags, Images, Sequences
from skmlc.inputs.validation import validate_input
from tests.method_names import METHOD_NAMES

NETWORKS = [name for name in METHOD_NAMES if name.endswith("Classifier")]
# Those that read the rows of a table as vectors, and not as bags.
TABLE_NETWORKS = [name for name in NETWORKS if not getattr(skmlc, name)._rows_are_bags]
BAG_METHODS = [name for name in METHOD_NAMES if name not in NETWORKS]
SMALL = {"hidden_size": 8, "max_epochs": 2, "random_state": 0}
N_SAMPLES, N_FEATURES = 40, 6

every_network = pytest.mark.parametrize("name", NETWORKS)
every_estimator = pytest.mark.parametrize("name", METHOD_NAMES)


def make(name, **options):
    """Return a small estimator whose result can be repeated."""
    Estimator = getattr(skmlc, name)
    known = inspect.signature(Estimator).parameters
    return Estimator(**{k: v for k, v in {**SMALL, **options}.items() if k in known})


# Small whole numbers, which every type of number holds exactly; half of them zeros.
rng = np.random.default_rng(0)
COUNTS = rng.integers(0, 4, (N_SAMPLES, N_FEATURES)) * rng.integers(0, 2, (N_SAMPLES, 1))
COUNTS = (COUNTS * rng.integers(0, 2, COUNTS.shape)).astype(float)
ONES = (COUNTS > 0).astype(float)
Y = rng.integers(0, 2, (N_SAMPLES, 3))
SIZES = rng.integers(1, 5, N_SAMPLES)
BAGS = [rng.integers(0, 4, (n, 5)).astype(float) for n in SIZES]
TOKENS = [rng.integers(0, 30, n) for n in SIZES]
PICTURES = rng.integers(0, 8, (N_SAMPLES, 3, 8, 10)) / 8
EDGES = [np.array([[0, n - 1], [n - 1, 0]]) for n in SIZES]
PLAIN = {
    "counts": COUNTS,
    "ones": ONES,
    "sparse counts": sparse.csr_array(COUNTS),
    "sparse ones": sparse.csr_array(ONES),
    "bags": Bags(BAGS),
    "sequences": Sequences(TOKENS, n_tokens=30),
    "images": Images(PICTURES),
}


@cache
def plain(name, kind, **options):
    """Return an estimator fitted to the plain form, and what it predicts."""
    model = make(name, **options).fit(PLAIN[kind], Y)
    return model, model.predict_proba(PLAIN[kind])


def mapped(array, folder, **options):
    """Write an array to a file and map it."""
    np.save(folder / "array.npy", np.asarray(array, **options))
    return np.load(folder / "array.npy", mmap_mode="r")


def read(model, X, *, reset=False):
    """Return X as a network reads it."""
    return validate_input(model, X, reset=reset, rows_are_bags=model._rows_are_bags)


def frame(X, **columns):
    """Return a DataFrame, some of whose columns are of other types or values."""
    table = pd.DataFrame(X, columns=list("abcdef")[: X.shape[1]])
    return table.assign(**columns)


# Dense tables -------------------------------------------------------------------------------

DENSE = {
    "lists": lambda X: X.tolist(),
    "tuples": lambda X: tuple(map(tuple, X.astype(int).tolist())),
    "list of arrays": lambda X: list(X.astype(np.int16)),
    "Fortran order": np.asfortranarray,
    "every other column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "backwards": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": lambda X: np.broadcast_to(X, (1, *X.shape))[0],
    "big-endian": lambda X: X.astype(">f8"),
    "big-endian float32": lambda X: X.astype(">f4"),
    "float16": lambda X: X.astype(np.float16),
    "float32": lambda X: X.astype(np.float32),
    "longdouble": lambda X: X.astype(np.longdouble),
    "uint8": lambda X: X.astype(np.uint8),
    "int64": lambda X: X.astype(np.int64),
    "objects": lambda X: X.astype(object),
    "decimals": lambda X: np.array([[Decimal(x) for x in row] for row in X]),
    "DataFrame": lambda X: frame(X),
    "DataFrame of objects": lambda X: frame(X.astype(object)),
    "nullable integers": lambda X: frame(X).astype("Int64"),
    "nullable floats": lambda X: frame(X).astype("Float32"),
    "mixed columns": lambda X: frame(X).astype({"a": int, "b": "Int8", "c": "float32"}),
    "sparse columns": lambda X: frame(X).astype(pd.SparseDtype(float, 0)),
    "tensor": torch.tensor,
    "tensor with a gradient": lambda X: torch.tensor(X, requires_grad=True),
    "imaginary part of a conjugate": lambda X: torch.tensor(X * -1j).conj().imag,
    "tensor of bfloat16": lambda X: torch.tensor(X).bfloat16(),
    "list of tensors": lambda X: list(torch.tensor(X, requires_grad=True)),
    "one sparse column": lambda X: frame(X).astype({"b": pd.SparseDtype(float, 0)}),
}
BOOLEAN = {
    "bool": lambda X: X.astype(bool),
    "lists of bool": lambda X: X.astype(bool).tolist(),
    "DataFrame of bool": lambda X: frame(X.astype(bool)),
    "nullable bool": lambda X: frame(X).astype("boolean"),
    "mixed bool": lambda X: frame(X).astype({"a": bool, "b": "boolean", "c": int}),
}
MAPPED = ["float32", "float16", "uint8", ">f4", "bool"]


# Sparse matrices ----------------------------------------------------------------------------


def rebuilt(X, entries):
    """Return a CSR matrix that stores of each row what `entries` makes of (columns, values)."""
    rows = [entries(row.nonzero()[0], row[row.nonzero()]) for row in X.toarray()]
    columns, values = (np.concatenate(parts) for parts in zip(*rows))
    offsets = np.concatenate([[0], np.cumsum([len(row[0]) for row in rows])])
    return sparse.csr_matrix((values, columns.astype(np.int32), offsets), shape=X.shape)


def with_zeros(X):
    everywhere = sparse.csr_matrix(np.ones(X.shape))
    everywhere.data[:] = X.toarray().ravel()
    return everywhere


def in_parts(X):
    return rebuilt(X, lambda j, x: (np.tile(j, 2), np.concatenate([x / 4, x * 3 / 4])))


def that_cancel(X):
    """Store a pair of parts that sum to zero where there is nothing."""
    others = [np.flatnonzero(row == 0) for row in X.toarray()]
    pairs = iter(others)

    def entries(j, x):
        o = next(pairs)
        return np.concatenate([j, o, o]), np.concatenate([x, o + 1.0, -o - 1.0])

    return rebuilt(X, entries)


def unsorted(X):
    return rebuilt(X, lambda j, x: (j[::-1], x[::-1]))


def flagged(X):
    """Return a matrix that SciPy was told is in order."""
    X.has_sorted_indices = X.has_canonical_format = True
    return X


def with_spare_room(X):
    """Return a matrix whose arrays are longer than what it stores, and end in nonsense."""
    X = sparse.csr_matrix(X)
    X.data, X.indices = np.append(X.data, np.nan), np.append(X.indices, 0)
    return X


def with_type(X, dtype):
    """Return a matrix of a type of number in which SciPy cannot compute."""
    return sparse.csr_array((X.data.astype(dtype), X.indices, X.indptr), shape=X.shape)


def with_long_indices(X):
    X = sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


FORMATS = {
    "csr": "array",
    "csc": "matrix",
    "coo": "array",
    "lil": "matrix",
    "dok": "array",
    "bsr": "matrix",
    "dia": "array",
}
SPARSE = {
    **{
        f"{f} {kind}": lambda X, f=f, kind=kind: getattr(sparse, f"{f}_{kind}")(X)
        for f, kind in FORMATS.items()
    },
    "csr matrix": sparse.csr_matrix,
    "zeros": with_zeros,
    "zeros in CSC": lambda X: with_zeros(X).tocsc(),
    "zeros in blocks": lambda X: with_zeros(X).tobsr((2, 3)),
    "parts": in_parts,
    "parts in COO": lambda X: in_parts(X).tocoo(),
    "parts that cancel": that_cancel,
    "unsorted": unsorted,
    "unsorted, said to be sorted": lambda X: flagged(unsorted(X)),
    "parts, said to be none": lambda X: flagged(in_parts(X)),
    "spare room": with_spare_room,
    "int64 indices": with_long_indices,
    **{t: lambda X, t=t: X.astype(t) for t in ("float32", "int8", "uint64", "longdouble")},
    "float16": lambda X: with_type(X, np.float16),
    "float16 in parts": lambda X: with_type(in_parts(X), np.float16),
    "big-endian": lambda X: with_type(X, ">f8"),
    "big-endian in parts": lambda X: with_type(in_parts(X), ">f4"),
}
LOGICAL = {
    "bool": lambda X: X.astype(bool),
    # Two parts that are true are true, as SciPy's toarray has it.
    "bool in parts": lambda X: rebuilt(
        X, lambda j, x: (np.tile(j, 2), np.ones(2 * len(j), dtype=bool))
    ),
}


# Containers ---------------------------------------------------------------------------------


def flat_bags(dtype):
    def form(folder):
        X = PLAIN["bags"]
        return Bags.from_flat(mapped(X.instances, folder, dtype=dtype), X.offsets)

    return form


def as_column(items):
    column = np.empty(len(items), dtype=object)
    column[:] = items
    return column


def rows_of_their_own(bag):
    """A bag as Parquet has it: an array of rows that are arrays of their own."""
    return as_column(list(bag))


BAG_FORMS = {
    "list": lambda _: BAGS,
    "tensors": lambda _: [torch.tensor(bag, requires_grad=True) for bag in BAGS],
    "rows of their own": lambda _: pd.DataFrame(
        {"bag": pd.Series([rows_of_their_own(bag) for bag in BAGS])}
    ),
    "nullable frames": lambda _: [pd.DataFrame(bag).astype("Int64") for bag in BAGS],
    "bags of a frame": lambda _: Bags(pd.DataFrame({"bag": pd.Series(BAGS)})),
    "lists": lambda _: [bag.astype(int).tolist() for bag in BAGS],
    "column": lambda _: pd.DataFrame({"bag": pd.Series(BAGS)}),
    "frames": lambda _: [pd.DataFrame(bag) for bag in BAGS],
    "float32": lambda _: Bags([bag.astype(np.float32) for bag in BAGS]),
    "float16": lambda _: [bag.astype(np.float16) for bag in BAGS],
    "mixed": lambda _: [
        bag.astype(t) for bag, t in zip(BAGS, ["i1", "f4", ">f8", "g"] * 10)
    ],
    "views": lambda _: [np.asfortranarray(bag[::-1])[::-1] for bag in BAGS],
    "slices": lambda _: PLAIN["bags"][::-1][::-1],
    "mapped float32": flat_bags("float32"),
    "mapped int8": flat_bags("int8"),
    "mapped float16": flat_bags("float16"),
    "slices of mapped uint8": lambda folder: flat_bags("uint8")(folder)[::-1][::-1],
}


SEQUENCE_FORMS = {
    "column": lambda _: as_column(TOKENS),
    "tensors": lambda _: Sequences([torch.tensor(t) for t in TOKENS], n_tokens=30),
    "of a frame": lambda _: Sequences(pd.DataFrame({"t": pd.Series(TOKENS)}), n_tokens=30),
    "Series": lambda _: pd.Series(TOKENS),
    "frame": lambda _: pd.DataFrame({"tokens": pd.Series([t.tolist() for t in TOKENS])}),
    "lists": lambda _: Sequences([t.tolist() for t in TOKENS]),
    "uint8": lambda _: Sequences([t.astype(np.uint8) for t in TOKENS], n_tokens=30),
    "mapped uint16": lambda folder: Sequences.from_flat(
        mapped(PLAIN["sequences"].tokens, folder, dtype=np.uint16),
        PLAIN["sequences"].offsets,
    ),
}


IMAGE_FORMS = {
    "array": lambda _: PICTURES,
    "tensor": lambda _: torch.tensor(PICTURES, requires_grad=True),
    "tensors": lambda _: list(torch.tensor(PICTURES, requires_grad=True)),
    "list": lambda _: list(PICTURES),
    "lists": lambda _: PICTURES.tolist(),
    "Series": lambda _: pd.Series(list(PICTURES)),
    "float32": lambda _: PICTURES.astype(np.float32),
    "Fortran order": lambda _: np.asfortranarray(PICTURES),
    "channels last": lambda _: Images(
        np.ascontiguousarray(np.moveaxis(PICTURES, 1, 3)), channels="last"
    ),
    "mapped": lambda folder: Images(mapped(PICTURES, folder)),
    "mapped float32": lambda folder: mapped(PICTURES, folder, dtype=np.float32),
}


# What other libraries have ------------------------------------------------------------------

if importlib.util.find_spec("polars"):
    import polars as pl

    lists = [bag.tolist() for bag in BAGS]
    BAG_FORMS["polars column"] = lambda _: pl.Series(lists)
    BAG_FORMS["polars frame"] = lambda _: pl.DataFrame({"bag": lists})
    BAG_FORMS["polars frames"] = lambda _: [pl.DataFrame(bag) for bag in BAGS]
    tokens = [t.tolist() for t in TOKENS]
    SEQUENCE_FORMS["polars column"] = lambda _: pl.Series(tokens)
    SEQUENCE_FORMS["polars frame"] = lambda _: pl.DataFrame({"tokens": tokens})
if importlib.util.find_spec("pyarrow"):
    import pyarrow as pa

    DENSE["decimals of Arrow"] = lambda X: frame(X.astype(int)).astype(
        pd.ArrowDtype(pa.decimal128(30, 0))
    )
    DENSE["table of Arrow"] = lambda X: pa.Table.from_pandas(frame(X))

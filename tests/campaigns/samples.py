"""Samples and their labels for the campaigns: few, in every form, now and then wrong."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from scipy import sparse

from skmlc.inputs import Bags, Graphs, Images, Sequences

__all__ = ["labels", "samples"]


def _table(rng, n):
    return rng.integers(-2, 3, (n, 3)) * rng.choice([1.0, 0.5, 1e-30, 1e4])


def _ragged(rng, n):
    return [rng.integers(-2, 3, (m, 3)) / 2.0 for m in rng.integers(1, 4, n)]


def _tokens(rng, n):
    return [rng.integers(0, 9, m) for m in rng.integers(0, 4, n)]


def _with_wrong_value(rng, n):
    table = _table(rng, n)
    table[rng.integers(n), 0] = rng.choice([np.nan, np.inf, -np.inf, 1e300])
    return table


def _frame(rng, n):
    return pd.DataFrame(_table(rng, n), columns=["a", "b", "c"])


def _graphs(rng, n):
    bags = _ragged(rng, n)
    return Graphs(bags, [rng.random((len(bag), len(bag))) < 0.5 for bag in bags])


def _images(rng, n):
    return Images(rng.integers(0, 256, (n, 1, 4, 4), dtype=np.uint8), channels="first")


FORMS = {
    "table": _table,
    "float32": lambda rng, n: _table(rng, n).astype(np.float32),
    "integers": lambda rng, n: rng.integers(0, 3, (n, 3)),
    "bool": lambda rng, n: rng.random((n, 3)) < 0.5,
    "constant": lambda rng, n: np.ones((n, 2)),
    "lists": lambda rng, n: _table(rng, n).tolist(),
    "Fortran order": lambda rng, n: np.asfortranarray(_table(rng, n)),
    "one column": lambda rng, n: _table(rng, n)[:, :1],
    "no column": lambda rng, n: _table(rng, n)[:, :0],
    "wrong value": _with_wrong_value,
    "strings": lambda rng, n: _table(rng, n).astype(str).astype(object),
    "frame": _frame,
    "frame of categories": lambda rng, n: _frame(rng, n).astype({"b": "category"}),
    "frame of words": lambda rng, n: _frame(rng, n).assign(b="word"),
    "CSR": lambda rng, n: sparse.csr_array(_table(rng, n)),
    "CSC matrix": lambda rng, n: sparse.csc_matrix(_table(rng, n)),
    "empty CSR": lambda rng, n: sparse.csr_array((n, 3)),
    "Bags": lambda rng, n: Bags(_ragged(rng, n)),
    "list of bags": _ragged,
    "3-D array": lambda rng, n: rng.normal(size=(n, 2, 3)),
    "Graphs": _graphs,
    "Sequences": lambda rng, n: Sequences(_tokens(rng, n), n_tokens=9),
    "ragged tokens": _tokens,
    "Images": _images,
    "4-D array": lambda rng, n: rng.random((n, 3, 4, 4)),
}


def samples(form, seed, n_samples):
    """Make samples.

    Parameters
    ----------
    form : str
        One of `FORMS`.
    seed : int
        What they follow from.
    n_samples : int
        How many.

    Returns
    -------
    object
        X in that form.
    """
    return FORMS[form](np.random.default_rng(seed), n_samples)


def _named(Y):
    return pd.DataFrame(Y, columns=[f"label {j}" for j in range(Y.shape[1])])


def _with(value):
    def put(Y, rng):
        Y = Y.astype(float)
        Y[rng.integers(len(Y)), rng.integers(Y.shape[1])] = value
        return Y

    return put


LABEL_FORMS = {
    "array": lambda Y, rng: Y,
    "float32": lambda Y, rng: Y.astype(np.float32),
    "bool": lambda Y, rng: Y.astype(bool),
    "lists": lambda Y, rng: Y.tolist(),
    "frame": lambda Y, rng: _named(Y),
    "CSR": lambda Y, rng: sparse.csr_array(Y),
    "CSC matrix": lambda Y, rng: sparse.csc_matrix(Y),
    "column": lambda Y, rng: Y[:, 0],
    "classes": lambda Y, rng: Y.sum(axis=1),
    "names": lambda Y, rng: np.array(["x", "y", "z", "v", "w"])[Y.sum(axis=1)],
    "all": lambda Y, rng: np.ones_like(Y),
    "none": lambda Y, rng: np.zeros_like(Y),
    "unknown": _with(np.nan),
    "two": _with(2),
    "ragged": lambda Y, rng: [np.flatnonzero(row).tolist() for row in Y],
    "too few": lambda Y, rng: Y[1:],
    "3-D": lambda Y, rng: Y[:, :, None],
}


@st.composite
def labels(draw, n_samples):
    """Draw labels of samples.

    Parameters
    ----------
    n_samples : int
        How many rows.

    Returns
    -------
    form : str
        One of `LABEL_FORMS`.
    y : object
        Labels in that form.
    """
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    Y = rng.integers(0, 2, (n_samples, draw(st.integers(1, 4))))
    # The usual forms more often than the others.
    form = draw(st.sampled_from([*list(LABEL_FORMS)[:7], *LABEL_FORMS]))
    return form, LABEL_FORMS[form](Y, rng)

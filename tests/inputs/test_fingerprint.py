"""Equal values have the same fingerprint in every process, and others another one."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from scipy.stats import beta
from skorch.callbacks import EpochScoring

from skmlc.graphs import CooccurrenceGraph
from skmlc.inputs import Bags, FeatureEncoder, Graphs, Images, Sequences
from skmlc.inputs.fingerprint import fingerprint
from skmlc.nn.losses import FocalLoss


def one(x, factor=2):
    return x * factor


def two(x, factor=2):
    return x + factor


def other_constant(x, factor=2):
    return x * factor + 1


def scaled(factor):
    return lambda x: x * factor


def linear(seed):
    torch.manual_seed(seed)
    return torch.nn.Linear(2, 1)


ARRAY = np.arange(6.0).reshape(2, 3)
SPARSE = sparse.csr_array(ARRAY)
# Each makes a value anew; no two values are the same.
VALUES = {
    "none": lambda: None,
    "number": lambda: 1,
    "float": lambda: 1.0,
    "truth": lambda: True,
    "string": lambda: "1",
    "list": lambda: [1, 2],
    "nested": lambda: [[1], 2],
    "longer": lambda: [12],
    "tuple": lambda: (1, 2),
    "set": lambda: {"b", "a", "c"},
    "dict": lambda: {"b": 1, "a": 2},
    "other dict": lambda: {"b": 2, "a": 1},
    "array": lambda: ARRAY.copy(),
    "reshaped": lambda: ARRAY.reshape(3, 2).copy(),
    "float32": lambda: ARRAY.astype(np.float32),
    "one bit": lambda: np.nextafter(ARRAY, 9),
    "scalar array": lambda: np.array(1.0),
    "no rows": lambda: ARRAY[:0].copy(),
    "objects": lambda: np.array(["a", None], dtype=object),
    "strings": lambda: np.array(["a", "b"]),
    "sparse": lambda: SPARSE.copy(),
    "sparse, shifted": lambda: sparse.csr_array(np.roll(ARRAY, 1, axis=1)),
    "tensor": lambda: torch.from_numpy(ARRAY.copy()),
    "bfloat16": lambda: torch.from_numpy(ARRAY.copy()).bfloat16(),
    "frame": lambda: pd.DataFrame(ARRAY, columns=["a", "b", "c"]),
    "other columns": lambda: pd.DataFrame(ARRAY, columns=["a", "b", "d"]),
    "other index": lambda: pd.DataFrame(ARRAY, ["x", "y"], columns=["a", "b", "c"]),
    "series": lambda: pd.Series([1.0, 2.0], index=["x", "y"]),
    "graph": lambda: nx.DiGraph([(0, 1), (1, 2)]),
    "other graph": lambda: nx.DiGraph([(0, 1), (2, 1)]),
    "bags": lambda: Bags([ARRAY, ARRAY[:1]]),
    "other bags": lambda: Bags([ARRAY[:1], ARRAY]),
    "graphs": lambda: Graphs([ARRAY], [np.array([[0], [1]])]),
    "sequences": lambda: Sequences([[0, 1], [2]], n_tokens=3),
    "more tokens": lambda: Sequences([[0, 1], [2]], n_tokens=4),
    "images": lambda: Images(np.zeros((2, 1, 2, 2), np.uint8)),
    "some images": lambda: Images(np.zeros((2, 1, 2, 2), np.uint8))[:1],
    "encoder": lambda: FeatureEncoder(),
    "other encoder": lambda: FeatureEncoder(encoding=None),
    "builder": lambda: CooccurrenceGraph(),
    "loss": lambda: FocalLoss(),
    "other loss": lambda: FocalLoss(gamma=1.0),
    "distribution": lambda: beta(2, 3),
    "other distribution": lambda: beta(3, 3),
    "callback": lambda: EpochScoring("f1_micro"),
    "other callback": lambda: EpochScoring("f1_macro"),
    "module": lambda: linear(0),
    "other module": lambda: linear(1),
    "class": lambda: torch.optim.AdamW,
    "function": lambda: one,
    "other function": lambda: two,
    "more code": lambda: other_constant,
    "closure": lambda: scaled(2),
    "other closure": lambda: scaled(3),
    "partial": lambda: functools.partial(one, factor=3),
    "method": lambda: FocalLoss().__call__,
    "builtin": lambda: len,
    "device": lambda: torch.device("cpu"),
    "path": lambda: Path("folder"),
    "state": lambda: np.random.RandomState(0),
    "other state": lambda: np.random.RandomState(1),
    "global state": lambda: np.random.mtrand._rand,
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_is_made_anew_has_the_same(name):
    assert fingerprint(VALUES[name]()) == fingerprint(VALUES[name]())


def test_no_two_values_have_the_same():
    numbers = {name: fingerprint(make()) for name, make in VALUES.items()}
    assert len(set(numbers.values())) == len(VALUES), numbers


def test_another_process_finds_the_same():
    code = (
        "from tests.inputs.test_fingerprint import VALUES, fingerprint\n"
        "print(fingerprint({name: make() for name, make in VALUES.items()}))"
    )
    here = fingerprint({name: make() for name, make in VALUES.items()})
    there = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], text=True,
        env={**os.environ, "PYTHONHASHSEED": "1"}, capture_output=True, check=True,
    )  # fmt: skip
    assert there.stdout.strip() == here


def test_code_counts_and_its_place_does_not():
    first, moved, changed = {}, {}, {}
    exec("def f(x):\n    return [x + i for i in range(3)]", first)
    exec("\n\n\ndef f(x):\n    return [x + i for i in range(3)]", moved)
    exec("def f(x):\n    return [x - i for i in range(3)]", changed)
    assert fingerprint(first["f"]) == fingerprint(moved["f"])
    assert fingerprint(first["f"]) != fingerprint(changed["f"])


def test_the_order_in_memory_does_not_count():
    assert fingerprint(np.asfortranarray(ARRAY)) == fingerprint(ARRAY)
    assert fingerprint(ARRAY[:, ::2]) == fingerprint(ARRAY[:, ::2].copy())


def test_large_arrays_and_maps_are_read_in_parts(tmp_path, monkeypatch):
    path = tmp_path / "large.npy"
    np.save(path, np.arange(10_000.0).reshape(1000, 10))
    mapped = np.load(path, mmap_mode="r")
    whole = fingerprint(np.asarray(mapped))
    monkeypatch.setattr("skmlc.inputs.fingerprint.BYTES_AT_ONCE", 100)
    assert fingerprint(np.asarray(mapped)) == whole
    assert fingerprint(Bags([np.asarray(mapped)])) == fingerprint(Bags([mapped]))


def test_image_files_are_known_by_name_and_size(tmp_path):
    pytest.importorskip("PIL")
    from PIL import Image

    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for i, path in enumerate(paths):
        Image.fromarray(np.full((4, 4, 3), i, np.uint8)).save(path)
    first = fingerprint(Images(paths))
    assert fingerprint(Images(paths)) == first
    Image.fromarray(np.random.default_rng(0).integers(0, 99, (4, 4, 3), np.uint8)).save(
        paths[1]
    )
    assert fingerprint(Images(paths)) != first


def test_what_contains_itself_is_no_endless_loop():
    loop = [1]
    loop.append(loop)
    assert fingerprint(loop) != fingerprint([1, [1]])


def test_nothing_is_changed():
    X = sparse.csr_array((np.ones(2), np.array([1, 1]), np.array([0, 2])), shape=(1, 3))
    fingerprint(X)
    assert X.nnz == 2

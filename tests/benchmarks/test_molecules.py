"""The benchmark of molecules: its methods, and which rows it scores."""

import importlib

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("rdkit", reason="needs the extra chem: RDKit")
SMILES = ["CCO", "CCN", "c1ccccc1", "CC(=O)O", "OCCO", "NCCl"] * 80
Y = np.array([["O" in s, "N" in s, "c" in s] for s in SMILES]).astype(int)
COUNTS = sparse.csr_array([[s.count(x) for x in "CONc"] for s in SMILES])


@pytest.fixture(scope="module")
def script():
    return importlib.import_module("molecules")


@pytest.mark.parametrize("name", ["constant", "ngrams", "graph", "forest", "forest-told"])
def test_every_method_is_scored_at_every_share(script, name, monkeypatch):
    monkeypatch.setitem(script.GRAPHS, "graph-2-net-40", ("order", {"max_epochs": 1}))
    rows = script.perform(name, "test", 0, (SMILES, COUNTS, Y))
    assert [row["known"] for row in rows] == [0, 0.25, 0.5, 0.75]
    assert all(0 < row["macro_AP"] <= 1 for row in rows)
    assert "test" in script.table(rows)


def test_the_test_part_is_never_seen_in_choices(script):
    train, test = script.rows_of("test", 1427)
    fit, valid = script.rows_of("valid", 1427)
    assert (len(train), len(test), len(fit), len(valid)) == (1000, 427, 800, 200)
    assert not {*test} & {*fit, *valid}
    assert {*fit, *valid} == {*train}

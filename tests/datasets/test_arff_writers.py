"""Files as other programs write them, read back."""

import numpy as np
import pytest

from skmlc.datasets import load_multilabel
from skmlc.datasets.arff import read_arff

# Not {1} and ?, which liac-arff leaves without quotes and does not read back itself.
WORDS = [
    "plain",
    "it's",
    'a "b"',
    "50%",
    "a, b",
    "tab\tnew\nline",
    "\\",
    "\xe9 \u4e2d",
]


def test_liac_arff_dense_rows_with_all_that_must_be_quoted(tmp_path):
    arff = pytest.importorskip("arff", reason="liac-arff is not installed")
    rng = np.random.default_rng(0)
    rows = [
        [rng.normal(), None if i == 3 else i, WORDS[i % len(WORDS)], WORDS[-1 - i % 5]]
        for i in range(20)
    ]
    attributes = [("x y", "REAL"), ("n%", "INTEGER"), ("it's", WORDS), ("text", "STRING")]
    content = {"relation": "a b", "attributes": attributes, "data": rows}
    path = tmp_path / "toy.arff"
    path.write_text(arff.dumps(content), encoding="utf-8")
    data = read_arff(path)
    assert data.relation == "a b"
    assert [item.name for item in data.attributes] == ["x y", "n%", "it's", "text"]
    assert data.attributes[2].values == tuple(WORDS)
    np.testing.assert_array_equal(
        data.matrix.toarray()[:, :3],
        [[x, np.nan if n is None else n, WORDS.index(word)] for x, n, word, _ in rows],
    )
    assert data.strings[3] == [text for *_, text in rows]


def test_liac_arff_sparse_rows_of_a_multi_label_set(tmp_path):
    arff = pytest.importorskip("arff", reason="liac-arff is not installed")
    rng = np.random.default_rng(0)
    dense = np.where(rng.random((15, 12)) < 0.3, rng.integers(1, 9, (15, 12)), 0)
    dense[:, -4:] = dense[:, -4:] > 0
    attributes = [(f"f {i}", "NUMERIC") for i in range(8)]
    attributes += [(f"l{i}", ["0", "1"]) for i in range(4)]
    rows = [
        {int(c): str(row[c]) if c > 7 else float(row[c]) for c in np.flatnonzero(row)}
        for row in dense
    ]
    content = {"relation": "toy: -C -4", "attributes": attributes, "data": rows}
    (tmp_path / "toy.arff").write_text(arff.dumps(content))
    bunch = load_multilabel(tmp_path / "toy.arff")
    np.testing.assert_array_equal(bunch.data.toarray(), dense[:, :8])
    np.testing.assert_array_equal(bunch.target.toarray(), dense[:, 8:])

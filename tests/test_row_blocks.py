"""What is made in blocks of rows is what it would be as a whole."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from skmlc import EmbMLPClassifier, LaMPClassifier, Seq2SeqClassifier, row_blocks
from skmlc.graphs import HierarchyGraph
from skmlc.indicators import count_labels
from skmlc.inputs import Sequences
from skmlc.model_selection import ThresholdTuner, tune_threshold
from skmlc.row_blocks import GatheredRows, map_rows
from skmlc.top_columns import top_columns

RNG = np.random.RandomState(0)
N, L = 30, 5
Y = (RNG.rand(N, L) < 0.4).astype(int)
Y[:, 0] |= Y[:, 1]
CLASSES = np.array(["x", "y", "z"])[Y[:, :2].sum(axis=1)]
# Of all lengths, so that batches hold them in another order than X.
SEQUENCES = Sequences([RNG.randint(1, 9, size) for size in RNG.randint(1, 8, N)])
KNOWN = np.where(RNG.rand(N, L) < 0.3, Y, np.nan)
KNOWN_SPARSE = sparse.csr_array(np.where(np.isnan(KNOWN), 0, 2 * Y - 1))
SMALL = {"max_epochs": 1, "batch_size": 4, "hidden_size": 8, "random_state": 0}


def lamp(y=Y, **params):
    return LaMPClassifier(n_heads=2, label_masking=True, **SMALL, **params).fit(
        SEQUENCES, y
    )


def top_labelled(model):
    model.top_label = True
    return model


def set_block(block_entries, monkeypatch):
    monkeypatch.setattr(row_blocks, "BLOCK_ENTRIES", block_entries)


MODELS = {
    "thresholds per label": lambda: lamp(threshold=np.linspace(0.2, 0.6, L)),
    "sparse": lambda: top_labelled(lamp(sparse.csr_matrix(Y), threshold=0.6)),
    "hierarchy": lambda: lamp(label_graph=HierarchyGraph([(0, 1)], consistent="max")),
    "binary": lambda: EmbMLPClassifier(**SMALL).fit(SEQUENCES, Y[:, 0]),
    "classes": lambda: EmbMLPClassifier(**SMALL).fit(SEQUENCES, CLASSES),
    "of sequences": lambda: Seq2SeqClassifier(**SMALL).fit(SEQUENCES, Y),
    "tuner": lambda: ThresholdTuner(
        EmbMLPClassifier(**SMALL), cv=2, random_state=0
    ).fit(SEQUENCES, sparse.csr_matrix(Y)),
}  # fmt: skip


def outputs(model, known):
    options = [{}]
    if known:
        options += [{"known": KNOWN}, {"known": KNOWN_SPARSE}]
    for more in options:
        yield model.predict(SEQUENCES, **more)
        yield model.predict_proba(SEQUENCES, **more)
        yield from model.predict_top_k(SEQUENCES, k=2, **more)
        yield model.decision_function(SEQUENCES, **more)


@pytest.mark.parametrize("name", MODELS)
def test_the_size_of_blocks_changes_nothing(name, monkeypatch):
    model, known = MODELS[name](), name in ("thresholds per label", "sparse", "hierarchy")
    whole = list(outputs(model, known))
    for block_entries in (1, 7 * L):  # a batch each; two batches each, and one at the end
        set_block(block_entries, monkeypatch)
        for one, other in zip(whole, outputs(model, known), strict=True):
            assert (type(one), one.dtype) == (type(other), other.dtype)
            if sparse.issparse(one):
                assert other.has_canonical_format
                one, other = one.toarray(), other.toarray()
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("as_block", [np.array, sparse.csr_array])
def test_rows_are_gathered_in_their_places(as_block):
    rows, gathered = np.array([3, 0, 4, 1, 2]), GatheredRows(5)
    matrix = np.arange(10).reshape(5, 2)
    for part in (rows[:2], rows[2:3], rows[3:]):
        gathered.add(as_block(matrix[part]), part)
    result = gathered.result()
    result = result.toarray() if sparse.issparse(result) else result
    np.testing.assert_array_equal(result, matrix)


def test_a_matrix_is_mapped_block_by_block_with_what_is_known(monkeypatch):
    set_block(4, monkeypatch)
    seen = []

    def add(block, known):
        seen.append(len(block))
        return block + known

    matrix = np.arange(10.0).reshape(5, 2)
    np.testing.assert_array_equal(map_rows(matrix, add, matrix), 2 * matrix)
    assert seen == [2, 2, 1]


@pytest.mark.parametrize("k", [1, 3, 6])
def test_top_columns_are_those_of_a_stable_sort(k):
    scores = np.random.RandomState(0).randint(0, 4, (200, 6)) / 4
    scores[0] = np.nan
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    columns, highest = top_columns(scores, k)
    np.testing.assert_array_equal(columns, expected)
    np.testing.assert_array_equal(highest, np.take_along_axis(scores, expected, axis=1))


@pytest.mark.parametrize("missing", [False, True])
def test_labels_are_counted_over_all_blocks(missing, monkeypatch):
    set_block(2 * L, monkeypatch)
    labels = np.where(RNG.rand(N, L) < 0.2, np.nan, Y) if missing else Y.astype(np.uint8)
    weight = np.arange(N, dtype=float)
    positives, known = count_labels(labels, weight)
    for j in range(L):
        assert positives[j] == sum(w for w, y in zip(weight, labels[:, j]) if y == 1)
        assert known[j] == sum(w for w, y in zip(weight, labels[:, j]) if y in (0, 1))


@pytest.mark.parametrize("grid", ["lamp", "exact"])
@pytest.mark.parametrize("metric", ["ebF1", "maF1", "miF1", "ACC", "HA"])
@pytest.mark.parametrize("per_label", [False, True])
def test_thresholds_do_not_depend_on_blocks(per_label, metric, grid, monkeypatch):
    rng = np.random.RandomState(1)
    probabilities = rng.rand(N, L).astype(np.float32).round(2)
    labels, weight = np.where(rng.rand(N, L) < 0.2, np.nan, Y), rng.rand(N)
    options = {"grid": grid, "per_label": per_label, "sample_weight": weight}
    whole = tune_threshold(labels, probabilities, metric, **options)
    for block_entries in (1, 2 * N + 1):
        set_block(block_entries, monkeypatch)
        blocks = tune_threshold(labels, probabilities, metric, **options)
        np.testing.assert_array_equal(blocks, whole)


def peak_memory(function):
    """Return the bytes that NumPy holds at most within a call, besides those before it."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("metric", ["ebF1", "maF1"])
def test_tuning_takes_a_few_bytes_per_entry(metric, monkeypatch):
    set_block(2**12, monkeypatch)
    probabilities = np.random.RandomState(0).rand(1000, 1000)
    labels = sparse.eye_array(1000, format="csr")
    for per_label in (False, True):
        peak = peak_memory(
            lambda per_label=per_label: tune_threshold(
                labels, probabilities, metric, grid=[0.2, 0.5], per_label=per_label
            )
        )
        assert peak < 4 * probabilities.size


@pytest.mark.parametrize("method", ["predict", "predict_top_k"])
def test_prediction_of_many_labels_takes_the_memory_of_its_result(method, monkeypatch):
    set_block(2**15, monkeypatch)
    n_samples, n_labels = 2000, 1000
    X = np.zeros((n_samples, 2), dtype=np.float32)
    y = sparse.csr_matrix((20, n_labels), dtype=np.uint8)
    model = EmbMLPClassifier(hidden_size=2, max_epochs=1, batch_size=20).fit(X[:20], y)
    predict = getattr(model, method)
    predict(X[:20])
    peak = peak_memory(lambda: predict(X))
    assert peak < n_samples * n_labels  # a byte per entry; a matrix of logits would be 4

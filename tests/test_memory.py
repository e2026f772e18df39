"""What cannot fit into memory is refused before it is made."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.utils._python_dispatch import TorchDispatchMode

import skmlc
from skmlc import memory
from skmlc.graphs import CooccurrenceGraph, adjacency
from skmlc.graphs.adjacency import is_full_graph
from tests.method_names import METHOD_NAMES

NETWORKS = [
    getattr(skmlc, name)
    for name in METHOD_NAMES
    if hasattr(getattr(skmlc, name), "_make_head")
]
X = np.random.RandomState(0).rand(8, 3)
Y = np.eye(2, dtype=int)[[0, 1] * 4]


def by_name(parameters):
    """Parametrize by the networks, or those that have a parameter."""
    networks = [N for N in NETWORKS if set(parameters) <= set(N().get_params())]
    return pytest.mark.parametrize("Network", networks, ids=lambda N: N.__name__)


@pytest.fixture
def small_machine(monkeypatch):
    monkeypatch.setattr(memory, "total_memory", lambda: 50_000_000)


@by_name(["hidden_size"])
@pytest.mark.parametrize("hidden_size", [10**6, 10**7])
def test_networks_too_large_for_memory_are_refused(Network, hidden_size, small_machine):
    message = (
        rf"hidden_size={hidden_size} in {Network.__name__} .* needs at least .* GB of "
    )
    message += r"memory \(\d+ bytes\), .* has 0.1 GB; choose a smaller hidden_size\."
    with pytest.raises(ValueError, match=message):
        Network(hidden_size=hidden_size).fit(X, Y)


PAIRS = {
    "LaMPClassifier": None,  # attention in blocks
    "GGNNClassifier": r"10000 labels, each of which is read from all 10000 nodes .* SSGRL",
    "Query2LabelClassifier": r"10000 labels that all attend to each other, in batches of 8,",
    "CTranClassifier": r"10000 labels that all attend to each other, in batches of 8,",
}
# Of all pairs, without a word.
FULL = r"label_graph='full' with 10000 labels needs at least .* GB of memory .* choose .*'none'"


@pytest.mark.parametrize(
    "Network",
    [N for N in NETWORKS if "label_graph" in N().get_params() or N.label_graph == "full"],
    ids=lambda N: N.__name__,
)
def test_a_full_graph_of_too_many_labels_is_refused_before_it_is_made(Network, monkeypatch):
    message = PAIRS.get(Network.__name__, FULL)
    if message is None:
        pytest.skip("attention in blocks takes no memory for all pairs")
    monkeypatch.setattr(memory, "total_memory", lambda: 1_000_000_000)
    y = sparse.csr_array((np.ones(8, int), (np.arange(8), np.arange(8))), (8, 10_000))
    options = {"label_graph": "full"} if "label_graph" in Network().get_params() else {}
    Network(max_epochs=1).fit(X, Y)  # which imports what is imported late
    tracemalloc.start()
    try:
        with LargestTensor() as largest, pytest.raises(ValueError, match=message):
            Network(**options).fit(X, y)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
    assert largest.n_numbers < 10_000 * 1_000


def test_lamp_computes_a_full_graph_in_blocks(small_machine):
    model = skmlc.LaMPClassifier(hidden_size=4, n_heads=1, n_steps=1, max_epochs=1)
    with LargestTensor() as largest:
        model.fit(X[:2], many_labels(2_000)[:2])
    assert model.adjacency_.shape == (2_000, 2_000)
    assert largest.n_numbers < 2_000 * 100
    with pytest.raises(
        ValueError, match="explain, of attention among 2000 labels in 4 samples"
    ):
        model.explain(X[:4])


def test_a_model_of_a_full_graph_is_kept_without_its_pairs(tmp_path, monkeypatch):
    monkeypatch.setattr(adjacency, "_FEW_LABELS", 500)
    model = skmlc.LaMPClassifier(hidden_size=4, n_heads=1, max_epochs=1, n_steps=1)
    model.fit(X[:2], many_labels(1_000)[:2])
    skmlc.save(model, tmp_path / "model.skmlc")
    kept = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    kept.append(skmlc.load(tmp_path / "model.skmlc"))
    assert len(pickle.dumps(model)) < 500_000
    assert (tmp_path / "model.skmlc").stat().st_size < 500_000
    for other in kept:
        np.testing.assert_array_equal(other.adjacency_, 1 - np.eye(1_000))
        assert is_full_graph(other.adjacency_)
        np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))


def test_queries_that_labels_share_take_no_memory_for_pairs_of_labels(small_machine):
    model = skmlc.Query2LabelClassifier(n_queries=4, hidden_size=4, max_epochs=1)
    with LargestTensor() as largest:
        model.fit(X, many_labels(10_000))
    assert largest.n_numbers < 10_000 * 100


@pytest.mark.parametrize("name", ["KISAR", "MIMLWEL"])
def test_related_labels_of_bags_are_refused_where_pairs_do_not_fit(name, small_machine):
    y = np.zeros((8, 5_000), dtype=np.int8)
    y[np.arange(8), np.arange(8)] = 1
    with pytest.raises(
        ValueError, match=r"label_graph among 5000 labels needs .*75000000 bytes"
    ):
        getattr(skmlc, name)().fit(X, y)


def many_labels(n_labels):
    """Return eight samples of fifty labels each, sparse."""
    rng = np.random.default_rng(0)
    places = np.repeat(np.arange(8), 50), rng.permutation(n_labels)[:400]
    return sparse.csr_array((np.ones(400, int), places), shape=(8, n_labels))


class LargestTensor(TorchDispatchMode):
    """Remember how many numbers the largest tensor holds that an operation gives."""

    n_numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        output = function(*args, **(kwargs or {}))
        for x in output if isinstance(output, list | tuple) else [output]:
            if isinstance(x, torch.Tensor) and x.layout == torch.strided:
                self.n_numbers = max(self.n_numbers, x.numel())
        return output


@pytest.mark.parametrize(
    "name",
    [
        "LaMPClassifier",
        "MLGCNClassifier",
        "SSGRLClassifier",
        "GMMLICClassifier",
        "Query2LabelClassifier",
    ],
)
def test_a_sparse_graph_of_many_labels_takes_memory_for_its_edges(name, small_machine):
    n_labels, hidden_size = 3_000, 4
    model = getattr(skmlc, name)(
        label_graph=CooccurrenceGraph(top_k=10), hidden_size=hidden_size, batch_size=4,
        max_epochs=1, early_stopping=False, random_state=0,
    )  # fmt: skip
    with LargestTensor() as largest:
        model.fit(X, many_labels(n_labels))
    n_edges = model.label_graph_.adjacency_.nnz
    assert n_edges > 3_000
    # Four samples of edges and of labels, of which attention makes three vectors, and the
    # layers of a transformer one of four times the size.
    assert largest.n_numbers <= 4 * hidden_size * max(4 * n_labels, n_edges + n_labels)


def test_the_output_weights_of_ggnn_grow_with_the_square_of_labels(small_machine):
    message = r"GGNNClassifier with 3000 labels, .* 3000 x 33000 numbers \(state_size=10\)"
    with pytest.raises(ValueError, match=message):
        skmlc.GGNNClassifier(label_graph=CooccurrenceGraph(top_k=10)).fit(
            X, many_labels(3_000)
        )


def test_a_table_with_too_many_features_for_a_linear_skip_is_refused(small_machine):
    wide = sparse.csr_array((4, 3_000_000), dtype=np.float32)
    y = np.ones((4, 40), dtype=int)
    with pytest.raises(ValueError, match=r"3000000 features.*linear_skip=False"):
        skmlc.EmbMLPClassifier(hidden_size=1).fit(wide, y)


def test_what_training_keeps_of_each_weight_is_counted(monkeypatch):
    model = skmlc.EmbMLPClassifier(hidden_size=100, linear_skip=False, max_epochs=1)
    model.fit(X, Y)
    n_bytes = 4 * sum(weight.nbytes for weight in model.module_.parameters())
    monkeypatch.setattr(memory, "total_memory", lambda: n_bytes)
    model.fit(X, Y)
    monkeypatch.setattr(memory, "total_memory", lambda: n_bytes - 1)
    with pytest.raises(ValueError, match=rf"\({n_bytes} bytes\)"):
        model.fit(X, Y)


def test_where_the_system_does_not_say_nothing_is_refused(monkeypatch):
    monkeypatch.delattr("os.sysconf")
    assert memory.total_memory() is None
    memory.check_memory(10**30, "a model", "another")


def test_a_refused_model_leaves_torch_as_it_was(small_machine):
    with pytest.raises(ValueError, match="hidden_size"):
        skmlc.EmbMLPClassifier(hidden_size=10**6).fit(X, Y)
    assert torch.nn.Linear(10_000, 2000).weight.nbytes == 80_000_000

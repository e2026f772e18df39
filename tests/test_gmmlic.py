"""GM-MLIC as an estimator: kinds of input, boxes, loss, start, options and explanations."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.special import logit
from sklearn.metrics import average_precision_score

from skmlc.gmmlic import GMMLICClassifier
from skmlc.graphs import ConditionalProbabilityGraph
from skmlc.inputs import Bags, FeatureEncoder, Graphs, ImageEncoder, Images, Sequences
from skmlc.inputs.encoders.backbones import ResNet
from skmlc.nn.nodes import Layout, Nodes

N, L = 40, 4
SMALL = {"hidden_size": 8, "max_epochs": 2, "random_state": 0}
# Training that leaves the weights where they start.
STILL = {**SMALL, "max_epochs": 1, "learning_rate": 1e-30, "weight_decay": 0.0}


def fitted(X, Y, **options):
    return GMMLICClassifier(**{**SMALL, **options}).fit(X, Y)


@pytest.fixture(scope="module")
def problem():
    """Bags in which an instance near the c-th prototype makes label c."""
    rng = np.random.default_rng(0)
    prototypes = rng.normal(size=(L + 2, 5)) * 2
    kinds = [rng.choice(L + 2, rng.integers(1, 5), replace=False) for _ in range(120)]
    instances = [prototypes[k] + 0.3 * rng.normal(size=(len(k), 5)) for k in kinds]
    corners = [rng.integers(0, 20, size=(len(k), 2)) for k in kinds]
    boxes = [np.hstack([c, c + rng.integers(1, 9, c.shape)]) for c in corners]
    Y = np.array([[label in k for label in range(L)] for k in kinds]).astype(int)
    return Bags(instances, boxes), Y


@pytest.fixture(scope="module")
def data(problem):
    bags, Y = problem
    return bags[:N], Y[:N]


def without_boxes(bags):
    return Bags.from_flat(bags.instances, bags.offsets)


def inputs(bags):
    """The same number of samples of every kind."""
    rng = np.random.default_rng(0)
    chain = [np.array([np.arange(n - 1), np.arange(1, n)]) for n in bags.lengths]
    table = rng.normal(size=(N, 6))
    plain = [bags[i] for i in range(N)]
    return {
        "boxes": bags,
        "bags": without_boxes(bags),
        "graphs": Graphs(plain, chain),
        "vectors": table,
        "sparse": sparse.csr_array(table * (rng.random(table.shape) < 0.4)),
        "sequences": Sequences([rng.integers(0, 9, n) for n in bags.lengths], n_tokens=9),
    }


KINDS = ["boxes", "bags", "graphs", "vectors", "sparse", "sequences"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_input_is_predicted_and_explained(kind, data):
    X, Y = inputs(data[0])[kind], data[1]
    model = fitted(X, Y)
    explained = model.explain(X)
    np.testing.assert_array_equal(explained.probabilities, model.predict_proba(X))
    scored = [i for i, scores in enumerate(explained.relevance) if scores.size]
    assert len(scored) == N or kind == "sparse"  # where a row may be all zeros
    best = np.array([explained.relevance[i].max(axis=1) for i in scored])
    np.testing.assert_allclose(best, model.decision_function(X)[scored], atol=1e-5)
    assert model.transform(X).shape == (N, 8)


def test_cells_of_images_are_instances(data):
    rng = np.random.default_rng(0)
    X = Images(rng.integers(0, 255, size=(N, 1, 32, 32), dtype=np.uint8))
    torch.manual_seed(0)
    backbone = ResNet((1, 1), width=4, small_stem=True, n_channels=1)
    model = fitted(X, data[1], encoder=ImageEncoder(backbone), max_epochs=1)
    scores = model.explain(X[:3]).relevance
    _, _, height, width = scores.shape
    assert scores.shape[:2] == (3, L)
    assert height > 1
    np.testing.assert_allclose(
        scores.max(axis=(2, 3)), model.decision_function(X[:3]), atol=1e-5
    )
    assert height == width
    assert model.module_.head.box_scale.tolist() == [1, 1, 1, 1]


def test_it_learns_which_instances_make_a_label(problem):
    X, Y = problem
    model = GMMLICClassifier(hidden_size=16, random_state=0).fit(X[:80], Y[:80])
    precision = average_precision_score(Y[80:], model.predict_proba(X[80:]))
    assert precision > 0.85 > 2 * Y.mean()


# Boxes --------------------------------------------------------------------------------------


def test_the_unit_of_the_boxes_does_not_matter(data):
    X, Y = data
    doubled = Bags.from_flat(X.instances, X.offsets, X.boxes * 2)
    found = fitted(doubled, Y).predict_proba(doubled)
    np.testing.assert_array_equal(found, fitted(X, Y).predict_proba(X))


def test_where_the_boxes_are_counts(data):
    X, Y = data
    elsewhere = Bags.from_flat(X.instances, X.offsets, X.boxes[::-1])
    model = fitted(X, Y)
    assert np.abs(model.predict_proba(elsewhere) - model.predict_proba(X)).max() > 1e-5


def test_boxes_are_scaled_by_the_training_samples(data):
    X, Y = data
    weight = np.r_[np.ones(N - 1), 0]
    boxes = X.boxes.copy()
    boxes[X.offsets[N - 1] :] *= 100
    stretched = Bags.from_flat(X.instances, X.offsets, boxes)
    model = GMMLICClassifier(**SMALL).fit(stretched, Y, sample_weight=weight)
    boxes = boxes[: X.offsets[N - 1]]
    width, height = boxes[:, [0, 2]].max(), boxes[:, [1, 3]].max()
    assert model.module_.head.box_scale.tolist() == [width, height, width, height]


def test_boxes_come_in_prediction_as_in_training(data):
    X, Y = data
    with pytest.raises(ValueError, match="boxes as in fit, which saw boxes; got none"):
        fitted(X, Y).predict(without_boxes(X))
    with pytest.raises(ValueError, match="which saw no boxes; got some"):
        fitted(without_boxes(X), Y).predict(X)


# Loss and start -----------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["bce", "focal"])
def test_loss_is_weighted_by_frequency(loss):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(5, 3)), rng.integers(0, 2, size=(5, 3))
    frequency = np.array([0.1, 0.5, 0.8])
    plain, weighted = (
        GMMLICClassifier(beta=beta, loss=loss)._elementwise_loss(frequency)
        for beta in (0.0, 0.4)
    )
    found = weighted(*map(torch.from_numpy, (logits, labels.astype(float)))).numpy()
    assert (plain is None) == (loss == "bce")
    for n in range(5):
        for c in range(3):
            y, p, r = labels[n, c], 1 / (1 + np.exp(-logits[n, c])), frequency[c]
            entry = -np.log(p if y else 1 - p)
            if loss == "focal":
                entry *= (1 - p if y else p) ** 2
            weight = y * np.exp(0.4 * (1 - r)) + (1 - y) * np.exp(0.4 * r)
            assert found[n, c] == pytest.approx(weight * entry)


def test_beta_reaches_training(data):
    plain, weighted = (fitted(*data, beta=beta) for beta in (0.0, 2.0))
    first = [model.history_[0]["train_loss"] for model in (plain, weighted)]
    assert first[1] > 1.5 * first[0]


def mean_loss_with_loops(P, Y, weight, frequency, beta):
    """Return Eq. 15 over samples (mean) and their known labels (mean)."""
    total = 0.0
    for p, y, w in zip(P, Y, weight, strict=True):
        entries = []
        for c in np.flatnonzero(~np.isnan(y)):
            rarer = np.exp(beta * (1 - frequency[c] if y[c] else frequency[c]))
            entries.append(-rarer * np.log(p[c] if y[c] else 1 - p[c]))
        total += w * np.mean(entries)
    return total / weight.sum()


@pytest.mark.parametrize("with_unknown", [False, True])
@pytest.mark.parametrize("beta", [0.4, 3.0])
def test_the_frequency_of_a_label_is_its_share_of_the_known_training_entries(
    data, beta, with_unknown
):
    X, Y = data[0], data[1].astype(float)
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 3, N).astype(float)
    if with_unknown:
        Y[rng.random(Y.shape) < 0.3] = np.nan
        Y[:, 0] = data[1][:, 0]
    exact = {**STILL, "precision": "float64", "batch_size": N}
    model = GMMLICClassifier(beta=beta, allow_missing_labels=with_unknown, **exact)
    model.fit(X, Y, sample_weight=weight)
    frequency = [
        np.average(column[~np.isnan(column)], weights=weight[~np.isnan(column)])
        for column in Y.T
    ]
    expected = mean_loss_with_loops(model.predict_proba(X), Y, weight, frequency, beta)
    assert model.history_[0, "train_loss"] == pytest.approx(expected, rel=1e-9)


def test_training_starts_at_the_frequencies_of_the_labels(data):
    X, Y = data
    prior = logit((Y.sum(axis=0) + 1) / (N + 2))
    head = fitted(X, Y, **STILL).module_.head
    np.testing.assert_allclose(head.bias.detach(), prior, rtol=1e-5)
    network = fitted(X, Y, linear_skip=True, **STILL).module_
    np.testing.assert_allclose(network.head.bias.detach(), np.zeros(L), atol=1e-20)
    np.testing.assert_allclose(network.skip.bias.detach(), prior, rtol=1e-5)


def test_training_starts_at_the_frequencies_of_classes(data):
    y = np.random.default_rng(0).integers(0, 3, N)
    head = fitted(data[0], y, **STILL).module_.head
    prior = np.log((np.bincount(y) + 1) / (N + 2))
    np.testing.assert_allclose(head.bias.detach(), prior, rtol=1e-5)


# Options ------------------------------------------------------------------------------------


def names(model):
    return [name for name, _ in model.module_.head.named_parameters()]


@pytest.mark.parametrize(
    ("option", "part"),
    [
        ("label_messages", "label_to_label"),
        ("instance_messages", "instance_to_instance"),
        ("matching_messages", "instance_to_label"),
    ],
)
def test_an_ablation_leaves_its_messages_out(option, part, data):
    full, without = fitted(*data), fitted(*data, **{option: False})
    assert any(part in name for name in names(full))
    assert not any(part in name for name in names(without))
    assert len(names(without)) < len(names(full))


@pytest.mark.parametrize(
    "options",
    [
        {"n_neighbors": 1},
        {"n_layers": 1},
        {"skip_connections": True},
        {"dropout": 0.5},
        {"label_embedding": np.eye(L)[::-1]},
        {"label_graph": np.eye(L, k=1)},
    ],
    ids=str,
)
def test_options_change_the_prediction(options, data):
    X, Y = data
    found = [fitted(X, Y, **o).predict_proba(X) for o in ({}, options)]
    assert np.abs(found[0] - found[1]).max() > 1e-4


def test_labels_receive_along_the_graph_that_a_builder_makes(data):
    model = fitted(*data, label_graph=ConditionalProbabilityGraph(0.5))
    head, adjacency = model.module_.head, sparse.csr_array(model.adjacency_)
    pairs = np.argwhere(adjacency.toarray())
    assert 0 < len(pairs) < L * (L - 1)
    edges = head.encode(Nodes(torch.zeros(1, 5), Layout.regular(1, 1), torch.ones(1, 4)))
    labels = edges[0].labels
    np.testing.assert_array_equal(np.transpose([labels.receivers, labels.sources]), pairs)


def test_each_convolution_has_its_own_width(data):
    X, Y = data
    model = fitted(X, Y, hidden_size=(12, 6))
    assert model.transform(X).shape == (N, 6)
    assert model.module_.head.encode_instances.linear.out_features == 12
    table = inputs(X)["vectors"]
    assert fitted(table, Y, hidden_size=(12, 6)).module_.encoder.node_size == 12


@pytest.mark.parametrize("hidden_size", [(8,), (8, 8, 8), (8, 0), (8, 4.5)])
def test_widths_that_fit_no_convolutions_are_refused(hidden_size, data):
    with pytest.raises(ValueError, match="one for each of the n_layers=2 convolutions"):
        fitted(*data, hidden_size=hidden_size)


def test_single_instances_have_no_weights_for_edges(data):
    table = inputs(data[0])["vectors"]
    single = fitted(table, data[1])
    assert not any("instance_to_instance" in name for name in names(single))
    encoder = FeatureEncoder(nodes="features")
    several = fitted(table, data[1], encoder=encoder)
    assert any("instance_to_instance" in name for name in names(several))

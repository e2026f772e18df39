"""FLEM against its losses written out, and what it reads of bags."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.special import expit, log_softmax, softmax

from skmlc import FLEMClassifier
from skmlc.flem import FLEM
from skmlc.inputs import Bags, Images, Sequences
from skmlc.nn.head_output import HeadOutput
from skmlc.nn.losses import LabelLoss
from skmlc.nn.nodes import Nodes
from skmlc.training.batches import Targets, read_batch

SMALL = {"hidden_size": 8, "max_epochs": 3, "batch_size": 16, "precision": "float64"}
SMALL |= {"random_state": 0}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    bags = Bags([rng.normal(size=(n, 3)) for n in rng.integers(1, 5, 50)])
    Y = np.stack([[bag[:, j].max() > 0.7 for j in range(3)] for bag in bags]).astype(int)
    return bags, Y


def fitted(data, **options):
    return FLEMClassifier(**{**SMALL, **options}).fit(*data)


# The losses of the paper --------------------------------------------------------------------


def cosine(a, b):
    return a @ b / np.sqrt((a @ a) * (b @ b))


def loss_by_loops(s, d, x, Y, method, alpha, beta):
    """Return the loss of the authors' program for one batch."""
    n_samples, n_labels = Y.shape
    labels = guided = special = distribution = 0.0
    for i in range(n_samples):
        target = softmax(d[i])
        distribution -= sum(target * log_softmax(s[i])) / n_samples
        for j in range(n_labels):
            p, q = expit(s[i, j]), expit(d[i, j])
            labels -= np.log(p if Y[i, j] else 1 - p) / Y.size
            guided -= (np.log(q) if Y[i, j] else p * np.log(1 - q)) / Y.size
        if method == "distribution":
            special -= sum(softmax(s[i]) * log_softmax(d[i])) / n_samples
        elif method == "threshold" and 0 < Y[i].sum() < n_labels:
            special += max(0, d[i][Y[i] == 0].max() - d[i][Y[i] == 1].min()) / n_samples
    if method == "similarity":
        pairs = [(i, j) for i in range(n_samples) for j in range(i)]
        errors = [(cosine(x[i], x[j]) - cosine(d[i], d[j])) ** 2 for i, j in pairs]
        special = np.mean(errors)
    classifier = alpha * distribution + (1 - alpha) * labels
    return classifier + beta * special + (1 - beta) * guided


@pytest.mark.parametrize("method", ["distribution", "threshold", "similarity"])
def test_the_loss_is_that_of_the_paper(method):
    rng = np.random.default_rng(1)
    s, d, x = rng.normal(size=(3, 7, 4))
    Y = rng.integers(0, 2, (7, 4))
    Y[0], Y[1] = 0, 1
    model = FLEMClassifier(method=method, alpha=0.3, beta=0.2)
    targets = Targets(torch.tensor(Y, dtype=torch.float64), None, torch.ones(7))
    logits, *extras = (torch.tensor(a) for a in (s, d, x))
    output = HeadOutput(logits, extras)
    found = model._make_loss(LabelLoss())(output, targets)
    np.testing.assert_allclose(
        found.item(), loss_by_loops(s, d, x, Y, method, 0.3, 0.2), rtol=1e-6
    )


# What the classifier reads ------------------------------------------------------------------


def nodes_of(bags):
    batch = read_batch(bags, np.arange(len(bags)), np.float64)
    return Nodes(batch.values, batch.layout)


def test_instances_stand_side_by_side_and_missing_ones_are_zero():
    bags = Bags([np.full((1, 2), 1.0), np.arange(4.0).reshape(2, 2), np.ones((4, 2))])
    head = FLEM(3, 2, hidden_size=4, n_slots=3)
    expected = [[1, 1, 0, 0, 0, 0], [0, 1, 2, 3, 0, 0], [1, 1, 1, 1, 1, 1]]
    np.testing.assert_array_equal(head.represent(nodes_of(bags)), expected)


def test_what_padding_holds_does_not_matter():
    bags = Bags([np.full((n, 2), float(n)) for n in (1, 2, 4)])
    nodes = nodes_of(bags)
    noisy = nodes.values.clone()
    noisy[~nodes.layout.real] = 7.0  # as an encoder with a bias makes of it
    for options in ({"n_slots": 3}, {"n_slots": 5}, {"pooling": "mean"}):
        head = FLEM(3, 2, hidden_size=4, **options)
        found = head.represent(Nodes(noisy, nodes.layout))
        np.testing.assert_array_equal(found, head.represent(nodes))


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_pooled_instances_are_a_vector(pooling):
    bags = Bags([np.ones((1, 2)), np.arange(4.0).reshape(2, 2)])
    head = FLEM(3, 2, hidden_size=4, pooling=pooling)
    expected = [getattr(bag, pooling)(axis=0) for bag in bags]
    np.testing.assert_array_equal(head.represent(nodes_of(bags)), expected)


def test_the_classifier_is_linear_in_the_instances_of_the_largest_bag(data):
    X, _ = data
    model = fitted(data)
    assert model.n_slots_ == 4
    flat = np.array([np.pad(bag, ((0, 4 - len(bag)), (0, 0))).ravel() for bag in X])
    np.testing.assert_allclose(model.transform(X), flat)
    linear = model.module_.head.classifier
    expected = flat @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()
    np.testing.assert_allclose(model.decision_function(X), expected, atol=1e-12)


def test_instances_beyond_the_largest_bag_are_not_read(data):
    model = fitted(data)
    bag = np.random.default_rng(0).normal(size=(9, 3))
    np.testing.assert_allclose(model.predict_proba([bag]), model.predict_proba([bag[:4]]))


def test_the_order_of_the_instances_matters_side_by_side_only(data):
    X, _ = data
    other = Bags([bag[::-1] for bag in X])
    for pooling, same in (("auto", False), ("mean", True), ("max", True)):
        model = fitted(data, pooling=pooling)
        before, after = model.predict_proba(X), model.predict_proba(other)
        assert np.allclose(before, after) == same


def test_rows_of_a_table_are_bags_of_one(data):
    X, Y = np.random.default_rng(0).normal(size=(50, 3)), data[1]
    model = fitted((X, Y))
    assert model.n_slots_ == 1
    of_bags = fitted((Bags(list(X[:, None])), Y))
    np.testing.assert_array_equal(model.predict_proba(X), of_bags.predict_proba(X))


def test_cells_of_images_are_pooled():
    images = Images(np.random.default_rng(0).integers(0, 256, (8, 1, 8, 8), dtype=np.uint8))
    Y = np.arange(8)[:, None] % [2, 3] == 0
    assert fitted((images, Y)).n_slots_ is None
    with pytest.raises(ValueError, match="pooling must be 'mean' or 'max' for images"):
        fitted((images, Y), pooling="concatenate")


# Classifier and enhancer --------------------------------------------------------------------


def test_prediction_does_not_use_the_enhancer(data):
    model = fitted(data)
    expected = model.predict_proba(data[0])
    for parameter in model.module_.head.enhancer.parameters():
        parameter.data.fill_(np.nan)
    np.testing.assert_array_equal(model.predict_proba(data[0]), expected)
    assert np.isnan(model.enhance(*data)).all()


@pytest.mark.parametrize("form", ["sequences", "sparse"])
@pytest.mark.parametrize("method", ["distribution", "threshold", "similarity"])
def test_the_enhancer_does_not_teach_the_encoder(form, method, data):
    Y = data[1]
    rng = np.random.default_rng(0)
    X = sparse.random(len(Y), 9, density=0.5, format="csr", random_state=0)
    if form == "sequences":
        X = Sequences([rng.integers(0, 9, n) for n in rng.integers(1, 6, len(Y))])
    options = {"alpha": 0.0, "max_grad_norm": None, "learning_rate": 0.05}
    one = fitted((X, Y), **options, beta=0.0)
    other = fitted((X, Y), **options, method=method, beta=1.0)
    assert np.abs(one.label_distribution_ - other.label_distribution_).max() > 1e-3
    np.testing.assert_allclose(
        one.decision_function(X), other.decision_function(X), rtol=1e-9
    )


def test_label_distributions_are_those_of_the_training_samples(data):
    model = fitted(data)
    np.testing.assert_allclose(model.label_distribution_.sum(axis=1), 1)
    np.testing.assert_allclose(model.enhance(*data), model.label_distribution_)


def test_labels_are_learned():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5))
    Y = (X @ rng.normal(size=(5, 4)) > 0).astype(int)
    model = FLEMClassifier(random_state=0, max_epochs=40).fit(X[:200], Y[:200])
    assert (model.predict(X[200:]) == Y[200:]).mean() > 0.9
    mass = (model.label_distribution_ * Y[:200]).sum(axis=1)[Y[:200].any(axis=1)]
    assert mass.mean() > 0.9


@pytest.mark.parametrize(
    "option",
    [
        {"method": "threshold", "beta": 0.5},
        {"method": "similarity", "beta": 0.5},
        {"alpha": 0.5},
        {"beta": 0.5},
        {"pooling": "mean"},
        {"pooling": "max"},
        {"hidden_size": 9},
        {"dropout": 0.5},
    ],
    ids=str,
)
def test_a_parameter_changes_the_result(data, option):
    plain, other = fitted(data), fitted(data, **option)
    difference = plain.label_distribution_ - other.label_distribution_
    if "alpha" in option:
        difference = plain.predict_proba(data[0]) - other.predict_proba(data[0])
    assert np.abs(difference).max() > 1e-4

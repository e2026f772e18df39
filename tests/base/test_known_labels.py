"""Classifiers that are told labels: what comes back, what travels, what is refused."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse, stats
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skmlc
from skmlc.base import KnownLabelsMixin
from skmlc.graphs import HierarchyGraph
from skmlc.metrics import get_scorer
from skmlc.model_selection import ThresholdTuner, unwrap
from skmlc.nn.known_labels import KnownLabelNeighbors, KnownLabelSkip
from skmlc.training.batches import BatchDataset
from tests.method_names import METHOD_NAMES

ESTIMATORS = [getattr(skmlc, name) for name in METHOD_NAMES if name.endswith("Classifier")]
NETWORKS = [E for E in ESTIMATORS if hasattr(E, "module_")]
TOLD = [E for E in NETWORKS if issubclass(E, KnownLabelsMixin)]
OTHERS = [E for E in NETWORKS if not issubclass(E, KnownLabelsMixin)]
SMALL = {"hidden_size": 8, "max_epochs": 3, "random_state": 0}
MASKED = {**SMALL, "label_masking": True, "label_neighbors": True}

every_told = pytest.mark.parametrize("Estimator", TOLD, ids=[E.__name__ for E in TOLD])


def as_sparse(known):
    """Write what is known as 1 and -1, which are stored."""
    return sparse.csr_array(np.nan_to_num(2 * known - 1))


@pytest.fixture(scope="module")
def data():
    X, Y = make_multilabel_classification(60, n_features=6, n_classes=4, random_state=0)
    known = np.where(np.random.RandomState(1).random_sample(Y.shape) < 0.4, Y, np.nan)
    known[0], known[1] = np.nan, Y[1]
    return X, Y, known


@pytest.fixture(scope="module")
def fitted(data):
    X, Y, _ = data
    return {E: E(**MASKED).fit(X, Y) for E in TOLD}


@every_told
def test_a_warm_start_cannot_begin_to_mask_labels(Estimator, data):
    X, Y, known = data
    model = Estimator(**SMALL, label_masking=False, warm_start=True).fit(X, Y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="label_masking cannot be switched on by a warm"):
        model.set_params(label_masking=True).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), before)
    told = Estimator(**MASKED, warm_start=True).fit(X, Y)
    told.set_params(label_masking=False).fit(X, Y)
    assert told.predict_proba(X, known=known).shape == Y.shape


def test_the_methods_with_label_nodes_are_told():
    names = {E.__name__.removesuffix("Classifier") for E in TOLD}
    assert names == {"LaMP", "SSGRL", "GGNN", "GMMLIC", "CTran", "Query2Label"}


# What comes back ----------------------------------------------------------------------------


@every_told
def test_known_labels_come_back_as_told(Estimator, fitted, data):
    X, Y, known = data
    model, is_known = fitted[Estimator], ~np.isnan(known)
    proba = model.predict_proba(X, known=known)
    assert np.array_equal(proba[is_known], known[is_known])
    logits = model.decision_function(X, known=known)
    assert np.isfinite(logits).all()
    assert np.array_equal(logits[is_known] > 0, known[is_known] == 1)
    for decoding in ("threshold", "joint", "expected_f1"):
        labels = model.predict(X[:9], known=known[:9], decoding=decoding)
        assert np.array_equal(labels[is_known[:9]], known[:9][is_known[:9]])
        assert set(np.unique(labels)) <= {0, 1}
    drawn = model.sample_labels(X, 2, known=known, random_state=0)
    assert drawn.shape == (2, *Y.shape)
    assert np.array_equal(drawn[:, is_known], np.tile(known[is_known], (2, 1)))
    top, top_proba = model.predict_top_k(X, k=4, known=known)
    assert np.array_equal(np.take_along_axis(proba, top, axis=1), top_proba)


@every_told
def test_known_labels_are_as_told_whatever_the_thresholds(Estimator, fitted, data):
    X, _, known = data
    for threshold in (0.0, 1.0):
        model = clone(fitted[Estimator]).set_params(threshold=threshold).fit(X, data[1])
        labels = model.predict(X, known=known)
        assert np.array_equal(labels[~np.isnan(known)], known[~np.isnan(known)])


@every_told
def test_nothing_known_is_as_no_known(Estimator, fitted, data):
    X, Y, known = data
    model, nothing = fitted[Estimator], np.full(Y.shape, np.nan)
    expected = model.predict_proba(X)
    for form in (nothing, sparse.csr_array(Y.shape, dtype=np.int8)):
        np.testing.assert_allclose(model.predict_proba(X, known=form), expected, rtol=1e-5)
    told = model.predict_proba(X, known=known)
    np.testing.assert_allclose(told[0], expected[0], rtol=1e-5)  # of which nothing is known
    unknown = np.isnan(known)
    assert not np.allclose(told[unknown], expected[unknown], rtol=1e-4)


@every_told
def test_every_form_of_known_gives_the_same(Estimator, fitted, data):
    X, Y, known = data
    names = list("abcd")
    frame = pd.DataFrame(known, columns=names)
    model = Estimator(**MASKED).fit(X, pd.DataFrame(Y, columns=names))
    expected = model.predict_proba(X, known=known)
    forms = [
        known.tolist(),
        known.astype(object),
        frame[list("cadb")],
        frame.astype("Int8"),
        as_sparse(known),
        as_sparse(known).tocoo(),
        sparse.csc_matrix(as_sparse(known)),
    ]
    for form in forms:
        assert np.array_equal(model.predict_proba(X, known=form), expected)
    named = model.predict_labels(X[1:2], known=frame[1:2])
    assert named == [[name for name, holds in zip(names, Y[1], strict=True) if holds]]


@every_told
def test_explain_takes_known_labels(Estimator, fitted, data):
    model = fitted[Estimator]
    if not hasattr(model, "explain"):
        pytest.skip("there is no explain")
    X, _, known = data
    probabilities = model.explain(X, known=known).probabilities
    np.testing.assert_allclose(
        probabilities, model.predict_proba(X, known=known), rtol=1e-4, atol=1e-6
    )


def test_probabilities_agree_with_a_hierarchy_and_with_what_is_known(data):
    X, Y, _ = data
    Y = Y.copy()
    Y[:, 0] |= Y[:, 1]
    graph = HierarchyGraph([(0, 1)], consistent="max")
    model = skmlc.LaMPClassifier(graph, **MASKED).fit(X, Y)
    known = np.full(Y.shape, np.nan)
    known[:, 1] = 1
    assert np.array_equal(model.predict_proba(X, known=known)[:, 0], np.ones(len(X)))


@pytest.mark.parametrize("rule", ["min", "max"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_known_labels_set_their_ancestors_and_descendants(data, rule, form):
    X, Y, _ = data
    edges = [(0, 1), (1, 2), (0, 3)]
    graph = HierarchyGraph(edges, consistent=rule)
    model = skmlc.LaMPClassifier(graph, **MASKED).fit(X, Y)
    for label, value, others in [
        (1, 0, [2]),
        (0, 0, [1, 2, 3]),
        (2, 1, [0, 1]),
        (3, 1, [0]),
    ]:
        known = np.zeros(Y.shape) if form is sparse.csr_array else np.full(Y.shape, np.nan)
        known[:, label] = -1 if form is sparse.csr_array and value == 0 else value
        probabilities = model.predict_proba(X, known=form(known))
        assert (probabilities[:, [label, *others]] == value).all()
        for parent, child in edges:
            assert (probabilities[:, child] <= probabilities[:, parent]).all()
    known = np.full(Y.shape, np.nan)
    known[:, [0, 2]] = 0, 1  # which cannot be
    probabilities = model.predict_proba(X, known=known)
    assert (probabilities[:, :3] == [0, rule == "max", 1]).all()


# What is learned ----------------------------------------------------------------------------


def exclusive_or(rng, n_samples=600):
    """Return X and labels of which the second is the first, or where x > 0 its opposite."""
    X = rng.randn(n_samples, 3)
    first = rng.randint(2, size=n_samples)
    return X, np.column_stack(
        [first, first ^ (X[:, 0] > 0), rng.randint(2, size=n_samples)]
    )


LONG = {"hidden_size": 32, "max_epochs": 40, "learning_rate": 5e-3, "random_state": 0}
SHORT = {"hidden_size": 16, "max_epochs": 25, "learning_rate": 0.01, "random_state": 0}
SOLVERS = {
    skmlc.LaMPClassifier: {**LONG, "max_epochs": 70},
    skmlc.CTranClassifier: SHORT,
    skmlc.Query2LabelClassifier: LONG,
    skmlc.SSGRLClassifier: {**SHORT, "label_graph": "full"},
    skmlc.GGNNClassifier: {**SHORT, "label_graph": "full"},
    skmlc.GMMLICClassifier: {**LONG, "max_epochs": 70},
}


# GM-MLIC learns it from three starts of four.
STARTS = {skmlc.GMMLICClassifier: 3}


@cache
def solver(Estimator):
    """Return a model of the exclusive or, from the first start that has learned it."""
    options = {**SOLVERS[Estimator], "label_masking": True}
    n_samples = 600 if options["hidden_size"] == 32 else 400
    X, Y = exclusive_or(np.random.RandomState(0), n_samples)
    for start in range(STARTS.get(Estimator, 1)):
        model = Estimator(**options | {"random_state": start}).fit(X, Y)
        if score_of_the_second(model, X, Y, told=0) > 0.95:
            break
    return model


def score_of_the_second(model, X, Y, told=None):
    """Return the area under the ROC curve of the second label, told another one or nothing."""
    known = np.full(Y.shape, np.nan)
    if told is not None:
        known[:, told] = Y[:, told]
    return roc_auc_score(Y[:, 1], model.predict_proba(X, known=known)[:, 1])


@every_told
def test_an_exclusive_or_is_predicted_from_its_known_partner_alone(Estimator):
    model = solver(Estimator)
    X, Y = exclusive_or(np.random.RandomState(1))
    assert score_of_the_second(model, X, Y, told=0) > 0.95
    assert 0.4 < score_of_the_second(model, X, Y) < 0.6
    # of the label that has nothing to do with it
    assert 0.4 < score_of_the_second(model, X, Y, told=2) < 0.6


def test_hidden_labels_reach_the_loss_only(data):
    X, Y, _ = data
    Y = Y.astype(float)
    Y[::7, 1] = np.nan
    weight = np.ones(len(X))

    def read(Y):
        torch.manual_seed(0)
        rows = np.arange(len(X))
        return BatchDataset(X, Y, weight, masking=True).__getitems__(rows)

    batch, targets = read(Y)
    hidden = targets.known.numpy()
    shown = batch.known.numpy()
    assert np.array_equal(hidden, (shown == 0) & ~np.isnan(Y))  # each is one or the other
    assert np.array_equal(shown[shown != 0], (2 * Y - 1)[shown != 0])
    assert 0.2 < (shown != 0).mean() < 0.5
    flipped = np.where(hidden, 1 - Y, Y)
    other, other_targets = read(flipped)
    assert torch.equal(other.known, batch.known)
    assert np.array_equal(other_targets.labels.numpy()[hidden], 1 - Y[hidden])


@every_told
def test_perturbing_hidden_labels_changes_the_loss_and_not_the_output(
    Estimator, fitted, data
):
    X, Y, _ = data
    net, outputs, losses = fitted[Estimator].net_, [], []
    for labels in (Y, 1 - Y):
        torch.manual_seed(0)
        data_set = BatchDataset(X, labels, np.ones(len(X)), masking=0.0)  # all are hidden
        batch, targets = data_set.__getitems__(np.arange(len(X)))
        output = net.module_.eval()(batch, labels=targets.labels)
        outputs.append(output)
        losses.append(net.criterion_(output, targets).item())
    assert torch.equal(*outputs)
    assert abs(losses[0] - losses[1]) > 1e-3


@every_told
def test_the_share_shown_may_be_a_number_or_a_distribution(Estimator, data):
    X, Y, known = data
    for masking in (0.5, stats.beta(1, 2)):
        model = Estimator(**SMALL, label_masking=masking)
        first = model.fit(X, Y).predict_proba(X, known=known)
        again = clone(model).fit(X, Y).predict_proba(X, known=known)
        assert np.array_equal(first, again)


@every_told
def test_a_model_that_is_not_trained_to_be_told_is_as_it_was(Estimator, data):
    X, Y, _ = data
    model = Estimator(**SMALL, label_masking=False).fit(X, Y)
    assert not any("known" in name for name, _ in model.module_.named_parameters())
    assert any(
        "known" in n for n, _ in Estimator(**MASKED).fit(X, Y).module_.named_parameters()
    )


@every_told
def test_booleans_of_numpy_mask_labels_like_those_of_python(Estimator, data):
    X, Y, known = data
    on = [Estimator(**SMALL, label_masking=value).fit(X, Y) for value in (True, np.True_)]
    assert np.array_equal(*(model.predict_proba(X, known=known) for model in on))
    off = [
        Estimator(**SMALL, label_masking=value).fit(X, Y) for value in (False, np.False_)
    ]
    assert np.array_equal(*(model.predict_proba(X) for model in off))
    assert not off[1].module_.takes_known


# What travels -------------------------------------------------------------------------------

CHAIN = np.eye(5, k=-1)  # label i receives from label i - 1


def reached(Estimator, data, **options):
    """Return which labels change if label 0 is told, on a chain of labels."""
    X, _, _ = data
    Y = np.random.RandomState(0).randint(2, size=(len(X), 5))
    model = Estimator(CHAIN, **MASKED, **options).fit(X, Y)
    known = np.full(Y.shape, np.nan)
    known[:, 0] = 1
    change = model.predict_proba(X, known=known) - model.predict_proba(X)
    # Matrices of other shapes may round in another way.
    return np.flatnonzero(np.abs(change).max(axis=0) > 1e-6).tolist()


@pytest.mark.parametrize("n_steps", [1, 2, 3])
@pytest.mark.parametrize(
    ("Estimator", "options"),
    [
        (skmlc.LaMPClassifier, {"linear_skip": False}),
        (skmlc.LaMPClassifier, {}),
        (skmlc.SSGRLClassifier, {"linear_skip": False}),
    ],
    ids=["LaMP", "LaMP with linear part", "SSGRL"],
)
def test_what_is_known_travels_one_edge_per_step(Estimator, options, n_steps, data):
    assert reached(Estimator, data, n_steps=n_steps, **options) == list(range(n_steps + 1))


def test_among_queries_it_travels_one_edge_per_layer(data):
    for n_layers in (1, 2):
        there = reached(skmlc.Query2LabelClassifier, data, n_layers=n_layers)
        assert there == list(range(n_layers + 1))


def test_in_graph_matching_it_travels_one_edge_per_layer_or_through_instances(data):
    apart = {"n_layers": 2, "matching_messages": False}
    # The matching edges, which give the answer, read the labels of the same layer.
    assert reached(skmlc.GMMLICClassifier, data, **apart) == [0, 1, 2]
    assert reached(skmlc.GMMLICClassifier, data, n_layers=2) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("Estimator", [skmlc.LaMPClassifier, skmlc.CTranClassifier])
def test_permuting_the_labels_permutes_the_answers(Estimator, data, fitted):
    X, Y, known = data
    model, order = fitted[Estimator], np.array([2, 0, 3, 1])
    expected = model.predict_proba(X, known=known)[:, order]
    with torch.no_grad():
        module = model.module_
        for name, parameter in module.named_parameters():
            values = parameter.detach().clone()
            if name in ("known_skip.log_holds", "known_skip.log_holds_not"):
                parameter.copy_(values[order])
            elif name in ("skip.weight", "skip.bias"):
                parameter.copy_(values[..., order])
            elif name in (
                "head.label_embedding",
                "head.output_vector",
                "head.output_bias",
            ):
                parameter.copy_(values[order])
        rows = module.known_skip
        rows.labels, rows.frequency = rows.labels[:, order], rows.frequency[order]
        module.eval()
    permuted = model.predict_proba(X, known=known[:, order])
    np.testing.assert_allclose(permuted, expected, rtol=1e-4, atol=1e-6)
    fitted[Estimator] = Estimator(**MASKED).fit(X, Y)


# Neighbors among label rows -------------------------------------------------------------------

FULL = [skmlc.LaMPClassifier, skmlc.CTranClassifier]


@pytest.mark.parametrize(
    ("options", "n_labels", "expected"),
    [
        ({}, 9, KnownLabelSkip),
        ({}, 10, KnownLabelNeighbors),
        ({"label_neighbors": False}, 10, KnownLabelSkip),
        ({"label_neighbors": True}, 3, KnownLabelNeighbors),
        ({"label_neighbors": True, "linear_skip": False}, 3, KnownLabelNeighbors),
        ({"label_neighbors": True, "label_graph": "cooccurrence"}, 10, KnownLabelSkip),
        ({"label_neighbors": True, "label_graph": "none"}, 10, KnownLabelSkip),
        ({"label_neighbors": False, "linear_skip": False}, 10, type(None)),
        ({"label_masking": False}, 10, type(None)),
    ],
)
def test_label_rows_are_read_where_all_labels_hear_of_all(options, n_labels, expected):
    X, Y = make_multilabel_classification(30, 5, n_classes=n_labels, random_state=0)
    Y[:2, 0] = 0, 1
    settings = {"hidden_size": 8, "max_epochs": 1, "label_masking": True} | options
    model = skmlc.LaMPClassifier(**settings, random_state=0).fit(X, Y)
    assert type(model.module_.known_skip) is expected


@pytest.mark.parametrize("Estimator", FULL)
def test_label_rows_are_those_of_the_samples_that_are_trained_on(Estimator, data):
    X, Y, _ = data
    weight = np.ones(len(Y))
    weight[5:9] = 0
    model = Estimator(**MASKED, early_stopping="loss", warm_start=True)
    for _ in range(2):
        model.fit(X, Y, sample_weight=weight)
        rows, valid = model._split(SimpleNamespace(Y=Y), weight)
        assert len(valid) > 0
        assert np.array_equal(model.module_.known_skip.labels, Y[rows])


def test_in_training_a_sample_is_not_compared_with_itself(data, monkeypatch):
    X, Y, _ = data
    seen, forward = [], KnownLabelNeighbors.forward

    def watch(self, known, own_rows=None):
        if self.training:
            labels = self.labels[own_rows].float()
            told = known != 0
            assert torch.equal(labels[told], (known[told] + 1) / 2)
            seen.extend(own_rows.tolist())
        return forward(self, known, own_rows)

    monkeypatch.setattr(KnownLabelNeighbors, "forward", watch)
    skmlc.LaMPClassifier(**{**MASKED, "max_epochs": 1}).fit(X, Y)
    assert sorted(seen) == list(range(len(Y)))


def test_a_planted_rule_of_many_labels_is_read_from_label_rows():
    rng = np.random.RandomState(0)
    kinds = rng.random_sample((8, 40)) < 0.5  # each sample is of a kind, up to some noise
    X, kind = rng.randn(500, 5), rng.randint(8, size=500)
    Y = (kinds[kind] ^ (rng.random_sample((500, 40)) < 0.05)).astype(int)
    known = np.where(rng.random_sample(Y.shape) < 0.5, Y, np.nan)[400:]
    scores = []
    for label_neighbors in (True, False):
        model = skmlc.LaMPClassifier(
            hidden_size=16, max_epochs=10, label_masking=True,
            label_neighbors=label_neighbors, random_state=0,
        ).fit(X[:400], Y[:400])  # fmt: skip
        proba, hidden = model.predict_proba(X[400:], known=known), np.isnan(known)
        scores.append(roc_auc_score(Y[400:][hidden], proba[hidden]))
    assert scores[0] > 0.93 > scores[1]


# Joint answers ------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["network", "wrapper"])
def told_model(request, fitted, data):
    if request.param == "network":
        return fitted[skmlc.LaMPClassifier]
    logistic = make_pipeline(StandardScaler(), LogisticRegression())
    return skmlc.KnownLabelsClassifier(logistic, random_state=0).fit(*data[:2])


def test_log_likelihood_is_the_sum_over_labels_told_one_by_one(told_model, data):
    X, Y, _ = data
    model = told_model
    pair = np.full(
        Y.shape, np.nan
    )  # two labels are asked for, so that there are two orders
    pair[:, 1], pair[:, 3] = Y[:, 1], Y[:, 3]
    told = np.full(Y.shape, np.nan)
    told[:, 0] = Y[:, 0]

    def log_p(label, told):
        p = model.predict_proba(X, known=told).astype(float)[:, label]
        return np.log(np.where(Y[:, label] == 1, p, 1 - p))

    first_1, first_3 = told.copy(), told.copy()
    first_1[:, 1], first_3[:, 3] = Y[:, 1], Y[:, 3]
    orders = np.column_stack(
        [log_p(1, told) + log_p(3, first_1), log_p(3, told) + log_p(1, first_3)]
    )
    result = model.log_likelihood(X, pair, known=told, random_state=0)
    distance = np.abs(result[:, None] - orders)
    assert distance.min(axis=1).max() < 1e-5  # each row has one of the two orders
    assert 0.2 < (distance.argmin(axis=1) == 0).mean() < 0.8
    contradicting = told.copy()
    contradicting[2, 0] = 1 - Y[2, 0]
    values = model.log_likelihood(X[:4], Y[:4], known=contradicting[:4], random_state=0)
    assert (values == -np.inf).tolist() == [False, False, True, False]
    mean = model.log_likelihood(X, pair, known=told, n_orders=64, random_state=0)
    error = np.abs(mean - orders.mean(axis=1))  # half the distance / 8 is its spread
    assert (error <= 4 * np.abs(np.diff(orders)[:, 0]) / 16 + 1e-5).all()


def test_labels_in_one_round_are_drawn_from_their_probabilities(told_model, data):
    X, _, known = data
    model = told_model
    drawn = model.sample_labels(X, 800, known=known, n_rounds=1, random_state=0)
    expected = model.predict_proba(X, known=known)
    assert np.abs(drawn.mean(axis=0) - expected).max() < 0.08  # 4.5 times its spread


def test_samples_do_not_depend_on_how_rows_are_batched(data):
    """Rows of different lengths are read in another order, and come back in theirs."""
    Y = data[1]
    rows = sparse.random_array((60, 9), density=0.3, random_state=0, format="csr")
    model = skmlc.LaMPClassifier(**MASKED, batch_size=7).fit(rows, Y)
    told = as_sparse(Y.astype(float))  # all is known: each row must come back as itself
    assert np.array_equal(model.sample_labels(rows, 1, known=told)[0], Y)
    assert np.array_equal(model.predict(rows, known=told, decoding="joint"), Y)
    model.set_params(batch_size=32)
    one_by_one = np.concatenate(
        [model.log_likelihood(rows[[i]], Y[[i]], n_rounds=1) for i in range(60)]
    )
    np.testing.assert_allclose(model.log_likelihood(rows, Y, n_rounds=1), one_by_one, 1e-4)


def test_an_informative_label_is_suggested_and_none_that_is_known():
    X, Y = exclusive_or(np.random.RandomState(1))
    model = solver(skmlc.LaMPClassifier)
    labels, information = model.suggest_labels(X[:50], n=3)
    assert labels.shape == information.shape == (50, 3)
    assert (labels[:, 0] != 2).all()  # of which the others are independent
    assert information[:, 0].mean() > np.log(2) + 0.5  # of at most 2 log 2
    assert (np.diff(information, axis=1) <= 0).all()
    known = np.full(Y[:50].shape, np.nan)
    known[:, 0], known[0] = Y[:50, 0], Y[0]
    labels, information = model.suggest_labels(X[:50], known=known, n=3)
    assert labels[0].tolist() == [-1, -1, -1]
    assert (np.sort(labels[1:], axis=1) == [-1, 1, 2]).all()
    assert (information[labels == -1] == 0).all()


def test_a_joint_answer_is_in_the_form_of_y(data):
    X, Y, _ = data
    model = skmlc.LaMPClassifier(**MASKED).fit(X, sparse.csr_matrix(Y))
    for decoding in ("threshold", "joint", "expected_f1"):
        answer = model.predict(X[:5], decoding=decoding)
        assert sparse.issparse(answer)
        assert answer.shape == (5, 4)


def test_joint_answers_leave_the_global_random_states_as_they_were(told_model, data):
    X = data[0]
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    model = told_model
    model.predict(X[:5], decoding="expected_f1")
    model.sample_labels(X[:5], random_state=3)
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    draws = [model.sample_labels(X[:5], 3, random_state=3) for _ in range(2)]
    assert np.array_equal(*draws)


# Within scikit-learn ------------------------------------------------------------------------


def test_a_pipeline_passes_known_labels_on(data):
    X, Y, known = data
    pipe = make_pipeline(StandardScaler(), skmlc.LaMPClassifier(**MASKED)).fit(X, Y)
    expected = pipe[-1].predict_proba(pipe[0].transform(X), known=known)
    assert np.array_equal(pipe.predict_proba(X, known=known), expected)
    with config_context(enable_metadata_routing=True):
        model = skmlc.LaMPClassifier(**MASKED).set_predict_proba_request(known=True)
        model.set_predict_request(known=True, decoding=True)
        routed = make_pipeline(StandardScaler(), model).fit(X, Y)
        assert np.array_equal(routed.predict_proba(X, known=known), expected)
        labels = routed.predict(X, known=known, decoding="joint")
    assert np.array_equal(labels[~np.isnan(known)], known[~np.isnan(known)])


def test_a_search_reaches_label_masking(data):
    X, Y, known = data
    search = GridSearchCV(
        skmlc.LaMPClassifier(**MASKED),
        {"label_masking": [True, 0.3]},
        cv=2,
        scoring="f1_macro",
    ).fit(X, Y)
    assert search.best_estimator_.predict_proba(X, known=known).shape == Y.shape


def test_a_search_scores_with_labels_known_by_metadata_routing(data):
    X, Y, known = data
    scorer, folds = get_scorer("mAP", known=0.5), KFold(2)
    with config_context(enable_metadata_routing=True):
        model = skmlc.LaMPClassifier(**MASKED).set_predict_proba_request(known=True)
        pipe = make_pipeline(StandardScaler(), model)
        search = GridSearchCV(
            pipe, {"lampclassifier__hidden_size": [8]}, cv=folds, scoring=scorer
        ).fit(X, Y)
        expected = [
            scorer(clone(pipe).fit(X[train], Y[train]), X[test], Y[test])
            for train, test in folds.split(X)
        ]
        untold = [
            get_scorer("mAP")(clone(pipe).fit(X[train], Y[train]), X[test], Y[test])
            for train, test in folds.split(X)
        ]
        best = search.best_estimator_.predict_proba(X, known=known)
    assert search.best_score_ == pytest.approx(np.mean(expected))
    assert search.best_score_ != pytest.approx(np.mean(untold))
    classifier, scaled = unwrap(search, X)
    assert np.array_equal(classifier.predict_proba(scaled, known=known), best)


def test_tuned_thresholds_take_known_labels(data):
    X, Y, known = data
    tuner = ThresholdTuner(skmlc.LaMPClassifier(**MASKED), cv=2, random_state=0).fit(X, Y)
    expected = tuner.estimator_.predict_proba(X, known=known)
    assert np.array_equal(tuner.predict_proba(X, known=known), expected)
    tuner.threshold_ = 0.0
    labels = tuner.predict(X, known=known)
    assert np.array_equal(labels[~np.isnan(known)], known[~np.isnan(known)])
    assert (labels[np.isnan(known)] == 1).all()
    logits = tuner.decision_function(X, known=known)
    assert np.array_equal(logits, tuner.estimator_.decision_function(X, known=known))


# What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("Estimator", OTHERS, ids=[E.__name__ for E in OTHERS])
def test_methods_without_label_nodes_refuse_known_labels(Estimator, data):
    X, Y, known = data
    model = Estimator(**SMALL).fit(X, Y)
    for method in ("predict_proba", "decision_function", "predict", "predict_top_k"):
        with pytest.raises(ValueError, match=f"known must be None: {Estimator.__name__}"):
            getattr(model, method)(X, known=known)


@every_told
def test_a_model_without_label_masking_says_why_it_cannot_be_told(Estimator, data):
    X, Y, known = data
    model = Estimator(**SMALL, label_masking=False).fit(X, Y)
    for method in ("predict_proba", "decision_function", "predict", "suggest_labels"):
        with pytest.raises(ValueError, match="fit it with label_masking=True"):
            getattr(model, method)(X, known=known)
    for call in (
        lambda: model.predict(X, decoding="joint"),
        lambda: model.sample_labels(X),
        lambda: model.log_likelihood(X, Y),
    ):
        with pytest.raises(ValueError, match="fit it with label_masking=True"):
            call()


@every_told
def test_one_dimensional_targets_cannot_be_told(Estimator, data):
    X, Y, _ = data
    for y in (Y[:, 0], Y.sum(axis=1)):
        model = Estimator(**MASKED).fit(X, y)
        with pytest.raises(ValueError, match="y was one-dimensional"):
            model.predict_proba(X, known=np.full((len(X), 2), np.nan))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda known: known[:, :3], r"of shape \(60, 4\).*got \(60, 3\)"),
        (lambda known: known[:5], r"of shape \(60, 4\).*got \(5, 4\)"),
        (lambda known: np.where(known == 0, -1, known), "known must .*zeros and ones"),
        (lambda known: sparse.csr_array(np.nan_to_num(known, nan=2)), "if sparse"),
        (lambda known: as_sparse(known) * 0, "if sparse.*got .*0"),
        (lambda known: sparse.csr_array(known), "if sparse.*got .*nan"),
        (lambda known: pd.DataFrame(known, columns=list("abcx")), "lacks .*d"),
        (lambda known: [["a"]], "known must"),
    ],
)
def test_what_known_must_be(change, message, data):
    X, Y, known = data
    model = skmlc.LaMPClassifier(**MASKED).fit(X, pd.DataFrame(Y, columns=list("abcd")))
    with pytest.raises(ValueError, match=message):
        model.predict_proba(X, known=change(known))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, X, Y: m.predict(X, decoding="best"), r"decoding must be .*'joint' or"),
        (lambda m, X, Y: m.sample_labels(X, 0), "n_samples must be a positive integer"),
        (lambda m, X, Y: m.sample_labels(X, n_rounds=0), "n_rounds must be a positive"),
        (lambda m, X, Y: m.suggest_labels(X, n=0), "n must be a positive integer"),
        (lambda m, X, Y: m.suggest_labels(X, n_candidates=0.5), "n_candidates must be"),
        (lambda m, X, Y: m.log_likelihood(X, Y[:, :2]), "y must have 4 columns"),
        (lambda m, X, Y: m.log_likelihood(X, Y[:9]), "inconsistent numbers of samples"),
    ],
)
def test_bad_arguments_are_named(call, message, fitted, data):
    X, Y, _ = data
    with pytest.raises(ValueError, match=message):
        call(fitted[skmlc.LaMPClassifier], X, Y)


@pytest.mark.parametrize("masking", [1.0, -0.1, "half", None])
def test_a_share_of_labels_must_leave_some_hidden(masking, data):
    X, Y, _ = data
    with pytest.raises(ValueError, match="label_masking"):
        skmlc.LaMPClassifier(**SMALL, label_masking=masking).fit(X, Y)


def test_known_is_not_modified(fitted, data):
    X, _, known = data
    forms = [known.copy(), as_sparse(known), pd.DataFrame(known)]
    copies = [form.copy() for form in forms]
    for form in forms:
        fitted[skmlc.LaMPClassifier].predict_proba(X, known=form)
    assert np.array_equal(forms[0], copies[0], equal_nan=True)
    assert (forms[1] != copies[1]).nnz == 0
    assert forms[2].equals(copies[2])

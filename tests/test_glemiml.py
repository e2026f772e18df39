"""GLEMIML: what is trained by what, its ablations, and what it says of instances."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from scipy.special import softmax
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, train_test_split
from skorch.callbacks import Callback

from skmlc import GLEMIMLClassifier
from skmlc.glemiml import _standardized
from skmlc.inputs import Bags, Sequences

SMALL = {"hidden_size": 8, "instance_size": 4, "max_epochs": 3, "batch_size": 16}
SMALL |= {"precision": "float64", "random_state": 0}


def make_bags(n_bags=60, seed=0, sizes=(1, 5)):
    """Make bags of which a label holds where an instance is near the label's center."""
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, 2, size=(n_bags, 4))
    bags = []
    for row in Y:
        instances = [rng.normal(size=(rng.integers(*sizes), 4))]
        instances += [
            5 * np.eye(4)[[j]] + rng.normal(size=(1, 4)) for j in row.nonzero()[0]
        ]
        bags.append(np.concatenate(instances))
    return Bags(bags), Y


@pytest.fixture(scope="module")
def data():
    return make_bags()


def fitted(data, **options):
    return GLEMIMLClassifier(**{**SMALL, **options}).fit(*data)


def shuffled(bags, seed=0):
    rng = np.random.default_rng(seed)
    return Bags([bag[rng.permutation(len(bag))] for bag in bags])


# Classifier and enhancer --------------------------------------------------------------------


def test_prediction_does_not_use_the_enhancer(data):
    model = fitted(data)
    expected = model.predict_proba(data[0])
    for part in (model.module_.head.enhancer, model.module_.head.topology):
        for parameter in part.parameters():
            parameter.data.fill_(np.nan)
    np.testing.assert_array_equal(model.predict_proba(data[0]), expected)
    assert np.isnan(model.enhance(*data)).all()


def test_with_rho_of_one_the_classifier_learns_alone(data):
    options = {"rho": 1.0, "early_stopping": "loss", "max_grad_norm": 0.01}
    one = fitted(data, **options, betas=(1.0, 0.0, 0.0), n_neighbors=1)
    other = fitted(data, **options, gamma_neg=0.0, temperature=3.0, betas=(0, 0, 1))
    assert np.abs(one.label_distribution_ - other.label_distribution_).max() > 1e-3
    losses = one.history_[:, "valid_loss"], other.history_[:, "valid_loss"]
    np.testing.assert_allclose(*losses, rtol=1e-9)
    np.testing.assert_allclose(
        one.decision_function(data[0]), other.decision_function(data[0]), rtol=1e-9
    )


@pytest.mark.parametrize("form", ["sequences", "sparse"])
def test_the_enhancer_does_not_teach_the_encoder(form, data):
    Y = data[1]
    rng = np.random.default_rng(0)
    X = sparse.random(len(Y), 9, density=0.5, format="csr", random_state=0)
    if form == "sequences":
        X = Sequences([rng.integers(0, 9, n) for n in rng.integers(1, 6, len(Y))])
    options = {"rho": 1.0, "max_grad_norm": None, "learning_rate": 0.05}
    one = fitted((X, Y), **options, betas=(1.0, 0.0, 0.0))
    other = fitted((X, Y), **options, betas=(0.0, 1.0, 0.0), gamma_neg=0.0)
    assert np.abs(one.label_distribution_ - other.label_distribution_).max() > 1e-3
    np.testing.assert_allclose(
        one.decision_function(X), other.decision_function(X), rtol=1e-9
    )


def test_without_weight_for_its_losses_the_enhancer_does_not_learn(data):
    # Weight decay aside, an enhancer without a loss keeps its weights.
    model = GLEMIMLClassifier(**SMALL, betas=(0.0, 0.0, 1.0), weight_decay=0.0)
    Y = np.ones_like(data[1])  # nothing is below a label that holds
    model.fit(data[0], Y)
    start = clone(model).set_params(learning_rate=1e-300).fit(data[0], Y)
    for name, parameter in model.module_.head.enhancer.named_parameters():
        expected = start.module_.head.enhancer.get_parameter(name)
        torch.testing.assert_close(parameter, expected, msg=name)


def test_labels_that_hold_rank_first_on_separable_data():
    X, Y = make_bags(200)
    # Eq. 5 mixes labels after the fact, and these are independent.
    model = GLEMIMLClassifier(random_state=0, max_epochs=80, correlation_weight=0.0)
    distribution = model.fit(X, Y).label_distribution_
    highest = np.where(Y == 0, distribution, -np.inf).max(axis=1)
    lowest = np.where(Y == 1, distribution, np.inf).min(axis=1)
    assert (lowest >= highest).all()
    others, truth = make_bags(100, seed=1)
    assert (model.predict(others) == truth).mean() > 0.9


# Similarity of bags -------------------------------------------------------------------------


class IgnoreLastFeature(Callback):
    """Set the weights of the last feature to zero, so that no network reads it."""

    def on_train_begin(self, net, **kwargs):
        for parameter in net.module_.parameters():
            if parameter.ndim == 2 and parameter.shape[1] == 4:
                parameter.data[:, -1] = 0


def similarity_of(X, Y, **options):
    """Return the loss of similarity where the last feature is read by it alone."""
    model = fitted(
        (X, Y), betas=(0.0, 1.0, 0.0), rho=1.0, learning_rate=1e-30, weight_decay=0.0,
        batch_size=len(Y), max_epochs=1, linear_skip=False, instance_size=5,
        callbacks=[IgnoreLastFeature()], **options,
    )  # fmt: skip
    p = model.predict_proba(X)
    cross_entropy = -(Y * np.log(p) + (1 - Y) * np.log(1 - p)).mean()
    return model.history_[0, "train_loss"] - cross_entropy


@pytest.mark.parametrize("similarity", ["pairs", "sum"])
def test_bags_are_compared_by_their_standardized_means(similarity, data):
    X, Y = data
    found = similarity_of(X, Y, similarity=similarity)
    for factor, shift in [(1, 1000), (50, 0), (-50, 7)]:
        other = Bags.from_flat(
            X.instances * [1, 1, 1, factor] + np.array([0, 0, 0, shift]), X.offsets
        )
        found_again = similarity_of(other, Y, similarity=similarity)
        assert found_again == pytest.approx(found, rel=1e-6)
    # Another order of the last feature is another similarity; of a bag its mean counts.
    mixed = Bags.from_flat(
        np.column_stack([X.instances[:, :3], X.instances[::-1, 3]]), X.offsets
    )
    assert abs(similarity_of(mixed, Y, similarity=similarity) / found - 1) > 1e-4
    means = [
        np.column_stack([bag[:, :3], np.full(len(bag), bag[:, 3].mean())]) for bag in X
    ]
    assert similarity_of(Bags(means), Y, similarity=similarity) == pytest.approx(found)


# Label distributions ------------------------------------------------------------------------


def test_label_distributions_are_those_of_the_training_bags(data):
    model = fitted(data)
    assert model.label_distribution_.shape == data[1].shape
    np.testing.assert_allclose(model.label_distribution_.sum(axis=1), 1)
    np.testing.assert_allclose(model.enhance(*data), model.label_distribution_)
    assert np.ptp(model.label_distribution_, axis=0).min() > 0


@pytest.mark.parametrize("bandwidth", ["mean", 0.5])
def test_a_bag_is_enhanced_alone_as_among_others(data, bandwidth):
    X, Y = data
    model = fitted(data, bandwidth=bandwidth)
    alone = [model.enhance(X[i : i + 1], Y[i : i + 1])[0] for i in range(len(Y))]
    np.testing.assert_allclose(alone, model.enhance(X, Y), rtol=1e-9)


def test_other_labels_give_another_distribution(data):
    X, Y = data
    model = fitted(data, max_epochs=20)
    other = model.enhance(X, 1 - Y)
    np.testing.assert_array_equal(other.argmax(axis=1) == 0, other[:, 0] == other.max(1))
    assert np.abs(other - model.label_distribution_).max() > 0.1


def test_the_distribution_is_the_soft_max_of_enhanced_and_correlated_labels(data):
    model = fitted(data, temperature=2.0, correlation_weight=0.7)
    graph = model.label_correlation_
    assert graph.any()
    enhanced = model._enhance(*data)
    np.testing.assert_allclose(model.label_distribution_, softmax(enhanced / 2.0, axis=1))
    model.module_.head.correlation = None
    plain = model._enhance(*data)  # Eq. 4
    np.testing.assert_allclose(enhanced, plain + 0.7 * plain @ graph.T, atol=1e-7)  # Eq. 5


def test_fewer_than_three_labels_have_no_graph(data):
    X, Y = data
    model = fitted((X, Y[:, :2]))
    assert not model.label_correlation_.any()
    alone = fitted((X, Y[:, 0]))
    np.testing.assert_array_equal(alone.label_distribution_, 1)


def test_y_of_enhance_is_checked(data):
    X, Y = data
    model = fitted(data)
    with pytest.raises(ValueError, match="4 labels of the first fit; got 3"):
        model.enhance(X, Y[:, :3])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.enhance(X, Y[:5])
    frame = pd.DataFrame(Y, columns=list("abcd"))
    model = fitted((X, frame))
    with pytest.raises(ValueError, match="columns of the first fit"):
        model.enhance(X, frame[list("dcba")])


def test_validation_measures_what_prediction_does(data):
    X, Y = data
    model = fitted(data, early_stopping="loss", validation_fraction=0.5, max_epochs=1)
    p = model.predict_proba(X)
    entries = -(Y * np.log(p) + (1 - Y) * np.log(1 - p))
    # On half of the bags, whichever these are.
    assert entries.mean(axis=1).min() < model.history_[-1, "valid_loss"]
    assert abs(entries.mean() - model.history_[-1, "valid_loss"]) < 0.1


def test_parameters_of_another_fit_do_not_change_the_distributions(data):
    model = fitted(data)
    before = model.enhance(*data), model.instance_scores(data[0])[0]
    model.set_params(temperature=9.0, linear_skip=not model.linear_skip)
    np.testing.assert_array_equal(model.enhance(*data), before[0])
    np.testing.assert_array_equal(model.instance_scores(data[0])[0], before[1])


def test_unknown_labels_have_no_share(data):
    X, Y = data
    Y = Y.astype(float)
    Y[0], Y[1, :2] = np.nan, np.nan
    shares = fitted((X, Y), allow_missing_labels=True).label_distribution_
    np.testing.assert_array_equal(shares[0], 0)
    np.testing.assert_array_equal(shares[1, :2], 0)
    np.testing.assert_allclose(shares[1:].sum(axis=1), 1)


def test_constant_features_do_not_make_bags_similar():
    vectors = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    padded = torch.cat([vectors, torch.full((6, 1), 3.7), torch.full((6, 1), 1000.1)], 1)
    standardized = _standardized(padded)
    torch.testing.assert_close(standardized[:, :3], _standardized(vectors))
    torch.testing.assert_close(standardized[:, :3].std(0, correction=0), torch.ones(3))
    assert not standardized[:, 3:].any()


def test_partial_fit_and_warm_start_renew_the_distributions(data):
    X, Y = data
    model = GLEMIMLClassifier(**SMALL, warm_start=True).fit(X, Y)
    first = model.label_distribution_
    assert np.abs(model.fit(X, Y).label_distribution_ - first).max() > 1e-3
    assert model.partial_fit(X[:7], Y[:7]).label_distribution_.shape == (7, 4)


# Instances ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"graph_in_classifier": True}, {"n_layers": 1}], ids=str
)
def test_the_order_of_the_instances_does_not_matter(data, options):
    X, Y = data
    model = fitted(data, **options)
    other = shuffled(X)
    np.testing.assert_allclose(model.predict_proba(other), model.predict_proba(X))
    np.testing.assert_allclose(model.enhance(other, Y), model.label_distribution_)


def test_bags_of_one_instance_and_rows_of_a_table_are_the_same():
    X, Y = make_bags(sizes=(1, 2))
    rows = np.array([bag[0] for bag in X])
    of_rows, of_bags = fitted((rows, Y)), fitted((Bags(list(rows[:, None])), Y))
    expected = of_bags.predict_proba(list(rows[:, None]))
    np.testing.assert_array_equal(of_rows.predict_proba(rows), expected)
    np.testing.assert_array_equal(of_bags.predict_proba(rows), expected)
    np.testing.assert_array_equal(
        of_rows.predict_proba(Bags(list(rows[:, None]))), expected
    )
    np.testing.assert_array_equal(of_rows.label_distribution_, of_bags.label_distribution_)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("linear_skip", [False, True])
def test_parts_of_the_instances_sum_to_the_scores(data, n_layers, linear_skip):
    X, _ = data
    model = fitted(data, n_layers=n_layers, linear_skip=linear_skip)
    scores = model.instance_scores(X)
    assert [part.shape for part in scores] == [(len(bag), 4) for bag in X]
    sums = np.array([part.sum(axis=0) for part in scores])
    rest = model.decision_function(X) - sums
    np.testing.assert_allclose(rest, np.broadcast_to(rest[0], rest.shape), atol=1e-9)


def test_the_instance_that_triggers_a_label_has_the_largest_part():
    X, Y = make_bags(200)
    model = GLEMIMLClassifier(random_state=0, max_epochs=20).fit(X, Y)
    hits = []
    for row, part in zip(Y, model.instance_scores(X), strict=True):
        planted = np.flatnonzero(row)
        n_others = len(part) - len(planted)
        hits += list(part[:, planted].argmax(axis=0) == n_others + np.arange(len(planted)))
    assert np.mean(hits) > 0.9


# Parameters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        {"rho": 0.2},
        {"temperature": 4.0},
        {"betas": (0.2, 0.7, 0.1)},
        {"gamma_pos": 1.0},
        {"gamma_neg": 0.0},
        {"similarity": "sum"},
        {"interaction": "filter"},
        {"interaction": None},
        {"instance_size": 3},
        {"n_neighbors": 1},
        {"bandwidth": 0.1},
        {"n_label_neighbors": 1},
        {"correlation_weight": 0.0},
    ],
    ids=str,
)
def test_a_parameter_of_the_enhancer_changes_the_distributions(data, option):
    plain, other = fitted(data), fitted(data, **option)
    assert np.abs(plain.label_distribution_ - other.label_distribution_).max() > 1e-4


@pytest.mark.parametrize(
    "option",
    [
        {"rho": 0.2},
        {"n_layers": 1},
        {"n_layers": 3},
        {"dropout": 0.5},
        {"hidden_size": 9},
        {"graph_in_classifier": True},
        {"linear_skip": "other"},
    ],
    ids=str,
)
def test_a_parameter_of_the_classifier_changes_the_prediction(data, option):
    plain = fitted(data)
    if "linear_skip" in option:
        option = {"linear_skip": not plain.linear_skip}
    other = fitted(data, **option)
    difference = plain.decision_function(data[0]) - other.decision_function(data[0])
    assert np.abs(difference).max() > 1e-4


@pytest.mark.parametrize(
    "betas", [(0.5, 0.5), (0.5, 0.6, -0.1), (0.5, 0.5, 0.5), [[1.0]], ["a", "b", "c"]]
)
def test_betas_that_do_not_sum_to_one_are_refused(data, betas):
    with pytest.raises(ValueError, match="betas must be three numbers"):
        fitted(data, betas=betas)


def test_unknown_labels_do_not_matter_to_the_losses(data):
    X, Y = data
    Y = Y.astype(float)
    Y[::3, 1] = np.nan
    model = fitted((X, Y), allow_missing_labels=True, rho=0.5)
    assert np.isfinite(model.predict_proba(X)).all()
    assert np.isfinite(model.label_distribution_).all()


def test_bags_with_all_labels_or_none_are_no_trouble(data):
    X, Y = data
    Y = Y.copy()
    Y[:20], Y[20:40] = 0, 1
    assert np.isfinite(fitted((X, Y)).label_distribution_).all()
    assert np.isfinite(fitted((X, np.ones_like(Y))).predict_proba(X)).all()


def test_a_last_batch_of_one_bag_is_no_trouble(data):
    X, Y = data
    model = fitted((X[:17], Y[:17]))
    assert np.isfinite(model.predict_proba(X)).all()


def test_lists_of_bags_are_split_and_searched(data):
    X, Y = list(data[0]), data[1]
    X_train, X_test, Y_train, _ = train_test_split(X, Y, random_state=0)
    search = GridSearchCV(
        GLEMIMLClassifier(**SMALL), {"rho": [0.5, 1.0]}, cv=2, scoring="f1_micro",
        error_score="raise",
    ).fit(X_train, Y_train)  # fmt: skip
    assert search.predict_proba(X_test).shape == (15, 4)

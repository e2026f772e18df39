"""Several classifiers whose logits are summed with weights that are learned per label."""

import copy

import numpy as np
import pytest
from joblib import parallel_config
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc import KnownLabelsClassifier, MIMLkNN
from skmlc.ensemble import StackingClassifier
from skmlc.ensemble._weights import clipped_logits, fit_weights
from skmlc.inputs import Bags, Sequences
from tests.label_forms import FRAMES, NAMES
from tests.model_selection.test_tuner import IS_OLD, UNEQUAL_Y

N, F, L = 60, 3, 4
rng = np.random.default_rng(0)
X = rng.normal(size=(N, F))
Y = rng.integers(0, 2, (N, L))
UNKNOWN = np.where(rng.random(Y.shape) < 0.3, np.nan, Y)
FOREST = RandomForestClassifier(5, max_depth=3, random_state=0)
LINEAR = OneVsRestClassifier(LogisticRegression())
CAN_BE_TOLD = KnownLabelsClassifier(LogisticRegression(), n_copies=1, random_state=0)


class Reads(ClassifierMixin, BaseEstimator):
    """Gives columns of X as probabilities, whatever it was fitted on."""

    def __init__(self, first=0):
        self.first = first

    def fit(self, X, y, sample_weight=None):
        self.n_labels_ = np.shape(y)[1]
        return self

    def predict_proba(self, X):
        return np.asarray(X)[:, self.first : self.first + self.n_labels_]


class Remembers(ClassifierMixin, BaseEstimator):
    """Is certain, and right, of the samples of its training, and knows nothing of others."""

    def fit(self, X, y):
        self.seen_ = {tuple(x): row for x, row in zip(X, np.asarray(y))}
        self.n_labels_ = y.shape[1]
        return self

    def predict_proba(self, X):
        unseen = np.where(np.arange(self.n_labels_) % 2, 0.1, 0.9)
        return np.array([self.seen_.get(tuple(x), unseen) for x in X], dtype=float)


class Length(ClassifierMixin, BaseEstimator):
    """Reads the lengths of sequences."""

    def fit(self, X, y):
        self.n_labels_ = y.shape[1]
        return self

    def predict_proba(self, X):
        return np.array([[1 / (1 + len(x))] * self.n_labels_ for x in X])


def fitted(*members, X=X, Y=Y, sample_weight=None, **options):
    pairs = [(f"m{i}", member) for i, member in enumerate(members)]
    options = {"cv": 2, "random_state": 0} | options
    return StackingClassifier(pairs, **options).fit(X, Y, sample_weight)


def planted(n=2000):
    """Return probabilities that a perfect and a useless member say, and labels."""
    rng = np.random.default_rng(1)
    good, bad = rng.uniform(0.02, 0.98, (2, n, 2))
    return np.hstack([good, bad]), (rng.random((n, 2)) < good).astype(int)


@parametrize_with_checks(
    [
        StackingClassifier(
            [("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))],
            cv=2,
            random_state=0,
        )
    ],
    expected_failed_checks=lambda estimator: UNEQUAL_Y if IS_OLD else {},
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# The weights ----------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.5, 20])
def test_weights_are_those_of_a_generic_optimizer(alpha):
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(2, 50, 3)) * 2
    y = (rng.random((50, 3)) < expit(0.8 * logits[0] + 0.3 * logits[1] - 0.5)).astype(float)
    y[:10, 1] = np.nan
    weight = rng.uniform(0.5, 2, 50)

    def loss(theta, columns, center):
        total = alpha / 2 * (theta[0] ** 2 + np.sum((theta[1:] - center) ** 2))
        for i in range(50):
            for j in columns:
                if not np.isnan(y[i, j]):
                    p = expit(theta[0] + theta[1:] @ logits[:, i, j])
                    total -= weight[i] * np.log(p if y[i, j] else 1 - p)
        return total

    def best(columns, center, intercept):
        result = minimize(
            lambda t: loss(
                np.array([t[0] * intercept, *np.square(t[1:])]), columns, center
            ),
            [0.1, 0.7, 0.7],
            tol=1e-10,
        )
        return np.array([result.x[0] * intercept, *np.square(result.x[1:])])

    shared = best([0, 1, 2], 0.5, intercept=0)[1:]
    weights, intercept = fit_weights(logits, y, weight, alpha)
    for j in range(3):
        expected = best([j], shared, intercept=1)
        np.testing.assert_allclose([intercept[j], *weights[:, j]], expected, atol=2e-3)


def test_a_perfect_member_dominates_and_a_useless_one_gets_no_weight():
    proba, labels = planted()
    model = fitted(Reads(0), Reads(2), X=proba, Y=labels)
    np.testing.assert_allclose(model.weights_, [[1, 1], [0, 0]], atol=0.15)


def test_weights_are_of_each_label():
    proba, labels = planted()
    mixed = proba[:, [0, 3, 2, 1]]  # each member is right about one label
    weights = fitted(Reads(0), Reads(2), X=mixed, Y=labels).weights_
    np.testing.assert_allclose(weights, np.eye(2), atol=0.15)


def test_a_member_that_is_wrong_has_no_negative_weight():
    proba, labels = planted()
    proba[:, :2] = expit(logit(proba[:, :2]) / 2)  # it should count twice
    proba[:, 2:] = 1 - proba[:, :2]
    model = fitted(Reads(0), Reads(2), X=proba, Y=labels[:, :1], alpha=0.1)
    assert (model.weights_ >= 0).all()
    np.testing.assert_allclose(model.weights_[:, 0], [2, 0], atol=0.2)


def test_without_end_to_the_penalty_logits_are_averaged():
    model = fitted(FOREST, LINEAR, alpha=np.inf)
    np.testing.assert_array_equal(model.weights_, 0.5)
    forest = np.stack([p[:, 1] for p in clone(FOREST).fit(X, Y).predict_proba(X)], axis=1)
    linear = clone(LINEAR).fit(X, Y).predict_proba(X)
    says = [logit(np.clip(p, 1e-3, 1 - 1e-3)) for p in (forest, linear)]
    np.testing.assert_allclose(model.predict_proba(X), expit(np.mean(says, axis=0)))
    near = fitted(FOREST, LINEAR, alpha=1e9)
    np.testing.assert_allclose(near.predict_proba(X), model.predict_proba(X), atol=1e-5)


def test_the_weights_of_a_rare_label_stay_near_the_shared_ones():
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(2, 500, 2)) * 2
    y = (rng.random((500, 2)) < expit(logits[0])).astype(float)
    y[:, 1] = np.nan
    shared, _ = fit_weights(logits, y, np.ones(500), 30)
    y[:6, 1] = logits[0, :6, 1] < 0  # few, and the contrary of what the member says
    # No slope of the loss is larger than the logits of the label are together.
    bound = np.abs(logits[:, :6, 1]).sum(axis=1) / 30
    near = fit_weights(logits, y, np.ones(500), 30)[0]
    assert (np.abs(near[:, 1] - near[:, 0]) < bound + 0.15).all()
    free = fit_weights(logits, y, np.ones(500), 0.01)[0]
    assert np.abs(free[0, 1] - free[0, 0]) > 0.9
    assert np.abs(near[:, 0] - shared[:, 0]).max() < 0.05


def test_weights_follow_from_samples_that_members_have_not_seen():
    proba, labels = planted(300)
    model = fitted(Remembers(), Reads(0), X=proba, Y=labels, alpha=1)
    assert (model.weights_[0] < 0.15).all()
    assert (model.weights_[1] > 0.7).all()
    splits = list(KFold(3).split(X))
    model = fitted(FOREST, LINEAR, cv=splits, alpha=3)
    said = np.zeros((2, N, L))
    for train, test in splits:
        forest = clone(FOREST).fit(X[train], Y[train]).predict_proba(X[test])
        said[0, test] = np.stack([p[:, 1] for p in forest], axis=1)
        said[1, test] = clone(LINEAR).fit(X[train], Y[train]).predict_proba(X[test])
    weights, intercept = fit_weights(clipped_logits(said), Y, np.ones(N), 3)
    np.testing.assert_allclose(model.weights_, weights, atol=1e-5)
    np.testing.assert_allclose(model.intercept_, intercept, atol=1e-5)
    whole = clone(LINEAR).fit(X, Y)
    np.testing.assert_array_equal(
        model.estimators_[1].predict_proba(X), whole.predict_proba(X)
    )


# Labels ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Label .* is present in all training examples")
def test_a_label_without_both_values_gets_the_shared_weights():
    constant = Y.copy()
    constant[:, 1], constant[:, 2], constant[1:, 3] = 0, 1, 0
    constant[0, 3] = 1  # in one training part there is none
    model = fitted(FOREST, LINEAR, Y=constant, alpha=1)
    proba = model.predict_proba(X)
    assert (proba[:, 1] < 0.01).all()
    assert (proba[:, 2] > 0.99).all()
    assert (model.intercept_[1:3] == 0).all()
    np.testing.assert_array_equal(model.weights_[:, 1], model.weights_[:, 2])
    nothing = fitted(FOREST, LINEAR, Y=constant[:, 1:3])
    np.testing.assert_array_equal(nothing.weights_, 0.5)


def test_unknown_labels_teach_no_weights():
    proba, labels = planted(400)
    hidden = labels.astype(float)
    hidden[::2, 0] = np.nan
    splits = [(np.arange(200), np.arange(200, 400)), (np.arange(200, 400), np.arange(200))]
    model = fitted(Reads(0), Reads(2), X=proba, Y=hidden, cv=splits)
    logits = clipped_logits(np.stack([proba[:, :2], proba[:, 2:]]))
    weights, _ = fit_weights(logits, hidden, np.ones(400), 30)
    np.testing.assert_allclose(model.weights_, weights, atol=1e-4)


@pytest.mark.parametrize("kind", FRAMES)
def test_names_of_labels_are_kept(kind):
    model = fitted(FOREST, LINEAR, Y=FRAMES[kind](Y))
    assert list(model.label_names_) == NAMES
    expected = fitted(FOREST, LINEAR).predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_sparse_labels_are_answered_sparsely():
    model = fitted(FOREST, LINEAR, Y=sparse.csr_array(Y))
    expected = fitted(FOREST, LINEAR).predict(X)
    np.testing.assert_array_equal(model.predict(X).toarray(), expected)


def test_known_labels_are_told_to_the_members():
    told = np.full(Y.shape, np.nan)
    told[:, 0] = Y[:, 0]
    model = fitted(CAN_BE_TOLD, CAN_BE_TOLD)
    proba = model.predict_proba(X, told)
    np.testing.assert_array_equal(proba[:, 0], Y[:, 0])
    assert (proba[:, 1:] != model.predict_proba(X)[:, 1:]).any()


# Samples and parameters -----------------------------------------------------------------------


def test_every_kind_of_samples_goes_to_the_members():
    bags = Bags([rng.normal(size=(2 + i % 3, F)) for i in range(N)])
    assert fitted(MIMLkNN(), X=bags).predict_proba(bags).shape == (N, L)
    tokens = Sequences([[1 + i % 3] * (1 + i % 4) for i in range(N)])
    assert fitted(Length(), X=tokens).predict(tokens).shape == (N, L)
    rows = sparse.csr_array(X)
    members = [KNeighborsClassifier(3), DecisionTreeClassifier(max_depth=2, random_state=0)]
    np.testing.assert_allclose(
        fitted(*members, X=rows).predict_proba(rows), fitted(*members).predict_proba(X)
    )


def test_sample_weights_count_in_fits_and_weights():
    members = [DecisionTreeClassifier(max_depth=d, random_state=0) for d in (1, 2)]
    plain = fitted(*members)
    alike = fitted(*members, sample_weight=np.ones(N))
    np.testing.assert_array_equal(plain.weights_, alike.weights_)
    weighted = fitted(*members, sample_weight=np.arange(N) + 1.0)
    assert (plain.weights_ != weighted.weights_).any()


def test_a_weight_of_three_is_three_samples():
    """Rows of weight w stand w times in the same parts, for members and for the weights."""
    counts = np.random.default_rng(4).integers(1, 4, N)
    rows = np.repeat(np.arange(N), counts)
    splits = [(np.arange(N) % 3 != k, np.arange(N) % 3 == k) for k in range(3)]
    repeated = [[np.flatnonzero(part[rows]) for part in split] for split in splits]
    splits = [[np.flatnonzero(part) for part in split] for split in splits]
    members = [DecisionTreeClassifier(max_depth=d, random_state=0) for d in (1, 3)]
    options = {"alpha": 3}
    weighted = fitted(*members, cv=splits, sample_weight=counts, **options)
    longer = fitted(*members, X=X[rows], Y=Y[rows], cv=repeated, **options)
    np.testing.assert_allclose(weighted.weights_, longer.weights_, atol=1e-4)
    np.testing.assert_allclose(weighted.intercept_, longer.intercept_, atol=1e-4)
    # Not by the fits of the members alone: these say the same whatever the weights.
    proba, labels = planted(N)
    members = [Reads(0), Reads(2)]
    data = {"X": proba, "Y": labels, "cv": splits, "alpha": 3}
    weighted = fitted(*members, sample_weight=counts, **data)
    longer = fitted(*members, X=proba[rows], Y=labels[rows], cv=repeated, alpha=3)
    np.testing.assert_allclose(weighted.weights_, longer.weights_, atol=1e-4)
    assert np.abs(weighted.weights_ - fitted(*members, **data).weights_).max() > 1e-3


def test_samples_of_no_weight_are_not_there():
    weight = np.random.default_rng(5).integers(0, 2, N).astype(float)
    kept = weight > 0
    logits = rng.normal(size=(2, N, L))
    for y in (Y, UNKNOWN):
        given = fit_weights(logits, y.astype(float), weight, 3)
        expected = fit_weights(logits[:, kept], y[kept].astype(float), weight[kept], 3)
        np.testing.assert_allclose(given[0], expected[0], atol=1e-4)
        np.testing.assert_allclose(given[1], expected[1], atol=1e-4)


@pytest.mark.parametrize("alpha", [0, -1, np.nan, "strong"])
def test_bad_penalties_are_refused(alpha):
    with pytest.raises(ValueError, match="alpha"):
        fitted(FOREST, alpha=alpha)


def test_a_member_that_is_dropped_is_left_out():
    model = StackingClassifier([("a", FOREST), ("b", LINEAR)], cv=2, random_state=0)
    model = model.set_params(b="drop").fit(X, Y)
    np.testing.assert_array_equal(model.weights_, fitted(FOREST).weights_)


def test_the_number_of_jobs_does_not_change_the_result():
    with parallel_config("threading"):
        more = fitted(FOREST, LINEAR, n_jobs=2)
    one = fitted(FOREST, LINEAR)
    np.testing.assert_array_equal(one.predict_proba(X), more.predict_proba(X))


def test_inputs_and_global_states_are_not_modified():
    inputs = [X, Y, UNKNOWN]
    copies = copy.deepcopy(inputs)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    fitted(FOREST, LINEAR, random_state=None).predict(X)
    fitted(CAN_BE_TOLD, Y=UNKNOWN, random_state=None).predict(X)
    for value, before in zip(inputs, copies):
        np.testing.assert_array_equal(value, before)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002

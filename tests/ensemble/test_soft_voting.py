"""Several classifiers whose probabilities of each label are averaged."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc import KnownLabelsClassifier, LaMPClassifier, MIMLkNN, MLGCNClassifier
from skmlc.base import known_labels as base_known_labels
from skmlc.ensemble import SoftVotingClassifier, _members
from skmlc.inputs import Bags, Sequences
from skmlc.model_selection import ThresholdTuner
from tests.label_forms import FORMS, FRAMES, KNOWN, NAMES, REFUSED
from tests.model_selection.test_tuner import IS_OLD, UNEQUAL_Y

N, F, L = 40, 3, 4
rng = np.random.default_rng(0)
X = rng.normal(size=(N, F))
Y = rng.integers(0, 2, (N, L))
UNKNOWN = np.where(rng.random(Y.shape) < 0.3, np.nan, Y)
TOLD = np.where(rng.random(Y.shape) < 0.5, np.nan, Y)
FOREST = RandomForestClassifier(5, max_depth=3, random_state=0)
TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
LINEAR = OneVsRestClassifier(LogisticRegression())
LAMP = LaMPClassifier(
    hidden_size=8, n_heads=1, max_epochs=1, device="cpu", random_state=0, label_masking=True
)
CAN_BE_TOLD = KnownLabelsClassifier(LogisticRegression(), n_copies=1, random_state=0)
# In each of the forms in which classifiers answer.
MEMBERS = {
    "forest": FOREST,
    "one vs. rest": LINEAR,
    "network": MLPClassifier(3, max_iter=2, random_state=0),
    "neighbors": KNeighborsClassifier(3),
    "tree": TREE,
    "multi-output": MultiOutputClassifier(LogisticRegression()),
    "chain": ClassifierChain(LogisticRegression(), random_state=0),
    "pipeline": make_pipeline(StandardScaler(), FOREST),
    "search": GridSearchCV(FOREST, {"max_depth": [1]}, cv=2),
    "known labels": CAN_BE_TOLD,
    "tuner": ThresholdTuner(FOREST, cv=2, random_state=0),
}


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps what it is given, and says the same of all samples: one number per label."""

    def __init__(self, says=(0.1, 0.2, 0.3, 0.4), names=None):
        self.says = says
        self.names = names

    def fit(self, X, y, sample_weight=None):
        self.X_, self.y_, self.weight_ = X, y, sample_weight
        if self.names is not None:
            self.label_names_ = np.array(self.names, dtype=object)
        return self

    def predict_proba(self, X, known=None):
        self.asked_, self.known_ = X, known
        return np.tile(self.says, (len(X), 1))


class Refused(ClassifierMixin, BaseEstimator):
    """Is not to be fitted."""

    def fit(self, X, y):
        pytest.fail("a fit began")

    def predict_proba(self, X):
        return X


class Dependent(Recorder):
    """Holds each label for likely where the one before it is known to hold."""

    def predict_proba(self, X, known=None):
        known = np.full((len(X), L), np.nan) if known is None else known
        before = np.roll(known, 1, axis=1)
        before[:, 0] = np.nan
        return np.where(np.isnan(before), 0.6, np.where(before == 1, 0.9, 0.2))


def voting(*members, **options):
    names = [f"m{i}" for i in range(len(members))]
    return SoftVotingClassifier(list(zip(names, members)), **options)


def fitted(*members, X=X, Y=Y, sample_weight=None, **options):
    return voting(*members, **options).fit(X, Y, sample_weight)


def fitted_state(model):
    return [name for name in vars(model) if name.endswith("_")]


def labels_of(proba, classes=None):
    """Return what a classifier says of each label (N, L), by loops."""
    if not isinstance(proba, list):
        return np.asarray(proba)
    result = np.zeros((len(proba[0]), len(proba)))
    for j, of_label in enumerate(proba):
        values = [0, 1] if classes is None else list(classes[j])
        for i, row in enumerate(of_label):
            for value, probability in zip(values, row):
                if value == 1:
                    result[i, j] = probability
    return result


@parametrize_with_checks(
    [
        voting(LogisticRegression(), CAN_BE_TOLD),
        voting(TREE, CAN_BE_TOLD, weights=[1, 2]),
    ],
    expected_failed_checks=lambda estimator: UNEQUAL_Y if IS_OLD else {},
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# The mean -----------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, [1, 1, 1], [0.5, 2, 3], [1, 0, 2]])
def test_the_answer_is_the_mean_of_those_of_the_members(weights):
    members = [FOREST, LINEAR, LAMP]
    model = fitted(*members, weights=weights)
    says = [labels_of(clone(member).fit(X, Y).predict_proba(X)) for member in members]
    expected = np.zeros((N, L))
    for i in range(N):
        for j in range(L):
            pairs = list(zip(weights or [1, 1, 1], says))
            total = sum(weight for weight, _ in pairs)
            expected[i, j] = sum(weight * one[i, j] for weight, one in pairs) / total
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-6)
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X) >= 0.5)
    assert model.score(X, Y) == (model.predict(X) == Y).all(axis=1).mean()


@pytest.mark.parametrize("name", MEMBERS)
def test_a_classifier_is_read_in_the_form_in_which_it_answers(name):
    model = fitted(MEMBERS[name])
    alone = clone(MEMBERS[name]).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), labels_of(alone.predict_proba(X)))


@pytest.mark.parametrize("name", ["forest", "one vs. rest", "neighbors", "known labels"])
@pytest.mark.filterwarnings("ignore:Label .* is present in all training examples")
@pytest.mark.filterwarnings("ignore:Label not .* is present in all training examples")
def test_a_label_that_lacks_a_class_in_training_is_sure(name):
    constant = Y.copy()
    constant[:, 0], constant[:, 2] = 0, 1
    proba = fitted(MEMBERS[name], TREE, Y=constant).predict_proba(X)
    np.testing.assert_array_equal(proba[:, [0, 2]], [[0, 1]] * N)
    assert len(np.unique(proba[:, 1])) > 5


def test_the_mean_of_certain_members_is_certain():
    members = [Recorder(says=[1.0] * L) for _ in range(3)]
    for weights in (None, [0.1, 0.2, 0.7], [0.3, 1e-9, 7]):
        assert (fitted(*members, weights=weights).predict_proba(X) == 1).all()


def test_a_member_without_weight_is_fitted_and_not_asked():
    model = fitted(Recorder(), Recorder(), weights=[0, 3])
    model.predict_proba(X)
    assert [hasattr(member, "asked_") for member in model.estimators_] == [False, True]
    assert list(model.weights_) == [0, 3]


def test_a_member_that_answers_in_another_order_is_read_by_name():
    named = FRAMES["pandas"](Y)
    says, turned = [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]
    model = fitted(Recorder(says), Recorder(turned, NAMES[::-1]), Y=named)
    np.testing.assert_allclose(model.predict_proba(X), [says] * N)

    class OfFrames(Recorder):
        def predict_proba(self, X):
            return pd.DataFrame(super().predict_proba(X), columns=NAMES[::-1])

    model = fitted(Recorder(says), OfFrames(turned), Y=named)
    np.testing.assert_allclose(model.predict_proba(X), [says] * N)
    with pytest.raises(
        ValueError, match=r"the member 'm1' must have the labels of y .*lacks"
    ):
        fitted(Recorder(), Recorder(names=[*NAMES[:3], "sand"]), Y=named).predict_proba(X)


def test_a_member_with_too_few_columns_is_named():
    with pytest.raises(ValueError, match=r"the member 'm1' must give 4 columns.*\(40, 3\)"):
        fitted(Recorder(), Recorder(says=[0.1, 0.2, 0.3])).predict_proba(X)


# What is known ------------------------------------------------------------------------------

SPARSELY_TOLD = sparse.csr_array(np.nan_to_num(2 * TOLD - 1))


@pytest.mark.parametrize(
    "known", [TOLD, TOLD.tolist(), SPARSELY_TOLD, FRAMES["pandas"](TOLD).iloc[:, ::-1]]
)
def test_known_labels_are_passed_on_and_come_back_as_told(known):
    model = fitted(Recorder(), CAN_BE_TOLD, Y=FRAMES["pandas"](Y))
    proba, predicted = model.predict_proba(X, known), model.predict(X, known)
    told = model.estimators_[0].known_
    assert isinstance(told, np.ndarray)
    np.testing.assert_array_equal(told, TOLD)
    is_known = ~np.isnan(TOLD)
    np.testing.assert_array_equal(proba[is_known], TOLD[is_known])
    np.testing.assert_array_equal(predicted[is_known], TOLD[is_known])
    says = [member.predict_proba(X, TOLD) for member in model.estimators_]
    expected = (says[0] + says[1]) / 2
    np.testing.assert_allclose(proba[~is_known], expected[~is_known])
    assert len(model.predict_labels(X, known)) == N
    order, _ = model.predict_top_k(X, 1, known)
    holds = (TOLD == 1).any(axis=1)
    assert (TOLD[np.arange(N), order[:, 0]][holds] == 1).all()


def test_nothing_known_is_answered_as_without_known():
    model = fitted(CAN_BE_TOLD, LAMP)
    plain = model.predict_proba(X)
    for known in (np.full(Y.shape, np.nan), sparse.csr_array(Y.shape, dtype=int)):
        np.testing.assert_allclose(model.predict_proba(X, known), plain, rtol=1e-5)
    only = fitted(Recorder())
    only.predict(X)
    assert only.estimators_[0].known_ is None


def test_a_member_is_told_in_the_order_of_its_own_labels():
    names = [NAMES[j] for j in (2, 0, 3, 1)]
    model = fitted(Recorder(), Recorder(names=names), Y=FRAMES["pandas"](Y))
    model.predict_proba(X, TOLD)
    np.testing.assert_array_equal(model.estimators_[1].known_, TOLD[:, [2, 0, 3, 1]])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda member: make_pipeline(StandardScaler(), member),
        lambda member: GridSearchCV(member, {"n_copies": [1]}, cv=2),
        lambda member: make_pipeline(
            StandardScaler(), GridSearchCV(member, {"n_copies": [1]}, cv=2)
        ),
        lambda member: ThresholdTuner(member, cv=2, random_state=0),
        lambda member: voting(member, member),
    ],
)
def test_what_wraps_a_member_is_told_too(wrap):
    model = fitted(wrap(CAN_BE_TOLD))
    scaled = (
        StandardScaler().fit_transform(X) if hasattr(model.estimators_[0], "steps") else X
    )
    expected = clone(CAN_BE_TOLD).fit(scaled, Y).predict_proba(scaled, TOLD)
    np.testing.assert_allclose(model.predict_proba(X, TOLD), expected, rtol=1e-9)


@pytest.mark.parametrize(
    "member, reason",
    [
        (FOREST, "the predict_proba of RandomForestClassifier has no known; leave it out"),
        (make_pipeline(FOREST), "has no known"),
        (MEMBERS["search"], "has no known"),
        (clone(LAMP).set_params(label_masking=False), "fit it with label_masking=True"),
        (MLGCNClassifier(max_epochs=1, device="cpu"), "MLGCNClassifier has no nodes"),
    ],
)
def test_a_member_that_cannot_be_told_is_named(member, reason):
    model = fitted(CAN_BE_TOLD, member)
    match = f"the member 'm1' takes no known labels: .*{reason}"
    with pytest.raises(ValueError, match=f"known must be None: {match}"):
        model.predict_proba(X, TOLD)
    with pytest.raises(ValueError, match=f"one after the other: {match}"):
        model.sample_labels(X)
    without = fitted(CAN_BE_TOLD, member, weights=[1, 0])
    expected = fitted(CAN_BE_TOLD).predict_proba(X, TOLD)
    np.testing.assert_array_equal(without.predict_proba(X, TOLD), expected)


@pytest.mark.parametrize(
    "known, message",
    [
        (TOLD[:, :3], r"known must be of shape \(40, 4\).* got \(40, 3\)"),
        (TOLD[:9], r"known must be of shape \(40, 4\).* got \(9, 4\)"),
        (TOLD * 2, "known must be an indicator matrix"),
        (sparse.csr_array(Y * 2), "known, if sparse, must store 1 .*got .*2"),
    ],
)
def test_what_known_may_not_be_is_refused(known, message):
    with pytest.raises(ValueError, match=message):
        fitted(Recorder()).predict_proba(X, known)


# Joint answers ------------------------------------------------------------------------------


def test_the_likelihood_is_that_of_the_mean_given_what_is_known(monkeypatch):
    monkeypatch.setattr(_members, "ROWS_PER_BLOCK", 15)
    # 0.6, 0.9 and 0.2 of one member, the same for all labels of the other.
    model = fitted(Dependent(), Recorder(says=[0.5] * L), weights=[3, 1])
    known = np.full(Y.shape, np.nan)
    known[:, [0, 2]] = Y[:, [0, 2]]  # so that 1 and 3 depend on what is known alone
    for i, found in enumerate(model.log_likelihood(X, Y, known, random_state=0)):
        expected = 0
        for j in (1, 3):
            holds = (3 * (0.9 if Y[i, j - 1] else 0.2) + 0.5) / 4
            expected += np.log(holds if Y[i, j] else 1 - holds)
        assert found == pytest.approx(expected)
    known[3, 2] = 1 - Y[3, 2]
    contradicted = model.log_likelihood(X, Y, known, random_state=0) == -np.inf
    assert contradicted.nonzero()[0].tolist() == [3]


@pytest.mark.parametrize("in_blocks", [False, True])
def test_joint_answers_are_those_of_the_member_where_all_agree(in_blocks, monkeypatch):
    monkeypatch.setattr(base_known_labels, "N_SAMPLES", 3)  # of 100, for time
    alone = clone(CAN_BE_TOLD).fit(X, Y)
    if in_blocks:
        monkeypatch.setattr(_members, "ROWS_PER_BLOCK", 15)
    model = fitted(CAN_BE_TOLD, CAN_BE_TOLD)
    for known in (None, TOLD, SPARSELY_TOLD):
        np.testing.assert_array_equal(
            model.predict(X, known, "joint"), alone.predict(X, known, "joint")
        )
        for found, expected in zip(
            model.suggest_labels(X, known, 2), alone.suggest_labels(X, known, 2)
        ):
            np.testing.assert_allclose(found, expected, atol=1e-12)
    if not in_blocks:  # else the draws come in another order
        np.testing.assert_array_equal(
            model.sample_labels(X, 3, TOLD, random_state=0),
            alone.sample_labels(X, 3, TOLD, random_state=0),
        )
    best = model.predict(X[:3], TOLD[:3], "expected_f1")
    np.testing.assert_array_equal(best, alone.predict(X[:3], TOLD[:3], "expected_f1"))


@pytest.mark.parametrize("of", [list, pd.DataFrame, sparse.dia_array])
def test_joint_answers_take_any_samples(of, monkeypatch):
    monkeypatch.setattr(_members, "ROWS_PER_BLOCK", 15)
    model = fitted(CAN_BE_TOLD)
    expected = model.predict(X, decoding="joint")
    model.fit(of(X), Y)
    np.testing.assert_array_equal(model.predict(of(X), decoding="joint"), expected)


def test_containers_go_to_the_members_as_they_are(monkeypatch):
    monkeypatch.setattr(_members, "ROWS_PER_BLOCK", 15)
    tokens = Sequences([[1 + i % 3] * (1 + i % 4) for i in range(N)])
    model = fitted(LAMP, Recorder(), X=tokens)
    assert model.estimators_[1].X_ is tokens
    assert model.predict(tokens, TOLD).shape == (N, L)
    assert isinstance(model.estimators_[1].asked_, Sequences)
    assert model.sample_labels(tokens, known=TOLD).shape == (1, N, L)
    bags = Bags([rng.normal(size=(2 + i % 3, F)) for i in range(N)])
    assert fitted(MIMLkNN(), X=bags).predict_proba(bags).shape == (N, L)


# Forms of y ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", KNOWN)
def test_labels_in_every_form_give_the_same(form):
    model = fitted(TREE, LINEAR, CAN_BE_TOLD, Y=KNOWN[form](Y))
    expected = fitted(TREE, LINEAR, CAN_BE_TOLD).predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize("form", FORMS)
def test_members_get_numbers_with_nan_where_unknown(form):
    given = fitted(Recorder(), Y=FORMS[form](UNKNOWN)).estimators_[0].y_
    values = np.asarray(given)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, UNKNOWN)
    assert type(given) in (np.ndarray, type(FORMS[form](UNKNOWN)))


@pytest.mark.parametrize("kind", FRAMES)
def test_members_get_names_where_y_has_them(kind):
    model = fitted(Recorder(), CAN_BE_TOLD, TREE, LINEAR, Y=FRAMES[kind](Y))
    given = model.estimators_[0].y_
    assert type(given) is type(FRAMES[kind](Y))
    assert list(given.columns) == NAMES
    assert list(model.label_names_) == NAMES
    assert list(model.estimators_[1].label_names_) == NAMES
    expected = [[name for name, on in zip(NAMES, row) if on] for row in model.predict(X)]
    assert model.predict_labels(X) == expected
    assert not hasattr(model.fit(X, Y), "label_names_")


def test_sparse_labels_are_answered_sparsely_and_given_to_members_dense():
    model = fitted(Recorder(), FOREST, Y=sparse.csr_array(Y))
    np.testing.assert_array_equal(model.estimators_[0].y_, Y)
    assert model.estimators_[0].y_.dtype == np.int64
    assert sparse.issparse(model.predict(X))
    expected = fitted(Recorder(), FOREST).predict(X)
    np.testing.assert_array_equal(model.predict(X).toarray(), expected)


@pytest.mark.parametrize("case", REFUSED.values())
def test_what_is_no_label_matrix_is_refused_before_any_fit(case):
    convert, message = case
    with pytest.raises((ValueError, TypeError), match=message):
        fitted(Refused(), Y=convert(Y))


def test_two_classes_are_one_label_and_more_are_refused():
    words = np.array(["no", "yes"])[Y[:, 0]]
    model = fitted(LogisticRegression(), TREE, CAN_BE_TOLD, Y=words)
    says = [
        clone(member).fit(X, words).predict_proba(X)
        for member in (LogisticRegression(), TREE, CAN_BE_TOLD)
    ]
    np.testing.assert_allclose(model.predict_proba(X), np.mean(says, axis=0), rtol=1e-9)
    assert list(model.classes_) == ["no", "yes"]
    expected = np.where(np.mean(says, axis=0)[:, 1] >= 0.5, "yes", "no")
    np.testing.assert_array_equal(model.predict(X), expected)
    with pytest.raises(
        ValueError, match="known must be None: it is for a matrix of labels"
    ):
        model.predict(X, known=Y[:, :1])
    with pytest.raises(
        ValueError, match=r"3 classes: use sklearn\.ensemble\.VotingClassifier"
    ):
        fitted(Refused(), Y=np.arange(N) % 3)


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@pytest.mark.parametrize("of", [np.asarray, sparse.csr_array, FORMS["frame"]])
def test_one_column_is_one_label(of):
    members = [FOREST, LogisticRegression(), LINEAR, CAN_BE_TOLD, LAMP]
    model = fitted(*members, Y=of(Y[:, :1]))
    expected = np.zeros(N)
    for member in members:
        proba = clone(member).fit(X, Y[:, 0]).predict_proba(X)
        expected += proba[:, 1] / len(members)
    found = model.predict_proba(X)
    assert found.shape == model.predict(X).shape == (N, 1)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-5)


# Parameters ---------------------------------------------------------------------------------


def test_parameters_of_members_are_reached_by_name():
    model = SoftVotingClassifier([("forest", FOREST), ("linear", LINEAR)])
    assert model.get_params()["linear__estimator__C"] == 1
    assert set(model.get_params(deep=False)) == {
        "estimators",
        "weights",
        "n_jobs",
        "verbose",
    }
    model = clone(model).set_params(linear__estimator__C=3, weights=[1, 4], forest=TREE)
    assert model.estimators[0][1] is TREE
    assert model.estimators[1][1].estimator.C == 3
    assert LINEAR.estimator.C == 1
    with pytest.raises(ValueError, match="Invalid parameter 'depth'"):
        model.set_params(depth=3)


def test_a_member_that_is_dropped_is_left_out_with_its_weight():
    model = SoftVotingClassifier(
        [("a", TREE), ("b", FOREST), ("c", LINEAR)], weights=[1, 5, 2]
    )
    model.set_params(b="drop").fit(X, Y)
    expected = SoftVotingClassifier([("a", TREE), ("c", LINEAR)], weights=[1, 2]).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert [type(member) for member in model.estimators_] == [type(TREE), type(LINEAR)]
    assert model.named_estimators_["b"] == "drop"
    assert model.named_estimators_["c"] is model.estimators_[1]


def test_weights_and_parameters_of_members_are_searched():
    y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    model = SoftVotingClassifier(
        [("no", OneVsRestClassifier(LogisticRegression(C=1e-9))), ("linear", LINEAR)]
    )
    grid = {"weights": [[1, 0], [0, 1]], "linear__estimator__C": [1e-9, 1]}
    options = {"cv": 2, "scoring": "f1_macro", "error_score": "raise"}
    search = GridSearchCV(model, grid, **options).fit(X, y)
    assert search.best_params_ == {"weights": [0, 1], "linear__estimator__C": 1}


@pytest.mark.parametrize(
    "estimators",
    [[], [TREE], "forest", [("a", TREE, 1)], [(1, TREE)], [("a", "drop")], {"a": TREE}],
)
def test_what_is_no_list_of_named_members_is_refused(estimators):
    with pytest.raises(ValueError, match="estimators"):
        SoftVotingClassifier(estimators).fit(X, Y)


@pytest.mark.parametrize(
    "name, message",
    [
        ("a", "not unique"),
        ("b__c", "must not contain __"),
        ("weights", "conflict with constructor arguments"),
    ],
)
def test_bad_names_of_members_are_refused(name, message):
    with pytest.raises(ValueError, match=message):
        SoftVotingClassifier([("a", Refused()), (name, Refused())]).fit(X, Y)


@pytest.mark.parametrize(
    "member, message",
    [
        (RidgeClassifier(), "estimators must have predict_proba.*'m1', RidgeClassifier"),
        (TREE.__class__, "estimators must hold instances.*for 'm1'"),
        ("forest", "estimators must hold instances .*'forest' for 'm1'"),
        (None, "estimators must hold instances"),
    ],
)
def test_members_that_are_no_classifiers_with_probabilities_are_named(member, message):
    with pytest.raises(TypeError, match=message):
        fitted(Refused(), member)


@pytest.mark.parametrize(
    "weights, message",
    [
        ([1], r"weights must be None or 2 non-negative numbers.*got shape \(1,\)"),
        ([[1, 2]], "weights must be None or 2"),
        ([1, -1], r"weights must .*got \[1.0, -1.0\]"),
        ([0, 0], "weights must .*a positive one"),
        ([1, np.nan], "weights must .*nan"),
        ([1, np.inf], "weights must .*inf"),
        ([1e308, 1e308], "weights must .*308"),
        (["a", "b"], "weights must"),
        (sparse.csr_array([[1, 2]]), "weights"),
        ("equal", "'weights' parameter .* Got 'equal'"),
        (2, "'weights' parameter .* Got 2"),
    ],
)
def test_bad_weights_are_refused_before_any_fit(weights, message):
    model = voting(Refused(), Refused(), weights=weights)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)
    assert not fitted_state(model)


def test_the_weight_of_a_dropped_member_does_not_count():
    model = voting(Refused(), "drop", weights=[0, 1])
    with pytest.raises(ValueError, match="a positive one among those that are not dropped"):
        model.fit(X, Y)


def test_as_many_rows_of_labels_as_of_samples_are_asked_for():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted(Refused(), Y=Y[1:])


# Sample weights -----------------------------------------------------------------------------


def test_sample_weights_go_to_every_member():
    weight = np.arange(N) + 1.0
    model = fitted(Recorder(), TREE, sample_weight=weight.tolist())
    np.testing.assert_array_equal(model.estimators_[0].weight_, weight)
    expected = clone(TREE).fit(X, Y, sample_weight=weight).predict_proba(X)
    mean = (labels_of(expected) + Recorder().says) / 2
    np.testing.assert_allclose(model.predict_proba(X), mean)
    assert fitted(Recorder()).estimators_[0].weight_ is None


def test_sample_weights_are_refused_where_a_member_takes_none():
    with pytest.raises(TypeError, match=r"sample_weight must be None .*'m1', Refused\(\)"):
        fitted(Recorder(), Refused(), sample_weight=np.ones(N))
    fitted(Recorder(), "drop", sample_weight=np.ones(N))
    with pytest.raises(ValueError, match="sample_weight must hold 40 non-negative weights"):
        fitted(Recorder(), sample_weight=-np.ones(N))


# In scikit-learn ----------------------------------------------------------------------------


def test_known_is_routed_where_it_is_requested():
    with config_context(enable_metadata_routing=True):
        model = voting(CAN_BE_TOLD, Recorder())
        model.set_predict_proba_request(known=True).set_predict_request(known=True)
        pipeline = make_pipeline(StandardScaler(), model).fit(X, Y)
        found = pipeline.predict_proba(X, known=TOLD)
        answer = pipeline.predict(X, known=TOLD)
    is_known = ~np.isnan(TOLD)
    np.testing.assert_array_equal(found[is_known], TOLD[is_known])
    np.testing.assert_array_equal(answer, found >= 0.5)


def test_clones_and_pickles_predict_the_same():
    model = fitted(CAN_BE_TOLD, LAMP, weights=[1, 2])
    expected = model.predict_proba(X, TOLD)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X, TOLD), expected)
    assert not fitted_state(clone(model))
    np.testing.assert_array_equal(clone(model).fit(X, Y).predict_proba(X, TOLD), expected)


def test_what_is_not_fitted_says_so():
    for call in ("predict_proba", "predict", "sample_labels", "suggest_labels"):
        with pytest.raises(NotFittedError):
            getattr(voting(TREE), call)(X)


def test_a_fit_that_fails_changes_nothing():
    class Failing(Recorder):
        def fit(self, X, y):
            raise RuntimeError("no")

    model = fitted(TREE)
    before = dict(vars(model))
    model.set_params(m0=Failing())
    with pytest.raises(RuntimeError, match="no"):
        model.fit(X, FRAMES["pandas"](Y))
    assert {**vars(model), "estimators": None} == {**before, "estimators": None}


def test_names_of_features_are_those_of_the_members():
    frame = pd.DataFrame(X, columns=list("abc"))
    model = fitted(Recorder(), TREE, X=frame)
    assert list(model.feature_names_in_) == list("abc")
    assert model.n_features_in_ == F
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c"]])
    assert not hasattr(model.fit(X, Y), "feature_names_in_")


def test_tags_are_what_all_members_can_do():
    members = LogisticRegression(), MultinomialNB()
    tags = get_tags(voting(*members, "drop"))
    # Not with scikit-learn 1.6.0, where they do not say so.
    can_be_sparse = all(get_tags(member).input_tags.sparse for member in members)
    assert tags.input_tags.sparse == can_be_sparse
    assert tags.input_tags.positive_only
    assert not tags.classifier_tags.multi_label
    assert not tags.classifier_tags.multi_class
    tags = get_tags(voting(FOREST, LINEAR, CAN_BE_TOLD))
    assert tags.classifier_tags.multi_label
    assert not tags.input_tags.positive_only
    assert not get_tags(voting(FOREST, KNeighborsClassifier())).input_tags.allow_nan
    assert get_tags(voting(FOREST, TREE)).input_tags.allow_nan
    assert not get_tags(SoftVotingClassifier("nothing")).input_tags.sparse


# The same again -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)]
)
def test_the_number_of_jobs_does_not_change_the_result(backend):
    one = fitted(FOREST, LINEAR)
    with parallel_config(backend):
        more = fitted(FOREST, LINEAR, n_jobs=2)
    np.testing.assert_array_equal(one.predict_proba(X), more.predict_proba(X))


def test_verbose_reports_the_fits(capfd):
    fitted(TREE, LINEAR)
    assert "".join(capfd.readouterr()) == ""
    fitted(TREE, LINEAR, verbose=True)
    assert "".join(capfd.readouterr()) != ""


def test_inputs_members_and_global_states_are_not_modified():
    weight, weights = np.ones(N), [1, 2]
    inputs = [X, Y, FRAMES["pandas"](UNKNOWN), TOLD, SPARSELY_TOLD, weight, weights]
    copies = copy.deepcopy(inputs)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    model = voting(CAN_BE_TOLD, Recorder(), weights=weights)
    members = [member for _, member in model.estimators]
    for y in (Y, inputs[2]):
        model.fit(X, y, weight)
        model.predict(X, TOLD, "joint")
        model.predict_proba(X, SPARSELY_TOLD)
        model.suggest_labels(X, TOLD)
        model.log_likelihood(X, Y, TOLD, random_state=0)
    for value, before in zip(inputs, copies):
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, before)
        elif sparse.issparse(value):
            np.testing.assert_array_equal(value.toarray(), before.toarray())
        else:
            np.testing.assert_array_equal(value, before)
    assert not any(fitted_state(member) for member in members)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002

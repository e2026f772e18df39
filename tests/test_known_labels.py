"""Any classifier of scikit-learn that is told some labels and predicts the others."""

import pickle

import numpy as np
import pytest
import scipy.stats
from joblib import parallel_config
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlc import KnownLabelsClassifier, known_labels
from skmlc.label_masking import draw_shown
from tests.label_forms import FORMS
from tests.model_selection.test_tuner import IS_OLD, UNEQUAL_Y

N, F, L = 40, 3, 4
rng = np.random.default_rng(0)
X = rng.normal(size=(N, F))
Y = rng.integers(0, 2, (N, L))
UNKNOWN = np.where(rng.random(Y.shape) < 0.3, np.nan, Y)
TOLD = np.where(rng.random(Y.shape) < 0.5, np.nan, Y)
FOREST = RandomForestClassifier(10, max_depth=4)


class Recorder(ClassifierMixin, BaseEstimator):
    """Keeps what it is given, and finds all as likely as not."""

    def fit(self, X, y, sample_weight=None):
        self.X_, self.y_, self.weight_ = X, y, sample_weight
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        self.asked_ = X
        return np.full((X.shape[0], 2), 0.5)


def fitted(estimator, X=X, Y=Y, sample_weight=None, **options):
    model = KnownLabelsClassifier(estimator, **{"random_state": 0, **options})
    return model.fit(X, Y, sample_weight)


def fitted_state(model):
    return [name for name in vars(model) if name.endswith("_")]


def others(j, n_labels=L):
    return [i for i in range(n_labels) if i != j]


def states_in(design, j, n_labels=L, n_features=F):
    """Return what a recorded design says of each label (n_rows, L): 1, -1 or 0."""
    holds, fails = np.split(design[:, n_features:], 2, axis=1)
    assert holds.shape[1] == n_labels - 1
    states = np.zeros((len(design), n_labels))
    states[:, others(j, n_labels)] = holds - fails
    return states


@parametrize_with_checks(
    [KnownLabelsClassifier(LogisticRegression()), KnownLabelsClassifier(RidgeClassifier())],
    expected_failed_checks=lambda estimator: UNEQUAL_Y if IS_OLD else {},
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


# What is known ------------------------------------------------------------------------------

SPARSELY_TOLD = sparse.csr_array(np.nan_to_num(2 * TOLD - 1))


@pytest.mark.parametrize(
    "known", [TOLD, TOLD.tolist(), SPARSELY_TOLD, FORMS["frame"](TOLD)]
)
@pytest.mark.parametrize("estimator", [LogisticRegression(), RidgeClassifier(), FOREST])
def test_known_labels_come_back_as_told_and_only_they(estimator, known):
    model = fitted(estimator)
    probabilities, predicted = model.predict_proba(X, known), model.predict(X, known)
    is_known = ~np.isnan(TOLD)
    np.testing.assert_array_equal(probabilities[is_known], TOLD[is_known])
    np.testing.assert_array_equal(predicted[is_known], TOLD[is_known])
    assert len(np.unique(probabilities[~is_known])) > 10
    np.testing.assert_array_equal(predicted, probabilities >= 0.5)
    np.testing.assert_array_equal(probabilities, model.predict_proba(X, TOLD))


def test_a_known_partner_settles_an_exclusive_or_that_x_alone_does_not():
    rng = np.random.default_rng(0)
    X, first = rng.normal(size=(900, 1)), rng.integers(0, 2, 900)
    Y = np.column_stack([first, first ^ (X[:, 0] > 0)])
    forest = RandomForestClassifier(30, min_samples_leaf=5)
    model = fitted(forest, X[:600], Y[:600])
    X, Y = X[600:], Y[600:]
    for target, partner in ((1, 0), (0, 1)):
        known = np.full(Y.shape, np.nan)
        known[:, partner] = Y[:, partner]
        told = model.predict_proba(X, known)[:, target]
        assert roc_auc_score(Y[:, target], told) > 0.95
        untold = model.predict_proba(X)[:, target]
        assert 0.4 < roc_auc_score(Y[:, target], untold) < 0.6


@pytest.mark.parametrize("estimator", [LogisticRegression(), FOREST])
def test_samples_without_a_known_label_are_answered_as_without_known(estimator):
    model = fitted(estimator)
    plain = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(X, np.full(Y.shape, np.nan)), plain)
    np.testing.assert_array_equal(
        model.predict_proba(X, sparse.csr_array(Y.shape, dtype=int)), plain
    )
    known = TOLD.copy()
    known[::3] = np.nan
    np.testing.assert_array_equal(model.predict_proba(X, known)[::3], plain[::3])


def test_known_labels_of_a_frame_go_by_name():
    model = fitted(FOREST, Y=FORMS["frame"](Y))
    known = FORMS["frame"](TOLD)
    turned = known[known.columns[::-1]]
    np.testing.assert_array_equal(model.predict(X, turned), model.predict(X, TOLD))
    with pytest.raises(ValueError, match=r"known must have the labels of fit .*lacks 1"):
        model.predict(X, known.rename(columns={"sea": "sand"}))


def test_labels_that_are_known_of_every_sample_are_not_asked_for():
    model = fitted(Recorder())
    known = np.full(Y.shape, np.nan)
    known[:, 1] = Y[:, 1]
    model.predict(X, known)
    assert [hasattr(m, "asked_") for m in model.estimators_] == [True, False, True, True]


# What reaches a classifier ------------------------------------------------------------------


def test_the_state_of_a_label_never_reaches_its_own_classifier():
    model = fitted(Recorder(), label_masking=0.5)
    for j in range(L):
        flipped = Y.copy()
        flipped[:, j] = 1 - Y[:, j]
        again = fitted(Recorder(), Y=flipped, label_masking=0.5).estimators_[j]
        np.testing.assert_array_equal(again.X_, model.estimators_[j].X_)
        np.testing.assert_array_equal(again.y_, 1 - model.estimators_[j].y_)
        designs = []
        for state in (0, 1, np.nan):
            known = TOLD.copy()
            known[: N // 2, j], known[N // 2 :, j] = state, np.nan
            model.predict(X, known)
            designs.append(model.estimators_[j].asked_)
        np.testing.assert_array_equal(designs[0], designs[1])
        np.testing.assert_array_equal(designs[0], designs[2])


def test_what_is_shown_are_the_states_of_the_other_labels():
    model = fitted(Recorder(), Y=UNKNOWN)
    shown = 0
    for j, recorder in enumerate(model.estimators_):
        rows = np.tile(np.flatnonzero(~np.isnan(UNKNOWN[:, j])), 3)
        np.testing.assert_array_equal(recorder.X_[:, :F], X[rows])
        np.testing.assert_array_equal(recorder.y_, Y[rows, j])
        states = states_in(recorder.X_, j)
        is_shown = states != 0
        np.testing.assert_array_equal(states[is_shown], (2 * UNKNOWN - 1)[rows][is_shown])
        shown += is_shown.sum()
    assert shown > N  # of N * L * (L - 1) * 3 states


def test_prediction_tells_a_classifier_what_is_known_of_the_others():
    model = fitted(Recorder())
    model.predict(X, TOLD)
    for j, recorder in enumerate(model.estimators_):
        expected = np.nan_to_num(2 * TOLD - 1)
        expected[:, j] = 0
        np.testing.assert_array_equal(states_in(recorder.asked_, j), expected)
        np.testing.assert_array_equal(recorder.asked_[:, :F], X)


def test_hidden_and_unknown_labels_reach_no_classifier():
    options = {"label_masking": 0.5, "n_copies": 2}
    model = fitted(Recorder(), Y=UNKNOWN, **options)
    states = np.zeros((2, N, L))
    for j, recorder in enumerate(model.estimators_):
        rows = np.flatnonzero(~np.isnan(UNKNOWN[:, j]))
        found = states_in(recorder.X_, j).reshape(2, len(rows), L)
        states[:, rows] = np.where(found == 0, states[:, rows], found)
    hidden = ~states.any(axis=0)
    assert hidden[np.isnan(UNKNOWN)].all()
    hidden &= ~np.isnan(UNKNOWN)
    assert 0.1 < hidden.mean() < 0.4
    changed = np.where(hidden, 1 - UNKNOWN, UNKNOWN)  # reaches its own classifier's target
    again = fitted(Recorder(), Y=changed, **options)
    for j, (old, new) in enumerate(zip(model.estimators_, again.estimators_)):
        np.testing.assert_array_equal(new.X_, old.X_)
        assert (new.y_ != old.y_).sum() == 2 * hidden[:, j].sum()


@pytest.mark.parametrize("weight", [None, np.arange(N) % 5 / 2])
def test_a_classifier_is_the_one_fitted_by_hand(weight):
    model = fitted(
        LogisticRegression(), Y=UNKNOWN, sample_weight=weight, label_masking=0.6, n_copies=2
    )
    j, rng = 2, np.random.RandomState(0)
    kept = range(N) if weight is None else np.flatnonzero(weight)  # zero: as if not there
    shown = [draw_shown(UNKNOWN[kept], 0.6, rng) for _ in range(2)]
    design, target, weights = [], [], []
    for copy in shown:
        for i, row in zip(kept, copy):
            if np.isnan(UNKNOWN[i, j]):
                continue
            holds = [row[o] and UNKNOWN[i, o] == 1 for o in others(j)]
            fails = [row[o] and UNKNOWN[i, o] == 0 for o in others(j)]
            design.append([*X[i], *holds, *fails])
            target.append(UNKNOWN[i, j])
            weights.append(1 if weight is None else weight[i])
    by_hand = LogisticRegression().fit(np.array(design, float), target, weights)
    told = [
        [
            *X[i],
            *(TOLD[i, o] == 1 for o in others(j)),
            *(TOLD[i, o] == 0 for o in others(j)),
        ]
        for i in range(N)
    ]
    expected = by_hand.predict_proba(np.array(told, float))[:, 1]
    expected = np.where(np.isnan(TOLD[:, j]), expected, TOLD[:, j])
    np.testing.assert_allclose(model.predict_proba(X, TOLD)[:, j], expected, rtol=1e-6)


def test_weights_go_with_the_samples_in_all_copies():
    weight = np.arange(N) + 1.0
    model = fitted(Recorder(), Y=UNKNOWN, sample_weight=weight, n_copies=2)
    for j, recorder in enumerate(model.estimators_):
        rows = np.flatnonzero(~np.isnan(UNKNOWN[:, j]))
        np.testing.assert_array_equal(recorder.weight_, np.tile(weight[rows], 2))
    assert fitted(Recorder()).estimators_[0].weight_ is None


# How labels are masked ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "masking, shown",
    [
        (0.0, 0),
        (scipy.stats.uniform(1, 0), L - 1),  # all but the one that is left to predict
        (scipy.stats.rv_discrete(values=([0, 1], [0.5, 0.5])), None),
    ],
)
def test_label_masking_says_how_much_is_shown(masking, shown):
    model = fitted(Recorder(), label_masking=masking)
    states = [states_in(m.X_, j) != 0 for j, m in enumerate(model.estimators_)]
    counts = np.any(states, axis=0).sum(axis=1)
    assert len(counts) == 3 * N
    assert set(counts) == ({0, L - 1} if shown is None else {shown})


def test_true_of_numpy_is_true():
    plain = fitted(Recorder()).estimators_[0].X_
    of_numpy = fitted(Recorder(), label_masking=np.bool_(True)).estimators_[0].X_
    np.testing.assert_array_equal(of_numpy, plain)


def test_each_copy_shows_other_labels():
    first, second = np.split(fitted(Recorder(), n_copies=2).estimators_[0].X_, 2)
    np.testing.assert_array_equal(first[:, :F], second[:, :F])
    assert (first != second).any()


# How many labels are read -------------------------------------------------------------------

# |phi| of 2 and 3 is 1 (they are opposite), of 0 with each of them 1/2, of 1 with all 0.
DEPENDENT = ["00011110", "01010101", "00001111", "11110000"]
DEPENDENT = np.array([list(map(int, label)) for label in DEPENDENT]).T
ALL = [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


@pytest.mark.parametrize(
    "most, expected",
    [
        (1, [[2], [0], [3], [2]]),  # of what ties, the first
        (2, [[2, 3], [0, 2], [0, 3], [0, 2]]),  # in order
        (3, ALL),
        (9, ALL),
        (None, ALL),
    ],
)
@pytest.mark.parametrize("in_blocks", [False, True])
def test_the_labels_to_read_are_those_that_hang_together_most(
    most, expected, in_blocks, monkeypatch
):
    if in_blocks:
        monkeypatch.setattr(known_labels, "LABELS_PER_BLOCK", 3)
    model = fitted(Recorder(), X[:8], DEPENDENT, max_known_labels=most)
    assert [list(labels) for labels in model.known_labels_] == expected
    known = np.where(DEPENDENT == 1, 1.0, 0.0)
    known[0] = np.nan
    model.predict(X[:8], known)
    for labels, recorder in zip(model.known_labels_, model.estimators_):
        told = known[1:, labels]
        asked = recorder.asked_[:, F:]
        np.testing.assert_array_equal(asked[1:], np.hstack([told, 1 - told]))
        assert not asked[0].any()


def test_what_ties_by_algebra_is_no_matter_of_rounding():
    target, first = np.tile([[0, 1, 1, 1, 0], [0, 1, 1, 0, 0]], 3).astype(float)
    second = np.where(np.arange(15) < 5, first, np.nan)  # a third of the same table
    model = fitted(
        Recorder(), X[:15], np.column_stack([first, second, target]), max_known_labels=1
    )
    assert list(model.known_labels_[2]) == [0]


def test_dependence_is_over_the_samples_of_which_both_are_known():
    rng = np.random.default_rng(1)
    Y = np.where(rng.random((60, 5)) < 0.3, np.nan, rng.integers(0, 2, (60, 5)))
    Y[:, 4] = 1  # constant: depends on nothing
    found = known_labels._dependence(Y, slice(1, 4))
    for i in range(1, 4):
        for j in range(4):
            both = ~np.isnan(Y[:, [i, j]]).any(axis=1)
            expected = abs(np.corrcoef(Y[both, i], Y[both, j])[0, 1])
            assert found[i - 1, j] == pytest.approx(expected, abs=1e-9)
    np.testing.assert_array_equal(found[:, 4], 0)


# In scikit-learn ----------------------------------------------------------------------------


def test_known_goes_through_a_pipeline_and_parameters_through_a_search():
    model = KnownLabelsClassifier(LogisticRegression(), random_state=0)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, Y)
    scaled = StandardScaler().fit_transform(X)
    expected = clone(model).fit(scaled, Y)
    for name in ("predict_proba", "predict"):
        found = getattr(pipeline, name)(X, known=TOLD)
        np.testing.assert_array_equal(found, getattr(expected, name)(scaled, known=TOLD))
    grid = {"knownlabelsclassifier__estimator__C": [1e-9, 1]}
    options = {"cv": 2, "scoring": "f1_macro", "error_score": "raise"}
    search = GridSearchCV(pipeline, grid, **options).fit(X, X[:, :2] > 0)
    assert search.best_params_ == {"knownlabelsclassifier__estimator__C": 1}


def test_known_is_routed_where_it_is_requested():
    with config_context(enable_metadata_routing=True):
        model = KnownLabelsClassifier(FOREST, random_state=0)
        model.set_predict_proba_request(known=True).set_predict_request(known=True)
        pipeline = make_pipeline(StandardScaler(), model).fit(X, Y)
        found = pipeline.predict_proba(X, known=TOLD)
        answer = pipeline.predict(X, known=TOLD)
    is_known = ~np.isnan(TOLD)
    np.testing.assert_array_equal(found[is_known], TOLD[is_known])
    np.testing.assert_array_equal(answer, found >= 0.5)


def test_clones_and_pickles_predict_the_same():
    model = fitted(FOREST, max_known_labels=2)
    expected = model.predict_proba(X, TOLD)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X, TOLD), expected)
    np.testing.assert_array_equal(clone(model).fit(X, Y).predict_proba(X, TOLD), expected)


def test_a_user_may_subclass_it_and_add_a_parameter():
    class Extended(KnownLabelsClassifier):
        extra: int = 1

    model = Extended(FOREST, extra=2)
    assert clone(model).get_params(deep=False).keys() == {
        *KnownLabelsClassifier(FOREST).get_params(deep=False),
        "extra",
    }
    assert set(model._parameter_constraints) == {
        *KnownLabelsClassifier(FOREST).get_params(deep=False)
    }


# The same again -----------------------------------------------------------------------------


# Processes take seconds to start, since they import the package.
PROCESSES = pytest.param("loky", marks=pytest.mark.slow)


@pytest.mark.parametrize("backend", ["threading", PROCESSES])
def test_the_number_of_jobs_does_not_change_the_result(backend):
    one = fitted(FOREST)
    with parallel_config(backend):
        more = fitted(FOREST, n_jobs=2)
    np.testing.assert_array_equal(one.predict_proba(X, TOLD), more.predict_proba(X, TOLD))


def test_random_state_settles_all_that_is_drawn():
    first = fitted(FOREST).predict_proba(X)
    np.testing.assert_array_equal(fitted(FOREST).predict_proba(X), first)
    assert (fitted(FOREST, random_state=1).predict_proba(X) != first).any()
    # Also within an estimator, but not what its user has settled.
    inner = make_pipeline(StandardScaler(), LogisticRegression())
    states = [m[-1].random_state for m in fitted(inner).estimators_]
    assert len(set(states)) == L
    assert not any(state is None for state in states)
    settled = fitted(RandomForestClassifier(2, random_state=5))
    assert [m.random_state for m in settled.estimators_] == [5] * L
    assert FOREST.random_state is None


def test_inputs_and_the_estimator_are_not_modified():
    inputs = [X, sparse.csr_array(X), UNKNOWN, TOLD, SPARSELY_TOLD, np.ones(N)]
    inputs[-1][3] = 0
    before = pickle.dumps(inputs)
    for given in inputs[:2]:
        estimator = LogisticRegression()
        model = fitted(estimator, given, inputs[2], sample_weight=inputs[-1])
        assert not hasattr(estimator, "coef_")
        for known in inputs[3:5]:
            model.predict(given, known)
    assert pickle.dumps(inputs) == before


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    fitted(FOREST).predict_proba(X, TOLD)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_a_fit_that_fails_leaves_the_earlier_one():
    model = fitted(FOREST)
    before, answer = dict(vars(model)), model.predict_proba(X, TOLD)
    with pytest.raises(ValueError, match="zeros and ones"):
        model.fit(X[:, :2], Y + 1)
    with pytest.raises(ValueError, match="Only binary"):
        model.fit(X, np.arange(N) % 3)
    assert vars(model) == before
    np.testing.assert_array_equal(model.predict_proba(X, TOLD), answer)
    first = KnownLabelsClassifier(FOREST)
    with pytest.raises(ValueError, match="zeros and ones"):
        first.fit(X, Y + 1)
    assert not fitted_state(first)
    with pytest.raises(NotFittedError):
        first.predict(X)

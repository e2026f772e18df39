import pickle
import threading

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from skmlc import LaMPClassifier
from skmlc.inputs import Bags
from skmlc.metrics.names import get_metric
from skmlc.model_selection import (
    MultilabelStratifiedKFold,
    MultilabelStratifiedShuffleSplit,
    ThresholdTuner,
    tune_threshold,
)


class Frequency(ClassifierMixin, BaseEstimator):
    """Weighted frequencies of the labels, times the length or the first value of X."""

    def fit(self, X, y, sample_weight=None):
        self.n_rows_ = X.shape[0]
        weight = np.ones(self.n_rows_) if sample_weight is None else sample_weight
        self.weight_ = weight
        known = ~np.isnan(y)
        self.frequency_ = weight @ np.where(known, y, 0) / np.maximum(weight @ known, 1)
        return self

    def predict_proba(self, X):
        x = X.lengths if isinstance(X, Bags) else X[:, 0]
        return np.clip(np.outer(x, self.frequency_), 0, 1)


def one_vs_rest():
    return OneVsRestClassifier(LogisticRegression())


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(
        90, 8, n_classes=4, n_labels=1, length=20, random_state=3
    )


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"metric": "maF1"},
        {"metric": "hamming_loss"},
        {"metric": get_metric("miF1").function},
        {"grid": "exact"},
        {"grid": [0.2, 0.8]},
        {"per_label": True},
        {"metric": "maF1", "grid": "exact", "per_label": True},
    ],
)
def test_thresholds_are_tuned_on_probabilities_of_the_folds(data, params):
    X, Y = data
    cv = MultilabelStratifiedKFold(3, shuffle=True, random_state=0)
    probabilities = cross_val_predict(one_vs_rest(), X, Y, cv=cv, method="predict_proba")
    expected = tune_threshold(Y, probabilities, **params)
    tuner = ThresholdTuner(one_vs_rest(), cv=3, random_state=0, **params).fit(X, Y)
    assert_array_equal(tuner.threshold_, expected)
    metric = params.get("metric", "ebF1")
    function = metric if callable(metric) else get_metric(metric).function
    best_score = function(Y, (probabilities >= expected).astype(int))
    assert_allclose(tuner.best_score_, best_score)


@pytest.mark.parametrize("per_label", [False, True])
def test_predictions_are_probabilities_of_a_fit_on_all_above_the_threshold(data, per_label):
    X, Y = data
    tuner = ThresholdTuner(one_vs_rest(), per_label=per_label).fit(X, Y)
    classifier = one_vs_rest().fit(X, Y)
    probabilities = classifier.predict_proba(X)
    assert_allclose(tuner.predict_proba(X), probabilities)
    assert_array_equal(tuner.predict(X), probabilities >= tuner.threshold_)
    assert_allclose(tuner.decision_function(X), classifier.decision_function(X))
    assert_array_equal(tuner.classes_, np.arange(4))
    assert tuner.n_features_in_ == 8
    assert np.shape(tuner.threshold_) == ((4,) if per_label else ())


@pytest.mark.parametrize("per_label", [False, True])
def test_tuned_predictions_of_rare_labels_beat_a_half_on_new_samples(per_label):
    rng = np.random.RandomState(0)
    X = rng.randn(1000, 6)
    logits = X @ rng.randn(6, 5) + 1.5 * rng.randn(1000, 5)
    Y = (logits > 5).astype(int)
    train, test = slice(500), slice(500, None)
    tuner = ThresholdTuner(
        one_vs_rest(), metric="maF1", per_label=per_label, cv=3, random_state=0
    )
    tuned = tuner.fit(X[train], Y[train]).predict(X[test])
    plain = one_vs_rest().fit(X[train], Y[train]).predict(X[test])
    f1 = [f1_score(Y[test], p, average="macro") for p in (plain, tuned)]
    assert f1[1] > f1[0] + 0.1


@pytest.mark.parametrize(
    "cv, splitter",
    [
        (4, MultilabelStratifiedKFold(4, shuffle=True, random_state=7)),
        (0.3, MultilabelStratifiedShuffleSplit(1, test_size=0.3, random_state=7)),
        (KFold(3), KFold(3)),
        (list(KFold(2).split(np.zeros((90, 1)))), KFold(2)),
        # Samples that are in several test parts count as often, others not at all.
        (ShuffleSplit(3, test_size=0.4, random_state=0),) * 2,
    ],
)
def test_cv_says_which_samples_are_tuned_on(data, cv, splitter):
    X, Y = data
    rows, probabilities = [], []
    for train, test in splitter.split(X, Y):
        rows.append(test)
        classifier = one_vs_rest().fit(X[train], Y[train])
        probabilities.append(classifier.predict_proba(X[test]))
    expected = tune_threshold(
        Y[np.concatenate(rows)], np.concatenate(probabilities), grid="exact"
    )
    tuner = ThresholdTuner(one_vs_rest(), grid="exact", cv=cv, random_state=7).fit(X, Y)
    assert tuner.threshold_ == expected


def test_the_seed_deals_the_samples(data):
    def thresholds(seed):
        tuner = ThresholdTuner(one_vs_rest(), grid="exact", cv=2, random_state=seed)
        return tuner.fit(*data).threshold_

    assert thresholds(0) == thresholds(0)
    assert len({thresholds(seed) for seed in range(4)}) > 1


def test_without_refit_the_classifier_of_the_split_is_kept(data):
    X, Y = data
    assert ThresholdTuner(Frequency(), cv=0.2).fit(X, Y).estimator_.n_rows_ == 90
    tuner = ThresholdTuner(Frequency(), cv=0.2, refit=False).fit(X, Y)
    assert tuner.estimator_.n_rows_ == 72
    with pytest.raises(ValueError, match="refit must be True where cv makes several"):
        ThresholdTuner(Frequency(), cv=3, refit=False).fit(X, Y)


def test_a_fitted_classifier_is_tuned_and_left_as_it_is(data):
    X, Y = data
    classifier = one_vs_rest().fit(X[:60], Y[:60])
    tuner = ThresholdTuner(classifier, cv="prefit").fit(X[60:], Y[60:])
    assert tuner.estimator_ is classifier
    expected = tune_threshold(Y[60:], classifier.predict_proba(X[60:]))
    assert tuner.threshold_ == expected
    with pytest.raises(NotFittedError, match="estimator must be fitted already"):
        ThresholdTuner(one_vs_rest(), cv="prefit").fit(X, Y)


@pytest.mark.parametrize(
    "classifier",
    [
        RandomForestClassifier(5, random_state=0),
        KNeighborsClassifier(3),
        MultiOutputClassifier(GaussianNB()),
        make_pipeline(StandardScaler(), KNeighborsClassifier(3)),
    ],
)
def test_lists_of_probabilities_become_one_array(data, classifier):
    X, Y = data
    tuner = ThresholdTuner(classifier, cv=2).fit(X, Y)
    listed = clone(classifier).fit(X, Y).predict_proba(X)
    assert isinstance(listed, list)
    expected = np.column_stack([column[:, 1] for column in listed])
    assert_allclose(tuner.predict_proba(X), expected)
    assert_array_equal(tuner.predict(X), expected >= tuner.threshold_)


def test_a_label_that_a_fold_never_saw_has_probability_zero(data):
    X, Y = data
    Y = np.column_stack([Y, np.arange(90) == 0, np.ones(90, dtype=int)])
    tuner = ThresholdTuner(KNeighborsClassifier(3), grid=[0.01, 0.5], cv=KFold(2))
    with_rare = tuner.fit(X, Y).best_score_
    # The only positive of label 4 is never found; label 5 always is.
    folds = [(np.arange(45, 90), np.arange(45)), (np.arange(45), np.arange(45, 90))]
    P = np.zeros(Y.shape)
    for train, test in folds:
        classifier = KNeighborsClassifier(3).fit(X[train], Y[train, :4])
        P[test, :4] = np.column_stack([p[:, 1] for p in classifier.predict_proba(X[test])])
    P[:, 5] = 1
    P[0, 4] = 0
    # In the second fold label 4 is known, as the label of row 0.
    seen = KNeighborsClassifier(3).fit(X[:45], Y[:45, 4])
    P[45:, 4] = seen.predict_proba(X[45:])[:, 1]
    threshold = tune_threshold(Y, P, grid=[0.01, 0.5])
    assert tuner.threshold_ == threshold
    predicted = (threshold <= P).astype(int)
    assert_allclose(with_rare, get_metric("ebF1").function(Y, predicted))


def test_the_answer_has_the_form_of_y(data):
    X, Y = data
    tuner = ThresholdTuner(one_vs_rest(), cv=2, random_state=0)
    dense = tuner.fit(X, Y).predict(X)
    assert dense.dtype == np.int64
    for form in (sparse.csr_matrix(Y), sparse.csr_array(Y), sparse.coo_array(Y)):
        answer = tuner.fit(X, form).predict(X)
        assert sparse.issparse(answer)
        assert answer.format == "csr"
        assert_array_equal(answer.toarray(), dense)
        assert isinstance(tuner.predict_proba(X), np.ndarray)
    for form in (
        Y.tolist(),
        pd.DataFrame(Y, columns=list("abcd"), index=np.arange(90) + 5),
    ):
        assert_array_equal(tuner.fit(X, form).predict(X), dense)


class Recorder(Frequency):
    def fit(self, X, y, sample_weight=None):
        self.y_ = y
        return super().fit(X, np.asarray(y, dtype=float), sample_weight)


def test_the_classifier_sees_labels_of_a_plain_type_and_their_names(data):
    X, Y = data
    tuner = ThresholdTuner(Recorder(), cv=2)
    for dtype in (np.float16, np.longdouble, ">f8"):
        assert tuner.fit(X, Y.astype(dtype)).estimator_.y_.dtype == np.float64
    frame = pd.DataFrame(Y, columns=list("abcd"), index=np.arange(90) + 5)
    for given in (frame, frame.astype("category"), frame.astype("Int64")):
        seen = tuner.fit(X, given).estimator_.y_
        pd.testing.assert_frame_equal(seen, frame)
        assert list(tuner.label_names_) == list("abcd")
    assert not hasattr(tuner.fit(X, Y), "label_names_")


@pytest.mark.filterwarnings("ignore:A column-vector y")
@pytest.mark.parametrize(
    "classifier",
    [
        LogisticRegression(),
        KNeighborsClassifier(3),
        MultiOutputClassifier(GaussianNB()),
        one_vs_rest(),
        Frequency(),
    ],
)
def test_one_column_is_one_label_whatever_the_classifier_makes_of_it(data, classifier):
    X, Y = data
    expected = ThresholdTuner(classifier, cv=2, random_state=0).fit(X, Y[:, [0]])
    assert expected.predict(X).shape == expected.predict_proba(X).shape == (90, 1)
    frame = pd.DataFrame(Y[:, [0]], columns=["a"])
    tuner = ThresholdTuner(classifier, cv=2, random_state=0).fit(X, frame)
    assert_array_equal(tuner.predict(X), expected.predict(X))
    assert tuner.threshold_ == expected.threshold_


@pytest.mark.parametrize("per_label", [False, True])
def test_two_classes_are_one_label(data, per_label):
    X, Y = data
    y = np.where(Y[:, 0] == 1, "yes", "no")
    tuner = ThresholdTuner(LogisticRegression(), per_label=per_label, random_state=0)
    tuner.fit(X, y)
    cv = MultilabelStratifiedKFold(5, shuffle=True, random_state=0)
    P = cross_val_predict(LogisticRegression(), X, y, cv=cv, method="predict_proba")
    assert tuner.threshold_ == tune_threshold(Y[:, [0]], P[:, [1]])
    probability = tuner.predict_proba(X)
    assert probability.shape == (90, 2)
    expected = np.where(probability[:, 1] >= tuner.threshold_, "yes", "no")
    assert_array_equal(tuner.predict(X), expected)
    assert_array_equal(tuner.classes_, ["no", "yes"])


def test_unknown_labels_are_left_out(data):
    X, Y = data
    missing = np.where(np.random.RandomState(0).rand(*Y.shape) < 0.3, np.nan, Y)
    folds = list(KFold(3).split(X))
    P = np.zeros(Y.shape)
    for train, test in folds:
        P[test] = Frequency().fit(X[train], missing[train]).predict_proba(X[test])
    tuner = ThresholdTuner(Frequency(), cv=folds).fit(X, missing)
    assert tuner.threshold_ == tune_threshold(missing, P)
    with_default_folds = ThresholdTuner(Frequency(), random_state=0).fit(X, missing)
    assert with_default_folds.threshold_ > 0


def test_weights_reach_the_fits_and_the_metric(data):
    X, Y = data
    weight = np.random.RandomState(0).randint(0, 4, 90).astype(float)
    folds = list(KFold(3).split(X))
    P = np.zeros(Y.shape)
    for train, test in folds:
        P[test] = Frequency().fit(X[train], Y[train], weight[train]).predict_proba(X[test])
    tuner = ThresholdTuner(Frequency(), cv=folds, grid="exact")
    tuner.fit(X, Y, sample_weight=weight.tolist())
    assert_array_equal(tuner.estimator_.weight_, weight)
    expected = tune_threshold(Y, P, grid="exact", sample_weight=weight)
    assert tuner.threshold_ == expected
    predicted = (expected <= P).astype(int)
    best_score = get_metric("ebF1").function(Y, predicted, sample_weight=weight)
    assert_allclose(tuner.best_score_, best_score)


def test_weights_are_routed_through_a_pipeline(data):
    X, Y = data
    weight = np.arange(90.0)
    with config_context(enable_metadata_routing=True):
        tuner = ThresholdTuner(Frequency(), cv=2).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, tuner).fit(X, Y, sample_weight=weight)
    assert_array_equal(pipeline[-1].estimator_.weight_, weight)


def test_parameters_of_the_classifier_are_searched(data):
    X, Y = data
    tuner = ThresholdTuner(one_vs_rest(), cv=2, random_state=0)
    grid = {"estimator__estimator__C": [0.01, 1.0], "metric": ["ebF1", "maF1"]}
    search = GridSearchCV(tuner, grid, cv=2, scoring="f1_macro").fit(X, Y)
    assert search.best_estimator_.estimator_.estimators_[0].C in (0.01, 1.0)
    assert len(set(search.cv_results_["mean_test_score"])) > 1
    pipeline = make_pipeline(StandardScaler(), tuner).fit(X, Y)
    assert pipeline.predict(X).shape == Y.shape


def test_copies_predict_the_same(data):
    X, Y = data
    tuner = ThresholdTuner(one_vs_rest(), grid=[0.3, 0.4], random_state=0).fit(X, Y)
    assert_array_equal(pickle.loads(pickle.dumps(tuner)).predict(X), tuner.predict(X))
    copy = clone(tuner)
    assert not hasattr(copy, "threshold_")
    assert_array_equal(copy.fit(X, Y).predict(X), tuner.predict(X))


class Thread(Frequency):
    threads = []

    def fit(self, X, y, sample_weight=None):
        self.threads.append(threading.get_ident())
        return super().fit(X, y, sample_weight)


def test_splits_are_fitted_in_parallel(data):
    thresholds = []
    for n_jobs, n_own_thread in [(None, 4), (2, 1)]:
        Thread.threads.clear()
        with parallel_config(backend="threading"):
            tuner = ThresholdTuner(Thread(), cv=3, n_jobs=n_jobs, random_state=0).fit(*data)
        # The last fit, on all samples, is always in this thread.
        assert Thread.threads.count(threading.get_ident()) == n_own_thread
        thresholds.append(tuner.threshold_)
    assert thresholds[0] == thresholds[1]


def test_verbose_reports_the_fits(data, capfd):
    ThresholdTuner(Frequency(), cv=2).fit(*data)
    assert capfd.readouterr() == ("", "")
    ThresholdTuner(Frequency(), cv=2, verbose=1).fit(*data)
    assert "2 out of   2" in "".join(capfd.readouterr())


def test_containers_are_sliced(data):
    Y = data[1]
    rng = np.random.RandomState(0)
    bags = Bags([rng.rand(rng.randint(1, 5), 3) for _ in range(90)])
    tuner = ThresholdTuner(Frequency(), cv=3).fit(bags, Y)
    assert tuner.predict(bags[:10]).shape == (10, 4)


def test_our_own_classifier_is_tuned(data):
    X, Y = data
    lamp = LaMPClassifier(hidden_size=8, n_heads=2, max_epochs=1, random_state=0)
    tuner = ThresholdTuner(lamp, cv=2, per_label=True, random_state=0)
    tuner.fit(X, sparse.csr_array(Y))
    answer = tuner.predict(X)
    assert sparse.issparse(answer)
    expected = tuner.estimator_.predict_proba(X) >= tuner.threshold_
    assert_array_equal(answer.toarray(), expected)


def test_what_the_classifier_lacks_is_not_offered(data):
    assert not hasattr(ThresholdTuner(KNeighborsClassifier()), "decision_function")
    assert hasattr(ThresholdTuner(one_vs_rest()), "decision_function")
    with pytest.raises(TypeError, match="estimator must have predict_proba"):
        ThresholdTuner(RidgeClassifier()).fit(*data)
    with pytest.raises(NotFittedError):
        ThresholdTuner(one_vs_rest()).predict(data[0])


class OneColumn(Frequency):
    def predict_proba(self, X):
        return super().predict_proba(X)[:, :1]


@pytest.mark.parametrize(
    "params, message",
    [
        ({"metric": "LRAP"}, "metric must judge predicted labels"),
        ({"grid": "fine"}, "grid must be 'lamp', 'exact' or"),
        ({"cv": "often"}, "cv must be a number, a splitter"),
        ({"estimator": OneColumn()}, "must give 4 columns, one per label of y"),
    ],
)
def test_parameters_are_checked(data, params, message):
    with pytest.raises(ValueError, match=message):
        ThresholdTuner(**({"estimator": Frequency()} | params)).fit(*data)


def test_targets_are_checked(data):
    X, Y = data
    tuner = ThresholdTuner(Frequency())
    with pytest.raises(ValueError, match="got 4 classes"):
        tuner.fit(X, np.arange(90) % 4)
    with pytest.raises(ValueError, match="MultiLabelBinarizer"):
        tuner.fit(X, [["a"], ["b", "c"]] * 45)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        tuner.fit(X[:50], Y)
    with pytest.raises(ValueError, match="sample_weight must hold 90"):
        tuner.fit(X, Y, sample_weight=-np.ones(90))


NOT_AT_A_HALF = {
    "check_classifiers_train": "labels are predicted above the tuned threshold, not above "
    "0.5 or a decision value of 0",
    "check_classifiers_classes": "likewise",
}
# These checks of scikit-learn 1.6 fit the two estimators that they compare on unequal y.
UNEQUAL_Y = {
    "check_sample_weight_equivalence_on_dense_data": "a fault of the check",
    "check_sample_weight_equivalence_on_sparse_data": "a fault of the check",
}
IS_OLD = sklearn.__version__.startswith("1.6.")


@parametrize_with_checks(
    [ThresholdTuner(LogisticRegression(), cv=2, random_state=0)],
    expected_failed_checks=lambda estimator: NOT_AT_A_HALF | (UNEQUAL_Y if IS_OLD else {}),
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def some_checks(estimator, words):
    """The checks of scikit-learn that have one of the words in their names."""
    pairs = estimator_checks_generator(estimator)
    chosen = [pair for pair in pairs if any(word in str(pair[1]) for word in words)]
    assert chosen
    return chosen


@pytest.mark.parametrize(
    "estimator, check",
    some_checks(ThresholdTuner(LogisticRegression(), grid=[0.5], cv=2), NOT_AT_A_HALF),
)
def test_the_checks_that_fail_pass_for_a_threshold_of_a_half(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
@pytest.mark.parametrize(
    "estimator, check",
    some_checks(
        ThresholdTuner(
            MLPClassifier((3,), solver="lbfgs", max_iter=9, random_state=0), cv=2
        ),
        ["multilabel"],
    ),
)
def test_scikit_learn_checks_of_label_matrices(estimator, check):
    check(estimator)

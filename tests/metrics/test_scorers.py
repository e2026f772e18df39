import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_multilabel_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlc import KnownLabelsClassifier
from skmlc.metrics import (
    class_overall_scores,
    example_f1,
    get_metric,
    get_scorer,
    get_scorer_names,
    label_propensities,
    mean_average_precision,
    micro_average_precision,
    multilabel_log_loss,
    precision_at_k,
    propensity_scored_precision_at_k,
    ranking_loss,
    scoring,
)

NAMES = get_scorer_names()
LOSSES = {"hamming_loss", "ranking_loss", "one_error", "coverage", "log_loss"}
FEW = ["ebF1", "hamming_loss", "mAP", "LRAP", "log_loss", "P@3", "PSP@1", "CF1@3"]
SCORING = {name: get_scorer(name) for name in NAMES}


@pytest.fixture(scope="module")
def data():
    X, y = make_multilabel_classification(
        n_samples=90, n_features=12, n_classes=5, random_state=0
    )
    return X, y


class Remembers(ClassifierMixin, BaseEstimator):
    """Gives given probabilities, with row numbers as X, and counts the calls."""

    def __init__(self, proba=None):
        self.proba = proba

    def fit(self, X, y):
        self.n_calls_ = 0
        self.classes_ = np.arange(np.shape(self.proba)[1])
        return self

    def predict_proba(self, X):
        self.n_calls_ += 1
        return np.asarray(self.proba)[np.ravel(X).astype(int)]

    def predict(self, X):
        return (self.predict_proba(X) >= 0.5).astype(int)


def test_the_names_that_people_type_are_there():
    wanted = "ebF1 miF1 maF1 ACC HA hamming_loss mAP mAP_interpolated mAP_voc2007 LRAP "
    wanted += "ranking_loss one_error coverage CP CR CF1 OP OR OF1 CP@3 CR@3 CF1@3 OP@3 "
    wanted += "OR@3 OF1@3 P@1 P@3 P@5 nDCG@3 nDCG@5 PSP@1 PSP@3 PSP@5 log_loss "
    wanted += "macro_AP micro_AP"
    assert set(wanted.split()) <= set(NAMES)
    assert sorted(NAMES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_scorer_gives_its_metric_on_what_the_estimator_answers(name, data):
    X, y = data
    model = OneVsRestClassifier(LogisticRegression()).fit(X, y)
    metric = get_metric(name)
    value = metric.function(y, getattr(model, metric.response)(X))
    assert metric.name == name
    assert metric.greater_is_better == (name not in LOSSES)
    expected = -value if name in LOSSES else value
    assert value > 0
    assert get_scorer(name)(model, X, y) == expected


@pytest.mark.parametrize("name", NAMES)
def test_each_metric_takes_its_weights_in_third_place(name, unknown_case):
    metric = get_metric(name)
    y, pred, score, weight = unknown_case
    answer = pred if metric.response == "predict" else score
    expected = metric.function(y, answer, sample_weight=weight)
    assert metric.function(y, answer, weight) == expected
    assert metric.function(y, answer) != expected


def test_names_choose_what_they_say(unknown_case):
    y, _, score, _ = unknown_case
    top = class_overall_scores(y, score, k=2)
    above = class_overall_scores(y, score, k=2, top_k_rule="above_threshold")
    for name in ("CP", "CR", "CF1", "OP", "OR", "OF1"):
        assert get_metric(f"{name}@2").function(y, score) == top[name]
        got = get_metric(f"{name}@2_above_threshold").function(y, score)
        assert got == above[name] != top[name]
    for name, options in [
        ("mAP", {}),
        ("mAP_interpolated", {"interpolation": "interpolated"}),
        ("mAP_voc2007", {"interpolation": "voc2007"}),
        ("macro_AP", {"zero_division": 0.0}),
    ]:
        expected = mean_average_precision(y, score, **options)
        assert get_metric(name).function(y, score) == expected
    assert get_metric("micro_AP").function(y, score) == micro_average_precision(y, score)
    assert get_metric("P@4").function(y, score) == precision_at_k(y, score, k=4)


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(5, random_state=0),
        KNeighborsClassifier(),
        MultiOutputClassifier(GaussianNB()),
        ClassifierChain(LogisticRegression()),
        OneVsRestClassifier(LogisticRegression()),
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
        DummyClassifier(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_scorers_work_in_cross_validation(estimator, data):
    X, y = data
    scoring = {name: SCORING[name] for name in FEW}
    results = cross_validate(
        estimator, X, y, cv=KFold(2), scoring=scoring, error_score="raise"
    )
    for fold, (train, test) in enumerate(KFold(2).split(X)):
        model = clone(estimator).fit(X[train], y[train])
        proba = model.predict_proba(X[test])
        if isinstance(proba, list):
            proba = np.column_stack([column[:, 1] for column in proba])
        for name in FEW:
            metric = get_metric(name)
            answer = model.predict(X[test]) if metric.response == "predict" else proba
            value = metric.function(y[test], answer)
            got = results[f"test_{name}"][fold]
            assert got == pytest.approx(value if metric.greater_is_better else -value), name


def test_scorers_steer_a_grid_search(data):
    X, y = data
    scoring = {name: get_scorer(name) for name in ("ebF1", "ranking_loss", "P@3")}
    grid = {"kneighborsclassifier__n_neighbors": [1, 5, 45]}
    model = make_pipeline(StandardScaler(), KNeighborsClassifier())
    for refit in scoring:
        search = GridSearchCV(model, grid, scoring=scoring, refit=refit, cv=3).fit(X, y)
        means = search.cv_results_[f"mean_test_{refit}"]
        assert search.best_index_ == np.argmax(means)
        assert search.score(X, y) == scoring[refit](search, X, y)
    losses = [
        np.mean(
            [
                ranking_loss(
                    y[b], np.column_stack([p[:, 1] for p in model.predict_proba(X[b])])
                )
                for a, b in KFold(3).split(X)
                if model.set_params(kneighborsclassifier__n_neighbors=k).fit(X[a], y[a])
            ]
        )
        for k in (1, 5, 45)
    ]
    np.testing.assert_allclose(
        search.cv_results_["mean_test_ranking_loss"], -np.array(losses)
    )


def test_scoring_calls_each_method_once_per_fold(data):
    X, y = data
    calls = []

    class Counts(OneVsRestClassifier):
        def predict(self, X):
            calls.append("predict")
            return super().predict(X)

        def predict_proba(self, X):
            calls.append("predict_proba")
            return super().predict_proba(X)

    names = ["miF1", "ebF2", "miJaccard", "mAP", "macro_AUC", "micro_AUC"]
    model = Counts(LogisticRegression())
    results = cross_validate(model, X, y, cv=KFold(2), scoring=scoring(names))
    assert sorted(calls) == 2 * ["predict"] + 2 * ["predict_proba"]
    for name in names:
        alone = cross_val_score(model, X, y, cv=KFold(2), scoring=get_scorer(name))
        np.testing.assert_array_equal(results[f"test_{name}"], alone)
    grid = {"estimator__C": [0.01, 1.0]}
    search = GridSearchCV(model, grid, scoring=scoring(names), refit="micro_AUC", cv=2)
    assert search.fit(X, y).scorer_.keys() == set(names)


def test_scoring_takes_a_name_or_several_and_what_is_known():
    assert list(scoring("mAP")) == ["mAP"]
    assert (
        repr(scoring(("mAP", "ebF1"), known=0.5)["ebF1"]) == "get_scorer('ebF1', known=0.5)"
    )
    with pytest.raises(ValueError, match="Unknown metric 'ebF11x'; did you mean 'ebF1'"):
        scoring(["mAP", "ebF11x"])
    with pytest.raises(ValueError, match="names must hold at least one name"):
        scoring([])


@pytest.mark.slow
def test_a_search_over_processes_takes_the_scorers(data):
    X, y = data
    search = GridSearchCV(
        KNeighborsClassifier(),
        {"n_neighbors": [1, 5]},
        scoring={"ebF1": get_scorer("ebF1"), "CF1@3": get_scorer("CF1@3")},
        refit="ebF1",
        cv=2,
        n_jobs=2,
    ).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_CF1@3"]).all()


@pytest.mark.parametrize("sparse", [csr_matrix, csr_array])
def test_sparse_y_gives_the_scores_of_dense_y(sparse, data):
    X, y = data
    model, cv = OneVsRestClassifier(LogisticRegression()), KFold(2)
    dense = cross_validate(model, X, y, cv=cv, scoring=SCORING)
    with config_context(skip_parameter_validation=True):
        results = cross_validate(model, X, sparse(y), cv=cv, scoring=SCORING)
    grid = {"estimator__C": [1.0]}
    search = GridSearchCV(model, grid, cv=cv, scoring=SCORING, refit="ebF1")
    search.fit(X, sparse(y))
    for name in NAMES:
        np.testing.assert_allclose(results[f"test_{name}"], dense[f"test_{name}"])
        mean = search.cv_results_[f"mean_test_{name}"][0]
        assert mean == pytest.approx(dense[f"test_{name}"].mean())


def test_cross_validate_refuses_sparse_y_by_itself(data):
    # get_scorer's docstring says so; where this fails, it can say something better.
    X, y = data
    with pytest.raises(ValueError, match="'y' parameter of cross_validate"):
        cross_validate(KNeighborsClassifier(), X, csr_array(y), scoring=SCORING)


def test_a_data_frame_of_labels_is_scored(data):
    X, y = data
    frame = pd.DataFrame(y, columns=list("abcde"))
    model = KNeighborsClassifier()
    got = cross_val_score(model, X, frame, cv=2, scoring=get_scorer("ebF1"))
    np.testing.assert_allclose(
        got, cross_val_score(model, X, y, cv=2, scoring=get_scorer("ebF1"))
    )


@pytest.mark.parametrize("sparse", [False, True])
def test_unknown_labels_are_cross_validated_with_a_splitter(sparse, unknown_case):
    y, _, score, _ = unknown_case
    rows = np.arange(len(y))[:, np.newaxis]
    given = csr_array(y) if sparse else y
    cv = KFold(2, shuffle=True, random_state=0)
    with config_context(skip_parameter_validation=sparse):
        results = cross_validate(
            Remembers(score), rows, given, cv=cv, scoring=SCORING, error_score="raise"
        )
    for fold, (_, test) in enumerate(cv.split(rows)):
        expected = example_f1(y[test], score[test] >= 0.5)
        assert results["test_ebF1"][fold] == pytest.approx(expected)
        expected = mean_average_precision(y[test], score[test])
        assert results["test_mAP"][fold] == pytest.approx(expected)
    assert all(np.isfinite(results[f"test_{name}"]).all() for name in NAMES)


def test_a_number_of_folds_is_refused_by_scikit_learn_where_y_has_nan(unknown_case):
    # get_scorer's docstring says so; where this fails, it can say something better.
    y = unknown_case.y
    rows = np.arange(len(y))[:, np.newaxis]
    with pytest.raises(ValueError, match="NaN"), np.errstate(invalid="ignore"):
        cross_validate(Remembers(unknown_case.score), rows, y, cv=2, scoring=SCORING)


@pytest.mark.parametrize("n_labels", [1, 2])
def test_two_labels_are_not_taken_for_two_classes(n_labels, data):
    X, y = data[0], data[1][:, :n_labels]
    for y_form in [y] if n_labels == 2 else [y, y[:, 0]]:
        model = OneVsRestClassifier(LogisticRegression()).fit(X, y_form)
        proba = model.predict_proba(X)[:, -n_labels:]
        for name in FEW:
            metric = get_metric(name)
            answer = model.predict(X) if metric.response == "predict" else proba
            value = metric.function(y, answer)
            got = get_scorer(name)(model, X, y_form)
            assert abs(got) == pytest.approx(value), name
    assert get_scorer("log_loss")(model, X, y_form) == -multilabel_log_loss(y, proba)


@pytest.mark.parametrize(
    "estimator", [RandomForestClassifier(5, random_state=0), KNeighborsClassifier()]
)
@pytest.mark.parametrize("missing, constant", [(3, 0), (0, 0), (1, 1)])
def test_a_label_of_one_class_in_training_keeps_its_probability(
    estimator, missing, constant, data
):
    X, y = data
    train = y.copy()
    train[:, missing] = constant
    model = clone(estimator).fit(X, train)
    assert model.predict_proba(X)[missing].shape == (len(X), 1)
    columns = [p[:, -1] for p in model.predict_proba(X)]
    columns[missing] = np.full(len(X), float(constant))
    expected = multilabel_log_loss(y, np.column_stack(columns))
    assert get_scorer("log_loss")(model, X, y) == -expected


def test_sparse_probabilities_and_lists_without_classes_are_scored(known_case):
    class Sparse(Remembers):
        def predict_proba(self, X):
            return csr_array(super().predict_proba(X))

    class Pairs(Remembers):
        def predict_proba(self, X):
            return [np.column_stack([1 - p, p]) for p in super().predict_proba(X).T]

    y, score = known_case.y, known_case.score
    rows = np.arange(len(y))[:, np.newaxis]
    for Kind in (Sparse, Pairs):
        model = Kind(score).fit(rows, y)
        for classes in (model.classes_, None, [np.arange(2)]):
            model.classes_ = classes
            expected = mean_average_precision(y, score)
            assert get_scorer("mAP")(model, rows, y) == pytest.approx(expected)


@pytest.mark.parametrize("constant", [0, 1])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_label_of_one_class_in_training_is_scored(constant, shape, data):
    X, y = data[0], data[1][:, 0].reshape(shape)
    train = np.full(len(X), constant)
    model = DummyClassifier().fit(X, train)
    expected = multilabel_log_loss(y, train.astype(float).reshape(y.shape))
    assert get_scorer("log_loss")(model, X, y) == -expected
    assert np.isfinite(get_scorer("ebF1")(model, X, y))


@pytest.mark.parametrize("name", ["mAP", "log_loss"])
def test_one_column_of_probabilities_of_one_label_is_scored_as_it_is(name, data):
    X, y = data[0], data[1][:, :1]
    model = KnownLabelsClassifier(LogisticRegression(), random_state=0).fit(X, y)
    assert list(model.classes_) == [0]  # the label, not a class
    expected = get_metric(name).function(y, model.predict_proba(X))
    assert abs(get_scorer(name)(model, X, y)) == expected


def test_classifiers_without_probabilities_are_scored_by_their_decisions(data):
    X, y = data
    model = RidgeClassifier().fit(X, y)
    decision = model.decision_function(X)
    for name in ("mAP", "ranking_loss", "P@3", "CF1@3"):
        value = get_metric(name).function(y, decision)
        assert abs(get_scorer(name)(model, X, y)) == value
    expected = class_overall_scores(
        y, decision, k=2, top_k_rule="above_threshold", threshold=0.0
    )
    assert get_scorer("OF1@2_above_threshold")(model, X, y) == expected["OF1"]
    with pytest.raises(AttributeError, match="needs an estimator with predict_proba"):
        get_scorer("log_loss")(model, X, y)


def test_the_scorers_of_one_dict_call_each_method_once(data):
    calls = []

    class Counted(KNeighborsClassifier):
        def predict(self, X):
            calls.append("predict")
            return super().predict(X)

        def predict_proba(self, X):
            calls.append("predict_proba")
            return super().predict_proba(X)

    cross_validate(Counted(), *data, cv=KFold(2), scoring=SCORING)
    # The nearest neighbors' predict does not call predict_proba by default weights.
    assert calls.count("predict") == 2
    assert calls.count("predict_proba") == 2


@pytest.mark.filterwarnings("ignore:F-score is ill-defined")
@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_scorers_of_scikit_learn_may_stand_beside_ours(first, data):
    X, y = data
    model = RandomForestClassifier(5, random_state=0)
    scoring = {"mAP": get_scorer("mAP"), "P@1": get_scorer("P@1"), "roc_auc": "roc_auc"}
    scoring |= {"average_precision": "average_precision", "f1_samples": "f1_samples"}
    if first == "theirs":
        scoring = dict(reversed(scoring.items()))
    results = cross_validate(model, X, y, cv=KFold(2), scoring=scoring)
    for fold, (train, test) in enumerate(KFold(2).split(X)):
        fitted = clone(model).fit(X[train], y[train])
        proba = np.column_stack([p[:, 1] for p in fitted.predict_proba(X[test])])
        auc, ap = roc_auc_score(y[test], proba), average_precision_score(y[test], proba)
        assert results["test_roc_auc"][fold] == pytest.approx(auc)
        assert results["test_mAP"][fold] == pytest.approx(ap)
        assert results["test_average_precision"][fold] == pytest.approx(ap)
        f1 = f1_score(y[test], fitted.predict(X[test]), average="samples", zero_division=0)
        assert results["test_f1_samples"][fold] == pytest.approx(f1)


def test_options_reach_the_metric(data):
    X, y = data[0], data[1].copy()
    y[:10] = 0
    model = KNeighborsClassifier().fit(X, y)
    expected = example_f1(y, model.predict(X), zero_division=np.nan)
    scorer = get_scorer("ebF1", zero_division=np.nan)
    assert scorer(model, X, y) == expected != get_scorer("ebF1")(model, X, y)
    assert repr(scorer) == "get_scorer('ebF1', zero_division=nan)"
    proba = np.column_stack([p[:, 1] for p in model.predict_proba(X)])
    propensities = label_propensities([1, 50, 3, 4, 500], 1_000)
    expected = propensity_scored_precision_at_k(y, proba, k=3, propensities=propensities)
    assert get_scorer("PSP@3", propensities=propensities)(model, X, y) == expected


@pytest.mark.parametrize(
    "name, option",
    [("ebF1", "k"), ("P@3", "k"), ("ACC", "zero_division"), ("CF1@3", "measure")],
)
def test_options_that_a_metric_lacks_are_refused(name, option):
    with pytest.raises(TypeError, match=rf"options of '{name}' are .*; got '{option}'"):
        get_scorer(name, **{option: 1})


def test_sample_weight_is_routed(data):
    X, y = data
    weight = np.arange(len(y)) % 3.0
    model = KNeighborsClassifier().fit(X, y)
    expected = example_f1(y, model.predict(X), weight)
    assert get_scorer("ebF1")(model, X, y, sample_weight=weight) == expected
    with config_context(enable_metadata_routing=True):
        scorer = get_scorer("ebF1").set_score_request(sample_weight=True)
        results = cross_validate(
            KNeighborsClassifier(),
            X,
            y,
            cv=KFold(2),
            scoring={"ebF1": scorer},
            params={"sample_weight": weight},
        )
    train, test = next(KFold(2).split(X))
    pred = KNeighborsClassifier().fit(X[train], y[train]).predict(X[test])
    assert results["test_ebF1"][0] == example_f1(y[test], pred, weight[test])


def test_scorers_and_metrics_survive_pickling(data):
    X, y = data[0][:20], data[1][:20]
    model = KNeighborsClassifier().fit(X, y)
    for name, scorer in SCORING.items():
        assert pickle.loads(pickle.dumps(scorer))(model, X, y) == scorer(model, X, y)
        metric = pickle.loads(pickle.dumps(get_metric(name)))
        assert metric.name == name


def test_two_scorers_of_one_name_are_two_objects():
    assert get_scorer("ebF1") is not get_scorer("ebF1")


@pytest.mark.parametrize(
    "name, near",
    [
        ("ebf1", "'ebF1'"),
        ("microF1", "'miF1'"),
        ("map", "'mAP'"),
        ("Hamming", "'hamming_loss'"),
    ],
)
@pytest.mark.parametrize("get", [get_metric, get_scorer])
def test_an_unknown_name_is_answered_with_near_ones(get, name, near):
    with pytest.raises(
        ValueError, match=rf"Unknown metric '{name}'; did you mean .*{near}"
    ):
        get(name)


@pytest.mark.parametrize(
    "name", ["P@0", "P@", "ebF1@3", "P@3_above_threshold", "P@-1", "xyzzy", "", None, 3]
)
def test_names_of_no_metric_are_refused(name):
    with pytest.raises(ValueError, match=r"get_scorer_names\(\) lists all names"):
        get_metric(name)


@pytest.mark.parametrize("name", get_scorer_names())
def test_a_metric_is_called_as_its_function(name):
    rng = np.random.default_rng(0)
    Y, scores = rng.integers(0, 2, (40, 6)), rng.random((40, 6))
    weight = rng.integers(1, 4, 40)
    metric = get_metric(name)
    answer = scores if metric.response == "predict_proba" else (scores > 0.5).astype(int)
    assert metric(Y, answer) == metric.function(Y, answer)
    weighted = metric(Y, answer, sample_weight=weight)
    assert weighted == metric.function(Y, answer, sample_weight=weight)
    repeated = metric(np.repeat(Y, weight, axis=0), np.repeat(answer, weight, axis=0))
    if not name.startswith("PSP"):  # whose propensities are of the number of samples
        assert weighted == pytest.approx(repeated)

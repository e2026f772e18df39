"""Scorers that tell an estimator a part of the labels and score it on the rest."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn import metrics as sk
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmlc.metrics import get_metric, get_scorer, get_scorer_names, hide_labels
from tests.label_forms import FORMS, FRAMES
from tests.label_forms import NAMES as LABELS
from tests.metrics.recorder import PARTLY, PROBA, ROWS, L, N, Recorder, Y, fitted

NAMES = get_scorer_names()
every_name = pytest.mark.parametrize("name", NAMES)
every_known = pytest.mark.parametrize("known", [0.4, "one_positive"])


class Decides(Recorder):
    """Has decision values instead, infinite where they are told."""

    @property
    def predict_proba(self):
        raise AttributeError("predict_proba")

    def decision_function(self, X, known=None):
        with np.errstate(divide="ignore"):
            proba = self._answer("decision_function", X, known)
            return np.log(proba) - np.log1p(-proba)


def answer_to(known, method="predict_proba", **params):
    return getattr(fitted(Recorder(**params)), method)(ROWS, known)


# What is scored -----------------------------------------------------------------------------


@every_known
@every_name
@pytest.mark.parametrize("y", [Y, PARTLY], ids=["whole", "partly"])
def test_a_scorer_gives_its_metric_on_what_is_hidden(name, y, known):
    y_hidden, told = hide_labels(y, known)
    metric = get_metric(name)
    value = metric.function(y_hidden, answer_to(told, metric.response))
    expected = value if metric.greater_is_better else -value
    assert np.isfinite(expected)
    assert get_scorer(name, known=known)(fitted(), ROWS, y) == expected
    if name != "PSP@5":  # which is 1 for any answer of four labels
        assert get_scorer(name)(fitted(), ROWS, y) != expected


def entries(y_hidden, scores):
    """List the label and the score of each hidden entry, label by label."""
    return [
        [(t, s) for t, s in zip(*column) if not np.isnan(t)]
        for column in zip(y_hidden.T, scores.T)
    ]


@every_known
def test_scores_are_those_of_scikit_learn_on_the_hidden_entries(known):
    y_hidden, told = hide_labels(Y, known)
    proba = answer_to(told)
    labels = entries(y_hidden, proba)
    samples = [row for row in entries(y_hidden.T, proba.T) if row]
    pooled = np.array([entry for label in labels for entry in label])
    true, score = pooled.T
    guess = score >= 0.5
    expected = {
        "mAP": np.mean([sk.average_precision_score(*zip(*label)) for label in labels]),
        "micro_AP": sk.average_precision_score(true, score),
        "log_loss": -sk.log_loss(true, score),
        "HA": sk.accuracy_score(true, guess),
        "miF1": sk.f1_score(true, guess),
        "maF1": np.mean(
            [sk.f1_score([t for t, _ in col], [s >= 0.5 for _, s in col]) for col in labels]
        ),
        "ACC": np.mean([all((s >= 0.5) == t for t, s in row) for row in samples]),
        "one_error": -np.mean([1 - max(row, key=lambda e: e[1])[0] for row in samples]),
    }
    for name, value in expected.items():
        got = get_scorer(name, known=known)(fitted(), ROWS, Y)
        assert got == pytest.approx(value, abs=1e-12), name


class Lies(Recorder):
    """Answers the opposite where it is told the answer."""

    def _answer(self, method, X, known):
        answer = super()._answer(method, X, known)
        return np.where(np.isnan(known), answer, 1 - answer)


@every_known
@every_name
def test_answers_on_told_labels_do_not_count(name, known):
    scorer = get_scorer(name, known=known)
    expected = scorer(fitted(), ROWS, PARTLY)
    assert scorer(fitted(Lies()), ROWS, PARTLY) == pytest.approx(expected, abs=1e-12)


@every_name
def test_telling_nothing_is_the_plain_scorer(name):
    model = KNeighborsClassifier(3).fit(PROBA, Y)  # which cannot be told
    expected = get_scorer(name)(model, PROBA, Y)
    assert get_scorer(name, known=0)(model, PROBA, Y) == expected
    told_nothing = answer_to(np.full((N, L), np.nan), get_metric(name).response, weight=0)
    model = fitted(Recorder(weight=0))
    value = get_metric(name).function(Y, told_nothing)
    assert abs(get_scorer(name, known=0.0)(model, ROWS, Y)) == value


@every_known
def test_weights_count_with_labels_told(known):
    weight = np.arange(N) % 3.0
    y_hidden, told = hide_labels(Y, known)
    expected = get_metric("mAP").function(y_hidden, answer_to(told), weight)
    scorer = get_scorer("mAP", known=known)
    assert scorer(fitted(), ROWS, Y, sample_weight=weight) == expected
    with config_context(enable_metadata_routing=True):
        routed = get_scorer("mAP", known=known).set_score_request(sample_weight=True)
        assert routed(fitted(), ROWS, Y, sample_weight=weight) == expected


# What is told -------------------------------------------------------------------------------


@every_known
@every_name
def test_an_estimator_is_never_told_what_it_is_scored_on(name, known):
    model = fitted()
    get_scorer(name, known=known)(model, ROWS, PARTLY)
    [(method, told)] = model.calls_
    assert method == get_metric(name).response
    y_hidden, expected = hide_labels(PARTLY, known)
    np.testing.assert_array_equal(told, expected)
    scored = ~np.isnan(y_hidden)
    assert np.isnan(told[scored]).all()
    for other in (0, np.nan) if known == "one_positive" else (0, 1, np.nan):
        changed = np.where(scored, other, PARTLY)
        changed[0] = PARTLY[0]  # that something is left to score
        get_scorer(name, known=known)(model, ROWS, changed)
        np.testing.assert_array_equal(model.calls_[-1][1], told)


@every_known
def test_two_estimators_are_told_the_same(known):
    models = fitted(), fitted(Decides())
    for model in models:
        get_scorer("mAP", known=known)(model, ROWS, Y)
    (_, one), (_, other) = (model.calls_[0] for model in models)
    np.testing.assert_array_equal(one, other)


@every_known
@pytest.mark.parametrize("form", FORMS)
def test_labels_of_every_form_are_scored_alike(form, known):
    for name in ("mAP", "ebF1"):
        scorer = get_scorer(name, known=known)
        expected = scorer(fitted(), ROWS, PARTLY)
        got = scorer(fitted(), ROWS, FORMS[form](PARTLY))
        assert got == pytest.approx(expected, abs=1e-12)


ORDER = [2, 3, 0, 1]


class ByName(Recorder):
    """Takes its columns by name, and answers in the order of its own."""

    def _answer(self, method, X, known):
        self.told_ = {str(name): np.asarray(known[name]) for name in known.columns}
        known = np.column_stack([self.told_[name] for name in self.label_names_])
        return super()._answer(method, X, known)


@every_known
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_labels_with_names_are_told_by_name(frame, known):
    model = fitted(ByName(label_names_=[LABELS[j] for j in ORDER]))
    got = get_scorer("mAP", known=known)(model, ROWS, frame(Y))
    y_hidden, told = hide_labels(Y, known)
    for j, name in enumerate(LABELS):
        np.testing.assert_array_equal(model.told_[name], told[:, j])
    answer = answer_to(told[:, ORDER])
    expected = get_metric("mAP").function(y_hidden, answer[:, np.argsort(ORDER)])
    assert got == pytest.approx(expected, abs=1e-12)


def test_one_label_may_be_a_vector():
    class OneLabel(Recorder):
        def fit(self, X, y):
            return self

        def _answer(self, method, X, known):
            assert known.shape == (N, 1)
            return np.where(np.isnan(known), PROBA[:, :1], known)

    y_hidden, _ = hide_labels(Y[:, :1], 0.5)
    expected = get_metric("mAP").function(y_hidden, PROBA[:, :1])
    for y in (Y[:, 0], Y[:, :1], Y[:, 0].tolist()):
        assert get_scorer("mAP", known=0.5)(fitted(OneLabel()), ROWS, y) == expected


# Decision values ----------------------------------------------------------------------------


@every_known
@pytest.mark.parametrize(
    "name", ["mAP", "micro_AP", "LRAP", "P@3", "OF1@2_above_threshold"]
)
def test_decision_values_are_scored_where_there_are_no_probabilities(name, known):
    y_hidden, told = hide_labels(Y, known)
    decision = np.where(np.isnan(told), answer_to(told), 0.5)
    decision = np.log(decision / (1 - decision))
    options = {"threshold": 0.0} if name.endswith("above_threshold") else {}
    expected = get_metric(name).function(y_hidden, decision, **options)
    model = fitted(Decides())
    assert np.isinf(model.decision_function(ROWS, told)).any()
    for y in (Y, pd.DataFrame(Y)):
        got = get_scorer(name, known=known)(model, ROWS, y)
        assert got == pytest.approx(expected, abs=1e-12)


def test_a_vector_of_decision_values_is_that_of_one_label():
    class OneLabel(Decides):
        def decision_function(self, X, known=None):
            return np.where(np.isnan(known), PROBA[:, :1], np.inf).ravel()

    y_hidden, _ = hide_labels(Y[:, :1], 0.5)
    expected = get_metric("mAP").function(y_hidden, PROBA[:, :1])
    assert get_scorer("mAP", known=0.5)(fitted(OneLabel()), ROWS, Y[:, 0]) == expected


def test_decision_values_of_a_wrong_shape_are_refused():
    class Turned(Decides):
        def decision_function(self, X, known=None):
            return PROBA.T

    with pytest.raises(ValueError, match=r"must be of shape \(40, 4\), as y_true"):
        get_scorer("mAP", known=0.5)(fitted(Turned()), ROWS, Y)


# What is called -----------------------------------------------------------------------------


def pipeline(last):
    return make_pipeline(FunctionTransformer(lambda X: X - 100), last)


def search(estimator, name="weight", value=0.5):
    return GridSearchCV(estimator, {name: [value]}, scoring=get_scorer("mAP"), cv=KFold(2))


@pytest.mark.parametrize(
    "estimator",
    [
        pipeline(Recorder()),
        make_pipeline(Recorder()),
        pipeline(pipeline(Recorder())),
        search(Recorder()),
        search(pipeline(Recorder()), "recorder__weight"),
        pipeline(search(Recorder())),
        make_pipeline(search(Recorder())),
        pipeline(pipeline(search(pipeline(Recorder()), "recorder__weight"))),
        search(search(Recorder()), "estimator__weight"),
    ],
    ids=lambda estimator: " > ".join(re.findall(r"Pipeline|GridSearchCV", repr(estimator))),
)
@every_known
def test_pipelines_and_searches_tell_their_last_step(estimator, known):
    expected = get_scorer("mAP", known=known)(fitted(), ROWS, Y)
    n_shifts = repr(estimator).count("FunctionTransformer")
    rows = ROWS + 100 * n_shifts
    model = clone(estimator).fit(rows, Y)
    assert get_scorer("mAP", known=known)(model, rows, Y) == expected
    assert get_scorer("ebF1", known=known)(model, rows, Y) == get_scorer(
        "ebF1", known=known
    )(fitted(), ROWS, Y)


@pytest.mark.parametrize("wrap", [FrozenEstimator, lambda model: model])
def test_what_passes_on_its_keywords_is_told(wrap):
    class PassesOn(Recorder):
        def predict_proba(self, X, **params):
            return super().predict_proba(X, **params)

    expected = get_scorer("mAP", known=0.5)(fitted(), ROWS, Y)
    assert get_scorer("mAP", known=0.5)(wrap(fitted(PassesOn())), ROWS, Y) == expected


def test_a_search_that_takes_known_itself_is_told():
    class Tells(Recorder):
        best_estimator_ = None

    expected = get_scorer("mAP", known=0.5)(fitted(), ROWS, Y)
    for model in (fitted(Tells()), make_pipeline(Tells()).fit(ROWS, Y)):
        assert get_scorer("mAP", known=0.5)(model, ROWS, Y) == expected


def test_a_pipeline_routes_what_its_last_step_requests():
    expected = get_scorer("mAP", known=0.5)(fitted(), ROWS, Y)
    with config_context(enable_metadata_routing=True):
        model = pipeline(Recorder().set_predict_proba_request(known=True))
        model.fit(ROWS + 100, Y)
        assert get_scorer("mAP", known=0.5)(model, ROWS + 100, Y) == expected


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: model,
        pipeline,
        lambda model: pipeline(pipeline(model)),
        lambda model: search(model, "n_neighbors", 3),
        lambda model: pipeline(search(model, "n_neighbors", 3)),
    ],
)
@pytest.mark.parametrize("name, method", [("mAP", "predict_proba"), ("ebF1", "predict")])
def test_an_estimator_that_cannot_be_told_is_named(name, method, wrap):
    model = wrap(KNeighborsClassifier())
    model.fit(PROBA, Y)
    message = f"whose {method} takes known=, .*; KNeighborsClassifier's does not"
    with pytest.raises(TypeError, match=message):
        get_scorer(name, known=0.5)(model, PROBA, Y)


@pytest.mark.parametrize("known", [1, -0.5, True, "all", [0.5]])
def test_what_is_no_share_is_refused_when_the_scorer_is_made(known):
    with pytest.raises(ValueError, match="known must be a share"):
        get_scorer("mAP", known=known)


# In cross-validation ------------------------------------------------------------------------


def test_the_scorers_of_one_dict_call_each_method_once_for_all_that_is_told():
    knowns = (None, 0, 0.2, 0.8, "one_positive")
    scoring = {f"{n} {k}": get_scorer(n, known=k) for n in NAMES for k in knowns}
    model = fitted()
    scores = check_scoring(model, scoring)(model, ROWS, Y)
    told = [hide_labels(Y, known)[1].tolist() for known in knowns[2:]]
    for method in ("predict", "predict_proba"):
        calls = [known for name, known in model.calls_ if name == method]
        found = [known.tolist() for known in calls if known is not None]
        assert len(calls) == len(found) + 1
        assert list(map(str, found)) == list(map(str, told))
    for label, scorer in scoring.items():
        assert scores[label] == scorer(fitted(), ROWS, Y)


def test_scorers_that_are_told_steer_a_search_and_cross_validation():
    scoring = {"a": get_scorer("mAP", known=0.5), "b": get_scorer("mAP")}
    cv = KFold(2)
    results = cross_validate(
        Recorder(), ROWS, Y, cv=cv, scoring=scoring, error_score="raise"
    )
    for fold, (_, test) in enumerate(cv.split(ROWS)):
        y_hidden, told = hide_labels(Y[test], 0.5)
        answer = fitted().predict_proba(ROWS[test], told)
        assert results["test_a"][fold] == get_metric("mAP").function(y_hidden, answer)
        plain = get_metric("mAP").function(Y[test], PROBA[test])
        assert results["test_b"][fold] == plain
    grid = {"weight": [0.0, 0.5, 1.0]}
    found = GridSearchCV(Recorder(), grid, scoring=scoring, refit="a", cv=cv).fit(ROWS, Y)
    means = found.cv_results_["mean_test_a"]
    assert means[1] == results["test_a"].mean()
    assert len(set(means)) == 3
    assert found.best_index_ == means.argmax()
    np.testing.assert_array_equal(
        found.cv_results_["mean_test_b"], results["test_b"].mean()
    )
    assert found.score(ROWS, Y) == scoring["a"](found, ROWS, Y)


def test_a_scorer_shows_what_it_tells_and_survives_pickling():
    scorer = get_scorer("ebF1", known=0.5, zero_division=np.nan)
    assert repr(scorer) == "get_scorer('ebF1', known=0.5, zero_division=nan)"
    assert repr(get_scorer("mAP", known="one_positive")) == (
        "get_scorer('mAP', known='one_positive')"
    )
    for copy in (pickle.loads(pickle.dumps(scorer)), clone(scorer, safe=False)):
        assert repr(copy) == repr(scorer)
        assert copy(fitted(), ROWS, Y) == scorer(fitted(), ROWS, Y)

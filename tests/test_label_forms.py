"""The same labels give the same answer in every form, to all that read labels.

To add an estimator, add it to ``skmlc.__all__``; to add anything else, add a function from
labels to an answer to ``READERS``.
"""

import inspect
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.pipeline import Pipeline

import skmlc
from skmlc import graphs, metrics, model_selection
from skmlc.indicators import count_labels, read_indicators
from skmlc.model_selection import ThresholdTuner, tune_threshold
from tests.label_forms import (
    FORMS,
    FRAMES,
    KNOWN,
    NAMES,
    NOT_YET,
    ONE_LABEL,
    REFUSED,
    VALUES,
)
from tests.method_names import METHOD_NAMES

rng = np.random.default_rng(0)
N, L = 30, 4
X = rng.normal(size=(N, 5))
Y = (X[:, :L] + 0.3 * rng.normal(size=(N, L)) > 0.4).astype(int)
Y[3], Y[5] = 0, 1
PREDICTED = np.where(rng.random(Y.shape) < 0.2, 1 - Y, Y)
SCORES = np.clip(0.6 * Y + 0.5 * rng.random(Y.shape), 0, 1).round(2)
UNKNOWN = np.where(rng.random(Y.shape) < 0.15, np.nan, Y)
WEIGHT = rng.integers(1, 4, N).astype(float)


# What reads labels --------------------------------------------------------------------------


class Frequencies(ClassifierMixin, BaseEstimator):
    """Gives each label its frequency, a little more where X is large."""

    def fit(self, X, y, sample_weight=None):
        weight = np.ones(len(X)) if sample_weight is None else sample_weight
        positives, known = count_labels(read_indicators(y), weight)
        self.frequency_ = positives / known
        return self

    def predict_proba(self, X):
        return np.clip(self.frequency_ + 0.1 * X[:, :1], 0, 1)


class Given(BaseEstimator):
    """Answers what it is told to."""

    def __init__(self, predicted, scores):
        self.predicted, self.scores = predicted, scores

    def fit(self, X, y):
        self.label_names_ = np.array(list(y.columns), dtype=object)
        return self

    def predict(self, X):
        return self.predicted

    def predict_proba(self, X):
        return self.scores


def metric_functions():
    """Yield the functions of true labels and of what is second to them."""
    for name in metrics.__all__:
        function = getattr(metrics, name)
        parameters = list(inspect.signature(function).parameters)
        if parameters[:1] == ["y_true"]:
            yield name, function, PREDICTED if parameters[1] == "y_pred" else SCORES


def call(function, second):
    """Return a reader that calls a metric, with weights."""

    def read(Y, weight=WEIGHT):
        result = function(Y, second, weight)
        return list(result.values()) if isinstance(result, dict) else result

    return read


def score(name, n_labels):
    given = Given(PREDICTED[:, :n_labels], SCORES[:, :n_labels])
    return lambda Y: metrics.get_scorer(name)(given, X, Y)


def split_with(splitter):
    return lambda Y: np.concatenate([np.concatenate(p) for p in splitter.split(X, Y)])


def split_once(Y):
    parts = model_selection.multilabel_train_test_split(X, Y, random_state=0)
    return np.concatenate(parts[:2])


def tune(n_labels, **options):
    def read(Y, weight=WEIGHT):
        return tune_threshold(
            Y, SCORES[:, :n_labels], "maF1", sample_weight=weight, **options
        )

    return read


def fit_tuner(Y, weight=WEIGHT):
    tuner = ThresholdTuner(Frequencies(), per_label=True, cv=3, random_state=0)
    tuner.fit(X, Y, weight)
    predicted = tuner.predict(X)
    predicted = predicted.toarray() if sparse.issparse(predicted) else predicted
    return np.vstack([tuner.threshold_, tuner.predict_proba(X), predicted])


def build(builder):
    def read(Y, weight=WEIGHT, names=None):
        graph = clone(builder).fit(Y, sample_weight=weight, label_names=names)
        if hasattr(graph, "embedding_"):
            return graph.embedding_
        return np.concatenate([graph.adjacency_.toarray().ravel(), graph.counts_])

    return read


SPLITTERS = [
    model_selection.MultilabelStratifiedKFold(3),
    model_selection.MultilabelStratifiedKFold(3, shuffle=True, random_state=0),
    model_selection.RepeatedMultilabelStratifiedKFold(
        n_splits=3, n_repeats=2, random_state=0
    ),
    model_selection.MultilabelStratifiedShuffleSplit(2, random_state=0),
]
BUILDERS = [
    graphs.CooccurrenceGraph(weighted=True),
    graphs.ConditionalProbabilityGraph(0.3, "probability"),
    graphs.KNNLabelGraph(n_neighbors=2),
    graphs.HierarchyGraph(),
    graphs.KnowledgeGraph([("on", 0, "rug")]),
    graphs.CooccurrenceEmbedding(2),
]
GRAPHS = {type(builder).__name__: build(builder) for builder in BUILDERS}


def readers(n_labels):
    """Return all that reads labels, by name."""
    scorers = {f"scorer {n}": score(n, n_labels) for n in metrics.get_scorer_names()}
    return {
        **{n: call(f, second[:, :n_labels]) for n, f, second in metric_functions()},
        **scorers,
        **{f"{type(s).__name__} {i}": split_with(s) for i, s in enumerate(SPLITTERS)},
        "multilabel_train_test_split": split_once,
        "tune_threshold": tune(n_labels),
        "tune_threshold exact": tune(n_labels, grid="exact", per_label=True),
        "ThresholdTuner": fit_tuner,
        **GRAPHS,
    }


METRICS = [name for name, _, _ in metric_functions()]
OF_PREDICTIONS = [name for name, _, second in metric_functions() if second is PREDICTED]
READERS = readers(L)


def estimator(name, **options):
    """Return an estimator of the package that is fitted in no time."""
    Estimator = getattr(skmlc, name)
    options = {
        "hidden_size": 4,
        "max_epochs": 2,
        "n_heads": 2,
        "random_state": 0,
        **options,
    }
    known = inspect.signature(Estimator).parameters
    return Estimator(**{k: v for k, v in options.items() if k in known})


def fit(name):
    def read(Y):
        model = estimator(name).fit(X, Y)
        predicted = model.predict(X)
        assert sparse.issparse(predicted) == sparse.issparse(read_indicators(Y))
        predicted = predicted.toarray() if sparse.issparse(predicted) else predicted
        return np.hstack([model.decision_function(X), predicted])

    return read


def fit_with_unknown(name):
    def read(Y):
        model = estimator(name, allow_missing_labels=True).fit(X, Y)
        return model.decision_function(X)

    return read


ESTIMATORS = METHOD_NAMES
NETWORKS = [name for name in ESTIMATORS if name.endswith("Classifier")]
every_reader = pytest.mark.parametrize("name", READERS)
every_estimator = pytest.mark.parametrize("name", ESTIMATORS)
# Training takes its time: the forms that differ most are for every run.
TELLING = (
    "float16",
    "objects",
    "csr in parts",
    "csr unsorted",
    "frame of all kinds",
    "polars",
)


every_lane = [
    pytest.param(lambda forms: {f: forms[f] for f in TELLING if f in forms}, id="telling"),
    pytest.param(dict, id="all", marks=pytest.mark.slow),
]


def assert_same(first, second):
    np.testing.assert_array_equal(np.asarray(first), np.asarray(second), strict=True)


def assert_same_from(forms, read, Y):
    """Compare the answers to all forms with the one to a plain array."""
    expected = read(Y)
    for form, convert in forms.items():
        try:
            assert_same(read(convert(Y)), expected)
        except Exception as error:
            error.add_note(f"from {form}")
            raise


# The same in every form ---------------------------------------------------------------------


@every_reader
def test_known_labels_are_the_same_in_every_form(name):
    assert_same_from(FORMS, READERS[name], Y.astype(float))
    assert_same_from(KNOWN, READERS[name], Y)
    assert_same(READERS[name](Y), READERS[name](Y.astype(float)))


@every_reader
def test_unknown_labels_are_the_same_in_every_form(name):
    assert_same_from(FORMS, READERS[name], UNKNOWN)


@pytest.mark.parametrize("name", OF_PREDICTIONS)
def test_predictions_are_the_same_in_every_form(name):
    def read(predicted):
        return getattr(metrics, name)(Y, predicted)

    assert_same_from(FORMS, read, PREDICTED.astype(float))
    assert_same_from(KNOWN, read, PREDICTED)


@every_estimator
@pytest.mark.parametrize("forms", every_lane)
def test_estimators_learn_the_same_from_every_form(name, forms):
    assert_same_from(forms(FORMS), fit(name), Y.astype(float))
    assert_same_from(forms(KNOWN), fit(name), Y)
    assert_same(fit(name)(Y), fit(name)(Y.astype(float)))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("forms", every_lane)
def test_networks_learn_the_same_from_every_form_of_unknown_labels(name, forms):
    assert_same_from(forms(FORMS), fit_with_unknown(name), UNKNOWN)


@every_reader
def test_labels_are_not_modified(name):
    for form in ("csr", "csr in parts", "csr unsorted", "csr with zeros"):
        given = FORMS[form](UNKNOWN)
        parts = ("data", "indices", "indptr")
        before = [getattr(given, part).copy() for part in parts]
        READERS[name](given)
        for part, copy in zip(parts, before):
            np.testing.assert_array_equal(getattr(given, part), copy)


# What is no label matrix --------------------------------------------------------------------


def assert_refused(forms, read):
    for form, (convert, what) in forms.items():
        given = convert(Y)
        with pytest.raises((ValueError, TypeError)) as caught:
            raise AssertionError(f"{form} was taken as {read(given)}")
        assert re.search(what, str(caught.value)), f"{form}: {caught.value}"


@every_reader
def test_what_is_no_label_matrix_is_refused_by_name(name):
    # Degrees between 0 and 1 are of use to builders.
    assert_refused(REFUSED if name in GRAPHS else REFUSED | VALUES, READERS[name])


@every_estimator
def test_estimators_refuse_what_is_no_label_matrix(name):
    assert_refused(REFUSED | VALUES | NOT_YET, fit(name))


@pytest.mark.parametrize("name", GRAPHS)
def test_builders_take_degrees_and_warn_of_more_than_one(name):
    read, given = GRAPHS[name], VALUES["csr of 1 + 1"][0](Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(Y / 2)
        with pytest.raises(UserWarning, match=r"Y holds .* but also 2, which counts"):
            read(given)
        warnings.simplefilter("ignore")
        assert_same(read(given), read(2 * Y))


@pytest.mark.parametrize("name", OF_PREDICTIONS + ESTIMATORS)
@pytest.mark.parametrize("form", ["objects", "csr", "frame of Int64", "masked"])
def test_unknown_labels_are_refused_where_they_are_not_taken(name, form):
    read = fit(name) if name in ESTIMATORS else lambda Y: getattr(metrics, name)(UNKNOWN, Y)
    with pytest.raises(ValueError, match=r"NaN \(or None or NA\), a missing entry"):
        read(FORMS[form](UNKNOWN))


# One label ----------------------------------------------------------------------------------

OF_ONE_LABEL = readers(1)


@every_reader
def test_one_column_is_one_label_in_every_form(name):
    assert_same_from(ONE_LABEL, OF_ONE_LABEL[name], Y[:, :1])


@pytest.mark.parametrize("name", METRICS)
def test_one_label_may_be_a_vector_to_metrics(name):
    for vector in (Y[:, 0], Y[:, 0].tolist(), pd.Series(Y[:, 0], dtype="Int64")):
        assert_same(OF_ONE_LABEL[name](vector), OF_ONE_LABEL[name](Y[:, :1]))


@every_estimator
def test_one_column_gives_predictions_of_one_column(name):
    for convert in ONE_LABEL.values():
        given = convert(Y[:, :1])
        model = estimator(name).fit(X, given)
        assert model.predict(X).shape == model.predict_proba(X).shape == (N, 1)
        assert list(model.classes_) == [0]
        assert hasattr(model, "label_names_") == hasattr(given, "columns")


# Names --------------------------------------------------------------------------------------

ORDER = [2, 0, 3, 1]
every_frame = pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)


def permuted(frame, A):
    return frame(A)[[NAMES[i] for i in ORDER]]


def with_sand(frame, A):
    """A frame with a label that others do not have, in place of the first."""
    A = frame(A)
    return A.rename(**{"columns" if hasattr(A, "iloc") else "mapping": {"sea": "sand"}})


LACKS_SEA = r"lacks 1 label \(sea\) and it has 1 label \(sand\) too many"


def in_permuted_order(name, values):
    """Return what a metric gives for each label, or pair of labels, in another order."""
    if name == "label_confusion":
        return values[np.ix_([*ORDER, L], [*ORDER, L])]
    return values[ORDER] if name in ("label_average_precision", "label_roc_auc") else values


@every_frame
@pytest.mark.parametrize("name", METRICS)
def test_columns_of_metrics_are_matched_by_name(name, frame):
    _, function, second = next(row for row in metric_functions() if row[0] == name)
    expected = call(function, second)(Y)
    assert_same(call(function, permuted(frame, second))(FRAMES["pandas"](Y)), expected)
    got = call(function, frame(second))(permuted(frame, Y))
    expected_so = in_permuted_order(name, expected)
    if name == "multilabel_log_loss":  # a sum over labels, which rounds in another order
        np.testing.assert_allclose(got, expected_so, rtol=1e-14, strict=True)
    else:
        assert_same(got, expected_so)
    # Where one side has no names, columns go by position.
    assert_same(call(function, with_sand(frame, second))(Y), expected)
    assert_same(call(function, pd.DataFrame(second))(frame(Y)), expected)
    with pytest.raises(ValueError, match=LACKS_SEA):
        call(function, with_sand(frame, second))(frame(Y))


@every_frame
@pytest.mark.parametrize("name", metrics.get_scorer_names())
def test_scorers_match_the_labels_that_the_estimator_was_fitted_on(name, frame):
    scorer, expected = metrics.get_scorer(name), READERS[f"scorer {name}"](Y)
    given = Given(PREDICTED, SCORES).fit(X, frame(Y))
    for model in (given, Pipeline([("given", given)])):
        assert scorer(model, X, permuted(frame, Y)) == pytest.approx(expected, abs=1e-12)
    answers_frames = Given(frame(PREDICTED), frame(SCORES))
    assert scorer(answers_frames, X, permuted(frame, Y)) == scorer(
        given, X, permuted(frame, Y)
    )
    with pytest.raises(ValueError, match=r"lacks 1 label \(sand\)"):
        scorer(given, X, with_sand(frame, Y))


@every_frame
def test_thresholds_match_labels_and_probabilities_by_name(frame):
    expected = tune_threshold(Y, SCORES, per_label=True, grid="exact")
    for given in ((frame(Y), permuted(frame, SCORES)), (Y, frame(SCORES))):
        assert_same(tune_threshold(*given, per_label=True, grid="exact"), expected)
    got = tune_threshold(permuted(frame, Y), frame(SCORES), per_label=True, grid="exact")
    assert_same(got, expected[ORDER])
    with pytest.raises(ValueError, match=LACKS_SEA):
        tune_threshold(frame(Y), with_sand(frame, SCORES))


@every_frame
def test_the_tuner_matches_the_labels_that_a_classifier_was_fitted_on(frame):
    prefit = Given(PREDICTED, SCORES).fit(X, frame(Y))
    options = {"cv": "prefit", "per_label": True, "grid": "exact"}
    plain = ThresholdTuner(prefit, **options).fit(X, Y)
    tuner = ThresholdTuner(prefit, **options).fit(X, permuted(frame, Y))
    assert_same(tuner.threshold_, plain.threshold_[ORDER])
    assert_same(tuner.predict(X), plain.predict(X)[:, ORDER])
    assert list(tuner.label_names_) == [NAMES[i] for i in ORDER]
    with pytest.raises(ValueError, match=r"lacks 1 label \(sand\)"):
        ThresholdTuner(prefit, **options).fit(X, with_sand(frame, Y))


@every_frame
@pytest.mark.parametrize("builder", BUILDERS, ids=GRAPHS)
def test_label_names_of_builders_give_the_order(builder, frame):
    ordered = [NAMES[i] for i in ORDER]
    assert_same(build(builder)(frame(Y), names=ordered), build(builder)(Y[:, ORDER]))
    assert clone(builder).fit(frame(Y), label_names=ordered).label_names_ == ordered
    with pytest.raises(ValueError, match=r"lacks 1 label \(sand\)"):
        clone(builder).fit(frame(Y), label_names=["sand", *NAMES[1:]])
    renamed = clone(builder).fit(frame(Y), label_names=list("abcd"))
    assert renamed.label_names_ == list("abcd")


# Weights ------------------------------------------------------------------------------------

WEIGHTS = {
    "list": list,
    "int": lambda w: w.astype(int),
    "float16": lambda w: w.astype(np.float16),
    "big-endian": lambda w: w.astype(">f8"),
    "objects": lambda w: w.astype(object),
    "Series": lambda w: pd.Series(w, index=np.arange(N)[::-1]),
    "Int64": lambda w: pd.Series(w, dtype="Int64"),
}
WRONG_WEIGHTS = {
    "short": np.ones(N - 1),
    "column": np.ones((N, 1)),
    "negative": -np.ones(N),
    "zero": np.zeros(N),
    "NaN": np.full(N, np.nan),
    "infinite": np.full(N, np.inf),
    "text": np.full(N, "1"),
    "NA": pd.Series([pd.NA] * N, dtype="Int64"),
}


every_weighted = pytest.mark.parametrize(
    "name", [*METRICS, "tune_threshold", "ThresholdTuner", *GRAPHS]
)


@every_weighted
def test_weights_count_the_same_in_every_form(name):
    read = READERS[name]
    expected = read(Y, WEIGHT)
    for convert in WEIGHTS.values():
        assert_same(read(Y, convert(WEIGHT)), expected)
    assert_same(read(Y, 1), read(Y, None))


@every_weighted
def test_wrong_weights_are_refused(name):
    for weight in WRONG_WEIGHTS.values():
        with pytest.raises(ValueError, match=f"sample_weight must hold {N} non-negative"):
            READERS[name](Y, weight)

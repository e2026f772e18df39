"""What every estimator must satisfy: scikit-learn's checks, and the multi-label contract."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import skmlc
from skmlc.base.enhancement import LabelEnhancementMixin
from skmlc.inputs import Bags, Graphs, Images, Sequences
from tests.method_names import METHOD_NAMES

ESTIMATORS = [getattr(skmlc, name) for name in METHOD_NAMES if name.endswith("Classifier")]
# What a method needs beside to be small and exact; the checks have at most 300 samples.
EXACT = {"precision": "float64", "dropout": 0.0, "input_dropout": 0.0, "batch_size": 512}
SMALL = {"hidden_size": 8, "max_epochs": 3, "random_state": 0}
# float32 rounding breaks the equality of weighted and repeated samples to 1e-7.
FLOAT32_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "float32 rounding, magnified by AdamW",
    "check_sample_weight_equivalence_on_sparse_data": "float32 rounding, magnified by AdamW",
}
# Their losses compare the samples of a batch, which their batch norm couples as well.
COUPLED = {
    check: "the enhancer's batch norm and similarity loss couple the samples"
    for check in FLOAT32_FAILURES
}


def expected_failures(estimator):
    return COUPLED if isinstance(estimator, LabelEnhancementMixin) else {}


every_estimator = pytest.mark.parametrize(
    "Estimator", ESTIMATORS, ids=[e.__name__ for e in ESTIMATORS]
)


def exact(Estimator):
    return Estimator(**EXACT, hidden_size=16, max_epochs=30, learning_rate=0.02)


def small(Estimator, **options):
    return Estimator(**{**SMALL, **options})


@parametrize_with_checks(
    [exact(Estimator) for Estimator in ESTIMATORS], expected_failed_checks=expected_failures
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [Estimator() for Estimator in ESTIMATORS],
    expected_failed_checks=lambda estimator: FLOAT32_FAILURES,
)
def test_scikit_learn_checks_with_the_defaults(estimator, check):
    try:
        check(estimator)
    except AssertionError as error:
        # The check wants 1e-7 of logits near zero, where float32 products of one row and of
        # many differ by a few times that; the test below bounds the difference.
        if "not invariant when applied to a subset" in str(error):
            pytest.xfail("float32 rounding of a logit near zero")
        raise


@every_estimator
def test_float32_predictions_of_a_subset_agree_to_rounding(Estimator, data):
    X, Y = data
    model = small(Estimator).fit(X, Y)
    alone = np.vstack([model.predict_proba(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(alone, model.predict_proba(X), atol=2e-6)


@pytest.fixture(scope="module")
def data():
    return make_multilabel_classification(120, 10, n_classes=5, n_labels=2, random_state=0)


def containers(n_samples, rng):
    sizes = rng.integers(1, 6, n_samples)
    bags = [rng.normal(size=(n, 4)) for n in sizes]
    edges = [np.array([[0], [n - 1]]) for n in sizes]
    return {
        "sequences": Sequences([rng.integers(0, 30, n) for n in sizes], n_tokens=30),
        "bags": Bags(bags),
        "graphs": Graphs(bags, edges),
        "images": Images(rng.integers(0, 256, (n_samples, 1, 8, 8), dtype=np.uint8)),
        "feature maps": rng.random((n_samples, 6, 2, 3)),
    }


# Targets ------------------------------------------------------------------------------------


@every_estimator
def test_the_answer_has_the_form_of_y(Estimator, data):
    X, Y = data
    dense = small(Estimator).fit(X, Y)
    assert isinstance(dense.predict(X), np.ndarray)
    answer = small(Estimator).fit(X, sparse.csr_array(Y)).predict(X)
    assert sparse.issparse(answer)
    np.testing.assert_array_equal(answer.toarray(), dense.predict(X))
    assert dense.predict_proba(X).shape == dense.decision_function(X).shape == Y.shape
    np.testing.assert_array_equal(dense.classes_, np.arange(5))


@every_estimator
def test_labels_without_and_with_all_positives_and_empty_rows(Estimator, data):
    X, Y = data
    Y = Y.copy()
    Y[:, 0], Y[:, 1], Y[:10] = 0, 1, 0
    probabilities = small(Estimator).fit(X, Y).predict_proba(X)
    assert np.isfinite(probabilities).all()
    assert probabilities[:, 0].mean() < probabilities[:, 1].mean()
    assert np.isfinite(small(Estimator).fit(X, np.zeros_like(Y)).predict_proba(X)).all()


@every_estimator
def test_unknown_labels_are_left_out_of_loss_and_graph(Estimator, data):
    X, Y = data
    X, Y = np.vstack([X, X]), np.vstack([Y, 1 - Y]).astype(float)
    Y[len(X) // 2 :] = np.nan  # the second half is unknown: as if its labels were not there
    options = {**EXACT, "allow_missing_labels": True}
    Y[len(X) // 2 :, 0] = Y[: len(X) // 2, 0]  # but for one label, so that rows differ
    model = small(Estimator, **options).fit(X, Y)
    changed = Y.copy()
    changed[len(X) // 2 :, 1:] = np.nan
    again = small(Estimator, **options).fit(X, changed)
    np.testing.assert_allclose(model.predict_proba(X), again.predict_proba(X), rtol=1e-7)
    with pytest.raises(ValueError, match="NaN"):
        small(Estimator).fit(X, Y)


@every_estimator
def test_dataframes_give_names(Estimator, data):
    X, Y = data
    X = pd.DataFrame(X, columns=[f"f{i}" for i in range(10)])
    Y = pd.DataFrame(Y, columns=list("abcde"))
    model = small(Estimator, threshold=0.0).fit(X, Y)
    assert list(model.label_names_) == list("abcde")
    assert model.predict_labels(X)[0] == list("abcde")
    assert list(model.feature_names_in_) == list(X.columns)
    unnamed = small(Estimator).fit(X, Y.to_numpy())
    assert not hasattr(unnamed, "predict_labels")


@every_estimator
def test_names_of_labels_from_a_frame_of_sparse_columns(Estimator, data):
    X, Y = data[0], data[1]
    frame = pd.DataFrame(Y, columns=list("abcde")).astype(pd.SparseDtype(int, 0))
    model = small(Estimator).fit(X, frame)
    expected = [[*frame.columns[row]] for row in model.predict(X).toarray().astype(bool)]
    assert model.predict_labels(X) == expected


@every_estimator
@pytest.mark.parametrize(
    "y",
    [[[0, 1], [2]], [["a", "b"], ["a"]], [{"a"}, {"b"}]],
    ids=["ragged", "names", "sets"],
)
def test_lists_of_labels_are_refused_with_a_hint(Estimator, y):
    with pytest.raises(ValueError, match="MultiLabelBinarizer"):
        small(Estimator).fit(np.zeros((2, 3)), y)


@every_estimator
def test_other_values_than_zero_and_one_are_refused(Estimator, data):
    X, Y = data
    with pytest.raises(ValueError, match="zeros and ones"):
        small(Estimator).fit(X, Y * 2)


@every_estimator
def test_inputs_are_not_modified(Estimator, data):
    X, Y = data
    weight = np.ones(len(X))
    before = X.copy(), Y.copy(), weight.copy()
    small(Estimator, threshold="tuned").fit(X, Y, sample_weight=weight).predict(X)
    for array, copy in zip((X, Y, weight), before, strict=True):
        np.testing.assert_array_equal(array, copy)


# Inputs -------------------------------------------------------------------------------------


@every_estimator
@pytest.mark.parametrize(
    "kind", ["sequences", "bags", "graphs", "sparse", "images", "feature maps"]
)
def test_every_kind_of_input_trains_and_is_sliced_by_scikit_learn(Estimator, kind):
    rng = np.random.default_rng(0)
    Y = rng.integers(0, 2, (40, 3))
    X = {
        **containers(40, rng),
        "sparse": sparse.random(40, 12, 0.1, random_state=0, format="csr"),
    }[kind]
    model = small(Estimator, **EXACT)
    out = cross_val_predict(model, X, Y, cv=2, method="predict_proba")
    half = clone(model).fit(X[:20], Y[:20]).predict_proba(X[20:])
    np.testing.assert_allclose(out[20:], half, rtol=1e-9)


@every_estimator
def test_another_kind_of_input_in_prediction_is_an_error(Estimator):
    rng = np.random.default_rng(0)
    X = containers(20, rng)
    model = small(Estimator).fit(X["bags"], rng.integers(0, 2, (20, 3)))
    with pytest.raises(ValueError, match="'bags'; got 'sequences'"):
        model.predict(X["sequences"])


@every_estimator
@pytest.mark.parametrize("kind", ["bags", "images"])
def test_batch_size_does_not_change_the_prediction(Estimator, kind):
    rng = np.random.default_rng(0)
    X = containers(30, rng)[kind]
    model = small(Estimator, **EXACT).fit(X, rng.integers(0, 2, (30, 3)))
    together = model.predict_proba(X)
    alone = np.vstack([model.predict_proba(X[i : i + 1]) for i in range(30)])
    np.testing.assert_allclose(alone, together, rtol=1e-9)


# Training -----------------------------------------------------------------------------------


@every_estimator
def test_same_random_state_same_result_and_global_state_untouched(Estimator, data):
    X, Y = data
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    expected = torch.rand(2), np.random.random(2)  # noqa: NPY002
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    threads, flags = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    first = small(Estimator, early_stopping="loss").fit(X, Y).predict_proba(X)
    second = small(Estimator, early_stopping="loss").fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(first, second)
    other = small(Estimator, random_state=1).fit(X, Y).predict_proba(X)
    assert np.abs(first - other).max() > 0
    assert torch.equal(torch.rand(2), expected[0])
    np.testing.assert_array_equal(np.random.random(2), expected[1])  # noqa: NPY002
    assert torch.get_num_threads() == threads
    assert torch.are_deterministic_algorithms_enabled() == flags


@every_estimator
def test_pickle_predicts_the_same_and_holds_no_training_data(Estimator):
    rng = np.random.default_rng(0)
    sizes = []
    for n_samples in (100, 3000):
        X, Y = rng.random((n_samples, 10)), rng.integers(0, 2, (n_samples, 4))
        model = small(Estimator, max_epochs=1, batch_size=5000, early_stopping="ebF1")
        model.fit(X, Y)
        # What enhancement has found of the samples of `fit` is meant to stay.
        model.__dict__.pop("label_distribution_", None)
        pickled = pickle.dumps(model)
        sizes.append(len(pickled))
        again = pickle.loads(pickled)
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert sizes[1] < sizes[0] + 1000


@every_estimator
def test_in_pipeline_search_and_cross_validation(Estimator, data):
    X, Y = data
    name = Estimator.__name__.lower()
    pipeline = make_pipeline(StandardScaler(), small(Estimator))
    search = GridSearchCV(
        pipeline, {f"{name}__hidden_size": [4, 8]}, cv=2, scoring="f1_micro",
        error_score="raise",
    ).fit(X, Y)  # fmt: skip
    assert len(search.cv_results_["params"]) == 2
    scoring = {name: skmlc.metrics.get_scorer(name) for name in ("ebF1", "mAP", "P@1")}
    scores = cross_validate(pipeline, X, Y, cv=2, scoring=scoring, error_score="raise")
    assert np.isfinite(scores["test_mAP"]).all()


@every_estimator
def test_transform_gives_named_columns_and_does_not_depend_on_the_batch(Estimator, data):
    X, Y = data
    model = small(Estimator, **EXACT).fit(X, Y)
    together = model.transform(X)
    alone = np.vstack([model.transform(X[i : i + 1]) for i in range(10)])
    np.testing.assert_allclose(alone, together[:10], rtol=1e-9)
    assert len(model.get_feature_names_out()) == together.shape[1]
    assert np.ptp(together, axis=0).max() > 0


@every_estimator
def test_inside_meta_estimators(Estimator, data):
    X, Y = data
    for Meta in (MultiOutputClassifier, ClassifierChain):
        assert Meta(small(Estimator)).fit(X, Y).predict(X).shape == Y.shape


@every_estimator
def test_pandas_output_of_a_pipeline_is_read_without_a_warning(Estimator, data):
    X, Y = data
    pipeline = make_pipeline(StandardScaler(), small(Estimator))
    pipeline.set_output(transform="pandas")
    X = pd.DataFrame(X, columns=[f"f{i}" for i in range(10)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pipeline.fit(X, Y).predict(X)
    assert list(pipeline[-1].feature_names_in_) == list(X.columns)

"""BagScaler and BagPooling against scikit-learn's scalers and NumPy, bag by bag."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.utils.estimator_checks import (
    check_param_validation,
    check_parameters_default_constructible,
    parametrize_with_checks,
)

from skmlc.inputs import Bags, Graphs, Sequences
from skmlc.inputs.transformers.bags import BagPooling, BagScaler

STATISTICS = {
    "mean": lambda bag: bag.mean(axis=0),
    "max": lambda bag: bag.max(axis=0),
    "min": lambda bag: bag.min(axis=0),
    "std": lambda bag: bag.std(axis=0),
    "sum": lambda bag: bag.sum(axis=0),
    "count": lambda bag: [len(bag)],
}


def make_bags(n_bags=10, seed=0, n_features=3):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 8, size=n_bags)
    return [rng.normal(size=(n, n_features)) * 5 + 2 for n in sizes]


def as_object_array(bags):
    array = np.empty(len(bags), dtype=object)
    array[:] = bags
    return array


FORMS = {
    "list": list,
    "Bags": Bags,
    "objects": as_object_array,
    "column": lambda bags: as_object_array(bags)[:, None],
    "Series": lambda bags: pd.Series(as_object_array(bags)),
    "DataFrame": lambda bags: pd.DataFrame({"bag": as_object_array(bags)}),
}
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
both = pytest.mark.parametrize("Transformer", [BagScaler, BagPooling])


# Scaling ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scaler, expected",
    [
        ("standard", StandardScaler()),
        ("minmax", MinMaxScaler()),
        ("norm", Normalizer()),
        (MinMaxScaler((-1, 1)), MinMaxScaler((-1, 1))),
        (PCA(2, random_state=0), PCA(2, random_state=0)),
    ],
    ids=str,
)
@every_form
def test_instances_are_scaled_as_scikit_learn_scales_all_of_them(scaler, expected, form):
    X, Y = make_bags(), make_bags(4, seed=1)
    model = BagScaler(scaler).fit(form(X))
    expected = expected.fit(np.concatenate(X))
    scaled = model.transform(form(Y))
    assert type(scaled) is Bags
    for bag, unscaled in zip(scaled, Y):
        np.testing.assert_allclose(bag, expected.transform(unscaled), rtol=1e-12)


def test_the_given_scaler_is_left_as_it_is():
    scaler = StandardScaler()
    model = BagScaler(scaler).fit(make_bags())
    assert not hasattr(scaler, "mean_")
    assert hasattr(model.scaler_, "mean_")
    assert clone(model).scaler is not scaler


def test_boxes_and_dtype_are_kept():
    bags = [bag.astype(np.float32) for bag in make_bags()]
    boxes = np.tile([0.0, 0.0, 1.0, 1.0], (sum(map(len, bags)), 1))
    scaled = BagScaler().fit_transform(Bags(bags, boxes))
    np.testing.assert_array_equal(scaled.boxes, boxes)
    assert scaled.instances.dtype == np.float32


def test_rows_of_a_table_become_bags_of_one_instance():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(5, 2)), columns=["a", "b"])
    model = BagScaler().fit(X)
    scaled = model.transform(X)
    np.testing.assert_array_equal(scaled.lengths, 1)
    np.testing.assert_allclose(scaled.instances, StandardScaler().fit_transform(X))
    assert list(model.feature_names_in_) == ["a", "b"]
    assert list(model.get_feature_names_out()) == ["a", "b"]


def test_names_of_features_are_those_of_the_scaler():
    model = BagScaler(PCA(2)).fit(make_bags())
    assert list(model.get_feature_names_out()) == ["pca0", "pca1"]
    assert list(BagScaler().fit(make_bags()).get_feature_names_out()) == ["x0", "x1", "x2"]
    assert not hasattr(
        BagScaler(FunctionTransformer()).fit(make_bags()), "get_feature_names_out"
    )


@pytest.mark.parametrize(
    "scaler, message",
    [
        (OneHotEncoder(), "got csr"),
        (FunctionTransformer(lambda Z: Z[:-1]), "of shape"),
        (FunctionTransformer(lambda Z: Z / 0), "finite"),
    ],
)
def test_what_a_scaler_must_not_give_is_refused(scaler, message):
    with pytest.raises(ValueError, match=message), np.errstate(all="ignore"):
        BagScaler(scaler).fit_transform(make_bags())


class ScalerOfTables(BagScaler):
    """BagScaler with a table as its answer, which is what scikit-learn's checks read."""

    def transform(self, X):
        return super().transform(X).instances


@parametrize_with_checks([ScalerOfTables(), ScalerOfTables("norm")])
def test_scaler_passes_scikit_learn_checks_but_for_its_answer_being_bags(estimator, check):
    check(estimator)


def test_parameters_of_the_scaler_itself():
    check_parameters_default_constructible("BagScaler", BagScaler())
    check_param_validation("BagScaler", BagScaler())


# Pooling ------------------------------------------------------------------------------------


@every_form
def test_statistics_are_those_of_each_bag(form):
    X = make_bags()
    model = BagPooling(list(STATISTICS)).fit(form(X))
    expected = [np.concatenate([f(bag) for f in STATISTICS.values()]) for bag in X]
    np.testing.assert_allclose(model.transform(form(X)), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_one_statistic_may_be_a_word(statistic):
    X = make_bags()
    expected = [STATISTICS[statistic](bag) for bag in X]
    found = BagPooling(statistic).fit_transform(X)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_names_of_columns_tell_the_statistic_and_the_feature():
    X = make_bags(n_features=2)
    model = BagPooling(["std", "count", "mean"]).fit(X)
    names = ["std_x0", "std_x1", "count", "mean_x0", "mean_x1"]
    assert list(model.get_feature_names_out()) == names
    assert list(model.get_feature_names_out(["a", "b"])[-2:]) == ["mean_a", "mean_b"]
    frame = model.set_output(transform="pandas").transform(X)
    assert list(frame.columns) == names


def test_float32_is_summed_in_double_precision():
    rng = np.random.default_rng(0)
    bag = (1e-3 * rng.normal(size=(2000, 2)) + 1000).astype(np.float32)
    table = BagPooling(["mean", "std"]).fit_transform([bag])
    exact = bag.astype(np.float64)
    assert table.dtype == np.float32
    np.testing.assert_allclose(table[0], [*exact.mean(0), *exact.std(0)], rtol=2e-7)


@pytest.mark.parametrize("statistics", [[], ["mean", "mode"], "mode"])
def test_unknown_statistics_are_refused(statistics):
    with pytest.raises(ValueError, match="statistics must be one or more of mean, max"):
        BagPooling(statistics).fit(make_bags())


@parametrize_with_checks([BagPooling(), BagPooling(["mean", "std", "count"])])
def test_pooling_passes_scikit_learn_checks(estimator, check):
    check(estimator)


# Both ---------------------------------------------------------------------------------------


@every_form
def test_they_are_split_and_searched_in_a_pipeline(form):
    rng = np.random.default_rng(0)
    Y = rng.integers(0, 2, size=(40, 2))
    bags = [rng.normal(size=(n, 2)) + y for n, y in zip(rng.integers(1, 5, 40), Y)]
    linear = MultiOutputClassifier(LogisticRegression())
    model = make_pipeline(BagScaler(), BagPooling(), linear)
    parts = train_test_split(form(bags), Y, np.arange(40), random_state=0)
    X_train, X_test, Y_train, Y_test, train, test = parts
    scaler = StandardScaler().fit(np.concatenate([bags[i] for i in train]))
    means = np.array([scaler.transform(bag).mean(axis=0) for bag in bags])
    expected = clone(linear).fit(means[train], Y[train]).score(means[test], Y[test])
    assert model.fit(X_train, Y_train).score(X_test, Y_test) == expected
    assert list(model[:-1].get_feature_names_out()) == ["mean_x0", "mean_x1"]
    cross_validate(model, form(bags), Y, cv=2, error_score="raise")
    grid = {"bagscaler__scaler": ["standard", "norm"], "bagpooling__statistics": ["max"]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(form(bags), Y)
    assert len(set(search.cv_results_["mean_test_score"])) > 1


@both
@pytest.mark.parametrize(
    "X, error, message",
    [
        (Sequences([[1, 2], [0]]), TypeError, "got Sequences"),
        (Graphs([np.ones((2, 2))], [np.array([[0], [1]])]), TypeError, r"with Bags\(X\)"),
        (sparse.eye(3, format="csr"), TypeError, "dense data is required"),
        (Bags([np.ones((1, 2))])[:0], ValueError, "0 sample"),
        ([np.ones((1, 2)), np.ones((0, 2))], ValueError, "bag 1 is empty"),
    ],
)
def test_what_is_no_bags_is_refused(Transformer, X, error, message):
    with pytest.raises(error, match=message):
        Transformer().fit(X)


@both
def test_another_width_than_in_fit_is_refused(Transformer):
    model = Transformer().fit(make_bags())
    with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3"):
        model.transform(make_bags(n_features=2))


@both
def test_inputs_are_not_modified(Transformer):
    X = make_bags()
    before = [bag.copy() for bag in X]
    Transformer().fit_transform(X)
    for bag, copy in zip(X, before):
        np.testing.assert_array_equal(bag, copy)

"""Columns of categories, against scikit-learn's OneHotEncoder and computed by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmlc import EmbMLPClassifier
from skmlc.inputs import Bags, FeatureEncoder
from skmlc.inputs.categories import find_categories
from skmlc.training.batches import read_batch

N = 40
rng = np.random.default_rng(0)
NUMBERS = rng.normal(size=N)
COLORS = rng.choice(["red", "green", "blue"], N)
SIZES = rng.choice([3, 10, 2**24, 2**24 + 1], N)  # float32 does not tell the last two apart
Y = rng.integers(0, 2, (N, 2))


def table(rows=slice(None), **columns):
    X = pd.DataFrame({"color": pd.Categorical(COLORS), "x": NUMBERS, "size": SIZES})
    return X.astype({"size": "category"}).assign(**columns).iloc[rows]


def make(encoder=None, **options):
    options = {"hidden_size": 3, "max_epochs": 2, "random_state": 0, **options}
    return EmbMLPClassifier(encoder=encoder or FeatureEncoder(), **options)


def encoded(model, X):
    """Return what the nodes are made of (N, E)."""
    values = torch.from_numpy(model._categories.encode(X).to_numpy(dtype=np.float64))
    return model.module_.columns.nodes(values).detach().numpy()


# One-hot ------------------------------------------------------------------------------------


def test_categories_are_one_hot_beside_numbers():
    model = make(precision="float64").fit(table(), Y)
    one_hot = OneHotEncoder(sparse_output=False).fit_transform(table()[["color", "size"]])
    scaled = StandardScaler().fit_transform(table()[["x"]])
    np.testing.assert_allclose(encoded(model, table()), np.c_[scaled, one_hot])
    nodes = model.module_.columns.nodes
    assert nodes.source.tolist() == [1, 0, 0, 0, 2, 2, 2, 2]
    assert model.n_features_in_ == 3
    assert model.feature_names_in_.tolist() == ["color", "x", "size"]


@pytest.mark.parametrize("encoding", ["standardized", "piecewise_linear", "periodic", None])
def test_nodes_and_skip_read_the_categories_whatever_the_encoding(encoding):
    options = {"encoding": encoding, "skip_encoding": encoding, "n_frequencies": 2}
    model = make(FeatureEncoder(**options)).fit(table(), Y)
    alone = make(FeatureEncoder(**options)).fit(table()[["x"]], Y).module_
    numbers = alone.skip.weight.shape[0]
    assert model.module_.skip.weight.shape[0] == numbers + 3 + 4
    one_hot = OneHotEncoder(sparse_output=False).fit_transform(table()[["color", "size"]])
    np.testing.assert_array_equal(encoded(model, table())[:, numbers:], one_hot)


def test_a_table_of_categories_alone_is_read():
    X = table()[["color", "size"]]
    model = make().fit(X, Y)
    np.testing.assert_array_equal(
        encoded(model, X), OneHotEncoder(sparse_output=False).fit_transform(X)
    )
    features = make(FeatureEncoder("features")).fit(X, Y)
    assert np.isfinite(features.predict_proba(X)).all()


def test_an_unknown_category_is_zero_everywhere():
    model = make().fit(table(), Y)
    new = table(slice(3)).assign(color=["pink", "red", "gold"], size=[3, 4, 10])
    expected = (
        OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        .fit(table()[["color", "size"]])
        .transform(new[["color", "size"]])
    )
    np.testing.assert_array_equal(encoded(model, new)[:, 1:], expected)


def test_a_category_that_training_rows_do_not_have_has_no_entry():
    codes = np.array([0.0, 1, 2, 1, -1, 0, np.nan])[:, None]
    columns = FeatureEncoder().fit_columns(
        codes, np.array([0, 2, 4, 5]), np.ones(7), categorical=[0]
    )
    expected = np.stack([codes[:, 0] == 0, codes[:, 0] == 2], axis=1)
    np.testing.assert_array_equal(columns.nodes(torch.from_numpy(codes)), expected)


def test_rare_categories_of_very_many_samples_are_found():
    codes = np.zeros((20_000, 1))
    codes[[7, 19_999]] = [[1], [2]]
    columns = FeatureEncoder().fit_columns(
        codes, np.arange(20_000), np.ones(20_000), categorical=[0]
    )
    assert columns.skip.category.tolist() == [0, 1, 2]


def test_a_column_of_categories_is_left_out_as_a_whole():
    model = make(input_dropout=0.5).fit(table(), Y)
    X = model._categories.encode(table()).to_numpy(dtype=np.float32)
    network = model.module_.train()
    batch = read_batch(X, np.arange(N), np.float32)
    nodes, skip = (part.values[:, -7:] for part in network.read(batch))
    torch.testing.assert_close(nodes, skip)
    assert set(nodes[:, :3].sum(1).tolist()) == {0, 2}  # twice the entry that is kept


def test_a_node_per_column_adds_the_vector_of_its_category():
    encoder = FeatureEncoder("features", encoding="piecewise_linear", n_bins=4)
    model = make(encoder, precision="float64").fit(table(), Y)
    entries, encoder = encoded(model, table()), model.module_.encoder
    weight, bias, vectors = (
        part.detach().numpy() for part in (encoder.weight, encoder.bias, encoder.embedding)
    )
    expected = np.tile(bias, (N, 1, 1))
    expected[:, 1] += entries[:, :4] @ weight[1]
    expected[:, 0] += vectors[:3][np.searchsorted(["blue", "green", "red"], COLORS)]
    expected[:, 2] += vectors[3:][np.searchsorted(np.unique(SIZES), SIZES)]
    np.testing.assert_allclose(model.transform(table()), expected.mean(1))


def test_many_categories_of_one_column_do_not_pad_the_others():
    X = table(color=pd.Categorical(np.arange(N)))
    model = make(FeatureEncoder("features", encoding="piecewise_linear")).fit(X, Y)
    assert model.module_.encoder.weight.shape == (3, 8, 3)
    assert model.module_.encoder.embedding.shape == (N + 4, 3)


def test_what_no_order_of_numbers_says_is_learned():
    codes = np.random.default_rng(1).integers(0, 9, (400, 1))
    labels = np.isin(codes, [0, 3, 4, 8]).astype(int)
    model = make(FeatureEncoder(categorical_features=[0]), max_epochs=20)
    assert (model.fit(codes[:300], labels[:300]).predict(codes[300:]) == labels[300:]).all()


# Forms --------------------------------------------------------------------------------------

AS_OBJECTS = np.array([*zip(COLORS, NUMBERS, SIZES)], dtype=object)
BY_NAME = FeatureEncoder(categorical_features=["size", "color"])
BY_NUMBER = FeatureEncoder(categorical_features=[2, 0])
BY_MASK = FeatureEncoder(categorical_features=[True, False, True])
FORMS = {
    "other order": (
        FeatureEncoder(),
        table(color=pd.Categorical(COLORS, ["red", "pink", "green", "blue"], ordered=True)),
    ),
    "strings by name": (BY_NAME, table(color=COLORS, size=SIZES)),
    "nullable by name": (
        BY_NAME,
        table(color=COLORS.astype(object), size=SIZES).astype({"size": "Int64"}),
    ),
    "named and of dtype": (BY_NAME, table()),
    "by number": (BY_NUMBER, table(color=COLORS, size=SIZES)),
    "by mask": (BY_MASK, table(color=COLORS, size=SIZES)),
    "objects": (BY_NUMBER, AS_OBJECTS),
}


@pytest.mark.parametrize("nodes", ["vector", "features"])
@pytest.mark.parametrize("encoder, X", FORMS.values(), ids=FORMS)
def test_every_form_of_categories_gives_the_same(nodes, encoder, X):
    encoder = FeatureEncoder(nodes, categorical_features=encoder.categorical_features)
    expected = make(FeatureEncoder(nodes)).fit(table(), Y).predict_proba(table())
    before = X.copy()
    np.testing.assert_array_equal(make(encoder).fit(X, Y).predict_proba(X), expected)
    pd.testing.assert_frame_equal(pd.DataFrame(X), pd.DataFrame(before))


@pytest.mark.parametrize("form", [X for _, X in FORMS.values()], ids=FORMS)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_fit_and_predict_may_have_different_forms(form):
    model = make().fit(table(), Y)
    np.testing.assert_array_equal(model.predict_proba(form), model.predict_proba(table()))


@pytest.mark.parametrize("kind", ["Categorical", "Enum", "String"])
def test_frames_of_polars_give_the_same(kind):
    pl = pytest.importorskip("polars")
    kind = pl.Enum(["red", "blue", "green"]) if kind == "Enum" else getattr(pl, kind)
    X = pl.DataFrame({"color": pl.Series(COLORS.tolist()).cast(kind), "x": NUMBERS})
    named = ["color"] if kind == pl.String else "from_dtype"
    model = make(FeatureEncoder(categorical_features=named)).fit(X, Y)
    expected = make().fit(table()[["color", "x"]], Y).predict_proba(table()[["color", "x"]])
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    np.testing.assert_array_equal(model.predict_proba(X[::-1])[::-1], expected)
    assert X["color"].dtype == kind


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint8"])
def test_numbers_are_categories_where_they_are_named(dtype, tmp_path):
    X = np.column_stack([np.searchsorted(np.unique(SIZES), SIZES), np.arange(N)])
    np.save(tmp_path / "X.npy", X.astype(dtype))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = make().fit(pd.DataFrame(X).astype({0: "category"}), Y)
    model = make(FeatureEncoder(categorical_features=[0]))
    for form in (X.astype(dtype), mapped, X.tolist(), X.astype(object)):
        np.testing.assert_array_equal(
            model.fit(form, Y).predict_proba(form),
            expected.predict_proba(pd.DataFrame(X)),
        )


def test_a_sparse_matrix_may_be_predicted_as_the_table_that_it_is():
    X = np.column_stack([np.arange(N) % 3, NUMBERS])
    model = make(FeatureEncoder(categorical_features=[0])).fit(X, Y)
    np.testing.assert_array_equal(
        model.predict_proba(sparse.csr_array(X)), model.predict_proba(X)
    )


def test_categories_do_not_depend_on_the_order_of_rows_or_of_the_dtype():
    expected = find_categories(table(), "from_dtype").codes
    assert expected == (
        {"blue": 0, "green": 1, "red": 2},
        {3: 0, 10: 1, 2**24: 2, 2**24 + 1: 3},
    )
    for X in (table(slice(None, None, -1)), FORMS["other order"][1]):
        assert find_categories(X, "from_dtype").codes == expected


def test_values_of_several_types_are_told_apart():
    column = np.array(["1", 1, 2.5, "x", None, np.nan, (1, 2), 1.0, True], dtype=object)
    found = find_categories(column[:, None], [0])
    assert set(found.codes[0]) == {1, 2.5, "1", "x", (1, 2)}
    assert find_categories(column[::-1, None], [0]).codes == found.codes
    codes = found.encode(column[:, None])[:, 0].astype(float)
    assert codes[1] == codes[7] == codes[8] != codes[0]
    assert np.isnan(codes[4:6]).all()


@pytest.mark.parametrize(
    "column",
    [
        pd.cut(NUMBERS, [-9, 0, 1, 9]),
        pd.Categorical(pd.to_datetime(np.array([0, 1, 2, 1] * 10), unit="D")),
        pd.Categorical([True, False] * 20),
    ],
)
def test_categories_may_be_of_any_type(column):
    X = table(color=column)
    one_hot = pd.get_dummies(pd.Series(column).cat.remove_unused_categories())
    found = encoded(make().fit(X, Y), X)[:, 1 : 1 + one_hot.shape[1]]
    np.testing.assert_array_equal(found, one_hot)


def test_without_categories_nothing_changes():
    X = np.column_stack([NUMBERS, np.arange(N)])
    expected = make().fit(X, Y).predict_proba(X)
    for features in (None, [], [False, False]):
        model = make(FeatureEncoder(categorical_features=features)).fit(X, Y)
        assert model._categories is None
        np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_a_second_fit_forgets_the_categories_of_the_first():
    X = np.column_stack([NUMBERS, np.arange(N)])
    for given in (X, Bags(list(X[:, None]))):
        model = make("auto").fit(table(), Y).fit(given, Y)
        expected = make("auto").fit(given, Y).predict_proba(given)
        np.testing.assert_array_equal(model.predict_proba(given), expected)


# What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "X, features, message",
    [
        (table(), ["hue"], r"columns of X.*got \['hue'\], which it does not have"),
        (AS_OBJECTS, ["color"], r"by their names where it is a DataFrame; got \['color'\]"),
        (table(), [3], "by numbers from 0 to 2"),
        (table(), [-1], "by numbers from 0 to 2"),
        (table(), [True], "by a mask, by their names or by numbers"),
        (table(), [[1]], "by a mask, by their names or by numbers"),
        (table(), [0.5], "by a mask, by their names or by numbers"),
        (table(), "columns", "The 'categorical_features' parameter of FeatureEncoder"),
        (
            table(),
            None,
            "column 'color' is of dtype category: turn it into numbers.*or say",
        ),
        (table(color=COLORS), "from_dtype", "column 'color' is of dtype.*categorical_feat"),
        (AS_OBJECTS, [2], "got strings in an array of dtype object.*categorical_features="),
        (COLORS[:, None].repeat(2, 1), [0], "got strings in an array"),
        (
            sparse.eye_array(N).tocsr(),
            [0],
            "categorical_features must be .* for a sparse X",
        ),
        (np.where(np.eye(N), np.inf, 0.0), [0], "contains infinity in column 0"),
        (table(color=[[1]] * N), [0], "told apart in column 'color'"),
        (np.ma.MaskedArray(np.ones((N, 2)), np.eye(N, 2)), [0], "X must not hide entries"),
    ],
)
def test_wrong_categories_are_refused_and_named(X, features, message):
    with pytest.raises(ValueError, match=message):
        make(FeatureEncoder(categorical_features=features)).fit(X, Y)


@pytest.mark.parametrize(
    "X, message",
    [
        (table(color=np.zeros(N)), "such as 'blue' in column 'color', as in fit; got values"),
        (table(size=COLORS), "such as 3 in column 'size', as in fit; got values such"),
        (table()[["x", "color", "size"]], "feature names should match"),
        (table()[["color", "x"]], "feature names should match"),
        (table(color=None), "contains NaN in column 'color'.*FeatureEncoder.allow_nan=True"),
        (table(x=COLORS), "column 'x' is of dtype"),
    ],
)  # fmt: skip
def test_what_fit_has_not_seen_is_refused_in_prediction(X, message):
    with pytest.raises(ValueError, match=message):
        make().fit(table(), Y).predict(X)

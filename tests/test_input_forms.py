"""The same values, in whatever form they come, give the same predictions."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from skmlc.inputs import (
    BagDistances,
    BagPooling,
    Bags,
    BagScaler,
    ImageFeatures,
    Images,
    RegionFeatures,
    Sequences,
    TokenSequencer,
)
from skmlc.inputs.encoders.backbones import ResNet
from tests.input_forms import (
    BAG_FORMS,
    BOOLEAN,
    COUNTS,
    DENSE,
    IMAGE_FORMS,
    LOGICAL,
    MAPPED,
    ONES,
    PICTURES,
    PLAIN,
    SEQUENCE_FORMS,
    SPARSE,
    TOKENS,
    Y,
    every_estimator,
    every_network,
    make,
    mapped,
    plain,
    read,
)


def check_form(name, kind, X):
    """Check that fitting and predicting on X are the same as on the plain form."""
    model, expected = plain(name, kind)
    found = make(name).fit(X, Y).predict_proba(X)
    # Bags of float32 are clustered in float32.
    rounding = 1e-6 if name == "KISAR" else 0
    np.testing.assert_allclose(found, expected, rtol=rounding, atol=0)
    if not hasattr(X, "columns"):  # else scikit-learn warns of names that fit has not seen
        np.testing.assert_array_equal(model.predict_proba(X), expected)


# Tables -------------------------------------------------------------------------------------


@every_estimator
@pytest.mark.parametrize("form", DENSE.values(), ids=DENSE)
def test_every_form_of_a_table_gives_the_same(name, form):
    check_form(name, "counts", form(COUNTS))


@every_estimator
@pytest.mark.parametrize("form", BOOLEAN.values(), ids=BOOLEAN)
def test_true_and_false_are_one_and_zero(name, form):
    check_form(name, "ones", form(ONES))


@every_estimator
@pytest.mark.parametrize("dtype", MAPPED)
def test_every_memory_map_gives_the_same(name, dtype, tmp_path):
    kind = "ones" if dtype == "bool" else "counts"
    check_form(name, kind, mapped(PLAIN[kind], tmp_path, dtype=dtype))


@every_estimator
def test_every_polars_frame_gives_the_same(name):
    pl = pytest.importorskip("polars")
    table = pl.DataFrame(ONES, schema=list("abcdef"))
    mixed = table.with_columns(
        pl.col("a").cast(pl.Int8), pl.col("b") > 0, pl.col("c").cast(pl.Decimal(9, 2))
    )
    for form in (table.cast(pl.Float32), table.cast(pl.Boolean), mixed):
        check_form(name, "ones", form)


def test_names_of_columns_are_kept():
    pl = pytest.importorskip("polars")
    sparse_columns = DENSE["sparse columns"](COUNTS)
    for X in (sparse_columns, pl.DataFrame(COUNTS, schema=list("abcdef"))):
        # An older scikit-learn knows no names of polars.
        known = hasattr(X, "iloc") or hasattr(StandardScaler().fit(X), "feature_names_in_")
        names = getattr(make("EmbMLPClassifier").fit(X, Y), "feature_names_in_", None)
        assert names is None if not known else list(names) == list("abcdef")


# Sparse matrices ----------------------------------------------------------------------------


def arrays_of(X):
    """Return copies of the arrays of a sparse matrix."""
    names = ("data", "indices", "indptr", "row", "col")
    return [np.copy(getattr(X, name)) for name in names if hasattr(X, name)]


@every_network
@pytest.mark.parametrize(
    "kind, form",
    [("sparse counts", form) for form in SPARSE.values()]
    + [("sparse ones", form) for form in LOGICAL.values()],
    ids=[*SPARSE, *LOGICAL],
)
def test_every_form_of_a_sparse_matrix_gives_the_same(name, kind, form):
    X = form(PLAIN[kind])
    before = arrays_of(X)
    check_form(name, kind, X)
    for array, copy in zip(arrays_of(X), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@every_network
def test_sparse_and_dense_tables_are_read_as_in_fit(name):
    for seen, other in (("counts", "sparse counts"), ("sparse counts", "counts")):
        model, expected = plain(name, seen)
        np.testing.assert_array_equal(model.predict_proba(PLAIN[other]), expected)


def test_a_canonical_matrix_is_not_copied():
    for X in (sparse.csr_array(COUNTS), SPARSE["int64 indices"](COUNTS)):
        as_read = read(make("EmbMLPClassifier"), X, reset=True)
        for name in ("data", "indices", "indptr"):
            assert np.shares_memory(getattr(as_read, name), getattr(X, name))


# Containers ---------------------------------------------------------------------------------


@every_estimator
@pytest.mark.parametrize("form", BAG_FORMS.values(), ids=BAG_FORMS)
def test_every_form_of_bags_gives_the_same(name, form, tmp_path):
    check_form(name, "bags", form(tmp_path))


@every_network
@pytest.mark.parametrize("form", SEQUENCE_FORMS.values(), ids=SEQUENCE_FORMS)
def test_every_form_of_sequences_gives_the_same(name, form, tmp_path):
    assert max(map(max, TOKENS)) == 29  # so that the vocabulary is the same
    check_form(name, "sequences", form(tmp_path))


@every_network
@pytest.mark.parametrize("form", IMAGE_FORMS.values(), ids=IMAGE_FORMS)
def test_every_form_of_images_gives_the_same(name, form, tmp_path):
    check_form(name, "images", form(tmp_path))


# Memory -------------------------------------------------------------------------------------


def peak_of(function):
    """Return how much memory a call takes on top of what there is."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@every_network
@pytest.mark.parametrize("dtype", ["int8", "float16", "float32", "float64", ">f4", "bool"])
def test_a_memory_map_stays_on_disk(name, dtype, tmp_path):
    X = mapped(np.ones((3000, 200)), tmp_path, dtype=dtype)
    model = make(name)
    as_read = read(model, X, reset=True)
    assert np.shares_memory(getattr(as_read, "instances", as_read), X)
    peak = peak_of(lambda: read(model, X, reset=True))
    assert peak < X.nbytes / 4


def test_training_and_prediction_read_a_memory_map_batch_by_batch(tmp_path):
    X = mapped(np.eye(20_000, 200), tmp_path, dtype=np.int8)
    model = make("EmbMLPClassifier", batch_size=200, max_epochs=1, linear_skip=False)
    labels = np.random.default_rng(0).integers(0, 2, (20_000, 2))
    model.fit(X[:40], labels[:40])
    assert peak_of(lambda: model.fit(X, labels).predict_proba(X)) < X.nbytes


@pytest.mark.parametrize("dtype", ["int8", "float16"])
def test_bags_and_sequences_leave_a_memory_map_on_disk(dtype, tmp_path):
    X = mapped(np.ones((3000, 200)), tmp_path, dtype=dtype)
    bags = Bags.from_flat(X, np.arange(3001))
    assert np.shares_memory(bags.instances, X)
    assert peak_of(lambda: Bags.from_flat(X, np.arange(3001))) < X.nbytes / 4
    assert np.shares_memory(Bags(X.reshape(30, 100, 200)).instances, X)
    tokens = mapped(np.arange(3000) % 50, tmp_path, dtype=np.uint8)
    sequences = Sequences.from_flat(tokens, [0, 1000, 3000])
    assert np.shares_memory(sequences.tokens, tokens)
    assert sequences.n_tokens == 50


# Transformers -------------------------------------------------------------------------------

TRANSFORMERS = {
    "BagScaler": BagScaler(),
    "BagScaler to a range": BagScaler("minmax"),
    "BagPooling": BagPooling(["mean", "max", "min", "sum", "std", "count"]),
    "BagDistances": BagDistances("mean"),
}


def values_of(output):
    return getattr(output, "instances", output)


def check_transformer(transformer, X, plain_X):
    expected = values_of(clone(transformer).fit_transform(plain_X))
    found = values_of(clone(transformer).fit_transform(X))
    assert found.dtype in (np.float32, np.float64)
    rounding = 1e-6 if found.dtype == np.float32 else 0
    np.testing.assert_allclose(found, expected, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("transformer", TRANSFORMERS.values(), ids=TRANSFORMERS)
@pytest.mark.parametrize("form", DENSE.values(), ids=DENSE)
def test_every_form_of_a_table_is_transformed_to_the_same(transformer, form):
    check_transformer(transformer, form(COUNTS), COUNTS)


@pytest.mark.parametrize("transformer", TRANSFORMERS.values(), ids=TRANSFORMERS)
@pytest.mark.parametrize("form", BAG_FORMS.values(), ids=BAG_FORMS)
def test_every_form_of_bags_is_transformed_to_the_same(transformer, form, tmp_path):
    check_transformer(transformer, form(tmp_path), PLAIN["bags"])


@pytest.mark.parametrize(
    "transformer",
    [
        ImageFeatures(ResNet((1, 1), width=4), random_state=0),
        RegionFeatures(ResNet((1, 1), width=4), regions="grid", random_state=0),
    ],
)
@pytest.mark.parametrize("form", IMAGE_FORMS.values(), ids=IMAGE_FORMS)
def test_every_form_of_images_is_transformed_to_the_same(transformer, form, tmp_path):
    expected = values_of(transformer.fit_transform(Images(PICTURES)))
    found = values_of(transformer.fit_transform(form(tmp_path)))
    np.testing.assert_array_equal(found, expected)


TEXTS = ["rain and wind", "sun", "", "sun after rain"]


@pytest.mark.parametrize(
    "form",
    [
        tuple,
        iter,
        np.array,
        pd.Series,
        lambda texts: np.array(texts, dtype=object),
        lambda texts: pd.Series(texts, dtype="category"),
        lambda texts: pd.Series(texts, dtype="string"),
        lambda texts: pd.DataFrame({"text": texts}),
        lambda texts: pytest.importorskip("polars").Series(texts),
        lambda texts: pytest.importorskip("polars").DataFrame({"text": texts}),
        lambda texts: pytest.importorskip("pyarrow").array(texts),
    ],
)
def test_every_form_of_texts_gives_the_same_sequences(form):
    expected = TokenSequencer().fit_transform(TEXTS)
    assert TokenSequencer().fit_transform(form(TEXTS)) == expected
    assert TokenSequencer().fit(TEXTS).transform(form(TEXTS)) == expected

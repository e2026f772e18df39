"""What X may not be is refused before training, in `fit` and in `predict`, with the reason."""

import networkx
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from torch.utils.data import TensorDataset

from skmlc.inputs import (
    BagDistances,
    BagPooling,
    Bags,
    BagScaler,
    FeatureEncoder,
    ImageFeatures,
    Images,
    RegionFeatures,
    Sequences,
)
from tests.input_forms import (
    BAGS,
    COUNTS,
    N_SAMPLES,
    PICTURES,
    PLAIN,
    SIZES,
    TABLE_NETWORKS,
    TOKENS,
    Y,
    every_estimator,
    every_network,
    frame,
    make,
    mapped,
    plain,
    read,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:X has feature names"),
    pytest.mark.filterwarnings("ignore:X should hold floats from 0 to 1"),
]


def check_refused(name, kind, X, message, **options):
    """Check that neither `fit` nor `predict` begin with X."""
    model = make(name, **options)
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(X, Y)
    assert not hasattr(model, "net_")
    with pytest.raises((TypeError, ValueError), match=message):
        plain(name, kind, **options)[0].predict(X)


# What is no numbers -------------------------------------------------------------------------

DATES = np.datetime64("2020-01-01") + np.arange(N_SAMPLES)
WORDS = ["x", "y"] * (N_SAMPLES // 2)
ENCODE = "turn it into numbers.*OneHotEncoder"
NO_NUMBERS = {
    "complex": (COUNTS + 1j, "Complex data"),
    "strings": (COUNTS.astype("U3"), "real numbers; got dtype <U3"),
    "bytes": (COUNTS.astype("S3"), r"real numbers; got dtype \|S3"),
    "string objects": (COUNTS.astype("U3").astype(object), f"got strings.*{ENCODE}"),
    "lists with strings": ([[1, "2"]] * N_SAMPLES, "real numbers; got dtype <U"),
    "dates": (COUNTS.astype(np.int64).astype("M8[D]"), r"got dtype datetime64\[D\]"),
    "durations": (COUNTS.astype(np.int64).astype("m8[D]"), r"got dtype timedelta64\[D\]"),
    "records": (COUNTS.astype([("a", float), ("b", float)]), r"got dtype \[\('a', '<f8'\)"),
    "mask": (np.ma.MaskedArray(COUNTS, COUNTS == 1), "X must not hide .* behind a mask"),
    "digits in a frame": (
        frame(COUNTS, b="1"),
        f"column 'b' is of dtype (str|object): {ENCODE}",
    ),
    "objects in a frame": (
        frame(COUNTS, c=np.array(WORDS, object)).astype({"c": object}),
        f"column 'c' is of dtype object: {ENCODE}",
    ),
    "dates in a frame": (frame(COUNTS, b=DATES), "column 'b' is of dtype datetime64"),
    "dicts": (
        np.array([[1, {}]] * N_SAMPLES, dtype=object),
        "X must hold real numbers; got a dict .* not 'dict'",
    ),
    "sparse tensor": (torch.tensor(COUNTS).to_sparse(), "tensor that is torch.sparse_coo"),
    "tensor without content": (torch.tensor(COUNTS).to("meta"), "tensor without content"),
    "rows one after another": (iter(COUNTS), "got an instance of iterator: pass a list"),
    "groups": (
        frame(COUNTS).groupby("a"),
        r"got a DataFrameGroupBy: for bags, pass \[rows for",
    ),
    "rows and a number": ([[1.0], 2.0] * 20, "X must be a table .* got a list of list"),
    "a function": (len, "X must be a table .* got a builtin_function_or_method"),
    "graphs of networkx": (
        [networkx.path_graph(3)] * N_SAMPLES,
        r"a list of graphs: use skmlc.inputs.Graphs.from_networkx\(X\)",
    ),
    "a column of vectors": (
        pd.Series(list(COUNTS)),
        r"a column of vectors of real numbers: .* numpy.stack",
    ),
    "pairs of a data set": (
        list(TensorDataset(torch.tensor(COUNTS), torch.tensor(COUNTS))),
        r"list of tuples of arrays, .* pass LazyRows\(dataset\)",
    ),
    "two columns of one name": (
        pd.concat([frame(COUNTS[:, :1]), pd.DataFrame({"a": WORDS})], axis=1),
        "columns of different names; got 'a' more than once",
    ),
}

CATEGORIES = {
    "categories": (
        frame(COUNTS, b=pd.Categorical(WORDS)),
        "column 'b' is of dtype category",
    ),
    "categories of numbers": (
        frame(COUNTS, d=pd.Categorical([1, 2] * (N_SAMPLES // 2))),
        "column 'd' is of dtype category",
    ),
    "one column of categories": (
        pd.DataFrame({"a": pd.Categorical(WORDS)}),
        "column 'a' is of dtype category",
    ),
}
NO_CATEGORIES = FeatureEncoder(categorical_features=None)


@every_estimator
@pytest.mark.parametrize("case", NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_what_is_no_numbers_is_refused_and_named(name, case):
    check_refused(name, "counts", *case)


@every_estimator
@pytest.mark.parametrize("case", CATEGORIES.values(), ids=CATEGORIES)
def test_categories_are_refused_where_rows_are_bags_or_none_are_wanted(name, case):
    options = {"encoder": NO_CATEGORIES} if name in TABLE_NETWORKS else {}
    check_refused(name, "counts", *case, **options)


@pytest.mark.parametrize("name", TABLE_NETWORKS)
@pytest.mark.parametrize("case", CATEGORIES.values(), ids=CATEGORIES)
def test_categories_are_refused_by_a_model_that_was_fitted_on_numbers(name, case):
    X, message = case
    with pytest.raises(ValueError, match=message):
        plain(name, "counts")[0].predict(X)


@every_estimator
@pytest.mark.parametrize("dtype", ["String", "Categorical", "Date"])
def test_columns_of_polars_that_are_no_numbers_are_named(name, dtype):
    pl = pytest.importorskip("polars")
    values = pl.lit(DATES[0] if dtype == "Date" else "1").cast(getattr(pl, dtype))
    X = pl.DataFrame(COUNTS, schema=list("abcdef")).with_columns(b=values)
    options = {"encoder": NO_CATEGORIES} if name in TABLE_NETWORKS else {}
    check_refused(name, "counts", X, f"column 'b' is of dtype {dtype}", **options)


@pytest.mark.parametrize("transformer", [BagScaler(), BagPooling(), BagDistances()])
@pytest.mark.parametrize(
    "case", [*NO_NUMBERS.values(), *CATEGORIES.values()], ids=[*NO_NUMBERS, *CATEGORIES]
)
def test_transformers_refuse_what_is_no_numbers(transformer, case):
    X, message = case
    with pytest.raises((TypeError, ValueError), match=message):
        transformer.fit(X)
    with pytest.raises((TypeError, ValueError), match=message):
        transformer.fit(COUNTS).transform(X)


@every_estimator
def test_missing_values_of_a_table_are_refused_unless_asked_for(name):
    missing = np.where(COUNTS == 1, np.nan, COUNTS)
    check_refused(name, "counts", missing, "contains NaN")


@every_network
def test_missing_values_and_complex_sparse_matrices_are_refused(name):
    missing = sparse.csr_array(np.where(COUNTS == 1, np.nan, COUNTS))
    check_refused(name, "sparse counts", missing, "contains NaN")
    check_refused(name, "sparse counts", PLAIN["sparse counts"] * 1j, "Complex data")


def test_hidden_entries_of_containers_are_refused():
    hidden = np.ma.MaskedArray(np.ones((2, 4)), np.eye(2, 4))
    for make_container in (
        lambda: Bags([hidden]),
        lambda: Bags(hidden[None]),
        lambda: Bags.from_flat(hidden, [0, 2]),
        lambda: Sequences([np.ma.MaskedArray([1, 2], [True, False])]),
        lambda: Images([hidden]),
        lambda: Images(hidden[None]),
    ):
        with pytest.raises(ValueError, match="must not hide entries behind a mask"):
            make_container()


# What is too large --------------------------------------------------------------------------

HUGE = 1e39
BOXES = [np.tile([0.0, 0, 1, 2], (n, 1)) for n in SIZES]


def huge_boxes():
    boxes = [box.copy() for box in BOXES]
    boxes[7][0, 3] = HUGE
    return Bags(BAGS, boxes)


def parts_of_a_sum():
    """Store two parts, of float32, of which each fits into float32 and their sum does not."""
    X = sparse.csr_array(COUNTS.astype(np.float32))
    X.resize((N_SAMPLES, COUNTS.shape[1]))
    data = np.concatenate([[3e38, 3e38], X.data]).astype(np.float32)
    indices = np.concatenate([[0, 0], X.indices])
    return sparse.csr_array((data, indices, X.indptr + 2 * (np.arange(N_SAMPLES + 1) > 0)))


LARGE = {
    "table": ("counts", COUNTS * HUGE),
    "negative": ("counts", -COUNTS * HUGE),
    "big-endian": ("counts", (COUNTS * HUGE).astype(">f8")),
    "lists": ("counts", (COUNTS * HUGE).tolist()),
    "DataFrame": ("counts", frame(COUNTS * HUGE).astype("Float64")),
    "sparse": ("sparse counts", PLAIN["sparse counts"] * HUGE),
    "bags": ("bags", [bag * HUGE for bag in BAGS]),
    "images": ("images", PICTURES * HUGE),
    "list of images": ("images", list(PICTURES * HUGE)),
}
TOO_LARGE = r"at most 3\.4e\+38, the largest of float32; got .*e\+3[89]: scale X"


@every_network
@pytest.mark.parametrize("kind, X", LARGE.values(), ids=LARGE)
def test_what_is_too_large_for_the_precision_is_refused(name, kind, X):
    check_refused(name, kind, X, f'{TOO_LARGE}, or use precision="float64"')


@every_network
def test_every_part_that_is_read_is_looked_at(name, tmp_path):
    check_refused(name, "counts", mapped(COUNTS * HUGE, tmp_path), TOO_LARGE)
    check_refused(name, "counts", COUNTS * HUGE, TOO_LARGE, precision="bfloat16")
    check_refused(name, "sparse counts", parts_of_a_sum(), "contains infinity")
    with pytest.raises(ValueError, match=TOO_LARGE):
        make(name).fit(huge_boxes(), Y)
    one = PICTURES.copy()
    one[3] = HUGE
    with pytest.raises(ValueError, match=TOO_LARGE):
        make(name).fit(Images(np.concatenate([one, one]))[:N_SAMPLES], Y)
    make(name).fit(Images(np.concatenate([PICTURES, one]))[:N_SAMPLES], Y)


@every_network
def test_memory_maps_of_images_are_looked_at_when_they_are_read(name, tmp_path):
    X = Images(mapped(PICTURES * HUGE, tmp_path))
    with pytest.raises(ValueError, match=TOO_LARGE):
        make(name).fit(X, Y)
    with pytest.raises(ValueError, match=TOO_LARGE):
        plain(name, "images")[0].predict(X)


@pytest.mark.parametrize("Transformer", [ImageFeatures, RegionFeatures])
def test_transformers_of_images_refuse_what_is_too_large(Transformer, tmp_path):
    options = {"regions": "grid"} if Transformer is RegionFeatures else {}
    transformer = Transformer("tiny", random_state=0, **options).fit(PICTURES)
    for X in (PICTURES * HUGE, Images(mapped(PICTURES * HUGE, tmp_path))):
        with pytest.raises(ValueError, match=f"{TOO_LARGE}\\.$"):
            transformer.transform(X)


@every_network
def test_float64_takes_what_is_too_large_for_float32(name):
    model, _ = plain(name, "counts", precision="float64")
    as_read = read(model, COUNTS * HUGE)
    assert getattr(as_read, "instances", as_read).max() > 1e39
    largest = np.finfo(np.longdouble).max
    if largest > np.finfo(np.float64).max:
        with pytest.raises(ValueError, match="the largest of float64"):
            model.predict(COUNTS.astype(np.longdouble) * (largest / 8))


def test_the_largest_float32_is_taken():
    largest = np.array([[np.finfo(np.float32).max] * 6] * 2, dtype=np.float64)
    model = plain("EmbMLPClassifier", "counts")[0]
    assert read(model, largest).shape == (2, 6)


# What may mean two things -------------------------------------------------------------------

WRAP = r"Wrap token ids in skmlc\.inputs\.Sequences"
RAGGED = {
    "lists": [tokens.tolist() for tokens in TOKENS],
    "tuples": tuple(tuple(tokens.tolist()) for tokens in TOKENS),
    "arrays": TOKENS,
    "small arrays": [tokens.astype(np.uint8) for tokens in TOKENS],
    "an empty one": [[], *(tokens.tolist() for tokens in TOKENS[1:])],
}
EQUAL = np.resize(np.arange(30), (N_SAMPLES, 4))


@every_estimator
@pytest.mark.parametrize("X", RAGGED.values(), ids=RAGGED)
def test_ragged_lists_of_integers_are_no_sequences(name, X):
    check_refused(name, "counts", X, WRAP)


@every_network
@pytest.mark.parametrize("form", [list, tuple, np.asarray, np.ndarray.tolist, pd.DataFrame])
def test_what_looks_like_a_table_is_no_sequences_in_prediction(name, form):
    with pytest.raises(ValueError, match=f"'sequences'; got 'vectors'. {WRAP}"):
        plain(name, "sequences")[0].predict(form(EQUAL))


@every_network
def test_lists_of_token_ids_are_refused_in_prediction_too(name):
    for X in RAGGED.values():
        with pytest.raises(ValueError, match=WRAP):
            plain(name, "sequences")[0].predict(X)


EITHER = [(3, 3, 3), (4, 4, 4), (3, 5, 4), (1, 9, 1), (7, 7, 512), (14, 10, 64)]
EITHER_IF_FLOATS = [(8, 8, 3), (6, 5, 3), (16, 16, 4), (12, 16, 1), (3, 3, 7), (3, 3, 512)]


@pytest.mark.parametrize(
    "dtype, shape",
    [(dtype, shape) for shape in EITHER for dtype in (np.uint8, np.float32, np.float64)]
    + [(np.float32, shape) for shape in EITHER_IF_FLOATS],
)
def test_arrays_whose_channels_may_be_first_or_last_are_refused(dtype, shape):
    X = np.zeros((2, *shape), dtype=dtype)
    for images in (X, list(X)):
        message = (
            r'may have .* Images\(X, channels="first"\) or Images\(X, channels="last"\)'
        )
        with pytest.raises(ValueError, match=message):
            Images(images)
        with pytest.raises(ValueError, match=message):
            make("GlobalPoolClassifier").fit(images, Y[:2])
        assert Images(images, channels="first").image_shape == shape
        last = Images(images, channels="last")
        assert last.image_shape == (shape[2], *shape[:2])


@pytest.mark.parametrize("shape", [(3, 3, 7), (3, 3, 512), (4, 5, 9)])
def test_bytes_are_pictures_whose_channels_are_few(shape):
    assert Images(np.zeros((2, *shape), np.uint8)).image_shape == shape


def test_bytes_whose_channels_must_be_at_the_other_end_are_told_so():
    for shape, given, other in (((8, 8, 3), None, "last"), ((3, 3, 7), "last", "first")):
        with pytest.raises(ValueError, match=rf'use Images\(\.\.\., channels="{other}"\)'):
            Images(np.zeros((2, *shape), np.uint8), channels=given)


@pytest.mark.parametrize(
    "shape",
    [(3, 32, 32), (1, 8, 8), (4, 9, 7), (3, 4, 5), (3, 200, 300), (128, 4, 4), (512, 1, 1),
     (512, 1, 3), (64, 7, 7), (6, 2, 3), (7, 3, 4), (16, 16, 16), (1, 1, 1)],
)  # fmt: skip
def test_other_arrays_have_their_channels_first(shape):
    assert Images(np.zeros((2, *shape))).image_shape == shape
    assert Images([np.zeros(shape)]).image_shape == shape

"""The reader of label matrices and weights, and what is matched to labels by name."""

import ast
import tracemalloc
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.pipeline import make_pipeline

import skmlc
from skmlc.indicators import (
    count_labels,
    label_prior,
    read_indicators,
    read_labels,
    read_matrix,
    read_weight,
    split_entries,
)
from skmlc.label_names import (
    align_to_labels,
    column_names,
    column_order,
    fitted_label_names,
    listed,
)
from tests.label_forms import FORMS, KNOWN, csr_in_parts, csr_unsorted

Y = np.random.default_rng(0).integers(0, 2, (8, 4))
UNKNOWN = np.where(np.random.default_rng(1).random(Y.shape) < 0.2, np.nan, Y)


def test_the_reader_imports_neither_torch_nor_what_it_serves():
    folder = Path(skmlc.__file__).parent
    for file in ("indicators.py", "_forms.py", "_foreign.py", "row_blocks.py"):
        tree = ast.parse((folder / file).read_text())
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert {node.module for node in nodes if node.level} <= {
            "_foreign",
            "_forms",
            "row_blocks",
        }
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
        roots = {node.module.split(".")[0] for node in nodes if not node.level}
        roots |= {alias.name for node in imports for alias in node.names}
        assert not roots & {"torch", "skorch", "skmlc", "pandas", "polars"}


# One form -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS | KNOWN)
def test_what_is_known_is_uint8_and_sparse_stays_sparse_and_canonical(form):
    given = (FORMS | KNOWN)[form](Y.astype(float) if form in FORMS else Y)
    read = read_indicators(given)
    assert read.dtype == np.uint8
    is_sparse = sparse.issparse(given) or form.startswith("sparse frame of bool")
    if is_sparse or form == "sparse frame":
        assert type(read) is sparse.csr_array
        assert read.has_canonical_format
        assert read.data.all()
        read = read.toarray()
    assert type(read) is np.ndarray
    assert_array_equal(read, Y)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_unknown_is_nan_in_float32_or_float64(form):
    read = read_indicators(FORMS[form](UNKNOWN))
    assert read.dtype in (np.float32, np.float64)
    assert_array_equal(read.toarray() if sparse.issparse(read) else read, UNKNOWN)


@pytest.mark.parametrize("dtype", [np.uint8, np.float64, np.float32])
def test_arrays_of_the_right_type_are_not_copied(dtype, tmp_path):
    given = np.memmap(tmp_path / "labels", dtype, "w+", shape=Y.shape)
    given[:] = Y if dtype == np.uint8 else UNKNOWN
    assert np.shares_memory(read_indicators(given), given)


def test_a_large_array_is_read_in_blocks():
    given = np.zeros((4000, 1000))
    # The result has 4 MB; a comparison of all entries at once would take as much again.
    assert peak_of(read_indicators, given) < 8.5e6
    given[0, 0] = np.nan
    assert read_indicators(given) is given


def test_a_sparse_matrix_is_never_made_dense():
    places = np.arange(4000)
    ones = np.ones(len(places))
    ones[0] = np.nan
    given = sparse.coo_array((ones, (5 * places, places)), shape=(20_000, 20_000))
    assert peak_of(read_indicators, given) < 2e6  # 400e6 entries
    assert peak_of(lambda Y: split_entries(read_indicators(Y)), given) < 2e6


def peak_of(function, *args):
    tracemalloc.start()
    function(*args)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_the_sum_of_stored_parts_counts():
    assert_array_equal(read_indicators(csr_in_parts(Y)).toarray(), Y)
    with pytest.raises(ValueError, match=r"value 2\.0"):
        read_indicators(csr_in_parts(Y, (1, 1)))
    # True and True is True, as in the array that SciPy makes of it.
    twice = csr_in_parts(Y, (1, 1), bool)
    assert_array_equal(read_indicators(twice).toarray(), twice.toarray())
    half_unknown = csr_in_parts(UNKNOWN, (0.5, 0.5))
    assert_array_equal(read_indicators(half_unknown).toarray(), UNKNOWN)


def test_a_matrix_that_takes_itself_for_sorted_is_sorted():
    given = csr_unsorted(Y)
    given.has_sorted_indices = given.has_canonical_format = True
    assert_array_equal(np.diff(read_matrix(given).indices[:2]) > 0, True)
    given = csr_in_parts(Y, (1, 1))
    given.has_sorted_indices = given.has_canonical_format = True
    with pytest.raises(ValueError, match="value 2"):
        read_indicators(given)


def test_a_sparse_copy_shares_nothing():
    for form in ("csr", "csc", "coo", "bsr"):
        given = FORMS[form](UNKNOWN)
        assert not np.shares_memory(read_indicators(given).data, given.data)
    given = csr_unsorted(Y).astype(bool)
    before = given.indices.copy()
    read_indicators(given)
    assert_array_equal(given.indices, before)


def test_columns_of_one_name_are_all_read():
    frame = pd.DataFrame(Y, columns=list("aabb")).astype({"a": "Int64"})
    assert_array_equal(read_indicators(frame), Y)


def test_empty_matrices_are_refused():
    for given in (np.empty((0, 3)), pd.DataFrame(index=range(3)), sparse.csr_array((3, 0))):
        with pytest.raises(ValueError, match=r"0 (sample|feature)\(s\)"):
            read_indicators(given)


def test_a_vector_is_one_label_where_it_is_asked_for():
    assert_array_equal(read_indicators([0, 1], vector=True), [[0], [1]])
    with pytest.raises(ValueError, match=r"P must be .* 1D array .*MultiLabelBinarizer"):
        read_indicators([0, 1], "P")
    with pytest.raises(ValueError, match=r"got a sparse array of shape \(2,\)"):
        read_indicators(sparse.coo_array(np.array([0, 1])), vector=True)


def test_entries_are_split_into_positive_and_unknown():
    for given in (UNKNOWN, csr_in_parts(UNKNOWN)):
        positive, unknown = split_entries(read_indicators(given))
        assert positive.dtype == unknown.dtype == np.int8
        assert positive.data.all()
        assert unknown.data.all()
        assert_array_equal(positive.toarray(), UNKNOWN == 1)
        assert_array_equal(unknown.toarray(), np.isnan(UNKNOWN))
    assert split_entries(read_indicators(Y))[1] is None


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_labels_are_counted_as_in_a_loop(convert):
    weight = np.arange(8.0)
    positives, known = count_labels(read_indicators(convert(UNKNOWN)), weight)
    for j, column in enumerate(UNKNOWN.T):
        assert positives[j] == sum(w for w, y in zip(weight, column) if y == 1)
        assert known[j] == sum(w for w, y in zip(weight, column) if y == y)


def test_the_prior_is_the_log_odds_of_smoothed_frequencies():
    positives, known = np.array([0.0, 1.0, 8.0]), np.array([2.0, 4.0, 8.0])
    expected = [np.log(1 / 3), np.log(2 / 4), np.log(9 / 1)]
    np.testing.assert_allclose(label_prior(positives, known), expected, atol=1e-15)
    log_frequency = label_prior(positives, known, multiclass=True)
    np.testing.assert_allclose(log_frequency, np.log([1 / 4, 1 / 3, 9 / 10]))


# Targets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y, expected",
    [
        ([1, 0, 2], [1, 0, 2]),
        (pd.Series([1, 0], dtype="Int64"), [1, 0]),
        (pd.Series(["b", "a"], dtype="category"), ["b", "a"]),
        (np.array([1, True], dtype=object), [1.0, 1.0]),
        (np.array([["b"], ["a"]]), [["b"], ["a"]]),
        (pd.DataFrame({"y": ["b", "a"]}), [["b"], ["a"]]),
        (pd.DataFrame({"y": [3, 4]}, dtype="Int8"), [[3], [4]]),
        ([[2], [3]], [[2], [3]]),
    ],
)
def test_classes_are_read_as_they_are(y, expected):
    read = read_labels(y)
    assert type(read) is np.ndarray
    assert read.tolist() == expected
    if isinstance(expected[0], int):
        assert read.dtype.kind == "i"


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_no_class_may_be_missing(missing):
    with pytest.raises(ValueError, match="y must hold one class per sample; got a missing"):
        read_labels(np.array(["a", missing], dtype=object))


JOINED = [
    ["a,b", "a", "b"],
    ["a;b", "c"],
    ["rock|pop", "jazz", "blues", "pop"],
    ["a, b", "b, c", "a, c", "a", "b"],
    pd.Series(["a,b", "c"], dtype="category"),
    np.array([["a,b"], ["c"]]),
]
SINGLE = [
    ["setosa", "virginica"],
    ["Portland, OR", "Salem, OR", "Seattle, WA"],
    ["tench, Tinca tinca", "goldfish, Carassius auratus"],
    ["a", "b", "c", "d", "1,2-dichloroethane"],
    ["no; never", "yes"],
    [1, 2],
]


@pytest.mark.parametrize("y", JOINED, ids=map(str, range(len(JOINED))))
def test_strings_that_join_labels_are_warned_of(y):
    with pytest.warns(UserWarning, match=r"y holds strings such as 'a|rock.*MultiLabelBin"):
        read_labels(y)


@pytest.mark.parametrize("y", SINGLE, ids=str)
def test_plain_names_of_classes_give_no_warning(y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_labels(y * 5)


# Names --------------------------------------------------------------------------------------

NAMES = ["sea", "sky", "sun"]
SHUFFLED = ["sun", "sea", "sky"]
VALUES = np.array([0.1, 0.2, 0.3])
BY_NAME = pd.Series(VALUES, index=NAMES)
MATRIX = np.arange(9.0).reshape(3, 3)
SQUARE = pd.DataFrame(MATRIX, index=NAMES, columns=NAMES)


@pytest.mark.parametrize(
    "value",
    [
        dict(zip(NAMES, VALUES)),
        BY_NAME,
        BY_NAME[SHUFFLED],
        BY_NAME.astype("Float64")[SHUFFLED],
        BY_NAME[SHUFFLED].astype(object),
    ],
    ids=str,
)
def test_values_are_put_in_the_order_of_the_labels(value):
    aligned = align_to_labels(value, SHUFFLED, name="threshold")
    assert type(aligned) is np.ndarray
    assert_array_equal(aligned, [0.3, 0.1, 0.2])


@pytest.mark.parametrize(
    "value", [None, 0.5, "tuned", [1, 2, 3], VALUES, sparse.csr_array(MATRIX)], ids=type
)
def test_what_has_no_names_comes_back_as_it_is(value):
    assert align_to_labels(value, NAMES, name="threshold") is value


def test_without_names_on_one_side_values_keep_their_order():
    shuffled = BY_NAME[SHUFFLED]
    assert_array_equal(align_to_labels(shuffled, None, name="threshold"), [0.3, 0.1, 0.2])
    unnamed = pd.Series(VALUES)
    assert_array_equal(align_to_labels(unnamed, SHUFFLED, name="threshold"), VALUES)
    with pytest.raises(ValueError, match=r"threshold is a mapping .* have no names"):
        align_to_labels({"sea": 1}, None, name="threshold")


@pytest.mark.parametrize(
    "value, message",
    [
        ({"sea": 1, "sky": 1}, r"it lacks 1 label \(sun\)"),
        (BY_NAME.rename({"sun": "moon"}), r"lacks .*sun\) and it has 1 label \(moon\) too"),
        (pd.Series(1, [*NAMES, "moon"]), r"it has 1 label \(moon\) too many"),
        (pd.Series(1, [*NAMES, "sea"]), r"it has 1 label \(sea\) twice"),
        (pd.Series(1, [2, 0, 1]), r"it lacks 3 labels .* 3 labels \(2, 0, 1\)"),
        ({"sea": "1", "sky": 1, "sun": 1}, r"label_weight must hold numbers; got"),
    ],
)
def test_other_names_are_refused(value, message):
    with pytest.raises(ValueError, match=message):
        align_to_labels(value, NAMES, name="label_weight")


def test_both_axes_of_a_graph_are_aligned():
    order = [2, 0, 1]
    for given in (
        SQUARE,
        SQUARE.loc[SHUFFLED],
        SQUARE[SHUFFLED],
        SQUARE.loc[SHUFFLED, NAMES],
    ):
        aligned = align_to_labels(given, SHUFFLED, name="label_graph", square=True)
        assert_array_equal(aligned, MATRIX[order][:, order])
    unnamed = pd.DataFrame(MATRIX)
    aligned = align_to_labels(unnamed, SHUFFLED, name="label_graph", square=True)
    assert_array_equal(aligned, MATRIX)


@pytest.mark.parametrize(
    "frame",
    [
        SQUARE.rename(columns={"sun": "moon"}),
        SQUARE[["sea", "sky"]],
        pd.DataFrame(MATRIX, index=NAMES),
    ],
)
def test_a_graph_of_two_sets_of_names_is_refused(frame):
    with pytest.raises(ValueError, match="label_graph must have the same labels as index"):
        align_to_labels(frame, NAMES, name="label_graph", square=True)


def test_further_concepts_stand_behind_the_labels():
    options = {"name": "label_graph", "square": True}
    with pytest.raises(ValueError, match=r"has 1 label \(sea\) too many"):
        align_to_labels(SQUARE, ["sun", "sky"], **options)
    aligned = align_to_labels(SQUARE, ["sun", "sky"], **options, further="keep")
    assert_array_equal(aligned, MATRIX[[2, 1, 0]][:, [2, 1, 0]])


def test_vectors_are_aligned_by_the_index_alone():
    vectors = pd.DataFrame(np.arange(6.0).reshape(3, 2), index=NAMES)
    aligned = align_to_labels(vectors, SHUFFLED, name="label_embedding")
    assert_array_equal(aligned, [[4, 5], [0, 1], [2, 3]])


def test_a_polars_frame_has_no_names_of_rows_but_those_of_its_columns():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(MATRIX, schema=NAMES)
    aligned = align_to_labels(frame, SHUFFLED, name="label_graph", square=True)
    assert_array_equal(aligned, MATRIX[[2, 0, 1]][:, [2, 0, 1]])
    assert_array_equal(align_to_labels(frame, SHUFFLED, name="label_embedding"), MATRIX)
    series = pl.Series(VALUES)
    assert align_to_labels(series, SHUFFLED, name="threshold") is series
    assert column_names(frame) == NAMES


def test_columns_are_found_by_name():
    words = {"name": "y_pred", "reference": "y_true"}
    assert_array_equal(column_order(NAMES, SHUFFLED, **words), [1, 2, 0])
    assert column_order(NAMES, NAMES, **words) is None
    assert column_order(None, NAMES, **words) is column_order(NAMES, None, **words) is None
    for unnamed in (["0", "1", "2"], ["column_0", "column_1", "column_2"]):
        assert column_order(NAMES, unnamed, **words) is None
        assert column_order(unnamed, NAMES, **words) is None
    assert_array_equal(column_order(["0", "1", "2"], ["2", "0", "1"], **words), [1, 2, 0])
    with pytest.raises(
        ValueError, match=r"y_true by name, but y_true has 1 label \(a\) twice"
    ):
        column_order(["a", "a", "b"], ["b", "a"], **words)


def test_the_names_of_the_labels_are_found_within_pipelines_and_searches():
    model = SimpleNamespace(label_names_=np.array(NAMES, dtype=object))
    search = SimpleNamespace(best_estimator_=make_pipeline("passthrough", model))
    assert fitted_label_names(model) == fitted_label_names(search) == NAMES
    assert fitted_label_names(SimpleNamespace()) is None


def test_many_names_are_not_all_listed():
    assert listed(["a"]) == "1 label (a)"
    assert listed(list("abc"), most=2) == "3 labels (a, b and 1 more)"


def test_weights_are_given_by_sample_and_not_by_name():
    weight = pd.Series([1.0, 2.0], index=[1, 0])
    assert_array_equal(read_weight(weight, 2), [1, 2])
    assert_array_equal(read_weight(3, 2), [3, 3])
    assert_array_equal(read_weight(None, 2), [1, 1])
    given = np.array([1.0, 2.0])
    read_weight(given, 2)
    assert_array_equal(given, [1, 2])
    with pytest.raises(ValueError, match=r"hold 2 non-negative .* got shape \(1,\)"):
        read_weight([1], 2)
    with pytest.raises(ValueError, match=r"got values from -1\.0 to 2\.0"):
        read_weight([-1, 2], 2)

"""What y may be to an estimator, and what an estimator keeps of it."""

import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from skmlc.targets import Target, encode_target, set_target, validate_target


def named(rows):
    return pd.DataFrame(rows, columns=["sea", "sky"][: len(rows[0])])


def target_of(y, allow_missing=False, **options):
    y, names = validate_target(y, allow_missing=allow_missing, estimator_name="Some")
    return encode_target(y, names, allow_missing=allow_missing, **options)


@pytest.mark.parametrize(
    "y, kind, Y, classes",
    [
        ([[0, 1], [1, 1]], "multilabel", [[0, 1], [1, 1]], [0, 1]),
        (["b", "a", "b"], "binary", [[1], [0], [1]], ["a", "b"]),
        (np.array([0, 1, 1], dtype=object), "binary", [[0], [1], [1]], [0, 1]),
        (pd.Series([5, 3], dtype="Int64"), "binary", [[1], [0]], [3, 5]),
        (pd.Series([True, False], dtype="boolean"), "binary", [[1], [0]], [False, True]),
        ([2, 0, 1], "multiclass", np.eye(3)[[2, 0, 1]], [0, 1, 2]),
        (
            pd.Series(list("bca"), dtype="category"),
            "multiclass",
            np.eye(3)[[1, 2, 0]],
            "abc",
        ),
    ],
)
def test_kinds_of_targets(y, kind, Y, classes):
    target = target_of(y)
    assert target.kind == kind
    assert target.Y.dtype == np.uint8
    Y_read = target.Y.toarray() if sparse.issparse(target.Y) else target.Y
    assert_array_equal(Y_read, Y)
    assert_array_equal(target.classes, list(classes))
    assert not target.is_sparse


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        np.ndarray.tolist,
        lambda y: y.astype(bool),
        lambda y: y.astype(object),
        sparse.csr_array,
        lambda y: pd.DataFrame(y, columns=["sea"]),
        lambda y: pd.DataFrame(y, columns=["sea"]).astype("Int64"),
        lambda y: pd.DataFrame(y, columns=["sea"]).astype("Sparse[int]"),
    ],
)
def test_a_column_of_zeros_and_ones_is_one_label(convert):
    given = convert(np.array([[1], [0], [0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        target = target_of(given)
    assert target.kind == "multilabel"
    assert target.Y.shape == (3, 1)
    assert_array_equal(target.classes, [0])
    assert target.label_names == (["sea"] if hasattr(given, "columns") else None)
    is_sparse = sparse.issparse(given) or "Sparse" in str(getattr(given, "dtypes", ""))
    assert target.is_sparse == sparse.issparse(target.Y) == is_sparse


def test_a_column_may_be_partly_unknown():
    for given in (
        [[1.0], [np.nan]],
        np.array([[1], [None]]),
        sparse.csr_array([[1], [np.nan]]),
    ):
        target = target_of(given, allow_missing=True)
        assert target.kind == "multilabel"
        assert np.isnan(target.Y.toarray() if target.is_sparse else target.Y)[1, 0]
        with pytest.raises(ValueError, match="NaN"):
            target_of(given)


def test_a_sparse_column_never_holds_classes():
    assert target_of(sparse.csr_array([[1], [0]]), classes=[0, 1]).kind == "multilabel"
    with pytest.raises(ValueError, match=r"zeros and ones.*value 2"):
        target_of(sparse.csr_array([[2], [1]]))


@pytest.mark.parametrize(
    "column, options",
    [
        ([[2], [0], [1]], {}),
        ([[1], [2], [1]], {}),
        (np.array([["a"], ["b"], ["a"]]), {}),
        (pd.DataFrame({"y": ["a", "b", "c"]}), {}),
        ([[0], [1], [0]], {"classes": [0, 1, 2]}),
    ],
)
def test_any_other_column_holds_classes_as_in_scikit_learn(column, options):
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        target = target_of(column, **options)
    flat = target_of(np.ravel(column), **options)
    assert target.kind == flat.kind != "multilabel"
    assert target.label_names is None
    assert_array_equal(target.classes, flat.classes)
    assert_array_equal(target.Y.todense() if target.kind == "multiclass" else target.Y,
                       flat.Y.todense() if target.kind == "multiclass" else flat.Y)  # fmt: skip


@pytest.mark.parametrize(
    "y, message",
    [
        (None, "Some requires y to be passed"),
        ([[0, 1], [2]], "rows of unequal length.*MultiLabelBinarizer"),
        ([["a", "b"], ["a", "c"]], "rows of text.*MultiLabelBinarizer"),
        ([["a"], ["b"]], "rows of text.*MultiLabelBinarizer"),
        ([{"a"}, {"b"}], "'a'.*MultiLabelBinarizer"),
        (pd.Series([["a"], ["b"]]), "'a'.*MultiLabelBinarizer"),
        ([["0", "1"], ["1", "1"]], r"digits .* with np.array\(y\).astype\(int\)"),
        (np.array([["0", "1"], ["1", "1"]]), r"digits .* with y.astype\(int\)"),
        (np.array([["no", "yes"]] * 2), r"answers .* \(y == 'yes'\).astype\(int\)"),
        (np.array([["a", "b", "b"]] * 2, object), r"answers .* \(y == 'b'\).astype\(int\)"),
        (named([["0", "1"]]), r"in column 'sea'. .* with y\['sea'\].astype\(int\)"),
        (
            named([[1, "on"], [1, "off"]]),
            r"in column 'sky'. .*\(y\['sky'\] == 'on'\).astype",
        ),
        (named([list("ab"), list("cd"), list("ef")]), "column .sea.*MultiLabelBinarizer"),
        (named([[1, 0], [0, 3]]), "the value 3 in row 1, column 'sky'"),
        (
            named([[1, 0], [0, 3]]).astype("Sparse[int]"),
            "the value 3 in row 1, column 'sky'",
        ),
        ([[0, 1], [0.5, 1]], "the value 0.5 in row 1, column 0: make labels"),
        (sparse.csc_array([[0, 1, 0], [0, 0, 0], [1, 0, 7]]), "value 7 in row 2, column 2"),
        ([0.3, 0.7, 0.1], "Unknown label type: continuous"),
        ([[0.3], [0.7]], "Unknown label type: continuous"),
        ([[0, 2]], "zeros and ones.*value 2"),
        ([0.0, np.nan], "NaN"),
        ([1, 1], "at least 2 classes"),
    ],
)
@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_other_targets_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        target_of(y, allow_missing=True)


def test_names_of_labels_are_those_of_the_columns():
    frame = pd.DataFrame([[1, 0], [0, 1]], columns=["sky", 3])
    assert target_of(frame).label_names == ["sky", "3"]
    assert target_of(frame.astype("Sparse[int]")).label_names == ["sky", "3"]


def test_setting_a_target_drops_what_was_kept_of_another():
    names = target_of(pd.DataFrame([[1, 0]], columns=["sea", "sky"]))
    model = SimpleNamespace(net_="trained", threshold_=0.1)
    set_target(model, names)
    assert list(model.label_names_) == ["sea", "sky"]
    assert model._target_kind == "multilabel"
    assert not hasattr(model, "net_")
    assert not hasattr(model, "threshold_")
    set_target(
        model, Target(sparse.csr_array([[1]]), "multilabel", np.arange(1), None, True)
    )
    assert not hasattr(model, "label_names_")
    assert model._sparse_output
    assert_array_equal(model.classes_, [0])

"""svmlight files with several labels per row, in all forms that programs write."""

import bz2
import gzip
import io
import lzma
import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import dump_svmlight_file

from skmlc.datasets import load_multilabel
from skmlc.exceptions import FileFormatError

# Rows without labels, without features and without both, among and behind the others.
X = np.zeros((6, 4))
X[0, [1, 3]], X[1, 0], X[4, 2] = [0.1, 2], 1 / 3, -5e-3
Y = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 0], [1, 1, 1], [0, 0, 0]])


def _dump(path, pack=bytes, sizes=None, X=X, **how):
    """Write by scikit-learn, and a first line as the Extreme Classification Repository has."""
    file = io.BytesIO()
    dump_svmlight_file(X, sparse.csr_matrix(Y, dtype=float), file, multilabel=True, **how)
    first = "" if sizes is None else f"{' '.join(map(str, sizes))}\n"
    path.write_bytes(pack(first.encode() + file.getvalue()))
    return path


@pytest.mark.parametrize("zero_based", [True, False])
@pytest.mark.parametrize("comment", [None, "by\nnobody # at all"])
@pytest.mark.parametrize("query_id", [None, np.arange(6)])
@pytest.mark.parametrize("as_csr", [True, False])
def test_what_scikit_learn_writes_comes_back(
    tmp_path, zero_based, comment, query_id, as_csr
):
    path = _dump(
        tmp_path / "toy.svm",
        X=sparse.csr_matrix(X) if as_csr else X,
        zero_based=zero_based,
        comment=comment,
        query_id=query_id,
    )
    for given in (zero_based, "auto"):
        bunch = load_multilabel(path, zero_based=given)
        np.testing.assert_array_equal(bunch.data.toarray(), X)
        np.testing.assert_array_equal(bunch.target.toarray(), Y)
        assert bunch.target_names == ["0", "1", "2"]
        assert bunch.target.has_sorted_indices


@pytest.mark.parametrize("zero_based", [True, False])
def test_without_a_first_feature_a_comment_or_the_parameter_says_the_base(
    tmp_path, zero_based
):
    shifted = np.insert(X, 0, 0, axis=1)  # no row has the feature 0
    path = _dump(tmp_path / "toy.svm", X=shifted, zero_based=zero_based)
    bunch = load_multilabel(path, zero_based=zero_based)
    np.testing.assert_array_equal(bunch.data.toarray(), shifted)
    path = _dump(tmp_path / "toy.svm", X=shifted, zero_based=zero_based, comment="toy")
    np.testing.assert_array_equal(load_multilabel(path).data.toarray(), shifted)


@pytest.mark.parametrize("suffix, pack", [
    (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress), ("", bytes),
])  # fmt: skip
@pytest.mark.parametrize("sizes", [None, (6, 4, 3)])
def test_compressed_files_are_read_as_plain_ones(tmp_path, suffix, pack, sizes):
    path = _dump(tmp_path / f"toy.txt{suffix}", pack=pack, sizes=sizes)
    bunch = load_multilabel(path)
    np.testing.assert_array_equal(bunch.data.toarray(), X)
    np.testing.assert_array_equal(bunch.target.toarray(), Y)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("blank", ["", " "])
def test_below_sizes_a_blank_line_is_a_row(tmp_path, end, blank):
    lines = ["5 7 4", "1,3 0:0.5 6:2", blank, " 4:1", "0", blank]
    path = tmp_path / "toy.txt"
    for more in ([], ["", ""]):  # what follows the rows is no row
        path.write_bytes(end.join([*lines, *more, ""]).encode())
        bunch = load_multilabel(path)
        assert bunch.data.shape == (5, 7)
        np.testing.assert_array_equal(bunch.target.sum(axis=1).ravel(), [[2, 0, 0, 1, 0]])
        np.testing.assert_array_equal(np.diff(bunch.data.indptr), [2, 0, 1, 0, 0])


def test_without_sizes_empty_lines_and_comments_are_no_rows(tmp_path):
    path = tmp_path / "toy.svm"
    path.write_text("# 1 2:3\n\n1 2:3 # 4:5\n\n2 1:1\n   # nothing\n")
    bunch = load_multilabel(path)
    np.testing.assert_array_equal(bunch.data.toarray(), [[0, 3], [1, 0]])


def test_features_numbered_from_one_below_sizes_are_not_shifted_in_silence(tmp_path):
    path = tmp_path / "toy.txt"
    path.write_text("2 3 2\n0 1:1 3:2\n1 2:5\n")
    with pytest.raises(FileFormatError, match=r"one of index 3.* pass zero_based=False"):
        load_multilabel(path)
    bunch = load_multilabel(path, zero_based=False)
    np.testing.assert_array_equal(bunch.data.toarray(), [[1, 0, 2], [0, 5, 0]])
    path.write_text("2 3 2\n0 0:1 2:2\n1 2:5\n")
    with pytest.raises(FileFormatError, match="must number its features from 1"):
        load_multilabel(path, zero_based=False)


@pytest.mark.parametrize(
    "text, place, message",
    [
        ("", None, "must hold rows; it holds 0"),
        ("# nothing\n", None, "must hold rows; it holds 0"),
        ("1 1:1\n1 1:x\n", "line 2", "could not convert"),
        ("1 1:1\n\n1 2:1 1:1\n", "line 3", "sorted and unique"),
        ("1 1:1 1:1\n", "line 1", "sorted and unique"),
        ("1 -1:1\n", "line 1", "index -1"),
        ("1 1\n", "line 1", "to unpack"),
        ("1 1:1_000\n", "line 1", "got b'1 1:1_000"),
        ("1_0 1:1\n", "line 1", "got b'1_0"),
        ("1 1_0:1\n", "line 1", "got b'1 1_0"),
        ("1,,2 1:1\n", "line 1", "could not convert"),
        ("1 99999999999999999999:1\n", "line 1", "must be a folder"),
        (f"1 1{'0' * 5000}:1\n", "line 1", "4300 digits"),
        ("1 1:nan\n", "row 1", "must hold finite numbers"),
        ("1 2:1\n1 1:1 3:1e999\n", "row 2", "must hold finite numbers"),
        ("nan 1:1\n", "row 1", "labels must be whole numbers; got nan"),
        ("1 1:1\n.5,1.7 1:1\n", "row 2", "labels must be whole numbers; got 0.5"),
        ("9007199254740993 1:1\n", "row 1", "labels must be whole numbers"),
        (
            "3 2 2\n0 0:1\n1 1:1\n",
            None,
            "must hold 3 rows, as its first line says; it holds 2",
        ),
        (
            "1 2 2\n0 0:1\n1 1:1\n",
            None,
            "must hold 1 rows, as its first line says; it holds 2",
        ),
        ("1 2 2\n2 0:1\n", None, r"labels that are known, .* 2; got also \['2'\]"),
        ("1 2 2\n-1 0:1\n", None, r"labels that are known"),
        ("1 2 2\n0 2:1\n", None, "must have 2 features.* index 2"),
    ],
)
def test_a_damaged_file_is_met_with_its_place(tmp_path, text, place, message):
    path = tmp_path / "toy.txt"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message) as caught:
        load_multilabel(path)
    assert (caught.value.path, caught.value.place) == (str(path), place)


def test_a_first_line_alone_takes_no_memory(tmp_path):
    path = tmp_path / "toy.txt"
    path.write_text("1 1000000000 1000000000\n")
    tracemalloc.start()
    with pytest.raises(FileFormatError, match="must not have more labels than bytes"):
        load_multilabel(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**21
    path.write_text("1 1000000000 3\n2 999999999:1\n")
    assert load_multilabel(path).data.shape == (1, 10**9)


def test_labels_given_twice_and_wrong_bases_are_refused(tmp_path):
    path = _dump(tmp_path / "toy.svm")
    with pytest.raises(ValueError, match=r"labels must differ .* got \['1'\] twice"):
        load_multilabel(path, labels=[0, 1, 1.0, 2])
    with pytest.raises(ValueError, match='zero_based must be True, False or "auto"; got 1'):
        load_multilabel(path, zero_based=1)
    with pytest.raises(ValueError, match="zero_based must be left out for a folder"):
        load_multilabel(tmp_path, zero_based=True)

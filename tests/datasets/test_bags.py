import numpy as np
import pytest
from scipy import sparse
from scipy.io import savemat

from skmlc.datasets import load_bags
from skmlc.exceptions import FileFormatError

BAGS = [np.array([[1.0, 2], [3, 4]]), np.array([[5.0, 6]]), np.array([[7.0, 8], [9, 0]])]
Y = np.array([[1, 0], [0, 1], [1, 1]])


def _check(bunch, rows=slice(None)):
    """The bags and labels above, or some of them."""
    expected = np.array([0, 1, 2])[rows]
    assert len(bunch.data) == len(expected)
    for i, row in enumerate(expected):
        np.testing.assert_array_equal(bunch.data[i], BAGS[row])
    np.testing.assert_array_equal(bunch.target, Y[rows])
    assert bunch.target.dtype == np.int64


def _save(path, **more):
    arrays = {"X": np.concatenate(BAGS), "offsets": [0, 2, 3, 5], "Y": Y.astype(np.uint8)}
    np.savez(path, **{**arrays, **more})
    return path


def test_npz_bags_with_names_ids_and_split(tmp_path):
    more = {"label_names": ["a", "b"], "bag_ids": ["x", "y", "z"]}
    path = _save(tmp_path / "toy.npz", split80=[True, False, True], **more)
    bunch = load_bags(path)
    _check(bunch)
    assert bunch.target_names == ["a", "b"]
    assert bunch.bag_ids == ["x", "y", "z"]
    np.testing.assert_array_equal(bunch.splits["train"], [0, 2])
    np.testing.assert_array_equal(bunch.splits["test"], [1])

    train = load_bags(path, split="train")
    _check(train, rows=[0, 2])
    assert train.bag_ids == ["x", "z"]
    assert train.splits == {"train": slice(0, 2)}


def test_npz_bags_with_the_least_and_by_name(tmp_path):
    folder = tmp_path / "toy"
    folder.mkdir()
    _save(folder / "anything.npz")
    bunch = load_bags("toy", data_home=tmp_path)
    _check(bunch)
    assert bunch.target_names == ["0", "1"]
    assert bunch.bag_ids is None
    assert bunch.splits == {"all": slice(0, 3)}


ARFF = """@relation toy
@attribute id {bag1,bag2,bag3}
@attribute bag relational
  @attribute f1 numeric
  @attribute f2 numeric
@end bag
@attribute dog {0,1}
@attribute cat {0,1}
@data
bag2,"1,2\\n3,4",1,0
bag1,"5,6",0,1
bag3,'7,8\\n9,0',1,1
"""


def _write_arff(folder, text=ARFF, labels=("cat", "dog")):
    (folder / "toy.arff").write_text(text)
    names = "".join(f'<label name="{name}"></label>' for name in labels)
    (folder / "toy.xml").write_text(f"<labels>{names}</labels>")
    return folder / "toy.arff"


def test_relational_arff_keeps_the_order_of_its_own_labels(tmp_path):
    bunch = load_bags(_write_arff(tmp_path))
    _check(bunch)
    assert bunch.target_names == ["dog", "cat"]
    assert bunch.feature_names == ["f1", "f2"]
    assert bunch.bag_ids == ["bag2", "bag1", "bag3"]


@pytest.mark.parametrize(
    "kind, ids", [("numeric", ["2", "10", "3"]), ("string", ["a", "b", "c"])]
)
def test_ids_may_be_numbers_or_strings(tmp_path, kind, ids):
    text = ARFF.replace("{bag1,bag2,bag3}", kind)
    for old, new in zip(("bag2,", "bag1,", "bag3,"), ids):
        text = text.replace(old, f"{new},")
    assert load_bags(_write_arff(tmp_path, text), labels=-2).bag_ids == ids


@pytest.mark.parametrize(
    "name, transpose", [("targets", True), ("target", True), ("targets", False)]
)
def test_lamda_mat(tmp_path, name, transpose):
    cells = np.empty((3, 1), dtype=object)
    for i, bag in enumerate(BAGS):
        cells[i, 0] = bag if i else sparse.csc_matrix(bag)
    target = np.where(Y == 1, 1, -1)
    savemat(tmp_path / "toy.mat", {"bags": cells, name: target.T if transpose else target})
    bunch = load_bags(tmp_path / "toy.mat")
    _check(bunch)
    assert bunch.target_names == ["0", "1"]


def test_the_three_formats_agree(tmp_path):
    cells = np.empty((3, 1), dtype=object)
    cells[:, 0] = BAGS
    savemat(tmp_path / "toy.mat", {"bags": cells, "targets": (2 * Y - 1).T})
    paths = [tmp_path / "toy.mat", _save(tmp_path / "toy.npz"), _write_arff(tmp_path)]
    first, *others = [load_bags(path) for path in paths]
    for other in others:
        np.testing.assert_array_equal(first.data.instances, other.data.instances)
        np.testing.assert_array_equal(first.data.offsets, other.data.offsets)
        np.testing.assert_array_equal(first.target, other.target)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"offsets": [0, 2, 3]}, r"toy\.npz, array 'Y': must be a matrix of 2 rows"),
        ({"offsets": [0, 2, 2, 5]}, r"toy\.npz: must hold bags of finite numbers"),
        ({"X": np.full((5, 2), np.nan)}, r"toy\.npz: must hold bags of finite numbers"),
        ({"Y": 3 * Y}, r"toy\.npz: must hold 0 and 1 only"),
        ({"Y": Y[:2]}, r"toy\.npz, array 'Y': must be a matrix of 3 rows"),
        ({"label_names": ["a"]}, r"toy\.npz: must be of shape \(3, 1\)"),
        (
            {"X": np.array([{}], dtype=object)},
            r"toy\.npz, array 'X': must be an \.npz file of plain arrays",
        ),
    ],
)
def test_npz_with_wrong_arrays_is_refused(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        load_bags(_save(tmp_path / "toy.npz", **arrays))


@pytest.mark.parametrize("value", [0.5, 1.7, -0.9, np.nan])
def test_labels_are_not_rounded_to_0_and_1(tmp_path, value):
    with pytest.raises(FileFormatError, match=r"toy\.npz: must hold"):
        load_bags(_save(tmp_path / "toy.npz", Y=Y * value))


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"label_names": ["a", "a"]}, "label_names must differ; got 'a' twice"),
        ({"label_names": [["a", "b"]]}, "array 'label_names': must be a list of names"),
        ({"label_names": [0.5, 1.5]}, "array 'label_names': must be a list of names"),
        ({"bag_ids": ["x", "y"]}, "must hold 3 bag_ids, one per bag; got 2"),
        ({"split80": [True, False]}, "array 'split80': must be a mask of 3 values"),
        ({"split80": [0, 1, 2]}, "array 'split80': must be a mask of 3 values"),
        ({"split80": ["a", "b", "c"]}, "array 'split80': must be a mask of 3 values"),
        ({"offsets": [0.0, 2.5, 3, 5]}, "array 'offsets': must be a list of whole numbers"),
        ({"offsets": [0, 2, 3, 99]}, "must hold bags"),
        ({"offsets": [0, 3, 2, 5]}, "must hold bags"),
        ({"offsets": 3}, "array 'offsets': must be a list of whole numbers"),
        ({"offsets": []}, "array 'offsets': must be a list of whole numbers"),
        ({"X": np.ones((5, 2), complex)}, "must hold bags"),
        ({"X": np.ones(5)}, "must hold bags"),
        ({"Y": Y[:, 0]}, "array 'Y': must be a matrix of 3 rows"),
        ({"Y": Y.astype(str)}, "array 'Y': must be a matrix of 3 rows"),
    ],
    ids=str,
)
def test_npz_arrays_that_do_not_fit_together_are_refused(tmp_path, arrays, message):
    with pytest.raises(FileFormatError, match=rf"toy\.npz(, |: ){message}"):
        load_bags(_save(tmp_path / "toy.npz", **arrays))


def test_a_split_may_be_written_as_0_and_1_and_names_as_bytes(tmp_path):
    path = _save(
        tmp_path / "toy.npz", split80=[1, 0, 1.0], label_names=["å".encode(), b"b"]
    )
    bunch = load_bags(path)
    assert bunch.splits["train"].tolist() == [0, 2]
    assert bunch.target_names == ["å", "b"]


def test_npz_without_an_array_is_refused(tmp_path):
    np.savez(tmp_path / "toy.npz", X=BAGS[0], Y=Y)
    with pytest.raises(ValueError, match="it lacks offsets and holds X, Y"):
        load_bags(tmp_path / "toy.npz")


@pytest.mark.parametrize(
    "text, labels, message",
    [
        (ARFF, ("dog",), r"besides the bag and the labels; it has \['id', 'cat'\]"),
        (
            "@relation r\n@attribute dog {0,1}\n@data\n1\n",
            ("dog",),
            "one relational attribute",
        ),
        (ARFF.replace("5,6", "?,6"), ("dog", "cat"), "must hold bags of finite numbers"),
        (
            ARFF.replace("5,6", "5"),
            ("dog", "cat"),
            "line 11: row 1 of 'bag': expected 2 values",
        ),
        (ARFF.replace('"5,6"', '""'), ("dog", "cat"), "must hold bags"),
    ],
)
def test_arff_with_wrong_content_is_refused(tmp_path, text, labels, message):
    with pytest.raises(ValueError, match=message):
        load_bags(_write_arff(tmp_path, text, labels))


@pytest.mark.parametrize(
    "content, message",
    [
        ({"x": 1}, "must hold bags, and targets or target; it holds x"),
        ({"targets": np.ones((2, 4))}, r"targets of shape \(n_labels, 3\).*got \(2, 4\)"),
        ({"targets": np.full((2, 3), 5)}, "must hold targets of -1 and 1"),
    ],
)
def test_mat_with_wrong_content_is_refused(tmp_path, content, message):
    cells = np.empty((3, 1), dtype=object)
    cells[:, 0] = BAGS
    if "targets" in content:
        content = {**content, "bags": cells}
    savemat(tmp_path / "toy.mat", content)
    with pytest.raises(ValueError, match=message):
        load_bags(tmp_path / "toy.mat")


def test_mat_with_bags_of_different_widths_is_refused(tmp_path):
    cells = np.empty((2, 1), dtype=object)
    cells[:, 0] = [np.ones((2, 2)), np.ones((2, 3))]
    savemat(tmp_path / "toy.mat", {"bags": cells, "targets": np.ones((1, 2))})
    with pytest.raises(ValueError, match="same number of columns"):
        load_bags(tmp_path / "toy.mat")


def test_mat_of_version_7_3_says_how_to_save_it(tmp_path):
    # The header of such a file: 116 bytes of text, then version 0x0200.
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (tmp_path / "toy.mat").write_bytes(header.ljust(512, b"\x00"))
    with pytest.raises(ValueError, match="save it with -v7"):
        load_bags(tmp_path / "toy.mat")


def test_other_files_and_parameters_are_refused(tmp_path):
    (tmp_path / "toy.csv").write_text("1")
    with pytest.raises(ValueError, match=r"toy\.csv must be a file \.npz, \.arff or \.mat"):
        load_bags(tmp_path / "toy.csv")
    with pytest.raises(ValueError, match=r"must hold one \.npz file of bags; it holds 0"):
        load_bags(tmp_path)
    path = _save(tmp_path / "toy.npz")
    with pytest.raises(ValueError, match="labels must be left out"):
        load_bags(path, labels=2)
    with pytest.raises(ValueError, match="split must be 'all'"):
        load_bags(path, split="train")
    (tmp_path / "noise.mat").write_bytes(b"x" * 200)
    with pytest.raises(ValueError, match=r"noise\.mat: must be a \.mat file"):
        load_bags(tmp_path / "noise.mat")

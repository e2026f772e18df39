import gzip
import json

import numpy as np
import pytest
from scipy import sparse

from skmlc.datasets import load_multilabel
from skmlc.datasets.files import DATA_HOME
from skmlc.exceptions import FileFormatError

X = np.array([[1, 0, 2], [0, 0, 0], [0, 3, 0], [200, 0, 100]], dtype=np.uint8)
Y = np.array([[1, 0], [0, 0], [0, 1], [1, 1]], dtype=np.uint8)
TEXTS = ["first", "second", "third", "fourth"]
NAMES = ["cat", "dog"]


@pytest.fixture
def folder(tmp_path):
    """A data set with features, texts, a hierarchy and two splits."""
    folder = tmp_path / "toy"
    folder.mkdir()
    sparse.save_npz(folder / "X.npz", sparse.csr_matrix(X))
    sparse.save_npz(folder / "Y.npz", sparse.csr_matrix(Y))
    meta = {
        "name": "toy",
        "label_names": NAMES,
        "feature_names": ["a", "b", "c"],
        "splits": {"train": [0, 3], "test": [3, 4]},
        "label_graph": {"kind": "tree/forest", "edges_parent_child": [[0, 1]]},
        "citation": "Nobody, 1900",
    }
    (folder / "meta.json").write_text(json.dumps(meta))
    _write_texts(folder)
    return folder


def _write_texts(folder):
    with gzip.open(folder / "data.jsonl.gz", "wt", encoding="utf-8") as file:
        for text, row in zip(TEXTS, Y):
            labels = [NAMES[label] for label in np.flatnonzero(row)][::-1]
            file.write(json.dumps({"text": text, "labels": labels}) + "\n")


def test_a_folder_gives_features_labels_and_what_is_known_of_them(folder):
    bunch = load_multilabel(folder)
    assert (bunch.data.format, bunch.data.dtype) == ("csr", np.float32)
    assert (bunch.target.format, bunch.target.dtype) == ("csr", np.int64)
    np.testing.assert_array_equal(bunch.data.toarray(), X)
    np.testing.assert_array_equal(bunch.target.toarray(), Y)
    assert bunch.target_names == NAMES
    assert bunch.feature_names == ["a", "b", "c"]
    assert bunch.splits == {"train": slice(0, 3), "test": slice(3, 4)}
    np.testing.assert_array_equal(bunch.hierarchy, [[0, 1]])
    assert "Nobody, 1900" in bunch.DESCR


def test_products_of_small_stored_numbers_do_not_overflow(folder):
    bunch = load_multilabel(folder)
    assert (bunch.data.T @ bunch.data).toarray()[0, 0] == 1 + 200**2


@pytest.mark.parametrize("split, rows", [("train", slice(0, 3)), ("test", slice(3, 4))])
@pytest.mark.parametrize("representation", ["features", "text"])
def test_a_split_is_its_rows(folder, split, rows, representation):
    bunch = load_multilabel(folder, split=split, representation=representation)
    if representation == "text":
        assert bunch.data == TEXTS[rows]
    else:
        np.testing.assert_array_equal(bunch.data.toarray(), X[rows])
    np.testing.assert_array_equal(bunch.target.toarray(), Y[rows])
    assert bunch.splits == {split: slice(0, len(Y[rows]))}


def test_texts_are_read_where_asked_for_or_where_there_are_no_features(folder):
    texts = load_multilabel(folder, representation="text")
    assert texts.data == TEXTS
    assert texts.feature_names is None
    (folder / "X.npz").unlink()
    assert load_multilabel(folder).data == TEXTS
    (folder / "Y.npz").unlink()  # the labels of the texts by name
    target = load_multilabel(folder).target
    np.testing.assert_array_equal(target.toarray(), Y)
    assert target.has_sorted_indices


def test_closed_takes_the_labels_with_their_ancestors(folder):
    closed = np.maximum(Y, Y[:, [1, 1]])
    sparse.save_npz(folder / "Y_closed.npz", sparse.csr_matrix(closed))
    bunch = load_multilabel(folder, closed=True)
    np.testing.assert_array_equal(bunch.target.toarray(), closed)
    np.testing.assert_array_equal(load_multilabel(folder).target.toarray(), Y)


def test_names_are_found_in_the_data_folder(folder, monkeypatch):
    expected = load_multilabel(folder).DESCR
    assert expected == load_multilabel("toy", data_home=folder.parent).DESCR
    monkeypatch.setenv(DATA_HOME, str(folder.parent))
    assert expected == load_multilabel("toy").DESCR
    # A given data_home takes the place of the environment variable.
    with pytest.raises(FileNotFoundError, match="toy/toy"):
        load_multilabel("toy", data_home=folder)


def test_a_data_set_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv(DATA_HOME, raising=False)
    with pytest.raises(FileNotFoundError, match=r"no data set nothing;.*set SKMLC_DATA"):
        load_multilabel("nothing")
    monkeypatch.setenv(DATA_HOME, str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"nothing nor {tmp_path}/nothing"):
        load_multilabel("nothing")


@pytest.mark.parametrize(
    "missing, message",
    [
        ("meta.json", "must hold a meta.json"),
        ("Y.npz", "must hold Y.npz; it holds X.npz, data.jsonl.gz, meta.json"),
    ],
)
def test_a_missing_file_is_named(folder, missing, message):
    (folder / missing).unlink()
    with pytest.raises(FileNotFoundError, match=message):
        load_multilabel(folder)


def test_a_folder_without_data_is_refused(folder):
    (folder / "X.npz").unlink()
    (folder / "data.jsonl.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"must hold X\.npz or data\.jsonl\.gz"):
        load_multilabel(folder)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("meta.json", b"{", r"meta\.json: must be JSON"),
        ("meta.json", b"[]", r"meta\.json: must be a JSON object with label_names"),
        (
            "meta.json",
            b'{"label_names": ["a"]}',
            r"must be of shape \(4, 1\).*got \(4, 2\)",
        ),
        ("X.npz", b"nonsense", r"X\.npz: must be an \.npz file of plain arrays"),
        (
            "data.jsonl.gz",
            b'{"text": 1}\n',
            "line 1: must be an object with text, a string",
        ),
        (
            "data.jsonl.gz",
            b'{"text": "a", "labels": ["cow"]}\n',
            r"must name labels that are known, of which there are 2; got also \['cow'\]",
        ),
    ],
)
def test_a_file_with_other_content_is_named(folder, name, content, message):
    is_text = name == "data.jsonl.gz"
    (folder / name).write_bytes(gzip.compress(content) if is_text else content)
    if is_text:
        (folder / "Y.npz").unlink()
    with pytest.raises(ValueError, match=message):
        load_multilabel(folder, representation="text" if is_text else "auto")


def test_a_file_that_is_not_compressed_is_named(folder):
    (folder / "data.jsonl.gz").write_text('{"text": "a", "labels": []}')
    with pytest.raises(
        ValueError, match=r"data\.jsonl\.gz: must be compressed, as its name ends in \.gz"
    ):
        load_multilabel(folder, representation="text")


def test_labels_other_than_zero_and_one_are_refused(folder):
    sparse.save_npz(folder / "Y.npz", sparse.csr_matrix(2 * Y))
    with pytest.raises(ValueError, match=r"Y\.npz: must hold 0 and 1 only; it holds 2"):
        load_multilabel(folder)


def test_pickled_objects_are_never_loaded(folder, tmp_path):
    trap = tmp_path / "loaded"

    class Trap:
        def __reduce__(self):
            return (open, (str(trap), "w"))

    objects = np.empty(1, dtype=object)
    objects[0] = Trap()
    np.savez(folder / "X.npz", data=objects, format=np.array("csr"), shape=[1, 1])
    with pytest.raises(
        ValueError, match=r"X\.npz, array 'data': .* without Python objects; got object"
    ):
        load_multilabel(folder)
    assert not trap.exists()


@pytest.mark.parametrize("value", [0.5, 1.7, -0.9, 2, -1, 2**53 + 1])
def test_labels_are_not_rounded_to_0_and_1(folder, value):
    sparse.save_npz(folder / "Y.npz", sparse.csr_matrix(Y * float(value)))
    with pytest.raises(FileFormatError, match=r"Y\.npz: must hold 0 and 1 only"):
        load_multilabel(folder)


def test_a_label_entry_that_stands_twice_is_no_two(folder):
    entries = (np.ones(2), [1, 1], [0, 2, 2, 2, 2])
    np.savez(
        folder / "Y.npz",
        format="csr",
        shape=[4, 2],
        **dict(zip(["data", "indices", "indptr"], entries)),
    )
    with pytest.raises(
        FileFormatError, match=r"Y\.npz: must hold 0 and 1 only; it holds 2"
    ):
        load_multilabel(folder)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"label_names": ["a", "a"]}, "label_names must differ; got 'a' twice"),
        ({"label_names": "ab"}, "label_names must be a list of names"),
        ({"label_names": [1, 2]}, "label_names must be a list of names"),
        ({"label_names": {"a": 0, "b": 1}}, "label_names must be a list of names"),
        ({"feature_names": ["a", "b"]}, "feature_names must hold 3 names.*; got 2"),
        ({"feature_names": "abc"}, "feature_names must be a list of names"),
        ({"splits": {"train": [0, 5]}}, "split 'train': must be within the 4 samples"),
        ({"splits": {"train": [-1, 4]}}, "split 'train': must be within the 4 samples"),
        ({"splits": {"train": [3, 2]}}, "split 'train': must be within the 4 samples"),
        ({"splits": {"train": [0, 10**30]}}, "split 'train': must be within"),
        ({"splits": {"train": [0, 2.0]}}, r"split 'train': must be \[start, stop\]"),
        ({"splits": {"train": [0, True]}}, r"split 'train': must be \[start, stop\]"),
        ({"splits": {"train": [0, 1, 2]}}, r"split 'train': must be \[start, stop\]"),
        ({"splits": {"train": 3}}, r"split 'train': must be \[start, stop\]"),
        ({"splits": [[0, 3]]}, "splits must be an object"),
        ({"label_graph": {"edges_parent_child": [[0, 99]]}}, "from 0 to 1; got .0, 99"),
        ({"label_graph": {"edges_parent_child": [[0, -1]]}}, "from 0 to 1; got .0, -1"),
        ({"label_graph": {"edges_parent_child": [[0, 1, 0]]}}, "pairs of labels"),
        ({"label_graph": {"edges_parent_child": [["cat", "dog"]]}}, "pairs of labels"),
        ({"label_graph": {"edges_parent_child": 3}}, "pairs of labels"),
        ({"label_graph": [[0, 1.5]]}, "pairs of labels"),
    ],
    ids=str,
)
def test_what_is_said_of_a_data_set_must_fit_it(folder, changes, message):
    path = folder / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(FileFormatError, match=rf"meta\.json(, |: ).*{message}"):
        load_multilabel(folder)


@pytest.mark.parametrize(
    "content",
    [
        b'{"label_names": ["a", "b"], "label_names": ["b", "a"]}',
        b'{"label_names": ["a", "b"], "x": ' + b"[" * 10**6 + b"]" * 10**6 + b"}",
        b'{"label_names": ["a", "b"], "x": ' + b"9" * 10**4 + b"}",
        b'{"label_names": ["a", "\xff"]}',
        b"",
    ],
    ids=["twice", "nested", "long", "bytes", "empty"],
)
def test_json_that_python_cannot_or_should_not_read_is_named(folder, content):
    (folder / "meta.json").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"meta\.json: must be JSON"):
        load_multilabel(folder)


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "a", "labels": "cat"}',
        '{"text": "a", "labels": [1]}',
        '{"text": "a"}',
        '["a", []]',
        "[" * 10**6,
        "",
    ],
    ids=lambda line: line[:30],
)
def test_a_row_of_texts_that_is_none_is_named_by_its_line(folder, line):
    lines = '{"text": "a", "labels": ["cat"]}\n' + line + "\n"
    (folder / "data.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    with pytest.raises(FileFormatError, match=r"data\.jsonl\.gz, line 2: must be"):
        load_multilabel(folder, representation="text")


def test_texts_that_are_cut_are_noticed(folder):
    path = folder / "data.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(FileFormatError, match="damaged"):
        load_multilabel(folder, representation="text")


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"split": "valid"}, "split must be 'train' or 'test' for .*toy; got 'valid'"),
        (
            {"representation": "image"},
            "representation must be 'auto', 'features' or 'text'",
        ),
        ({"labels": 2}, "labels must be left out for a folder"),
        ({"n_features": 2}, "n_features must be left out for a folder"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(folder, parameters, message):
    with pytest.raises(ValueError, match=message):
        load_multilabel(folder, **parameters)


MULAN = """@relation toy
@attribute size numeric
@attribute color {red,green,'dark blue'}
@attribute big {YES,NO}
@attribute dog {0,1}
@attribute cat {0,1}
@data
1.5,green,NO,1,0
0,'dark blue',YES,0,1
2,?,NO,1,1
"""


def test_a_mulan_file_gives_numbers_and_one_column_per_color(tmp_path):
    path = tmp_path / "toy.arff"
    path.write_text(MULAN)
    (tmp_path / "toy.xml").write_text(
        '<labels><label name="cat"/><label name="dog"/></labels>'
    )
    bunch = load_multilabel(path)
    assert bunch.feature_names == [
        "size",
        "color=red",
        "color=green",
        "color=dark blue",
        "big",
    ]
    np.testing.assert_array_equal(
        bunch.data.toarray(), [[1.5, 0, 1, 0, 0], [0, 0, 0, 1, 1], [2, 0, 0, 0, 0]]
    )
    assert bunch.target_names == ["dog", "cat"]
    np.testing.assert_array_equal(bunch.target.toarray(), [[1, 0], [0, 1], [1, 1]])
    assert bunch.splits == {"all": slice(0, 3)}
    assert bunch.hierarchy is None


def test_the_labels_of_an_arff_file_can_be_given(tmp_path):
    path = tmp_path / "toy.arff"
    path.write_text(MULAN)
    for labels in (-2, ["cat", "dog"]):
        assert load_multilabel(path, labels=labels).target_names == ["dog", "cat"]


def test_a_meka_file_with_one_string_gives_texts(tmp_path):
    path = tmp_path / "toy.arff"
    path.write_text(
        "@relation 'toy: -C 2'\n@attribute a {0,1}\n@attribute b {0,1}\n"
        "@attribute text string\n@data\n1,0,'one, two'\n0,?,three\n"
    )
    bunch = load_multilabel(path)
    assert bunch.data == ["one, two", "three"]
    assert bunch.feature_names is None
    np.testing.assert_array_equal(bunch.target.toarray(), [[1, 0], [0, np.nan]])


def test_arff_files_that_are_no_tables_are_refused(tmp_path):
    path = tmp_path / "toy.arff"
    path.write_text(
        "@relation 'toy: -C 1'\n@attribute a {0,1}\n@attribute s string\n"
        "@attribute x numeric\n@data\n1,b,0\n"
    )
    with pytest.raises(ValueError, match="attribute 's' must be numeric or nominal"):
        load_multilabel(path)
    path.write_text(
        "@relation r\n@attribute b relational\n@attribute x real\n@end b\n@data\n"
    )
    with pytest.raises(ValueError, match="read it with load_bags"):
        load_multilabel(path)
    with pytest.raises(ValueError, match="n_features must be left out for ARFF files"):
        load_multilabel(path, n_features=3)
    with pytest.raises(ValueError, match="representation must be left out for ARFF files"):
        load_multilabel(path, representation="text")
    with pytest.raises(ValueError, match="closed must be left out for ARFF files"):
        load_multilabel(path, closed=True)


SVMLIGHT = "17,3 1:0.5 4:2\n 2:1\n3 4:1e-2  # a comment\n"


@pytest.mark.parametrize("suffix", [".svm", ".txt.gz"])
def test_an_svmlight_file_has_the_labels_that_occur(tmp_path, suffix):
    path = tmp_path / f"toy{suffix}"
    content = SVMLIGHT.encode()
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    bunch = load_multilabel(path)
    np.testing.assert_array_equal(
        bunch.data.toarray(), [[0.5, 0, 0, 2], [0, 1, 0, 0], [0, 0, 0, 0.01]]
    )
    assert bunch.target_names == ["3", "17"]
    np.testing.assert_array_equal(bunch.target.toarray(), [[1, 1], [0, 0], [1, 0]])
    assert bunch.target.dtype == np.int64


def test_an_svmlight_file_can_be_given_its_labels_and_number_of_features(tmp_path):
    path = tmp_path / "toy.svm"
    path.write_text(SVMLIGHT)
    bunch = load_multilabel(path, labels=[17, 5, 3], n_features=6)
    assert bunch.data.shape == (3, 6)
    np.testing.assert_array_equal(bunch.target.toarray(), [[1, 0, 1], [0, 0, 0], [0, 0, 1]])
    bunch = load_multilabel(path, labels=20)
    np.testing.assert_array_equal(bunch.target.nonzero(), [[0, 0, 2], [3, 17, 3]])
    with pytest.raises(ValueError, match=r"there are 2; got also \['17'\]"):
        load_multilabel(path, labels=[3, 5])


def test_a_first_line_of_sizes_counts_everything_from_zero(tmp_path):
    path = tmp_path / "toy.txt"
    path.write_text("2 5 4\n1,3 1:0.5 2:2\n 4:1\n")
    bunch = load_multilabel(path)
    np.testing.assert_array_equal(
        bunch.data.toarray(), [[0, 0.5, 2, 0, 0], [0, 0, 0, 0, 1]]
    )
    np.testing.assert_array_equal(bunch.target.toarray(), [[0, 1, 0, 1], [0, 0, 0, 0]])


def test_a_file_shorter_than_its_first_line_says_is_refused(tmp_path):
    path = tmp_path / "toy.txt"
    path.write_text("3 5 4\n1,3 1:0.5 2:2\n 4:1\n")
    with pytest.raises(ValueError, match=r"must hold 3 rows.*; it holds 2"):
        load_multilabel(path)


def test_large_label_numbers_are_kept_apart(tmp_path):
    path = tmp_path / "toy.svm"
    path.write_text("1234567,1234568 1:1\n")
    assert load_multilabel(path).target_names == ["1234567", "1234568"]


def test_any_other_file_is_refused(tmp_path):
    path = tmp_path / "toy.csv"
    path.write_text("a,b,c\n1,2,3\n")
    with pytest.raises(
        ValueError, match=r"toy\.csv, line 1: must be a folder, an ARFF file, or an svm"
    ):
        load_multilabel(path)

"""Edge lists as protein databases, networkx and pandas write them."""

import gzip

import numpy as np
import pandas as pd
import pytest

from skmlc import LaMPClassifier
from skmlc.exceptions import FileFormatError
from skmlc.graphs import read_edge_list

NAMES = ["cat", "cow", "dog", "bird"]
WEIGHTED = np.array([[0, 2, 0.5, 0], [2, 0, 0, 0], [0.5, 0, 0, 0], [0, 0, 0, 0]])
PLAIN = (WEIGHTED > 0).astype(float)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "edges.txt"


def read(path, content, labels=NAMES, **params):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    adjacency = read_edge_list(path, labels, **params)
    assert adjacency.format == "csr"
    return adjacency.toarray()


@pytest.mark.parametrize("separator", ["\t", ",", " ", "   ", ", "])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
def test_every_separator_with_and_without_weights(path, separator, end):
    rows = [("cat", "dog", "0.5"), ("cow", "cat", "2")]
    for width, expected in ((3, WEIGHTED), (2, PLAIN)):
        lines = [separator.join(row[:width]) for row in rows]
        np.testing.assert_array_equal(read(path, end.join([*lines, ""])), expected)
        np.testing.assert_array_equal(read(path, end.join(lines)), expected)


def test_comments_blank_lines_and_headings_are_left_out(path):
    for heading in ("", "protein1 protein2 combined_score\n", "\ufeff"):
        content = f"{heading}# a\n% b\n\n  \ncat dog 0.5\n#cow dog 9\ncow cat 2\n"
        np.testing.assert_array_equal(read(path, content), WEIGHTED)
    np.testing.assert_array_equal(read(path, "from\tto\ncat\tdog\ncow\tcat\n"), PLAIN)


def test_an_edge_may_be_given_both_ways_round_and_to_itself(path):
    content = "cat dog 0.5\ncow cat 2\ndog cat 0.5\ncow cow 7\nbird cow 0\n"
    np.testing.assert_array_equal(read(path, content), WEIGHTED)
    with pytest.raises(
        FileFormatError, match=r"line 3: gives an edge again, .* 0.6 in place"
    ):
        read(path, "cat dog 0.5\ncow cat 2\ndog cat 0.6\n")


def test_with_a_direction_the_second_receives_from_the_first(path):
    expected = np.zeros((4, 4))
    expected[2, 0], expected[0, 1], expected[0, 2] = 0.5, 2, 9
    content = "cat dog 0.5\ncow cat 2\ndog cat 9\n"
    np.testing.assert_array_equal(read(path, content, directed=True), expected)


def test_labels_may_be_numbers_from_0(path):
    np.testing.assert_array_equal(read(path, "0 2 0.5\n1 0 2\n", labels=4), WEIGHTED)
    with pytest.raises(FileFormatError, match="'4' is none"):
        read(path, "0 4\n", labels=4)


def test_names_may_hold_spaces_quotes_and_letters_of_any_kind(path):
    labels = ["zinc finger", 'a,"b"', "björn", "12"]
    rows = pd.DataFrame({"source": ["zinc finger", "björn"], "target": ['a,"b"', "12"]})
    expected = np.zeros((4, 4))
    expected[[0, 1, 2, 3], [1, 0, 3, 2]] = 1
    for separator in ("\t", ","):
        content = rows.to_csv(index=False, sep=separator)
        np.testing.assert_array_equal(read(path, content, labels=labels), expected)


@pytest.mark.parametrize("name", ["edges.txt", "edges.txt.gz"])
def test_networkx_files(tmp_path, name):
    networkx = pytest.importorskip("networkx")
    graph = networkx.from_numpy_array(WEIGHTED)
    graph = networkx.relabel_nodes(graph, dict(enumerate(NAMES)))
    path = tmp_path / name
    networkx.write_edgelist(graph, path)
    np.testing.assert_array_equal(read_edge_list(path, NAMES).toarray(), WEIGHTED)
    networkx.write_edgelist(graph, path, data=["weight"], delimiter="\t")
    np.testing.assert_array_equal(read_edge_list(path, NAMES).toarray(), WEIGHTED)
    networkx.write_edgelist(networkx.Graph(list(graph.edges)), path)  # "cat cow {}"
    np.testing.assert_array_equal(read_edge_list(path, NAMES).toarray(), PLAIN)


def test_a_network_may_be_larger_than_the_set_of_labels(path):
    content = "cat dog 0.5\ncat fox 3\nfox hen 1\ncow cat 2\n"
    np.testing.assert_array_equal(read(path, content, unknown="ignore"), WEIGHTED)
    with pytest.raises(
        FileFormatError, match=r"line 2: .* 'fox' is none.* unknown='ignore'"
    ):
        read(path, content)


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "must hold edges between labels; of its 0 edges none is"),
        ("# cat dog\n", ".* of its 0 edges none is"),
        ("fox hen\nhen dog\n", ".* of its 2 edges none is"),
        ("cat dog 1\ncow\n", "line 2: must hold two names"),
        ("cat dog 1\ncow dog x\n", "line 2: must hold two names"),
        ("cat dog 1\ncow dog nan\n", "line 2: .* a finite number"),
        ("cat dog 1\ncow dog 1e999\n", "line 2: .* a finite number"),
        ("cat dog 1\ncow dog 1_0\n", "line 2: .* a finite number"),
        ("cat dog x\n", "line 1: must hold two names"),
        ("cat\tdog\t1\t2\n", "line 1: must hold two names"),
        ("cat\t\t1\n", "line 1: must hold two names"),
        ("cat dog 1 2\n", "line 1: must hold two names"),
        ('cat,dog\n"cow,dog\n', "line 2: must hold two names"),
        ("cat dog {'color': 1}\n", "line 1: must hold two names"),
        (b"cat dog\ncow \xff\n", "line 2: must be UTF-8"),
    ],
)
def test_damaged_files_are_refused(path, content, message):
    with pytest.raises(FileFormatError, match=rf"edges\.txt(, |: ){message}"):
        read(path, content, unknown="ignore")
    path.with_suffix(".gz").write_bytes(gzip.compress(b"cat dog\n" * 99)[:-9])
    with pytest.raises(FileFormatError, match=r"edges\.gz"):
        read_edge_list(path.with_suffix(".gz"), NAMES)


@pytest.mark.parametrize(
    "labels, params, error, message",
    [
        ("cat", {}, TypeError, "labels must be names"),
        (True, {}, TypeError, "labels must be names"),
        (["cat", "dog", "cat"], {}, ValueError, r"labels must differ .* \['cat'\] twice"),
        (NAMES, {"unknown": "skip"}, ValueError, "unknown must be 'error' or 'ignore'"),
    ],
)
def test_wrong_arguments_are_refused(path, labels, params, error, message):
    with pytest.raises(error, match=message):
        read(path, "cat dog\n", labels=labels, **params)


def test_the_graph_of_a_classifier(path):
    path.write_text("cat dog\ncow cat\n")
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(20, 3)), rng.integers(2, size=(20, 4))
    graph = read_edge_list(path, NAMES)
    model = LaMPClassifier(label_graph=graph, max_epochs=1, hidden_size=8).fit(X, Y)
    np.testing.assert_array_equal(model.adjacency_.toarray(), PLAIN)

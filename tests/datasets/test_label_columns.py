import time
from itertools import pairwise

import numpy as np
import pytest

from skmlc.datasets.arff import read_arff
from skmlc.datasets.label_columns import find_label_columns, read_label_xml, read_target
from skmlc.exceptions import FileFormatError

XML = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<labels xmlns="http://mulan.sourceforge.net/labels">{}</labels>'
)


def _arff(folder, relation="r", rows="0.5,1,0,1\n", name="toy.arff", kinds="{0,1}"):
    path = folder / name
    labels = "".join(f"@attribute {label} {kinds}\n" for label in "ABC")
    path.write_text(f"@relation '{relation}'\n@attribute x numeric\n{labels}@data\n{rows}")
    return path, read_arff(path)


def _xml(folder, content, name="toy.xml"):
    path = folder / name
    path.write_text(XML.format(content))
    return path


def test_the_labels_stand_in_the_order_of_the_arff_not_of_the_xml(tmp_path):
    _xml(tmp_path, '<label name="C"></label><label name="A"/>')
    columns, hierarchy = find_label_columns(*_arff(tmp_path))
    np.testing.assert_array_equal(columns, [1, 3])
    assert hierarchy is None


@pytest.mark.parametrize("name", ["toy-train.arff", "toy_test.arff", "toyTrain-3.arff"])
def test_training_and_test_files_share_their_xml_file(tmp_path, name):
    _xml(tmp_path, '<label name="B"/>')
    columns, _ = find_label_columns(*_arff(tmp_path, name=name))
    np.testing.assert_array_equal(columns, [2])


def test_nested_labels_give_a_hierarchy(tmp_path):
    inner = '<label name="C"><label name="A"><label name="B"/></label></label>'
    path = _xml(tmp_path, inner)
    assert read_label_xml(path) == (["C", "A", "B"], [("C", "A"), ("A", "B")])
    columns, hierarchy = find_label_columns(*_arff(tmp_path))
    np.testing.assert_array_equal(columns, [1, 2, 3])
    np.testing.assert_array_equal(hierarchy, [[2, 0], [0, 1]])


@pytest.mark.parametrize(
    "relation, expected",
    [("Music: -C 2", [0, 1]), ("Music: -C -2", [2, 3]), ("Music: -D 3 -C -1", [3])],
)
def test_meka_writes_the_number_of_labels_into_the_relation(tmp_path, relation, expected):
    columns, _ = find_label_columns(*_arff(tmp_path, relation))
    np.testing.assert_array_equal(columns, expected)


def test_given_labels_come_before_those_of_the_files(tmp_path):
    _xml(tmp_path, '<label name="A"/>')
    other = _xml(tmp_path, '<label name="C"/>', "other.xml")
    path, table = _arff(tmp_path, "r: -C -3")
    for labels, expected in ((-2, [2, 3]), (["C", "B"], [2, 3]), (other, [3]), (None, [1])):
        columns, _ = find_label_columns(path, table, labels)
        np.testing.assert_array_equal(columns, expected)


def test_the_target_holds_zeros_ones_and_unknowns(tmp_path):
    path, table = _arff(tmp_path, rows="0.5,1,0,1\n1,0,0,0\n")
    target = read_target(path, table, np.array([1, 2, 3]))
    assert (target.format, target.dtype) == ("csr", np.int64)
    np.testing.assert_array_equal(target.toarray(), [[1, 0, 1], [0, 0, 0]])
    path, table = _arff(tmp_path, rows="0.5,1,?,0\n")
    target = read_target(path, table, np.array([1, 2, 3]))
    np.testing.assert_array_equal(target.toarray(), [[1, np.nan, 0]])


@pytest.mark.parametrize(
    "labels, message",
    [
        (None, "toy.arff: must say which attributes are labels"),
        (0, "number of labels must be from 1 to 4"),
        (5, "number of labels must be from 1 to 4"),
        (["A", "Z"], r"labels must name attributes of the ARFF file; got \['Z'\]"),
        ([], "labels must name attributes"),
        (["A", "A"], r"names must differ; got \['A'\] twice"),
    ],
)
def test_labels_that_cannot_be_found_are_named(tmp_path, labels, message):
    with pytest.raises(ValueError, match=message):
        find_label_columns(*_arff(tmp_path), labels)


def test_a_label_must_be_zero_or_one(tmp_path):
    path, table = _arff(tmp_path, rows="0.5,1,0,3\n", kinds="numeric")
    with pytest.raises(ValueError, match=r"label 'C' must have the values 0 and 1.*got 3"):
        read_target(path, table, np.array([1, 2, 3]))
    path, table = _arff(tmp_path, rows="0.5,u,v,w\n", kinds="string")
    with pytest.raises(
        ValueError, match="label 'A' must be nominal or numeric; it is string"
    ):
        find_label_columns(path, table, -3)


@pytest.mark.parametrize("content", ["", "<label>", "<label/>", '<label name="A">'])
def test_an_xml_file_without_labels_is_refused(tmp_path, content):
    path = _xml(tmp_path, content)
    with pytest.raises(FileFormatError, match=r"toy\.xml.*: .* must|toy\.xml.*: must"):
        read_label_xml(path)


def test_an_xml_file_may_be_as_deep_and_as_long_as_it_likes(tmp_path):
    n = 30_000
    names = [f"l{i}" for i in range(n)]
    long = _xml(tmp_path, "".join(f'<label name="{name}"/>' for name in names))
    deep = _xml(
        tmp_path,
        "".join(f'<label name="{name}">' for name in names) + "</label>" * n,
        "deep.xml",
    )
    start = time.perf_counter()
    assert read_label_xml(long) == (names, [])
    assert read_label_xml(deep) == (names, list(pairwise(names)))
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    "document_type",
    [
        '<!DOCTYPE labels [<!ENTITY a "A"><!ENTITY b "&a;&a;&a;">]>',
        '<!DOCTYPE labels SYSTEM "/etc/passwd">',
    ],
)
def test_an_xml_file_brings_no_entities(tmp_path, document_type):
    path = tmp_path / "toy.xml"
    path.write_text(f'{document_type}<labels><label name="&b;"/></labels>')
    with pytest.raises(
        FileFormatError, match=r"toy\.xml, line 1: must have no document type"
    ):
        read_label_xml(path)


def test_elements_of_other_names_and_prefixes_are_passed_over(tmp_path):
    content = '<m:label name="A"><note/><m:label name="B"/></m:label>'
    assert read_label_xml(_xml(tmp_path, content)) == (["A", "B"], [("A", "B")])


@pytest.mark.parametrize("name", ["toy-train-sparse.arff", "toy_random_80train.arff"])
def test_the_longest_name_of_an_xml_file_that_fits_wins(tmp_path, name):
    for other, label in (("to.xml", "A"), ("toy.xml", "B"), ("toyland.xml", "C")):
        _xml(tmp_path, f'<label name="{label}"/>', other)
    columns, _ = find_label_columns(*_arff(tmp_path, name=name))
    np.testing.assert_array_equal(columns, [2])


@pytest.mark.parametrize(
    "relation, content, message",
    [
        ("r: -C 5", None, "toy.arff: the number of labels must be from 1 to 4"),
        ("r: -C 0", None, "toy.arff: the number of labels must be from 1 to 4"),
        ("r", '<label name="Z"/>', r"toy.xml: labels must name attributes.*\['Z'\]"),
        ("r", '<label name="A"/>' * 2, r"toy.xml: the labels' names must differ.*\['A'\]"),
        (
            "r",
            '<label name="A"/><label nme="B"/>',
            "toy.xml, line 2: a label must have a name",
        ),
    ],
)
def test_what_files_say_of_labels_is_the_fault_of_the_file(
    tmp_path, relation, content, message
):
    if content is not None:
        _xml(tmp_path, content)
    with pytest.raises(FileFormatError, match=message):
        find_label_columns(*_arff(tmp_path, relation))


def test_labels_that_are_given_are_no_fault_of_the_file(tmp_path):
    with pytest.raises(ValueError, match="number of labels") as error:
        find_label_columns(*_arff(tmp_path), 5)
    assert not isinstance(error.value, FileFormatError)


@pytest.mark.parametrize("value", ["0.5", "1.7", "-0.9", ".5"])
def test_labels_are_never_rounded(tmp_path, value):
    path, table = _arff(tmp_path, rows=f"0.5,1,0,{value}\n", kinds="numeric")
    with pytest.raises(FileFormatError, match="label 'C' must have the values 0 and 1"):
        read_target(path, table, np.array([1, 2, 3]))

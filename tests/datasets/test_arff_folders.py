"""Folders of ARFF files, as MULAN's data sets come."""

import gzip

import numpy as np
import pytest

from skmlc.datasets import load_multilabel
from skmlc.exceptions import FileFormatError

HEADER = (
    "@relation toy\n@attribute x numeric\n@attribute color {red,blue,green}\n"
    "@attribute A {0,1}\n@attribute B {0,1}\n@data\n"
)
XML = '<labels xmlns="http://mulan.sourceforge.net/labels"><label name="A"/>{}</labels>'
TRAIN = "1,red,1,0\n2,blue,0,1\n3,red,?,1\n"
TEST = "{0 4,1 green,2 1}\n5,red,0,0,{2.5}\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "toy-train.arff").write_text(HEADER + TRAIN)
    (tmp_path / "toy-test.arff").write_text(HEADER + TEST)
    (tmp_path / "toy.xml").write_text(XML.format('<label name="B"/>'))
    return tmp_path


def check(bunch):
    x = [[1, 1, 0, 0], [2, 0, 1, 0], [3, 1, 0, 0], [4, 0, 0, 1], [5, 1, 0, 0]]
    np.testing.assert_array_equal(bunch.data.toarray(), x)
    y = [[1, 0], [0, 1], [np.nan, 1], [1, 0], [0, 0]]
    np.testing.assert_array_equal(bunch.target.toarray(), y)
    assert (bunch.data.format, bunch.target.format) == ("csr", "csr")
    assert bunch.target_names == ["A", "B"]
    assert bunch.feature_names == ["x", "color=red", "color=blue", "color=green"]
    np.testing.assert_array_equal(bunch.sample_weight, [1, 1, 1, 1, 2.5])
    assert bunch.splits == {"train": slice(0, 3), "test": slice(3, 5)}


@pytest.mark.parametrize("has_whole", [False, True])
def test_training_and_test_files_are_the_splits_of_one_set(folder, has_whole):
    if has_whole:
        (folder / "toy.arff").write_text(HEADER + TRAIN + TEST)
    bunch = load_multilabel(folder)
    check(bunch)
    assert bunch.DESCR == "toy, from ARFF: toy-train.arff, toy-test.arff.\n"
    test = load_multilabel(folder, split="test")
    np.testing.assert_array_equal(test.target.toarray(), [[1, 0], [0, 0]])
    assert test.splits == {"test": slice(0, 2)}


def test_other_names_compression_and_a_third_file(folder):
    for name, text in [("valid", ""), ("Test", TEST), ("train", TRAIN)]:
        with gzip.open(folder / f"toy_{name}.arff.gz", "wt") as file:
            file.write(HEADER + text)
    for name in ("toy-train.arff", "toy-test.arff"):
        (folder / name).unlink()
    bunch = load_multilabel(folder)
    assert bunch.splits.pop("valid") == slice(3, 3)
    check(bunch)


def test_one_file_alone_is_a_set_without_splits(folder):
    (folder / "toy-test.arff").unlink()
    bunch = load_multilabel(folder)
    assert bunch.splits == {"all": slice(0, 3)}
    assert bunch.sample_weight is None


def test_labels_may_be_given_and_nested(folder):
    (folder / "toy.xml").unlink()
    assert load_multilabel(folder, labels=["B"]).target_names == ["B"]
    nested = folder / "nested.labels"
    nested.write_text(XML.replace("/>{}", '><label name="B"/></label>'))
    bunch = load_multilabel(folder, labels=nested)
    np.testing.assert_array_equal(bunch.hierarchy, [[0, 1]])


def test_texts_stay_a_list(tmp_path):
    header = "@relation 'toy: -C 1'\n@attribute A {0,1}\n@attribute text string\n@data\n"
    for name, text in [("train", "1,first\n0,second\n"), ("test", "1,'the third'\n")]:
        (tmp_path / f"toy-{name}.arff").write_text(header + text)
    bunch = load_multilabel(tmp_path)
    assert bunch.data == ["first", "second", "the third"]
    assert load_multilabel(tmp_path, split="test").data == ["the third"]


@pytest.mark.parametrize(
    "names",
    [
        ["a-train", "b-test"],
        ["a-train", "a_train", "a-test"],
        ["a-train", "a"],
        ["a", "b"],
        ["a-train", "a-test", "b"],
    ],
)
def test_files_that_are_no_one_set_are_listed(tmp_path, names):
    for name in names:
        (tmp_path / f"{name}.arff").write_text(HEADER + TRAIN)
    with pytest.raises(
        ValueError, match=r"must hold one ARFF file, .*; got a.*: pass the path"
    ):
        load_multilabel(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        HEADER.replace("{red,blue,green}", "{blue,red,green}"),
        HEADER.replace("toy", "'toy: -C -1'"),
        HEADER.replace(" x ", " z "),
    ],
)
def test_files_whose_attributes_or_labels_differ_are_refused(folder, header):
    if "-C" in header:
        (folder / "toy.xml").unlink()
        train = HEADER.replace("toy", "'toy: -C -2'")
        (folder / "toy-train.arff").write_text(train + TRAIN)
    (folder / "toy-test.arff").write_text(header + TEST)
    with pytest.raises(FileFormatError, match=r"toy-test.arff: must have the attr"):
        load_multilabel(folder)


@pytest.mark.parametrize("name, value", [("closed", True), ("n_features", 3)])
def test_what_means_nothing_for_arff_files_is_refused(folder, name, value):
    with pytest.raises(ValueError, match=f"{name} must be left out for ARFF"):
        load_multilabel(folder, **{name: value})


def test_a_folder_with_a_description_is_read_by_that(folder):
    (folder / "meta.json").write_text("{}")
    with pytest.raises(FileFormatError, match=r"meta\.json"):
        load_multilabel(folder)

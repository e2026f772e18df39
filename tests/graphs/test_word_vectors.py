"""Vectors of labels by the words of their names, read from text files."""

import gzip
import os
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skmlc.exceptions import FileFormatError
from skmlc.graphs import WordVectors
from skmlc.graphs.vector_files import read_vectors

WORDS = {
    "cat": [1.0, 2, 3],
    "dog": [-1, 0.5, 1e-3],
    "traffic": [4, 0, 2],
    "light": [0, 2, 4],
    "tv": [7, 7, 7],
    "dining": [1, 0, 0],
    "table": [0, 1, 0],
    "diningtable": [9, 9, 9],
    "teddy_bear": [5, 6, 7],
    "teddy": [0, 0, 1],
    "bear": [0, 0, 3],
    "T-shirt": [8, 8, 8],
    "Bus": [3, 2, 1],
}


def write(path, words=WORDS, header=False, compress=False, end="\n"):
    """Write vectors as GloVe does, or as word2vec does."""
    lines = [f"{word} {' '.join(map(str, vector))}{end}" for word, vector in words.items()]
    if header:
        lines.insert(0, f"{len(words)} {len(next(iter(words.values())))}\n")
    content = "".join(lines).encode()
    path.write_bytes(gzip.compress(content) if compress else content)
    return path


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "vectors.txt")


def vectors_of(path, *names, **params):
    builder = WordVectors(path, **params).fit(np.ones((1, len(names))), label_names=names)
    return builder.embedding_.tolist()


# Files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("end", ["\n", " \n", "\r\n", "\n\n"])
@pytest.mark.parametrize("as_path", [str, os.fspath, lambda path: path])
def test_all_forms_of_a_file_give_the_same_vectors(
    tmp_path, header, compress, end, as_path
):
    path = tmp_path / ("vectors.txt.gz" if compress else "vectors.txt")
    write(path, header=header, compress=compress, end=end)
    vectors, size = read_vectors(as_path(path), ["dog", "cat", "cow"])
    assert size == 3
    assert {word: vector.tolist() for word, vector in vectors.items()} == {
        "cat": WORDS["cat"],
        "dog": WORDS["dog"],
    }


def test_only_the_vectors_asked_for_are_held(tmp_path):
    path = tmp_path / "vectors.txt"
    numbers = " ".join(["0.123456"] * 50)
    with path.open("w") as file:
        file.writelines(f"word{i} {numbers}\n" for i in range(20_000))
    tracemalloc.start()
    vectors, _ = read_vectors(path, ["word7", "word19999"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sorted(vectors) == ["word19999", "word7"]
    assert peak < path.stat().st_size / 20


def test_words_may_hold_spaces_and_letters_of_any_kind(tmp_path):
    # The large files of GloVe have such lines; the space in the second is a non-breaking one.
    path = tmp_path / "vectors.txt"
    path.write_text(
        "cat 1 2\nat name@host 3 4\n.\xa0. 5 6\nbjörn 7 8\n\x85 9 9\n", encoding="utf-8"
    )
    vectors, _ = read_vectors(path, ["at name@host", ".\xa0.", "björn", "cat"])
    assert [vectors[word][0] for word in ("cat", "at name@host", ".\xa0.", "björn")] == [
        1, 3, 5, 7,
    ]  # fmt: skip


def test_of_a_word_that_comes_twice_the_first_vector_counts(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("cat 1\ndog 2\ncat 3\n")
    assert read_vectors(path, ["cat"])[0]["cat"] == 1


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "is empty"),
        ("\ncat 1 2\n", "line 1: must hold a word and numbers.* has 0 fields"),
        ("cat\ndog 1 2\n", "line 1: must hold a word and numbers.* begins with 'cat'"),
        ("one two three\n", "line 1: must hold a word and 2 numbers"),
        ("cat 1 2\ndog 1\n", "line 2: .* a word and 2 numbers.* has 2 fields"),
        ("cat 1 2\ncow 3 4\ndog 1 2 3\n", "line 3: .* a word and 2 numbers.* 4 fields"),
        ("3 3\ncat 1 2\n", "line 2: must hold a word and 3 numbers"),
        ("cat 1 2\ndog 1 x\n", "line 2: must hold a word and 2 numbers"),
        ("cat 1 2\ndog 1 nan\n", "line 2: must hold a word and finite numbers"),
    ],
)
def test_malformed_lines_are_named(tmp_path, text, message):
    path = tmp_path / "vectors.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_vectors(path, ["cat", "dog"])


def test_a_model_of_fasttext_is_refused(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(np.array([793712314, 12], dtype="<i4").tobytes() + bytes(64))
    with pytest.raises(FileFormatError, match=r"it is a model of fastText: give its \.vec"):
        read_vectors(path, ["cat"])


# Names ----------------------------------------------------------------------------------


def test_vectors_are_in_the_order_of_the_labels(path):
    assert vectors_of(path, "dog", "cat") == [WORDS["dog"], WORDS["cat"]]


def test_names_may_be_the_columns_of_the_labels(path):
    Y = pd.DataFrame([[1, 0]], columns=["dog", "cat"])
    builder = WordVectors(path).fit(Y)
    assert builder.label_names_ == ["dog", "cat"]
    assert builder.n_features_in_ == 2
    assert builder.embedding_.tolist() == [WORDS["dog"], WORDS["cat"]]


@pytest.mark.parametrize(
    "name",
    ["traffic light", "traffic_light", "Traffic-Light", "trafficLight", "TRAFFIC light"],
)
def test_the_words_of_a_name_are_averaged(path, name):
    assert vectors_of(path, name) == [[2, 1, 3]]


@pytest.mark.parametrize("name", ["TVLight", "tvLight", "TV light"])
def test_an_abbreviation_is_one_word(path, name):
    assert vectors_of(path, name) == [[3.5, 4.5, 5.5]]


@pytest.mark.parametrize("name", ["teddy bear", "teddy_bear", "TeddyBear", "teddy-bear"])
def test_a_whole_name_in_the_file_wins(path, name):
    assert vectors_of(path, name) == [WORDS["teddy_bear"]]


def test_a_whole_name_may_be_written_together_in_the_file(path):
    assert vectors_of(path, "dining table") == [WORDS["diningtable"]]


def test_an_alias_takes_a_name_apart(path):
    assert vectors_of(path, "diningtable") == [WORDS["diningtable"]]
    aliases = {"diningtable": "dining table", "tvmonitor": "tv"}
    assert vectors_of(path, "diningtable", "tvmonitor", "cat", aliases=aliases) == [
        [0.5, 0.5, 0],
        WORDS["tv"],
        WORDS["cat"],
    ]
    assert vectors_of(path, "toy", aliases={"toy": "teddy bear"}) == [WORDS["teddy_bear"]]


def test_lower_case_is_a_choice(path):
    assert vectors_of(path, "Cat") == [WORDS["cat"]]
    assert vectors_of(path, "Bus", "T-shirt", lowercase=False) == [
        WORDS["Bus"],
        WORDS["T-shirt"],
    ]
    with pytest.raises(ValueError, match=r"no word of 1 label \(Bus\)"):
        vectors_of(path, "Bus")


def test_labels_without_a_word_are_an_error_that_names_them(path):
    message = r"no word of 2 labels \(cow, tvmonitor\): name other words in aliases"
    with pytest.raises(ValueError, match=message):
        vectors_of(path, "cow", "cat", "tvmonitor")


def test_zeros_come_with_a_warning_that_names_the_labels(path):
    message = r"no word of 2 labels \(cow, \): their vectors are zero"
    with pytest.warns(UserWarning, match=message):
        builder = WordVectors(path, missing="zeros").fit(
            [[1, 1, 0]], label_names=["cow", "cat", ""]
        )
    assert builder.embedding_.tolist() == [[0, 0, 0], WORDS["cat"], [0, 0, 0]]
    assert builder.missing_words_ == {"cow": ["cow"], "": [""]}


@pytest.mark.parametrize("missing", ["error", "zeros"])
def test_a_missing_word_of_several_is_left_out_with_a_warning(path, missing):
    builder = WordVectors(path, missing=missing)
    with pytest.warns(UserWarning, match=r"only some .* 1 label \(red_cat without red\)"):
        builder.fit([[1, 1]], label_names=["red_cat", "dog"])
    assert builder.embedding_.tolist() == [WORDS["cat"], WORDS["dog"]]
    assert builder.missing_words_ == {"red_cat": ["red"]}


def test_nothing_missing_is_no_warning(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vectors_of(path, "cat", "traffic light", missing="zeros")


def test_a_builder_is_cloned_with_its_parameters(path):
    builder = WordVectors(path, aliases={"a": "cat"}, missing="zeros", lowercase=False)
    assert clone(builder).get_params() == builder.get_params()


@pytest.mark.parametrize(
    "params, names, error, message",
    [
        ({}, None, ValueError, "label_names must be given"),
        ({}, ["cat"], ValueError, "label_names must hold 2 names"),
        ({"missing": "skip"}, ["cat", "dog"], ValueError, "missing"),
        ({"path": 3}, ["cat", "dog"], ValueError, "path"),
        ({"aliases": {"cow": "cat"}}, ["cat", "dog"], ValueError, "'cow' is not among"),
        ({"aliases": {"cat": 3}}, ["cat", "dog"], TypeError, "aliases must map .* got 3"),
        ({"path": "no such file"}, ["cat", "dog"], FileNotFoundError, "no such file"),
    ],
)
def test_wrong_arguments_are_refused(path, params, names, error, message):
    with pytest.raises(error, match=message):
        WordVectors(**{"path": path, **params}).fit([[1, 0]], label_names=names)

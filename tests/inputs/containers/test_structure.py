"""as_container: which container X is, by its type alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skmlc.inputs import Bags, Graphs, Images, Sequences
from skmlc.inputs.containers import as_container


def object_array(items):
    """Make a one-dimensional object array."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


EQUAL = [np.zeros((2, 3)), np.ones((2, 3))]
RAGGED = [np.zeros((2, 3)), np.ones((1, 3))]


@pytest.mark.parametrize("bags", [EQUAL, RAGGED])
@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        object_array,
        pd.Series,
        lambda bags: object_array(bags).reshape(-1, 1),
        lambda bags: pd.DataFrame({"bag": pd.Series(bags)}),
        lambda bags: [bag.tolist() for bag in bags],
        lambda bags: [pd.DataFrame(bag) for bag in bags],
    ],
)
def test_matrices_are_bags(form, bags):
    assert as_container(form(bags)) == Bags(bags)


def test_a_three_dimensional_array_is_bags():
    assert as_container(np.stack(EQUAL)) == Bags(EQUAL)


@pytest.mark.parametrize("sizes", [[(4, 5), (4, 5)], [(4, 5), (6, 7)]])
@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        lambda images: pd.Series(images).to_numpy(),
        pd.Series,
        lambda images: pd.DataFrame({"image": pd.Series(images)}),
        lambda images: [image.tolist() for image in images],
    ],
)
def test_three_dimensional_arrays_are_images(form, sizes):
    images = [np.full((3, *size), i / 2) for i, size in enumerate(sizes)]
    assert as_container(form(images)) == Images(images)


def test_a_four_dimensional_array_is_images():
    array = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    X = as_container(array)
    assert Images(array) == X
    assert np.shares_memory(X.source, array)


@pytest.mark.parametrize("rows", [[[1, 2], [3]], [[], [3]], [[1], []]])
@pytest.mark.parametrize(
    "form", [list, tuple, lambda rows: [np.array(row, dtype=int) for row in rows]]
)
def test_ragged_lists_of_integers_are_refused_and_sequences_named(form, rows):
    with pytest.raises(ValueError, match=r"Wrap token ids in skmlc\.inputs\.Sequences"):
        as_container(form(rows))


@pytest.mark.parametrize("rows", [[[1, 2], [3]], [[1, 2], [3, 4]]])
@pytest.mark.parametrize("form", [object_array, pd.Series])
def test_a_column_of_rows_is_sequences_whatever_their_lengths(form, rows):
    assert as_container(form([np.array(row) for row in rows])) == Sequences(rows)


@pytest.mark.parametrize(
    "X",
    [
        [[1, 2], [3, 4]],
        [[1.5, 2], [3, 4]],
        [np.array([1, 2]), np.array([3, 4])],
        list(zip(np.array([1.5, 2]), np.array([3, 4]))),
        list(map(tuple, np.ones((3, 2)))),
        [[], []],
        [],
        [1, 2],
        np.ones((2, 2)),
        np.ones(2),
        np.ones((2, 1), dtype=object),
        np.ones((2, 2), dtype=object),
        np.array([["a", "b"]]),
        np.ones((1, 2, 3, 4, 5)),
        sparse.csr_array(np.eye(2)),
        pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
        pd.DataFrame({"a": [1, 2]}),
        pd.DataFrame({"a": ["x", "y"], "b": ["x", "y"]}),
        pd.Series([1.0, 2.0]),
        Sequences([[1], [2, 3]]),
        Bags(RAGGED),
        Graphs(RAGGED, [[[0], [1]], [[], []]]),
        Images([np.ones((1, 2, 3))], channels="first"),
        None,
        5,
    ],
)
def test_everything_else_comes_back_as_it_came(X):
    assert as_container(X) is X


@pytest.mark.parametrize(
    "X",
    [
        "a text",
        ["a text", "another"],
        [["a", "text"], ["another"]],
        [["two", "words"], ["two", "more"]],
        np.array(["a text", "another"]),
        np.array([["a text"], ["another"]]),
        object_array(["a text", "another"]),
        pd.Series(["a text", "another"]),
        pd.DataFrame({"text": ["a text", "another"]}),
        [b"a text"],
        Path("a.png"),
        [Path("a.png")],
    ],
)
def test_text_is_refused_with_a_hint(X):
    with pytest.raises(TypeError, match=r"TokenSequencer.*TfidfVectorizer.*inputs\.Images"):
        as_container(X)


def test_ragged_rows_of_other_things_are_refused():
    with pytest.raises(ValueError, match=r"sequence 0 has shape .* float64"):
        as_container([[0.5, 1.0], [2.0]])
    with pytest.raises(ValueError, match=r"bag 1 has shape \(3,\)"):
        as_container([np.ones((2, 3)), np.ones(3)])
    with pytest.raises(ValueError, match=r"image 1 has shape \(3,\)"):
        as_container([np.ones((1, 4, 5)), np.ones(3)])
    with pytest.raises(ValueError, match=r"bag 0 has shape \(1, 2, 3\)"):
        as_container([np.ones((1, 2, 3)), np.ones((2, 3))])

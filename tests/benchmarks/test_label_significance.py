"""What benchmarks/label_significance.py measures."""

import importlib

import numpy as np
import pytest


@pytest.fixture(scope="module")
def script():
    return importlib.import_module("label_significance")


def test_pairs_of_labels_that_hold_are_in_order_or_not(script):
    Y = np.array([[1, 1, 1, 0], [1, 1, 0, 0]])
    truth = np.array([[0.5, 0.3, 0.2, 0.0], [0.5, 0.5, 0.0, 0.0]])
    scores = np.array([[0.4, 0.5, 0.1, 9.0], [0.9, 0.1, 0.0, 0.0]])
    # Of three pairs of the first bag one is the wrong way round; the second has an equal pair.
    assert script.ordered_pairs(scores, truth, Y) == pytest.approx(2 / 3)
    assert script.ordered_pairs(-scores, truth, Y) == pytest.approx(1 / 3)
    assert script.ordered_pairs(np.zeros_like(scores), truth, Y) == 0.5


def test_a_region_is_described_by_colors_and_place(script):
    image = np.zeros((64, 64, 3), dtype=np.uint8)
    image[10:40, 20:50, 0] = 255
    features = script.describe(image, np.array([20.0, 10.0, 50.0, 40.0]))
    colors = features[:27].reshape(9, 3)
    np.testing.assert_allclose(colors, np.tile([1.0, 0.0, 0.0], (9, 1)))
    np.testing.assert_allclose(features[27:30], 0)
    np.testing.assert_allclose(features[30:] * 64, [20, 10, 50, 40, 30, 30])
    at_the_edge = script.describe(image, np.array([60.0, 60.0, 64.0, 64.0]))
    assert np.isfinite(at_the_edge).all()

"""Heat maps that several Displays draw."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from skmlc.inspection._drawing import draw_heat_map


@pytest.mark.parametrize("width", [3, 5, 7, 9, 14])
@pytest.mark.parametrize(
    "names",
    [
        list("0123456789"),
        "seed of the random number generator for repeatable results".split(),
        ["alcohol", "alcalinity of ash", "total phenols", "hue", "proline"],
        ["a", "b"] * 10,
    ],
    ids=["digits", "words", "wines", "letters"],
)
def test_names_of_columns_do_not_run_into_each_other(width, names):
    figure, ax = plt.subplots(figsize=(width, 3), layout="constrained")
    values = np.random.default_rng(0).random((3, len(names)))
    draw_heat_map(ax, values, ["x", "y", "z"], names, colorbar="score")
    figure.canvas.draw()
    labels = [label for label in ax.get_xticklabels() if label.get_text()]
    if labels[0].get_rotation() == 0:
        boxes = [label.get_window_extent() for label in labels]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    else:  # turned only where they had to be
        assert sum(map(len, names)) * 8 > width * 72 * 0.5

"""The sets of images by name, each in a part to train on and a part to test on."""

from typing import NamedTuple

import numpy as np

from skmlc.datasets import load_digit_scenes, load_image_set
from skmlc.inputs import Images
from skmlc.model_selection import MultilabelStratifiedShuffleSplit

from .data import SPLIT_SEED, Part

TEST_SHARE = 1 / 3  # where the source has no test part: 197 of the 591 of MSRC v2
N_SCENES = {"train": 900, "test": 400}


class ImageSet(NamedTuple):
    """Where images come from, and what comes with them."""

    folder: str | None  # in the data folder; None for scenes, which are made
    size: str | None = None
    n_channels: int = 3
    has_boxes: bool = True
    has_graph: bool = False  # a label graph and word vectors from elsewhere


IMAGE_SETS = {
    "msrc_v2-64": ImageSet("msrc_v2", "64x64"),
    "msrc_v2-96x128": ImageSet("msrc_v2", "96x128"),
    "digit_scenes": ImageSet(None, n_channels=1),
    "coco_mini256": ImageSet("coco_mini256", "64x64", has_boxes=False, has_graph=True),
}


class ImageParts(NamedTuple):
    """The two parts of a set of images, and the label graph that comes with it."""

    train: Part
    test: Part
    published: dict | None = None  # co-occurrence counts, counts and word vectors


def load_image_parts(name, data_home=None):
    """Load a set of images in two parts, which are the same for all models and seeds.

    Parameters
    ----------
    name : str
        One of `IMAGE_SETS`.
    data_home : str, default=None
        The data folder; None for the one that ``SKMLC_DATA`` names.

    Returns
    -------
    ImageParts
        `Images`, with boxes where there are any, and dense labels. The published test part
        is kept; where there is none it is a third of the images, stratified by label.
    """
    source = IMAGE_SETS[name]
    if source.folder is None:
        return ImageParts(*(_scenes(subset) for subset in ("train", "test")))
    data = load_image_set(source.folder, data_home=data_home, size=source.size)
    X = Images(data.images, channels="last", boxes=data.boxes)
    train, test = _rows(data.splits, data.target)
    parts = (Part(X[rows], data.target[rows]) for rows in (train, test))
    return ImageParts(*parts, data.label_graph_arrays)


def _scenes(subset):
    """Return scenes of digits, gray images with a box around each digit."""
    scenes = load_digit_scenes(N_SCENES[subset], subset=subset)
    boxes = np.split(scenes.boxes, scenes.bags.offsets[1:-1])
    return Part(Images(scenes.images, boxes=boxes), scenes.target)


def _rows(splits, Y):
    """Return the rows to train on and the rows to test on."""
    if "test" in splits:
        rows = np.arange(len(Y))
        return rows[splits["train"]], rows[splits["test"]]
    split = MultilabelStratifiedShuffleSplit(
        1, test_size=TEST_SHARE, random_state=SPLIT_SEED
    )
    train, test = next(split.split(np.zeros(len(Y)), Y))
    return np.sort(train), np.sort(test)

"""The sets of images by name, each in a part to train on and a part to test on."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from skmlc.datasets import load_digit_scenes, load_image_set
from skmlc.inputs import Images
from skmlc.model_selection import MultilabelStratifiedShuffleSplit

from .data import SPLIT_SEED, Part
from .pretrained import NAME, boxes_of, feature_maps

TEST_SHARE = 1 / 3  # where the source has no test part: 197 of the 591 of MSRC v2
VALIDATION_SHARE = 1 / 4  # of the part to train on, where something is to be compared
N_SCENES = {"train": 900, "test": 400}


class ImageSet(NamedTuple):
    """Where images come from, and what comes with them."""

    folder: str | None  # in the data folder; None for scenes, which are made
    size: str | None = None
    n_channels: int = 3
    has_boxes: bool = True
    has_graph: bool = False  # a label graph and word vectors from elsewhere
    is_pretrained: bool = False  # feature maps of a pretrained network stand for the images


IMAGE_SETS = {
    "msrc_v2-64": ImageSet("msrc_v2", "64x64"),
    "msrc_v2-96x128": ImageSet("msrc_v2", "96x128"),
    "digit_scenes": ImageSet(None, n_channels=1),
    "coco_mini256": ImageSet("coco_mini256", "64x64", has_boxes=False, has_graph=True),
    "coco_mini256-jpeg": ImageSet("coco_mini256", "jpeg", has_boxes=False, has_graph=True),
    f"msrc_v2-{NAME}": ImageSet("msrc_v2", "96x128", is_pretrained=True),
    f"coco_mini256-{NAME}": ImageSet(
        "coco_mini256", "jpeg", has_boxes=False, has_graph=True, is_pretrained=True
    ),
}


class ImageParts(NamedTuple):
    """The two parts of a set of images, and the label graph that comes with it."""

    train: Part
    test: Part
    published: dict | None = None  # co-occurrence counts, counts and word vectors
    label_names: list | None = None
    vectors: np.ndarray | None = None  # of the labels' names


def load_image_parts(name, data_home=None, kept=None):
    """Load a set of images in two parts, which are the same for all models and seeds.

    Parameters
    ----------
    name : str
        One of `IMAGE_SETS`.
    data_home : str, default=None
        The data folder; None for the one that ``SKMLC_DATA`` names.
    kept : path-like, default=None
        The folder in which feature maps are kept from one call to the next.

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
    if source.is_pretrained:
        X = _as_maps(X, Path(kept) / f"{name}.npy")
    train, test = _rows(data.splits, data.target)
    parts = (Part(X[rows], data.target[rows]) for rows in (train, test))
    return ImageParts(*parts, data.label_graph_arrays, data.target_names)


def _as_maps(X, path):
    """Return the feature maps of images, with boxes in cells instead of pixels."""
    maps, boxes = feature_maps(X, path), boxes_of(X)
    if boxes is not None:
        (height, width), (rows, columns) = X.image_shape[1:], maps.shape[2:]
        scale = np.float32([columns / width, rows / height] * 2)
        boxes = [found * scale for found in boxes]
    return Images(maps, boxes=boxes)


def hold_out(parts, seed):
    """Return the training part in two, to train on and to compare by, as if that were the test.

    Parameters
    ----------
    parts : ImageParts
        The data, whose test part is left alone.
    seed : int
        Which quarter of the training part is held out, stratified by label.

    Returns
    -------
    ImageParts
        With the quarter in place of the test part.
    """
    X, Y = parts.train
    split = MultilabelStratifiedShuffleSplit(
        1, test_size=VALIDATION_SHARE, random_state=seed
    )
    rows = map(np.sort, next(split.split(np.zeros(len(Y)), Y)))
    train, valid = (Part(X[found], Y[found]) for found in rows)
    return parts._replace(train=train, test=valid)


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

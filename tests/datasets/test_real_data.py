"""The real data sets, where the environment variable SKMLC_DATA names their folder."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from skmlc.datasets import load_bags, load_image_set, load_multilabel
from skmlc.datasets.files import DATA_HOME

pytestmark = pytest.mark.data


def _need(name):
    """The folder of a data set; without it the test is skipped."""
    if not os.environ.get(DATA_HOME):
        pytest.skip(f"the environment variable {DATA_HOME} names no data folder")
    folder = Path(os.environ[DATA_HOME], name)
    if not folder.exists():
        pytest.skip(f"there is no {folder}")
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "bibtex",
        "cellcycle_fun",
        "emotions",
        "reuters21578",
        "reutersk500",
        "sider",
        "yeast",
    ],
)
def test_sizes_agree_with_the_stored_statistics(name):
    statistics = json.loads((_need(name) / "meta.json").read_text())["statistics"]
    bunch = load_multilabel(name)
    n_samples, n_labels = bunch.target.shape
    assert n_samples == statistics["n_samples"]
    assert n_labels == len(bunch.target_names) == statistics["n_labels"]
    if "n_features" in statistics:
        assert bunch.data.shape == (n_samples, statistics["n_features"])
        assert len(bunch.feature_names) == statistics["n_features"]
    assert round(bunch.target.sum() / n_samples, 4) == statistics["label_cardinality"]
    ends = [(rows.start, rows.stop) for rows in bunch.splits.values()]
    assert [start for start, _ in ends] == [0] + [stop for _, stop in ends[:-1]]
    assert ends[-1][1] == n_samples


def test_reuters_gives_texts_by_split():
    _need("reuters21578")
    test = load_multilabel("reuters21578", split="test")
    assert len(test.data) == test.target.shape[0] == 3019
    assert all(isinstance(text, str) for text in test.data)


def test_sider_gives_both_representations():
    _need("sider")
    features = load_multilabel("sider")
    texts = load_multilabel("sider", representation="text")
    assert features.data.shape[0] == len(texts.data)
    assert (features.target != texts.target).nnz == 0


@pytest.mark.parametrize("name, closed", [("cellcycle_fun", False), ("reutersk500", True)])
def test_labels_hold_their_ancestors_in_the_hierarchy(name, closed):
    _need(name)
    bunch = load_multilabel(name, closed=closed)
    parents, children = bunch.hierarchy.T
    Y = bunch.target.tocsc()
    assert (Y[:, children] > Y[:, parents]).nnz == 0


@pytest.mark.parametrize(
    "name, n_bags, n_instances, n_features, n_labels",
    [
        ("miml_image", 2000, 18000, 15, 5),
        ("miml_text", 2000, 7119, 243, 7),
        ("miml_birds", 257, 2062, 38, 19),
    ],
)
def test_sizes_of_the_bags(name, n_bags, n_instances, n_features, n_labels):
    _need(name)
    bunch = load_bags(name)
    assert bunch.data.shape == (n_bags, n_features)
    assert len(bunch.data.instances) == n_instances
    assert bunch.target.shape == (n_bags, n_labels)
    assert len(bunch.target_names) == n_labels


def test_the_published_split_of_the_birds():
    _need("miml_birds")
    splits = load_bags("miml_birds").splits
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 205, "test": 52}


def test_msrc_images_have_a_box_for_every_label():
    _need("msrc_v2")
    bunch = load_image_set("msrc_v2", size="96x128")
    assert bunch.images.shape == (591, 96, 128, 3)
    assert bunch.target.shape == (591, 23)
    assert sum(len(boxes) for boxes in bunch.boxes) == 1871
    for boxes, labels, row in zip(bunch.boxes, bunch.box_labels, bunch.target):
        assert set(labels) == set(np.flatnonzero(row))
        assert (boxes[:, 2:] > boxes[:, :2]).all()
        assert (boxes <= [128, 96, 128, 96]).all()


def test_coco_images_agree_in_both_forms():
    _need("coco_mini256")
    pytest.importorskip("PIL")
    small = load_image_set("coco_mini256", split="test")
    large = load_image_set("coco_mini256", split="test", size="jpeg")
    assert small.images.shape == (128, 64, 64, 3)
    assert large.images.shape == (128, 128, 128, 3)
    assert small.target.shape == (128, 80)
    halved = large.images.reshape(128, 64, 2, 64, 2, 3).mean(axis=(2, 4))
    assert abs(halved - small.images).mean() < 6
    assert small.label_graph_arrays["cooccurrence"].shape == (80, 80)

"""Folders named after labels; boxes of lists reach the regions of images."""

import json
import os

import numpy as np
import pytest

from skmlc.datasets import load_image_set
from skmlc.exceptions import FileFormatError
from skmlc.inputs import Images, RegionFeatures

Image = pytest.importorskip("PIL.Image")


def picture(path, pixels=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 6, 3), np.uint8) if pixels is None else pixels).save(path)


def made(folder, *names):
    for name in names:
        picture(folder / name)
    return folder


def relative(bunch, folder):
    return [os.path.relpath(path, folder) for path in bunch.images]


def test_a_folder_is_named_after_the_labels_of_its_images(tmp_path):
    names = ["b.jpg", "cat, dog/2.png", "cat, dog/10.JPEG", "dog/1.jpg", "a.png"]
    made(tmp_path, *names)
    (tmp_path / "dog" / "Thumbs.db").write_text("")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "dog" / "._1.jpg").write_text("")
    data = load_image_set(tmp_path)
    assert data.target_names == ["cat", "dog"]
    expected = {
        "a.png": [0, 0], "b.jpg": [0, 0], "cat, dog/10.JPEG": [1, 1], "cat, dog/2.png": [1, 1],
        "dog/1.jpg": [0, 1],
    }  # fmt: skip
    assert dict(zip(relative(data, tmp_path), data.target.tolist())) == expected
    assert relative(data, tmp_path) == list(expected)
    assert (data.boxes, data.splits) == (None, {"all": slice(0, 5)})
    assert Images(data.images).read(np.arange(5)).shape == (5, 3, 4, 6)


def test_splits_are_folders_above(tmp_path):
    made(tmp_path, "train/cat/1.jpg", "train/cat,sky/1.jpg", "val/sky/1.jpg", "val/0.jpg")
    data = load_image_set(tmp_path)
    assert data.target_names == ["cat", "sky"]
    assert data.splits == {"train": slice(0, 2), "val": slice(2, 4)}
    val = load_image_set(tmp_path, split="val")
    assert relative(val, tmp_path) == ["val/0.jpg", "val/sky/1.jpg"]
    assert val.target.tolist() == [[0, 0], [0, 1]]


def test_a_label_may_be_called_as_a_split_beside_others(tmp_path):
    made(tmp_path, "train/1.jpg", "bus/1.jpg")
    assert load_image_set(tmp_path).target_names == ["bus", "train"]


@pytest.mark.parametrize("name", ["cat,", ",", "cat,,dog", "cat,dog,cat"])
def test_names_with_empty_labels_or_one_twice_are_refused(tmp_path, name):
    with pytest.raises(FileFormatError, match=f"between commas, each once; got '{name}'"):
        load_image_set(made(tmp_path, f"{name}/1.jpg"))


def test_folders_without_subfolders_of_images_are_refused(tmp_path):
    made(tmp_path, "1.jpg")
    (tmp_path / "cat").mkdir()
    with pytest.raises(ValueError, match="or subfolders of images named after labels"):
        load_image_set(tmp_path)


def test_links_out_of_the_folder_are_refused(tmp_path):
    made(tmp_path, "secret.jpg", "set/cat/1.jpg")
    (tmp_path / "set" / "cat" / "2.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(FileFormatError, match="must lie within"):
        load_image_set(tmp_path / "set")


def test_size_is_left_out_for_files(tmp_path):
    with pytest.raises(ValueError, match="size must be left out"):
        load_image_set(made(tmp_path, "cat/1.jpg"), size="4x6")


# From files with boxes to bags ----------------------------------------------------------------

# Squares of one color each on black, as left, top, right, bottom.
SQUARES = {"a": [((255, 0, 0), (0, 0, 8, 8)), ((0, 255, 0), (16, 8, 24, 16))],
           "b": [((0, 0, 255), (8, 0, 16, 16))]}  # fmt: skip
NAMES = {(255, 0, 0): "red", (0, 255, 0): "green", (0, 0, 255): "blue"}


def squares(folder):
    for stem, parts in SQUARES.items():
        pixels = np.zeros((16, 24, 3), np.uint8)
        for color, (left, top, right, bottom) in parts:
            pixels[top:bottom, left:right] = color
        picture(folder / f"{stem}.png", pixels)


def voc(folder):
    squares(folder / "JPEGImages")
    (folder / "Annotations").mkdir()
    for stem, parts in SQUARES.items():
        objects = "".join(
            f"<object><name>{NAMES[color]}</name><bndbox><xmin>{left + 1}</xmin>"
            f"<ymin>{top + 1}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
            for color, (left, top, right, bottom) in parts
        )
        text = f"<annotation><filename>{stem}.png</filename>{objects}</annotation>"
        (folder / "Annotations" / f"{stem}.xml").write_text(text)
    return folder


def coco(folder):
    squares(folder / "images")
    names = sorted(NAMES.values())
    images = [{"id": i, "file_name": f"{stem}.png"} for i, stem in enumerate(SQUARES)]
    annotations = [
        {
            "image_id": i, "category_id": names.index(NAMES[color]),
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
        }
        for i, parts in enumerate(SQUARES.values())
        for color, box in parts
    ]  # fmt: skip
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
    }
    (folder / "instances_all.json").write_text(json.dumps(content))
    return folder


def as_they_are(images):
    return images


@pytest.mark.parametrize("crop_size", [None, 8])
@pytest.mark.parametrize("write", [voc, coco])
def test_boxes_of_files_become_the_instances_of_bags(tmp_path, write, crop_size):
    data = load_image_set(write(tmp_path))
    X = Images(data.images, boxes=data.boxes)
    regions = RegionFeatures(
        as_they_are, normalize=None, whole_image=False, crop_size=crop_size, device="cpu"
    )
    bags = regions.fit_transform(X)
    assert [len(bag) for bag in (bags[0], bags[1])] == [2, 1]
    colors = np.array([color for parts in SQUARES.values() for color, _ in parts])
    np.testing.assert_allclose(bags.instances, colors / 255, atol=1e-6)
    boxes = np.array([box for parts in SQUARES.values() for _, box in parts])
    np.testing.assert_allclose(bags.boxes, boxes / [24, 16, 24, 16], rtol=1e-6)
    found = [data.target_names[i] for labels in data.box_labels for i in labels]
    assert found == [NAMES[tuple(color)] for color in colors.tolist()]

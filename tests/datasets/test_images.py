import builtins
import io
import json

import numpy as np
import pytest
from scipy import sparse

from skmlc.datasets import load_image_set

RNG = np.random.default_rng(0)
SMALL = RNG.integers(0, 256, size=(4, 4, 6, 3), dtype=np.uint8)
LARGE = SMALL.repeat(8, axis=1).repeat(8, axis=2)
Y = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])


def _jpegs(images):
    """JPEG files one after the other, and their offsets."""
    image_module = pytest.importorskip("PIL.Image")
    files = []
    for image in images:
        buffer = io.BytesIO()
        image_module.fromarray(image).save(buffer, "JPEG", quality=100, subsampling=0)
        files.append(np.frombuffer(buffer.getvalue(), dtype=np.uint8))
    return np.concatenate(files), np.cumsum([0] + [len(file) for file in files])


@pytest.fixture
def folder(tmp_path):
    """A folder with two sizes, two splits and a label graph."""
    np.savez(tmp_path / "images_32x48.npz", images=LARGE)
    np.savez(tmp_path / "images_4x6.npz", images=SMALL)
    sparse.save_npz(tmp_path / "Y.npz", sparse.csr_matrix(Y.astype(np.uint8)))
    np.savez(tmp_path / "label_graph.npz", cooccurrence=[[2, 1], [1, 2]], counts=[2, 2])
    meta = {"label_names": ["cat", "dog"], "splits": {"train": [0, 3], "test": [3, 4]}}
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    return tmp_path


def test_a_folder_gives_the_smallest_images_first(folder):
    bunch = load_image_set(folder)
    np.testing.assert_array_equal(bunch.images, SMALL)
    np.testing.assert_array_equal(bunch.target, Y)
    assert bunch.target.dtype == np.int64
    assert bunch.target_names == ["cat", "dog"]
    assert bunch.boxes is None
    assert bunch.splits == {"train": slice(0, 3), "test": slice(3, 4)}
    np.testing.assert_array_equal(bunch.label_graph_arrays["counts"], [2, 2])
    (folder / "label_graph.npz").unlink()
    assert load_image_set(folder).label_graph_arrays is None


def test_size_and_split_choose_images(folder):
    bunch = load_image_set(folder, size="32x48", split="train")
    np.testing.assert_array_equal(bunch.images, LARGE[:3])
    np.testing.assert_array_equal(bunch.target, Y[:3])
    assert bunch.splits == {"train": slice(0, 3)}


def test_jpeg_files_are_decoded(folder):
    data, offsets = _jpegs(LARGE)
    np.savez(folder / "images_jpeg.npz", data=data, offsets=offsets)
    assert load_image_set(folder).images.shape == SMALL.shape
    images = load_image_set(folder, size="jpeg").images
    assert (images.shape, images.dtype) == (LARGE.shape, np.uint8)
    assert abs(images.astype(int) - LARGE).mean() < 5


def test_jpeg_files_of_different_sizes_give_a_list(folder):
    data, offsets = _jpegs([LARGE[0], LARGE[1], LARGE[2, :16], LARGE[3]])
    for path in folder.glob("images_*.npz"):
        path.unlink()
    np.savez(folder / "images_jpeg.npz", data=data, offsets=offsets)
    images = load_image_set(folder).images
    assert [image.shape for image in images] == [(32, 48, 3)] * 2 + [
        (16, 48, 3),
        (32, 48, 3),
    ]


def test_without_pillow_the_error_says_what_to_install(folder, monkeypatch):
    np.savez(folder / "images_jpeg.npz", data=np.zeros(3, np.uint8), offsets=[0, 3])
    imported = builtins.__import__

    def without_pillow(name, *args, **kwargs):
        if name.partition(".")[0] == "PIL":
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pillow)
    assert len(load_image_set(folder).images) == 4
    with pytest.raises(ImportError, match=r"pip install skmlc\[vision\]"):
        load_image_set(folder, size="jpeg")


def _save(path, **more):
    arrays = {"X4x6": SMALL, "X32x48": LARGE, "Y": Y, "labels": ["cat", "dog"]}
    np.savez(path, **{**arrays, **more})
    return path


def test_a_file_gives_boxes_in_pixels_of_its_images(tmp_path):
    boxes = {
        "boxes": np.array([[0, 0, 1, 1], [0.5, 0.25, 1, 0.5], [0, 0, 0.5, 1]]),
        "box_image": [0, 2, 2],
        "box_label": [0, 0, 1],
    }
    path = _save(tmp_path / "toy.npz", **boxes)
    bunch = load_image_set(path, size="32x48")
    np.testing.assert_array_equal(bunch.images, LARGE)
    assert bunch.target_names == ["cat", "dog"]
    assert [box.shape for box in bunch.boxes] == [(1, 4), (0, 4), (2, 4), (0, 4)]
    np.testing.assert_array_equal(bunch.boxes[0], [[0, 0, 48, 32]])
    np.testing.assert_array_equal(bunch.boxes[2], [[24, 8, 48, 16], [0, 0, 24, 32]])
    np.testing.assert_array_equal(bunch.box_labels[2], [0, 1])
    small = load_image_set(tmp_path)  # the only file of the folder
    np.testing.assert_array_equal(small.boxes[0], [[0, 0, 6, 4]])


def test_a_single_number_in_the_name_of_an_array_means_a_square(tmp_path):
    np.savez(tmp_path / "toy.npz", X4=SMALL[:, :, :4], Y=Y, labels=["a", "b"])
    assert load_image_set(tmp_path, size="4x4").images.shape == (4, 4, 4, 3)


@pytest.mark.parametrize(
    "more, parameters, message",
    [
        ({}, {"size": "8x8"}, r"size must be '32x48' or '4x6' for .*toy\.npz; got '8x8'"),
        ({}, {"split": "train"}, "split must be 'all'"),
        ({"Y": Y[:2]}, {}, r"toy\.npz: must be of shape \(4, 2\)"),
        ({"boxes": np.zeros((1, 4))}, {}, "it lacks box_image, box_label"),
        (
            {"boxes": np.zeros((2, 4)), "box_image": [1, 0], "box_label": [0, 0]},
            {},
            "array 'box_image': must be in ascending order",
        ),
    ],
)
def test_a_mistake_is_named(tmp_path, more, parameters, message):
    with pytest.raises(ValueError, match=message):
        load_image_set(_save(tmp_path / "toy.npz", **more), **parameters)


def test_files_without_images_are_refused(tmp_path):
    np.savez(tmp_path / "toy.npz", Y=Y, labels=["a", "b"])
    with pytest.raises(ValueError, match=r"toy\.npz: must hold images.*it holds none"):
        load_image_set(tmp_path)
    np.savez(tmp_path / "second.npz", Y=Y)
    with pytest.raises(ValueError, match=r"must be an \.npz file of images, a table"):
        load_image_set(tmp_path)

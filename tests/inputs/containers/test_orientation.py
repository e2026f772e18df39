"""Image files are read upright, or as their pixels are stored."""

import pickle

import numpy as np
import pytest

from skmlc.inputs import ImageFeatures, Images, RegionFeatures

Image = pytest.importorskip("PIL.Image")
ORIENTATION = 0x0112


@pytest.fixture(params=range(1, 9))
def path(request, tmp_path):
    pixels = np.random.default_rng(0).integers(256, size=(24, 16, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION] = request.param
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    return tmp_path / "a.png", pixels, request.param


def test_pixels_are_read_as_they_are_stored(path):
    path, pixels, orientation = path
    X = Images([path], orientation="stored")
    assert X.image_shape == (3, 24, 16)
    np.testing.assert_array_equal(np.moveaxis(X[0], 0, 2), pixels)
    for same in (X[:1], pickle.loads(pickle.dumps(X)), Images(X), X.resized((24, 16))):
        assert same.orientation == "stored"
        np.testing.assert_array_equal(same.read([0]), X.read([0]))
    upright = Images([path])
    assert upright.orientation == "upright"
    assert np.array_equal(upright[0], X[0]) == (orientation == 1)
    assert upright != X
    assert repr(X) == "Images(n_samples=1, files, as stored)"


def test_boxes_are_of_the_picture_as_it_is_read(path):
    path, _, orientation = path
    boxes = [[[0, 0, 8, 6]]]
    X = Images([path], boxes=boxes, orientation="stored")
    np.testing.assert_allclose(X.read_boxes([0])[0], [[0, 0, 0.5, 0.25]])
    if orientation >= 5:  # on its side
        X = Images([path], boxes=boxes)
        np.testing.assert_allclose(X.read_boxes([0])[0], [[0, 0, 8 / 24, 6 / 16]])


def test_regions_are_cut_out_of_the_picture_as_it_is_read(tmp_path):
    pixels = np.zeros((24, 16, 3), dtype=np.uint8)
    pixels[:12, :8] = 255  # at the top left as stored
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # it belongs at the top right
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    boxes = [[[0, 0, 8, 12]]]
    regions = RegionFeatures(
        _identity, normalize=None, whole_image=False, crop_size=4, device="cpu"
    )
    for orientation, expected in (("stored", 1.0), ("upright", 0.0)):
        X = Images([tmp_path / "a.png"], boxes=boxes, orientation=orientation)
        bag = regions.fit_transform(X)[0]
        np.testing.assert_allclose(bag[0].min(), expected)


def _identity(images):
    return images


def test_a_cache_of_features_knows_the_two_apart(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    pixels = np.random.default_rng(0).integers(256, size=(6, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    features = ImageFeatures(
        _identity, normalize=None, output="map", cache=tmp_path / "cache", device="cpu"
    )
    maps = [
        features.fit_transform(Images([tmp_path / "a.png"], orientation=orientation))
        for orientation in ("stored", "upright")
    ]
    np.testing.assert_array_equal(maps[0], maps[1][:, :, ::-1, ::-1])


def test_another_orientation_is_refused():
    with pytest.raises(ValueError, match=r"orientation must be.*'uprihgt'"):
        Images(np.zeros((1, 3, 4, 5), np.uint8), orientation="uprihgt")

"""Images: arrays, memory maps and files, how they are sliced, read and resized."""

import copy
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import (
    KFold,
    cross_validate,
    train_test_split,
)
from sklearn.utils import _safe_indexing

from skmlc import MLGCNClassifier
from skmlc.inputs import ImageEncoder, ImageFeatures, Images
from skmlc.inputs.containers import as_container

KINDS = ["array", "channels last", "memory map", "list", "files"]
N_SAMPLES = 12


def make_pictures(n_samples=N_SAMPLES, seed=0, sizes=None):
    """Make random pictures (3, H, W), whose first pixel tells their number."""
    rng = np.random.default_rng(seed)
    pictures = []
    for i in range(n_samples):
        height, width = (9, 7) if sizes is None else sizes[i % len(sizes)]
        picture = rng.integers(256, size=(3, height, width), dtype=np.uint8)
        picture[:, 0, 0] = i
        pictures.append(picture)
    return pictures


def make_smooth(height, width, seed=0):
    """Make a picture (3, H, W) without sharp edges, which JPEG keeps nearly as it is."""
    phase = np.random.default_rng(seed).random(3)[:, None, None]
    x = np.linspace(0, 2, width) + np.linspace(0, 1, height)[:, None]
    return (127 + 100 * np.sin(2 * np.pi * (x / 2 + phase))).astype(np.uint8)


def save(picture, path, **options):
    """Write a picture (C, H, W) or (H, W) to a file and return its path."""
    image = pytest.importorskip("PIL.Image")
    array = np.moveaxis(picture, 0, 2) if picture.ndim == 3 else picture
    image.fromarray(array).save(path, **options)
    return str(path)


def save_all(pictures, folder):
    """Write pictures to files that keep every bit of them."""
    return [save(picture, folder / f"{i}.png") for i, picture in enumerate(pictures)]


def cut_off(path, size, new_path):
    """Write a JPEG file of some size of which the second half is missing."""
    data = Path(save(make_smooth(*size), path)).read_bytes()
    Path(new_path).write_bytes(data[: len(data) // 2])
    return str(new_path)


def memory_map(array, path):
    """Write an array to a file and map it."""
    mapped = np.memmap(path, dtype=array.dtype, mode="w+", shape=array.shape)
    mapped[:] = array
    return mapped


def make_images(kind, pictures, folder):
    """Make the container of pictures."""
    if kind == "list":
        return Images(pictures, channels="first")
    if kind == "files":
        return Images(save_all(pictures, folder))
    array = np.stack(pictures)
    if kind == "channels last":
        return Images(np.ascontiguousarray(np.moveaxis(array, 1, 3)), channels="last")
    return Images(array if kind == "array" else memory_map(array, folder / "map"))


def assert_holds(X, pictures):
    """Check a container picture by picture, and as a whole."""
    assert len(X) == X.shape[0] == len(pictures)
    for i, (image, picture) in enumerate(zip(X, pictures, strict=True)):
        np.testing.assert_array_equal(image, picture)
        np.testing.assert_array_equal(X.read([i])[0], picture)


# Slicing --------------------------------------------------------------------------

KEYS = {
    "slice": slice(2, 9),
    "backward slice": slice(8, None, -2),
    "empty slice": slice(5, 5),
    "list": [4, 0, 7],
    "empty list": [],
    "array with repetitions": np.array([3, 3, 0, 3]),
    "negative numbers": np.array([-1, 2, -N_SAMPLES]),
    "mask": np.arange(N_SAMPLES) % 3 == 1,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_slicing_gives_what_a_list_of_arrays_gives(kind, key, tmp_path):
    pictures = make_pictures()
    X = make_images(kind, pictures, tmp_path)
    places = np.arange(N_SAMPLES)[key]
    for taken in (X[key], X[key, ...], X[::-1][::-1][key]):
        assert type(taken) is Images
        assert_holds(taken, [pictures[i] for i in places])
        np.testing.assert_array_equal(taken.kept, places)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("i", [0, -1, np.int64(3), np.array(2), (5, ...)])
def test_an_integer_gives_the_array_of_one_image(kind, i, tmp_path):
    pictures = make_pictures()
    place = i[0] if isinstance(i, tuple) else int(i)
    image = make_images(kind, pictures, tmp_path)[i]
    np.testing.assert_array_equal(image, pictures[place])
    assert not image.flags.writeable


@pytest.mark.parametrize("key", [12, -13, [0, 12], [True] * 11, [[0]], [0.5], "a", (0, 1)])
def test_other_keys_are_refused(key):
    with pytest.raises(IndexError):
        Images(make_pictures())[key]


def test_a_slice_shares_the_array():
    array = np.stack(make_pictures())
    X = Images(array)[[5, 3, 8]][1:]
    assert np.shares_memory(X.source, array)
    assert X.rows.tolist() == [3, 8]
    assert array.flags.writeable


def test_a_memory_map_stays_on_disk(tmp_path):
    mapped = memory_map(np.zeros((4, 9, 7, 3), np.float32), tmp_path / "map")
    for X in (Images(mapped, channels="last"), Images(mapped, channels="last")[[2, 0]]):
        assert np.shares_memory(X.source, mapped)
    mapped[2, 0, 0, 0] = 5
    assert X.read([0])[0, 0, 0, 0] == 5


def test_a_memory_map_is_not_read_before_it_is_needed(tmp_path):
    mapped = memory_map(np.full((3, 2, 4, 4), np.nan, np.float32), tmp_path / "map")
    X = Images(mapped, channels="first")[1:]  # reading it would have found what is wrong
    for read in (lambda: X.read([1, 0]), lambda: X[1]):
        with pytest.raises(ValueError, match="image 2 contains NaN"):
            read()
    mapped[:] = 0
    assert (X.read([1, 0]) == 0).all()


def test_a_slice_of_files_decodes_nothing(tmp_path):
    paths = save_all(make_pictures(3), tmp_path)
    X = Images(paths)
    for path in paths:
        Path(path).unlink()
    assert X[[2, 1]].source[X[[2, 1]].rows].tolist() == [paths[2], paths[1]]


# Reading --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_one_array(kind, tmp_path):
    pictures = make_pictures()
    X = make_images(kind, pictures, tmp_path)[2:]
    batch = X.read(np.array([3, 0, 3]))
    np.testing.assert_array_equal(batch, [pictures[5], pictures[2], pictures[5]])
    assert batch.flags.c_contiguous
    assert batch.flags.writeable
    assert batch.dtype == np.uint8


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("form", [np.stack, list])
def test_the_type_of_arrays_is_kept(form, dtype):
    X = Images(form([picture.astype(dtype) for picture in make_pictures()]))
    assert X.read([1, 2]).dtype == X.resized(4).read([1, 2]).dtype == dtype


@pytest.mark.parametrize("kind", ["list", "files"])
def test_images_of_different_sizes_need_a_size(kind, tmp_path):
    pictures = make_pictures(6, sizes=[(9, 7), (5, 6)])
    X = make_images(kind, pictures, tmp_path)
    assert_holds(X, pictures)
    assert X.read([0, 2]).shape == (2, 3, 9, 7)
    with pytest.raises(
        ValueError, match=r"5 x 6, 9 x 7\. Give ImageEncoder\(size=\.\.\.\)"
    ):
        X.read([0, 1])
    assert X.resized((4, 3)).read([0, 1]).shape == (2, 3, 4, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_are_those_of_what_is_read(kind, tmp_path):
    X = make_images(kind, make_pictures(), tmp_path)[3:]
    assert X.n_channels == 3
    assert X.image_shape == X[0].shape == (3, 9, 7)
    assert X.resized((4, 5)).image_shape == X.resized((4, 5))[0].shape == (3, 4, 5)
    one_array = kind not in ("list", "files")
    assert X.shape == ((9, 3, 9, 7) if one_array else (9,))
    assert X.resized(4).shape == ((9, 3, 4, 4) if one_array else (9,))
    assert X.size is None
    assert X.resized(4).size == (4, 4)


def test_the_image_shape_is_that_of_the_first_image_of_a_slice(tmp_path):
    pictures = make_pictures(4, sizes=[(9, 7), (5, 6)])
    assert Images(pictures)[1:].image_shape == (3, 5, 6)
    assert Images(save_all(pictures, tmp_path))[1:].image_shape == (3, 5, 6)


@pytest.mark.parametrize("form", [np.stack, list])
def test_gray_images_have_one_channel(form):
    gray = [picture[0] for picture in make_pictures()]
    for channels in ("first", "last"):
        X = Images(form(gray), channels=channels)
        assert X.image_shape == (1, 9, 7)
        np.testing.assert_array_equal(X.read([2, 1])[:, 0], [gray[2], gray[1]])


def test_files_are_read_in_the_mode_that_is_asked_for(tmp_path):
    image = pytest.importorskip("PIL.Image")
    picture = make_pictures()[1]
    path = save(picture, tmp_path / "color.png")
    gray = np.asarray(image.open(path).convert("L"))
    X = Images([path], mode="L")
    assert X.image_shape == (1, 9, 7)
    np.testing.assert_array_equal(X[0], gray[None])
    path = save(gray, tmp_path / "gray.png")
    np.testing.assert_array_equal(Images([path])[0], np.stack([gray] * 3))


@pytest.mark.parametrize(
    "form", [list, tuple, np.array, pd.Series, lambda paths: map(Path, paths)]
)
def test_paths_may_come_in_any_list(form, tmp_path):
    pictures = make_pictures(3)
    X = Images(form(save_all(pictures, tmp_path)))
    assert_holds(X, pictures)
    assert Images(save_all(pictures, tmp_path)) == X


@pytest.mark.parametrize(
    "form",
    [
        tuple,
        iter,
        pd.Series,
        lambda pictures: [picture.tolist() for picture in pictures],
        lambda pictures: pd.Series(pictures).to_numpy(),
    ],
)
def test_arrays_may_come_in_any_list(form):
    pictures = [picture / 255 for picture in make_pictures(3, sizes=[(9, 7), (5, 6)])]
    assert Images(form(pictures)) == Images(pictures)


# Resizing -------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(5, 4), (30, 20), (4, 20), (9, 7), 6])
@pytest.mark.parametrize("kind", KINDS)
def test_resizing_agrees_with_pillow(kind, size, tmp_path):
    image = pytest.importorskip("PIL.Image")
    pictures = make_pictures(4)
    X = make_images(kind, pictures, tmp_path).resized(size)
    height, width = (size, size) if size == 6 else size
    for picture, resized in zip(pictures, X.read([0, 1, 2, 3])):
        expected = image.fromarray(np.moveaxis(picture, 0, 2)).resize(
            (width, height), image.Resampling.BILINEAR
        )
        difference = resized.astype(int) - np.moveaxis(np.asarray(expected), 2, 0)
        assert np.abs(difference).max() <= 1
    np.testing.assert_array_equal(X[3], resized)


def test_a_jpeg_file_is_resized_nearly_as_its_picture(tmp_path):
    picture = make_smooth(160, 200)
    path = save(picture, tmp_path / "a.jpg", quality=95, subsampling=0)
    from_file = Images([path]).resized((20, 30)).read([0])
    from_array = Images(picture[None]).resized((20, 30)).read([0])
    # Decoding at a quarter of the size is another way to average pixels.
    assert np.abs(from_file.astype(int) - from_array).max() <= 6


def test_floats_are_resized_as_bytes_are():
    array = np.stack(make_pictures())
    as_bytes = Images(array).resized((4, 5)).read([0, 1])
    for dtype in (np.float32, np.float64):
        floats = Images(array.astype(dtype)).resized((4, 5)).read([0, 1])
        np.testing.assert_allclose(floats, as_bytes, atol=1)


def test_the_last_size_counts():
    X = Images(make_pictures())
    assert X.resized(3).resized((5, 4)) == X.resized((5, 4))
    assert X.resized(3) != X
    assert X.size is None


@pytest.mark.parametrize("size", [0, -1, 2.0, (3,), (3, 4, 5), (3, 0), (3.0, 4), "3", None])
def test_a_size_must_be_height_and_width(size):
    with pytest.raises(ValueError, match="size must be a positive integer, or height"):
        Images(make_pictures()).resized(size)


# Files that cannot be read --------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    """Return paths of which the second, fourth and fifth cannot be read."""
    good = save_all(make_pictures(3), tmp_path)
    truncated = cut_off(tmp_path / "a.jpg", (80, 90), tmp_path / "truncated.jpg")
    text = tmp_path / "text.png"
    text.write_text("no image")
    return [good[0], str(tmp_path / "missing.png"), good[1], truncated, str(text), good[2]]


@pytest.mark.parametrize(
    "i, message",
    [
        (1, "missing.png' .No such file or directory"),
        (3, "truncated.jpg' .image file is truncated"),
        (4, "text.png' .cannot identify image file.*"),
    ],
)
def test_a_broken_file_is_an_error_that_names_it(files, i, message):
    with pytest.raises(ValueError, match=rf"1 of 2 cannot.*{message}.*broken=\"skip\""):
        Images([files[0], files[i]])
    X = Images([files[0], files[i]], broken=None)
    assert X.kept.tolist() == [0, 1]
    for read in (lambda: X.read([0, 1]), lambda: X[1], lambda: X.resized(4)[1]):
        with pytest.raises(ValueError, match=f"Image file .*{message}.* cannot be read"):
            read()


def test_all_broken_files_are_counted(files):
    with pytest.raises(ValueError, match=r"3 of 6 cannot, the first is .*missing\.png"):
        Images(files)


def test_broken_files_are_skipped_with_one_warning(files):
    boxes = [np.full((i, 4), i) for i in range(6)]
    with pytest.warns(UserWarning, match="3 of 6 image files") as record:
        X = Images(files, broken="skip", boxes=boxes)
    assert len(record) == 1
    assert record[0].filename == __file__
    for name in ("missing.png", "truncated.jpg", "text.png"):
        assert name in str(record[0].message)
    assert X.kept.tolist() == [0, 2, 5]
    assert X.kept.dtype == np.int64
    assert_holds(X, make_pictures(3))
    np.testing.assert_array_equal(X.box_offsets, [0, 0, 2, 7])
    np.testing.assert_array_equal(X.boxes[:, 0], [2, 2, 5, 5, 5, 5, 5])
    assert X[1:].kept.tolist() == [2, 5]


def test_nothing_is_skipped_where_nothing_is_broken(files):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        X = Images(files[::5], broken="skip")
    assert X.kept.tolist() == [0, 1]
    assert X == Images(files[::5]) == Images(files[::5], broken=None)


def test_not_all_files_may_be_broken(files):
    with pytest.raises(ValueError, match="2 of 2 cannot"):
        Images(files[3:5], broken="skip")


def test_the_header_of_a_broken_file_is_an_error_that_names_it(files):
    X = Images(files[4:], broken=None, boxes=[[[0, 0, 1, 1]], []])
    for read in (lambda: X.image_shape, lambda: X.read_boxes([0])):
        with pytest.raises(ValueError, match=r"Image file .*text\.png"):
            read()


def test_without_pillow_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"pip install skmlc\[vision\]"):
        Images(["a.png"], broken=None)
    assert len(Images(make_pictures())) == N_SAMPLES


# What is refused ------------------------------------------------------------------


@pytest.mark.parametrize("form", [np.stack, list])
def test_channels_at_the_other_end_are_noticed(form):
    pictures = make_pictures()
    turned = [np.moveaxis(picture, 0, 2) for picture in pictures]
    with pytest.raises(ValueError, match=r'9 channels .*use Images\(.*channels="last"\)'):
        Images(form(turned))
    with pytest.raises(ValueError, match=r'7 channels .*use Images\(.*channels="first"\)'):
        Images(form(pictures), channels="last")
    assert Images(form(turned), channels="last") == Images(form(pictures))


def test_feature_maps_may_have_any_number_of_channels():
    maps = np.random.default_rng(0).normal(size=(2, 512, 1, 3)).astype(np.float32)
    X = Images(maps)
    assert X.image_shape == (512, 1, 3)
    np.testing.assert_array_equal(X.read([1, 0]), maps[::-1])


@pytest.mark.parametrize(
    "shape, hint", [((6, 3, 4), True), ((5, 4, 3), True), ((8, 8, 3), False)]
)
def test_an_unclear_shape_is_an_error_that_names_what_may_be_said(shape, hint):
    with pytest.raises(ValueError, match="may have the channels first or last") as error:
        Images(np.ones((2, *shape)))
    assert 'Images(X, channels="first")' in str(error.value)
    assert ("ImageEncoder(backbone=None)" in str(error.value)) == hint


@pytest.mark.parametrize(
    "form",
    [
        np.stack,
        list,
        lambda maps: [image.tolist() for image in maps],
        lambda maps: pd.Series(maps, index=range(5, 5 + len(maps))),
    ],
)
def test_of_feature_maps_the_channels_are_first(form):
    maps = np.random.default_rng(0).normal(size=(8, 6, 3, 4)).astype(np.float32)
    Y = np.eye(8, 3, dtype=int)
    expected = MLGCNClassifier(max_epochs=2, random_state=0)
    expected.fit(Images(maps, channels="first"), Y)
    encoder = ImageEncoder(backbone=None)
    model = MLGCNClassifier(encoder=encoder, max_epochs=2, random_state=0)
    given = form(list(maps))
    np.testing.assert_array_equal(
        model.fit(given, Y).predict_proba(given),
        expected.predict_proba(Images(maps, channels="first")),
    )
    pooled = ImageFeatures(None).fit_transform(given)
    np.testing.assert_allclose(pooled, maps.max((2, 3)), rtol=1e-6)
    # Those of other frameworks have them last.
    with pytest.raises(ValueError, match="may have the channels first or last"):
        model.fit(np.ones((8, 7, 9, 512), np.float32), Y)


@pytest.mark.parametrize("dtype", [bool, np.int64, np.float16, complex, object])
@pytest.mark.parametrize("form", [np.stack, list])
def test_other_types_are_refused(form, dtype):
    pictures = [picture.astype(dtype) for picture in make_pictures()]
    with pytest.raises(ValueError, match=f"came as {np.dtype(dtype)}: use astype"):
        Images(form(pictures))


GOOD = np.ones((3, 4, 5))


@pytest.mark.parametrize(
    "images, message",
    [
        (np.ones((2, 3)), r"images in one array .* got \(2, 3\)"),
        (np.ones((1, 2, 3, 4, 5)), r"got \(1, 2, 3, 4, 5\)"),
        ([GOOD, np.ones(3)], r"image 1 has shape \(3,\)"),
        ([GOOD, np.ones((1, 3, 4, 5))], r"image 1 has shape \(1, 3, 4, 5\)"),
        (
            [GOOD, np.ones((1, 4, 5))],
            "image 0 is float64 with 3, image 1 is float64 with 1",
        ),
        ([GOOD, GOOD.astype(np.float32)], "image 1 is float32 with 3"),
        ([GOOD, np.ones((3, 0, 5))], "at least one pixel; image 1"),
        (np.ones((2, 0, 4, 5)), "at least one pixel"),
        ([GOOD, GOOD * np.nan], "images must be finite; image 1 contains NaN"),
        (np.stack([GOOD, GOOD, GOOD * np.inf]), "images must be finite; image 2"),
        (np.ones((0, 3, 4, 5)), "at least one image; got none"),
        ([], "at least one image; got none"),
    ],
)
def test_bad_images_are_named(images, message):
    with pytest.raises(ValueError, match=message):
        Images(images)


@pytest.mark.parametrize(
    "images, message",
    [
        ("a.png", "list of arrays, of paths .* one per image; got str"),
        (Path("a.png"), "one per image; got PosixPath|WindowsPath"),
        (5, "one per image; got int"),
        ([GOOD, "a.png"], "all arrays or all paths; image 1 is a path"),
        (["a.png", GOOD], "all arrays or all paths.* image 1 a ndarray"),
        (["a.png", None], "image 1 a NoneType"),
    ],
)
def test_images_must_be_arrays_or_paths(images, message):
    with pytest.raises(TypeError, match=message):
        Images(images)


@pytest.mark.parametrize("name", ["channels", "mode", "broken"])
def test_other_options_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be .* or .*; got 'any'"):
        Images(make_pictures(), **{name: "any"})


# Boxes ----------------------------------------------------------------------------

BOXES = [[[0, 0, 7, 9], [1, 2, 3, 4]], [], np.array([[2.5, 1, 7.5, 6]])]


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_are_sliced_with_the_images(kind, tmp_path):
    X = make_images(kind, make_pictures(3), tmp_path)
    assert X.boxes is None
    X = Images(X, boxes=BOXES)
    np.testing.assert_array_equal(X.boxes, np.concatenate([BOXES[0], BOXES[2]]))
    np.testing.assert_array_equal(X.box_offsets, [0, 2, 2, 3])
    X = X[[2, 1, 0, 2]][1:]
    np.testing.assert_array_equal(X.boxes, np.concatenate([BOXES[0], BOXES[2]]))
    np.testing.assert_array_equal(X.box_offsets, [0, 0, 2, 3])


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_are_read_relative_to_the_image_as_given(kind, tmp_path):
    X = Images(make_images(kind, make_pictures(3), tmp_path), boxes=BOXES)
    for images in (X, X.resized(4)):
        boxes, offsets = images.read_boxes([2, 1, 0])
        expected = [
            [2.5 / 7, 1 / 9, 1, 6 / 9],  # the box left the image on the right
            [0, 0, 1, 1],
            [1 / 7, 2 / 9, 3 / 7, 4 / 9],
        ]
        np.testing.assert_allclose(boxes, expected)
        np.testing.assert_array_equal(offsets, [0, 1, 1, 3])


@pytest.mark.parametrize("kind", ["list", "files"])
def test_each_image_has_its_own_scale(kind, tmp_path):
    pictures = make_pictures(2, sizes=[(10, 20), (5, 4)])
    X = Images(make_images(kind, pictures, tmp_path), boxes=[[[2, 2, 4, 4]]] * 2)
    boxes, _ = X.read_boxes([0, 1])
    np.testing.assert_allclose(boxes, [[0.1, 0.2, 0.2, 0.4], [0.5, 0.4, 1, 0.8]])


def test_no_image_may_have_boxes():
    boxes, offsets = Images(make_pictures(2), boxes=[[], []]).read_boxes([1])
    assert boxes.shape == (0, 4)
    assert offsets.tolist() == [0, 0]
    with pytest.raises(ValueError, match="must be given boxes"):
        Images(make_pictures(2)).read_boxes([1])


@pytest.mark.parametrize(
    "boxes, message",
    [
        (BOXES[:2], "one entry per image, 3; got 2"),
        ([[], [], np.ones((2, 5))], r"image 2 must be of shape \(2, 4\), got \(2, 5\)"),
        ([[], [1, 2, 3, 4], []], r"image 1 must be of shape \(4, 4\), got \(4,\)"),
        ([[], [[2, 0, 1, 3]], []], "x0 <= x1 and y0 <= y1; those of image 1"),
        ([[], [], [[0, 0, 1, np.nan]]], "boxes must be finite; those of image 2"),
    ],
)
def test_bad_boxes_are_named(boxes, message):
    with pytest.raises(ValueError, match=message):
        Images(make_pictures(3), boxes=boxes)


# Being a value --------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_pickles_and_copies_are_equal(kind, tmp_path):
    X = make_images(kind, make_pictures(), tmp_path)
    X = Images(X, boxes=[[[0, 0, 1, 2]]] * N_SAMPLES).resized(5)[2:]
    for other in (pickle.loads(pickle.dumps(X)), copy.copy(X), copy.deepcopy(X), Images(X)):
        assert other == X
        np.testing.assert_array_equal(other.read([0, 4]), X.read([0, 4]))
        np.testing.assert_array_equal(other.kept, X.kept)


def test_equality_sees_every_part(tmp_path):
    pictures = make_pictures()
    X = Images(pictures)
    assert X == Images(np.stack(pictures)) == X[::-1][::-1]
    assert X[[0, 0]] == X[[0, 0]] != X[[0, 1]]
    assert X[1:] != X
    assert Images(make_pictures(seed=1)) != X
    assert Images([picture / 1 for picture in pictures]) != X
    assert Images(X, boxes=[[]] * N_SAMPLES) != X
    assert Images(X, boxes=[[[0, 0, 1, 1]]] * 12) != Images(X, boxes=[[[0, 0, 1, 2]]] * 12)
    files = Images(save_all(pictures, tmp_path))
    assert files != X
    assert files != files[::-1]
    assert files != Images(save_all(pictures, tmp_path), mode="L")
    assert X != "X"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_can_be_changed(kind, tmp_path):
    X = make_images(kind, make_pictures(), tmp_path)
    X = Images(X, boxes=[[[0, 0, 1, 1]]] * N_SAMPLES)
    for images in (X, X[2:], pickle.loads(pickle.dumps(X)), copy.deepcopy(X)):
        with pytest.raises(AttributeError, match="Images cannot be changed"):
            images.rows = np.array([0])
        with pytest.raises(AttributeError, match="Images cannot be changed"):
            images.size = (2, 2)
        for value in vars(images).values():
            if isinstance(value, np.ndarray):
                with pytest.raises(ValueError, match="read-only"):
                    value[...] = 0


def test_an_array_is_not_made_by_accident():
    with pytest.raises(TypeError, match=r"X must be a table.*Images, which cannot"):
        np.asarray(Images(make_pictures()))


def test_repr_tells_what_is_there(tmp_path):
    pictures = make_pictures(3)
    X = Images(np.stack(pictures))
    assert repr(X) == "Images(n_samples=3, 3 channels, 9 x 7)"
    assert repr(X[:0]) == "Images(n_samples=0, 3 channels, 9 x 7)"
    assert repr(X.resized(4)) == "Images(n_samples=3, 3 channels, 4 x 4)"
    assert repr(Images([pictures[0][0]])) == "Images(n_samples=1, 1 channel)"
    files = Images(save_all(pictures, tmp_path), boxes=[[], [], []])
    assert repr(files) == "Images(n_samples=3, files, with boxes)"
    assert repr(files.resized((4, 5))) == "Images(n_samples=3, files, 4 x 5, with boxes)"


# In scikit-learn's hands ----------------------------------------------------------


def make_reader():
    """Make a classifier whose score is the share of images that came with their own y.

    The class is local so that worker processes need not import this file.
    """

    class Reader(ClassifierMixin, BaseEstimator):
        def __init__(self, weight=1.0):
            self.weight = weight

        def fit(self, X, y):
            self.fit_score_ = self.score(X, y)
            return self

        def score(self, X, y):
            numbers = [X.read([i])[0, 0, 0, 0] for i in range(len(X))]
            return self.weight * np.mean(np.array(numbers) == y)

    return Reader()


@pytest.mark.parametrize("kind", KINDS)
def test_train_test_split_and_safe_indexing(kind, tmp_path):
    X, y = make_images(kind, make_pictures(), tmp_path), np.arange(N_SAMPLES)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    assert type(X_train) is type(X_test) is Images
    assert len(X_train) == 9
    for part, numbers in ((X_train, y_train), (X_test, y_test), (X, y)):
        assert make_reader().fit(part, numbers).fit_score_ == 1
    for train, test in KFold(3, shuffle=True, random_state=0).split(X):
        for rows in (train, test, train.tolist(), np.isin(y, test)):
            assert make_reader().score(_safe_indexing(X, rows), y[rows]) == 1
    assert make_reader().score(X[::-1], y) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_cross_validate(kind, tmp_path):
    X, y = make_images(kind, make_pictures(), tmp_path), np.arange(N_SAMPLES)
    cv = KFold(3, shuffle=True, random_state=0)
    result = cross_validate(make_reader(), X, y, cv=cv, return_train_score=True)
    assert result["test_score"].tolist() == result["train_score"].tolist() == [1] * 3


@pytest.mark.slow  # it starts processes
def test_a_memory_map_travels_to_other_processes_by_its_name(tmp_path):
    X = make_images("memory map", make_pictures(), tmp_path)[::-1]

    def look(X):
        mapped = X.source
        while not isinstance(mapped, np.memmap):
            mapped = mapped.base
        return str(mapped.filename), X.read([0, 1])

    for name, batch in Parallel(n_jobs=2)(delayed(look)(part) for part in (X, X[5:])):
        assert name == str(tmp_path / "map")
        assert (batch[:, 0, 0, 0] == [11, 10]).all() or (batch[:, 0, 0, 0] == [6, 5]).all()


def test_files_of_more_than_8_bits_are_refused_and_not_cut_to_255(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    path = tmp_path / "deep.png"
    image_module.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).save(path)
    with pytest.raises(ValueError, match=r"deep\.png.*over 8 bits"):
        Images([path], mode="L")


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("orientation", [*range(1, 9), 99])
def test_photos_stand_upright(tmp_path, orientation, mode):
    pillow = pytest.importorskip("PIL.Image")
    ops = pytest.importorskip("PIL.ImageOps")
    rng = np.random.default_rng(0)
    picture = pillow.fromarray(rng.integers(256, size=(24, 16, 3), dtype=np.uint8))
    exif = pillow.Exif()
    exif[0x0112] = orientation
    for name in ("a.jpg", "a.png", "a.tif", "a.webp"):
        path = tmp_path / name
        picture.save(path, exif=exif)
        with pillow.open(path) as stored:
            expected = np.asarray(ops.exif_transpose(stored).convert(mode))
        images = Images([path], mode=mode)
        height, width = expected.shape[:2]
        assert images.image_shape == (len(mode), height, width)
        found = np.moveaxis(images.read([0])[0], 0, 2)
        np.testing.assert_array_equal(found, expected.reshape(found.shape))
        assert images.resized((12, 8)).read([0]).shape == (1, len(mode), 12, 8)


def test_a_photo_with_a_damaged_note_is_read_as_it_is_stored(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    picture = pillow.fromarray(np.zeros((24, 16, 3), dtype=np.uint8))
    picture.save(tmp_path / "a.jpg", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert Images([tmp_path / "a.jpg"]).read([0]).shape == (1, 3, 24, 16)


@pytest.mark.parametrize("colors", ["RGB", "L"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "LA", "CMYK", "YCbCr"])
def test_pictures_of_pillow_are_read_as_their_files_are(tmp_path, mode, colors):
    pillow = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    pictures, paths = [], []
    for i in range(3):
        picture = pillow.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8))
        picture = picture.quantize(16) if mode == "P" else picture.convert(mode)
        paths.append(tmp_path / f"{i}.{'tif' if mode in ('CMYK', 'YCbCr') else 'png'}")
        picture.save(paths[i])
        pictures.append(pillow.open(paths[i]) if i else picture)
    pictures[2].load()
    before = [picture.tobytes() for picture in pictures]
    found, expected = Images(pictures, mode=colors), Images(paths, mode=colors)
    np.testing.assert_array_equal(found.read(range(3)), expected.read(range(3)))
    assert [(p.mode, p.tobytes()) for p in pictures] == [(mode, b) for b in before]
    assert as_container(pictures) == Images(pictures)


def test_pictures_of_pillow_are_turned_as_their_files_are(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    picture = pillow.fromarray(np.arange(90, dtype=np.uint8).reshape(6, 5, 3))
    exif = pillow.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.png", exif=exif)
    for orientation in ("upright", "stored"):
        expected = Images([tmp_path / "turned.png"], orientation=orientation)[0]
        with pillow.open(tmp_path / "turned.png") as opened:
            found = Images([opened], orientation=orientation)[0]
        np.testing.assert_array_equal(found, expected)


def test_pictures_of_pillow_that_cannot_be_read_are_named():
    pillow = pytest.importorskip("PIL.Image")
    pictures = [pillow.new("RGB", (3, 2)), pillow.new("I;16", (3, 2))]
    with pytest.raises(ValueError, match=r"image 1 of Pillow .* over 8 bits"):
        Images(pictures)
    with pytest.raises(TypeError, match="image 1 a ndarray"):
        Images([pictures[0], np.zeros((3, 2, 3), dtype=np.uint8)])

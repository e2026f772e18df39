"""Loading image sets."""

import io
from itertools import pairwise

import numpy as np
from sklearn.utils import Bunch

from .arrays import read_arrays, read_sparse
from .files import (
    choose_split,
    describe,
    find_data,
    read_meta,
    read_splits,
)
from .targets import check_target


def load_image_set(path_or_name, *, data_home=None, split=None, size=None):
    """Load a set of images with their labels.

    Two layouts are read:

    - A folder with ``meta.json``, ``Y.npz`` (sparse), and the images in files
      ``images_HxW.npz`` (an array `images`) or ``images_jpeg.npz`` (`data`, all JPEG
      files one after the other as uint8, and `offsets`); with a ``label_graph.npz``,
      its arrays are given too.
    - A file ``.npz``, or a folder with one such file and no ``meta.json``, with arrays
      `XHxW` (`X64` stands for 64 x 64), `Y` and `labels` (names), and optionally
      `boxes` (left, top, right, bottom, each from 0 to 1), `box_image` (row of the
      image, ascending) and `box_label`.

    Parameters
    ----------
    path_or_name : str or path-like
        A path, or a name in the data folder.
    data_home : str or path-like, default=None
        The data folder; if not given, the one that the environment variable
        ``SKMLC_DATA`` names.
    split : str, default=None
        Load the images of this split only, such as ``"train"``.
    size : str, default=None
        Which of the stored sizes to load, as height x width (``"64x64"``), or
        ``"jpeg"`` to decode the JPEG files, for which Pillow must be installed. By
        default the smallest array, or the JPEG files if there is no array.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes.

        - images : ndarray of shape (n_samples, height, width, 3), uint8, or a list of
          such arrays of different heights and widths.
        - target : ndarray of shape (n_samples, n_labels), int64.
        - target_names : list of str.
        - splits : dict from the name of a split to the slice of its rows.
        - boxes : list of n_samples arrays of shape (n_boxes, 4), float32, in pixels of
          the images; None without boxes.
        - box_labels : list of n_samples arrays of shape (n_boxes,), int64, or None.
        - label_graph_arrays : dict of the arrays in ``label_graph.npz``, such as
          `cooccurrence` of shape (n_labels, n_labels), or None.
        - DESCR : str.

    Raises
    ------
    FileNotFoundError
        If there is no such data set, or a file is missing.
    ImportError
        If JPEG files are to be decoded and Pillow is not installed.
    ValueError
        If a file is not as described above, or `size` or `split` is not there.

    See Also
    --------
    load_digit_scenes : Images that need no file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from skmlc.datasets import load_image_set
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "toy.npz")
    ...     X = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    ...     np.savez(path, X8=X, Y=[[0, 1], [1, 0]], labels=["cat", "dog"])
    ...     toy = load_image_set(path)
    >>> toy.images.shape, toy.target_names
    ((2, 8, 8, 3), ['cat', 'dog'])
    """
    path = find_data(path_or_name, data_home)
    if path.is_dir() and (path / "meta.json").exists():
        bunch = _load_folder(path, size)
    else:
        bunch = _load_file(_only_file(path), size)
    return bunch if split is None else _take_split(bunch, split, path)


def _take_split(bunch, split, path):
    """Keep the rows of one split."""
    rows = choose_split(bunch.splits, split, path)
    bunch.splits = {split: slice(0, len(bunch.target[rows]))}
    for name in ("images", "target", "boxes", "box_labels"):
        if bunch[name] is not None:
            bunch[name] = bunch[name][rows]
    return bunch


def _only_file(path):
    """Return the only .npz file of a folder, or the file itself."""
    files = sorted(path.glob("*.npz")) if path.is_dir() else [path]
    if len(files) != 1 or files[0].suffix != ".npz":
        raise ValueError(
            f"{path} must be an .npz file of images, or a folder with one such file or "
            "with a meta.json."
        )
    return files[0]


def _load_folder(folder, size):
    """Load a folder with meta.json and files of images."""
    meta = read_meta(folder)
    names = list(meta["label_names"])
    files = {
        path.stem.removeprefix("images_"): path for path in folder.glob("images_*.npz")
    }
    size = _choose_size(size, files, folder)
    if size == "jpeg":
        arrays = read_arrays(files[size], required=("data", "offsets"))
        images = _decode(arrays["data"], arrays["offsets"])
    else:
        images = read_arrays(files[size], required=("images",))["images"]
    target = read_sparse(folder / "Y.npz").toarray()
    check_target(target, len(images), names, folder / "Y.npz")
    target = target.astype(np.int64)
    graph = folder / "label_graph.npz"
    return Bunch(
        images=images,
        target=target,
        target_names=names,
        splits=read_splits(folder / "meta.json", meta, len(images)),
        boxes=None,
        box_labels=None,
        label_graph_arrays=read_arrays(graph, required=()) if graph.exists() else None,
        DESCR=describe(meta),
    )


def _load_file(path, size):
    """Load one file with images, labels and boxes."""
    arrays = read_arrays(path, required=("Y", "labels"))
    keys = {}
    for key in arrays:
        stored = key.removeprefix("X")
        if key.startswith("X") and stored.replace("x", "").isdigit():
            keys[stored if "x" in stored else f"{stored}x{stored}"] = key
    images = arrays[keys[_choose_size(size, keys, path)]]
    target = arrays["Y"].astype(np.int64)
    names = arrays["labels"].astype(str).tolist()
    check_target(target, len(images), names, path)
    boxes, box_labels = _read_boxes(path, arrays, images)
    return Bunch(
        images=images,
        target=target,
        target_names=names,
        splits={"all": slice(0, len(images))},
        boxes=boxes,
        box_labels=box_labels,
        label_graph_arrays=None,
        DESCR=f"{len(images)} images from the file {path.name}.\n",
    )


def _choose_size(size, stored, path):
    """Check the size that is wanted, or take the smallest one."""
    if not stored:
        raise ValueError(
            f"{path} must hold images, in files images_HxW.npz or images_jpeg.npz or as "
            "arrays XHxW; it holds none."
        )
    if size is None:
        return min(stored, key=_n_pixels)
    if size not in stored:
        raise ValueError(
            f"size must be one of {', '.join(sorted(stored))} for {path}; got {size!r}."
        )
    return size


def _n_pixels(size):
    """Number of pixels of a size such as 64x64; JPEG files come last."""
    height, _, width = size.partition("x")
    if not (height.isdigit() and width.isdigit()):
        return float("inf")
    return int(height) * int(width)


def _decode(data, offsets):
    """Decode JPEG files that stand one after the other."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "Pillow must be installed to decode JPEG files: pip install pillow, or pass "
            "a size that is stored as an array."
        ) from error
    images = []
    for start, stop in pairwise(offsets):
        with Image.open(io.BytesIO(data[start:stop].tobytes())) as image:
            images.append(np.asarray(image.convert("RGB")))
    if len({image.shape for image in images}) == 1:
        return np.stack(images)
    return images


def _read_boxes(path, arrays, images):
    """Boxes in pixels and their labels, one array per image, or None."""
    if "boxes" not in arrays:
        return None, None
    missing = {"box_image", "box_label"} - arrays.keys()
    if missing or (np.diff(arrays.get("box_image", [])) < 0).any():
        raise ValueError(
            f"{path} must hold box_image, in ascending order, and box_label beside boxes; "
            f"it lacks {', '.join(sorted(missing)) or 'the order'}."
        )
    height, width = images.shape[1:3]
    pixels = (arrays["boxes"] * [width, height, width, height]).astype(np.float32)
    cuts = np.searchsorted(arrays["box_image"], np.arange(1, len(images)))
    labels = arrays["box_label"].astype(np.int64)
    return np.split(pixels, cuts), np.split(labels, cuts)

"""Loading image sets."""

import io
import math
import re
from itertools import pairwise

import numpy as np
from sklearn.utils import Bunch

from .._spelling import check_choice
from ..exceptions import FileFormatError
from .annotations import coco_files, load_coco, load_voc
from .arrays import read_arrays, read_sparse
from .confined import check_size
from .files import (
    check_names,
    choose_split,
    describe,
    find_data,
    home_of,
    read_meta,
    read_splits,
)
from .image_folders import has_label_folders, load_label_folders
from .image_lists import load_table
from .targets import check_target

_TABLE = re.compile(r"\.[ct]sv(\.gz|\.bz2|\.xz)?$", re.IGNORECASE)
_JSON = re.compile(r"\.json(\.gz|\.bz2|\.xz)?$", re.IGNORECASE)


def load_image_set(path_or_name, *, data_home=None, split=None, size=None):
    """Load a set of images with their labels.

    These layouts are read:

    - A folder with ``meta.json``, ``Y.npz`` (sparse), and the images in files
      ``images_HxW.npz`` (an array `images`) or ``images_jpeg.npz`` (`data`, all JPEG
      files one after the other as uint8, and `offsets`); with a ``label_graph.npz``,
      its arrays are given too.
    - A file ``.npz``, or a folder with one such file and no ``meta.json``, with arrays
      `XHxW` (`X64` stands for 64 x 64), `Y` and `labels` (names), and optionally
      `boxes` (left, top, right, bottom, each from 0 to 1), `box_image` (row of the
      image, ascending) and `box_label`.
    - A table of image files, ``.csv`` or ``.tsv``: a line of names, then a line for each
      image, with its file first. If there is one more column, it holds the image's labels,
      between ``|``, ``;``, commas, or else blanks; if there are several, one label each, 0
      or 1. Files are looked for next to the table and in the subfolder ``images``; their
      ending may be left out.
    - COCO's instances: a file ``instances_*.json``, or a folder with such files, in it or
      in its subfolder ``annotations``; each file is a split. Images are looked for in
      the folder of the split's name or in ``images``.
    - A folder in the layout of Pascal VOC: ``Annotations``, with one XML file per image,
      ``JPEGImages``, and lists of the splits in ``ImageSets/Main``. Boxes, which VOC
      counts from the first pixel to the last, become edges: left and top are one less.
    - A folder with a subfolder for each combination of labels, named by them with commas, such
      as ``cat,dog/1.jpg``. Images outside of subfolders have no labels. Where all subfolders
      are named ``train``, ``val``, ``valid``, ``validation`` or ``test``, they are splits,
      which have such subfolders. Files that are not named as images are not looked at.

    Of the last four the images stay files: give their paths, and boxes, to
    :class:`~skmlc.inputs.Images`, which reads them as they are needed. All files must lie
    within `data_home`, or, if the data set is elsewhere, within its folder.

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
        Which of the sizes stored as arrays to load, as height x width (``"64x64"``), or
        ``"jpeg"`` to decode the JPEG files, for which Pillow must be installed. By
        default the smallest array, or the JPEG files if there is no array.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with these attributes.

        - images : ndarray of shape (n_samples, height, width, 3), uint8; a list of such
          arrays of different heights and widths; or a list of paths.
        - target : ndarray of shape (n_samples, n_labels), int64.
        - target_names : list of str.
        - splits : dict from the name of a split to its rows, a slice or an array of
          indices.
        - boxes : list of n_samples arrays of shape (n_boxes, 4), float32, in pixels of
          the images (left, top, right, bottom); None without boxes.
        - box_labels : list of n_samples arrays of shape (n_boxes,), int64, or None.
        - label_graph_arrays : dict of the arrays in ``label_graph.npz``, such as
          `cooccurrence` of shape (n_labels, n_labels), or None.
        - DESCR : str.

    Raises
    ------
    FileNotFoundError
        If there is no such data set, or a file is missing.
    ImportError
        If image files are to be looked at and Pillow is not installed.
    FileFormatError
        If a file is not as described above; it is a ValueError that names the file and the
        place in it.
    ValueError
        If `size` or `split` is not there.

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
    home = home_of(path, data_home)
    if path.is_dir() and (path / "meta.json").exists():
        bunch = _load_folder(path, size)
    elif (bunch := _load_list(path, home)) is None:
        bunch = _load_file(_only_file(path), size)
    elif size is not None:
        raise ValueError(
            f"size must be left out for the image files of {path}; give their paths to "
            "skmlc.inputs.Images and resize these."
        )
    return bunch if split is None else _take_split(bunch, split, path)


def _load_list(path, home):
    """Load a set of image files, or return None if it is something else."""
    if path.is_dir():
        if (path / "Annotations").is_dir():
            return load_voc(path, home)
        if files := coco_files(path):
            return load_coco(files, home)
        if not list(path.glob("*.npz")) and has_label_folders(path):
            return load_label_folders(path, home)
        return None
    if _TABLE.search(path.name):
        return load_table(path, home)
    if _JSON.search(path.name):
        # A file in the folder annotations belongs to the set around it.
        above = path.parent.parent
        return load_coco([path], above if path.parent.name == "annotations" else home)
    return None


def _take_split(bunch, split, path):
    """Keep the rows of one split."""
    rows = choose_split(bunch.splits, split, path)
    chosen = np.arange(len(bunch.target))[rows]
    bunch.splits = {split: slice(0, len(chosen))}
    for name in ("images", "target", "boxes", "box_labels"):
        if isinstance(bunch[name], list):
            bunch[name] = [bunch[name][row] for row in chosen]
        elif bunch[name] is not None:
            bunch[name] = bunch[name][rows]
    return bunch


def _only_file(path):
    """Return the only .npz file of a folder, or the file itself."""
    files = sorted(path.glob("*.npz")) if path.is_dir() else [path]
    if len(files) != 1 or files[0].suffix != ".npz":
        raise ValueError(
            f"{path} must be an .npz file of images, a table (.csv) or COCO's instances "
            "(.json), or a folder with one such .npz file, a meta.json, COCO's instances, "
            "VOC's Annotations, or subfolders of images named after labels."
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
        images = _decode(files[size], read_arrays(files[size], ("data", "offsets")))
    else:
        images = read_arrays(files[size], ("images",))["images"]
        _check_images(files[size], images)
    target = read_sparse(folder / "Y.npz")
    check_size(folder / "Y.npz", target.shape, "labels")
    target = target.toarray()
    check_target(target, len(images), names, folder / "Y.npz")
    graph = folder / "label_graph.npz"
    return Bunch(
        images=images,
        target=target.astype(np.int64),
        target_names=names,
        splits=read_splits(folder / "meta.json", meta, len(images)),
        boxes=None,
        box_labels=None,
        label_graph_arrays=read_arrays(graph, required=()) if graph.exists() else None,
        DESCR=describe(meta),
    )


def _check_images(path, images):
    """Refuse arrays that are no images."""
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise FileFormatError(
            path,
            "images must be of shape (n_samples, height, width, 3) and uint8; got "
            f"{images.shape} and {images.dtype}.",
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
    _check_images(path, images)
    if arrays["labels"].ndim != 1 or arrays["labels"].dtype.kind not in "iuU":
        raise FileFormatError(path, "must be a list of names.", "array 'labels'")
    names = arrays["labels"].astype(str).tolist()
    check_names(path, names, "labels")
    check_target(arrays["Y"], len(images), names, path)
    boxes, box_labels = _read_boxes(path, arrays, images)
    return Bunch(
        images=images,
        target=arrays["Y"].astype(np.int64),
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
        raise FileFormatError(
            path,
            "must hold images, in files images_HxW.npz or images_jpeg.npz or as arrays "
            "XHxW; it holds none.",
        )
    if size is None:
        return min(stored, key=_n_pixels)
    check_choice(size, sorted(stored), "size", of=f" for {path}")
    return size


def _n_pixels(size):
    """Number of pixels of a size such as 64x64; JPEG files come last."""
    height, _, width = size.partition("x")
    if not (height.isdigit() and width.isdigit()):
        return float("inf")
    return int(height) * int(width)


def _decode(path, arrays):
    """Decode JPEG files that stand one after the other."""
    from ..inputs.containers.image_files import decode, size_of  # only here is it needed

    data, offsets = arrays["data"], arrays["offsets"]
    if data.ndim != 1 or data.dtype != np.uint8:
        raise FileFormatError(path, "must be a row of bytes, uint8.", "array 'data'")
    if (
        offsets.ndim != 1
        or offsets.dtype.kind not in "iu"
        or (offsets[:1] != 0).any()
        or (offsets[-1:] != len(data)).any()
        or (offsets[1:] < offsets[:-1]).any()
    ):
        raise FileFormatError(
            path, f"must ascend from 0 to {len(data)}, whole numbers.", "array 'offsets'"
        )
    images, n_numbers = [], 0
    for i, (start, stop) in enumerate(pairwise(offsets)):
        content = io.BytesIO(data[start:stop].tobytes())
        try:
            n_numbers += 3 * math.prod(size_of(content))
            check_size(path, (n_numbers,), "pixels")
            images.append(np.asarray(decode(content, "RGB")))
        except (ImportError, FileFormatError):
            raise
        except Exception as error:  # decoders raise errors of many kinds
            raise FileFormatError(
                path, f"must be an image; {error}.", f"image {i}"
            ) from error
    if len({image.shape for image in images}) == 1:
        return np.stack(images)
    return images


def _read_boxes(path, arrays, images):
    """Boxes in pixels and their labels, one array per image, or None."""
    if "boxes" not in arrays:
        return None, None
    missing = {"box_image", "box_label"} - arrays.keys()
    if missing:
        raise FileFormatError(
            path,
            f"must hold box_image and box_label with boxes; it lacks "
            f"{', '.join(sorted(missing))}.",
        )
    boxes, rows, labels = (arrays[name] for name in ("boxes", "box_image", "box_label"))
    n_labels = arrays["Y"].shape[1]
    _check_index(path, "box_image", rows, len(boxes), len(images))
    _check_index(path, "box_label", labels, len(boxes), n_labels)
    if (rows[1:] < rows[:-1]).any():
        raise FileFormatError(path, "must be in ascending order.", "array 'box_image'")
    if (
        boxes.shape != (len(rows), 4)
        or boxes.dtype.kind not in "biuf"
        or not ((boxes >= 0) & (boxes <= 1)).all()
        or (boxes[:, 2:] < boxes[:, :2]).any()
    ):
        raise FileFormatError(
            path, "must be left, top, right, bottom from 0 to 1.", "array 'boxes'"
        )
    height, width = images.shape[1:3]
    pixels = (boxes * [width, height, width, height]).astype(np.float32)
    cuts = np.searchsorted(rows, np.arange(1, len(images)))
    return np.split(pixels, cuts), np.split(labels.astype(np.int64), cuts)


def _check_index(path, name, index, length, stop):
    """Check that an array numbers things from 0 to below `stop`."""
    if index.shape != (length,) or index.dtype.kind not in "iu":
        raise FileFormatError(
            path, f"must be {length} whole numbers, one per box.", f"array {name!r}"
        )
    if length and not 0 <= index.min() <= index.max() < stop:
        raise FileFormatError(
            path,
            f"must be from 0 to {stop - 1}; got {index.min()} to {index.max()}.",
            f"array {name!r}",
        )

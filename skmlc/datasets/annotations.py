"""Annotated images in the formats of COCO (JSON) and Pascal VOC (XML)."""

import math
from itertools import accumulate, pairwise

import numpy as np

from ..compressed import open_data
from ..exceptions import FileFormatError
from .confined import check_inside, member
from .files import read_json
from .image_lists import Finder, Photo, photo_bunch
from .xml_files import parse_xml

# Where the elements stand that are read.
_VOC_PLACES = ([], ["size"], ["object"], ["object", "bndbox"])
_FAR = 1e9  # pixels; JSON has numbers that no float holds
_VOC_SPLITS = ("train", "val", "trainval", "test")


def coco_files(folder):
    """Return the files of instances of a folder in COCO's layout.

    Parameters
    ----------
    folder : Path
        The folder; the files are in it or in its subfolder `annotations`.

    Returns
    -------
    files : list of Path
        Those named ``instances_*.json``.
    """
    return sorted(
        path
        for place in (folder, folder / "annotations")
        for path in place.glob("instances_*.json")
    )


def load_coco(files, home):
    """Load files of COCO's instances, one after the other.

    Parameters
    ----------
    files : list of Path
        The JSON files, with the same categories; each is a split.
    home : Path
        The folder outside of which no file may be.

    Returns
    -------
    data : Bunch
        As of `load_image_set`.

    Raises
    ------
    FileFormatError
        If a file is not as COCO describes it, or contradicts itself or another.
    """
    parts, names = [], None
    for path in files:
        photos, found = _read_coco(path, home)
        if names is not None and found != names:
            raise FileFormatError(path, f"must have the categories of {files[0].name}.")
        names = found
        parts.append(photos)
    splits = None
    if all(path.stem.startswith("instances_") for path in files):
        ends = accumulate((len(photos) for photos in parts), initial=0)
        stems = [path.stem.removeprefix("instances_") for path in files]
        splits = {stem: slice(*rows) for stem, rows in zip(stems, pairwise(ends))}
    photos = [photo for part in parts for photo in part]
    return photo_bunch(files[0], photos, names, splits)


def _read_coco(path, home):
    """Images and names of the labels of one file."""
    with open_data(path) as file:
        content = read_json(path, file.read())
    images, annotations, categories = (
        _entries(path, content, name) for name in ("images", "annotations", "categories")
    )
    names = {
        _get(path, "categories", i, entry, "id", int): _get(
            path, "categories", i, entry, "name", str
        )
        for i, entry in enumerate(categories)
    }
    if len(names) < len(categories):
        raise FileFormatError(path, "id must differ; some are there twice.", "categories")
    finder = Finder(_coco_folders(path), home)
    photos, size_of = {}, {}
    for i, entry in enumerate(images):
        number = _get(path, "images", i, entry, "id", int)
        file = finder.find(entry.get("file_name"), path, f"images {i}")
        if number in photos:
            raise FileFormatError(
                path, f"id must differ; got {number} again.", f"images {i}"
            )
        if "height" in entry and "width" in entry:
            size_of[number] = tuple(
                _get(path, "images", i, entry, key, int) for key in ("height", "width")
            )
        photos[number] = Photo(file, path, [], size_of.get(number), [], [])
    for i, entry in enumerate(annotations):
        _add_annotation(path, i, entry, photos, names)
    return list(photos.values()), list(names.values())


def _coco_folders(path):
    """Where the images of a file such as annotations/instances_val2017.json may be."""
    split = path.stem.removeprefix("instances_")
    above = path.parent.parent if path.parent.name == "annotations" else path.parent
    names = (split, "images", f"images/{split}", "")
    return [above / name for name in names]


def _entries(path, content, name):
    """One of the lists of objects in a file."""
    entries = content.get(name) if isinstance(content, dict) else None
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise FileFormatError(path, f"must be an object with {name}, a list of objects.")
    return entries


def _get(path, where, i, entry, key, kind):
    """One value of an object, of the type that it must have."""
    value = entry.get(key)
    if type(value) is not kind or (key in ("height", "width") and abs(value) >= _FAR):
        what = "a whole number" if kind is int else "a string"
        raise FileFormatError(
            path, f"{key} must be {what}; got {str(value)[:40]!r}.", f"{where} {i}"
        )
    return value


def _add_annotation(path, i, entry, photos, names):
    """Add a label and its box to their image."""
    image = _get(path, "annotations", i, entry, "image_id", int)
    category = _get(path, "annotations", i, entry, "category_id", int)
    if image not in photos or category not in names:
        raise FileFormatError(
            path,
            f"image_id and category_id must be among the ids of images and categories; got "
            f"{image} and {category}.",
            f"annotations {i}",
        )
    photo = photos[image]
    photo.labels.append(names[category])
    if "bbox" not in entry:
        return
    box = entry["bbox"]
    if not (
        isinstance(box, list)
        and len(box) == 4
        and all(type(x) in (int, float) and abs(x) < _FAR for x in box)
    ):
        raise FileFormatError(
            path,
            f"bbox must be left, top, width and height; got {str(box)[:60]}.",
            f"annotations {i}",
        )
    left, top, width, height = map(float, box)
    photo.boxes.append((left, top, left + width, top + height))
    photo.box_labels.append(names[category])


def load_voc(folder, home):
    """Load a folder in the layout of Pascal VOC.

    Parameters
    ----------
    folder : Path
        The folder. It holds ``Annotations``, one XML file per image, the images in
        ``JPEGImages`` or next to their XML files, and perhaps lists of images in
        ``ImageSets/Main``.
    home : Path
        The folder outside of which no file may be.

    Returns
    -------
    data : Bunch
        As of `load_image_set`.

    Raises
    ------
    FileFormatError
        If a file is not as VOC describes it.
    """
    annotations = folder / "Annotations"
    files = sorted(annotations.glob("*.xml"))
    if not files:
        raise FileFormatError(
            annotations, "must hold an XML file per image; it holds none."
        )
    places = [folder / "JPEGImages", folder / "images", annotations, folder]
    finder = Finder(places, home)
    photos = []
    for path in files:
        check_inside(path, home)
        photos.append(_read_voc(path, finder))
    names = sorted({label for photo in photos for label in photo.labels})
    rows = {path.stem: row for row, path in enumerate(files)}
    return photo_bunch(annotations, photos, names, _voc_splits(folder, home, rows))


def _read_voc(path, finder):
    """What one XML file says of its image."""
    texts, objects, tags, pieces = {}, [], [], []

    def on_start(tag, _, line):
        tags.append(tag)
        pieces.clear()
        if len(tags) == 2 and tag == "object":
            objects.append({"line": line})

    def on_end(tag):
        # Parts of objects, such as heads, have names and boxes of their own.
        if 2 <= len(tags) <= 4 and tags[1:-1] in _VOC_PLACES:
            held = objects[-1] if tags[1] == "object" else texts
            held.setdefault(tag, "".join(pieces).strip())
        pieces.clear()
        tags.pop()

    parse_xml(path, on_start, on_end, pieces.append)
    # Some programs write a whole path of another machine, some none.
    name = texts.get("filename", "").replace("\\", "/").rpartition("/")[2] or path.stem
    file = finder.find(name, path)
    size = None
    if "height" in texts and "width" in texts:
        size = tuple(_number(path, texts, key) for key in ("height", "width"))
        size = size if all(size) else None  # some programs write 0
    labels = [_object_name(path, held) for held in objects]
    with_boxes = [held for held in objects if "xmin" in held]
    # Pixels are counted from 1 to the last one that belongs to the object.
    boxes = [
        (
            max(_number(path, held, "xmin") - 1, 0.0),
            max(_number(path, held, "ymin") - 1, 0.0),
            _number(path, held, "xmax"),
            _number(path, held, "ymax"),
        )
        for held in with_boxes
    ]
    return Photo(file, path, labels, size, boxes, [held["name"] for held in with_boxes])


def _object_name(path, held):
    """Label of an object."""
    if not held.get("name"):
        raise FileFormatError(path, "an object must have a name.", f"line {held['line']}")
    return held["name"]


def _number(path, held, key):
    """A number in the text of an element."""
    text = held.get(key, "")
    try:
        number = float(text) if "_" not in text and text.isascii() else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        place = f"line {held['line']}" if "line" in held else None
        raise FileFormatError(path, f"{key} must be a number; got {text[:40]!r}.", place)
    return number


def _voc_splits(folder, home, rows):
    """Rows of the splits that ImageSets/Main lists, or None."""
    splits = {}
    for split in _VOC_SPLITS:
        path = folder / "ImageSets" / "Main" / f"{split}.txt"
        if not path.exists():
            continue
        with open_data(member(path.parent, path.name, home)) as file:
            stems = file.read().decode("utf-8", "replace").split()
        unknown = [stem for stem in stems if stem not in rows]
        if unknown or len(set(stems)) < len(stems):
            raise FileFormatError(
                path,
                f"must list images with annotations, each once; got {unknown[:3] or 'some'}"
                f"{'' if unknown else ' twice'}.",
            )
        splits[split] = np.array([rows[stem] for stem in stems], dtype=np.int64)
    return splits or None

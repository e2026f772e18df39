"""Sets of image files: what a list says of each, and where its file is."""

import csv
import io
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch

from ..compressed import open_data
from ..exceptions import FileFormatError
from .confined import check_size, member
from .files import check_names
from .targets import to_indicator

_ENDINGS = ("", ".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")
_SEPARATORS = "|;,"  # between labels, the first that is found, or else blanks


class Photo(NamedTuple):
    """What a list says of one image."""

    file: str  # its path
    source: Path  # the list, for messages
    labels: list  # of str
    size: tuple | None = None  # height and width
    boxes: list | None = None  # of (x0, y0, x1, y1), in pixels
    box_labels: list | None = None  # of str, one per box


class Finder:
    """Finds the files of a list, within the folder of the data set.

    Parameters
    ----------
    folders : sequence of Path
        Where the files may be.
    home : Path
        The folder outside of which no file may be.
    """

    def __init__(self, folders, home):
        self.home = home
        self.places = [(folder, ending) for folder in folders for ending in _ENDINGS]
        self.found = Counter()

    def find(self, name, path, place=None):
        """Find a file.

        Parameters
        ----------
        name : str
            Its name in the list, with or without its ending.
        path : Path
            The list, for messages.
        place : str, default=None
            Where in the list.

        Returns
        -------
        file : str
            Its path.

        Raises
        ------
        FileFormatError
            If there is none, it lies outside of `home`, or it was found before.
        """
        if not isinstance(name, str) or not name or "\0" in name:
            raise FileFormatError(path, f"must name a file; got {str(name)[:40]!r}.", place)
        for number, (folder, ending) in enumerate(self.places):
            candidate = folder / f"{name}{ending}"
            if candidate.exists() and not candidate.is_dir():
                file = str(member(folder, f"{name}{ending}", self.home))
                # Others will be at the same place: thousands of files are found sooner.
                self.places.insert(0, self.places.pop(number))
                break
        else:
            folders = {str(folder) for folder, _ in self.places}
            raise FileFormatError(
                path,
                f"it names a file {name[:80]!r} that is not in {', '.join(sorted(folders))}.",
                place,
            )
        self.found[file] += 1
        if self.found[file] > 1:
            raise FileFormatError(path, f"it names the file {name[:80]!r} twice.", place)
        return file


def photo_bunch(path, photos, names, splits=None):
    """Put together what the lists say.

    Parameters
    ----------
    path : Path
        The list, for messages.
    photos : list of Photo
        The images.
    names : list of str
        Names of the labels.
    splits : dict, default=None
        Rows of the splits by name.

    Returns
    -------
    data : Bunch
        As of `load_image_set`.
    """
    check_names(path, names, "labels")
    check_size(path, (len(photos), len(names)), "labels")
    boxes = box_labels = None
    if any(photo.boxes for photo in photos):
        column = {name: i for i, name in enumerate(names)}
        boxes = [np.array(photo.boxes or [], np.float32).reshape(-1, 4) for photo in photos]
        box_labels = [
            np.array([column[name] for name in photo.box_labels or []], dtype=np.int64)
            for photo in photos
        ]
        _check_boxes(photos)
    return Bunch(
        images=[photo.file for photo in photos],
        target=to_indicator([photo.labels for photo in photos], names, path).toarray(),
        target_names=names,
        splits=splits or {"all": slice(0, len(photos))},
        boxes=boxes,
        box_labels=box_labels,
        label_graph_arrays=None,
        DESCR=f"{len(photos)} images from the list {path.name}.\n",
    )


def _check_boxes(photos):
    """Check boxes with the sizes that the list and the files give."""
    from ..inputs.containers.image_files import file_size  # only here is Pillow needed

    for photo in photos:
        if not photo.boxes:
            continue
        try:
            height, width = size = file_size(photo.file)
        except ValueError as error:
            raise FileFormatError(photo.file, f"must be an image; {error}") from error
        if photo.size is not None and tuple(photo.size) != tuple(size):
            raise FileFormatError(
                photo.source,
                f"height and width must be those of the image, upright: {height} x {width}; "
                f"got {photo.size[0]:g} x {photo.size[1]:g}.",
                photo.file,
            )
        corners = np.array(photo.boxes, dtype=np.float64)
        wrong = ~np.isfinite(corners).all(axis=1)
        wrong |= (corners[:, 2:] < corners[:, :2]).any(axis=1)
        wrong |= (corners[:, 2:] < 0).any(axis=1) | (corners[:, :2] > [width, height]).any(
            1
        )
        if wrong.any():
            raise FileFormatError(
                photo.source,
                f"boxes must lie in the image of {height} x {width}; got "
                f"{corners[wrong][0].tolist()} as left, top, right and bottom.",
                photo.file,
            )


def load_table(path, home):
    """Load a table of image files and their labels.

    Parameters
    ----------
    path : Path
        A file ``.csv``, or ``.tsv`` with tabs. Its first line is names of columns, and its
        first column names of files. Two columns: the second is the labels of the image,
        between ``|``, ``;``, commas, or else blanks. More columns: one label each, 0 or 1.
    home : Path
        The folder outside of which no file may be.

    Returns
    -------
    data : Bunch
        As of `load_image_set`.

    Raises
    ------
    FileFormatError
        If it is no such table, or a file is missing.
    """
    header, rows = _read_rows(path)
    finder = Finder([path.parent, path.parent / "images", path.with_suffix("")], home)
    files = [finder.find(cells[0], path, f"line {line}") for line, cells in rows]
    is_matrix = all(cell.strip() in ("0", "1") for _, cells in rows for cell in cells[1:])
    if len(header) == 2 and not is_matrix:
        sets = _split_labels([cells[1] for _, cells in rows])
        names = sorted({label for labels in sets for label in labels})
    else:
        names = header[1:]
        sets = [_read_indicators(path, names, line, cells[1:]) for line, cells in rows]
    photos = [Photo(file, path, labels) for file, labels in zip(files, sets)]
    return photo_bunch(path, photos, names)


def _read_rows(path):
    """Names of the columns, and rows with the numbers of their lines."""
    with open_data(path) as file:
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise FileFormatError(path, f"must be text in UTF-8; {error}.") from error
    first = text.partition("\n")[0]
    comma = ";" if ";" in first and "," not in first else ","
    separator = "\t" if ".tsv" in path.suffixes else comma
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = []
    try:
        for cells in reader:
            if cells:
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise FileFormatError(
            path, f"must be a table; {error}.", f"line {reader.line_num}"
        ) from error
    if len(rows) < 2 or len(rows[0][1]) < 2:
        raise FileFormatError(
            path, "must have a line of names, of files and labels, and a line per image."
        )
    (_, header), *rows = rows
    for line, cells in rows:
        if len(cells) != len(header):
            raise FileFormatError(
                path, f"must have {len(header)} columns; got {len(cells)}.", f"line {line}"
            )
    return [name.strip() for name in header], rows


def _split_labels(cells):
    """Labels of each cell, between the separator that the column uses."""
    used = [mark for mark in _SEPARATORS if any(mark in cell for cell in cells)]
    if not used:
        return [cell.split() for cell in cells]
    return [
        [label.strip() for label in cell.split(used[0]) if label.strip()] for cell in cells
    ]


def _read_indicators(path, names, line, cells):
    """Labels of a row with one column per label."""
    for name, cell in zip(names, cells):
        if cell.strip() not in ("0", "1"):
            raise FileFormatError(
                path, f"{name[:40]!r} must be 0 or 1; got {cell[:40]!r}.", f"line {line}"
            )
    return [name for name, cell in zip(names, cells) if cell.strip() == "1"]

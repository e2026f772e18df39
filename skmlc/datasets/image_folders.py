"""Folders of images whose subfolders are named after the labels."""

from ..exceptions import FileFormatError
from .confined import member
from .image_lists import Photo, photo_bunch

_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_SPLITS = {"train", "val", "valid", "validation", "test"}


def has_label_folders(folder):
    """Whether a folder has subfolders with images, or splits that have such.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    bool
        Whether it does.
    """
    return any(
        _images(inner)
        for part in (_splits(folder) or {"": folder}).values()
        for inner in _subfolders(part)
    )


def load_label_folders(folder, home):
    """Load a folder of images whose subfolders are named after the labels.

    Parameters
    ----------
    folder : Path
        The folder. A subfolder is named by the labels of its images, between commas; images
        outside of subfolders have no labels. Or all subfolders are splits, named "train",
        "val", "valid", "validation" or "test", of such subfolders each.
    home : Path
        The folder outside of which no file may be.

    Returns
    -------
    data : Bunch
        As of `load_image_set`, the images in order of their folders and names.

    Raises
    ------
    FileFormatError
        If a name has an empty label, or one twice, or an image lies outside of `home`.
    """
    photos, splits = [], {}
    for split, part in (_splits(folder) or {"all": folder}).items():
        first = len(photos)
        photos += _photos(part, [], home)
        for inner in _subfolders(part):
            photos += _photos(inner, _labels(inner), home)
        splits[split] = slice(first, len(photos))
    names = sorted({label for photo in photos for label in photo.labels})
    return photo_bunch(folder, photos, names, splits)


def _photos(folder, labels, home):
    """Return the images of a folder, which all have the same labels."""
    files = [str(member(folder, path.name, home)) for path in _images(folder)]
    return [Photo(file, folder, labels) for file in files]


def _labels(folder):
    """Return the labels in the name of a folder."""
    labels = [label.strip() for label in folder.name.split(",")]
    if "" in labels or len(set(labels)) < len(labels):
        raise FileFormatError(
            folder,
            "must be named after the labels of its images, between commas, each once; got "
            f"{folder.name[:80]!r}.",
        )
    return labels


def _splits(folder):
    """Return the subfolders by name if all of them are splits, else nothing."""
    parts = {part.name: part for part in _subfolders(folder)}
    return parts if parts.keys() <= _SPLITS else {}


def _subfolders(folder):
    """Return the subfolders in alphabetical order, without hidden ones."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _images(folder):
    """Return the files of a folder that are named as images are, in alphabetical order."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _ENDINGS and not path.name.startswith(".")
    )

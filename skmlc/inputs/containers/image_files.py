"""Image files: decoded by Pillow, which is imported when the first one is needed."""

import os
import warnings

import numpy as np

from ..._foreign import is_picture

_ORIENTATION = 0x0112  # where a camera notes how it was held
# How to turn the stored pixels so that they stand upright; 1 is upright.
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_SIDEWAYS = (5, 6, 7, 8)  # with width and height exchanged


def as_paths(paths):
    """Return paths as an object array of str.

    Parameters
    ----------
    paths : sequence of {str, os.PathLike}
        The paths.

    Returns
    -------
    ndarray of object of shape (n_paths,)
        The same as str.

    Raises
    ------
    TypeError
        If an entry is not a path.
    """
    array = np.empty(len(paths), dtype=object)
    for i, path in enumerate(paths):
        if not isinstance(path, str | os.PathLike):
            raise TypeError(
                "images must be all arrays or all paths, str or os.PathLike; image 0 is a "
                f"path, image {i} a {type(path).__name__}."
            )
        array[i] = str(os.fspath(path))  # not NumPy's str, which pickles take long to write
    return array


def readable_rows(paths, mode, broken):
    """Return which files can be decoded.

    Parameters
    ----------
    paths : ndarray of str of shape (n_paths,)
        The files.
    mode : {"RGB", "L"}
        The colors in which they will be read.
    broken : {"error", "skip"} or None
        What to do with files that cannot: raise an error, warn, or not look at all.

    Returns
    -------
    ndarray of int64 of shape (n_readable,)
        The places of the others.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    ValueError
        If a file is broken and `broken` is "error", or all are.
    """
    _pillow()
    if broken is None:
        return np.arange(len(paths))
    faults = {i: fault for i, path in enumerate(paths) if (fault := _fault(path, mode))}
    if not faults:
        return np.arange(len(paths))
    first = next(iter(faults.values()))
    if broken == "error" or len(faults) == len(paths):
        hint = ' Leave them out with broken="skip".' if len(faults) < len(paths) else ""
        raise ValueError(
            f"images must be files that can be read; {len(faults)} of {len(paths)} cannot, "
            f"the first is {first}.{hint}"
        )
    names = ", ".join(repr(paths[i]) for i in list(faults)[:3])
    warnings.warn(
        f"{len(faults)} of {len(paths)} image files cannot be read and are left out: {names}"
        f"{', ...' if len(faults) > 3 else ''}. The rows of y that remain are "
        "y[images.kept].",
        stacklevel=3,
    )
    return np.delete(np.arange(len(paths)), list(faults))


def read_file(path, mode, size=None, upright=True):
    """Return the image in a file.

    Parameters
    ----------
    path : str
        The file.
    mode : {"RGB", "L"}
        The colors.
    size : (int, int), default=None
        Height and width; None for its own.
    upright : bool, default=True
        Whether to turn it as the camera has noted.

    Returns
    -------
    ndarray of uint8 of shape (n_channels, height, width)
        The image.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    width_height = None if size is None else size[::-1]
    try:
        image = decode(path, mode, width_height, upright)
    except Exception as error:
        raise _unreadable(path, error) from error
    if size is not None and image.size != width_height:
        image = image.resize(width_height, _pillow().Resampling.BILINEAR)
    return _as_array(image)


def file_size(path, upright=True):
    """Return the size of the image in a file by its header alone.

    Parameters
    ----------
    path : str
        The file.
    upright : bool, default=True
        Whether it is turned as the camera has noted.

    Returns
    -------
    (int, int)
        Height and width.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    try:
        return size_of(path, upright)
    except Exception as error:
        raise _unreadable(path, error) from error


def _pillow():
    """Return Pillow's module, or say how to get it."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "Pillow must be installed to read image files: pip install skmlc[vision]."
        ) from error
    return Image


def size_of(file, upright=True):
    """Return the size of an image by its header alone.

    Parameters
    ----------
    file : str or binary file
        The image; errors are those of Pillow.
    upright : bool, default=True
        Whether it is turned as the camera has noted.

    Returns
    -------
    (int, int)
        Height and width.
    """
    with _pillow().open(file) as image:
        turned = upright and _orientation(image) in _SIDEWAYS
        return image.size if turned else image.size[::-1]


def decode(file, mode, least=None, upright=True):
    """Return an image.

    Parameters
    ----------
    file : str or binary file
        The image; errors are those of Pillow, of many kinds.
    mode : {"RGB", "L"}
        The colors.
    least : (int, int), default=None
        Width and height, to no less than which a JPEG file may be reduced.
    upright : bool, default=True
        Whether to turn it as the camera has noted.

    Returns
    -------
    PIL.Image.Image
        The image.
    """
    with _pillow().open(file) as image:
        if least is not None:
            turned = upright and _orientation(image) in _SIDEWAYS
            image.draft(None, least[::-1] if turned else least)
        return _in_colors(image, mode, upright)


def read_picture(i, image, mode, orientation):
    """Return an image of Pillow as one in a file is read.

    Parameters
    ----------
    i : int
        Its place, for errors.
    image : PIL.Image.Image
        The image, which stays as it is.
    mode : {"RGB", "L"}
        The colors.
    orientation : {"upright", "stored"}
        Whether to turn it as the camera has noted.

    Returns
    -------
    ndarray of uint8 of shape (n_channels, height, width)
        The image.

    Raises
    ------
    TypeError
        If it is not one.
    ValueError
        If it cannot be read in 8 bits.
    """
    if not is_picture(image):
        raise TypeError(
            "images must be all of one kind, arrays, paths or images of Pillow; image 0 is one "
            f"of Pillow, image {i} a {type(image).__name__}."
        )
    try:
        decoded = _in_colors(image, mode, orientation == "upright")
    except Exception as error:
        raise ValueError(f"image {i} of Pillow cannot be read: {error}.") from error
    return _as_array(decoded)


def _in_colors(image, mode, upright):
    """Return an image in some colors, turned as the camera has noted if `upright`."""
    if image.mode.startswith(("I", "F")):
        # Pillow would cut them to 255 without a word.
        raise ValueError(
            f"its pixels have over 8 bits, mode {image.mode}: read it into an array of "
            "floats from 0 to 1"
        )
    orientation = _orientation(image) if upright else 1
    decoded = image.convert(mode)
    if orientation in _TURNS:
        decoded = decoded.transpose(getattr(_pillow().Transpose, _TURNS[orientation]))
    return decoded


def _as_array(image):
    """Return an image of Pillow as an array (n_channels, height, width)."""
    array = np.atleast_3d(np.asarray(image))
    return np.ascontiguousarray(np.moveaxis(array, 2, 0))


def _orientation(image):
    """Return the camera's note on how to turn a picture, 1 where there is none."""
    if image.format == "TIFF":  # Pillow turns these itself
        return 1
    if image.format == "PNG" and "exif" not in image.info:  # it would decode all to look
        return 1
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a damaged note is no reason not to read the picture
        return 1


def _fault(path, mode):
    """Return what is wrong with a file; None for nothing."""
    try:
        # Only decoding finds out that a file was cut off; at 1/8 it costs a JPEG file less.
        decode(path, mode, (1, 1))
    except Exception as error:  # decoders raise errors of many kinds
        return _describe(path, error)
    return None


def _unreadable(path, error):
    """Return the error about a file that cannot be read."""
    return ValueError(f"Image file {_describe(path, error)} cannot be read.")


def _describe(path, error):
    """Return a path and what happened there."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{path!r} ({reason.removesuffix(f' {path!r}')})"

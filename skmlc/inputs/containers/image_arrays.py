"""Image arrays: brought into one form, checked and resized."""

import os
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from ..._foreign import read_foreign
from ...mapped import has_finite_extremes, is_mapped
from ..forms import refuse_masked
from .columns import items_of
from .lazy_rows import LazyRows, is_lazy

DTYPES = (np.uint8, np.float32, np.float64)
# Numbers of channels of pictures: gray, colors, colors and transparency.
PICTURE_CHANNELS = (1, 3, 4)


def is_path(item):
    """Return whether an item is the path of a file.

    Parameters
    ----------
    item : object
        Anything.

    Returns
    -------
    bool
        Whether it is a str or path-like.
    """
    return isinstance(item, str | os.PathLike)


def as_source(images):
    """Return one array of numbers as it is or as `LazyRows`, and anything else as a list.

    Parameters
    ----------
    images : {array-like, iterable}
        The images as the user gave them.

    Returns
    -------
    {ndarray, LazyRows, list}
        A memory map as a view of it.

    Raises
    ------
    TypeError
        If it is not one.
    ValueError
        If it is empty.
    """
    refuse_masked(images, "images")
    images = items_of(images, "images")
    if is_lazy(images):
        return LazyRows(images)
    if hasattr(images, "__array__"):
        images = np.asarray(images)
    if is_path(images) or not np.iterable(images):
        raise TypeError(
            "images must be an array (n_samples, n_channels, height, width), or a list of "
            "arrays, of paths or of images of Pillow, one per image; got "
            f"{type(images).__name__}."
        )
    if not isinstance(images, np.ndarray) or (
        images.ndim == 1 and images.dtype.kind in "OUT"
    ):
        images = list(images)
    if len(images) == 0:
        raise ValueError("images must hold at least one image; got none.")
    return images


def check_arrays(images, channels):
    """Return one array, or arrays as an object array, with the channels first.

    Parameters
    ----------
    images : {ndarray, LazyRows, list of array-like}
        The images, all in one array or each in its own.
    channels : {"first", "last"} or None
        Where they have the axis of the channels; None is first, if the shape leaves no doubt.

    Returns
    -------
    {ndarray, LazyRows} of shape (n_samples, n_channels, height, width) or (n_samples,)
        Views of what was given.

    Raises
    ------
    TypeError
        If an entry of the list is a path.
    ValueError
        If an image has a wrong shape or type, is not like the others, or not finite.
    """
    if isinstance(images, np.ndarray | LazyRows):
        if images.ndim not in (3, 4):
            raise ValueError(
                "images in one array must be of shape (n_samples, n_channels, height, width), "
                f"or (n_samples, height, width) if gray; got {images.shape}."
            )
        source = _channels_first(images, channels, images.ndim == 3, "images")
        if isinstance(source, np.ndarray) and not is_mapped(source):
            check_finite(source, range(len(source)))
        return source
    source = np.empty(len(images), dtype=object)
    for i, image in enumerate(images):
        source[i] = _one_image(image, channels, f"image {i}")
        _check_alike(source[0], source[i], i)
        if not is_mapped(source[i]):
            check_finite(source[i][None], [i])
    return source


def check_finite(images, places):
    """Raise an error that names the first of some images that is not finite.

    Parameters
    ----------
    images : ndarray of shape (n_samples, n_channels, height, width)
        The images.
    places : sequence of int of length n_samples
        What they are called.

    Raises
    ------
    ValueError
        If an image contains NaN or infinity.
    """
    if has_finite_extremes(images):
        return
    bad = ~np.isfinite(images).all(axis=(1, 2, 3))
    raise ValueError(
        f"images must be finite; image {places[bad.argmax()]} contains NaN or infinity."
    )


def take_images(source, places):
    """Return some images of one array, which may not be in memory.

    Parameters
    ----------
    source : {ndarray, LazyRows} of shape (n_given, n_channels, height, width)
        All images.
    places : ndarray of int of shape (n_samples,)
        Where they are.

    Returns
    -------
    ndarray of shape (n_samples, n_channels, height, width)
        In this order.
    """
    return source.read(places) if isinstance(source, LazyRows) else source[places]


def resize(images, size):
    """Return images C-contiguous, and at a size if one is given.

    Parameters
    ----------
    images : ndarray of shape (n_samples, n_channels, height, width)
        The images.
    size : (int, int)
        Height and width; None for their own.

    Returns
    -------
    ndarray of shape (n_samples, n_channels, *size)
        The images, of the same type; bytes are rounded.
    """
    images = np.ascontiguousarray(images)
    if size is None or images.shape[2:] == size:
        return images
    if not images.flags.writeable:
        images = images.copy()  # PyTorch warns of arrays that are read-only
    images = torch.from_numpy(images)
    return F.interpolate(images, size=size, mode="bilinear", antialias=True).numpy()


def stack(images):
    """Return images of one size as one array.

    Parameters
    ----------
    images : list of ndarray of shape (n_channels, height, width)
        The images, at least one.

    Returns
    -------
    ndarray of shape (n_samples, n_channels, height, width)
        The images.

    Raises
    ------
    ValueError
        If they have different sizes.
    """
    check_one_size(image.shape[1:] for image in images)
    return np.stack(images)


def check_one_size(sizes):
    """Raise an error if images have different sizes.

    Parameters
    ----------
    sizes : iterable of (int, int)
        Their heights and widths.

    Raises
    ------
    ValueError
        If they do.
    """
    sizes = sorted(set(sizes))
    if len(sizes) > 1:
        names = ", ".join(f"{height} x {width}" for height, width in sizes[:4])
        raise ValueError(
            f"Images must be read at one size; these have {len(sizes)}: {names}"
            f"{', ...' if len(sizes) > 4 else ''}. Give ImageEncoder(size=...) to the "
            "estimator, or use images.resized(size)."
        )


def _one_image(image, channels, name):
    """Return one image of a list as an array, with the channels first."""
    if is_path(image):
        raise TypeError(f"images must be all arrays or all paths; {name} is a path.")
    refuse_masked(image, name)
    image = np.asarray(read_foreign(image, name))
    if image.ndim not in (2, 3):
        raise ValueError(
            "An image must be of shape (n_channels, height, width), or (height, width) if "
            f"gray; {name} has shape {image.shape}."
        )
    return _channels_first(image, channels, image.ndim == 2, name)


def _channels_first(array, channels, is_gray, name):
    """Return an image, or all in one array, as a view with the channels first."""
    if array.dtype not in DTYPES:
        raise ValueError(
            f"images must be uint8, float32 or float64; {name} came as {array.dtype}: use "
            "astype, with uint8 for whole numbers from 0 to 255."
        )
    if is_gray:
        array = _arranged(array, partial(np.expand_dims, axis=-3))
    else:
        _check_channels(array, channels, name)
        if channels == "last":
            array = _arranged(array, partial(np.moveaxis, source=-1, destination=-3))
    if 0 in array.shape[-3:]:
        raise ValueError(
            f"An image must have at least one pixel; {name} of shape {array.shape} has none."
        )
    return array


def _arranged(array, arrange):
    """Return a view of an array, or what is read as one."""
    return array.arranged(arrange) if isinstance(array, LazyRows) else arrange(array)


def _check_channels(array, channels, name):
    """Raise an error if the channels seem to be at the other end, or may be at either."""
    here, there, other = (-1, -3, "first") if channels == "last" else (-3, -1, "last")
    if (
        # Floats may be feature maps of any number of channels, but hardly 3 cells wide.
        (array.dtype == np.uint8 or array.shape[-2] > 4 * max(PICTURE_CHANNELS))
        and array.shape[here] > max(PICTURE_CHANNELS)
        and array.shape[there] in PICTURE_CHANNELS
    ):
        raise ValueError(
            f"{name} of shape {array.shape} would have {array.shape[here]} channels with "
            f'channels="{channels or "first"}"; use Images(..., channels="{other}").'
        )
    if channels is None and _is_unclear(*array.shape[-3:], array.dtype == np.uint8):
        also = ", or with ImageEncoder(backbone=None) that they are feature maps"
        raise ValueError(
            f"{name} of shape {array.shape} may have the channels first or last; say which, "
            'with Images(X, channels="first") or Images(X, channels="last")'
            f"{also if may_be_maps(*array.shape[-3:]) else ''}."
        )


def _is_unclear(first, middle, last, is_picture):
    """Whether the channels of an image may be its last axis as well as its first."""
    if first in PICTURE_CHANNELS and last in PICTURE_CHANNELS:
        return not first == middle == last == 1
    if first in PICTURE_CHANNELS and is_picture:
        return False
    # Else they are the last only of what is then about as high as it is wide; which feature
    # maps with the channels first are not, for these have more channels than cells.
    if last in PICTURE_CHANNELS:
        return _may_be_sides(first, middle)
    return not may_be_maps(first, middle, last)


def may_be_maps(first, middle, last):
    """Return whether the shape of a feature map may have the channels first.

    Parameters
    ----------
    first, middle, last : int
        The shape.

    Returns
    -------
    bool
        Not if the first two alone are about as long as each other, as height and width are.
    """
    return _may_be_sides(middle, last) or not _may_be_sides(first, middle)


def _may_be_sides(*sides):
    """Whether an image is about as high as it is wide."""
    return 0 < max(sides) <= 2 * min(sides)


def _check_alike(first, image, i):
    """Raise an error if image i of a list is not of the type and channels of the first."""
    kinds = [(str(array.dtype), array.shape[0]) for array in (first, image)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            "All images must be of the same type and number of channels; image 0 is "
            f"{kinds[0][0]} with {kinds[0][1]}, image {i} is {kinds[1][0]} with {kinds[1][1]}."
        )

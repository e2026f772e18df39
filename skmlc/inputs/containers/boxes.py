"""Boxes: places in images, of the instances of a bag or of an image."""

import numpy as np

from .base import as_floats, check_finite_rows, first_sample, offsets_of


def join_boxes(boxes, lengths, noun):
    """Return the boxes of all samples in one array.

    Parameters
    ----------
    boxes : iterable of array-like of shape (n_boxes, 4)
        The boxes of each sample.
    lengths : sequence of {int, None}
        How many boxes each sample must have; None for any number.
    noun : str
        What a sample is, for errors.

    Returns
    -------
    boxes : ndarray of shape (n_boxes_in_all, 4)
        The boxes, one sample after another.
    offsets : ndarray of int64 of shape (n_samples + 1,)
        Sample i has the boxes from ``offsets[i]`` to ``offsets[i + 1]``.

    Raises
    ------
    ValueError
        If there are more or fewer boxes, or a box is not four numbers.
    """
    arrays = [np.asarray(box) for box in boxes]
    # An empty list is no matrix to NumPy.
    arrays = [array if array.size else array.reshape(0, 4) for array in arrays]
    if len(arrays) != len(lengths):
        raise ValueError(
            f"boxes must have one entry per {noun}, {len(lengths)}; got {len(arrays)}."
        )
    for i, (array, length) in enumerate(zip(arrays, lengths)):
        n_boxes = len(np.atleast_1d(array)) if length is None else length
        if array.shape != (n_boxes, 4):
            raise ValueError(
                "boxes must be one row of x0, y0, x1, y1 each; those of "
                f"{noun} {i} must be of shape ({n_boxes}, 4), got {array.shape}."
            )
    return np.concatenate(arrays), offsets_of([len(array) for array in arrays])


def check_boxes(boxes, offsets, noun):
    """Return boxes as floats, if they go from left to right and from top to bottom.

    Parameters
    ----------
    boxes : array-like of shape (n_boxes_in_all, 4)
        The boxes of all samples, one sample after another.
    offsets : ndarray of int64 of shape (n_samples + 1,)
        Where the boxes of each sample begin.
    noun : str
        What a sample is, for errors.

    Returns
    -------
    ndarray of shape (n_boxes_in_all, 4)
        The boxes; float32 or float64.

    Raises
    ------
    ValueError
        If they are not such numbers, or not finite.
    """
    boxes = np.asarray(boxes)
    if boxes.shape != (offsets[-1], 4) or boxes.dtype.kind not in "biuf":
        raise ValueError(
            f"boxes must be numbers of shape ({offsets[-1]}, 4), one row per box; got "
            f"shape {boxes.shape} and dtype {boxes.dtype}."
        )
    boxes = as_floats(boxes)
    check_finite_rows(boxes, offsets, "boxes", noun)
    inverted = (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    if inverted.any():
        raise ValueError(
            "boxes must be x0, y0, x1, y1 with x0 <= x1 and y0 <= y1; those of "
            f"{noun} {first_sample(inverted, offsets)} are not."
        )
    return boxes

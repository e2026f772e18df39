"""What is in a box: of a feature map, and of an image.

Boxes of feature maps are read as by RoIAlign of He, Gkioxari, Dollar and Girshick, "Mask
R-CNN", ICCV 2017, section 3.
"""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F

from ..containers.image_arrays import resize

__all__ = ["cut_out", "pool_boxes"]

# As many points as the paper's 7 x 7 parts of a box have, 2 x 2 each.
POINTS_PER_SIDE = 14
# How many boxes of an image are read at a time: 32 of 2048 channels take 50 MB.
BOXES_AT_ONCE = 32


def pool_boxes(maps, boxes, offsets, pooling):
    """Return one vector per box: what is at points within it, pooled.

    Parameters
    ----------
    maps : Tensor of shape (N, D, h, w)
        The feature maps.
    boxes : ndarray of shape (R, 4)
        The boxes of all images, one image after another, from 0 to 1.
    offsets : ndarray of int64 of shape (N + 1,)
        Image i has the boxes from ``offsets[i]`` to ``offsets[i + 1]``.
    pooling : {"max", "mean"}
        What is taken of each channel.

    Returns
    -------
    Tensor of shape (R, D)
        The vectors.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmlc.inputs.transformers.box_contents import pool_boxes
    >>> maps = torch.arange(4.0).expand(1, 1, 4, 4)  # each cell holds its column
    >>> pool_boxes(maps, np.array([[0.25, 0, 0.75, 1]]), np.array([0, 1]), "mean")
    tensor([[1.5000]])
    """
    boxes = torch.as_tensor(boxes, dtype=maps.dtype, device=maps.device)
    vectors = [maps.new_empty(0, maps.shape[1])]
    for image, (start, stop) in zip(maps, pairwise(offsets)):
        # Image by image, as they have different numbers of boxes: nothing is padded.
        for first in range(start, stop, BOXES_AT_ONCE):
            values = _at_points(image, boxes[first : min(first + BOXES_AT_ONCE, stop)])
            vectors.append(values.amax(2) if pooling == "max" else values.mean(2))
    return torch.cat(vectors)


def _at_points(image, boxes):
    """Return a feature map (D, h, w) at a grid of points in each box: (B, D, points)."""
    side = POINTS_PER_SIDE
    steps = (torch.arange(side, device=boxes.device, dtype=boxes.dtype) + 0.5) / side
    low, high = boxes[:, :2, None], boxes[:, 2:, None]
    x, y = (low + (high - low) * steps).unbind(1)  # (B, side) each
    grid = torch.stack(
        [x[:, None, :].expand(-1, side, -1), y[:, :, None].expand(-1, -1, side)], dim=3
    )  # (B, side, side, 2)
    # Without aligned corners, the edges of the outer cells are at -1 and 1.
    grid = 2 * grid.flatten(0, 1)[None] - 1  # (1, B * side, side, 2)
    values = F.grid_sample(image[None], grid, padding_mode="border", align_corners=False)
    return values[0].unflatten(1, (len(boxes), side)).flatten(2).transpose(0, 1)


def cut_out(image, boxes, size):
    """Return what is in boxes of an image, at one size.

    Parameters
    ----------
    image : ndarray of shape (C, H, W)
        The image.
    boxes : ndarray of shape (B, 4)
        The boxes, from 0 to 1; what they leave of a pixel is taken as a whole.
    size : (int, int)
        Height and width.

    Returns
    -------
    ndarray of shape (B, C, *size)
        The cut-outs.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.inputs.transformers.box_contents import cut_out
    >>> image = np.arange(8.0).reshape(1, 2, 4)
    >>> cut_out(image, np.array([[0.5, 0, 1, 1]]), (2, 2))[0]
    array([[[2., 3.],
            [6., 7.]]])
    """
    height, width = image.shape[1:]
    edges = boxes * np.array([width, height, width, height])
    # A thousandth of a pixel is a rounding error of a box at the edge of a pixel.
    first = np.floor(edges[:, :2] + 1e-3).astype(int)
    first = np.minimum(first, [width - 1, height - 1])
    last = np.maximum(np.ceil(edges[:, 2:] - 1e-3).astype(int), first + 1)
    parts = [image[None, :, y:y1, x:x1] for (x, y), (x1, y1) in zip(first, last)]
    empty = np.empty((0, len(image), *size), image.dtype)
    return np.concatenate([empty, *(resize(part, size) for part in parts)])

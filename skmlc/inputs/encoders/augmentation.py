"""Random views of images for training: a whole batch at once, on the images' device.

The random numbers are those of PyTorch's global state, which every fit seeds.
"""

import torch
import torch.nn.functional as F

__all__ = ["random_crop", "random_flip"]

# The most by which a window's sides are stretched: 1.1 / 0.9 is an aspect of 1.2.
STRETCH = 0.1


def random_flip(images):
    """Mirror each image from left to right with probability 1/2.

    Parameters
    ----------
    images : Tensor of shape (N, C, H, W)
        The images.

    Returns
    -------
    Tensor of shape (N, C, H, W)
        Each as it was or mirrored.

    Examples
    --------
    >>> import torch
    >>> from skmlc.inputs.encoders.augmentation import random_flip
    >>> image = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> flipped = random_flip(image.expand(99, 1, 2, 2))
    >>> flipped.unique(dim=0).squeeze(1).tolist()
    [[[1.0, 2.0], [3.0, 4.0]], [[2.0, 1.0], [4.0, 3.0]]]
    """
    mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(mirrored, images.flip(3), images)


def random_crop(images, shortest):
    """Cut each image to a random window, and resize the window to the image's size.

    The sides of a window are uniform between the shortest and those of the image, with the
    aspect of the image up to a fifth; its place in the image is uniform.  Pixels are
    interpolated linearly between those of the window.

    Parameters
    ----------
    images : Tensor of shape (N, C, H, W)
        The images.
    shortest : float
        The shortest side of a window, relative to the image's, in (0, 1].

    Returns
    -------
    Tensor of shape (N, C, H, W)
        The windows.

    Examples
    --------
    >>> import torch
    >>> from skmlc.inputs.encoders.augmentation import random_crop
    >>> columns = torch.arange(8.0).expand(1, 1, 8, 8)
    >>> view = random_crop(columns, shortest=0.5)[0, 0, 0]
    >>> bool(view.diff().mean() <= 1)
    True
    """
    n_samples, _, height, width = images.shape
    side, stretch, x, y = images.new_empty(4, n_samples, 1).uniform_()
    side = shortest + (1 - shortest) * side
    stretch = STRETCH * (2 * stretch - 1)
    columns = _positions(side * (1 + stretch), x, shortest, width)  # (N, W)
    rows = _positions(side * (1 - stretch), y, shortest, height)  # (N, H)
    shape = n_samples, height, width
    # Not F.affine_grid, whose matrix product autocast would round to eight bits.
    grid = torch.stack(
        [columns[:, None, :].expand(shape), rows[:, :, None].expand(shape)], 3
    )
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _positions(side, place, shortest, n_pixels):
    """Return where windows of a side and a place (N, 1) are read (N, n_pixels), in [-1, 1]."""
    side = side.clamp(shortest, 1)
    pixels = torch.arange(n_pixels, device=side.device, dtype=side.dtype)
    centers = (2 * pixels + 1) / n_pixels - 1  # of the pixels of the whole image
    return (1 - side) * (2 * place - 1) + side * centers

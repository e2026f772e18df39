"""The cells of a feature map, and where they are."""

import torch

__all__ = ["cell_boxes"]


def cell_boxes(height, width, pool, like):
    """Return the edges of the cells that a feature map is pooled to.

    Parameters
    ----------
    height, width : int
        Of the map, before it is pooled.
    pool : int
        Height and width of a cell; those at the right and lower edge may be smaller.
    like : Tensor
        Of the type and on the device of the result.

    Returns
    -------
    Tensor of shape (n_cells, 4)
        Left, top, right and bottom, relative to the map, row by row.

    Examples
    --------
    >>> import torch
    >>> from skmlc.inputs.encoders.cells import cell_boxes
    >>> cell_boxes(1, 4, 2, torch.empty(0))
    tensor([[0.0000, 0.0000, 0.5000, 1.0000],
            [0.5000, 0.0000, 1.0000, 1.0000]])
    """

    def edges(n):
        begin = torch.arange(0, n, pool, device=like.device, dtype=like.dtype)
        return begin / n, (begin + pool).clamp_max(n) / n

    (top, bottom), (left, right) = edges(height), edges(width)
    top, left = torch.meshgrid(top, left, indexing="ij")  # (h, w)
    bottom, right = torch.meshgrid(bottom, right, indexing="ij")
    return torch.stack([left, top, right, bottom], dim=2).flatten(0, 1)

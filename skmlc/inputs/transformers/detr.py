"""DETR as a source of regions: a detector whose outputs are boxes and their features.

Carion et al., "End-to-End Object Detection with Transformers", ECCV 2020.
"""

from pathlib import Path

import torch
from torch import nn

from ...nn.nodes import Layout, Nodes
from .frozen_network import as_maps

__all__ = ["Detector", "load_detr"]


class Detector(nn.Module):
    """The regions of images that DETR is most certain of.

    Parameters
    ----------
    normalizer : nn.Module
        The module of an `ImageEncoder` whose backbone gives images as they are.
    detr : nn.Module
        The model.
    n_regions : int
        How many regions of each image to keep.

    Shape
    -----
    A `Batch` of images to two `Nodes`: the regions with their boxes, the most certain first;
    and the cells of the feature map that the model looks at.
    """

    def __init__(self, normalizer, detr, n_regions):
        super().__init__()
        self.normalizer = normalizer
        self.detr = detr
        self.n_regions = n_regions

    def forward(self, batch):
        """Return the regions, and the cells that they were found in, of a batch of images."""
        found = self.detr(as_maps(self.normalizer(batch)))
        # The last class is "no object".  DETR was trained to predict each object once, so
        # that no boxes need to be left out because others overlap them.
        certainty = found.logits.softmax(2)[..., :-1].amax(2)  # (N, queries)
        best = certainty.topk(self.n_regions).indices[..., None]  # (N, S, 1)
        values = found.last_hidden_state.take_along_dim(best, 1)  # (N, S, D)
        boxes = _corners(found.pred_boxes.take_along_dim(best, 1))  # (N, S, 4)
        cells = found.encoder_last_hidden_state  # (N, cells, D)
        return (
            Nodes(values.flatten(0, 1), _regular(values), boxes.flatten(0, 1)),
            Nodes(cells.flatten(0, 1), _regular(cells)),
        )


def load_detr(name, n_channels, n_regions):
    """Load a model of Hugging Face.

    Parameters
    ----------
    name : str
        A local folder, or a name on the hub, to which "@" and a revision may be added.
    n_channels : int
        The number of channels of the images.
    n_regions : int
        How many regions of each image it must give.

    Returns
    -------
    nn.Module
        The model.

    Raises
    ------
    ImportError
        If transformers, or a package that this model needs, cannot be imported.
    ValueError
        If there is no such model, or it does not give that.
    """
    # A torchvision that does not fit torch lets this fail with errors of several types.
    try:
        from transformers import DetrForObjectDetection
    except Exception as error:
        raise ImportError(
            f"transformers must be installed for regions='detr:{name}': pip install "
            "skmlc[vision]."
        ) from error
    detr = _load(DetrForObjectDetection, name).float()
    if n_regions > detr.config.num_queries:
        raise ValueError(
            f"n_regions must be at most {detr.config.num_queries}, which is how many "
            f"regions='detr:{name}' gives; got {n_regions}."
        )
    if n_channels != detr.config.backbone_config.num_channels:
        raise ValueError(
            f"X must hold images of {detr.config.backbone_config.num_channels} channels for "
            f"regions='detr:{name}'; got {n_channels}."
        )
    return detr


def _load(model, name):
    """Load a model with all its weights."""
    folder, _, revision = (name, "", "") if Path(name).is_dir() else name.partition("@")
    try:
        detr, info = model.from_pretrained(
            folder, revision=revision or "main", output_loading_info=True
        )
    except ImportError as error:
        raise ImportError(
            f"regions='detr:{name}' needs a package that is not installed: {error} Some "
            "models have a revision that needs none: 'detr:facebook/detr-resnet-50@no_timm'."
        ) from error
    except (OSError, ValueError) as error:
        raise ValueError(
            "regions must be 'detr:' and a local folder or the name of a model on the Hugging "
            f"Face hub; {name!r} cannot be loaded: {error}"
        ) from error
    missing = {n for n, _ in detr.named_parameters()} & set(info["missing_keys"])
    if missing:
        raise ValueError(
            f"regions='detr:{name}' must name a DETR for object detection; {len(missing)} of "
            f"its weights are not there, such as {min(missing)}."
        )
    return detr


def _corners(boxes):
    """Return left, top, right and bottom of boxes (..., 4) given by center and size."""
    centers, sizes = boxes.split(2, dim=-1)
    return torch.cat([centers - sizes / 2, centers + sizes / 2], -1).clamp(0, 1)


def _regular(nodes):
    """Return the layout of nodes (N, S, D)."""
    return Layout.regular(*nodes.shape[:2])

"""The encoder of a kind of input, and what a method may want of its nodes."""

from dataclasses import replace

import torch
from torch import nn

from ..._spelling import did_you_mean
from ...parameters import ParameterFields
from .images import ImageEncoder
from .instances import GraphEncoder, InstanceEncoder
from .tables import FeatureEncoder
from .texts import TextEncoder
from .tokens import TokenEncoder

__all__ = ["Rectified", "bare_encoder", "choose_encoder", "encoder_of_tables"]

ENCODERS = {
    "vectors": FeatureEncoder,
    "sparse": FeatureEncoder,
    "sequences": TokenEncoder,
    "bags": InstanceEncoder,
    "graphs": GraphEncoder,
    "images": ImageEncoder,
    "texts": TextEncoder,
}


def choose_encoder(encoder, kind):
    """Return the encoder specification for the kind of X.

    Parameters
    ----------
    encoder : "auto" or encoder specification
        As the user gave it.
    kind : {"vectors", "sparse", "sequences", "bags", "graphs", "images", "texts"}
        What a batch holds.

    Returns
    -------
    encoder specification
        The given one, or the default one of the kind.

    Raises
    ------
    ValueError
        If the specification is for another kind of input, or one of its parameters is not one
        of its values.
    """
    if isinstance(encoder, str) and encoder != "auto":
        raise ValueError(
            "encoder must be 'auto' or a specification, such as ImageEncoder('resnet18'); got "
            f"{encoder!r}. {did_you_mean(encoder, ['auto'])}".rstrip()
        )
    if isinstance(encoder, str) and kind == "texts":
        raise ValueError(
            "encoder must name the network that reads Texts, as in "
            "encoder=TextEncoder('sentence-transformers/all-MiniLM-L6-v2'); got 'auto'."
        )
    encoder = ENCODERS[kind]() if isinstance(encoder, str) else encoder
    if isinstance(encoder, ParameterFields):  # ours, and what derives from it
        encoder._validate_params()
    if kind not in encoder.kinds:
        hint = " Wrap images in skmlc.inputs.Images." if "images" in encoder.kinds else ""
        if kind == "bags" and "vectors" in encoder.kinds:
            hint = " The methods for bags read the rows of a table as bags of one instance."
        raise ValueError(
            f"encoder must fit the kind of X, {kind!r}; got {type(encoder).__name__}, which is "
            f"for {' and '.join(encoder.kinds)}.{hint}"
        )
    return encoder


def encoder_of_tables(encoder, *, rows_are_bags):
    """Return the encoder specification that says how X is read if it is a dense table.

    Parameters
    ----------
    encoder : "auto" or encoder specification
        As the user gave it.
    rows_are_bags : bool
        Whether the rows are bags of one instance, and not vectors.

    Returns
    -------
    encoder specification
        The given one, or the default one.

    Raises
    ------
    ValueError
        If one of its parameters is not one of its values.
    """
    if isinstance(encoder, str):
        return ENCODERS["bags" if rows_are_bags else "vectors"]()
    if isinstance(encoder, ParameterFields):
        encoder._validate_params()
    return encoder


def bare_encoder(encoder):
    """Return the module that makes the nodes, which `Rectified` may hold."""
    return encoder.encoder if isinstance(encoder, Rectified) else encoder


class Rectified(nn.Module):
    """The positive part of another encoder's nodes, which is what a network of images gives.

    Parameters
    ----------
    encoder : nn.Module
        Maps a `Batch` to `Nodes`.
    """

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.node_size = encoder.node_size

    def forward(self, batch):
        """Return the nodes of a batch."""
        nodes = self.encoder(batch)
        return replace(nodes, values=torch.relu(nodes.values))

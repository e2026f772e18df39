"""Convolutional networks that turn images into feature maps: named ones, and any others.

Besides the ResNets and VGGs of this package, any module or function from images to feature
maps, and the backbones of Hugging Face.
"""

import copy
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import nn

from ..._spelling import did_you_mean
from .resnets import RESNETS, ResNet
from .vgg import VGG, VGGS

__all__ = [
    "BACKBONES",
    "VGG",
    "ResNet",
    "last_feature_map",
    "make_backbone",
    "method_for_maps",
    "modules_up_to",
]

HUGGING_FACE = "hf:"


# What the names of backbones stand for.
BACKBONES = {**RESNETS, **VGGS}
# The entries of files that are of a classifier.
CLASSIFIERS = ("fc.", "classifier.")
# What gives feature maps where a module itself does not: timm's name, and another common one.
MAP_METHODS = ("forward_features", "extract_features")


def make_backbone(backbone, weights=None, n_channels=3):
    """Build the module from images to feature maps.

    Parameters
    ----------
    backbone : str, nn.Module or callable
        A name of `BACKBONES`; ``"hf:"`` and a local folder or a name on the Hugging Face hub; a
        module, which is copied; or a function of images (N, C, H, W) that gives feature maps
        (N, D, h, w).
    weights : str, path-like or mapping, default=None
        A state dict, or a file that holds one.  Entries ``fc.*`` and ``classifier.*``, of a
        trained network's classifier, are left out.
    n_channels : int, default=3
        The number of channels of the images.

    Returns
    -------
    nn.Module
        Maps images (N, C, H, W) to what `last_feature_map` reads.

    Raises
    ------
    ValueError
        If there is no such backbone, or the weights do not fit it.
    ImportError
        If a backbone of Hugging Face is asked for and transformers cannot be imported.

    Examples
    --------
    >>> from skmlc.inputs.encoders.backbones import make_backbone
    >>> resnet = make_backbone("resnet18", n_channels=1)
    >>> sum(p.numel() for p in resnet.parameters())
    11170240
    """
    hugging_face = isinstance(backbone, str) and backbone.startswith(HUGGING_FACE)
    function = not isinstance(backbone, str | nn.Module)
    if weights is not None and (hugging_face or function):
        raise ValueError(
            "weights must be None where backbone is a function or from Hugging Face, which "
            f"have their own; got a {type(weights).__name__}."
        )
    if hugging_face:
        name = backbone.removeprefix(HUGGING_FACE)
        return _taking_single_values(_load_hugging_face(name))
    if function:
        return _Function(backbone)
    module = copy.deepcopy(backbone)
    if isinstance(backbone, str):
        module = _make_named(backbone, n_channels)
    if weights is not None:
        _load_weights(module, weights)
    return _taking_single_values(module)


def last_feature_map(output):
    """Return the last feature map of what a backbone gave.

    Parameters
    ----------
    output : Tensor or object with `feature_maps`
        The map, or all maps, as backbones of Hugging Face give them.

    Returns
    -------
    Tensor of shape (N, D, h, w)
        The map.

    Raises
    ------
    ValueError
        If it is not such a tensor.
    """
    maps = _last(output)
    if maps is not None:
        return maps
    found = f"a {type(output).__name__} of shape {_shape(output)}"
    raise ValueError(
        f"backbone must give feature maps of shape (N, D, height, width); got {found}: leave "
        "out its pooling and its classifier."
    )


def _last(output):
    """Return the last feature map of what a backbone gave, or None."""
    maps = getattr(output, "feature_maps", output)
    maps = maps[-1] if isinstance(maps, list | tuple) and maps else maps
    return maps if isinstance(maps, torch.Tensor) and maps.ndim == 4 else None


def method_for_maps(backbone, images):
    """Return the name of the method by which a backbone gives feature maps.

    Parameters
    ----------
    backbone : nn.Module
        The backbone, or a whole classifier of images, of which parts give maps.
    images : Tensor of shape (N, C, H, W)
        Some images.

    Returns
    -------
    method : str
        ``"__call__"``; where that does not give maps ``"forward_features"``, which models of
        timm have, or ``"extract_features"``.
    output : object
        What it gives; no map if there is no such method.

    Examples
    --------
    >>> import torch
    >>> from skmlc.inputs.encoders.backbones import ResNet, method_for_maps
    >>> method_for_maps(ResNet(width=8).eval(), torch.zeros(1, 3, 32, 32))[0]
    '__call__'
    """
    name, output = "__call__", backbone(images)
    if _last(output) is None:
        others = [m for m in MAP_METHODS if callable(getattr(backbone, m, None))]
        if others:
            name = others[0]
            output = getattr(backbone, name)(images)
    return name, output


def modules_up_to(backbone, stage):
    """Return the parts of a backbone up to and including a stage, in their order.

    Parameters
    ----------
    backbone : nn.Module
        The backbone.
    stage : str
        The name of a part, such as ``"layer2"`` or ``"encoder.stages.0"``.

    Returns
    -------
    list of nn.Module
        The parts; one that `stage` is a part of is not among them.

    Raises
    ------
    ValueError
        If there is no such part.

    Examples
    --------
    >>> from skmlc.inputs.encoders.backbones import ResNet, modules_up_to
    >>> [type(part).__name__ for part in modules_up_to(ResNet(width=8), "maxpool")]
    ['Conv2d', 'BatchNorm2d', 'MaxPool2d']
    """
    names = [name for name, _ in backbone.named_modules() if name]
    if stage not in names:
        parts = ", ".join(name for name, _ in backbone.named_children()) or "it has none"
        raise ValueError(
            "freeze must be True, False, 'all' or the name of a part of the backbone "
            f"({parts}); got {stage!r}."
        )
    last = max(i for i, name in enumerate(names) if f"{name}.".startswith(f"{stage}."))
    before = {name for name in names[: last + 1] if not stage.startswith(f"{name}.")}
    # The outermost: a part whose parent is there comes with it.
    outermost = [n for n in names if n in before and n.rpartition(".")[0] not in before]
    return [backbone.get_submodule(name) for name in outermost]


class _BatchNorm(nn.BatchNorm2d):
    """Batch norm that takes what it has seen where a batch has one value per channel.

    One value is its own mean and has no variance.  A batch has no more where it is a single
    image, such as the last one of an epoch, with a feature map of a single cell.
    """

    def forward(self, x):
        single = x.numel() == x.shape[1]
        if not (single and self.training and self.track_running_stats):
            return super().forward(x)
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
        )


def _taking_single_values(module):
    """Let the batch norms of a module, which is ours, take a batch of one value."""
    for part in module.modules():
        if type(part) is nn.BatchNorm2d:
            part.__class__ = _BatchNorm
    return module


class _Function(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, images):
        return self.function(images)


def _make_named(name, n_channels):
    """Build a network by its name, in the memory format in which it is a quarter faster."""
    if name not in BACKBONES:
        raise ValueError(
            f"backbone must be one of {', '.join(BACKBONES)}, {HUGGING_FACE}NAME, a module, a "
            f"function or None; got {name!r}. {did_you_mean(name, BACKBONES)}".rstrip()
        )
    kind = ResNet if name in RESNETS else VGG
    module = kind(**BACKBONES[name], n_channels=n_channels)
    return module.to(memory_format=torch.channels_last)


def _load_hugging_face(name):
    """Load a backbone with transformers."""
    # A torchvision that does not fit torch lets this fail with errors of several types.
    try:
        from transformers import MODEL_FOR_BACKBONE_MAPPING, AutoConfig
    except Exception as error:
        raise ImportError(
            f"transformers must be installed for backbone='{HUGGING_FACE}{name}': pip install "
            "skmlc[vision]."
        ) from error
    # Not AutoBackbone.from_pretrained, which asks the hub for local folders too (5.23).
    try:
        config = AutoConfig.from_pretrained(name)
        return MODEL_FOR_BACKBONE_MAPPING[type(config)].from_pretrained(name).float()
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(
            f"backbone must be {HUGGING_FACE!r} and a local folder or the name of a backbone "
            f"on the Hugging Face hub; {name!r} cannot be loaded: {error}"
        ) from error


# Weights ------------------------------------------------------------------------------------


def _load_weights(module, weights):
    """Load a state dict, or a file with one, into a module; all entries must fit."""
    weights = weights if isinstance(weights, Mapping) else _read_weights(weights)
    own = module.state_dict()
    fitting = {k: v for k, v in weights.items() if k in own or not _is_classifier(k)}
    found, expected = _channels(fitting), _channels(own)
    if isinstance(module, ResNet | VGG) and found not in (None, expected):
        raise ValueError(
            f"weights must be for images of {expected} channel(s), as those of X; they are for "
            f"{found}: give X {found} channels, or leave weights out."
        )
    differences = _differences(own, fitting)
    if differences:
        raise ValueError(f"weights must fit the backbone; {'; '.join(differences)}.")
    module.load_state_dict(fitting)


def _read_weights(path):
    """Read a state dict from a file, without running what else it may hold."""
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            "weights must be a state dict or a file in which torch.save has put one; "
            f"{str(path)!r} cannot be read ({type(error).__name__})."
        ) from error
    if not isinstance(weights, Mapping):
        raise ValueError(
            f"weights must hold a state dict; {str(path)!r} holds a {type(weights).__name__}."
        )
    return weights


def _is_classifier(name):
    """Whether an entry of a state dict is of a classifier."""
    return str(name).startswith(CLASSIFIERS)


def _channels(state):
    """Return the number of channels that a network's state dict is for; None if unknown."""
    shape = _shape(state.get("conv1.weight", state.get("features.0.weight")))
    return shape[1] if len(shape) == 4 else None


def _differences(own, weights):
    """Tell in words which entries are missing, unexpected, or of another shape."""
    # Files from before PyTorch 0.4 do not count batches, which nothing here needs.
    needed = [name for name in own if not name.endswith("num_batches_tracked")]
    shapes = [(n, _shape(weights[n]), _shape(own[n])) for n in own if n in weights]
    entries = {
        "missing": [name for name in needed if name not in weights],
        "unexpected": [name for name in weights if name not in own],
        "of another shape": [f"{n} {a} for {b}" for n, a, b in shapes if a != b],
    }
    return [f"{what}: {_first(names)}" for what, names in entries.items() if names]


def _shape(entry):
    """Return the shape of an entry of a state dict; () if it is not a tensor."""
    return tuple(getattr(entry, "shape", ()))


def _first(names, n=4):
    """List the first names, and tell how many more there are."""
    more = f" and {len(names) - n} more" if len(names) > n else ""
    return ", ".join(map(str, names[:n])) + more

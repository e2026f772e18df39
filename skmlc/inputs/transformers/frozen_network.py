"""What runs a network once over samples: built and frozen, then fed batch by batch."""

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from torch import nn

from ..._device import check_device
from ...nn.nodes import Batch, Layout
from ...parameters import ParameterFields
from ..containers import as_images
from ..encoders.images import ImageEncoder
from ..forms import check_fits
from ..validation import validate_input

__all__ = ["FrozenImageNetwork", "FrozenNetwork", "as_maps", "check_one_size", "encode"]

ENCODER_PARAMETERS = ("backbone", "weights", "size", "normalize")


class FrozenNetwork(TransformerMixin, ParameterFields, BaseEstimator):
    """Base of the transformers that run a network once over each sample, and train nothing.

    The `fit` of a transformer sets `network_`, on the CPU.

    Parameters
    ----------
    batch_size : int, default=32
        The number of samples that are read and go through the network at a time.
    device : str or torch.device, default="auto"
        Where the network runs; "auto" is CUDA where available.
    verbose : bool, default=False
        Whether to print how far it is, about ten times.
    """

    _noun = "sample"
    # The parameters that may hold networks.
    _networks = ()

    batch_size: int = 32
    device: Any = "auto"
    verbose: bool | int = False

    _parameter_constraints = {
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "device": [str, torch.device],
        "verbose": ["verbose"],
    }

    def _device(self):
        """Return the device on which the network runs."""
        check_device(self.device)
        if self.device != "auto":
            return torch.device(self.device)
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def _network_on(self, device):
        """Return the network on a device; the fitted one stays where every machine reads it."""
        if device.type == "cpu":
            return self.network_
        return copy.deepcopy(self.network_).to(device)

    def _batches(self, n_samples, first=0):
        """Yield the rows of each batch, and report about every tenth of the way."""
        begin, reported = time.monotonic(), 10 * first // n_samples
        for start in range(first, n_samples, self.batch_size):
            done = min(start + self.batch_size, n_samples)
            yield np.arange(start, done)
            if self.verbose and 10 * done // n_samples > reported:
                reported = 10 * done // n_samples
                seconds = time.monotonic() - begin
                left = seconds / (done - first) * (n_samples - done)
                print(
                    f"{type(self).__name__}: {self._noun} {done}/{n_samples}, {seconds:.0f} s, "
                    f"about {left:.0f} s left",
                    flush=True,
                )

    def __reduce_ex__(self, protocol):
        # joblib knows an estimator again by its pickle, and the pickle of a tensor is another
        # for each copy of it: a cached Pipeline would never find what it has stored.
        make, arguments, state, *others = super().__reduce_ex__(protocol)
        given = {name: _by_contents(state[name]) for name in self._networks}
        return (make, arguments, {**state, **given}, *others)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags


class FrozenImageNetwork(FrozenNetwork):
    """Base of the transformers that run a network over images.

    Parameters
    ----------
    backbone : str, nn.Module, callable or None, default="resnet18"
        The network from images (N, C, H, W) to feature maps (N, D, h, w), as in
        `ImageEncoder`: a name, such as "tiny" or "resnet50"; "hf:" and the local folder or the
        name of a backbone on the Hugging Face hub; a module, which is copied; a function; or
        None if the images are feature maps already.
    weights : str, path-like or mapping, default=None
        The state dict of a trained backbone, or a file that holds one, such as those of
        torchvision; the entries ``fc.*`` and ``classifier.*`` of a classifier are left out.
    size : int or (int, int), default=None
        Height and width to which images are resized; None takes them as they are.
    normalize : "auto" or (mean, std), default="auto"
        What is taken off the images and what they are divided by: numbers, or one per
        channel.  "auto" is ImageNet's for images of red, green and blue, and their mean for
        other numbers of channels; None does nothing.  Before, bytes are divided by 255;
        floats should be in [0, 1].
    random_state : int, RandomState instance or None, default=None
        Determines random weights.
    **inherited
        Those of running a network: see `FrozenNetwork`.
    """

    _noun, _networks = "image", ("backbone", "weights")

    backbone: Any = field(default="resnet18", kw_only=False)
    weights: Any = None
    size: Any = None
    normalize: Any = "auto"
    random_state: Any = None

    _parameter_constraints = {
        **{name: ImageEncoder._parameter_constraints[name] for name in ENCODER_PARAMETERS},
        "random_state": ["random_state"],
    }

    def _encoder(self):
        """Return the specification of the network."""
        return ImageEncoder(**{name: getattr(self, name) for name in ENCODER_PARAMETERS})

    def _read_input(self, X, reset):
        """Return X as images of the size that the network reads."""
        images = as_images(X, are_maps=self.backbone is None)
        images = validate_input(self, images, reset=reset)
        return self._encoder().prepare(images)

    def _make_network(self, image_shape):
        """Build the network for images of a shape (C, H, W)."""
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        with torch.random.fork_rng(devices=()):
            # Not torch.manual_seed, which would seed CUDA for all that comes after.
            torch.default_generator.manual_seed(seed)
            network = self._encoder().make("images", image_shape, None)
        # A user's module may have been trained elsewhere and in another precision.
        return network.cpu().float().eval().requires_grad_(False)


def encode(network, images, device):
    """Return the nodes of images.

    Parameters
    ----------
    network : nn.Module
        Maps a `Batch` to `Nodes`; on the device.
    images : ndarray of shape (n, C, H, W)
        The images.
    device : torch.device
        Where to send them.

    Returns
    -------
    Nodes
        One per cell of the feature maps.
    """
    check_fits(images, np.float32, "scale X")  # memory maps were not looked at before
    batch = Batch(Layout.regular(len(images), 1), values=torch.from_numpy(images))
    return network(batch.to(device))


def as_maps(nodes):
    """Return the nodes of images as feature maps.

    Parameters
    ----------
    nodes : Nodes
        With a grid.

    Returns
    -------
    Tensor of shape (N, D, h, w)
        A view of their values.
    """
    maps = nodes.values.view(nodes.layout.n_samples, *nodes.grid, -1)  # (N, h, w, D)
    return maps.permute(0, 3, 1, 2)


def check_one_size(images):
    """Raise an error if images are to be read at different sizes.

    Parameters
    ----------
    images : Images
        The samples.

    Raises
    ------
    ValueError
        If an image is of another size than the first.
    """
    if images.size is not None or images.source.ndim == 4:
        return
    first = images.image_shape[1:]
    for i in range(1, len(images)):
        size = images[[i]].image_shape[1:]
        if size != first:
            raise ValueError(
                f"X must hold images of one size where size=None; image 0 is {first[0]} x "
                f"{first[1]}, image {i} is {size[0]} x {size[1]}: set size=(height, width)."
            )


# Pickles that depend on contents alone ------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Bytes:
    """A tensor as an array of bytes."""

    array: np.ndarray
    dtype: torch.dtype
    shape: tuple[int, ...]
    requires_grad: bool
    is_parameter: bool

    @classmethod
    def of(cls, tensor):
        """Return the bytes of a tensor."""
        array = tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy()
        kind = (tensor.requires_grad, isinstance(tensor, nn.Parameter))
        return cls(array, tensor.dtype, tuple(tensor.shape), *kind)

    def tensor(self):
        """Return the tensor."""
        values = torch.from_numpy(self.array.copy()).view(self.dtype).view(self.shape)
        return nn.Parameter(values, self.requires_grad) if self.is_parameter else values


class _Contents:
    """A module or a state dict, whose pickle gives it back and has its tensors as bytes."""

    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        return _restore, (_replace(self.value, (torch.Tensor, nn.Parameter), _Bytes.of),)


def _by_contents(value):
    """Return a module or a state dict for a pickle, and anything else as it is."""
    if isinstance(value, tuple):
        return tuple(map(_by_contents, value))
    return _Contents(value) if isinstance(value, nn.Module | Mapping) else value


def _restore(value):
    """Return a module or a state dict with its tensors."""
    return _replace(value, (_Bytes,), _Bytes.tensor)


def _replace(value, types, convert):
    """Copy a module or a state dict, with something else for its entries of some types."""
    if isinstance(value, nn.Module):
        entries = chain(value.parameters(), value.buffers())
    else:
        entries = value.values()
    # To copy.deepcopy, these are the copies that it has made already.
    copies = {id(entry): convert(entry) for entry in entries if type(entry) in types}
    return copy.deepcopy(value, copies)

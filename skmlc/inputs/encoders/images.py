"""The encoder of images: a node is a cell of the backbone's last feature map."""

import copy
import os
import warnings
from collections.abc import Mapping
from dataclasses import field
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from ...nn.nodes import Layout, Nodes
from ...parameters import ParameterFields
from .augmentation import random_crop, random_flip
from .backbones import last_feature_map, make_backbone, method_for_maps
from .cells import cell_boxes
from .constants import ExactConstants
from .freezing import WithBackbone

__all__ = ["ImageEncoder"]

# Of the colors red, green and blue in ImageNet's pictures, which torchvision's and Hugging
# Face's weights were trained on.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# Of pixels; some images are standardized already.
LARGEST_FLOAT = 20
# Images of more channels are taken for feature maps.
MOST_CHANNELS = 4
NEED_A_BACKBONE = (
    "weights", "freeze", "frozen_epochs", "learning_rate_factor", "augment", "normalize",
)  # fmt: skip


class ImageEncoder(ParameterFields, BaseEstimator):
    """Encode `Images`: a node is a cell of a convolutional network's last feature map.

    The cells of a sample stand row by row, each with its box in the image.

    Parameters
    ----------
    backbone : str, nn.Module, callable or None, default="auto"
        The network from images (N, C, H, W) to feature maps (N, D, h, w):

        - "tiny", for small images, "resnet18", "resnet34", "resnet50", "resnet101",
          "resnet152", "resnext50_32x4d", "resnext101_32x8d", "vgg11", "vgg13", "vgg16",
          "vgg19", or with batch norm "vgg11_bn" and so on;
        - "hf:" and the local folder or the name of a backbone on the Hugging Face hub;
        - a module, which is copied; of a classifier that has a method ``forward_features`` (as
          those of timm have) or ``extract_features``, this gives the maps;
        - a function, which is taken as it is: what it holds is neither trained nor moved;
        - None if the images are feature maps already, with the channels first;
        - "auto" is "tiny" for images of up to 4 channels and None for more.
    weights : str, path-like or mapping, default=None
        The state dict of a trained backbone, or a file that holds one, such as those of
        torchvision; the entries ``fc.*`` and ``classifier.*`` of a classifier are left out.
    freeze : bool, "all" or str, default=None
        What of the backbone is not trained, its batch-norm statistics included: "all" or
        True for all, which without `augment` is computed once per fit; None or False for
        nothing; or the name of a part, such as "layer2", for that part and those before it.
    frozen_epochs : int, default=0
        For how many epochs at first all of the backbone is frozen, whatever `freeze` says.
    learning_rate_factor : float or "auto", default="auto"
        The learning rate of the backbone relative to that of the rest.  "auto" is 0.1 for a
        backbone that may have been trained (with `weights`, a module, from Hugging Face), and
        1 for one that was not.
    size : int or (int, int), default=None
        Height and width to which images are resized; None takes them as they are.
    augment : {"flip", "crop", "crop-flip"} or callable, default=None
        How images are varied in training: mirrored from left to right with probability
        1/2, cut to a random window that is resized to the size of the image, or both; or a
        function of the batch (N, C, H, W) of floats, in [0, 1] if the images were bytes, that
        gives such a batch.  Prediction sees the whole image as it is.
    min_crop : float, default=0.5
        The shortest side of a random window relative to the image's.
    normalize : "auto" or (mean, std), default="auto"
        What is taken off the images and what they are divided by: numbers, or one per
        channel.  "auto" is ImageNet's for images of red, green and blue, and their mean for
        other numbers of channels; None does nothing.  Before, bytes are divided by 255;
        floats should be in [0, 1].
    pool : int, default=1
        Height and width of the squares of the feature map whose mean is a cell; 2 is SSGRL's.
        At the right and lower edge a square may be smaller.

    See Also
    --------
    InstanceEncoder : Encode the regions of images whose features are known.

    Examples
    --------
    >>> from skmlc.inputs import ImageEncoder
    >>> encoder = ImageEncoder("resnet18", freeze="layer2", augment="flip")
    >>> encoder.make("images", (3, 64, 64), None).node_size
    512
    """

    kinds = ("images",)

    backbone: Any = field(default="auto", kw_only=False)
    weights: Any = None
    freeze: Any = None
    frozen_epochs: int = 0
    learning_rate_factor: float | str = "auto"
    size: Any = None
    augment: Any = None
    min_crop: float = 0.5
    normalize: Any = "auto"
    pool: int = 1

    _parameter_constraints = {
        "backbone": [str, callable, None],
        "weights": [str, os.PathLike, Mapping, None],
        "freeze": ["boolean", str, None],
        "frozen_epochs": [Interval(Integral, 0, None, closed="left")],
        "learning_rate_factor": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
        ],
        "size": [Interval(Integral, 1, None, closed="left"), tuple, list, None],
        "augment": [StrOptions({"flip", "crop", "crop-flip"}), callable, None],
        "min_crop": [Interval(Real, 0, 1, closed="right")],
        "normalize": [StrOptions({"auto"}), tuple, list, None],
        "pool": [Interval(Integral, 1, None, closed="left")],
    }

    def prepare(self, images):
        """Return the images at the size that the encoder reads.

        Parameters
        ----------
        images : Images
            The samples.

        Returns
        -------
        Images
            Of `size`, where it is given.

        Raises
        ------
        ValueError
            If a parameter is not one of the values above.
        """
        self._validate_params()
        return images if self.size is None else images.resized(self.size)

    def check_range(self, images):
        """Warn if images are of floats that seem to go to 255.

        Parameters
        ----------
        images : Images
            The samples, of which the first is looked at.
        """
        if self.backbone is None or images.n_channels > MOST_CHANNELS:
            return
        first = images[0]
        if first.dtype != np.uint8 and first.max() > LARGEST_FLOAT:
            warnings.warn(
                "X should hold floats from 0 to 1, or bytes; its first image goes to "
                f"{first.max():g}: divide by 255, or use uint8.",
                UserWarning,
                stacklevel=2,
            )

    def make(self, kind, n_inputs, hidden_size):
        """Build the module.

        Parameters
        ----------
        kind : {"images"}
            What a batch holds.
        n_inputs : (int, int, int)
            Channels, height and width of the images.
        hidden_size : int or None
            The size of a node; None leaves the channels of the feature map as they are.

        Returns
        -------
        nn.Module
            Maps a `Batch` to `Nodes`.

        Raises
        ------
        ValueError
            If a parameter is not one of the values above, or the parameters, the images and
            the weights do not fit together.
        ImportError
            If a backbone of Hugging Face is asked for and transformers cannot be imported.
        """
        self._validate_params()
        n_channels = n_inputs[0]
        if self.takes_maps(n_channels):
            self._refuse_without_backbone(n_channels)
            return _Cells(nn.Identity(), n_channels, hidden_size, pool=self.pool)
        backbone = "tiny" if self.backbone == "auto" else self.backbone
        factor = self._learning_rate_factor(backbone)
        normalize = _mean_and_std(self.normalize, n_channels)
        backbone = make_backbone(backbone, self.weights, n_channels)
        method, n_maps = _find_maps(backbone, n_inputs)
        return _Cells(
            backbone,
            n_maps,
            hidden_size,
            method=method,
            freeze=self.freeze if isinstance(self.freeze, str) else bool(self.freeze),
            frozen_epochs=self.frozen_epochs,
            learning_rate_factor=factor,
            augment=copy.deepcopy(self.augment),
            min_crop=self.min_crop,
            normalize=normalize,
            pool=self.pool,
        )

    def takes_maps(self, n_channels):
        """Return whether images of a number of channels are feature maps.

        Parameters
        ----------
        n_channels : int
            That of the images.

        Returns
        -------
        bool
            Whether there is no backbone for them.
        """
        if isinstance(self.backbone, str) and self.backbone == "auto":
            return n_channels > MOST_CHANNELS
        return self.backbone is None

    def _learning_rate_factor(self, backbone):
        """Return the factor; "auto" tells whether the backbone may have been trained."""
        if self.learning_rate_factor != "auto":
            return float(self.learning_rate_factor)
        from_scratch = isinstance(backbone, str) and not backbone.startswith("hf:")
        return 1.0 if from_scratch and self.weights is None else 0.1

    def _refuse_without_backbone(self, n_channels):
        """Raise an error if a parameter needs a backbone."""
        defaults = type(self)().get_params()
        for name in NEED_A_BACKBONE:
            value = getattr(self, name)
            if value not in (None, False, defaults[name]):
                raise ValueError(
                    f"{name} must be left out for images of {n_channels} channels without a "
                    f"backbone, which are feature maps; got {value!r}: name a backbone if they "
                    "are images."
                )


def _find_maps(backbone, image_shape):
    """Return the method by which a backbone gives maps, and the number of their channels, D."""
    like = next(backbone.parameters(), torch.empty(0))
    images = torch.zeros(1, *image_shape, dtype=like.dtype, device=like.device)
    try:
        with torch.no_grad():
            method, output = method_for_maps(backbone.eval(), images)
    except Exception as error:
        raise ValueError(
            f"backbone must take images of shape (N, {', '.join(map(str, image_shape))}); it "
            f"raised {type(error).__name__}: {error}"
        ) from error
    maps = last_feature_map(output)
    n_maps = getattr(backbone, "num_features", None)  # as timm says
    if maps.shape[1] != n_maps == maps.shape[3]:
        raise ValueError(
            "backbone must give feature maps of shape (N, D, height, width); those of "
            f"{type(backbone).__name__} have the channels last, {tuple(maps.shape)}: give a "
            "module or a function that puts them first."
        )
    return method, maps.shape[1]


def _mean_and_std(normalize, n_channels):
    """Return mean and standard deviation, each of float64 and (C, 1, 1); None for none."""
    if normalize is None:
        return None
    if normalize == "auto":
        normalize = IMAGENET_MEAN, IMAGENET_STD
        if n_channels != len(IMAGENET_MEAN):
            normalize = tuple(np.mean(x) for x in normalize)
    try:
        # Copies, so that each channel has memory of its own, which averaged weights need.
        mean, std = (
            torch.as_tensor(x, dtype=torch.float64).broadcast_to((n_channels,)).clone()
            for x in normalize
        )
        fits = bool((std > 0).all())
    except (RuntimeError, TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            "normalize must be 'auto', None or a pair of mean and positive standard deviation, "
            f"numbers or one per channel, {n_channels}; got {normalize!r}."
        )
    return mean[:, None, None], std[:, None, None]


# Module -------------------------------------------------------------------------------------


class _Cells(WithBackbone, ExactConstants):
    """One node per cell of the feature maps that the backbone gives, or that the images are."""

    def __init__(
        self,
        backbone,
        n_maps,
        hidden_size,
        *,
        method="__call__",
        freeze=False,
        frozen_epochs=0,
        learning_rate_factor=1.0,
        augment=None,
        min_crop=0.5,
        normalize=None,
        pool=1,
    ):
        super().__init__(
            backbone,
            freeze=freeze,
            learning_rates={"backbone.*": learning_rate_factor},
        )
        self.method, self.n_maps = method, n_maps
        self.linear = None if hidden_size is None else nn.Linear(n_maps, hidden_size)
        self.node_size = n_maps if hidden_size is None else hidden_size
        self.augment, self.min_crop, self.pool = augment, min_crop, pool
        self.normalizes = normalize is not None
        self._mean_and_std = normalize or (torch.zeros(1, 1, 1), torch.ones(1, 1, 1))
        # Buffers, so that they tell the module's type and device; not part of its state.
        for name, value in self._constants(torch.empty(0)).items():
            self.register_buffer(name, value, persistent=False)
        self.frozen_epochs = frozen_epochs
        if frozen_epochs > 0:
            self.freeze_backbone()

    def _constants(self, like):
        return {n: x.to(like) for n, x in zip(("mean", "std"), self._mean_and_std)}

    def forward(self, batch):
        """Return the nodes of a batch of images (N, C, H, W)."""
        maps = self.features(batch)  # (N, h, w, D)
        boxes = cell_boxes(*maps.shape[1:3], self.pool, self.mean)
        if self.pool > 1:
            maps = maps.permute(0, 3, 1, 2)  # (N, D, h, w)
            maps = nn.functional.avg_pool2d(maps, self.pool, ceil_mode=True)
            maps = maps.permute(0, 2, 3, 1)  # of fewer cells
        n_samples, height, width, _ = maps.shape
        values = maps.flatten(0, 2)  # (R, D), cell by cell
        if self.linear is not None:
            values = self.linear(values)  # (R, D), D now the hidden size
        layout = Layout.regular(n_samples, height * width)
        return Nodes(values, layout, boxes.repeat(n_samples, 1), (height, width))

    def features(self, batch):
        """Return the feature maps of a batch, channels last, (N, h, w, D)."""
        if batch.features is not None:  # computed once
            return batch.features
        return self._maps(batch.values).permute(0, 2, 3, 1)

    @property
    def gives_features(self):
        """Whether the feature maps of an image do not change in training."""
        return self.trains_nothing and self.augment is None

    def _maps(self, values):
        """Return the feature maps of images (N, C, H, W)."""
        images = values.to(self.mean.dtype)
        if values.dtype == torch.uint8:
            images = images / 255
        if self.training and self.augment is not None:
            images = self._vary(images)
        if self.normalizes:
            images = (images - self.mean) / self.std
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self._no_grad):
            output = getattr(self.backbone, self.method)(images)
        return last_feature_map(output)  # (N, D, h, w)

    def _vary(self, images):
        """Return images at random windows, mirrored at random, or as the user varies them."""
        if not isinstance(self.augment, str):
            varied = self.augment(images)
            if varied.shape[:2] != images.shape[:2] or varied.ndim != 4:
                raise ValueError(
                    "augment must give as many images of as many channels as it gets, "
                    f"{tuple(images.shape)}; it gave {tuple(varied.shape)}."
                )
            return varied
        if "crop" in self.augment:
            images = random_crop(images, self.min_crop)
        return random_flip(images) if "flip" in self.augment else images

"""Regions of images as bags: boxes and their features, from networks that are not trained."""

from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn

from ..._spelling import did_you_mean
from ...failed_fit import unchanged_if_it_fails
from ...nn.pooling import pool
from ..containers import Bags
from ..containers.base import offsets_of
from ..encoders.images import ImageEncoder
from .box_contents import cut_out, pool_boxes
from .detr import Detector, load_detr
from .frozen_network import FrozenImageNetwork, as_maps, check_one_size, encode

__all__ = ["RegionFeatures"]

DETR = "detr:"
WHOLE = np.array([[0, 0, 1, 1]], dtype=np.float32)


# A table of regions would not tell the images apart, hence no `set_output`.
class RegionFeatures(FrozenImageNetwork, auto_wrap_output_keys=None):
    """Turn images into bags of regions, each with its features and its box.

    What GM-MLIC [1]_ reads: a network that is not trained sees each image once, and gives the
    features of its regions.  These are boxes that are known, the cells of a grid, or what the
    detector DETR [2]_ finds.

    Parameters
    ----------
    backbone : str, nn.Module, callable or None, default="resnet18"
        The network from images (N, C, H, W) to feature maps (N, D, h, w), as in
        `ImageEncoder`: a name, such as "tiny" or "resnet50"; "hf:" and the local folder or the
        name of a backbone on the Hugging Face hub; a module, which is copied; a function; or
        None if the images are feature maps already.  Without effect on DETR, which has its
        own.
    weights : str, path-like or mapping, default=None
        The state dict of a trained backbone, or a file that holds one; without, those of a
        named one are random.
    regions : str, default="boxes"
        What the regions are:

        - "boxes": the boxes of `Images`, in their order;
        - "grid": the cells of the feature map, row by row, which needs no boxes;
        - "detr:" and the local folder or the name on the Hugging Face hub of a DETR: what it
          finds, the most certain first.  A revision is added with "@", as in
          "detr:facebook/detr-resnet-50@no_timm", which unlike others does not need timm.
    n_regions : int, default=10
        How many regions DETR gives; without effect on the others.
    whole_image : bool, default=True
        Whether the image itself is one more region, the last.  Without it every image must
        have a box.
    crop_size : int or (int, int), default=None
        Where boxes are cut out.  None: of the feature map of the image, which then goes
        through the backbone once.  Height and width: of the image, so that every region
        goes through the backbone by itself, resized to this; slower with many
        regions, and finer where the feature map has few cells.  Only for "boxes".
    pooling : {"max", "mean"}, default="max"
        What is taken of each channel within a box.
    size : int or (int, int), default=None
        Height and width to which images are resized first; None takes them as they are.
    normalize : "auto" or (mean, std), default="auto"
        What is taken off the images and what they are divided by, as in `ImageEncoder`.
    batch_size : int, default=32
        The number of images, and of cut-outs, that go through the network at a time.
    **inherited
        Those of running a network over images: see `FrozenImageNetwork`.

    Attributes
    ----------
    network_ : nn.Module
        The frozen network, on the CPU.
    n_features_in_ : int
        The number of channels of the images.

    See Also
    --------
    ImageFeatures : Turns images into vectors or feature maps.
    GMMLICClassifier : Matches regions with labels.

    Notes
    -----
    A box of a feature map is read at 14 x 14 points by bilinear interpolation, as Mask
    R-CNN [3]_ does.  The whole image is pooled over all cells of the feature map; with DETR
    over those that its encoder gives.  With `crop_size` images may differ in size.

    References
    ----------
    .. [1] Wu, Liu, Feng, Jin, Lyu and Wu, "GM-MLIC: Graph Matching based Multi-Label Image
       Classification", IJCAI 2021.
    .. [2] Carion, Massa, Synnaeve, Usunier, Kirillov and Zagoruyko, "End-to-End Object
       Detection with Transformers", ECCV 2020, arXiv:2005.12872.
    .. [3] He, Gkioxari, Dollar and Girshick, "Mask R-CNN", ICCV 2017, arXiv:1703.06870.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.datasets import load_digit_scenes
    >>> from skmlc.inputs import Images, RegionFeatures
    >>> scenes = load_digit_scenes(6)
    >>> starts = scenes.bags.offsets[1:-1]
    >>> X = Images(scenes.images, boxes=np.split(scenes.boxes, starts))
    >>> RegionFeatures("tiny", random_state=0).fit_transform(X)
    Bags(n_samples=6, n_features=128, 3-5 instances per bag, with boxes)
    >>> RegionFeatures("tiny", regions="grid", random_state=0).fit_transform(X)
    Bags(n_samples=6, n_features=128, 26 instances per bag, with boxes)
    """

    regions: str = "boxes"
    n_regions: int = 10
    whole_image: bool = True
    crop_size: Any = None
    pooling: str = "max"

    _parameter_constraints = {
        "regions": [str],
        "n_regions": [Interval(Integral, 1, None, closed="left")],
        "whole_image": ["boolean"],
        "crop_size": [Interval(Integral, 1, None, closed="left"), tuple, list, None],
        "pooling": [StrOptions({"max", "mean"})],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Build the network; nothing is learned.

        Parameters
        ----------
        X : Images, or what `Images` takes
            The images.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        RegionFeatures
            The fitted transformer.

        Raises
        ------
        ValueError
            If the parameters do not fit together or do not fit the images, or there are no
            boxes where they are needed.
        ImportError
            If transformers is needed and cannot be imported.
        """
        with unchanged_if_it_fails(self):
            self._check_parameters()
            images = self._read_input(X, reset=True)
            shape = images.image_shape
            if self.crop_size is not None:
                shape = (images.n_channels, *self._crop_shape())
            self.network_ = self._make_network(shape)
            if self.regions.startswith(DETR):
                name = self.regions.removeprefix(DETR)
                detr = load_detr(name, images.n_channels, self.n_regions).requires_grad_(
                    False
                )
                self.network_ = Detector(self.network_, detr, self.n_regions).eval()
        return self

    @torch.no_grad()
    def transform(self, X):
        """Return the regions of images.

        Parameters
        ----------
        X : Images, or what `Images` takes
            The images.

        Returns
        -------
        Bags
            One per image: features of type float32, and boxes from 0 (left, top) to 1 (right,
            bottom).

        Raises
        ------
        ValueError
            If the images have other channels than in `fit`, different sizes without
            `crop_size`, or no boxes where they are needed.
        """
        check_is_fitted(self)
        images = self._read_input(X, reset=False)
        read = self._read_whole if self.crop_size is None else self._read_cut_outs
        if self.crop_size is None:
            check_one_size(images)
        network = self._network_on(self._device())
        parts = [read(network, images, rows) for rows in self._batches(len(images))]
        instances, boxes, lengths = map(np.concatenate, zip(*parts))
        return Bags.from_flat(instances, offsets_of(lengths), boxes)

    def _check_parameters(self):
        """Raise an error if the parameters do not fit together."""
        if self.regions not in ("boxes", "grid") and not self.regions.startswith(DETR):
            raise ValueError(
                "regions must be 'boxes', 'grid', or 'detr:' and the folder or the name of a "
                f"DETR; got {self.regions!r}. "
                f"{did_you_mean(self.regions, ('boxes', 'grid'))}".rstrip()
            )
        if self.crop_size is not None and self.regions != "boxes":
            raise ValueError(
                "crop_size must be None where regions are not 'boxes'; got "
                f"{self.crop_size!r} for {self.regions!r}."
            )
        if self.weights is not None and self.regions.startswith(DETR):
            raise ValueError(
                f"weights must be None for regions={self.regions!r}, which has its own."
            )

    def _crop_shape(self):
        """Return height and width of the cut-outs."""
        size = self.crop_size
        shape = (size, size) if isinstance(size, Integral) else tuple(size)
        if len(shape) != 2 or not all(isinstance(n, Integral) and n >= 1 for n in shape):
            raise ValueError(
                "crop_size must be None, a number of pixels or a pair of height and width; "
                f"got {size!r}."
            )
        return shape

    def _encoder(self):
        """Return the specification of the network; of DETR, of what comes before it."""
        if self.regions.startswith(DETR):
            return ImageEncoder(nn.Identity(), size=self.size, normalize=self.normalize)
        return super()._encoder()

    def _read_input(self, X, reset):
        """Return X as images that have the boxes that are needed."""
        images = super()._read_input(X, reset)
        if self.regions != "boxes":
            return images
        if images.boxes is None:
            raise ValueError(
                "X must be Images with boxes for regions='boxes': use Images(images, "
                "boxes=...), or regions='grid'."
            )
        without = np.diff(images.box_offsets) == 0
        if without.any() and not self.whole_image:
            raise ValueError(
                "X must have a box in every image where whole_image=False; image "
                f"{without.argmax()} has none."
            )
        return images

    def _read_whole(self, network, images, rows):
        """Return the instances of some images, their boxes and numbers, from whole images."""
        cells = encode(network, images.read(rows), self._device())
        regions, cells = cells if isinstance(cells, tuple) else (cells, cells)
        if self.regions == "boxes":
            boxes, offsets = images.read_boxes(rows)
            instances = pool_boxes(as_maps(cells), boxes, offsets, self.pooling)
        else:
            instances, boxes = regions.values, _to_numpy(regions.boxes)
            offsets = np.linspace(0, len(boxes), len(rows) + 1, dtype=np.int64)
        instances = _to_numpy(instances)
        if self.whole_image:
            whole = _to_numpy(pool(cells, self.pooling))
            instances = _insert_last(instances, offsets, whole)
            boxes = _insert_last(boxes, offsets, WHOLE)
        return instances, np.float32(boxes), np.diff(offsets) + self.whole_image

    def _read_cut_outs(self, network, images, rows):
        """Return the same, of a network that sees each region by itself."""
        boxes, offsets = images.read_boxes(rows)
        if self.whole_image:
            boxes = _insert_last(boxes, offsets, WHOLE)
            offsets = offsets + np.arange(len(offsets))
        shape, instances = self._crop_shape(), []
        # One image after another, as they may differ in size.
        cut_outs = np.concatenate(
            [
                cut_out(images.read([row])[0], boxes[start:stop], shape)
                for row, (start, stop) in zip(rows, pairwise(offsets))
            ]
        )
        for start in range(0, len(cut_outs), self.batch_size):
            part = cut_outs[start : start + self.batch_size]
            nodes = encode(network, part, self._device())
            instances.append(_to_numpy(pool(nodes, self.pooling)))
        return np.concatenate(instances), np.float32(boxes), np.diff(offsets)


def _insert_last(values, offsets, extra):
    """Put one more row at the end of the rows of each sample."""
    return np.insert(values, offsets[1:], extra, axis=0)


def _to_numpy(tensor):
    """Return a tensor as an array of float32."""
    return tensor.float().cpu().numpy()

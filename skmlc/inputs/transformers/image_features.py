"""Features of images from a network that is not trained, computed once."""

import os
from typing import Any

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ...failed_fit import unchanged_if_it_fails
from ...nn.pooling import pool
from .feature_files import FeatureFile, identity_of_images
from .frozen_network import FrozenImageNetwork, as_maps, check_one_size, encode

__all__ = ["ImageFeatures"]


def _gives_vectors(transformer):
    """Whether the features of an image are a vector, whose entries have names."""
    return transformer.output == "pooled"


class ImageFeatures(ClassNamePrefixFeaturesOutMixin, FrozenImageNetwork):
    """Run a convolutional network over images, and give its features.

    The network is not trained, so that it runs once per image whatever is learned from the
    features; in a `Pipeline` with `memory`, once for all fits.  A named network without
    `weights` has random ones and gives random features: load those of a trained one, or pass
    the network of a fitted classifier, ``ImageFeatures(classifier.module_.encoder.backbone)``.

    Parameters
    ----------
    output : {"pooled", "map"}, default="pooled"
        Whether an image becomes a vector, or a feature map.  Feature maps are images again to
        every estimator; those of more than four channels are read without a backbone.
    pooling : {"max", "mean"}, default="max"
        What is taken of each channel where `output` is "pooled".
    cache : str or path-like, default=None
        A folder, made if it is not there, in which the features are kept: they are written as
        they are computed and given as a memory map, so that they need not fit into memory.
        The same network and images find them again, and what was interrupted is gone on with.
    **inherited
        Those of running a network over images: see `FrozenImageNetwork`.

    Attributes
    ----------
    network_ : nn.Module
        The frozen network, from a `Batch` of images to `Nodes`; on the CPU.
    n_features_in_ : int
        The number of channels of the images.

    See Also
    --------
    RegionFeatures : Turns images into bags of regions with boxes.
    ImageEncoder : Trains the network with the classifier.

    Notes
    -----
    Network, `size` and `normalize` must be those that the network was trained with for its
    features to mean what they did.

    In `cache` features are known by the weights and the structure of the network, by the
    parameters, and by the contents of arrays or the names, sizes and times of image files.  Of
    a function as `backbone` its code counts, and of a module not what its methods do.  Nothing
    is ever deleted there.

    Examples
    --------
    >>> from skmlc.datasets import load_digit_scenes
    >>> from skmlc.inputs import ImageFeatures
    >>> X = load_digit_scenes(6).images
    >>> features = ImageFeatures("tiny", random_state=0).fit(X)
    >>> features.transform(X).shape
    (6, 128)
    >>> features.set_params(output="map").transform(X).shape
    (6, 128, 5, 5)
    """

    output: str = "pooled"
    pooling: str = "max"
    cache: Any = None

    _parameter_constraints = {
        "cache": [str, os.PathLike, None],
        "output": [StrOptions({"pooled", "map"})],
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
        ImageFeatures
            The fitted transformer.

        Raises
        ------
        ValueError
            If backbone, weights and images do not fit together.
        ImportError
            If a backbone of Hugging Face is asked for and transformers cannot be imported.
        """
        with unchanged_if_it_fails(self):
            images = self._read_input(X, reset=True)
            self.network_ = self._make_network(images.image_shape)
            self._n_features_out = self.network_.node_size
        return self

    @torch.no_grad()
    def transform(self, X):
        """Return the features of images.

        Parameters
        ----------
        X : Images, or what `Images` takes
            The images.

        Returns
        -------
        ndarray of float32 of shape (n_samples, D) or (n_samples, D, h, w)
            Vectors or feature maps, as `output` says; with `cache` a memory map, which cannot
            be written to.

        Raises
        ------
        ValueError
            If the images have other channels than in `fit`, or different sizes, or `cache`
            cannot be made.
        """
        check_is_fitted(self)
        images = self._read_input(X, reset=False)
        check_one_size(images)
        if self.cache is not None:
            return self._cached(images)
        features = None
        for rows, part in self._parts(images):
            if features is None:
                features = np.empty((len(images), *part.shape[1:]), dtype=np.float32)
            features[rows] = part
        return features

    def _parts(self, images, first=0):
        """Yield the rows of each batch from the first one on, with their features."""
        device = self._device()
        network = self._network_on(device)
        for rows in self._batches(len(images), first):
            nodes = encode(network, images.read(rows), device)
            part = as_maps(nodes) if self.output == "map" else pool(nodes, self.pooling)
            yield rows, part.float().cpu().numpy()

    def _cached(self, images):
        """Return the features from the file that has them, which is written if need be."""
        names = ("backbone", "size", "normalize", "output", "pooling")
        parameters = {name: getattr(self, name) for name in names}
        identity = [self.network_, parameters, identity_of_images(images)]
        file = FeatureFile(self.cache, identity, len(images))
        if (features := file.read()) is None:
            file.write(
                self.batch_size, lambda first: (p for _, p in self._parts(images, first))
            )
            features = file.read()
        return features

    @available_if(_gives_vectors)
    def get_feature_names_out(self, input_features=None):
        """Return the names of the features, where `output` is "pooled".

        Parameters
        ----------
        input_features : Ignored
            Not used, present for API consistency.

        Returns
        -------
        ndarray of str of shape (D,)
            The names.
        """
        return super().get_feature_names_out(input_features)

"""Features of texts from a pretrained network that is not trained, computed once."""

import os
from dataclasses import field
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ...failed_fit import unchanged_if_it_fails
from ...nn.nodes import Batch, Group, Layout
from ...nn.pooling import pool
from ..containers import Bags, Texts
from ..encoders.texts import TextEncoder
from .frozen_network import FrozenNetwork

__all__ = ["TextFeatures"]


def _gives_vectors(transformer):
    """Whether the features of a text are a vector, whose entries have names."""
    return transformer.output == "pooled"


class TextFeatures(ClassNamePrefixFeaturesOutMixin, FrozenNetwork):
    """Run a pretrained network over texts, and give its features.

    The network is not trained, so that it runs once per text whatever is learned from the
    features; in a `Pipeline` with `memory`, once for all fits.  As `label_embedding` of a
    classifier it makes the vectors of the labels from their names.

    Parameters
    ----------
    model : str, path-like or (tokenizer, nn.Module)
        The local folder or the name of a model on the Hugging Face hub; or a fast tokenizer,
        of transformers or of tokenizers, and a module that takes `input_ids` and
        `attention_mask` of shape (n, S) and gives hidden states (n, S, D).
    output : {"pooled", "tokens"}, default="pooled"
        Whether a text becomes a vector, or a bag with one instance per token.
    pooling : {"mean", "max"}, default="mean"
        What is taken of the tokens where `output` is "pooled".
    layers : int, default=None
        How many layers of the network are read; None for all.
    max_length : int, default=None
        How many tokens of a text the network reads at a time; None for its limit.
    long_texts : {"cut", "windows"}, default="cut"
        What to do with the rest of a text: leave it out, with a warning, or read it in windows,
        one after another, whose tokens know nothing of other windows.
    **inherited
        Those of running a network: see `FrozenNetwork`.

    Attributes
    ----------
    network_ : nn.Module
        The frozen network, from a `Batch` of tokens to `Nodes`; on the CPU.

    See Also
    --------
    TextEncoder : Trains the network with the classifier, or adds a linear model of the tokens.

    Examples
    --------
    >>> from skmlc.inputs import TextFeatures
    >>> TextFeatures("sentence-transformers/all-MiniLM-L6-v2", output="tokens")
    TextFeatures(model='sentence-transformers/all-MiniLM-L6-v2', output='tokens')
    """

    _noun, _networks = "text", ("model",)

    model: Any = field(kw_only=False)
    output: str = "pooled"
    pooling: str = "mean"
    layers: int | None = None
    max_length: int | None = None
    long_texts: str = "cut"

    _parameter_constraints = {
        "model": [str, os.PathLike, tuple],
        "output": [StrOptions({"pooled", "tokens"})],
        "pooling": [StrOptions({"mean", "max"})],
        "layers": [Interval(Integral, 1, None, closed="left"), None],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "long_texts": [StrOptions({"cut", "windows"})],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Load the network; nothing is learned.

        Parameters
        ----------
        X : Texts, or what `Texts` takes
            The texts.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        TextFeatures
            The fitted transformer.

        Raises
        ------
        ValueError
            If there is no such model.
        ImportError
            If transformers cannot be imported.
        """
        with unchanged_if_it_fails(self):
            Texts(X)
            names = ("model", "layers", "max_length", "long_texts")
            encoder = TextEncoder(**{name: getattr(self, name) for name in names})
            self._tokenizer = encoder.make_tokenizer()
            network = encoder.make("texts", self._tokenizer.n_tokens, None)
            self.network_ = network.eval().requires_grad_(False)
            self._n_features_out = network.node_size
        return self

    @torch.no_grad()
    def transform(self, X):
        """Return the features of texts.

        Parameters
        ----------
        X : Texts, or what `Texts` takes
            The texts.

        Returns
        -------
        ndarray of float32 of shape (n_samples, D) or Bags of n_samples
            Vectors, or bags of the tokens' vectors in their order, as `output` says.
        """
        check_is_fitted(self)
        X = self._tokenizer(Texts(X))
        device = self._device()
        network = self._network_on(device)
        order = np.argsort(X.lengths, kind="stable")  # hardly any padding
        parts = [
            self._features(network, _batch_of(X, order[here]).to(device))
            for here in self._batches(len(X))
        ]
        places = np.argsort(order)
        if self.output == "pooled":
            return np.concatenate(parts)[places]
        instances = [sample for part in parts for sample in part]
        return Bags([instances[i] for i in places])

    def _features(self, network, batch):
        """Return the features of a batch: vectors (n, D), or a list of (n_tokens, D)."""
        nodes = network(batch)
        if self.output == "pooled":
            return pool(nodes, self.pooling).cpu().numpy()
        return nodes.per_sample()

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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def _batch_of(X, rows):
    """Return some texts, which are in order of their numbers of tokens, as a batch."""
    texts = X[rows]
    n_nodes = max(1, int(texts.lengths.max()))
    present = np.arange(n_nodes) < texts.lengths[:, None]  # (n, S)
    ids = np.zeros(present.shape, dtype=np.int64)
    ids[present] = texts.tokens
    mask = None if present.all() else torch.from_numpy(present)
    group = Group(slice(0, len(rows)), slice(0, ids.size), len(rows), n_nodes, mask)
    return Batch(Layout((group,), len(rows)), ids=torch.from_numpy(ids.ravel()))

"""The encoder of sequences of few letters: a node is a place where convolutions look."""

from dataclasses import field, replace
from itertools import pairwise
from numbers import Integral

import torch
import torch.nn.functional as F
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from ...nn.nodes import Group, Nodes
from ...parameters import ParameterFields
from .tokens import SinusoidalPositions

__all__ = ["ConvolutionEncoder", "pooled_layout"]


class ConvolutionEncoder(ParameterFields, BaseEstimator):
    r"""Encode `Sequences` of few letters, such as DNA, by convolutions over one-hot letters.

    A single letter says nothing; what matters is which ones stand side by side. The first
    convolution finds such patterns, and a node is the maximum of some places that follow each
    other, as LaMP reads DNA [1]_. It is for small vocabularies, which are one-hot encoded.

    Parameters
    ----------
    width : int, default=8
        How many letters, and in further layers nodes, a convolution sees at a time. As many as
        patterns have letters is best: with much more, few samples teach little (measured).
    n_layers : int, default=1
        The number of convolutions, each followed by a ReLU.
    pool : int, default=2
        How many places make one node, after the first convolution; 1 leaves one node for each
        letter.
    positions : {"sinusoidal", None}, default=None
        Whether the place of a node in the sequence is added to it.

    See Also
    --------
    TokenEncoder : Embeds each token by itself, as for texts.
    TokenSequencer : With ``token_pattern=r"\w"`` turns strings into sequences of letters.

    Notes
    -----
    The convolutions pad sequences with zeros: the first one has as many places as letters.
    LaMP's program has two layers of width 16.

    References
    ----------
    .. [1] J. Lanchantin, A. Sekhon, Y. Qi, "Neural Message Passing for Multi-Label
       Classification", ECML-PKDD 2019, arXiv:1904.08049: the sites that proteins bind to. The
       paper does not say how it reads DNA; its program does.

    Examples
    --------
    Label 0 holds where a sequence has the letters CACGTG, label 1 where it has GGGCGG.

    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from skmlc import LaMPClassifier
    >>> from skmlc.inputs import ConvolutionEncoder, TokenSequencer
    >>> rng = np.random.default_rng(0)
    >>> Y = rng.integers(0, 2, size=(20, 2))
    >>> dna = ["".join(rng.choice(list("ACGT"), 30)) for _ in Y]
    >>> dna = [s + a * "CACGTG" + b * "GGGCGG" for s, (a, b) in zip(dna, Y)]
    >>> model = make_pipeline(
    ...     TokenSequencer(token_pattern=r"\w"),
    ...     LaMPClassifier(encoder=ConvolutionEncoder(6), max_epochs=2, random_state=0),
    ... )
    >>> model.fit(dna, Y).predict_proba(["ACGTCACGTGNN"]).shape
    (1, 2)
    """

    kinds = ("sequences",)

    width: int = field(default=8, kw_only=False)
    n_layers: int = 1
    pool: int = 2
    positions: str | None = None

    _parameter_constraints = {
        "width": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "pool": [Interval(Integral, 1, None, closed="left")],
        "positions": [StrOptions({"sinusoidal"}), None],
    }

    def make(self, kind, n_inputs, hidden_size):
        """Build the module.

        Parameters
        ----------
        kind : {"sequences"}
            What a batch holds.
        n_inputs : int
            The number of letters.
        hidden_size : int
            The size of a node.

        Returns
        -------
        nn.Module
            Maps a `Batch` to `Nodes`.
        """
        positions = None if self.positions is None else SinusoidalPositions(hidden_size)
        return _Places(
            n_inputs, hidden_size, self.width, self.n_layers, self.pool, positions
        )


# Module -------------------------------------------------------------------------------------


class _Places(nn.Module):
    """One node per `pool` places of a sequence of one-hot letters."""

    def __init__(self, n_letters, hidden_size, width, n_layers, pool, positions):
        super().__init__()
        self.n_letters, self.node_size, self.pool = n_letters, hidden_size, pool
        sizes = [n_letters] + n_layers * [hidden_size]
        self.width = width
        self.convolutions = nn.ModuleList(
            _he_convolution(a, b, width) for a, b in pairwise(sizes)
        )
        self.positions = positions

    def forward(self, batch):
        """Return the nodes of a batch of letters."""
        layout = pooled_layout(batch.layout, self.pool)
        dtype = self.convolutions[0].weight.dtype
        letters = torch.arange(self.n_letters, device=batch.ids.device)
        # Not `one_hot`, which waits for the device; padding and dropped letters are zeros.
        one_hot = (batch.ids[:, None] == letters).to(dtype) * batch.values[
            :, None
        ]  # (R, V)
        values = [
            self._convolve(x.transpose(1, 2), before, after).transpose(1, 2).flatten(0, 1)
            for (before, x), after in zip(
                Nodes(one_hot, batch.layout).groups(), layout.groups, strict=True
            )
        ]
        nodes = torch.cat(values)  # (R', D)
        if self.positions is not None:
            nodes = nodes + self.positions(layout)
        return Nodes(nodes, layout)

    def _convolve(self, x, before, after):
        """Return the places (n, D, S') of letters (n, V, S), of groups before and after."""
        around = (self.width - 1) // 2, self.width // 2
        for k, convolution in enumerate(self.convolutions):
            x = convolution(F.pad(x, around))  # (n, D, S)
            # Zeros behind the end, as if nothing stood there; the maximum leaves them out.
            x = torch.relu(_zero_padding(x, after if k else before))
            if k == 0:
                x = F.max_pool1d(F.pad(x, (0, -x.shape[2] % self.pool)), self.pool)
        return x


def _he_convolution(in_size, out_size, width):
    """Return a convolution whose outputs, rectified, keep the scale of its inputs."""
    convolution = nn.Conv1d(in_size, out_size, width)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution


def _zero_padding(x, group):
    """Set what is no place of a sequence to zero, in x (n, D, S)."""
    return x if group.mask is None else x * group.mask[:, None]


def pooled_layout(layout, pool):
    """Return the layout of sequences of which each `pool` places became one.

    Parameters
    ----------
    layout : Layout
        Of the sequences, each of which begins at the first place of its row.
    pool : int
        How many places; the last ones of a sequence may be fewer.

    Returns
    -------
    Layout
        With a node where there was a place.

    Examples
    --------
    >>> from skmlc.inputs.encoders.convolutions import pooled_layout
    >>> from skmlc.nn.nodes import Layout
    >>> pooled_layout(Layout.regular(2, 5), 3).groups[0].n_nodes
    2
    """
    if pool == 1:
        return layout
    groups, row, real = [], 0, []
    for group in layout.groups:
        n_nodes = -(-group.n_nodes // pool)
        rows = slice(row, row + group.n_samples * n_nodes)
        row = rows.stop
        mask = None if group.mask is None else group.mask[:, ::pool]
        groups.append(Group(group.samples, rows, group.n_samples, n_nodes, mask))
        if layout.real is not None:
            real.append(group.padded(layout.real)[:, ::pool].flatten())
    counts = None if layout.counts is None else (layout.counts + pool - 1) // pool
    return replace(
        layout,
        groups=tuple(groups),
        real=torch.cat(real) if real else None,
        counts=counts,
    )

"""The encoder of texts: a node is a token of a pretrained network."""

import os
from dataclasses import field
from numbers import Integral, Real
from typing import Any

import torch
import torch.nn.functional as F
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from ...nn.nodes import Layout, Nodes
from ...nn.pooling import pool
from ...parameters import ParameterFields
from .freezing import WithBackbone
from .language_models import (
    TextTokenizer,
    hidden_states,
    layers_of,
    load_language_model,
)

__all__ = ["TextEncoder", "TokenNodes"]

# Of a pretrained network; a fiftieth of the usual 2e-3.
FINE_TUNING_FACTOR = 0.02


class TextEncoder(ParameterFields, BaseEstimator):
    """Encode `Texts` by a pretrained network: a node is one of its tokens.

    Parameters
    ----------
    model : str, path-like or (tokenizer, nn.Module)
        The local folder or the name of a model on the Hugging Face hub; or a fast tokenizer,
        of transformers or of tokenizers, and a module that takes `input_ids` and
        `attention_mask` of shape (n, S) and gives hidden states (n, S, D), which are copied.
    freeze : bool, int or str, default=True
        What of the network is not trained: True for all of it, which is computed once per fit;
        False for nothing; a number for the embeddings and so many layers; or the name of a
        part, for that part and those before it.
    layers : int, default=None
        How many layers of the network are read; None for all.
    max_length : int, default=None
        How many tokens of a text the network reads at a time; None for its limit.
    long_texts : {"cut", "windows"}, default="cut"
        What to do with the rest of a text: leave it out, with a warning, or read it in windows,
        one after another, whose tokens know nothing of other windows.
    pooling : {"mean", "max"}, default=None
        Makes one node of the tokens of a text; None leaves one node per token.
    learning_rate_factor : float, default=0.02
        The learning rate of the network relative to that of the rest.
    layer_decay : float, default=1.0
        The learning rate of each layer relative to that of the layer above, in (0, 1].
    gradient_checkpointing : bool, default=False
        Whether hidden states are computed again for the gradient, and not kept: slower, with
        less memory.  Of networks from transformers only.

    See Also
    --------
    TextFeatures : Runs such a network once, as a transformer.
    TokenEncoder : Learns vectors of words from nothing.

    Examples
    --------
    >>> from skmlc.inputs import TextEncoder
    >>> TextEncoder("sentence-transformers/all-MiniLM-L6-v2", freeze=False)
    TextEncoder(freeze=False, model='sentence-transformers/all-MiniLM-L6-v2')
    """

    kinds = ("texts",)

    model: Any = field(kw_only=False)
    freeze: bool | int | str = True
    layers: int | None = None
    max_length: int | None = None
    long_texts: str = "cut"
    pooling: str | None = None
    learning_rate_factor: float = FINE_TUNING_FACTOR
    layer_decay: float = 1.0
    gradient_checkpointing: bool = False

    _parameter_constraints = {
        "model": [str, os.PathLike, tuple],
        "freeze": ["boolean", Interval(Integral, 0, None, closed="left"), str],
        "layers": [Interval(Integral, 1, None, closed="left"), None],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "long_texts": [StrOptions({"cut", "windows"})],
        "pooling": [StrOptions({"mean", "max"}), None],
        "learning_rate_factor": [Interval(Real, 0, None, closed="neither")],
        "layer_decay": [Interval(Real, 0, 1, closed="right")],
        "gradient_checkpointing": ["boolean"],
    }

    def make_tokenizer(self):
        """Load the tokenizer.

        Returns
        -------
        TextTokenizer
            Maps `Texts` to their tokens.

        Raises
        ------
        ImportError
            If transformers cannot be imported.
        TypeError, ValueError
            If there is no such model, or it is not as described above.
        """
        self._check_model()
        return TextTokenizer.load(self.model, self.max_length, self.long_texts == "windows")

    def make(self, kind, n_inputs, hidden_size):
        """Build the module.

        Parameters
        ----------
        kind : {"texts"}
            What a batch holds.
        n_inputs : int
            The size of the vocabulary.
        hidden_size : int or None
            The size of a node; None leaves the hidden states as they are.

        Returns
        -------
        nn.Module
            Maps a `Batch` to `Nodes`.

        Raises
        ------
        ImportError
            If transformers cannot be imported.
        ValueError
            If there is no such model, or it is not as described above.
        """
        self._check_model()
        backbone = load_language_model(self.model, self.layers)
        if self.gradient_checkpointing:
            _save_memory(backbone)
        tokenizer = self.make_tokenizer()
        return TokenNodes(
            backbone,
            hidden_size,
            window=tokenizer.max_length if tokenizer.windows else None,
            pooling=self.pooling,
            freeze=_frozen_part(backbone, self.freeze),
            learning_rates=self._learning_rates(backbone),
        )

    def _check_model(self):
        """Raise an error for a parameter that is not as described above."""
        self._validate_params()
        if isinstance(self.model, tuple) and not (
            len(self.model) == 2 and isinstance(self.model[1], nn.Module)
        ):
            raise TypeError(
                "model must be a name, a folder or (tokenizer, module); got a tuple of "
                f"{', '.join(type(part).__name__ for part in self.model)}."
            )

    def _learning_rates(self, backbone):
        """Return the relative learning rates of the layers, by patterns of names."""
        whole = {"backbone.*": float(self.learning_rate_factor)}
        if self.layer_decay == 1:
            return whole
        name, layers = layers_of(backbone)
        rates, rate = {}, float(self.learning_rate_factor)
        for i in reversed(range(len(layers))):
            rates[f"backbone.{name}.{i}.*"] = rate
            rate *= self.layer_decay
        # What comes after the layers learns as the last one, what comes before as the rest.
        names = [n for n, _ in backbone.named_parameters()]
        last = max(i for i, n in enumerate(names) if n.startswith(f"{name}."))
        rates |= dict.fromkeys(
            (f"backbone.{n}" for n in names[last + 1 :]), whole["backbone.*"]
        )
        return {**rates, "backbone.*": rate}


def _frozen_part(backbone, freeze):
    """Return what is frozen as a truth value or the name of the last part."""
    if isinstance(freeze, bool | str):
        return freeze
    name, layers = layers_of(backbone)
    if freeze > len(layers):
        raise ValueError(
            f"freeze must be at most {len(layers)}, the layers of the model; got {freeze}."
        )
    if freeze:
        return f"{name}.{freeze - 1}"
    # The parts before the layers.
    parts = [n for n, _ in backbone.named_children()]
    first = parts.index(name.partition(".")[0])
    return parts[first - 1] if first else False


def _save_memory(backbone):
    """Have a network of transformers compute its hidden states again for the gradient."""
    # The name of newer versions, and of older ones.
    names = ("activation_checkpointing_enable", "gradient_checkpointing_enable")
    enable = next((getattr(backbone, n) for n in names if hasattr(backbone, n)), None)
    if enable is None:
        raise ValueError(
            "gradient_checkpointing needs a module of transformers; got "
            f"{type(backbone).__name__}."
        )
    enable({"use_reentrant": False})
    # Hooks for adapters, which would have gradients computed down to frozen embeddings.
    if getattr(backbone, "_require_grads_hooks", None):
        backbone.disable_input_require_grads()


# Module -------------------------------------------------------------------------------------


class TokenNodes(WithBackbone):
    """One node per token: its hidden state in a network of text, or a linear image of it.

    Parameters
    ----------
    backbone : nn.Module
        The network.
    hidden_size : int or None
        The size of a node; None leaves the hidden states as they are.
    window : int, default=None
        How many tokens of a text the network reads at a time; None for all.
    pooling : {"mean", "max"}, default=None
        Makes one node of all.
    freeze, learning_rates : object
        As of `WithBackbone`.
    """

    def __init__(
        self,
        backbone,
        hidden_size,
        *,
        window=None,
        pooling=None,
        freeze=False,
        learning_rates=None,
    ):
        super().__init__(backbone, freeze=freeze, learning_rates=learning_rates)
        self.window, self.pooling = window, pooling
        self.n_features = width = self._count_features()
        self.linear = None if hidden_size is None else nn.Linear(width, hidden_size)
        self.node_size = width if hidden_size is None else hidden_size

    def _count_features(self):
        """Return the size of a hidden state, of one token that every vocabulary has."""
        like = next(self.backbone.parameters(), torch.empty(0))
        ids = torch.zeros(1, 1, dtype=torch.int64, device=like.device)
        was_training, mask = self.backbone.training, torch.ones_like(ids)
        try:
            with torch.no_grad():
                output = self.backbone.eval()(input_ids=ids, attention_mask=mask)
        except Exception as error:
            raise ValueError(
                "The module of model must take input_ids and attention_mask of shape (n, S); "
                f"it raised {type(error).__name__}: {error}"
            ) from error
        finally:
            self.backbone.train(was_training)
        return hidden_states(output).shape[2]

    def forward(self, batch):
        """Return the nodes of a batch of tokens."""
        nodes = Nodes(self.features(batch), batch.layout)  # (R, F)
        if self.pooling is not None:
            n_samples = batch.layout.n_samples
            nodes = Nodes(pool(nodes, self.pooling), Layout.regular(n_samples, 1))  # (N, F)
        if self.linear is None:
            return nodes
        return Nodes(self.linear(nodes.values), nodes.layout)  # (R, D)

    def features(self, batch):
        """Return the hidden states of the tokens (R, F)."""
        if batch.features is not None:  # computed once
            return batch.features
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self._no_grad):
            states = [self._states(g, g.padded(batch.ids)) for g in batch.layout.groups]
        return torch.cat(states)  # (R, F)

    def _states(self, group, ids):
        """Return the hidden states (n * S, F) of the tokens (n, S) of a group."""
        mask = torch.ones_like(ids) if group.mask is None else group.mask.to(ids.dtype)
        n_tokens = ids.shape[1]
        if self.window is None or n_tokens <= self.window:
            return self._run(ids, mask).flatten(0, 1)
        padding = -n_tokens % self.window
        ids, mask = (F.pad(x, (0, padding)).view(-1, self.window) for x in (ids, mask))
        real = mask.any(1)  # not of padding alone, which would attend to nothing
        states = self._run(ids[real], mask[real])
        padded = states.new_zeros(len(ids), *states.shape[1:])  # (n * W, w, F)
        padded[real] = states
        padded = padded.view(group.n_samples, n_tokens + padding, -1)
        return padded[:, :n_tokens].flatten(0, 1)

    def _run(self, ids, mask):
        """Return the hidden states (n, S, F) of tokens (n, S)."""
        return hidden_states(self.backbone(input_ids=ids, attention_mask=mask))

    @property
    def gives_features(self):
        """Whether the hidden states of a token do not change in training."""
        return self._no_grad

"""Pretrained networks of text: their tokenizers, their weights, and where their layers are."""

import copy
import os
import warnings
from contextlib import contextmanager
from itertools import chain

import numpy as np
import torch
from torch import nn

from ..containers.base import offsets_of
from ..containers.texts import TokenizedTexts

__all__ = ["TextTokenizer", "hidden_states", "layers_of", "load_language_model"]

NEEDED = "must be installed for texts: pip install skmlc[text]."
# Tokenizers without a limit have a huge one.
NO_LIMIT = 10**6


class TextTokenizer:
    """Turns texts into the tokens of a pretrained network, which reads so many at a time.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
        Fast; it is copied.
    max_length : int or None
        How many tokens at most, special ones included.
    windows : bool, default=False
        What to do with the rest of a text: leave it out with a warning, or have it follow, in
        windows of `max_length` tokens each, but for the last.
    """

    def __init__(self, tokenizer, max_length, windows=False):
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.no_padding()
        if max_length is not None:
            tokenizer.enable_truncation(max_length)
        self.tokenizer, self.max_length, self.windows = tokenizer, max_length, windows

    @classmethod
    def load(cls, model, max_length=None, windows=False):
        """Return the tokenizer of a pretrained network.

        Parameters
        ----------
        model : str, path-like or (tokenizer, nn.Module)
            As `TextEncoder` takes it.
        max_length : int, default=None
            How many tokens at most; None for the limit of the tokenizer.
        windows : bool, default=False
            Whether the rest of a text follows.

        Returns
        -------
        TextTokenizer
            A copy.

        Raises
        ------
        ImportError
            If transformers cannot be imported.
        TypeError
            If the tokenizer is not a fast one.
        ValueError
            If there is no such model.
        """
        is_given = isinstance(model, tuple)
        tokenizer = model[0] if is_given else _load_tokenizer(model)
        fast = getattr(tokenizer, "backend_tokenizer", tokenizer)
        if not hasattr(fast, "encode_batch"):
            raise TypeError(
                "model must have a fast tokenizer, of the package tokenizers; got "
                f"{type(tokenizer).__name__}."
            )
        limits = [getattr(tokenizer, "model_max_length", None)]
        limits += [_n_positions(model[1])] if is_given else []
        limits = [limit for limit in limits if limit is not None and limit < NO_LIMIT]
        if not limits and fast.truncation:
            limits = [fast.truncation["max_length"]]
        if not limits and not is_given:
            limits = _limits_of_settings(model)
        limit = min(limits, default=None)
        if max_length is not None and limit is not None and max_length > limit:
            raise ValueError(
                f"max_length must be at most {limit}, the limit of the model; got {max_length}."
            )
        return cls(fast, limit if max_length is None else max_length, windows)

    @property
    def n_tokens(self):  # numpydoc ignore=RT01
        """The size of the vocabulary."""
        ids = self.tokenizer.get_vocab().values()  # which may have gaps
        return max(ids, default=0) + 1

    def __call__(self, texts):
        """Return texts with their tokens, and warn if some were cut.

        Parameters
        ----------
        texts : Texts
            The texts.

        Returns
        -------
        TokenizedTexts
            The tokens, special ones included.
        """
        encodings = self.tokenizer.encode_batch(texts.texts.tolist())
        if not self.windows:
            self._warn_of_cuts(encodings)
        parts = [self._parts(encoding) for encoding in encodings]
        offsets = offsets_of([sum(map(len, of_text)) for of_text in parts])
        ids = [
            np.asarray(part.ids, dtype=np.int64) for of_text in parts for part in of_text
        ]
        return TokenizedTexts.of(texts, np.concatenate(ids), offsets, self.n_tokens)

    def _parts(self, encoding):
        """Return the parts of a text that are read."""
        return [encoding, *(encoding.overflowing if self.windows else ())]

    def _warn_of_cuts(self, encodings):
        """Warn of texts that are longer than the limit."""
        left_out = [sum(map(_n_words, encoding.overflowing)) for encoding in encodings]
        n_cut = np.count_nonzero(left_out)
        if n_cut:
            share = sum(left_out) / (sum(left_out) + sum(map(_n_words, encodings)))
            warnings.warn(
                f"{n_cut} of {len(encodings)} texts have more than max_length="
                f"{self.max_length} tokens and are cut there, which leaves out {share:.0%} of "
                "all tokens.",
                UserWarning,
                stacklevel=3,
            )

    def words(self, texts):
        """Return what the tokens of texts are parts of.

        Parameters
        ----------
        texts : sequence of str
            The texts.

        Returns
        -------
        list of (ndarray of int of shape (n_tokens,), list of str)
            For each text, the word of each token, and the words: as they stand in the text, or
            the name of a special token.
        """
        encodings = self.tokenizer.encode_batch(list(texts))
        return [
            _words(text, self._parts(encoding)) for text, encoding in zip(texts, encodings)
        ]


def _n_positions(module):
    """Return how many tokens a network has positions for; None if it does not say."""
    n_positions = getattr(getattr(module, "config", None), "max_position_embeddings", None)
    if n_positions is None:
        return None
    # RoBERTa and those like it count from behind the position of padding.
    tables = (p for n, p in module.named_modules() if n.endswith("position_embeddings"))
    unused = [
        p.padding_idx + 1 for p in tables if getattr(p, "padding_idx", None) is not None
    ]
    return n_positions - max(unused, default=0)


def _n_words(encoding):
    """Return the number of tokens that stand for a part of the text."""
    return len(encoding) - sum(encoding.special_tokens_mask)


def _words(text, parts):
    """Return the word of each token of a text, which is in parts, and the words."""
    places, spans, last = [], [], None
    tokens = (zip(part.word_ids, part.offsets, part.tokens) for part in parts)
    for word, (start, stop), token in chain.from_iterable(tokens):
        if word is None or word != last:
            spans.append([start, stop, token])
        spans[-1][1] = stop
        places.append(len(spans) - 1)
        last = word
    # A special token stands for no part of the text.
    names = [text[start:stop].strip() or token for start, stop, token in spans]
    return np.array(places, dtype=np.int64), names


# Networks -------------------------------------------------------------------------------------


def load_language_model(model, layers=None):
    """Return the module of a pretrained network, cut to its first layers.

    Parameters
    ----------
    model : str, path-like or (tokenizer, nn.Module)
        As `TextEncoder` takes it; a module is copied.
    layers : int, default=None
        How many layers to keep; None for all.

    Returns
    -------
    nn.Module
        Of single precision.

    Raises
    ------
    ImportError
        If transformers cannot be imported.
    ValueError
        If there is no such model, or it has fewer layers.
    """
    if isinstance(model, tuple):
        module = copy.deepcopy(model[1])
    else:
        with _loading(model) as transformers:
            module = transformers.AutoModel.from_pretrained(os.fspath(model))
    if layers is not None:
        _, stack = layers_of(module)
        if layers > len(stack):
            raise ValueError(
                f"layers must be at most {len(stack)}, the layers of the model; got {layers}."
            )
        del stack[layers:]
        if hasattr(module, "config"):
            module.config.num_hidden_layers = layers
    return module.float()


def layers_of(module):
    """Return the layers of a network that stand one on the other.

    Parameters
    ----------
    module : nn.Module
        The network.

    Returns
    -------
    name : str
        Where they are in the module.
    layers : nn.ModuleList
        The longest list of modules of one class.

    Raises
    ------
    ValueError
        If there is none.
    """
    stacks = [
        (name, part)
        for name, part in module.named_modules()
        if isinstance(part, nn.ModuleList) and len({type(layer) for layer in part}) == 1
    ]
    n_layers = getattr(getattr(module, "config", None), "num_hidden_layers", None)
    # Where layers share weights, the list is of something else.
    stacks = [stack for stack in stacks if n_layers in (None, len(stack[1]))]
    if not stacks:
        raise ValueError(
            "layers, layer_decay and a number for freeze need a model with a list of layers, "
            f"an nn.ModuleList; {type(module).__name__} has none."
        )
    return max(stacks, key=lambda stack: len(stack[1]))


def hidden_states(output):
    """Return the last hidden states of what a network of text gave.

    Parameters
    ----------
    output : Tensor, tuple or object with `last_hidden_state`
        What the network returned.

    Returns
    -------
    Tensor of shape (n, S, D)
        One vector per token.

    Raises
    ------
    ValueError
        If it is not such a tensor.
    """
    states = getattr(output, "last_hidden_state", output)
    states = states[0] if isinstance(states, tuple) else states
    if isinstance(states, torch.Tensor) and states.ndim == 3:
        return states
    raise ValueError(
        "The module of model must give a tensor of shape (n, S, D), or an object that has it "
        f"as last_hidden_state; got {type(output).__name__}: leave out its classifier."
    )


def _load_tokenizer(model):
    """Load a tokenizer with transformers."""
    with _loading(model) as transformers:
        return transformers.AutoTokenizer.from_pretrained(os.fspath(model))


def _limits_of_settings(model):
    """Return a list of how many tokens surely have positions, empty if settings do not say."""
    with _loading(model) as transformers:
        config = transformers.AutoConfig.from_pretrained(os.fspath(model))
    n_positions = getattr(config, "max_position_embeddings", None)
    # Some models count from behind the position of padding.
    unused = 1 + (getattr(config, "pad_token_id", None) or 0)
    return [] if n_positions is None else [n_positions - unused]


@contextmanager
def _loading(model):
    """Give transformers, which draws no bars meanwhile, and say what cannot be loaded."""
    try:
        import transformers
        from transformers.utils import logging
    except Exception as error:  # of several types, where packages do not fit together
        raise ImportError(f"transformers {NEEDED}") from error
    draws, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()  # of weights of a head that is not read
    try:
        yield transformers
    except (KeyError, OSError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        raise ValueError(
            "model must be a local folder or the name of a model on the Hugging Face hub, or "
            f"(tokenizer, module); {os.fspath(model)!r} cannot be loaded: {first}"
        ) from error
    finally:
        logging.set_verbosity(level)
        if draws:
            logging.enable_progress_bar()

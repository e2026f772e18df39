"""Sequences: the container of samples that are tokens in order."""

from numbers import Integral

import numpy as np

from ..._foreign import read_foreign
from ...mapped import is_mapped
from ..forms import refuse_masked
from .base import (
    Container,
    check_offsets,
    count_range,
    first_sample,
    flat_index,
    offsets_of,
)
from .columns import items_of


class Sequences(Container):
    """Sequences of tokens, each token a number of the vocabulary.

    Parameters
    ----------
    sequences : iterable of array-like of int
        The tokens of each sample, in order; all >= 0. A sample may be empty.
    n_tokens : int, default=None
        The size of the vocabulary, larger than any token; None for the largest token plus
        one. Slices keep it.

    Attributes
    ----------
    tokens : ndarray of int64 of shape (n_tokens_in_all,)
        The tokens of all samples, one sample after another; a memory map of other integers
        stays as it is.
    offsets : ndarray of int64 of shape (n_samples + 1,)
        Sample i has the tokens from ``offsets[i]`` to ``offsets[i + 1]``.
    n_tokens : int
        The size of the vocabulary.
    lengths : ndarray of int64 of shape (n_samples,)
        The number of tokens of each sample.
    shape : tuple of int
        ``(n_samples,)``.

    Raises
    ------
    ValueError
        If a sequence holds anything but integers >= 0, or `n_tokens` is too small.

    See Also
    --------
    TokenSequencer : Turns texts into sequences.

    Notes
    -----
    An integer as index gives the tokens of one sample, an array; a slice, an array of
    integers or a boolean mask give `Sequences`. The arrays are read-only. Two containers
    are equal if their arrays are.

    Examples
    --------
    >>> from skmlc.inputs import Sequences
    >>> X = Sequences([[2, 0, 1], [], [1, 1]])
    >>> X
    Sequences(n_samples=3, n_tokens=3, 0-3 tokens each)
    >>> X[0]
    array([2, 0, 1])
    >>> X[[2, 1]].tokens, X[[2, 1]].n_tokens
    (array([1, 1]), 3)
    """

    def __init__(self, sequences, *, n_tokens=None):
        if isinstance(sequences, str) or not np.iterable(sequences):
            raise TypeError(
                "sequences must be a list of integer lists or arrays, one per sample; got "
                f"{type(sequences).__name__}."
            )
        sequences = items_of(sequences, "sequences")
        arrays = [_as_tokens(sequence, i) for i, sequence in enumerate(sequences)]
        if not arrays:
            raise ValueError("sequences must hold at least one sequence; got none.")
        offsets = offsets_of([len(array) for array in arrays])
        tokens = np.concatenate([np.empty(0, dtype=np.int64), *arrays])
        self._store(**_checked(tokens, offsets, n_tokens))

    @classmethod
    def from_flat(cls, tokens, offsets, *, n_tokens=None):
        """Make sequences of flat arrays, which are shared where their types allow it.

        Parameters
        ----------
        tokens : array-like of int of shape (n_tokens_in_all,)
            The tokens of all samples, one sample after another.
        offsets : array-like of int of shape (n_samples + 1,)
            Sample i has the tokens from ``offsets[i]`` to ``offsets[i + 1]``.
        n_tokens : int, default=None
            The size of the vocabulary; None for the largest token plus one.

        Returns
        -------
        Sequences
            The sequences.

        Raises
        ------
        ValueError
            If the arrays do not fit together.
        """
        tokens = _as_tokens(tokens)
        return cls._trusted(
            **_checked(tokens, check_offsets(offsets, len(tokens)), n_tokens)
        )

    @property
    def shape(self):  # numpydoc ignore=RT01
        """A tuple of the number of samples."""
        return (len(self),)

    def _item(self, i):
        return self.tokens[self.offsets[i] : self.offsets[i + 1]]

    def _take(self, rows):
        index, offsets = flat_index(self.offsets, rows)
        return self._trusted(
            tokens=self.tokens[index], offsets=offsets, n_tokens=self.n_tokens
        )

    def __repr__(self):
        counts = count_range(self.lengths, "tokens")
        return f"Sequences(n_samples={len(self)}, n_tokens={self.n_tokens}, {counts} each)"


def _as_tokens(sequence, i=None):
    """Return one sequence (or all, flat) as an array of int64; all may stay on disk."""
    refuse_masked(sequence, "a sequence")
    try:
        array = np.asarray(read_foreign(sequence, "a sequence"))
    except ValueError:  # ragged; NumPy cannot tell in which sequence
        array = np.empty((), dtype=object)
    if array.ndim == 1 and array.size == 0:
        return np.empty(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        name = "tokens" if i is None else f"sequence {i}"
        raise ValueError(
            "A sequence must be a one-dimensional list or array of integers, its tokens; "
            f"{name} has shape {array.shape} and dtype {array.dtype}."
        )
    if i is None and is_mapped(array):
        return array
    return array.astype(np.int64, copy=False)


def _checked(tokens, offsets, n_tokens):
    """Return the attributes, if all tokens are within the vocabulary."""
    if tokens.min(initial=0) < 0:
        raise ValueError(
            f"Tokens must be integers >= 0; sequence {first_sample(tokens < 0, offsets)} "
            f"holds {tokens[tokens < 0][0]}."
        )
    needed = int(tokens.max()) + 1 if len(tokens) else 0
    if n_tokens is None:
        n_tokens = needed
    if not isinstance(n_tokens, Integral) or n_tokens < needed:
        raise ValueError(
            f"n_tokens must be None or an integer of at least {needed}, larger than any "
            f"token; got {n_tokens!r}."
        )
    return {"tokens": tokens, "offsets": offsets, "n_tokens": int(n_tokens)}

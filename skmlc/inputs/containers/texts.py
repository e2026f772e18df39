"""Texts: the container of samples that are strings, and what a tokenizer makes of them."""

from collections.abc import Iterator

import numpy as np

from ..._foreign import read_foreign
from ..forms import is_missing
from .base import Container, count_range, flat_index
from .sequences import Sequences


class Texts(Container):
    """Raw texts, which the tokenizer of a pretrained network reads.

    Parameters
    ----------
    texts : iterable of str, Series, one-column DataFrame or Texts
        The texts, one per sample.  A text may be empty, but not missing.

    Attributes
    ----------
    texts : ndarray of object of shape (n_samples,)
        The texts, as str.
    lengths : ndarray of int64 of shape (n_samples,)
        The number of characters of each text.
    shape : tuple of int
        ``(n_samples,)``.

    Raises
    ------
    TypeError
        If a sample is not a str.
    ValueError
        If there is no text, or more than one column.

    See Also
    --------
    TextEncoder : Turns texts into nodes by a pretrained network.
    TextFeatures : Turns them into vectors, or bags of vectors.
    TokenSequencer : Turns them into numbers of words, of which a network knows nothing yet.

    Notes
    -----
    A classifier with ``encoder=TextEncoder(...)`` reads a list, an array or a column of strings
    as `Texts`.  An integer as index gives a str; a slice, an array of integers or a boolean
    mask give `Texts`.

    Examples
    --------
    >>> from skmlc.inputs import Texts
    >>> X = Texts(["A cat.", "", "Dogs bark"])
    >>> X
    Texts(n_samples=3, 0-9 characters each)
    >>> X[2], list(X[[1, 0]])
    ('Dogs bark', ['', 'A cat.'])
    """

    def __init__(self, texts):
        if isinstance(texts, Texts):
            self._store(texts=texts.texts)
            return
        samples = list(_samples(texts))
        if not samples:
            raise ValueError("X must hold at least one text; got none.")
        for i, sample in enumerate(samples):
            if not isinstance(sample, str):
                raise TypeError(_not_a_text(sample, i))
        array = np.empty(len(samples), dtype=object)
        array[:] = [str(sample) for sample in samples]  # np.str_, too
        self._store(texts=array)

    @property
    def lengths(self):  # numpydoc ignore=RT01
        """The number of characters of each text, of shape (n_samples,)."""
        return np.fromiter(map(len, self.texts), np.int64, len(self.texts))

    @property
    def shape(self):  # numpydoc ignore=RT01
        """A tuple of the number of samples."""
        return (len(self),)

    def __len__(self):
        return len(self.texts)

    def _item(self, i):
        return self.texts[i]

    def _take(self, rows):
        return self._trusted(texts=self.texts[rows])

    def __repr__(self):
        counts = count_range(self.lengths, "characters")
        return f"Texts(n_samples={len(self)}, {counts} each)"


def _samples(texts):
    """Return the samples of what a user gave, one after another."""
    if isinstance(texts, str | bytes) or not np.iterable(texts):
        raise TypeError(
            "X must hold texts, a list or a column of one str per sample; got "
            f"{type(texts).__name__}."
        )
    texts = texts if isinstance(texts, Iterator) else read_foreign(texts)
    if hasattr(texts, "columns"):
        if len(texts.columns) != 1:
            raise ValueError(
                "X must be one column of texts; got a DataFrame of "
                f"{len(texts.columns)} columns: choose one, or use "
                "sklearn.compose.ColumnTransformer."
            )
        texts = texts[texts.columns[0]]
    texts = texts.to_numpy() if hasattr(texts, "to_numpy") else texts
    shape = getattr(texts, "shape", (0,))
    if len(shape) == 2 and shape[1] == 1:
        return texts[:, 0]
    if len(shape) != 1:
        raise ValueError(f"X must be one column of texts; got an array of shape {shape}.")
    return texts


def _not_a_text(sample, i):
    """Return the error for a sample that is no text."""
    hint = ""
    if isinstance(sample, bytes):
        hint = ": decode it"
    elif is_missing(sample):
        hint = ": replace missing texts by ''"
    return (
        f"X must hold texts, one str per sample; sample {i} is of type "
        f"{type(sample).__name__}{hint}."
    )


class TokenizedTexts(Sequences):
    """Texts as the tokens of a pretrained network; made by a `TextTokenizer`.

    Attributes
    ----------
    tokens, offsets, n_tokens : object
        As of `Sequences`.
    texts : ndarray of object of shape (n_samples,)
        What the tokens are of.
    features : ndarray of shape (n_tokens_in_all, D) or None
        What a network that is not trained makes of each token.
    """

    @classmethod
    def of(cls, texts, tokens, offsets, n_tokens):
        """Return texts with their tokens, both checked before.

        Parameters
        ----------
        texts : Texts
            The texts.
        tokens : ndarray of int64 of shape (n_tokens_in_all,)
            Their tokens.
        offsets : ndarray of int64 of shape (n_samples + 1,)
            Where the tokens of each text begin.
        n_tokens : int
            The size of the vocabulary.

        Returns
        -------
        TokenizedTexts
            Without features.
        """
        return cls._trusted(
            texts=texts.texts,
            tokens=tokens,
            offsets=offsets,
            n_tokens=n_tokens,
            features=None,
        )

    def with_features(self, features):
        """Return the same texts with the features of their tokens.

        Parameters
        ----------
        features : ndarray of shape (n_tokens_in_all, D)
            One row per token.

        Returns
        -------
        TokenizedTexts
            It shares all arrays.
        """
        return self._trusted(**{**vars(self), "features": features})

    def _take(self, rows):
        index, offsets = flat_index(self.offsets, rows)
        return self._trusted(
            texts=self.texts[rows],
            tokens=self.tokens[index],
            offsets=offsets,
            n_tokens=self.n_tokens,
            features=None if self.features is None else self.features[index],
        )

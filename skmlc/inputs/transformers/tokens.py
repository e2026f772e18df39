"""Texts to sequences of tokens."""

import re
from array import array
from collections.abc import Iterator
from itertools import islice
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils._param_validation import Interval, RealNotInt
from sklearn.utils.validation import check_is_fitted

from ..._foreign import read_foreign
from ...parameters import ParameterFields
from ..containers import Sequences
from ..containers.base import offsets_of
from ..forms import is_missing


# A table of token ids would be meaningless, hence no `set_output`.
class TokenSequencer(
    TransformerMixin, ParameterFields, BaseEstimator, auto_wrap_output_keys=None
):
    r"""Turn texts into sequences of tokens.

    Tokens are numbered by how often they occur in the training texts, the most frequent one
    first; of two that are equally frequent the one earlier in the alphabet is first.

    Parameters
    ----------
    max_features : int, default=None
        How many tokens to keep, the most frequent ones; None for all. The unknown token
        comes on top of these.
    min_df : {float, int}, default=1
        Tokens in fewer training texts are unknown: a number of texts, or as a float a share
        of them.
    max_length : int, default=None
        Texts are cut after this many tokens, in training too; None for no limit.
    lowercase : bool, default=True
        Whether to turn texts into lower case.
    tokenizer : callable, default=None
        Turns a text into a list of tokens, instead of `token_pattern`.
    token_pattern : str, default=r"(?u)\b\w+\b"
        The regular expression of a token.
    unknown_token : str, default="<unk>"
        The name of token 0, which stands for all tokens that are not in the vocabulary;
        None to leave those out.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The number of each token.

    See Also
    --------
    Sequences : What the texts become.
    sklearn.feature_extraction.text.CountVectorizer : Texts to a table of counts.

    Notes
    -----
    A classifier learns what to make of unknown tokens only where training texts have some,
    which takes ``min_df > 1`` or `max_features`.

    Examples
    --------
    >>> from skmlc.inputs import TokenSequencer
    >>> sequencer = TokenSequencer()
    >>> X = sequencer.fit_transform(["The cat sat.", "The dog"])
    >>> sequencer.get_feature_names_out()
    array(['<unk>', 'the', 'cat', 'dog', 'sat'], dtype=object)
    >>> X.tokens
    array([1, 2, 4, 1, 3])
    >>> sequencer.transform(["the bird sat"])[0]
    array([1, 0, 4])
    """

    max_features: Any = None
    min_df: int | float = 1
    max_length: Any = None
    lowercase: bool = True
    tokenizer: Any = None
    token_pattern: str = r"(?u)\b\w+\b"
    unknown_token: str = "<unk>"

    _parameter_constraints = {
        "max_features": [Interval(Integral, 1, None, closed="left"), None],
        "min_df": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="both"),
        ],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "lowercase": ["boolean"],
        "tokenizer": [callable, None],
        "token_pattern": [str],
        "unknown_token": [str, None],
    }

    def fit(self, raw_documents, y=None):
        """Learn the vocabulary.

        Parameters
        ----------
        raw_documents : iterable of str
            The training texts; a column of a DataFrame is accepted.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        TokenSequencer
            The fitted transformer.

        Raises
        ------
        TypeError
            If a text is not a string.
        ValueError
            If no token is left.
        """
        self.fit_transform(raw_documents)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, raw_documents, y=None):
        """Learn the vocabulary and return the training texts as sequences.

        Parameters
        ----------
        raw_documents : iterable of str
            The training texts; a column of a DataFrame is accepted.
        y : Ignored
            Not used, present for API consistency.

        Returns
        -------
        Sequences
            The tokens of each text.

        Raises
        ------
        TypeError
            If a text is not a string.
        ValueError
            If no token is left.
        """
        words, codes, offsets = self._split(raw_documents)
        known = self._choose(words, codes, offsets)
        if not known:
            raise ValueError(
                "No token is left for the vocabulary: the texts are empty, or min_df is "
                "too high."
            )
        unknown = [] if self.unknown_token is None else [self.unknown_token]
        self.vocabulary_ = {word: i for i, word in enumerate(unknown + known)}
        return self._number(words, codes, offsets)

    def transform(self, raw_documents):
        """Return texts as sequences of tokens of the vocabulary.

        Parameters
        ----------
        raw_documents : iterable of str
            The texts; a column of a DataFrame is accepted.

        Returns
        -------
        Sequences
            The tokens of each text.

        Raises
        ------
        TypeError
            If a text is not a string.
        """
        check_is_fitted(self)
        return self._number(*self._split(raw_documents))

    def inverse_transform(self, X):
        """Return the names of the tokens of sequences.

        Parameters
        ----------
        X : Sequences
            Such as `transform` returns.

        Returns
        -------
        list of ndarray of str
            The tokens of each text, in order.

        Raises
        ------
        ValueError
            If a token is not in the vocabulary.
        """
        names = self.get_feature_names_out()
        X = X if isinstance(X, Sequences) else Sequences(X)
        if X.tokens.max(initial=-1) >= len(names):
            raise ValueError(
                f"X must hold tokens below {len(names)}, the size of the vocabulary; got "
                f"{X.tokens.max()}."
            )
        return np.split(names[X.tokens], X.offsets[1:-1]) if len(X) else []

    def get_feature_names_out(self, input_features=None):
        """Return the tokens in the order of their numbers.

        Parameters
        ----------
        input_features : Ignored
            Not used, present for API consistency.

        Returns
        -------
        ndarray of str of shape (n_tokens,)
            The tokens.
        """
        check_is_fitted(self)
        return np.array(list(self.vocabulary_), dtype=object)

    def _split(self, raw_documents):
        """Return the distinct words of texts, the flat texts as codes of these, offsets."""
        vectorizer = CountVectorizer(
            lowercase=self.lowercase,
            tokenizer=self.tokenizer,
            token_pattern=self.token_pattern,
        )
        try:
            analyze = vectorizer.build_analyzer()
        except re.error as error:
            raise ValueError(
                "token_pattern must be a regular expression; got "
                f"{self.token_pattern!r} ({error})."
            ) from error
        words, codes, lengths = {}, array("q"), []
        for i, text in enumerate(_one_dimensional(raw_documents)):
            if not isinstance(text, str):
                hint = (
                    " Replace missing texts by empty strings." if is_missing(text) else ""
                )
                raise TypeError(
                    f"Texts must be strings; text {i} is of type {type(text).__name__}: "
                    f"{text!r}.{hint}"
                )
            tokens = analyze(text)[: self.max_length]
            codes.extend([words.setdefault(token, len(words)) for token in tokens])
            lengths.append(len(tokens))
        return list(words), np.array(codes, dtype=np.int64), offsets_of(lengths)

    def _choose(self, words, codes, offsets):
        """Return the words that make the vocabulary, the most frequent first."""
        n_texts = len(offsets) - 1
        counts = np.bincount(codes, minlength=len(words))
        text = np.repeat(np.arange(n_texts), np.diff(offsets))
        distinct = np.unique(text * len(words) + codes)
        n_texts_with = np.bincount(distinct % max(len(words), 1), minlength=len(words))
        is_count = isinstance(self.min_df, Integral)
        kept = n_texts_with >= (self.min_df if is_count else self.min_df * n_texts)
        order = sorted(np.flatnonzero(kept), key=lambda code: (-counts[code], words[code]))
        # A tokenizer may itself mark some words as unknown.
        names = (words[code] for code in order if words[code] != self.unknown_token)
        return list(islice(names, self.max_features))

    def _number(self, words, codes, offsets):
        """Return coded texts as sequences of tokens of the vocabulary."""
        unknown = -1 if self.unknown_token is None else 0
        number_of = np.array(
            [self.vocabulary_.get(word, unknown) for word in words], dtype=np.int64
        )
        tokens = number_of[codes]
        if self.unknown_token is None:
            known = tokens >= 0
            tokens = tokens[known]
            offsets = np.concatenate([[0], np.cumsum(known)])[offsets]
        return Sequences.from_flat(tokens, offsets, n_tokens=len(self.vocabulary_))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _one_dimensional(raw_documents):
    """Return texts as an iterable of one text each."""
    if isinstance(raw_documents, str) or not np.iterable(raw_documents):
        raise TypeError(
            "raw_documents must be an iterable of strings, such as a list of texts; got "
            f"{type(raw_documents).__name__}."
        )
    if not isinstance(raw_documents, Iterator):  # which CountVectorizer takes, too
        raw_documents = read_foreign(raw_documents, "raw_documents")
    shape = getattr(raw_documents, "shape", (0,))
    if len(shape) == 1:
        return raw_documents
    if len(shape) != 2 or shape[1] != 1:
        raise ValueError(
            f"raw_documents must be one column of texts; got shape {shape}: select one."
        )
    # Iterating over a DataFrame would give its columns.
    return np.asarray(raw_documents, dtype=object).ravel()

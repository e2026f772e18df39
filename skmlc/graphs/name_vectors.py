"""Vectors of the labels from an encoder of texts, which reads their names."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods

from ..failed_fit import unchanged_if_it_fails
from .embeddings import BaseLabelEmbedding
from .word_vectors import split_name

__all__ = ["NameVectors"]


class NameVectors(BaseLabelEmbedding):
    """Take the vector of each label from an encoder of texts, which reads its name.

    A name is read as the words that it is made of: "traffic_light" and "trafficLight" as
    "traffic light".

    Parameters
    ----------
    encoder : transformer or callable
        Turns a list of texts into vectors, one row each: a transformer such as
        `skmlc.inputs.TextFeatures`, which is cloned and fitted to the names, or a function,
        such as ``SentenceTransformer(...).encode``.
    descriptions : mapping of str to str, default=None
        What to read in place of the names of some labels, such as
        ``{"grief": "sorrow after the loss of somebody"}``.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_labels, n_dimensions)
        The vectors, one row per label.
    encoder_ : transformer or callable
        The fitted encoder.
    label_names_ : list of str
        What the labels are called.
    n_features_in_ : int
        The number of labels.
    feature_names_in_ : ndarray of shape (n_labels,)
        The column names of `Y`, where it is a DataFrame with names.

    See Also
    --------
    WordVectors : Vectors of the words in the names, from a file.

    Notes
    -----
    Vectors of names do not depend on the samples.  A classifier makes them again in each fold
    of a cross-validation; where that takes long, make them once and pass `embedding_` on.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import HashingVectorizer
    >>> from skmlc.graphs import NameVectors
    >>> names = ["traffic_light", "light"]
    >>> letters = HashingVectorizer(analyzer="char", n_features=4, norm=None)
    >>> vectors = NameVectors(letters, descriptions={"light": "a lamp"})
    >>> vectors.fit([[1, 0]], label_names=names).embedding_.shape
    (2, 4)
    """

    encoder: Any = field(kw_only=False)
    descriptions: Any = None

    _parameter_constraints = {
        "encoder": [HasMethods(["fit", "transform"]), callable],
        "descriptions": [Mapping, None],
    }

    def fit(self, Y, y=None, *, label_names=None, sample_weight=None):
        """Encode the names of the labels.

        Parameters
        ----------
        Y : {array-like, sparse matrix} of shape (n_samples, n_labels)
            The label indicator matrix; only its columns are of interest.
        y : None
            Ignored; here by scikit-learn's convention.
        label_names : sequence of n_labels str, default=None
            What the labels are called; by default the column names of a DataFrame.
        sample_weight : array-like of shape (n_samples,), default=None
            Of no influence; here as in the other builders.

        Returns
        -------
        self : NameVectors
            The fitted builder.

        Raises
        ------
        ValueError
            If the labels have no names, or the encoder does not give one row for each.
        """
        self._validate_params()
        with unchanged_if_it_fails(self):
            self._validate_labels(Y, label_names, sample_weight)
            if self.label_names_ is None:
                raise ValueError(
                    "label_names must be given, or Y be a DataFrame whose columns they are (in "
                    "a classifier, give y as a DataFrame): the encoder reads the names."
                )
            self.encoder_ = self.encoder
            if hasattr(self.encoder, "transform"):
                self.encoder_ = clone(self.encoder).fit(self._texts(self.label_names_))
            self.embedding_ = self.transform(self.label_names_)
        return self

    def transform(self, names):
        """Return the vectors of any labels.

        Parameters
        ----------
        names : sequence of str
            What they are called.

        Returns
        -------
        ndarray of shape (n_names, n_dimensions)
            One row per name.

        Raises
        ------
        ValueError
            If the encoder does not give one row for each.
        """
        names, encode = list(names), getattr(self.encoder_, "transform", self.encoder_)
        vectors = encode(self._texts(names))
        vectors = vectors.toarray() if hasattr(vectors, "toarray") else vectors
        vectors = np.asarray(vectors, dtype=np.float64)
        if vectors.ndim != 2 or len(vectors) != len(names):
            raise ValueError(
                f"encoder must give one row for each of {len(names)} names; got an array of "
                f"shape {vectors.shape}."
            )
        return vectors

    def _texts(self, names):
        """Return what stands for the labels."""
        descriptions = self.descriptions or {}
        return [
            descriptions.get(name) or " ".join(split_name(name)) or name for name in names
        ]

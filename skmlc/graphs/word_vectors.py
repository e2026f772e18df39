"""Vectors of the labels from the words in their names."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import field
from typing import Any

import numpy as np
from sklearn.utils._param_validation import StrOptions

from ..failed_fit import unchanged_if_it_fails
from .embeddings import BaseLabelEmbedding, listed
from .vector_files import read_vectors

__all__ = ["WordVectors"]


class WordVectors(BaseLabelEmbedding):
    r"""Take the vector of each label from a file of word vectors, by its name.

    A name is split into words at spaces, ``_``, ``-`` and where lower case turns into upper
    case ("trafficLight"), and the vectors of its words are averaged.  Where the file has
    the whole name as one entry, joined by any of these or written together, that entry is
    taken instead.

    Parameters
    ----------
    path : str or path-like
        A text file of GloVe (a word and its numbers per line, separated by spaces), of
        word2vec or fastText (the same after a first line "n_words size"), or a binary file
        of word2vec; plain or compressed (gzip, bzip2, xz).
    aliases : mapping of str to str, default=None
        What to look up in place of a label's name, such as
        ``{"diningtable": "dining table", "tvmonitor": "tv"}``.
    missing : {"error", "zeros"}, default="error"
        What to do with labels of which no word is in the file: say which in an error, or
        in a warning and give them vectors of zeros.
    lowercase : bool, default=True
        Look words up in lower case, in which most files have them; otherwise as they are
        written in the names.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_labels, n_dimensions)
        The vectors, one row per label.
    missing_words_ : dict of str to list of str
        The words that the file does not have, by label; without the labels that miss none.
    label_names_ : list of str
        What the labels are called.
    n_features_in_ : int
        The number of labels.
    feature_names_in_ : ndarray of shape (n_labels,)
        The column names of `Y`, where it is a DataFrame with names.

    See Also
    --------
    CooccurrenceEmbedding : Vectors for labels whose names are not words.

    Notes
    -----
    The file is read piece by piece at each `fit`, and only the vectors asked for are kept.  A
    classifier fits it again in each fold of a cross-validation: with a file of gigabytes, fit
    it once and pass ``WordVectors(path).fit(Y, label_names=names).embedding_`` on, for these
    vectors do not depend on the samples.

    An alias may be joined by ``_`` or ``-`` in the file, but is not looked up as one word:
    it is there to take a name apart.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skmlc.graphs import WordVectors
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "vectors.txt")
    ...     _ = path.write_text("teddy 1 0\nbear 0 2\ntable 3 3\n")
    ...     words = WordVectors(path, aliases={"diningtable": "table"})
    ...     words = words.fit([[1, 0]], label_names=["teddy bear", "diningtable"])
    >>> words.embedding_
    array([[0.5, 1. ],
           [3. , 3. ]])
    """

    path: Any = field(kw_only=False)
    aliases: Any = None
    missing: str = "error"
    lowercase: bool = True

    _parameter_constraints = {
        "path": [str, os.PathLike],
        "aliases": [Mapping, None],
        "missing": [StrOptions({"error", "zeros"})],
        "lowercase": ["boolean"],
    }

    def fit(self, Y, y=None, *, label_names=None, sample_weight=None):
        """Read the vectors of the labels.

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
        self : WordVectors
            The fitted builder.

        Raises
        ------
        ValueError
            If the labels have no names, or a label has no vector.
        FileFormatError
            If the file is damaged, or of another kind.
        """
        self._validate_params()
        with unchanged_if_it_fails(self):
            self._validate_labels(Y, label_names, sample_weight)
            self._check_names()
            lookups = {name: self._lookup(name) for name in self.label_names_}
            wanted = {
                word for lookup in lookups.values() for part in lookup for word in part
            }
            vectors, size = read_vectors(self.path, wanted)
            self.embedding_ = np.zeros((self.n_features_in_, size))
            self.missing_words_, without = {}, []
            for row, (name, lookup) in zip(self.embedding_, lookups.items()):
                found, absent = _choose_words(*lookup, vectors)
                if absent:
                    self.missing_words_[name] = absent
                if found:
                    row[:] = np.mean([vectors[word] for word in found], axis=0)
                else:
                    without.append(name)
            self._report_missing(without)
        return self

    def _check_names(self):
        """Check that labels have names, and that aliases are of these."""
        if self.label_names_ is None:
            raise ValueError(
                "label_names must be given, or Y be a DataFrame whose columns they are (in a "
                "classifier, give y as a DataFrame): word vectors are looked up by name."
            )
        names = set(self.label_names_)
        for name, alias in (self.aliases or {}).items():
            if name not in names:
                raise ValueError(
                    f"aliases must map label names to words; {name!r} is not among the label "
                    "names."
                )
            if not isinstance(alias, str):
                raise TypeError(f"aliases must map label names to str; got {alias!r}.")

    def _lookup(self, name):
        """Return the entries that stand for a whole name, best first, and its words."""
        text = (self.aliases or {}).get(name, name)
        words = split_name(text)
        # An alias is given to take a name apart: "diningtable" must not win over its own.
        joints = ["_", "-", " "] if text != name else ["_", "-", " ", ""]
        entries = [text, *(joint.join(words) for joint in joints)] if words else []
        if self.lowercase:
            entries, words = ([word.lower() for word in part] for part in (entries, words))
        return list(dict.fromkeys(entries)), words or [name]

    def _report_missing(self, without):
        """Raise or warn about labels without a vector, and warn about missing words."""
        path = os.fspath(self.path)
        if without and self.missing == "error":
            raise ValueError(
                f"path must have a vector for each label, but {path!r} has no word of "
                f"{listed(without)}: name other words in aliases, such as "
                "{'diningtable': 'dining table'}, or set missing='zeros'."
            )
        if without:
            warnings.warn(
                f"{path!r} has no word of {listed(without)}: their vectors are zero.",
                stacklevel=3,
            )
        partly = [
            f"{name} without {', '.join(self.missing_words_[name])}"
            for name in self.missing_words_.keys() - set(without)
        ]
        if partly:
            warnings.warn(
                f"{path!r} has only some of the words of {listed(sorted(partly))}.",
                stacklevel=3,
            )


def split_name(name):
    """Return the words of a name: "traffic_light" and "trafficLight" have two."""
    marked = [
        f" {letter}" if _begins_word(name, i) else letter for i, letter in enumerate(name)
    ]
    return "".join(marked).replace("_", " ").replace("-", " ").split()


def _begins_word(name, i):
    """Return whether a capital begins a word, as in "trafficLight" and "TVMonitor"."""
    if i == 0 or not name[i].isupper():
        return False
    next_is_lower = i + 1 < len(name) and name[i + 1].islower()
    return name[i - 1].islower() or (name[i - 1].isupper() and next_is_lower)


def _choose_words(entries, words, vectors):
    """Return the words whose vectors make that of a label, and those that are absent."""
    for entry in entries:
        if entry in vectors:
            return [entry], []
    found = [word for word in words if word in vectors]
    return found, [word for word in words if word not in vectors]

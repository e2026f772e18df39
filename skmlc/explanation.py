"""What `explain` of every method returns: what each node of a sample says about a label."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils import Bunch

__all__ = ["Explanation"]


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """How much each node of some samples mattered to each label.

    Returned by the `explain` method of a classifier.

    Parameters
    ----------
    relevance : list of ndarray of shape (n_labels, n_nodes), or ndarray of shape \
            (n_samples, n_labels, height, width)
        One number for each label and node, sample by sample; for images one array, a map
        of cells for each label.  A sample without nodes, such as a row of zeros of a sparse
        matrix, has an array of shape (n_labels, 0).
    kind : {"attention", "contribution", "evidence", "score"}
        What these numbers are.  "attention": how much the label attends to the node; sums to
        one over the nodes.  "contribution": what the node adds to the logit of the label; the
        sum over the nodes and `rest` is the logit.  "evidence": what the node adds to the
        evidence for the label, before that spreads along the label graph.  "score": the logit
        of the node by itself; the maximum over the nodes plus `rest` is the logit.
    probabilities : ndarray of shape (n_samples, n_labels)
        The predicted probabilities of the labels.
    label_names : list
        The names of the labels, or their numbers where they have no names.
    node_names : list of list
        The names of the nodes, sample by sample: see `node_kind`.
    node_kind : {"feature", "token", "word", "instance", "cell", "sample", "node"}
        What a node is: a feature of a table or a stored value of a sparse matrix, with the name
        or the number of its column; a token, with its name or its number; a word or another
        part of a raw text, of which a network may read pieces; an instance of a bag or of a
        graph, with its number; a cell of the feature map of an image, with its row
        and column; the sample as a whole; or what an encoder from elsewhere makes of it, with
        its number.
    rest : ndarray of shape (n_samples, n_labels) or None, default=None
        The parts of the logits that do not come from nodes: the bias and the linear skip.
        None for "attention" and "evidence".
    details : Bunch, default=Bunch()
        What a method adds to this; see its `explain`.

    Examples
    --------
    >>> from skmlc import GlobalPoolClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> scenes = load_digit_scenes(60)
    >>> model = GlobalPoolClassifier(max_epochs=2, random_state=0)
    >>> explanation = model.fit(scenes.bags, scenes.target).explain(scenes.bags[:3])
    >>> explanation
    Explanation(kind='contribution', n_samples=3, n_labels=10, 2-4 instances per sample)
    >>> explanation.to_frame()[["sample", "label", "node"]].head(3)
       sample  label  node
    0       0      0     0
    1       0      0     1
    2       0      1     0
    """

    relevance: Any
    kind: str
    probabilities: np.ndarray
    label_names: list
    node_names: list
    node_kind: str
    rest: np.ndarray | None = None
    details: Bunch = field(default_factory=Bunch)

    def __repr__(self):
        n_samples, n_labels = self.probabilities.shape
        details = f", details: {', '.join(self.details)}" if self.details else ""
        return (
            f"Explanation(kind={self.kind!r}, n_samples={n_samples}, n_labels={n_labels}, "
            f"{self._describe_nodes()} per sample{details})"
        )

    def _describe_nodes(self):
        counts = [len(names) for names in self.node_names]
        low, high = min(counts), max(counts)
        number = str(low) if low == high else f"{low}-{high}"
        return f"{number} {self.node_kind}{'' if high == 1 else 's'}"

    def to_frame(self):
        """Return the relevance as a table, with one row for each sample, label and node.

        Returns
        -------
        pandas.DataFrame
            With the columns "sample" (its place in X), "label", "node" (their names),
            "relevance" and "probability" (of the label).

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "Explanation.to_frame needs pandas; install it with `pip install pandas`."
            ) from error
        counts = np.array([len(names) for names in self.node_names])
        n_labels = len(self.label_names)
        sample = np.repeat(np.arange(len(counts)), counts * n_labels)
        label = np.concatenate([np.repeat(np.arange(n_labels), n) for n in counts])
        return pd.DataFrame(
            {
                "sample": sample,
                "label": pd.Series(self.label_names)[label].array,
                "node": pd.Series(
                    [n for names in self.node_names for n in names * n_labels]
                ),
                "relevance": np.concatenate([np.ravel(r) for r in self.relevance]),
                "probability": self.probabilities[sample, label],
            }
        )

"""Linear methods of other packages for sparse text, in scikit-learn's form."""

from importlib import import_module
from tempfile import mkdtemp

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin

__all__ = ["LabelTree", "LinearSVMs"]


class LinearSVMs(ClassifierMixin, BaseEstimator):
    """LibMultiLabel's one-vs-rest linear classifier, with the options of its command line."""

    def fit(self, X, Y):
        """Fit an SVM for each label."""
        linear = import_module("libmultilabel.linear")
        options = "-s 1 -B 1 -e 0.0001 -q"
        targets = sparse.csr_matrix(Y.astype(float))
        self.model_ = linear.train_1vsrest(
            targets, sparse.csr_matrix(X), options=options, verbose=False
        )
        return self

    def predict_proba(self, X):
        """Return the logistic function of the distances, (n_samples, n_labels)."""
        linear = import_module("libmultilabel.linear")
        return expit(linear.predict_values(self.model_, sparse.csr_matrix(X)))


class LabelTree(ClassifierMixin, BaseEstimator):
    """NapkinXC's probabilistic label tree as it comes, on one thread.

    Parameters
    ----------
    random_state : int
        The seed of its tree.
    """

    def __init__(self, random_state=0):
        self.random_state = random_state

    def fit(self, X, Y):
        """Grow the tree, in a folder of its own."""
        PLT = import_module("napkinxc.models").PLT
        self.n_labels_ = Y.shape[1]
        self.model_ = PLT(mkdtemp(), threads=1, seed=self.random_state, verbose=False)
        self.model_.fit(sparse.csr_matrix(X), [np.flatnonzero(row).tolist() for row in Y])
        return self

    def predict_proba(self, X):
        """Return the probabilities, (n_samples, n_labels); zero of a label never seen."""
        pairs = self.model_.predict_proba(sparse.csr_matrix(X), top_k=self.n_labels_)
        probabilities = np.zeros((len(pairs), self.n_labels_))
        for row, of_row in zip(probabilities, pairs, strict=True):
            for label, value in of_row:
                row[label] = value
        return probabilities

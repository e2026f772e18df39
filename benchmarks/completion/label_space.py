"""Predictions from the known labels alone, without X."""

import numpy as np

from .scores import SHARES, hidden_scores, show

N_NEIGHBORS = (5, 10, 20, 50, 100, 200)
VALIDATION_SHARE = 0.2


class LabelNeighbors:
    """The mean of the labels of the training rows that agree most with the known ones.

    The distance is the number of known labels in which two rows differ.  Rows as near as the
    k-th are all counted, so that with nothing known the answer is how often each label holds.

    Parameters
    ----------
    n_neighbors : int, default=None
        The number of rows, k; None to choose it in a held-out part of the training rows.
    """

    def __init__(self, n_neighbors=None):
        self.n_neighbors = n_neighbors

    def fit(self, Y):
        """Keep the labels; choose the number of neighbors, where none is given."""
        self.Y_ = np.asarray(Y, dtype=np.float32)
        self.n_neighbors_ = self.n_neighbors or self._choose(self.Y_)
        return self

    def _choose(self, Y):
        """Return the number of neighbors best in a held-out part, on average over shares."""
        fit, valid = split_rows(len(Y))
        candidates = [k for k in N_NEIGHBORS if k < len(fit)]
        told = [show(Y[valid], share, 0) for share in SHARES if share]
        values = []
        for k in candidates:
            model = LabelNeighbors(k).fit(Y[fit])
            scores = [_score(model, Y[valid], known) for known in told]
            values.append(np.mean(scores))
        return candidates[int(np.argmax(values))]

    def predict_proba(self, known):
        """Return the probabilities of labels, NaN in `known` where nothing is known."""
        holds, holds_not = _states(known)
        distance = holds @ (1 - self.Y_).T + holds_not @ self.Y_.T  # (n, N)
        farthest = np.partition(distance, self.n_neighbors_ - 1, axis=1)
        near = distance <= farthest[:, [self.n_neighbors_ - 1]]
        near = near.astype(np.float32)
        return near @ self.Y_ / near.sum(axis=1, keepdims=True)


class NaiveBayes:
    """The probability of each label given those known, which it takes to be independent.

    Of each pair of labels, how often one holds where the other does, and where it does not, is
    counted with one more of each (Laplace).
    """

    def fit(self, Y):
        """Count."""
        Y = np.asarray(Y, dtype=np.float64)
        holds, n = Y.sum(axis=0), len(Y)
        both, other = Y.T @ Y, (1 - Y).T @ Y  # [j, k]: label k, where j holds; where not
        given = (both + 1) / (holds[:, None] + 2)  # p(k | j)
        given_not = (other + 1) / (n - holds[:, None] + 2)  # p(k | not j)
        self.prior_ = np.log((holds + 1) / (n - holds + 1))
        self.of_holding_ = np.log(given / given_not)
        self.of_not_ = np.log((1 - given) / (1 - given_not))
        return self

    def decision_function(self, known):
        """Return the log odds of labels, NaN in `known` where nothing is known."""
        holds, holds_not = _states(known)
        return self.prior_ + holds @ self.of_holding_.T + holds_not @ self.of_not_.T


def split_rows(n_samples):
    """Return the rows to fit on, and a fifth, drawn once, to choose by."""
    order = np.random.RandomState(0).permutation(n_samples)
    n_valid = round(VALIDATION_SHARE * n_samples)
    return np.sort(order[n_valid:]), np.sort(order[:n_valid])


def _score(model, Y, known):
    """Return macro AP of what is hidden."""
    return hidden_scores(Y, model.predict_proba(known), known)[0]


def _states(known):
    """Return as numbers which labels are known to hold, and which not to."""
    return (known == 1).astype(np.float32), (known == 0).astype(np.float32)

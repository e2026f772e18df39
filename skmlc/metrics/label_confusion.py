"""Which labels are predicted in place of which: a confusion matrix of pairs of labels."""

import numpy as np

from .._spelling import check_choice
from ._targets import read_predictions, read_targets


def label_confusion(y_true, y_pred, sample_weight=None, *, normalize=None):
    """Count how often one label is predicted wrongly where another is missed.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown: neither missed nor predicted wrongly.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    normalize : {None, "true"}, default=None
        "true" divides each row by the number of samples that it is about: row i by those
        which have label i, so that the diagonal holds the recalls, and the last row by
        those in which no label is missed. A row without samples is NaN.

    Returns
    -------
    ndarray of shape (n_labels + 1, n_labels + 1)
        Entry (i, j), for two labels, is the number of samples in which label i is missed
        (true, not predicted) and label j is predicted wrongly. Entry (i, i) is the number
        in which label i is found. The last column has those in which label i is missed and
        nothing is predicted wrongly; the last row those in which nothing is missed and
        label j is predicted wrongly; the last entry those that are right altogether.

    See Also
    --------
    sklearn.metrics.multilabel_confusion_matrix : Counts of each label by itself.

    Notes
    -----
    A sample counts in every pair of a missed label and one that is predicted wrongly, so the
    sum of a row may exceed the number of samples with its label.

    Heydarian et al. [1]_ differ in two places. Where all true labels of a sample are found and
    label j is predicted besides, they count j against each of the labels that were found;
    here, where rows say what is missed, it counts in the last row, as it does in theirs for a
    sample without labels. Their last entry counts only samples without any label.

    References
    ----------
    .. [1] M. Heydarian, T. E. Doyle, R. Samavi. MLCM: Multi-Label Confusion Matrix. IEEE
       Access 10, 2022.

    Examples
    --------
    >>> from skmlc.metrics import label_confusion
    >>> y_true = [[1, 0, 0], [1, 0, 1], [0, 1, 1]]
    >>> y_pred = [[0, 1, 0], [0, 1, 1], [0, 1, 1]]
    >>> label_confusion(y_true, y_pred)  # the first label is taken for the second
    array([[0., 2., 0., 0.],
           [0., 1., 0., 0.],
           [0., 0., 2., 0.],
           [0., 0., 0., 1.]])
    """
    check_choice(normalize, (None, "true"), "normalize")
    targets = read_targets(y_true, sample_weight)
    y_pred, weight = read_predictions(targets, y_pred), targets.sample_weight
    found = targets.positive.multiply(y_pred).tocsr()
    missed, wrong = targets.positive - found, y_pred - found
    all_found = missed.sum(axis=1) == 0
    none_wrong = wrong.sum(axis=1) == 0
    n_labels = found.shape[1]
    counts = np.zeros((n_labels + 1, n_labels + 1))
    counts[:-1, :-1] = (missed.T @ wrong.multiply(weight[:, np.newaxis])).toarray()
    counts[range(n_labels), range(n_labels)] = weight @ found
    counts[:-1, -1] = (weight * none_wrong) @ missed
    counts[-1, :-1] = (weight * all_found) @ wrong
    counts[-1, -1] = weight @ (all_found & none_wrong)
    if normalize is None:
        return counts
    rows = np.append(weight @ targets.positive, weight @ all_found)[:, np.newaxis]
    return np.divide(counts, rows, out=np.full(counts.shape, np.nan), where=rows > 0)

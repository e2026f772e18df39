"""Per-class and overall precision, recall and F1 (CP, CR, CF1, OP, OR, OF1).

The papers on images give these six numbers for the labels above a threshold and for the k
best labels of each image. Of the latter there are two readings, `top_k_rule`. OF1 is the
micro-averaged F1, `micro_f1`.
"""

import numpy as np
from scipy.sparse import csr_array, vstack
from sklearn.metrics import f1_score, precision_score, recall_score

from .._spelling import check_choice
from ._targets import (
    check_k,
    leave_out_unknown,
    read_predictions,
    read_scores,
    read_targets,
    read_targets_and_scores,
    score_blocks,
)
from .classification import average_scores

_SCORES = {  # the scikit-learn function and its average
    "CP": (precision_score, "macro"),
    "CR": (recall_score, "macro"),
    "OP": (precision_score, "micro"),
    "OR": (recall_score, "micro"),
    "OF1": (f1_score, "micro"),
}


def class_precision(y_true, y_pred, sample_weight=None, *, zero_division=0.0):
    """Average over the labels of each label's precision (CP).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out. A label about which nothing is known
        is left out.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        Precision of a label that is never predicted (0 in the code of ML-GCN); np.nan
        leaves such labels out of the average.

    Returns
    -------
    float
        The average, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import class_precision
    >>> class_precision([[1, 0], [1, 1]], [[1, 1], [0, 1]])
    0.75
    """
    return _score("CP", y_true, y_pred, sample_weight, zero_division)


def class_recall(y_true, y_pred, sample_weight=None, *, zero_division=0.0):
    """Average over the labels of each label's recall (CR).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out. A label about which nothing is known
        is left out.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        Recall of a label that never occurs; np.nan leaves such labels out of the average.

    Returns
    -------
    float
        The average, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import class_recall
    >>> class_recall([[1, 0], [1, 1]], [[1, 1], [0, 1]])
    0.75
    """
    return _score("CR", y_true, y_pred, sample_weight, zero_division)


def class_f1(y_true, y_pred, sample_weight=None, *, zero_division=0.0):
    """Harmonic mean of class precision and class recall (CF1), not the macro-averaged F1.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out. A label about which nothing is known
        is left out.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        Precision of a label that is never predicted and recall of one that never occurs;
        np.nan leaves them out of the two averages. The harmonic mean of 0 and 0 is 0.

    Returns
    -------
    float
        The harmonic mean, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import class_f1
    >>> class_f1([[1, 0], [1, 1]], [[1, 1], [0, 1]])
    0.75
    """
    return _score("CF1", y_true, y_pred, sample_weight, zero_division)


def overall_precision(y_true, y_pred, sample_weight=None, *, zero_division=0.0):
    """Precision of all entries together (OP).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        What is returned where nothing is predicted.

    Returns
    -------
    float
        The precision, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import overall_precision
    >>> overall_precision([[1, 0], [1, 1]], [[1, 1], [0, 1]])
    0.666...
    """
    return _score("OP", y_true, y_pred, sample_weight, zero_division)


def overall_recall(y_true, y_pred, sample_weight=None, *, zero_division=0.0):
    """Recall of all entries together (OR).

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out.
    y_pred : {array-like, sparse matrix} of shape (n_samples, n_labels)
        Predicted labels, 0 or 1.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        What is returned where no label occurs.

    Returns
    -------
    float
        The recall, in [0, 1].

    Examples
    --------
    >>> from skmlc.metrics import overall_recall
    >>> overall_recall([[1, 0], [1, 1]], [[1, 1], [0, 1]])
    0.666...
    """
    return _score("OR", y_true, y_pred, sample_weight, zero_division)


def class_overall_scores(
    y_true,
    y_score,
    sample_weight=None,
    *,
    threshold=0.5,
    k=None,
    top_k_rule="always",
    zero_division=0.0,
):
    """Give CP, CR, CF1, OP, OR and OF1 at a threshold or for the top k.

    Parameters
    ----------
    y_true : {array-like, sparse matrix} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out: such a label takes none of the
        k places, and a label about which nothing is known is left out of CP and CR.
    y_score : array-like of shape (n_samples, n_labels)
        Probabilities, or other scores with a threshold of their own.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    threshold : float, default=0.5
        A label is predicted where its score is at least this.
    k : int, default=None
        Predict the k best labels of each sample instead, as `top_k_predictions` does.
    top_k_rule : {"always", "above_threshold"}, default="always"
        Whether the k best labels are all predicted, or only those among them whose score
        reaches the threshold.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        Precision of a label that is never predicted and recall of one that never occurs;
        np.nan leaves them out of CP and CR. A harmonic mean of 0 and 0 is 0.

    Returns
    -------
    dict of str to float
        With the keys "CP", "CR", "CF1", "OP", "OR" and "OF1".

    References
    ----------
    .. [1] Z.-M. Chen, X.-S. Wei, P. Wang, Y. Guo. Multi-Label Image Recognition with
       Graph Convolutional Networks. CVPR 2019.

    Examples
    --------
    >>> from skmlc.metrics import class_overall_scores
    >>> y_true, y_score = [[1, 1, 0], [0, 0, 1]], [[0.9, 0.1, 0.2], [0.6, 0.0, 0.7]]
    >>> scores = class_overall_scores(y_true, y_score)
    >>> {name: round(score, 2) for name, score in scores.items()}
    {'CP': 0.5, 'CR': 0.67, 'CF1': 0.57, 'OP': 0.67, 'OR': 0.67, 'OF1': 0.67}
    """
    if k is not None:
        _check_top_k(k, top_k_rule)
    targets, y_score = read_targets_and_scores(y_true, y_score, sample_weight)
    y_pred = _predict(targets, y_score, threshold, k, top_k_rule)
    names = ("CP", "CR", "CF1", "OP", "OR", "OF1")
    return {name: _compute(name, targets, y_pred, zero_division) for name in names}


def top_k_score(
    y_true,
    y_score,
    sample_weight=None,
    *,
    measure,
    k,
    top_k_rule="always",
    threshold=0.5,
    zero_division=0.0,
):
    """Compute one of the six scores for the top k, as `class_overall_scores` does."""
    targets, y_score = read_targets_and_scores(y_true, y_score, sample_weight)
    y_pred = _predict(targets, y_score, threshold, k, top_k_rule)
    return _compute(measure, targets, y_pred, zero_division)


def top_k_predictions(y_score, k, *, top_k_rule="always", threshold=0.5):
    """Predict the k labels of the highest scores of each sample.

    Parameters
    ----------
    y_score : array-like of shape (n_samples, n_labels)
        Scores; of equal ones, those of the first labels are taken.
    k : int
        Number of labels; all are taken where there are fewer.
    top_k_rule : {"always", "above_threshold"}, default="always"
        "always" predicts exactly k labels, as most papers on images do;
        "above_threshold" those among them whose score reaches the threshold, as the code
        of ML-GCN does.
    threshold : float, default=0.5
        For "above_threshold", the least score of a predicted label.

    Returns
    -------
    csr_array of shape (n_samples, n_labels), int8
        The predicted labels as an indicator matrix.

    Examples
    --------
    >>> from skmlc.metrics import top_k_predictions
    >>> y_score = [[0.9, 0.1, 0.2], [0.6, 0.0, 0.7]]
    >>> top_k_predictions(y_score, 2).toarray()
    array([[1, 0, 1],
           [1, 0, 1]], dtype=int8)
    >>> top_k_predictions(y_score, 2, top_k_rule="above_threshold").toarray()
    array([[1, 0, 0],
           [1, 0, 1]], dtype=int8)
    """
    _check_top_k(k, top_k_rule)
    return _stack(_top_k_blocks(read_scores(y_score), k, top_k_rule, threshold))


def _predict(targets, y_score, threshold, k, top_k_rule):
    """Predict labels at the threshold or the top k, unknown entries left out."""
    if k is None:
        blocks = (scores >= threshold for _, scores in score_blocks(y_score))
    else:
        blocks = _top_k_blocks(y_score, k, top_k_rule, threshold, targets.unknown)
    return leave_out_unknown(targets, _stack(blocks))


def _top_k_blocks(y_score, k, top_k_rule, threshold, unknown=None):
    """Yield boolean blocks of the k best known labels of each row."""
    for _, scores in score_blocks(y_score, unknown):
        top = _top_k(scores, min(k, scores.shape[1]))
        yield top & (scores >= threshold) if top_k_rule == "above_threshold" else top


def _top_k(scores, k):
    """Mark the k highest scores of each row, of equal ones the first, (N, L) bool."""
    kth = np.partition(scores, -k, axis=1)[:, -k, np.newaxis]  # (N, 1)
    above, tied = scores > kth, scores == kth
    n_places = k - above.sum(axis=1, keepdims=True)  # (N, 1)
    return above | (tied & (tied.cumsum(axis=1) <= n_places))


def _stack(blocks):
    """Stack boolean blocks of rows into one CSR indicator matrix."""
    return vstack([csr_array(block.astype(np.int8)) for block in blocks])


def _check_top_k(k, top_k_rule):
    """Raise an error unless k and top_k_rule are allowed."""
    check_k(k)
    check_choice(top_k_rule, ("always", "above_threshold"), "top_k_rule")


def _score(name, y_true, y_pred, sample_weight, zero_division):
    """Read the arguments of a public metric and compute it."""
    targets = read_targets(y_true, sample_weight)
    return _compute(name, targets, read_predictions(targets, y_pred), zero_division)


def _compute(name, targets, y_pred, zero_division):
    """Compute one of the six scores from what was read."""
    if name != "CF1":
        return average_scores(*_SCORES[name], targets, y_pred, zero_division)
    precision = _compute("CP", targets, y_pred, zero_division)
    recall = _compute("CR", targets, y_pred, zero_division)
    total = precision + recall
    return 2.0 * precision * recall / total if total != 0 else 0.0

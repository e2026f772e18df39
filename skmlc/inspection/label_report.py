"""A table of how well each label is predicted, and the averages over the labels."""

from functools import partial

import numpy as np

from .._spelling import check_choice
from ..label_names import align_to_labels, column_names
from ..metrics import (
    label_average_precision,
    label_ranking_average_precision,
    label_roc_auc,
    micro_average_precision,
    micro_roc_auc,
    ranking_loss,
)
from ..metrics._targets import (
    check_zero_division,
    read_predictions,
    read_targets,
    read_targets_and_scores,
)
from ..responses import positive_probabilities

__all__ = ["label_report"]

AVERAGES = ("micro avg", "macro avg", "weighted avg", "samples avg")


def label_report(
    y_true,
    y_pred=None,
    y_proba=None,
    *,
    label_names=None,
    threshold=None,
    sample_weight=None,
    zero_division=0.0,
    output="frame",
):
    """Report how well each label is predicted, and the averages.

    Parameters
    ----------
    y_true : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
        True labels, 0 or 1; NaN is unknown and left out.
    y_pred : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels), \
            default=None
        Predicted labels, 0 or 1, for precision, recall and F1.
    y_proba : {array-like, DataFrame} of shape (n_samples, n_labels), or list of n_labels \
            arrays of shape (n_samples, 2), default=None
        Probabilities or other scores, such as logits, for average precision and the area
        under the ROC curve; or what `predict_proba` of forests and nearest neighbors returns.
    label_names : sequence of n_labels str, default=None
        What the labels are called, in the order of y_true; by default the names of its
        columns, or else of those of y_pred or y_proba, or numbers.
    threshold : float, array-like of shape (n_labels,) or mapping, default=None
        The threshold of each label, only to be shown next to the scores.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each sample.
    zero_division : {0.0, 1.0, np.nan}, default=0.0
        Precision, recall and F1 where there is nothing to divide by; np.nan leaves such
        labels and samples out of the averages.
    output : {"frame", "dict"}, default="frame"
        A DataFrame, which needs pandas, or a dict of dicts.

    Returns
    -------
    DataFrame or dict of str to dict
        A row for each label, by name, and then "micro avg", "macro avg", "weighted avg" and
        "samples avg"; with the columns

        - support: how many of the known entries are positive;
        - frequency: their share;
        - predicted: how many of the known entries are predicted, with `y_pred`;
        - precision, recall, f1: with `y_pred`;
        - average_precision, roc_auc: with `y_proba`;
        - threshold: with `threshold`.

    See Also
    --------
    LabelReportDisplay : A picture of one of the scores of each label.
    sklearn.metrics.classification_report : A similar table, of predictions alone.

    Notes
    -----
    "micro avg" is of all entries together, "macro avg" the mean over the labels, "weighted
    avg" their mean weighted by support, and "samples avg" the mean over the samples of what
    is computed for each. A label about which nothing is known is NaN and in no average. The
    average precision of a label without positives is NaN, and so is the ROC AUC of one that
    is never or always there: averages are over the others, and likewise for samples.

    Examples
    --------
    >>> from skmlc.inspection import label_report
    >>> y_true = [[1, 0], [1, 1], [0, 0], [1, 0]]
    >>> y_pred = [[1, 0], [0, 1], [0, 1], [1, 0]]
    >>> report = label_report(y_true, y_pred, label_names=["sea", "sky"])
    >>> report[["support", "predicted", "precision", "recall", "f1"]].round(2)
                  support  predicted  precision  recall    f1
    sea                 3          2       1.00    0.67  0.80
    sky                 1          2       0.50    1.00  0.67
    micro avg           4          4       0.75    0.75  0.75
    macro avg           4          4       0.75    0.83  0.73
    weighted avg        4          4       0.88    0.75  0.77
    samples avg         4          4       0.75    0.62  0.67
    """
    check_choice(output, ("frame", "dict"), "output")
    if y_pred is None and y_proba is None:
        raise ValueError(
            "y_pred or y_proba must be given, predicted labels or probabilities; got neither."
        )
    check_zero_division(zero_division)
    y_proba = _as_columns(y_proba)
    targets = read_targets(y_true, sample_weight)
    predicted = None if y_pred is None else read_predictions(targets, y_pred)
    names = _names(label_names, targets.shape[1], y_true, y_pred, y_proba)
    counts = _LabelCounts(targets, predicted)
    columns = counts.columns(integer=sample_weight is None)
    if y_pred is not None:
        columns |= counts.precision_recall_f1(zero_division)
    if y_proba is not None:
        labels = counts.known, counts.support
        columns |= _ranking_columns(y_true, y_proba, sample_weight, targets, *labels)
    if threshold is not None:
        columns["threshold"] = _threshold_column(threshold, names)
    return _as_output(columns, [*names, *AVERAGES], output)


class _LabelCounts:
    """True, predicted and shared entries of each label, in all and of each sample."""

    def __init__(self, targets, predicted):
        weight, positive = targets.sample_weight, targets.positive
        unknown = 0.0 if targets.unknown is None else weight @ targets.unknown
        self.is_predicted = predicted is not None
        predicted = positive if predicted is None else predicted
        both = positive.multiply(predicted).tocsr()
        self.weight = weight
        self.n_known = weight.sum() - unknown + np.zeros(positive.shape[1])
        # Sums of weights may miss zero by a rounding error.
        self.known = np.isin(np.arange(positive.shape[1]), targets.known_labels())
        self.support, self.predicted, self.both = (
            weight @ matrix for matrix in (positive, predicted, both)
        )
        self.of_samples = [
            matrix.sum(axis=1, dtype=np.int64) for matrix in (both, predicted, positive)
        ]
        self.n_known_of_samples = targets.n_known

    def columns(self, integer):
        """Return how many entries are true and predicted, of labels and of averages."""
        dtype = np.int64 if integer else np.float64
        n_known, known = self.n_known, self.known
        frequency = np.full(len(known), np.nan)
        frequency[known] = self.support[known] / n_known[known]
        of_samples = np.average(
            self.of_samples[2] / self.n_known_of_samples, weights=self.weight
        )
        micro = self.support.sum() / n_known[known].sum()
        frequency = self._with_averages(frequency, micro, of_samples)

        def with_total(count):
            return np.append(count, np.full(4, count.sum())).astype(dtype)

        columns = {"support": with_total(self.support), "frequency": frequency}
        if self.is_predicted:
            columns["predicted"] = with_total(self.predicted)
        return columns

    def precision_recall_f1(self, zero_division):
        """Return the three columns."""
        ratio = partial(_ratio, zero_division=zero_division)
        of_labels = _scores(self.both, self.predicted, self.support, ratio)
        totals = (count.sum() for count in (self.both, self.predicted, self.support))
        micro = _scores(*totals, ratio)
        of_samples = _scores(*self.of_samples, ratio)
        return {
            name: self._with_averages(
                np.where(self.known, of_labels[name], np.nan),
                float(micro[name]),
                _mean(of_samples[name], self.weight),
            )
            for name in of_labels
        }

    def _with_averages(self, values, micro, of_samples):
        """Return what labels have, and behind it the four averages."""
        weighted = _mean(values, self.support)
        return np.append(values, [micro, _mean(values), weighted, of_samples])


def _scores(both, predicted, true, ratio):
    """Return precision, recall and F1 of counts."""
    return {
        "precision": ratio(both, predicted),
        "recall": ratio(both, true),
        "f1": ratio(2 * both, predicted + true),
    }


def _ratio(numerator, denominator, zero_division):
    """Return the quotient, and something else where there is nothing to divide by."""
    empty = np.asarray(denominator) == 0
    return np.where(empty, zero_division, numerator / np.where(empty, 1, denominator))


def _mean(values, weight=None):
    """Return the weighted mean of what is not NaN; NaN where nothing has a weight."""
    weight = np.ones(len(values)) if weight is None else weight
    defined = ~np.isnan(values) & (weight > 0)
    if not defined.any():
        return np.nan
    return np.average(values[defined], weights=weight[defined])


def _ranking_columns(y_true, y_proba, sample_weight, targets, known, support):
    """Return average precision and ROC AUC, of labels and of averages."""
    args = y_true, y_proba, sample_weight
    read_targets_and_scores(*args, name="y_proba")  # so that errors name the argument
    of_samples = _of_samples(y_true, y_proba, targets)
    return {
        name: np.append(values, [micro, _mean(values), _mean(values, support), samples])
        for name, values, micro, samples in [
            (
                "average_precision",
                label_average_precision(*args),
                micro_average_precision(*args),
                of_samples[0],
            ),
            ("roc_auc", label_roc_auc(*args), micro_roc_auc(*args), of_samples[1]),
        ]
    }


def _of_samples(y_true, y_proba, targets):
    """Return the mean over samples of average precision and of ROC AUC."""
    n_positive = targets.positive.sum(axis=1, dtype=np.int64)
    # Of the samples with a positive, and of those that have a negative too.
    ranked = np.zeros(targets.shape[0])
    rows = slice(None) if targets.kept is None else targets.kept
    ranked[rows] = np.where(n_positive > 0, targets.sample_weight, 0)
    both = ranked.copy()
    both[rows] *= n_positive < targets.n_known
    precision = area = np.nan
    if ranked.any():
        precision = label_ranking_average_precision(y_true, y_proba, ranked)
    if both.any():
        area = _mean_area(y_true, y_proba, both)
    return precision, area


def _mean_area(y_true, y_proba, weight):
    """Return the mean over samples of the ROC AUC of their labels."""
    # The loss counts ties as wrong, also where scores are turned round: the area is half
    # between.
    wrong_or_tied = ranking_loss(y_true, y_proba, weight)
    right_or_tied = ranking_loss(y_true, _negative(y_proba), weight)
    return (1 - wrong_or_tied + right_or_tied) / 2


def _negative(y_proba):
    """Return scores in the opposite order, with their names."""
    if column_names(y_proba) is None:
        return -np.asarray(y_proba)
    return y_proba * -1


def _as_columns(y_proba):
    """Return one array for what forests give: for each label, the probabilities of 0 and 1."""
    if not isinstance(y_proba, list) or np.ndim(y_proba[:1]) != 3:
        return y_proba
    widths = [np.shape(of_label)[1] for of_label in y_proba]
    if set(widths) != {2}:
        label = next(i for i, width in enumerate(widths) if width != 2)
        raise ValueError(
            "y_proba must have two columns for each label where it is a list, the "
            f"probabilities of 0 and of 1; got {widths[label]} for label {label}, as from a "
            "classifier that saw only one of them: pass one array of shape (n_samples, "
            "n_labels)."
        )
    return positive_probabilities(y_proba, None, None)


def _names(label_names, n_labels, *matrices):
    """Return the given names of the labels, or those of the first that has any."""
    if label_names is None:
        found = (column_names(matrix) for matrix in matrices)
        return next(filter(None, found), [str(i) for i in range(n_labels)])
    names = [str(name) for name in label_names]
    if len(names) != n_labels:
        raise ValueError(
            f"label_names must hold {n_labels} names, one per label of y_true; got "
            f"{len(names)}."
        )
    return names


def _threshold_column(threshold, names):
    """Return the thresholds of the labels, and NaN for the averages."""
    threshold = align_to_labels(threshold, names, name="threshold")
    threshold = np.asarray(threshold, dtype=np.float64)
    if threshold.shape not in ((), (len(names),)):
        raise ValueError(
            f"threshold must be a number or hold {len(names)}, one per label of y_true; got "
            f"shape {threshold.shape}."
        )
    return np.append(np.broadcast_to(threshold, len(names)), np.full(4, np.nan))


def _as_output(columns, rows, output):
    """Return the columns as a DataFrame, or as a dict of rows."""
    if output == "dict":
        lists = {name: column.tolist() for name, column in columns.items()}
        return {
            row: {name: values[i] for name, values in lists.items()}
            for i, row in enumerate(rows)
        }
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            'output="frame" needs pandas, which is not installed; pass output="dict".'
        ) from error
    return pd.DataFrame(columns, index=rows)

"""A picture of how well each label is predicted, by how frequent it is."""

import numpy as np

from .._spelling import check_choice
from ..responses import in_order_of_columns, positive_probabilities
from ._drawing import axes_for, check_most, choose_labels
from ._fitted import name_of
from .label_report import label_report

__all__ = ["LabelReportDisplay"]

METRICS = {  # what each is called, and whether it is computed from probabilities
    "average_precision": ("average precision", True),
    "roc_auc": ("ROC AUC", True),
    "f1": ("F1", False),
    "precision": ("precision", False),
    "recall": ("recall", False),
}


class LabelReportDisplay:
    """A picture of a score of each label against the frequency of the label.

    Make one with `from_estimator` or `from_predictions`, which draw it too.

    Parameters
    ----------
    frequency : array-like of shape (n_labels,)
        The share of the samples that have each label.
    scores : array-like of shape (n_labels,)
        The score of each label; those that are NaN are not drawn.
    label_names : sequence of n_labels str, default=None
        What the labels are called; by default numbers.
    metric : str, default="average_precision"
        What the scores are.
    name : str, default=None
        What the model is called in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    points_ : matplotlib PathCollection
        A point for each label that has a score.
    texts_ : list of matplotlib Text
        The names that are written.
    mean_line_ : matplotlib Line2D
        The mean of the scores.
    chance_line_ : matplotlib Line2D or None
        What random scores reach, for average precision and ROC AUC.

    See Also
    --------
    label_report : All scores as a table.

    Examples
    --------
    >>> from skmlc.inspection import LabelReportDisplay
    >>> y_true = [[1, 0], [1, 1], [0, 0], [1, 0]]
    >>> y_proba = [[0.9, 0.2], [0.4, 0.6], [0.2, 0.7], [0.8, 0.1]]
    >>> display = LabelReportDisplay.from_predictions(
    ...     y_true, y_proba, label_names=["sea", "sky"]
    ... )
    >>> display.frequency, display.scores
    (array([0.75, 0.25]), array([1. , 0.5]))
    """

    def __init__(
        self,
        frequency,
        scores,
        *,
        label_names=None,
        metric="average_precision",
        name=None,
    ):
        self.frequency = np.asarray(frequency, dtype=float)
        self.scores = np.asarray(scores, dtype=float)
        if self.frequency.ndim != 1 or self.frequency.shape != self.scores.shape:
            raise ValueError(
                "frequency and scores must have one entry per label; got shapes "
                f"{self.frequency.shape} and {self.scores.shape}."
            )
        n_labels = len(self.scores)
        names = range(n_labels) if label_names is None else label_names
        self.label_names = [str(label) for label in names]
        if len(self.label_names) != n_labels:
            raise ValueError(
                f"label_names must hold {n_labels} names, one per label; got "
                f"{len(self.label_names)}."
            )
        self.metric = metric
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        metric="average_precision",
        label_names=None,
        sample_weight=None,
        ax=None,
        name=None,
        **options,
    ):
        """Predict the labels of samples, and draw the scores of the labels.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier, with `predict_proba` or `decision_function` for average
            precision and ROC AUC.
        X : array-like of shape (n_samples, ...)
            The samples.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
            Their labels, 0 or 1; NaN is unknown.
        metric : {"average_precision", "roc_auc", "f1", "precision", "recall"}, \
                default="average_precision"
            Which score.
        label_names : sequence of n_labels str, default=None
            What the labels are called; by default the columns of y, or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            What the model is called in the legend, by default the name of its class.
        **options : object
            For `plot`.

        Returns
        -------
        LabelReportDisplay
            The display, which is drawn.
        """
        _check_metric(metric)
        response = in_order_of_columns(_response(estimator, X, y, metric), estimator, y)
        return cls.from_predictions(
            y,
            response,
            metric=metric,
            label_names=label_names,
            sample_weight=sample_weight,
            ax=ax,
            name=name_of(estimator, name),
            **options,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        *,
        metric="average_precision",
        label_names=None,
        sample_weight=None,
        ax=None,
        name=None,
        **options,
    ):
        """Draw the scores of given predictions.

        Parameters
        ----------
        y_true : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
            True labels, 0 or 1; NaN is unknown and left out.
        y_pred : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
            Probabilities or other scores for average precision and ROC AUC; predicted
            labels, 0 or 1, for F1, precision and recall.
        metric : {"average_precision", "roc_auc", "f1", "precision", "recall"}, \
                default="average_precision"
            Which score.
        label_names : sequence of n_labels str, default=None
            What the labels are called; by default the columns of y_true, or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            What the model is called in the legend.
        **options : object
            For `plot`.

        Returns
        -------
        LabelReportDisplay
            The display, which is drawn.
        """
        _check_metric(metric)
        of_scores = METRICS[metric][1]
        report = label_report(
            y_true,
            None if of_scores else y_pred,
            y_pred if of_scores else None,
            label_names=label_names,
            sample_weight=sample_weight,
            output="dict",
        )
        rows = list(report.items())[:-4]  # without the averages
        return cls(
            [row["frequency"] for _, row in rows],
            [row[metric] for _, row in rows],
            label_names=[label for label, _ in rows],
            metric=metric,
            name=name,
        ).plot(ax, **options)

    def plot(self, ax=None, *, labels=None, max_names=12, name=None, **options):
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        labels : sequence, default=None
            The names or places of the labels whose names are written; None chooses.
        max_names : int, default=12
            How many labels to name at most: those of the lowest scores, as far as there is
            space between the names.
        name : str, default=None
            What the model is called in the legend; None takes that of the display.
        **options : object
            For `scatter`.

        Returns
        -------
        LabelReportDisplay
            The display itself.
        """
        check_most(max_names, "max_names", least=0)
        if labels is not None:
            labels = choose_labels(self.label_names, labels, max_names, -self.scores)
        ax = axes_for(self, ax)
        name = self.name if name is None else name
        drawn = np.flatnonzero(~np.isnan(self.scores) & (self.frequency > 0))
        frequency, scores = self.frequency[drawn], self.scores[drawn]
        options = {"s": 22, "alpha": 0.7, "label": name} | options
        self.points_ = ax.scatter(frequency, scores, **options)
        color = self.points_.get_facecolor()[0][:3]
        mean = float(scores.mean()) if len(scores) else np.nan
        self.mean_line_ = ax.axhline(
            mean, color=color, linestyle="--", linewidth=1, label=f"mean {mean:.3f}"
        )
        self._set_up(ax)
        self.chance_line_ = self._draw_chance(ax, frequency)
        if labels is None:
            self.texts_ = self._write_names(ax, drawn, max_names)
        else:
            self.texts_ = [self._write_name(ax, i) for i in labels if i in drawn]
        ax.legend(fontsize="small", loc="lower right")
        return self

    def _set_up(self, ax):
        """Set the scales and the names of the axes."""
        from matplotlib.ticker import LogLocator, NullFormatter

        ax.set(xscale="log", xlabel="frequency of the label", ylim=(-0.04, 1.04))
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_ylabel(METRICS.get(self.metric, (self.metric,))[0])

    def _draw_chance(self, ax, frequency):
        """Draw what random scores reach: the frequency, or one half."""
        if self.metric not in ("average_precision", "roc_auc") or not len(frequency):
            return None
        ends = frequency.min(), frequency.max()
        if self.metric == "roc_auc":
            x, y = ends, (0.5, 0.5)
        else:
            x = y = np.geomspace(*ends, 50)
        style = {"color": "0.5", "linestyle": ":", "linewidth": 1}
        labeled = {line.get_label() for line in ax.lines}
        (line,) = ax.plot(x, y, **style, label=None if "chance" in labeled else "chance")
        return line

    def _write_names(self, ax, drawn, most):
        """Write names next to points, the lowest first, where they hit nothing else."""
        ax.get_xlim()  # brings the limits up to date, by which names are placed
        places = np.column_stack([self.frequency[drawn], self.scores[drawn]])
        places = ax.transData.transform(places) if len(drawn) else places
        texts, boxes = [], []
        for i in drawn[np.argsort(self.scores[drawn], kind="stable")]:
            if len(texts) == most:
                break
            for side, offset in (("left", (5, 2)), ("right", (-5, 2)), ("left", (5, -9))):
                text = self._write_name(ax, i, side, offset)
                box = text.get_window_extent()
                inside = ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1
                if inside and not _hits(box, boxes, places):
                    texts.append(text)
                    boxes.append(box)
                    break
                text.remove()
        return texts

    def _write_name(self, ax, i, side="left", offset=(5, 2)):
        """Write the name of a label next to its point."""
        return ax.annotate(
            self.label_names[i], (self.frequency[i], self.scores[i]), xytext=offset,
            textcoords="offset points", ha=side, fontsize="small",
        )  # fmt: skip


def _hits(box, boxes, points):
    """Return whether a box overlaps others, or has a point within, all in pixels."""
    low, high = box.get_points()
    within = ((points > low) & (points < high)).all(axis=1)
    return within.any() or any(box.overlaps(other) for other in boxes)


def _check_metric(metric):
    """Raise an error unless there is such a score of each label."""
    check_choice(metric, METRICS, "metric")


def _response(estimator, X, y, metric):
    """Return what the estimator gives for the metric, (n_samples, n_labels)."""
    if not METRICS[metric][1]:
        return estimator.predict(X)
    if hasattr(estimator, "predict_proba"):
        return positive_probabilities(estimator.predict_proba(X), estimator, y)
    if hasattr(estimator, "decision_function"):
        return estimator.decision_function(X)
    raise TypeError(
        f"estimator must have predict_proba or decision_function for metric={metric!r}; "
        f"{type(estimator).__name__} has neither, so choose metric='f1'."
    )

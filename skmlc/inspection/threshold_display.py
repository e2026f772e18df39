"""A picture of how metrics move with the threshold of probabilities."""

import numpy as np

from ..metrics import get_metric
from ..model_selection._curves import form_of, score_grid
from ..model_selection._reading import read_entries, read_metric
from ..responses import in_order_of_columns, positive_probabilities
from ._drawing import axes_for
from ._fitted import find_fitted, name_of

__all__ = ["ThresholdDisplay"]


class ThresholdDisplay:
    """A picture of scores against the threshold, with the chosen threshold marked.

    Make one with `from_estimator` or `from_predictions`, which draw it too.

    Parameters
    ----------
    thresholds : array-like of shape (n_thresholds,)
        The thresholds, ascending.
    scores : dict of str to array-like of shape (n_thresholds,)
        The scores at these thresholds, by the name of the metric.
    threshold : float or array-like of shape (n_labels,), default=None
        The chosen threshold, to be marked, or those of the labels.
    threshold_scores : dict of str to float, default=None
        The scores at the chosen threshold or thresholds.
    name : str, default=None
        What the model is called in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    lines_ : dict of str to matplotlib Line2D
        The curves, by metric.
    threshold_line_ : matplotlib Line2D or None
        The mark of the chosen threshold: a vertical line, or a tick at the bottom for each
        label that has its own.
    points_ : dict of str to matplotlib Line2D
        The scores at the chosen threshold: a dot on the curve, or a horizontal line where
        labels have their own.

    See Also
    --------
    skmlc.model_selection.tune_threshold : Finds the best threshold.
    skmlc.model_selection.ThresholdTuner : A classifier with tuned thresholds.

    Examples
    --------
    >>> from skmlc.inspection import ThresholdDisplay
    >>> y_true, y_proba = [[1, 0], [0, 1], [1, 0]], [[0.6, 0.1], [0.3, 0.2], [0.5, 0.1]]
    >>> display = ThresholdDisplay.from_predictions(
    ...     y_true, y_proba, metrics=["miF1"], threshold=0.15
    ... )
    >>> display.threshold_scores
    {'miF1': 0.857...}
    """

    def __init__(
        self, thresholds, scores, *, threshold=None, threshold_scores=None, name=None
    ):
        self.thresholds = np.asarray(thresholds, dtype=float)
        self.scores = {key: np.asarray(values) for key, values in scores.items()}
        self.threshold = threshold
        self.threshold_scores = threshold_scores or {}
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        metrics=("ebF1", "miF1", "maF1"),
        thresholds=None,
        sample_weight=None,
        ax=None,
        name=None,
        **options,
    ):
        """Draw the scores of a fitted classifier, and mark its threshold.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier with `predict_proba`. Its `threshold_` is marked, which
            `ThresholdTuner` and the classifiers of this package have; 0.5 without.
        X : array-like of shape (n_samples, ...)
            The samples, best others than those it was fitted and tuned on.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
            Their labels, 0 or 1; NaN is unknown.
        metrics : sequence of str, default=("ebF1", "miF1", "maF1")
            Names of metrics of predicted labels, as for `skmlc.metrics.get_scorer`.
        thresholds : array-like of shape (n_thresholds,), default=None
            The thresholds of the curves; by default 0.01, 0.02, ..., 0.99.
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
        ThresholdDisplay
            The display, which is drawn.
        """
        if isinstance(estimator, type) or not hasattr(estimator, "predict_proba"):
            raise TypeError(
                "estimator must have predict_proba, whose probabilities thresholds are set "
                f"on; {_named(estimator)}."
            )
        threshold = find_fitted(estimator, "threshold_")
        probabilities = positive_probabilities(estimator.predict_proba(X), estimator, y)
        return cls.from_predictions(
            y,
            in_order_of_columns(probabilities, estimator, y),
            metrics=metrics,
            thresholds=thresholds,
            threshold=0.5 if threshold is None else threshold,
            sample_weight=sample_weight,
            ax=ax,
            name=name_of(estimator, name),
            **options,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_proba,
        *,
        metrics=("ebF1", "miF1", "maF1"),
        thresholds=None,
        threshold=None,
        sample_weight=None,
        ax=None,
        name=None,
        **options,
    ):
        """Draw the scores of given probabilities.

        Parameters
        ----------
        y_true : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
            True labels, 0 or 1; NaN is unknown and left out.
        y_proba : {array-like, DataFrame} of shape (n_samples, n_labels)
            Probabilities of the labels.
        metrics : sequence of str, default=("ebF1", "miF1", "maF1")
            Names of metrics of predicted labels, as for `skmlc.metrics.get_scorer`.
        thresholds : array-like of shape (n_thresholds,), default=None
            The thresholds of the curves; by default 0.01, 0.02, ..., 0.99.
        threshold : float or array-like of shape (n_labels,), default=None
            The chosen threshold, to be marked, or those of the labels.
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
        ThresholdDisplay
            The display, which is drawn.
        """
        metrics = [metrics] if isinstance(metrics, str) else list(metrics)
        for metric in metrics:
            read_metric(metric)  # refuses metrics that need no threshold
        grid = _read_thresholds(thresholds)
        Y, entries = read_entries(y_true, y_proba, sample_weight)
        scores = {metric: _curve(metric, Y, entries, grid) for metric in metrics}
        at_threshold = {}
        if threshold is not None:
            threshold = _read_threshold(threshold, Y.shape[1])
            predicted = (entries.probability >= threshold).astype(np.int8)
            at_threshold = {
                metric: get_metric(metric).function(Y, predicted, entries.weight)
                for metric in metrics
            }
        return cls(
            grid, scores, threshold=threshold, threshold_scores=at_threshold, name=name
        ).plot(ax, **options)

    def plot(self, ax=None, *, name=None, **options):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            What the model is called in the legend; None takes that of the display.
        **options : object
            For `Axes.plot`, which draws the curves.

        Returns
        -------
        ThresholdDisplay
            The display itself.
        """
        ax = axes_for(self, ax)
        name = self.name if name is None else name
        of = "" if name is None else f"{name}, "
        self.lines_ = {}
        for metric, scores in self.scores.items():
            style = {"label": of + metric} | options
            (self.lines_[metric],) = ax.plot(self.thresholds, scores, **style)
        self.threshold_line_, self.points_ = None, {}
        if self.threshold is not None:
            self._mark_threshold(ax, of)
        ax.set(xlabel="threshold", ylabel="score")
        ax.set_ylim(bottom=min(0, ax.get_ylim()[0]))
        ax.legend(fontsize="small")
        return self

    def _mark_threshold(self, ax, of):
        """Mark the chosen threshold, or those of the labels, and the scores there."""
        per_label = np.ndim(self.threshold) > 0
        if per_label:
            (self.threshold_line_,) = ax.plot(
                self.threshold, np.zeros(len(self.threshold)), "|", color="0.3",
                transform=ax.get_xaxis_transform(), clip_on=False, markersize=12,
                label=f"{of}thresholds of the labels",
            )  # fmt: skip
        else:
            self.threshold_line_ = ax.axvline(
                self.threshold, color="0.3", linestyle=":", linewidth=1,
                label=f"{of}threshold {float(self.threshold):.3g}",
            )  # fmt: skip
        for metric, score in self.threshold_scores.items():
            color = self.lines_[metric].get_color()
            if per_label:
                self.points_[metric] = ax.axhline(
                    score, color=color, linestyle="--", linewidth=1,
                    label=f"{of}{metric} at these",
                )  # fmt: skip
            else:
                (self.points_[metric],) = ax.plot(self.threshold, score, "o", color=color)


def _read_thresholds(thresholds):
    """Return the thresholds of the curves, ascending."""
    if thresholds is None:
        return np.arange(1, 100) / 100
    grid = np.unique(np.asarray(thresholds))
    if not len(grid) or grid.dtype.kind not in "iuf" or not np.isfinite(grid).all():
        raise ValueError(
            "thresholds must hold at least one number, and finite ones only, or be None; got "
            f"{'none' if not len(grid) else thresholds!r}."
        )
    return grid


def _named(estimator):
    """Say what was given for an estimator."""
    if isinstance(estimator, type):
        return f"got the class {estimator.__name__}: pass a fitted instance"
    return f"{type(estimator).__name__} has none"


def _curve(metric, Y, entries, grid):
    """Return the metric at each threshold, at once where it is known how."""
    form = form_of(metric)
    if form is not None:
        return score_grid(entries, form, grid)
    function = get_metric(metric).function
    return np.array(
        [
            function(Y, (entries.probability >= t).astype(np.int8), entries.weight)
            for t in grid
        ]
    )


def _read_threshold(threshold, n_labels):
    """Return a threshold as a number, or as an array with one for each label."""
    values = np.asarray(threshold, dtype=float)
    if values.ndim == 0:
        return float(values)
    if values.shape != (n_labels,):
        raise ValueError(
            f"threshold must be a number or hold {n_labels}, one per label of y_true; got "
            f"shape {values.shape}."
        )
    return values

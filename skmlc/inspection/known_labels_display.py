"""A picture of how well labels are found, by how many of the others are known."""

import numpy as np

from .._spelling import check_choice
from ..metrics import known_label_scores
from ._drawing import axes_for
from ._fitted import name_of

__all__ = ["KnownLabelsDisplay"]


class KnownLabelsDisplay:
    """A picture of the score on hidden labels against the share of labels known.

    Make one with `from_estimator` or `from_scores`, which draw it too. For several models in
    one picture, pass the `ax_` of the first to the others.

    Parameters
    ----------
    known : array-like of shape (n_shares,)
        The shares of the labels that are known to the model, or "one_positive".
    scores : array-like of shape (n_shares,)
        The scores on the other labels.
    metric : str, default="score"
        The name of the metric.
    name : str, default=None
        What the model is called in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    line_ : matplotlib Line2D
        The curve.

    See Also
    --------
    skmlc.metrics.known_label_scores : The scores as a table.

    Examples
    --------
    >>> from skmlc.inspection import KnownLabelsDisplay
    >>> scores = {"known": [0, 0.25, 0.5], "mAP": [0.41, 0.52, 0.6]}
    >>> display = KnownLabelsDisplay.from_scores(scores, name="C-Tran")
    >>> display.line_.get_ydata()
    array([0.41, 0.52, 0.6 ])
    """

    def __init__(self, known, scores, *, metric="score", name=None):
        self.known = np.asarray(known)
        self.scores = np.asarray(scores, dtype=float)
        if self.known.ndim != 1 or self.known.shape != self.scores.shape:
            raise ValueError(
                "known and scores must have one entry per share; got shapes "
                f"{self.known.shape} and {self.scores.shape}."
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
        metric="mAP",
        shares=(0, 0.25, 0.5, 0.75),
        random_state=0,
        ax=None,
        name=None,
        **options,
    ):
        """Score an estimator with more and more known labels, and draw it.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier whose methods take `known`, a pipeline that ends in one, or
            a search over either.
        X : array-like of shape (n_samples, ...)
            The samples.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
            Their labels, 0 or 1; NaN is unknown.
        metric : str, default="mAP"
            Name of a metric, as for `skmlc.metrics.get_scorer`.
        shares : sequence of float in [0, 1) or "one_positive", default=(0, 0.25, 0.5, 0.75)
            Which labels are known, see `skmlc.metrics.known_label_scores`.
        random_state : int, RandomState instance or None, default=0
            The seed for drawing which labels are known.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            What the model is called in the legend, by default the name of its class.
        **options : object
            For `plot`.

        Returns
        -------
        KnownLabelsDisplay
            The display, which is drawn.
        """
        scores = known_label_scores(
            estimator, X, y, shares=shares, metrics=[metric], random_state=random_state
        )
        name = name_of(estimator, name)
        return cls.from_scores(scores, metric=metric, ax=ax, name=name, **options)

    @classmethod
    def from_scores(cls, scores, *, metric=None, ax=None, name=None, **options):
        """Draw a table of scores.

        Parameters
        ----------
        scores : dict or DataFrame
            What `skmlc.metrics.known_label_scores` returns: "known" and the metrics.
        metric : str, default=None
            Which of its metrics to draw; by default the first.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            What the model is called in the legend.
        **options : object
            For `plot`.

        Returns
        -------
        KnownLabelsDisplay
            The display, which is drawn.
        """
        metrics = [str(key) for key in scores if key != "known"]
        if "known" not in scores or not metrics:
            raise ValueError(
                'scores must hold "known" and the scores of a metric, as known_label_scores '
                f"returns them; got {[str(key) for key in scores]}."
            )
        metric = metrics[0] if metric is None else metric
        check_choice(metric, metrics, "metric")
        display = cls(scores["known"], scores[metric], metric=metric, name=name)
        return display.plot(ax, **options)

    def plot(self, ax=None, *, name=None, **options):
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            What the model is called in the legend; None takes that of the display.
        **options : object
            For `Axes.plot`.

        Returns
        -------
        KnownLabelsDisplay
            The display itself.
        """
        ax = axes_for(self, ax)
        name = self.name if name is None else name
        options = {"marker": "o", "label": name} | options
        if self.known.dtype.kind in "OU":  # with "one_positive" among them: no numbers
            places = np.arange(len(self.known))
            words = [_in_words(share) for share in self.known]
        else:
            order = np.argsort(self.known, kind="stable")
            places, words = 100.0 * self.known[order], None
        scores = self.scores if words else self.scores[order]
        (self.line_,) = ax.plot(places, scores, **options)
        ax.set(xlabel="labels known (%)", ylabel=f"{self.metric} of the others")
        if words:
            ax.set_xticks(places, words)
            ax.set_xlabel("labels known")
        else:
            ticks = np.unique([x for line in ax.lines for x in line.get_xdata()])
            ax.set_xticks(ticks if len(ticks) <= 8 else ticks[:: -(-len(ticks) // 8)])
        if options["label"] is not None:
            ax.legend(fontsize="small")
        return self


def _in_words(share):
    """Return a share as it stands on the axis."""
    return share.replace("_", " ") if isinstance(share, str) else f"{float(share):.0%}"

"""A picture of the losses and scores of each epoch of training."""

from collections.abc import Mapping

import numpy as np

from ._drawing import axes_for
from ._fitted import fitted_attribute, name_of

__all__ = ["LearningCurveDisplay"]

LOSSES = {"train_loss": ("training", "-"), "valid_loss": ("validation", "--")}


class LearningCurveDisplay:
    """A picture of training: loss and score of each epoch, the best epoch marked.

    Make one with `from_estimator` or `from_history`, which draw it too.

    Parameters
    ----------
    history : sequence of dict
        The entries of the epochs, each with "train_loss" and perhaps "valid_loss" and
        "valid_score", such as `history_` of a classifier.
    name : str, default=None
        What the model is called in the legend.

    Attributes
    ----------
    curves : dict of str to ndarray of shape (n_epochs,)
        What is drawn, by its name in the history.
    best_epoch : int or None
        The first epoch with the highest validation score, or, where there is none, with the
        lowest validation loss; counted from 1. None without validation.
    ax_ : matplotlib Axes
        The axes of the losses.
    score_ax_ : matplotlib Axes or None
        The axes of the score, on the right.
    figure_ : matplotlib Figure
        The figure of these axes.
    lines_ : dict of str to matplotlib Line2D
        The curves, by their names.
    best_line_ : matplotlib Line2D or None
        The mark of the best epoch.

    Examples
    --------
    >>> from skmlc.inspection import LearningCurveDisplay
    >>> history = [
    ...     {"train_loss": 0.7, "valid_loss": 0.7},
    ...     {"train_loss": 0.5, "valid_loss": 0.6},
    ...     {"train_loss": 0.3, "valid_loss": 0.8},
    ... ]
    >>> display = LearningCurveDisplay.from_history(history)
    >>> display.best_epoch
    2
    """

    def __init__(self, history, *, name=None):
        if not hasattr(history, "__iter__") or isinstance(history, Mapping | str):
            raise TypeError(
                "history must be the history_ of a fitted classifier, or a list of dicts; got "
                f"{type(history).__name__}."
            )
        rows = list(history)
        if not rows or "train_loss" not in rows[0]:
            raise ValueError(
                'history must hold an entry for each epoch, with "train_loss"; got '
                f"{'none' if not rows else sorted(map(str, rows[0]))}."
            )
        self.curves = {
            key: np.array([row[key] for row in rows], dtype=float)
            for key in (*LOSSES, "valid_score")
            if all(key in row for row in rows)
        }
        self.best_epoch = _best_epoch(self.curves)
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, name=None, **options):
        """Draw the training of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            A fitted one with `history_`; or a pipeline, a search or a `ThresholdTuner` of
            one.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            What the model is called in the legend, by default the name of its class.
        **options : object
            For `plot`.

        Returns
        -------
        LearningCurveDisplay
            The display, which is drawn.
        """
        what = "a fitted classifier with a network"
        history = fitted_attribute(estimator, "history_", what)
        return cls.from_history(history, ax=ax, name=name_of(estimator, name), **options)

    @classmethod
    def from_history(cls, history, *, ax=None, name=None, **options):
        """Draw a history of training.

        Parameters
        ----------
        history : sequence of dict
            The entries of the epochs.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        name : str, default=None
            What the model is called in the legend.
        **options : object
            For `plot`.

        Returns
        -------
        LearningCurveDisplay
            The display, which is drawn.
        """
        return cls(history, name=name).plot(ax, **options)

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
        LearningCurveDisplay
            The display itself.
        """
        ax = axes_for(self, ax)
        name = self.name if name is None else name
        of = "" if name is None else f"{name}, "
        epochs = np.arange(1, len(self.curves["train_loss"]) + 1)
        if len(epochs) == 1:  # a line of one point is not seen
            options = {"marker": "o"} | options
        self.lines_, color = {}, None
        for key, (part, style) in LOSSES.items():
            if key in self.curves:
                label = f"{of}{part} loss"
                lines = {"linestyle": style, "color": color, "label": label} | options
                (line,) = ax.plot(epochs, self.curves[key], **lines)
                self.lines_[key], color = line, line.get_color()
        self.best_line_ = self._mark_best(ax, color, of)
        self.score_ax_ = self._draw_score(ax, epochs, of, color, options)
        ax.set(xlabel="epoch", ylabel="loss")
        ax.xaxis.get_major_locator().set_params(integer=True)
        handles, labels = ax.get_legend_handles_labels()
        if self.score_ax_ is not None:
            more = self.score_ax_.get_legend_handles_labels()
            handles, labels = handles + more[0], labels + more[1]
        # Above, since the curves of two axes leave no corner free.
        ax.legend(
            handles, labels, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2,
            fontsize="small", frameon=False,
        )  # fmt: skip
        return self

    def _mark_best(self, ax, color, of):
        """Draw a line at the best epoch."""
        if self.best_epoch is None:
            return None
        return ax.axvline(
            self.best_epoch, color=color, linestyle=":", linewidth=1,
            label=f"{of}best epoch: {self.best_epoch}",
        )  # fmt: skip

    def _draw_score(self, ax, epochs, of, color, options):
        """Draw the validation score on axes of its own, which share those of the losses."""
        if "valid_score" not in self.curves:
            return None
        twins = [other for other in ax.figure.axes if _shows_scores(other, ax)]
        score_ax = twins[0] if twins else ax.twinx()
        color = color if of else "C1"  # with names, a color is a model
        label = f"{of}validation score"
        lines = {"linestyle": "-.", "color": color, "label": label} | options
        (line,) = score_ax.plot(epochs, self.curves["valid_score"], **lines)
        self.lines_["valid_score"] = line
        score_ax.set_ylabel("validation score")
        return score_ax


def _best_epoch(curves):
    """Return the first epoch of the best validation, from 1, None where there is none."""
    for key, sign in (("valid_score", 1), ("valid_loss", -1)):
        if key in curves and not np.isnan(curves[key]).all():
            return int(np.nanargmax(sign * curves[key])) + 1
    return None


def _shows_scores(other, ax):
    """Return whether other axes are those of the scores that belong to the given ones."""
    shares = other is not ax and other.get_shared_x_axes().joined(other, ax)
    same_place = other.get_position().bounds == ax.get_position().bounds
    return shares and same_place and other.get_ylabel() == "validation score"

"""A picture of which label attends to which."""

import numpy as np

from ._drawing import (
    axes_for,
    check_explanation,
    check_most,
    choose_labels,
    draw_heat_map,
    place_of,
    sample_of,
    size_of_heat_map,
)
from ._fitted import explain

__all__ = ["LabelAttentionDisplay"]


class LabelAttentionDisplay:
    """How much each label attends to each other label.

    Make one with `from_estimator` or `from_explanation`, which draw it too.

    Parameters
    ----------
    attention : ndarray of shape (n_labels, n_labels)
        How much each label (row) attends to each (column).
    label_names : sequence of length n_labels
        The names of the labels.
    probabilities : ndarray of shape (n_labels,), default=None
        The predicted probabilities, by which the labels are chosen where there are many.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    im_ : matplotlib AxesImage
        The matrix as it is drawn.

    See Also
    --------
    NodeAttentionDisplay : How much each label attends to each node of a sample.
    LabelGraphDisplay : The graph along which labels attend to each other.

    Examples
    --------
    >>> from skmlc import LaMPClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> from skmlc.inspection import LabelAttentionDisplay
    >>> scenes = load_digit_scenes(60)
    >>> model = LaMPClassifier(hidden_size=16, max_epochs=2, random_state=0)
    >>> model = model.fit(scenes.bags, scenes.target)
    >>> display = LabelAttentionDisplay.from_estimator(model, scenes.bags[:20])
    >>> display.attention.shape
    (10, 10)
    """

    def __init__(self, attention, label_names, *, probabilities=None):
        self.attention = attention
        self.label_names = label_names
        self.probabilities = probabilities

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        sample=None,
        step=-1,
        head=None,
        known=None,
        ax=None,
        **options,
    ):
        """Explain samples and draw how the labels attend to each other.

        Parameters
        ----------
        estimator : estimator
            A fitted `LaMPClassifier` or `CTranClassifier`; or a pipeline, a search or a
            `ThresholdTuner` of one.
        X : {array-like, container} of length n_samples
            The samples.
        sample : int, default=None
            The place of the sample in X; None for the mean over all of X.
        step : int, default=-1
            The step of LaMP or the layer of C-Tran, counted from zero; -1 is the last.
        head : int, default=None
            The attention head, counted from zero; None for the mean over all.
        known : array-like of shape (n_samples, n_labels), default=None
            The known labels, as for `predict_proba`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        LabelAttentionDisplay
            The display, which is drawn.
        """
        explanation = explain(estimator, X, sample, known)
        sample = None if sample is None else 0
        return cls.from_explanation(
            explanation, sample=sample, step=step, head=head, ax=ax, **options
        )

    @classmethod
    def from_explanation(
        cls, explanation, *, sample=None, step=-1, head=None, ax=None, **options
    ):
        """Draw how the labels of an explanation attend to each other.

        Parameters
        ----------
        explanation : Explanation
            From the `explain` of `LaMPClassifier` or `CTranClassifier`.
        sample : int, default=None
            The place of the sample; None for the mean over all samples.
        step : int, default=-1
            The step of LaMP or the layer of C-Tran, counted from zero; -1 is the last.
        head : int, default=None
            The attention head, counted from zero; None for the mean over all.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        LabelAttentionDisplay
            The display, which is drawn.
        """
        check_explanation(explanation)
        steps = explanation.details.get("label_to_label")
        if steps is None:
            raise ValueError(
                "explanation must say how labels attend to each other, as those of "
                "LaMPClassifier and CTranClassifier do; this one does not."
            )
        step = place_of(step, len(steps), "step")
        if head is not None:
            head = place_of(head, steps[step].shape[1], "head")
        weights, probabilities = steps[step], explanation.probabilities
        if sample is not None:
            sample = sample_of(sample, len(weights))
            weights, probabilities = weights[[sample]], probabilities[[sample]]
        weights = (
            weights.mean(axis=(0, 1)) if head is None else weights[:, head].mean(axis=0)
        )
        edges = explanation.details.get("edges")
        if edges is not None:
            n_labels = len(explanation.label_names)
            weights = _dense(weights, edges, n_labels)
        display = cls(
            weights, explanation.label_names, probabilities=probabilities.mean(axis=0)
        )
        return display.plot(ax=ax, **options)

    def plot(self, ax=None, *, labels=None, max_labels=20, colorbar=True, **options):
        """Draw the matrix of attention.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        labels : sequence, default=None
            The names or places of the labels to draw; None chooses.
        max_labels : int, default=20
            How many labels to draw at most: the most probable ones, or those that are
            attended to most where there are no probabilities.
        colorbar : bool, default=True
            Whether to draw a color bar.
        **options : object
            For `imshow`.

        Returns
        -------
        LabelAttentionDisplay
            The display itself.
        """
        check_most(max_labels, "max_labels")
        importance = self.probabilities
        if importance is None:
            importance = self.attention.sum(axis=0)
        chosen = choose_labels(self.label_names, labels, max_labels, importance)
        ax = axes_for(self, ax, size_of_heat_map(len(chosen), len(chosen)))
        names = [self.label_names[i] for i in chosen]
        self.im_ = draw_heat_map(
            ax, self.attention[np.ix_(chosen, chosen)], names, names,
            colorbar="attention" if colorbar else None,
            **{"cmap": "Blues", "vmin": 0.0, **options},
        )  # fmt: skip
        ax.set(xlabel="is attended to", ylabel="label that attends")
        return self


def _dense(weights, edges, n_labels):
    """Return weights (E,) of edges as a matrix, zero elsewhere."""
    matrix = np.zeros((n_labels, n_labels), weights.dtype)
    matrix[edges[0], edges[1]] = weights
    return matrix

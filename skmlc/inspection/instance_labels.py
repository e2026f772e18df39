"""A picture of which instance of a bag triggered which label."""

import numpy as np

from ._drawing import (
    axes_for,
    check_explanation,
    check_most,
    choose_labels,
    color_range,
    draw_heat_map,
    sample_of,
    size_of_heat_map,
)
from ._fitted import explain

__all__ = ["InstanceLabelDisplay"]


class InstanceLabelDisplay:
    """What each instance of some bags says about each label.

    A row is an instance, a line separates the bags, and a dot marks the instance that says
    most of a label that its bag has.

    Make one with `from_estimator` or `from_explanation`, which draw it too.

    Parameters
    ----------
    relevance : list of ndarray of shape (n_labels, n_instances)
        One number for each label and instance, bag by bag.
    kind : {"attention", "contribution", "evidence", "score"}
        What these numbers are, as in `Explanation`.
    label_names : sequence of length n_labels
        The names of the labels.
    bag_names : sequence
        The names of the bags.
    has_label : ndarray of shape (n_bags, n_labels)
        Which labels each bag has, or is predicted to have.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    im_ : matplotlib AxesImage
        The numbers as they are drawn.
    dots_ : matplotlib PathCollection
        The instances that say most of the labels of their bags.

    See Also
    --------
    NodeAttentionDisplay : The nodes of one sample, of any kind.

    Examples
    --------
    >>> from skmlc import DeepMIMLClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> from skmlc.inspection import InstanceLabelDisplay
    >>> scenes = load_digit_scenes(60)
    >>> model = DeepMIMLClassifier(hidden_size=8, max_epochs=2, random_state=0)
    >>> model = model.fit(scenes.bags, scenes.target)
    >>> display = InstanceLabelDisplay.from_estimator(
    ...     model, scenes.bags[:4], scenes.target[:4]
    ... )
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('label', 'bag: instance')
    """

    def __init__(self, relevance, kind, label_names, bag_names, has_label):
        self.relevance = relevance
        self.kind = kind
        self.label_names = label_names
        self.bag_names = bag_names
        self.has_label = has_label

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, known=None, ax=None, **options):
        """Explain bags and draw what their instances say about the labels.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier with a method `explain`; or a pipeline, a search or a
            `ThresholdTuner` of one.
        X : {Bags, Graphs, list of array-like of shape (n_instances, n_features)} of length \
                n_bags
            The bags, a few.
        y : array-like of shape (n_bags, n_labels), default=None
            Their labels; None for those with a probability of at least one half.
        known : array-like of shape (n_bags, n_labels), default=None
            The known labels, as for `predict_proba`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        InstanceLabelDisplay
            The display, which is drawn.
        """
        explanation = explain(estimator, X, known=known)
        return cls.from_explanation(explanation, y, ax=ax, **options)

    @classmethod
    def from_explanation(cls, explanation, y=None, *, samples=None, ax=None, **options):
        """Draw what the instances of an explanation say about the labels.

        Parameters
        ----------
        explanation : Explanation
            From `explain` of a classifier, for bags or graphs.
        y : array-like of shape (n_bags, n_labels), default=None
            The labels of the bags; None for those with a probability of at least one half.
        samples : sequence of int, default=None
            The places of the bags to draw; None for all.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        InstanceLabelDisplay
            The display, which is drawn.
        """
        check_explanation(explanation)
        if explanation.node_kind != "instance":
            raise ValueError(
                "explanation must be of bags, whose nodes are instances; got nodes of the kind "
                f"{explanation.node_kind!r}: use NodeAttentionDisplay."
            )
        n_bags = len(explanation.relevance)
        has_label = explanation.probabilities >= 0.5
        if y is not None:
            y = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
            if y.shape != has_label.shape:
                raise ValueError(
                    f"y must be of shape {has_label.shape}, the labels of the bags that were "
                    f"explained; got {y.shape}."
                )
            has_label = y == 1
        samples = range(n_bags) if samples is None else samples
        samples = [sample_of(sample, n_bags) for sample in samples]
        display = cls(
            [explanation.relevance[i] for i in samples],
            explanation.kind,
            explanation.label_names,
            samples,
            has_label[samples],
        )
        return display.plot(ax=ax, **options)

    def plot(self, ax=None, *, labels=None, max_labels=20, colorbar=True, **options):
        """Draw the instances of the bags by labels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        labels : sequence, default=None
            The names or places of the labels to draw; None chooses.
        max_labels : int, default=20
            How many labels to draw at most, those that most of the bags have.
        colorbar : bool, default=True
            Whether to draw a color bar.
        **options : object
            For `imshow`.

        Returns
        -------
        InstanceLabelDisplay
            The display itself.
        """
        check_most(max_labels, "max_labels")
        importance = self.has_label.sum(axis=0)
        chosen = choose_labels(self.label_names, labels, max_labels, importance)
        values = np.concatenate([bag[chosen].T for bag in self.relevance])
        counts = [bag.shape[1] for bag in self.relevance]
        rows = [
            f"{name}: {i}" if i == 0 else f"{i}"
            for name, count in zip(self.bag_names, counts, strict=True)
            for i in range(count)
        ]
        ax = axes_for(self, ax, size_of_heat_map(*values.shape))
        self.im_ = draw_heat_map(
            ax, values, rows, [self.label_names[i] for i in chosen],
            colorbar=self.kind if colorbar else None,
            **{**color_range(values, self.kind), **options},
        )  # fmt: skip
        ends = np.cumsum(counts)
        for end in ends[:-1]:
            ax.axhline(end - 0.5, color="black", linewidth=0.8)
        self.dots_ = self._draw_dots(ax, chosen, ends - counts)
        ax.set(xlabel="label", ylabel="bag: instance")
        return self

    def _draw_dots(self, ax, chosen, starts):
        """Mark the instance that says most of each label that its bag has."""
        dots = [
            (column, start + bag[label].argmax())
            for bag, start, has in zip(self.relevance, starts, self.has_label, strict=True)
            for column, label in enumerate(chosen)
            if has[label]
        ]
        return ax.scatter(
            *np.reshape(dots, (-1, 2)).T,
            s=22,
            color="black",
            edgecolor="white",
            linewidth=0.8,
        )

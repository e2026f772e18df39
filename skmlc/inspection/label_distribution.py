"""A picture of how much each label describes a sample, and of which labels it has."""

import numpy as np
from sklearn.utils import check_array

from ._drawing import (
    axes_for,
    check_most,
    choose_labels,
    draw_heat_map,
    sample_of,
    size_of_heat_map,
)
from ._fitted import find_fitted, that_has

__all__ = ["LabelDistributionDisplay"]


class LabelDistributionDisplay:
    """The label distributions of some samples, with a dot where a sample has the label.

    Make one with `from_estimator` or `from_predictions`, which draw it too.

    Parameters
    ----------
    distribution : ndarray of shape (n_samples, n_labels)
        How much each label describes each sample; rows sum to one.
    y : ndarray of shape (n_samples, n_labels)
        The labels, 0 or 1; NaN where unknown.
    label_names : sequence of length n_labels
        The names of the labels.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    im_ : matplotlib AxesImage
        The distributions as they are drawn.
    dots_ : matplotlib PathCollection
        The labels that the samples have.

    See Also
    --------
    skmlc.GLEMIMLClassifier : Learns from label distributions that it recovers.
    skmlc.FLEMClassifier : Likewise, for vectors too.

    Examples
    --------
    >>> from skmlc import FLEMClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> from skmlc.inspection import LabelDistributionDisplay
    >>> scenes = load_digit_scenes(60)
    >>> model = FLEMClassifier(max_epochs=2, random_state=0).fit(scenes.bags, scenes.target)
    >>> display = LabelDistributionDisplay.from_predictions(
    ...     scenes.target, model.label_distribution_, samples=range(8)
    ... )
    >>> display.distribution[:3].sum(axis=1).round(2)
    array([1., 1., 1.], dtype=float32)
    """

    def __init__(self, distribution, y, label_names):
        self.distribution = distribution
        self.y = y
        self.label_names = label_names

    @classmethod
    def from_estimator(cls, estimator, X, y, *, ax=None, **options):
        """Enhance the labels of samples and draw their distributions.

        Parameters
        ----------
        estimator : estimator
            A fitted `GLEMIMLClassifier` or `FLEMClassifier`; or a pipeline, a search or a
            `ThresholdTuner` of one.
        X : {array-like, container} of length n_samples
            The samples, a few.
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
            Their labels.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        LabelDistributionDisplay
            The display, which is drawn.
        """
        names = find_fitted(estimator, "label_names_")
        estimator, X = that_has(estimator, "enhance", "GLEMIMLClassifier", X)
        distribution = estimator.enhance(X, y)
        return cls.from_predictions(y, distribution, label_names=names, ax=ax, **options)

    @classmethod
    def from_predictions(
        cls, y, distribution, *, label_names=None, samples=None, ax=None, **options
    ):
        """Draw label distributions.

        Parameters
        ----------
        y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
            The labels, 0 or 1.
        distribution : array-like of shape (n_samples, n_labels)
            How much each label describes each sample, such as `label_distribution_`.
        label_names : sequence of length n_labels, default=None
            The names of the labels; None takes the columns of a DataFrame, or numbers.
        samples : sequence of int, default=None
            The places of the samples to draw; None for all.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        LabelDistributionDisplay
            The display, which is drawn.
        """
        if label_names is None:
            label_names = getattr(y, "columns", None)
        y = y.toarray() if hasattr(y, "toarray") else y
        y = check_array(y, ensure_all_finite="allow-nan", input_name="y")
        distribution = check_array(distribution, input_name="distribution")
        if y.shape != distribution.shape:
            raise ValueError(
                f"distribution must be of the shape of y, {y.shape}; got {distribution.shape}."
            )
        names = range(y.shape[1]) if label_names is None else label_names
        if len(names) != y.shape[1]:
            raise ValueError(
                f"label_names must have a name for each of the {y.shape[1]} labels; got "
                f"{len(names)}."
            )
        samples = range(len(y)) if samples is None else samples
        samples = [sample_of(sample, len(y)) for sample in samples]
        return cls(distribution[samples], y[samples], list(names)).plot(ax=ax, **options)

    def plot(self, ax=None, *, labels=None, max_labels=20, colorbar=True, **options):
        """Draw samples by labels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        labels : sequence, default=None
            The names or places of the labels to draw; None chooses.
        max_labels : int, default=20
            How many labels to draw at most, those that describe the samples most.
        colorbar : bool, default=True
            Whether to draw a color bar.
        **options : object
            For `imshow`.

        Returns
        -------
        LabelDistributionDisplay
            The display itself.
        """
        check_most(max_labels, "max_labels")
        importance = self.distribution.sum(axis=0)
        chosen = choose_labels(self.label_names, labels, max_labels, importance)
        values = self.distribution[:, chosen]
        ax = axes_for(self, ax, size_of_heat_map(*values.shape))
        self.im_ = draw_heat_map(
            ax, values, range(len(values)), [self.label_names[i] for i in chosen],
            colorbar="label distribution" if colorbar else None,
            **{"cmap": "Blues", "vmin": 0.0, "vmax": 1.0, **options},
        )  # fmt: skip
        row, column = np.nonzero(self.y[:, chosen] == 1)
        self.dots_ = ax.scatter(
            column, row, s=22, color="C1", edgecolor="white", linewidth=0.8
        )
        ax.set(xlabel="label (dot: y is 1)", ylabel="sample")
        return self

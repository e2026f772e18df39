"""A picture of what LaMP predicts on the way, state by state."""

import numpy as np

from ._drawing import (
    axes_for,
    check_explanation,
    check_most,
    choose_labels,
    draw_heat_map,
    sample_of,
    size_of_heat_map,
)
from ._fitted import explain

__all__ = ["IntermediatePredictionDisplay"]

# Numbers are written into the cells of pictures that are no larger.
MOST_CELLS = 160


class IntermediatePredictionDisplay:
    """The probabilities of the labels after each half step of LaMP.

    Make one with `from_estimator` or `from_explanation`, which draw it too.

    Parameters
    ----------
    probabilities : ndarray of shape (n_labels, n_states)
        The probability of each label by each state.
    state_names : sequence of length n_states
        The names of the states: "1.1" has read the sample once, "1.2" has also received from
        the other labels.
    label_names : sequence of length n_labels
        The names of the labels.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    im_ : matplotlib AxesImage
        The probabilities as they are drawn.
    texts_ : list of matplotlib Text
        The numbers in the cells, row by row; none where there are many.

    See Also
    --------
    LabelAttentionDisplay : What the labels receive from each other between these states.

    Examples
    --------
    >>> from skmlc import LaMPClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> from skmlc.inspection import IntermediatePredictionDisplay
    >>> scenes = load_digit_scenes(60)
    >>> model = LaMPClassifier(hidden_size=16, max_epochs=2, random_state=0)
    >>> model = model.fit(scenes.bags, scenes.target)
    >>> display = IntermediatePredictionDisplay.from_estimator(model, scenes.bags, sample=3)
    >>> display.state_names
    ['1.1', '1.2', '2.1', '2.2']
    """

    def __init__(self, probabilities, state_names, label_names):
        self.probabilities = probabilities
        self.state_names = state_names
        self.label_names = label_names

    @classmethod
    def from_estimator(cls, estimator, X, *, sample=0, known=None, ax=None, **options):
        """Explain a sample and draw what is predicted on the way.

        Parameters
        ----------
        estimator : estimator
            A fitted `LaMPClassifier`; or a pipeline, a search or a `ThresholdTuner` of one.
        X : {array-like, container} of length n_samples
            The samples.
        sample : int, default=0
            The place of the sample in X.
        known : array-like of shape (n_samples, n_labels), default=None
            The known labels, as for `predict_proba`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        IntermediatePredictionDisplay
            The display, which is drawn.
        """
        explanation = explain(estimator, X, sample, known)
        return cls.from_explanation(explanation, ax=ax, **options)

    @classmethod
    def from_explanation(cls, explanation, *, sample=0, ax=None, **options):
        """Draw what was predicted on the way to an explanation.

        Parameters
        ----------
        explanation : Explanation
            From the `explain` of `LaMPClassifier`.
        sample : int, default=0
            The place of the sample.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        IntermediatePredictionDisplay
            The display, which is drawn.
        """
        check_explanation(explanation)
        states = explanation.details.get("intermediate_probabilities")
        if states is None:
            raise ValueError(
                "explanation must have intermediate probabilities, as that of LaMPClassifier "
                "has; this one does not."
            )
        sample = sample_of(sample, len(explanation.probabilities))
        probabilities = np.stack([p[sample] for p in states.values()], axis=1)
        display = cls(probabilities, list(states), explanation.label_names)
        return display.plot(ax=ax, **options)

    def plot(self, ax=None, *, labels=None, max_labels=20, colorbar=True, **options):
        """Draw the probabilities of labels by states.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        labels : sequence, default=None
            The names or places of the labels to draw; None chooses.
        max_labels : int, default=20
            How many labels to draw at most: those that are most probable in any state.
        colorbar : bool, default=True
            Whether to draw a color bar.
        **options : object
            For `imshow`.

        Returns
        -------
        IntermediatePredictionDisplay
            The display itself.
        """
        check_most(max_labels, "max_labels")
        importance = self.probabilities.max(axis=1)
        chosen = choose_labels(self.label_names, labels, max_labels, importance)
        values = self.probabilities[chosen]
        ax = axes_for(self, ax, size_of_heat_map(*values.shape))
        self.im_ = draw_heat_map(
            ax, values, [self.label_names[i] for i in chosen], self.state_names,
            colorbar="probability" if colorbar else None,
            **{"cmap": "Blues", "vmin": 0.0, "vmax": 1.0, **options},
        )  # fmt: skip
        self.texts_ = []
        if values.size <= MOST_CELLS:
            self.texts_ = [
                ax.text(
                    j, i, f"{value:.2f}", ha="center", va="center", fontsize="small",
                    color="white" if value > 0.6 else "black",
                )
                for (i, j), value in np.ndenumerate(values)
            ]  # fmt: skip
        ax.set(xlabel="state", ylabel="label")
        return self

"""A picture of which nodes of a sample, such as words or cells, mattered to which label."""

import numpy as np

from ..inputs import Images
from ._drawing import (
    axes_for,
    check_explanation,
    check_most,
    choose_labels,
    color_range,
    draw_heat_map,
    place_of,
    sample_of,
    size_of_heat_map,
)
from ._fitted import explain

__all__ = ["NodeAttentionDisplay"]


class NodeAttentionDisplay:
    """How much each node of a sample mattered to each label.

    Of tables, texts and bags it is a heat map of labels and nodes; of an image a map for each
    label over the photograph.

    Make one with `from_estimator` or `from_explanation`, which draw it too.

    Parameters
    ----------
    relevance : ndarray of shape (n_labels, n_nodes) or (n_labels, height, width)
        One number for each label and node of the sample.
    kind : {"attention", "contribution", "evidence", "score"}
        What these numbers are, as in `Explanation`.
    label_names : sequence of length n_labels
        The names of the labels.
    node_names : sequence of length n_nodes
        The names of the nodes.
    node_kind : str
        What a node is, as in `Explanation`.
    probabilities : ndarray of shape (n_labels,)
        The predicted probabilities.
    image : ndarray of shape (n_channels, height, width), default=None
        The photograph under the maps.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    axes_ : ndarray of matplotlib Axes
        For an image, the axes of each label, within `ax_`; else only `ax_`.
    figure_ : matplotlib Figure
        The figure of these axes.
    ims_ : list of matplotlib AxesImage
        The numbers as they are drawn: the heat map, or the map of each label.

    See Also
    --------
    InstanceLabelDisplay : The instances of several bags.
    LabelAttentionDisplay : How much each label attends to each other label.

    Examples
    --------
    >>> from skmlc import SSGRLClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> from skmlc.inspection import NodeAttentionDisplay
    >>> scenes = load_digit_scenes(60)
    >>> model = SSGRLClassifier(hidden_size=8, max_epochs=2, random_state=0)
    >>> model = model.fit(scenes.bags, scenes.target)
    >>> display = NodeAttentionDisplay.from_estimator(model, scenes.bags, sample=3)
    >>> display.relevance[:3].sum(axis=1).round(2)  # of each label over the instances
    array([1., 1., 1.], dtype=float32)
    """

    def __init__(
        self,
        relevance,
        kind,
        label_names,
        node_names,
        node_kind,
        probabilities,
        *,
        image=None,
    ):
        self.relevance = relevance
        self.kind = kind
        self.label_names = label_names
        self.node_names = node_names
        self.node_kind = node_kind
        self.probabilities = probabilities
        self.image = image

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        sample=0,
        step=None,
        head=None,
        known=None,
        feature_names=None,
        ax=None,
        **options,
    ):
        """Explain a sample and draw what its nodes mattered to the labels.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier with a method `explain`; or a pipeline, a search or a
            `ThresholdTuner` of one.
        X : {array-like, container} of length n_samples
            The samples; of images also what is under the maps.
        sample : int, default=0
            The place of the sample in X.
        step : int, default=None
            The step of LaMP or the layer of C-Tran, counted from zero; None is the last.
        head : int, default=None
            The attention head of LaMP or C-Tran, counted from zero; None for the mean.
        known : array-like of shape (n_samples, n_labels), default=None
            The known labels, as for `predict_proba`.
        feature_names : array-like of shape (`n_features_in_`,), default=None
            The names of features or tokens, as for `explain`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        NodeAttentionDisplay
            The display, which is drawn.
        """
        explanation = explain(estimator, X, sample, known, feature_names)
        image = None
        if (
            explanation.node_kind == "cell"
        ):  # before the steps of a pipeline, if there are any
            images = X if isinstance(X, Images) else Images(X)
            image = images[sample]
        return cls.from_explanation(
            explanation, step=step, head=head, image=image, ax=ax, **options
        )

    @classmethod
    def from_explanation(
        cls, explanation, *, sample=0, step=None, head=None, image=None, ax=None, **options
    ):
        """Draw what the nodes of a sample mattered to the labels.

        Parameters
        ----------
        explanation : Explanation
            From `explain` of a classifier.
        sample : int, default=0
            The place of the sample.
        step : int, default=None
            The step of LaMP or the layer of C-Tran, counted from zero; None is the last.
        head : int, default=None
            The attention head of LaMP or C-Tran, counted from zero; None for the mean.
        image : ndarray of shape (n_channels, height, width), default=None
            The photograph, for cells.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        NodeAttentionDisplay
            The display, which is drawn.
        """
        check_explanation(explanation)
        sample = sample_of(sample, len(explanation.relevance))
        if not explanation.node_names[sample]:
            raise ValueError(f"sample must have nodes to draw; sample {sample} has none.")
        display = cls(
            _relevance(explanation, sample, step, head),
            explanation.kind,
            explanation.label_names,
            explanation.node_names[sample],
            explanation.node_kind,
            explanation.probabilities[sample],
            image=image,
        )
        return display.plot(ax=ax, **options)

    def plot(
        self,
        ax=None,
        *,
        labels=None,
        max_labels=None,
        max_nodes=40,
        colorbar=True,
        **options,
    ):
        """Draw the heat map, or the maps over the photograph.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        labels : sequence, default=None
            The names or places of the labels to draw; None chooses.
        max_labels : int, default=None
            How many labels to draw at most, the most probable ones; None for 20, and 4 maps
            of an image.
        max_nodes : int, default=40
            How many nodes to draw at most: those that matter most to the labels drawn, in
            their order.
        colorbar : bool, default=True
            Whether to draw a color bar.
        **options : object
            For `imshow` of the numbers.

        Returns
        -------
        NodeAttentionDisplay
            The display itself.
        """
        is_map = self.relevance.ndim == 3
        max_labels = (4 if is_map else 20) if max_labels is None else max_labels
        check_most(max_labels, "max_labels")
        check_most(max_nodes, "max_nodes")
        chosen = choose_labels(self.label_names, labels, max_labels, self.probabilities)
        nodes = min(self.relevance.shape[1], max_nodes)
        size = None if is_map else size_of_heat_map(len(chosen), nodes)
        ax = axes_for(self, ax, size)
        names = [f"{self.label_names[i]}  {self.probabilities[i]:.2f}" for i in chosen]
        options = {**color_range(self.relevance[chosen], self.kind), **options}
        draw = self._draw_maps if is_map else self._draw_heat_map
        draw(ax, chosen, names, max_nodes, colorbar, options)
        return self

    def _draw_heat_map(self, ax, chosen, names, max_nodes, colorbar, options):
        """Draw labels and nodes."""
        values = self.relevance[chosen]
        most = np.argsort(-np.abs(values).max(axis=0), kind="stable")[:max_nodes]
        shown = np.sort(most)
        nodes = [self.node_names[i] for i in shown]
        image = draw_heat_map(
            ax, values[:, shown], names, nodes,
            colorbar=self.kind if colorbar else None, **options,
        )  # fmt: skip
        ax.set(xlabel=self.node_kind, ylabel="label and probability")
        self.axes_, self.ims_ = np.array([ax]), [image]

    def _draw_maps(self, ax, chosen, names, max_nodes, colorbar, options):
        """Draw a map for each label, in axes within the given ones."""
        ax.set_axis_off()
        self.axes_, self.ims_ = _axes_within(ax, len(chosen)), []
        for part, label, name in zip(self.axes_, chosen, names, strict=True):
            if self.image is not None:
                _draw_photograph(part, self.image)
            self.ims_.append(self._draw_map(part, self.relevance[label], options))
            part.set(xticks=[], yticks=[])
            part.set_title(name, fontsize="medium")
        if colorbar:
            ax.figure.colorbar(self.ims_[0], ax=ax, label=self.kind)

    def _draw_map(self, ax, values, options):
        """Draw one map, the fainter the less a cell matters if there is a photograph."""
        if self.image is not None:
            largest = max(abs(options["vmin"]), abs(options["vmax"]))
            alpha = 0.75 * np.clip(np.abs(values) / largest, 0, 1)
            height, width = self.image.shape[1:]
            options = {"alpha": alpha, "extent": (0, width, height, 0), **options}
            if self.kind == "attention":
                options["cmap"] = "Reds" if options["cmap"] == "Blues" else options["cmap"]
        return ax.imshow(values, interpolation="nearest", **options)


def _relevance(explanation, sample, step, head):
    """Return the relevance of the nodes of a sample, in one step or head if one is named."""
    if step is None and head is None:
        return explanation.relevance[sample]
    steps = explanation.details.get("label_to_node")
    if steps is None:
        raise ValueError(
            "step and head must be None for an explanation without attention heads, which "
            "those of LaMPClassifier and CTranClassifier have; got "
            f"step={step!r} and head={head!r}."
        )
    step = place_of(-1 if step is None else step, len(steps), "step")
    weights = steps[step][sample]  # (H, L, S)
    if head is None:
        return weights.mean(axis=0)
    return weights[place_of(head, len(weights), "head")]


def _axes_within(ax, n_axes):
    """Return axes in a grid, within others and with room for titles."""
    n_columns = int(np.ceil(np.sqrt(n_axes)))
    n_rows = -(-n_axes // n_columns)
    places = [divmod(i, n_columns) for i in range(n_axes)]
    width, height = 1 / n_columns, 1 / n_rows
    return np.array(
        [
            ax.inset_axes((j * width, 1 - (i + 1) * height, 0.94 * width, 0.86 * height))
            for i, j in places
        ]
    )


def _draw_photograph(ax, image):
    """Draw an image (C, H, W) if it is gray or has colors; others are no photographs."""
    n_channels, height, width = image.shape
    if n_channels not in (1, 3, 4):
        return
    picture = np.moveaxis(image, 0, 2)
    if picture.dtype != np.uint8:  # floats may be standardized
        low, high = picture.min(), picture.max()
        picture = (picture - low) / ((high - low) or 1)
    picture = picture[..., 0] if n_channels == 1 else picture
    ax.imshow(picture, cmap="gray", extent=(0, width, height, 0))

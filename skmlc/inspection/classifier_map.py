"""A picture of which labels have similar classifiers, vectors or states."""

import numpy as np

from .._spelling import check_choice
from ..model_selection.unwrapping import layers
from ._drawing import axes_for, check_most, choose_labels
from ._fitted import find_fitted

__all__ = ["ClassifierMapDisplay"]

# Of a letter of a name, and of a name, in points.
NAME_WIDTH, NAME_HEIGHT = 5.0, 10.0


class ClassifierMapDisplay:
    """A map of the labels on which those with similar vectors are near each other.

    The vectors are the classifiers that a method has learned, such as those that the graph
    convolutions of ML-GCN make, or the states of the labels of GM-MLIC.

    Make one with `from_estimator` or `from_vectors`, which draw it too.

    Parameters
    ----------
    places : ndarray of shape (n_labels, 2)
        Where the labels are.
    label_names : sequence of length n_labels
        The names of the labels.
    groups : sequence of length n_labels, default=None
        The group of each label, shown by its color.
    axis_names : (str, str), default=("", "")
        What the two directions are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    points_ : list of matplotlib PathCollection
        The labels of each group.
    texts_ : list of matplotlib Annotation
        The names of labels.

    See Also
    --------
    LabelGraphDisplay : The graph that makes the classifiers alike.

    Notes
    -----
    Principal components keep large distances, and t-SNE keeps which are near each other; the
    distances between groups and the axes of t-SNE mean nothing.  It needs some dozens of
    labels.

    Examples
    --------
    >>> from skmlc import MLGCNClassifier
    >>> from skmlc.datasets import load_digit_scenes
    >>> from skmlc.inspection import ClassifierMapDisplay
    >>> scenes = load_digit_scenes(60)
    >>> model = MLGCNClassifier(max_epochs=2, random_state=0).fit(
    ...     scenes.bags, scenes.target
    ... )
    >>> display = ClassifierMapDisplay.from_estimator(model)
    >>> display.places.shape
    (10, 2)
    """

    def __init__(self, places, label_names, *, groups=None, axis_names=("", "")):
        self.places = places
        self.label_names = label_names
        self.groups = groups
        self.axis_names = axis_names

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X=None,
        *,
        method="pca",
        groups=None,
        random_state=0,
        ax=None,
        **options,
    ):
        """Map the classifiers of the labels, or their states in samples.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier with `label_classifiers_` or, as those of scikit-learn, `coef_`;
            or with a method `label_states`, as `GMMLICClassifier`; or a pipeline, a search or a
            `ThresholdTuner` of one.
        X : {array-like, container} of length n_samples, default=None
            Samples, over which the states of the labels are averaged; only for an estimator
            with `label_states`.
        method : {"pca", "tsne"}, default="pca"
            How two directions are found: principal components or t-SNE.
        groups : sequence of length n_labels, default=None
            The group of each label, shown by its color.
        random_state : int, RandomState instance or None, default=0
            Where the random numbers of t-SNE come from.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        ClassifierMapDisplay
            The display, which is drawn.
        """
        vectors = _vectors(estimator, X)
        names = find_fitted(estimator, "label_names_")
        if names is None:
            classes = find_fitted(estimator, "classes_")
            fit = classes is not None and len(classes) == len(vectors)
            names = classes if fit else np.arange(len(vectors))
        return cls.from_vectors(
            vectors, list(names), method=method, groups=groups,
            random_state=random_state, ax=ax, **options,
        )  # fmt: skip

    @classmethod
    def from_vectors(
        cls,
        vectors,
        label_names=None,
        *,
        method="pca",
        groups=None,
        random_state=0,
        ax=None,
        **options,
    ):
        """Map vectors of the labels.

        Parameters
        ----------
        vectors : array-like of shape (n_labels, n_features)
            A vector for each label, such as its embedding.
        label_names : sequence of length n_labels, default=None
            The names of the labels; None numbers them.
        method : {"pca", "tsne"}, default="pca"
            How two directions are found: principal components or t-SNE.
        groups : sequence of length n_labels, default=None
            The group of each label, shown by its color.
        random_state : int, RandomState instance or None, default=0
            Where the random numbers of t-SNE come from.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        ClassifierMapDisplay
            The display, which is drawn.
        """
        vectors = np.asarray(vectors, dtype=np.float64)
        if vectors.ndim != 2 or len(vectors) < 2:
            raise ValueError(
                "vectors must be a matrix of at least two rows, one per label; got shape "
                f"{vectors.shape}."
            )
        n_labels = len(vectors)
        names = range(n_labels) if label_names is None else label_names
        for name, given in {"label_names": names, "groups": groups}.items():
            if given is not None and len(given) != n_labels:
                raise ValueError(
                    f"{name} must have an entry for each of the {n_labels} labels; got "
                    f"{len(given)}."
                )
        places, axis_names = _find_places(vectors, method, random_state)
        display = cls(places, list(names), groups=groups, axis_names=axis_names)
        return display.plot(ax=ax, **options)

    def plot(self, ax=None, *, labels=None, max_names=40, **options):
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        labels : sequence, default=None
            The names or places of the labels whose names are written; None chooses.
        max_names : int, default=40
            How many names to write at most, those of the labels farthest from others; names
            that would cover others are left out.  Points are drawn for all labels.
        **options : object
            For `scatter`.

        Returns
        -------
        ClassifierMapDisplay
            The display itself.
        """
        check_most(max_names, "max_names", least=0)
        spacing = _spacing(self.places)
        named = choose_labels(self.label_names, labels, max_names, spacing)
        ax = axes_for(self, ax)
        groups = np.zeros(len(self.places)) if self.groups is None else self.groups
        groups = np.array([str(group) for group in groups])
        self.points_ = []
        for group in dict.fromkeys(groups):
            points = self.places[groups == group]
            name = {} if self.groups is None else {"label": group}
            self.points_.append(ax.scatter(*points.T, **{"s": 18, **name, **options}))
        ax.margins(0.12)
        ax.set(xlabel=self.axis_names[0], ylabel=self.axis_names[1], xticks=[], yticks=[])
        if labels is None:
            names = [str(name) for name in self.label_names]
            named = _that_can_be_read(ax, self.places, names, named, spacing)
        self.texts_ = [
            ax.annotate(
                str(self.label_names[i]), self.places[i], xytext=(3, 3),
                textcoords="offset points", fontsize="small",
            )
            for i in named
        ]  # fmt: skip
        if self.groups is not None:
            ax.legend(fontsize="small")
        return self


def _vectors(estimator, X):
    """Return a vector for each label (n_labels, n_features)."""
    if X is not None:
        return _mean_states(estimator, X)
    for name in ("label_classifiers_", "coef_"):
        vectors = find_fitted(estimator, name)
        if vectors is not None:
            return vectors
    *_, (inner, _) = layers(estimator)
    hint = (
        "pass X, for the states of its labels"
        if hasattr(inner, "label_states")
        else "pass vectors of the labels to ClassifierMapDisplay.from_vectors"
    )
    raise TypeError(
        "estimator must be fitted and have label_classifiers_ or coef_; "
        f"{type(inner).__name__} has neither: {hint}."
    )


def _mean_states(estimator, X):
    """Return the mean over samples of the states of the labels (n_labels, n_features)."""
    for inner, inner_X in layers(estimator, X):
        if hasattr(inner, "label_states"):
            return inner.label_states(inner_X).mean(axis=0)
    raise TypeError(
        "X must be None for an estimator without a method label_states, which "
        f"GMMLICClassifier has; got it with a {type(inner).__name__}."
    )


def _find_places(vectors, method, random_state):
    """Return the places (n_labels, 2) of vectors on a map, and what its axes are."""
    check_choice(method, ("pca", "tsne"), "method")
    if method == "pca":
        from sklearn.decomposition import PCA

        pca = PCA(min(2, *vectors.shape), svd_solver="full").fit(vectors)
        places = pca.transform(vectors)
        missing = 2 - places.shape[1]
        shares = [*pca.explained_variance_ratio_, *[0.0] * missing]
        names = [f"component {i + 1} ({share:.0%})" for i, share in enumerate(shares)]
        return np.pad(places, ((0, 0), (0, missing))), tuple(names)
    from sklearn.manifold import TSNE

    perplexity = max(1.0, min(30.0, (len(vectors) - 1) / 3))
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=random_state)
    if vectors.shape[1] < 2:
        vectors = np.pad(vectors, ((0, 0), (0, 1)))
    return tsne.fit_transform(vectors.astype(np.float32)), ("t-SNE 1", "t-SNE 2")


def _that_can_be_read(ax, places, names, candidates, spacing):
    """Return the labels whose names do not cover each other, the most distant ones first."""
    size = np.array([ax.bbox.width, ax.bbox.height]) * 72 / ax.figure.dpi  # in points
    span = np.ptp(places, axis=0)
    corners = (places - places.min(axis=0)) / np.where(span > 0, span, 1) * 0.8 * size
    kept, boxes = [], []
    for i in sorted(candidates, key=lambda i: -spacing[i]):
        (left, bottom), width = corners[i], NAME_WIDTH * len(names[i])
        box = left, bottom, left + width, bottom + NAME_HEIGHT
        if not any(_overlap(box, other) for other in boxes):
            kept.append(i)
            boxes.append(box)
    return np.sort(kept)


def _overlap(a, b):
    """Return whether two boxes (left, bottom, right, top) have points in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _spacing(places):
    """Return how far each place is from the nearest other one."""
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    return distances.min(axis=1)

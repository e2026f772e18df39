"""A picture of a label graph: who receives from whom, and how much."""

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from .._spelling import check_choice
from ..indicators import read_matrix
from ..label_names import align_to_labels, column_names, fitted_label_names
from ._drawing import axes_for, check_most, choose_labels
from ._fitted import find_fitted, fitted_attribute

__all__ = ["LabelGraphDisplay"]

LAYOUTS = ("circular", "spring")

# Names of more letters than this are turned, so that they do not run into each other.
SHORT_NAME = 3


class LabelGraphDisplay:
    """A picture of a label graph.

    Labels are circles, and an arrow points from a label to one that receives from it: wide
    and dark where its weight is large. A line without a head goes both ways. Labels without
    any edge are hollow.

    Make one with `from_estimator` or `from_adjacency`, which draw it too.

    Parameters
    ----------
    adjacency : {array-like, sparse matrix, DataFrame} of shape (n_nodes, n_nodes)
        Where entry (i, j) is not zero, label i receives from label j. Self-loops are not
        drawn.
    label_names : sequence of str, default=None
        What the labels are called, by default the columns of a DataFrame, or numbers; nodes
        beyond them are further concepts and have numbers.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    shown_ : ndarray of int of shape (n_shown,)
        The labels that are drawn.
    nodes_ : matplotlib PathCollection
        Their circles.
    texts_ : list of matplotlib Text
        Their names.
    edges_ : dict of (int, int) to matplotlib FancyArrowPatch
        The arrows, by receiver and source; a line that goes both ways is there once, by the
        smaller index first.

    See Also
    --------
    skmlc.graphs.BaseLabelGraph.describe : The same in words.

    Examples
    --------
    >>> from skmlc.graphs import ConditionalProbabilityGraph
    >>> from skmlc.inspection import LabelGraphDisplay
    >>> Y = [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]]
    >>> graph = ConditionalProbabilityGraph(threshold=0.8).fit(
    ...     Y, label_names=["boat", "sea", "dog", "ship"]
    ... )
    >>> display = LabelGraphDisplay.from_estimator(graph)
    >>> list(display.edges_)  # boat and ship receive from sea
    [(0, 1), (3, 1)]
    """

    def __init__(self, adjacency, *, label_names=None):
        names = column_names(adjacency) if label_names is None else label_names
        adjacency = align_to_labels(adjacency, names, name="adjacency", square=True)
        matrix = sparse.csr_array(read_matrix(adjacency, "adjacency"))
        if matrix.shape[0] != matrix.shape[1]:
            raise ValueError(
                "adjacency must be square, with a row and a column per label; got shape "
                f"{matrix.shape}."
            )
        n_nodes = matrix.shape[0]
        names = [] if names is None else [str(name) for name in names]
        if len(names) > n_nodes:
            raise ValueError(
                f"label_names must hold at most {n_nodes} names, as many as adjacency has "
                f"rows; got {len(names)}."
            )
        self.adjacency = _without_loops(matrix.astype(np.float64))
        self.label_names = names + [str(i) for i in range(len(names), n_nodes)]

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        label_names=None,
        ax=None,
        **options,
    ):
        """Draw the label graph of a fitted classifier, or of a fitted builder of graphs.

        Parameters
        ----------
        estimator : estimator
            A fitted one with `adjacency_`; or a pipeline, a search or a `ThresholdTuner` of
            one.
        label_names : sequence of str, default=None
            What the labels are called; by default `label_names_`, or numbers.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        LabelGraphDisplay
            The display, which is drawn.
        """
        what = "a fitted classifier with a label graph, or a fitted builder of one,"
        adjacency = fitted_attribute(estimator, "adjacency_", what)
        if label_names is None:
            label_names = fitted_label_names(estimator)
        if label_names is not None:  # the nodes of a knowledge graph go further
            builder = find_fitted(estimator, "label_graph_") or estimator
            label_names = [*label_names, *getattr(builder, "concepts_", [])]
        return cls(adjacency, label_names=label_names).plot(ax, **options)

    @classmethod
    def from_adjacency(
        cls,
        adjacency,
        *,
        label_names=None,
        ax=None,
        **options,
    ):
        """Draw the label graph of a matrix.

        Parameters
        ----------
        adjacency : {array-like, sparse matrix, DataFrame} of shape (n_nodes, n_nodes)
            Where entry (i, j) is not zero, label i receives from label j.
        label_names : sequence of str, default=None
            What the labels are called.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **options : object
            For `plot`.

        Returns
        -------
        LabelGraphDisplay
            The display, which is drawn.
        """
        return cls(adjacency, label_names=label_names).plot(ax, **options)

    def plot(
        self,
        ax=None,
        *,
        labels=None,
        max_labels=40,
        max_edges=300,
        layout="circular",
        random_state=0,
        **options,
    ):
        """Draw the graph.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        labels : sequence, default=None
            The names or places of the labels to draw; None chooses.
        max_labels : int, default=40
            How many labels to draw at most: those with the largest sum of weights.
        max_edges : int, default=300
            How many edges to draw between them at most: those of the largest weights.
        layout : {"circular", "spring"}, default="circular"
            Labels on a circle in their order, or near those that they are connected with.
        random_state : int, RandomState instance or None, default=0
            Where the spring layout starts.
        **options : object
            For `scatter`, which draws the circles.

        Returns
        -------
        LabelGraphDisplay
            The display itself.
        """
        check_choice(layout, LAYOUTS, "layout")
        check_most(max_labels, "max_labels")
        check_most(max_edges, "max_edges", least=0)
        strength = abs(self.adjacency).sum(axis=0) + abs(self.adjacency).sum(axis=1)
        self.shown_ = choose_labels(self.label_names, labels, max_labels, strength)
        ax = axes_for(self, ax, figsize=(7.5, 7.5))
        shown = self.adjacency[self.shown_][:, self.shown_]
        if layout == "circular":
            positions = _on_a_circle(len(self.shown_))
        else:
            positions = _by_springs(shown, check_random_state(random_state))
        self.edges_ = self._draw_edges(ax, shown, positions, max_edges)
        radial = layout == "circular"
        self._draw_labels(ax, positions, radial, options)
        self._set_up(ax, shown.nnz, radial)
        return self

    def _draw_edges(self, ax, shown, positions, most):
        """Draw the arrows, the weakest first, and return them by receiver and source."""
        from matplotlib.patches import FancyArrowPatch

        edges = _drawn_edges(shown)[:most]
        largest = max((abs(weight) for _, _, weight, _ in edges), default=1.0)
        widest = np.clip(3 * np.sqrt(30 / max(len(edges), 1)), 1.2, 3)
        arrows = {}
        for i, j, weight, both_ways in reversed(edges):
            share = abs(weight) / largest
            arrow = FancyArrowPatch(
                positions[j],
                positions[i],
                arrowstyle="-" if both_ways else "-|>",
                connectionstyle=f"arc3,rad={0 if both_ways else 0.12}",
                mutation_scale=11,
                shrinkA=5,
                shrinkB=5,
                linewidth=0.3 + (widest - 0.3) * share,
                alpha=0.2 + 0.6 * share,
                color="C0" if weight > 0 else "C3",
            )
            ax.add_patch(arrow)
            arrows[int(self.shown_[i]), int(self.shown_[j])] = arrow
        return dict(reversed(arrows.items()))

    def _draw_labels(self, ax, positions, radial, options):
        """Draw circles and names; on a circle, the names outward."""
        from matplotlib.patheffects import Normal, Stroke

        connected = (abs(self.adjacency) + abs(self.adjacency).T).sum(axis=1) > 0
        faces = ["C0" if connected[i] else "white" for i in self.shown_]
        edges = ["C0" if connected[i] else "0.5" for i in self.shown_]
        options = {"s": 45, "c": faces, "edgecolors": edges, "zorder": 3} | options
        self.nodes_ = ax.scatter(*positions.T, **options)
        size = 10 if len(positions) <= 20 else 8 if len(positions) <= 50 else 6
        self.texts_ = []
        names = [str(self.label_names[i]) for i in self.shown_]
        place = _outward if max(map(len, names)) > SHORT_NAME else _beside
        for (x, y), name in zip(positions, names):
            style = place(x, y) if radial else {"ha": "center", "va": "bottom"}
            at = (1.06 * x, 1.06 * y) if radial else (x, y + 0.03)
            text = ax.text(*at, name, fontsize=size, zorder=4, **style)
            text.set_path_effects([Stroke(linewidth=2, foreground="white"), Normal()])
            self.texts_.append(text)

    def _set_up(self, ax, n_edges, radial):
        """Set what the axes show besides the graph."""
        reach = self._half_width(ax, radial)
        limits = -reach, reach
        ax.set(xticks=[], yticks=[], aspect="equal", xlim=limits, ylim=limits)
        ax.spines[:].set_visible(False)
        n_shown, n_nodes = len(self.shown_), len(self.label_names)
        notes = [f"{n_shown} of {n_nodes} labels"] if n_shown < n_nodes else []
        styles = [arrow.get_arrowstyle().arrow for arrow in self.edges_.values()]
        n_arrows, n_lines = styles.count("-|>"), styles.count("-")  # a line is two edges
        drawn = n_arrows + 2 * n_lines
        notes += [f"{drawn} of {n_edges} edges between them"] if drawn < n_edges else []
        meaning = ["arrows point to the label that receives"] if n_arrows else []
        ax.set_xlabel(", ".join([*meaning, *notes]))

    def _half_width(self, ax, radial):
        """Return how far the axes must reach for the names to be inside."""
        longest = max(len(text.get_text()) for text in self.texts_)
        points = (0.5 if radial else 0.25) * self.texts_[0].get_fontsize() * longest
        inches = min(ax.get_window_extent().size) / self.figure_.dpi
        return 1.1 / (1 - min(2 * points / 72 / inches, 0.6))


def _without_loops(matrix):
    """Return a matrix without its diagonal, and without zeros that are stored."""
    matrix = matrix - sparse.diags_array(matrix.diagonal(), format="csr")
    matrix.eliminate_zeros()
    return sparse.csr_array(matrix)


def _drawn_edges(matrix):
    """Return (receiver, source, weight, both ways) of each arrow, the strongest first."""
    edges = sparse.coo_array(matrix)
    weights = dict(zip(zip(edges.row.tolist(), edges.col.tolist()), edges.data.tolist()))
    arrows = []
    for (i, j), weight in weights.items():
        both_ways = weights.get((j, i)) == weight
        if not both_ways or i < j:
            arrows.append((i, j, weight, both_ways))
    return sorted(arrows, key=lambda arrow: -abs(arrow[2]))


def _on_a_circle(n_nodes):
    """Return places on the unit circle, from the top clockwise, (n_nodes, 2)."""
    angles = np.pi / 2 - 2 * np.pi * np.arange(n_nodes) / n_nodes
    return np.column_stack([np.cos(angles), np.sin(angles)])


def _by_springs(matrix, random_state, n_steps=200):
    """Return places such that connected labels are near, within a square, (n_nodes, 2).

    The springs are those of Fruchterman and Reingold, but softer at nodes that have many, so
    that dense parts are not drawn into one point.
    """
    pull = (abs(matrix) + abs(matrix).T).toarray()
    total = np.maximum(pull.sum(axis=1), 1e-12)
    pull = 3 * pull / np.sqrt(np.outer(total, total))
    n_nodes = len(pull)
    places = random_state.uniform(-1, 1, (n_nodes, 2))
    length = 1.6 / np.sqrt(n_nodes)  # what is between neighbors
    for step in range(n_steps):
        away = places[:, np.newaxis] - places  # (M, M, 2)
        distance = np.maximum(np.linalg.norm(away, axis=-1), 0.01)
        force = (length / distance) ** 2 - pull * distance / length
        move = (away * force[..., np.newaxis]).sum(axis=1)
        move -= places  # to the middle, so that what is isolated stays near
        size = np.maximum(np.linalg.norm(move, axis=1, keepdims=True), 1e-12)
        hottest = 0.2 * (1 - step / n_steps)
        places += move / size * np.minimum(size, hottest)
    ranks = _spread(places.argsort(axis=0).argsort(axis=0))
    return _apart((_spread(places) + ranks) / 2, random_state)


def _apart(places, random_state, space=(0.4, 0.1), n_steps=100):
    """Return places moved from each other, so that names, which are wide, have space."""
    scaled = places / space + random_state.normal(scale=1e-3, size=places.shape)
    for _ in range(n_steps):
        away = scaled[:, np.newaxis] - scaled  # (M, M, 2)
        distance = np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-9)
        lacking = np.maximum(1 - distance, 0) * (distance > 1e-9)
        scaled += 0.4 * (away / distance * lacking).sum(axis=1)
    return _spread(scaled)


def _spread(places):
    """Return places moved and scaled such that they fill the square from -1 to 1."""
    low, high = places.min(axis=0), places.max(axis=0)
    return 2 * (places - low) / np.maximum(high - low, 1e-12) - (high > low)


def _beside(x, y):
    """Return how a short name stands upright on the outer side."""
    return {
        "ha": "center" if abs(x) < 0.3 else "left" if x > 0 else "right",
        "va": "center" if abs(y) < 0.9 else "bottom" if y > 0 else "top",
    }


def _outward(x, y):
    """Return how a name stands that points away from the middle."""
    angle = np.degrees(np.arctan2(y, x))
    on_the_left = x < -1e-9
    return {
        "rotation": angle + 180 if on_the_left else angle,
        "rotation_mode": "anchor",
        "ha": "right" if on_the_left else "left",
        "va": "center",
    }

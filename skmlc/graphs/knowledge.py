"""Label graphs from a knowledge base, with concepts beyond the labels."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils._param_validation import Interval

from .base import BaseLabelGraph
from .edges import edges_to_csr

__all__ = ["KnowledgeGraph"]


class KnowledgeGraph(BaseLabelGraph):
    """Connect labels, and concepts beyond them, by the relations of a knowledge base.

    Each kind of relation r makes a graph with an edge of weight one wherever the knowledge
    base has "source r target"; the label graph is their mean (section 3.2 of [1]_, where
    the relations are those of Visual Genome).  The labels are its first nodes, further
    concepts follow.

    Parameters
    ----------
    relations : array-like of shape (n_relations, 3), default=None
        Triples (relation, source, target), such as ``("on", "cat", "sofa")``: the target
        receives from the source.  Source and target are names, or indices of labels.  A
        triple given twice counts once, and one from a node to itself is left out.  None
        is a graph without edges.
    concepts : int or sequence of str, default=None
        The further nodes: these names, in this order; or at most so many of the names,
        those that most triples hold; or all names (None).  Triples with other names are
        left out.
    aliases : mapping, default=None
        What a label is called in `relations` besides its name, such as
        ``{"tvmonitor": "tv"}``.
    n_relations : int, default=None
        How many relations are kept at most, those of most triples, repeated ones included;
        of equally many those that come first.  None keeps all.
    directed : bool, default=True
        Whether the target receives from the source alone; False for unordered pairs, whose
        ends receive from each other.

    Attributes
    ----------
    adjacency_ : csr_array of shape (n_nodes, n_nodes)
        The mean of the relations' graphs; node i receives from node j where entry (i, j)
        is not zero.
    relation_adjacency_ : list of csr_array of shape (n_nodes, n_nodes)
        The graph of each relation.
    relation_names_ : list of str
        The relations that are kept, in order of appearance.
    concepts_ : list of str
        The names of the nodes that follow the labels.
    n_left_out_ : int
        How many triples were left out, for a name that is not a node or a relation that is
        not kept.
    counts_ : ndarray of shape (n_labels,)
        How many samples have each label.
    label_names_ : list of str or None
        What the labels are called.
    n_features_in_ : int
        The number of labels.
    feature_names_in_ : ndarray of shape (n_labels,)
        The column names of `Y`, where it is a DataFrame with names.

    Notes
    -----
    The mean runs over all relations that are kept, also those without an edge.  A graph that
    has more nodes than there are labels is taken by `GGNNClassifier` alone.

    References
    ----------
    .. [1] Viel, "Improving Multi-Label Image Classification with Graph Neural Networks".

    Examples
    --------
    >>> from skmlc.graphs import KnowledgeGraph
    >>> relations = [("on", "cat", "sofa"), ("near", "cat", "sofa"), ("on", "sofa", "rug")]
    >>> graph = KnowledgeGraph(relations).fit([[1, 1]], label_names=["cat", "sofa"])
    >>> graph.concepts_
    ['rug']
    >>> graph.adjacency_.toarray()
    array([[0. , 0. , 0. ],
           [1. , 0. , 0. ],
           [0. , 0.5, 0. ]])
    """

    _hint = "give more relations, or aliases of the labels' names"
    relations: Any = field(default=None, kw_only=False)
    concepts: Any = field(default=None, kw_only=False)
    aliases: Any = field(default=None, kw_only=False)
    n_relations: int | None = None
    directed: bool = True

    _parameter_constraints = {
        "relations": ["array-like", None],
        "concepts": [Interval(Integral, 0, None, closed="left"), "array-like", None],
        "aliases": [Mapping, None],
        "n_relations": [Interval(Integral, 1, None, closed="left"), None],
        "directed": ["boolean"],
    }

    def _build(self, counts):
        """Name the nodes, sort the triples into relations, and average."""
        given = [] if self.relations is None else [_as_triple(t) for t in self.relations]
        self._check_names(given)
        frequency = Counter(relation for relation, _, _ in given)
        kept = {relation for relation, _ in frequency.most_common(self.n_relations)}
        triples = [triple for triple in given if triple[0] in kept]
        nodes = self._label_nodes()
        self.concepts_ = self._choose_concepts(triples, nodes)
        further = range(counts.n_labels, counts.n_labels + len(self.concepts_))
        nodes.update(zip(self.concepts_, further))
        edges = {relation: [] for relation, _, _ in triples}
        read_label = self._label_reader("relations")
        for relation, source, target in triples:
            pair = [
                nodes.get(end) if isinstance(end, str) else read_label(end)
                for end in (target, source)
            ]
            if None not in pair:
                edges[relation].append(pair)
        self.n_left_out_ = len(given) - sum(map(len, edges.values()))
        self.relation_names_ = list(edges)
        self._set_adjacency(edges.values(), counts.n_labels + len(self.concepts_))

    def _check_names(self, triples):
        """Raise an error if no relation can be of a label, as these have no names."""
        ends = [end for _, source, target in triples for end in (source, target)]
        unnamed = self.label_names_ is None and not self.aliases
        if ends and unnamed and all(isinstance(end, str) for end in ends):
            raise ValueError(
                "label_names must be given where relations hold names alone (in a classifier, "
                "give y as a DataFrame): without them no name is that of a label."
            )

    def _set_adjacency(self, edge_lists, n_nodes):
        """Set the graph of each relation, and their mean."""
        self.relation_adjacency_ = [
            edges_to_csr(receivers, sources, n_nodes)
            for receivers, sources in map(self._ends_of, edge_lists)
        ]
        empty = sparse.csr_array((n_nodes, n_nodes))
        total = sum(self.relation_adjacency_, start=empty).tocsr()
        total.sort_indices()
        total.data /= max(len(self.relation_adjacency_), 1)
        self.adjacency_ = total

    def _ends_of(self, edges):
        """Return the receiving and the sending nodes of a relation."""
        ends = np.array(edges, dtype=np.int64).reshape(-1, 2).T
        return ends if self.directed else np.hstack([ends, ends[::-1]])

    def _label_nodes(self):
        """Return the node of each name that stands for a label."""
        nodes = {name: i for i, name in enumerate(self.label_names_ or [])}
        read_label = self._label_reader("aliases")
        for label, alias in (self.aliases or {}).items():
            node = read_label(label)
            if not isinstance(alias, str):
                raise TypeError(f"aliases must map labels to names; got {alias!r}.")
            if nodes.setdefault(alias, node) != node:
                raise ValueError(
                    f"aliases must name one label each; {alias!r} stands for two."
                )
        return nodes

    def _choose_concepts(self, triples, nodes):
        """Return the names of the nodes other than the labels."""
        names = Counter(
            end
            for _, source, target in triples
            for end in (source, target)
            if isinstance(end, str) and end not in nodes
        )
        if self.concepts is None:
            return list(names)
        if isinstance(self.concepts, Integral):
            return [name for name, _ in names.most_common(self.concepts)]
        chosen = [str(name) for name in self.concepts]
        wrong = [name for name, n in Counter(chosen).items() if n > 1 or name in nodes]
        if wrong:
            raise ValueError(
                "concepts must differ from each other and from the labels and their "
                f"aliases; got {wrong[0]!r} again."
            )
        return chosen

    def _node_names(self):
        """Return the names of the labels and of the further concepts."""
        return super()._node_names() + self.concepts_


def _as_triple(triple):
    """Return (relation, source, target), or say that it is none."""
    triple = (triple,) if isinstance(triple, str) else tuple(triple)
    if len(triple) != 3:
        raise ValueError(
            f"relations must hold triples (relation, source, target); got {triple!r}."
        )
    relation, source, target = triple
    return str(relation), source, target

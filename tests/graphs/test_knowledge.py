"""Graphs from the triples of a knowledge base."""

import numpy as np
import pytest

from skmlc.graphs import KnowledgeGraph

NAMES = ["cat", "sofa", "tvmonitor"]
RELATIONS = [
    ("on", "cat", "sofa"),
    ("on", "cat", "rug"),
    ("on", "cat", "rug"),
    ("near", "cat", "sofa"),
    ("near", "sofa", "tv"),
    ("near", "cat", "cat"),
    ("under", "rug", "tv"),
    ("under", "floor", "rug"),
]


def fit(relations=RELATIONS, label_names=NAMES, **params):
    return KnowledgeGraph(relations, **params).fit(np.ones((1, 3)), label_names=label_names)


def node(graph, name):
    return (NAMES + graph.concepts_).index(name)


def test_the_target_of_a_relation_receives_from_its_source():
    graph = fit()
    assert graph.concepts_ == ["rug", "tv", "floor"]
    on = np.zeros((6, 6))
    on[node(graph, "sofa"), node(graph, "cat")] = 1
    on[node(graph, "rug"), node(graph, "cat")] = 1
    np.testing.assert_array_equal(graph.relation_adjacency_[0].toarray(), on)


def test_adjacency_is_the_mean_over_relations():
    graph = fit()
    assert graph.relation_names_ == ["on", "near", "under"]
    mean = sum(a.toarray() for a in graph.relation_adjacency_) / 3
    np.testing.assert_allclose(graph.adjacency_.toarray(), mean)
    assert mean[node(graph, "sofa"), node(graph, "cat")] == pytest.approx(2 / 3)
    assert mean[node(graph, "rug"), node(graph, "cat")] == pytest.approx(1 / 3)
    assert graph.adjacency_.nnz == 5
    assert not graph.adjacency_.diagonal().any()


def test_labels_come_first_and_keep_their_order():
    reverse = KnowledgeGraph(RELATIONS).fit(np.ones((1, 3)), label_names=NAMES[::-1])
    forward = fit()
    order = [2, 1, 0, 3, 4, 5]
    np.testing.assert_array_equal(
        reverse.adjacency_.toarray()[order][:, order], forward.adjacency_.toarray()
    )


def test_chosen_concepts_leave_other_triples_out():
    graph = fit(concepts=["floor", "rug", "lamp"])
    assert graph.concepts_ == ["floor", "rug", "lamp"]
    assert graph.adjacency_.shape == (6, 6)
    assert graph.n_left_out_ == 2  # the two with "tv"
    assert graph.adjacency_[4, 3] == pytest.approx(1 / 3)
    assert fit().n_left_out_ == 0


def test_a_number_of_concepts_takes_the_most_frequent():
    graph = fit(concepts=1)
    assert graph.concepts_ == ["rug"]  # in four triples
    assert graph.adjacency_.shape == (4, 4)
    assert fit(concepts=2).concepts_ == ["rug", "tv"]
    assert fit(concepts=0).adjacency_.shape == (3, 3)
    assert len(fit(concepts=100).concepts_) == 3


def test_the_most_frequent_relations_are_kept():
    graph = fit(n_relations=2)
    assert graph.relation_names_ == ["on", "near"]  # three triples each, "under" two
    assert graph.concepts_ == ["rug", "tv"]  # "floor" is under something, and no more
    assert graph.n_left_out_ == 2
    only = fit([t for t in RELATIONS if t[0] != "under"])
    np.testing.assert_array_equal(graph.adjacency_.toarray(), only.adjacency_.toarray())
    assert fit(n_relations=1).relation_names_ == ["on"]
    assert fit(n_relations=100).relation_names_ == ["on", "near", "under"]
    repeated = [*RELATIONS, ("under", "rug", "tv"), ("under", "rug", "tv")]
    assert fit(repeated, n_relations=1).relation_names_ == ["under"]


def test_unordered_pairs_receive_from_each_other():
    directed, unordered = fit(), fit(directed=False)
    for one, both in zip(
        directed.relation_adjacency_, unordered.relation_adjacency_, strict=True
    ):
        one, both = one.toarray(), both.toarray()
        np.testing.assert_array_equal(both, np.maximum(one, one.T))
    # A pair given both ways round is one edge each way, of weight one.
    twice = fit([("near", 0, 1), ("near", 1, 0)], directed=False)
    np.testing.assert_array_equal(twice.adjacency_.toarray()[:2, :2], [[0, 1], [1, 0]])


def test_aliases_name_labels_otherwise():
    graph = fit(aliases={"tvmonitor": "tv"})
    assert graph.concepts_ == ["rug", "floor"]
    assert graph.adjacency_[2, 1] == pytest.approx(1 / 3)
    assert "tvmonitor" in fit().describe().isolated
    assert graph.describe().isolated == ()


@pytest.mark.parametrize(
    "params, message",
    [
        ({"aliases": {"tv": "tvmonitor"}}, "aliases holds 'tv', which is not among"),
        ({"aliases": {"cat": "sofa"}}, "'sofa' stands for two"),
        ({"concepts": ["rug", "cat"]}, "concepts must differ"),
        ({"concepts": ["tv"], "aliases": {"tvmonitor": "tv"}}, "concepts must differ"),
    ],
)
def test_names_that_clash_are_refused(params, message):
    with pytest.raises(ValueError, match=message):
        fit(**params)


def test_labels_without_names_are_given_by_index():
    by_index = [
        (relation, *(NAMES.index(end) if end in NAMES else end for end in ends))
        for relation, *ends in RELATIONS
    ]
    unnamed, named = fit(by_index, label_names=None), fit()
    np.testing.assert_array_equal(unnamed.adjacency_.toarray(), named.adjacency_.toarray())
    assert unnamed.concepts_ == named.concepts_


def test_no_relations_give_a_graph_without_edges():
    graph = fit(None, concepts=["rug"])
    assert graph.adjacency_.shape == (4, 4)
    assert graph.adjacency_.nnz == 0
    assert graph.relation_adjacency_ == []


def test_description_counts_concepts_apart():
    description = fit().describe()
    assert (description.n_labels, description.n_nodes) == (3, 6)
    assert description.density == 5 / 30
    assert str(description).splitlines() == [
        "KnowledgeGraph: 3 labels and 3 further concepts, 5 edges (density 0.167)",
        "1 of 3 labels are isolated: tvmonitor",
        "3 of 6 nodes receive; most: rug (2), tv (2), sofa (1)",
        "Strongest edges, receiver <- source:",
        "  sofa <- cat   weight 0.667",
        "  rug <- cat    weight 0.333",
        "  rug <- floor  weight 0.333",
        "  tv <- sofa    weight 0.333",
        "  tv <- rug     weight 0.333",
    ]

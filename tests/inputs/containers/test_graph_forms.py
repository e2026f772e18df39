"""Graphs made of edge lists, of networkx and of PyTorch Geometric, and the way back."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from skmlc.inputs import Graphs

BAGS = [np.arange(6.0).reshape(3, 2), np.ones((2, 2)), np.zeros((1, 2))]
# Sender, receiver and weight.
LISTS = [[(0, 1, 2.0), (2, 1, 0.5)], [(1, 0, 3.0)], []]
RECEIVED = {(0, 1, 0): 2.0, (0, 1, 2): 0.5, (1, 0, 1): 3.0}
BOTH = {**RECEIVED, **{(g, s, r): w for (g, r, s), w in RECEIVED.items()}}


def as_dict(X):
    """Return the weight of each (graph, receiver, source); 1 where there are none."""
    graphs = np.repeat(np.arange(len(X)), np.diff(X.edge_offsets))
    weights = np.ones(len(graphs)) if X.edge_weights is None else X.edge_weights
    return dict(zip(zip(graphs.tolist(), *X.edges.tolist()), weights.tolist(), strict=True))


def without_weights(edges):
    return dict.fromkeys(edges, 1.0)


# Edge lists -----------------------------------------------------------------------------------


@pytest.mark.parametrize("directed, expected", [(True, RECEIVED), (False, BOTH)])
def test_edge_lists_lead_from_sender_to_receiver(directed, expected):
    X = Graphs.from_edge_lists(BAGS, LISTS, directed=directed)
    assert as_dict(X) == expected
    np.testing.assert_array_equal(X.instances, np.vstack(BAGS))
    plain = [[edge[:2] for edge in edges] for edges in LISTS]
    X = Graphs.from_edge_lists(BAGS, plain, directed=directed)
    assert X.edge_weights is None
    assert as_dict(X) == without_weights(expected)


def test_edges_without_weight_count_one_beside_others():
    X = Graphs.from_edge_lists(BAGS, [LISTS[0], [(1, 0)], []], directed=True)
    assert as_dict(X) == {**RECEIVED, (1, 0, 1): 1.0}


def test_two_edges_between_two_instances_are_pairs():
    X = Graphs.from_edge_lists([np.ones((2, 1))], [[(0, 0), (0, 1)]], directed=True)
    assert as_dict(X) == {(0, 0, 0): 1, (0, 1, 0): 1}


def test_an_undirected_loop_is_one_edge():
    X = Graphs.from_edge_lists([np.ones((2, 1))], [[(0, 0, 5.0), (0, 1, 2.0)]])
    assert as_dict(X) == {(0, 0, 0): 5, (0, 1, 0): 2, (0, 0, 1): 2}


@pytest.mark.parametrize(
    "lists, message",
    [
        ([[(0, 1), (1, 2, 1.0)], [], []], "rows of two numbers .* those of bag 0 are not"),
        ([[], [(0,)], []], "rows of two numbers .* those of bag 1 are not"),
        ([[], [("a", "b")], []], "rows of two numbers .* those of bag 1 are not"),
        ([[], [(0, 0.5)], []], "bag 1 has an end that is no integer"),
        ([[(0, np.nan)], [], []], "bag 0 has an end that is no integer"),
        ([[(0, 3)], [], []], r"bag 0 of 3 instances has the edge"),
        ([[(0, 1, -1.0)], [], []], "not negative; bag 0"),
        ([[], []], "one entry per bag, 3; got 2"),
    ],
)
def test_bad_edge_lists_are_named(lists, message):
    with pytest.raises(ValueError, match=message):
        Graphs.from_edge_lists(BAGS, lists)


# networkx -------------------------------------------------------------------------------------


def networkx_graphs(kind, **names):
    networkx = pytest.importorskip("networkx")
    feature, weight = names.get("feature", "x"), names.get("weight", "weight")
    graphs = []
    for bag, edges in zip(BAGS, LISTS, strict=True):
        graph = getattr(networkx, kind)()
        graph.add_nodes_from((f"n{i}", {feature: x}) for i, x in enumerate(bag))
        graph.add_weighted_edges_from(((f"n{a}", f"n{b}", w) for a, b, w in edges), weight)
        graphs.append(graph)
    return graphs


@pytest.mark.parametrize(
    "kind, expected",
    [
        ("DiGraph", RECEIVED),
        ("Graph", BOTH),
        ("MultiGraph", BOTH),
        ("MultiDiGraph", RECEIVED),
    ],
)
def test_networkx_edges_lead_from_sender_to_receiver(kind, expected):
    X = Graphs.from_networkx(networkx_graphs(kind))
    assert as_dict(X) == expected
    np.testing.assert_array_equal(X.instances, np.vstack(BAGS))
    other = networkx_graphs(kind, feature="h", weight="bond")
    assert Graphs.from_networkx(other, node_features="h", edge_weight="bond") == X
    unweighted = Graphs.from_networkx(other, node_features="h")
    assert unweighted.edge_weights is None
    assert as_dict(unweighted) == without_weights(expected)
    assert Graphs.from_networkx(networkx_graphs(kind), edge_weight=None) == unweighted


def test_networkx_numbers_are_features_and_missing_weights_are_one():
    networkx = pytest.importorskip("networkx")
    graph = networkx.DiGraph()
    graph.add_nodes_from([("b", {"x": 1}), ("a", {"x": 2})])
    graph.add_edge("b", "a", weight=4)
    graph.add_edge("a", "b")
    X = Graphs.from_networkx([graph])
    assert X.instances.tolist() == [[1], [2]]  # in the order of the nodes
    assert as_dict(X) == {(0, 1, 0): 4, (0, 0, 1): 1}


@pytest.mark.parametrize("weighted", [True, False])
def test_graphs_come_back_from_networkx(weighted):
    X = Graphs.from_networkx(
        networkx_graphs("DiGraph"), edge_weight="weight" * weighted or None
    )
    graphs = X.to_networkx()
    assert [g.number_of_nodes() for g in graphs] == [3, 2, 1]
    assert graphs[1].has_edge(1, 0)  # the sender comes first
    assert not graphs[1].has_edge(0, 1)
    assert Graphs.from_networkx(graphs) == X
    renamed = X.to_networkx("h", "w")
    named = {"node_features": "h", "edge_weight": "w" if weighted else None}
    assert Graphs.from_networkx(renamed, **named) == X


def test_bad_networkx_graphs_are_named():
    graphs = networkx_graphs("Graph")
    with pytest.raises(ValueError, match="'h', its features; node 'n0' of graph 0 has not"):
        Graphs.from_networkx(graphs, node_features="h")
    with pytest.raises(ValueError, match="edge_weight='bond' is no attribute of any edge"):
        Graphs.from_networkx(graphs, edge_weight="bond")
    assert Graphs.from_networkx(graphs[2:], edge_weight="bond").edge_weights is None
    with pytest.raises(TypeError, match="graph 0 is dict"):
        Graphs.from_networkx([{}])
    with pytest.raises(ValueError, match="at least one"):
        Graphs.from_networkx([])
    with pytest.raises(ValueError, match="graph 1 has none"):
        Graphs.from_networkx([graphs[2], graphs[0].__class__()])


# PyTorch Geometric ----------------------------------------------------------------------------


def pyg_graphs(make=SimpleNamespace, weight="edge_weight", as_column=False):
    """Return objects as PyTorch Geometric has them: row 0 of edge_index sends to row 1."""
    graphs = []
    for bag, edges in zip(BAGS, LISTS, strict=True):
        rows = torch.tensor(edges, dtype=torch.float64).reshape(-1, 3)
        weights = rows[:, 2:] if as_column else rows[:, 2]
        parts = {"x": torch.tensor(bag), "edge_index": rows[:, :2].T.long()}
        graphs.append(make(**parts, **({weight: weights} if weight else {})))
    return graphs


@pytest.mark.parametrize("as_column", [False, True])
def test_pyg_edges_lead_from_row_0_to_row_1(as_column):
    X = Graphs.from_pyg(pyg_graphs(as_column=as_column))
    assert as_dict(X) == RECEIVED
    np.testing.assert_array_equal(X.instances, np.vstack(BAGS))
    attributes = pyg_graphs(weight="edge_attr", as_column=as_column)
    assert Graphs.from_pyg(attributes, edge_weight="edge_attr") == X
    plain = Graphs.from_pyg(pyg_graphs(weight=None))
    assert plain.edge_weights is None
    assert as_dict(plain) == without_weights(RECEIVED)
    # What is not named is not read.
    assert Graphs.from_pyg(attributes) == plain
    assert Graphs.from_pyg(pyg_graphs(), edge_weight=None) == plain


def test_pyg_graphs_without_weights_count_one_beside_others():
    graphs = pyg_graphs()
    del graphs[0].edge_weight
    assert as_dict(Graphs.from_pyg(graphs)) == {**without_weights(RECEIVED), (1, 0, 1): 3}


def test_bad_pyg_graphs_are_named():
    graphs = pyg_graphs()
    graphs[1].x = None
    with pytest.raises(ValueError, match="graph 1 has no x"):
        Graphs.from_pyg(graphs)
    graphs = pyg_graphs()
    graphs[1].edge_index = torch.zeros(3, 2)
    with pytest.raises(ValueError, match=r"that of graph 1 has shape \(3, 2\)"):
        Graphs.from_pyg(graphs)
    graphs = pyg_graphs(weight="edge_attr")
    graphs[0].edge_attr = torch.ones(2, 4)
    with pytest.raises(
        ValueError, match=r"one number per edge; that of graph 0 of 2 edges"
    ):
        Graphs.from_pyg(graphs, edge_weight="edge_attr")
    with pytest.raises(ValueError, match="edge_weight='bond' is no attribute"):
        Graphs.from_pyg(graphs, edge_weight="bond")


@pytest.mark.parametrize("weight", ["edge_weight", None])
def test_graphs_come_back_from_pyg(weight):
    data = pytest.importorskip("torch_geometric.data", reason="needs torch_geometric")
    X = Graphs.from_pyg(pyg_graphs(data.Data, weight))
    assert Graphs.from_pyg(pyg_graphs(weight=weight)) == X
    back = X.to_pyg()
    assert back[1].edge_index.tolist() == [[1], [0]]  # the sender comes first
    assert Graphs.from_pyg(back) == X

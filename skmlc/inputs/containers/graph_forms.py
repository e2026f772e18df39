"""Graphs as others have them: edge lists, networkx, PyTorch Geometric."""

import numpy as np

__all__ = [
    "join_weights",
    "read_edge_list",
    "read_networkx",
    "read_pyg",
    "write_networkx",
    "write_pyg",
]


def read_edge_list(entry, i, directed):
    """Return the edges of one graph, given as rows of two ends and perhaps a weight.

    Parameters
    ----------
    entry : array-like of shape (n_edges, 2) or (n_edges, 3)
        The source and the receiver of each edge, and its weight.
    i : int
        The number of the graph, for errors.
    directed : bool
        Whether edges lead from the first end to the second only.

    Returns
    -------
    pairs : ndarray of int64 of shape (2, n_edges)
        Receivers and sources.
    weights : ndarray of shape (n_edges,) or None
        The weights, where there is a third column.

    Raises
    ------
    ValueError
        If this is not what came.
    """
    try:
        rows = np.asarray(entry, dtype=np.float64)
    except (TypeError, ValueError):
        rows = None
    if rows is not None and rows.size == 0:
        rows = rows.reshape(0, 2)
    if rows is None or rows.ndim != 2 or rows.shape[1] not in (2, 3):
        raise ValueError(
            "edge_lists must hold rows of two numbers of instances, and perhaps a weight, in "
            f"the same way for all edges of a bag; those of bag {i} are not."
        )
    ends = rows[:, :2]
    if not np.array_equal(ends, ends.round()):  # NaN is not either
        raise ValueError(
            "edge_lists must link instances by their numbers, counted from 0; bag "
            f"{i} has an end that is no integer."
        )
    sources, receivers = ends.astype(np.int64).T
    weights = rows[:, 2] if rows.shape[1] == 3 else None
    return _in_directions(receivers, sources, weights, directed)


def _in_directions(receivers, sources, weights, directed):
    """Return pairs and weights, with all edges in both directions unless directed."""
    pairs = np.stack([receivers, sources])
    if directed:
        return pairs, weights
    both = np.concatenate([pairs, pairs[::-1]], axis=1)
    return both, None if weights is None else np.tile(weights, 2)


def read_networkx(graph, i, node_features, edge_weight):
    """Return the features, edges and weights of a graph of networkx.

    Parameters
    ----------
    graph : networkx.Graph
        The graph, directed or not.
    i : int
        Its number, for errors.
    node_features : str
        The attribute of its nodes that holds their features.
    edge_weight : str
        The attribute of its edges that holds their weights; None not to read weights.

    Returns
    -------
    features : ndarray of shape (n_nodes, n_features)
        In the order of the nodes.
    pairs : ndarray of int64 of shape (2, n_edges)
        Receivers and sources.
    weights : ndarray of shape (n_edges,) or None
        The weights, 1 where an edge has none; None where no edge has one.

    Raises
    ------
    TypeError
        If it is no such graph.
    ValueError
        If it has no node, or a node has no features.
    """
    if not hasattr(graph, "is_directed") or not hasattr(graph, "edges"):
        raise TypeError(
            f"graphs must be graphs of networkx; graph {i} is {type(graph).__name__}."
        )
    if len(graph) == 0:
        raise ValueError(f"A graph must have at least one node; graph {i} has none.")
    missing = [node for node, x in graph.nodes(data=node_features) if x is None]
    if missing:
        raise ValueError(
            f"Every node must have the attribute {node_features!r}, its features; node "
            f"{missing[0]!r} of graph {i} has not."
        )
    features = np.array([x for _, x in graph.nodes(data=node_features)])
    place = {node: k for k, node in enumerate(graph.nodes)}
    edges = [(place[a], place[b]) for a, b in graph.edges()]
    ends = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    weights = None
    if edge_weight is not None:
        found = [w for *_, w in graph.edges(data=edge_weight)]
        if any(w is not None for w in found):
            weights = np.array([1.0 if w is None else w for w in found])
    pairs, weights = _in_directions(ends[1], ends[0], weights, graph.is_directed())
    return features.reshape(len(place), -1), pairs, weights


def read_pyg(data, i, edge_weight):
    """Return the features, edges and weights of a graph as PyTorch Geometric has it.

    Parameters
    ----------
    data : object
        With the attributes `x` and `edge_index`.
    i : int
        Its number, for errors.
    edge_weight : str
        The attribute that holds one number per edge; None not to read weights.

    Returns
    -------
    features : ndarray of shape (n_nodes, n_features)
        Those of the nodes.
    pairs : ndarray of int64 of shape (2, n_edges)
        Receivers and sources.
    weights : ndarray of shape (n_edges,) or None
        The weights, if the attribute is there.

    Raises
    ------
    ValueError
        If something is missing, or is not of such a shape.
    """
    for name in ("x", "edge_index"):
        if getattr(data, name, None) is None:
            raise ValueError(
                "data_list must hold objects with x, the features of the nodes, and "
                f"edge_index; graph {i} has no {name}."
            )
    pairs = _as_array(data.edge_index)
    if pairs.ndim != 2 or len(pairs) != 2:
        raise ValueError(
            f"edge_index must be of shape (2, n_edges); that of graph {i} has shape "
            f"{pairs.shape}."
        )
    weights = None if edge_weight is None else getattr(data, edge_weight, None)
    if weights is not None:
        weights = _as_array(weights)
        if weights.size != pairs.shape[1]:
            raise ValueError(
                f"{edge_weight} must be one number per edge; that of graph {i} of "
                f"{pairs.shape[1]} edges has shape {weights.shape}."
            )
        weights = weights.reshape(-1)
    return _as_array(data.x), pairs[::-1], weights  # messages go from row 0 to row 1 there


def _as_array(values):
    """Return a tensor, wherever it is, or anything else as an array."""
    return (
        values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
    )


def join_weights(weights, pairs, edge_weight, default):
    """Return the weights of all graphs; those that have none are given ones.

    Parameters
    ----------
    weights : sequence of ndarray of shape (n_edges,) or None
        Of each graph.
    pairs : sequence of ndarray of shape (2, n_edges)
        The edges of each graph.
    edge_weight, default : str
        The attribute that was asked for, and that which may be missing everywhere.

    Returns
    -------
    ndarray of shape (n_edges_in_all,) or None
        The weights; None where no graph has any.

    Raises
    ------
    ValueError
        If another attribute than the default is nowhere.
    """
    n_edges = [p.shape[1] for p in pairs]
    if any(w is not None for w in weights):
        ones = [np.ones(n) if w is None else w for w, n in zip(weights, n_edges)]
        return np.concatenate(ones)
    if edge_weight not in (None, default) and any(n_edges):
        raise ValueError(f"edge_weight={edge_weight!r} is no attribute of any edge.")
    return None


def write_networkx(samples, node_features, edge_weight):
    """Return directed graphs of networkx.

    Parameters
    ----------
    samples : iterable of (ndarray, ndarray, ndarray or None)
        The instances, edges and weights of each graph.
    node_features, edge_weight : str
        The attributes that get the features and the weights.

    Returns
    -------
    list of networkx.DiGraph
        Edges lead from source to receiver.

    Raises
    ------
    ImportError
        If networkx is not installed.
    """
    try:
        import networkx
    except ImportError as error:
        raise ImportError("to_networkx needs networkx: pip install networkx.") from error
    graphs = []
    for instances, (receivers, sources), weights in samples:
        graph = networkx.DiGraph()
        graph.add_nodes_from((k, {node_features: x}) for k, x in enumerate(instances))
        ends = sources.tolist(), receivers.tolist()
        if weights is None:
            graph.add_edges_from(zip(*ends))
        else:
            graph.add_weighted_edges_from(zip(*ends, weights.tolist()), weight=edge_weight)
        graphs.append(graph)
    return graphs


def write_pyg(samples):
    """Return graphs as PyTorch Geometric has them.

    Parameters
    ----------
    samples : iterable of (ndarray, ndarray, ndarray or None)
        The instances, edges and weights of each graph.

    Returns
    -------
    list of torch_geometric.data.Data
        With `x`, `edge_index` and, where there are weights, `edge_weight`.

    Raises
    ------
    ImportError
        If PyTorch Geometric is not installed.
    """
    try:
        import torch
        from torch_geometric.data import Data
    except ImportError as error:
        raise ImportError(
            "to_pyg needs PyTorch Geometric: pip install torch_geometric."
        ) from error
    return [
        Data(
            x=torch.tensor(instances),
            edge_index=torch.tensor(edges[::-1].copy()),
            edge_weight=None if weights is None else torch.tensor(weights),
        )
        for instances, edges, weights in samples
    ]

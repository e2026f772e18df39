"""Builders of label graphs, label vectors and graphs between instances."""

from .base import BaseLabelGraph, GraphDescription, GraphEdge
from .edge_lists import read_edge_list
from .embeddings import CooccurrenceEmbedding
from .hierarchy import HierarchyGraph
from .instances import KNNInstanceGraph, SpatialGraph
from .knowledge import KnowledgeGraph
from .labels import ConditionalProbabilityGraph, CooccurrenceGraph
from .name_vectors import NameVectors
from .neighbors import KNNLabelGraph
from .word_vectors import WordVectors

__all__ = [
    "BaseLabelGraph",
    "ConditionalProbabilityGraph",
    "CooccurrenceEmbedding",
    "CooccurrenceGraph",
    "GraphDescription",
    "GraphEdge",
    "HierarchyGraph",
    "KNNInstanceGraph",
    "KNNLabelGraph",
    "KnowledgeGraph",
    "NameVectors",
    "SpatialGraph",
    "WordVectors",
    "read_edge_list",
]

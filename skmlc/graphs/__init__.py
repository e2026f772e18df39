"""Builders of label graphs, and of graphs between the instances of a sample."""

from .base import BaseLabelGraph, GraphDescription, GraphEdge
from .hierarchy import HierarchyGraph
from .instances import KNNInstanceGraph, SpatialGraph
from .knowledge import KnowledgeGraph
from .labels import ConditionalProbabilityGraph, CooccurrenceGraph
from .neighbors import KNNLabelGraph

__all__ = [
    "BaseLabelGraph",
    "ConditionalProbabilityGraph",
    "CooccurrenceGraph",
    "GraphDescription",
    "GraphEdge",
    "HierarchyGraph",
    "KNNInstanceGraph",
    "KNNLabelGraph",
    "KnowledgeGraph",
    "SpatialGraph",
]

"""What X may be: containers, how to make them, and how they are encoded."""

from .containers import Bags, Graphs, Sequences
from .encoders import FeatureEncoder, GraphEncoder, InstanceEncoder, TokenEncoder
from .text import TokenSequencer

__all__ = [
    "Bags",
    "FeatureEncoder",
    "GraphEncoder",
    "Graphs",
    "InstanceEncoder",
    "Sequences",
    "TokenEncoder",
    "TokenSequencer",
]

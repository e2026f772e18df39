"""What X may be: containers, how to make them, and how they are encoded."""

from .containers import Bags, Graphs, Images, Sequences
from .encoders import FeatureEncoder, GraphEncoder, InstanceEncoder, TokenEncoder
from .image_encoder import ImageEncoder
from .image_features import ImageFeatures
from .regions import RegionFeatures
from .text import TokenSequencer

__all__ = [
    "Bags",
    "FeatureEncoder",
    "GraphEncoder",
    "Graphs",
    "ImageEncoder",
    "ImageFeatures",
    "Images",
    "InstanceEncoder",
    "RegionFeatures",
    "Sequences",
    "TokenEncoder",
    "TokenSequencer",
]

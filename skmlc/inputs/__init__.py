"""What X may be: containers, how to make them, and how they are encoded."""

from .bags import BagPooling, BagScaler
from .containers import Bags, Graphs, Images, Sequences
from .distances import BagDistances, bag_distances
from .encoders import FeatureEncoder, GraphEncoder, InstanceEncoder, TokenEncoder
from .image_encoder import ImageEncoder
from .image_features import ImageFeatures
from .regions import RegionFeatures
from .text import TokenSequencer

__all__ = [
    "BagDistances",
    "BagPooling",
    "BagScaler",
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
    "bag_distances",
]

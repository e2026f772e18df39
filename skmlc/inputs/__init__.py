"""Containers for sequences, bags, graphs and images, and their transformers and encoders."""

from .containers import Bags, Graphs, Images, Sequences
from .encoders.images import ImageEncoder
from .encoders.instances import GraphEncoder, InstanceEncoder
from .encoders.tables import FeatureEncoder
from .encoders.tokens import TokenEncoder
from .transformers.bags import BagPooling, BagScaler
from .transformers.distances import BagDistances, bag_distances
from .transformers.image_features import ImageFeatures
from .transformers.molecules import MoleculeGraphs
from .transformers.regions import RegionFeatures
from .transformers.tokens import TokenSequencer

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
    "MoleculeGraphs",
    "RegionFeatures",
    "Sequences",
    "TokenEncoder",
    "TokenSequencer",
    "bag_distances",
]

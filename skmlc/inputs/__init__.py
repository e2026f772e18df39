"""Containers for texts, sequences, bags, graphs and images, transformers and encoders."""

from .containers import Bags, Graphs, Images, LazyRows, Sequences, Texts
from .encoders.convolutions import ConvolutionEncoder
from .encoders.images import ImageEncoder
from .encoders.instances import GraphEncoder, InstanceEncoder
from .encoders.tables import FeatureEncoder
from .encoders.texts import TextEncoder
from .encoders.tokens import TokenEncoder
from .transformers.bags import BagPooling, BagScaler
from .transformers.distances import BagDistances, bag_distances
from .transformers.image_features import ImageFeatures
from .transformers.molecules import MoleculeGraphs
from .transformers.regions import RegionFeatures
from .transformers.text_features import TextFeatures
from .transformers.tokens import TokenSequencer

__all__ = [
    "BagDistances",
    "BagPooling",
    "BagScaler",
    "Bags",
    "ConvolutionEncoder",
    "FeatureEncoder",
    "GraphEncoder",
    "Graphs",
    "ImageEncoder",
    "ImageFeatures",
    "Images",
    "InstanceEncoder",
    "LazyRows",
    "MoleculeGraphs",
    "RegionFeatures",
    "Sequences",
    "TextEncoder",
    "TextFeatures",
    "Texts",
    "TokenEncoder",
    "TokenSequencer",
    "bag_distances",
]

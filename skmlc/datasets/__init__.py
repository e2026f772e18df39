"""Example data sets, and loaders for the usual multi-label file formats."""

from .bags import load_bags
from .digits import load_digit_scenes
from .images import load_image_set
from .loaders import load_multilabel
from .openml import fetch_openml_multilabel
from .synthetic import make_label_graph_classification

__all__ = [
    "fetch_openml_multilabel",
    "load_bags",
    "load_digit_scenes",
    "load_image_set",
    "load_multilabel",
    "make_label_graph_classification",
]

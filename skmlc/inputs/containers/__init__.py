"""Containers for samples of unequal size, which scikit-learn can slice.

A container holds the parts of all samples (tokens, instances, edges) in flat arrays, one
sample after another, and offsets that say where each sample begins; images stay where they
are. Containers cannot be changed, and slicing them costs no Python loop.
"""

from .bags import Bags
from .base import flat_index
from .graphs import Graphs
from .images import Images
from .lazy_rows import LazyRows, is_lazy, lazily, with_targets
from .sequences import Sequences
from .structure import as_container, as_images
from .texts import Texts

__all__ = [
    "Bags",
    "Graphs",
    "Images",
    "LazyRows",
    "Sequences",
    "Texts",
    "as_container",
    "as_images",
    "flat_index",
    "is_lazy",
    "lazily",
    "with_targets",
]

"""Graph-based multi-label classifiers in scikit-learn's form."""

from .baselines import EmbMLPClassifier, GlobalPoolClassifier, Seq2SeqClassifier
from .lamp import LaMPClassifier
from .mlgcn import MLGCNClassifier

__version__ = "0.1.0.dev0"

__all__ = [
    "EmbMLPClassifier",
    "GlobalPoolClassifier",
    "LaMPClassifier",
    "MLGCNClassifier",
    "Seq2SeqClassifier",
]

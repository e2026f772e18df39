"""Graph-based multi-label classifiers in scikit-learn's form."""

from .baselines import EmbMLPClassifier, Seq2SeqClassifier
from .lamp import LaMPClassifier

__version__ = "0.1.0.dev0"

__all__ = ["EmbMLPClassifier", "LaMPClassifier", "Seq2SeqClassifier"]

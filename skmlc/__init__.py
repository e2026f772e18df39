"""Graph-based multi-label classifiers with the interface of scikit-learn."""

from .baselines import (
    KISAR,
    MIMLNN,
    MIMLRBF,
    MIMLSVM,
    MIMLWEL,
    DeepMIMLClassifier,
    EmbMLPClassifier,
    EnMIMLNN,
    GlobalPoolClassifier,
    MIMLkNN,
    Seq2SeqClassifier,
)
from .ctran import CTranClassifier
from .flem import FLEMClassifier
from .ggnn import GGNNClassifier
from .glemiml import GLEMIMLClassifier
from .gmmlic import GMMLICClassifier
from .known_labels import KnownLabelsClassifier
from .lamp import LaMPClassifier
from .mlgcn import MLGCNClassifier
from .persistence.models import load, save
from .ssgrl import SSGRLClassifier

__version__ = "0.1.0.dev0"

__all__ = [
    "KISAR",
    "MIMLNN",
    "MIMLRBF",
    "MIMLSVM",
    "MIMLWEL",
    "CTranClassifier",
    "DeepMIMLClassifier",
    "EmbMLPClassifier",
    "EnMIMLNN",
    "FLEMClassifier",
    "GGNNClassifier",
    "GLEMIMLClassifier",
    "GMMLICClassifier",
    "GlobalPoolClassifier",
    "KnownLabelsClassifier",
    "LaMPClassifier",
    "MIMLkNN",
    "MLGCNClassifier",
    "SSGRLClassifier",
    "Seq2SeqClassifier",
    "load",
    "save",
]

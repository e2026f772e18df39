"""Baselines from the papers, and multi-instance multi-label methods for bags."""

from .deepmiml import DeepMIMLClassifier
from .enmimlnn import EnMIMLNN
from .kisar import KISAR
from .mimlknn import MIMLkNN
from .mimlnn import MIMLNN
from .mimlrbf import MIMLRBF
from .mimlsvm import MIMLSVM
from .mimlwel import MIMLWEL
from .mlp import EmbMLPClassifier
from .pooling import GlobalPoolClassifier
from .seq2seq import Seq2SeqClassifier

__all__ = [
    "KISAR",
    "MIMLNN",
    "MIMLRBF",
    "MIMLSVM",
    "MIMLWEL",
    "DeepMIMLClassifier",
    "EmbMLPClassifier",
    "EnMIMLNN",
    "GlobalPoolClassifier",
    "MIMLkNN",
    "Seq2SeqClassifier",
]

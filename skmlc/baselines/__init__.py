"""What the papers compare with."""

from .deepmiml import DeepMIMLClassifier
from .enmimlnn import EnMIMLNN
from .mimlknn import MIMLkNN
from .mimlnn import MIMLNN
from .mimlrbf import MIMLRBF
from .mimlsvm import MIMLSVM
from .mlp import EmbMLPClassifier
from .pooling import GlobalPoolClassifier
from .seq2seq import Seq2SeqClassifier

__all__ = [
    "MIMLNN",
    "MIMLRBF",
    "MIMLSVM",
    "DeepMIMLClassifier",
    "EmbMLPClassifier",
    "EnMIMLNN",
    "GlobalPoolClassifier",
    "MIMLkNN",
    "Seq2SeqClassifier",
]

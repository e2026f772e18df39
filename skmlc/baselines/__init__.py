"""What the papers compare with."""

from .enmimlnn import EnMIMLNN
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
    "EmbMLPClassifier",
    "EnMIMLNN",
    "GlobalPoolClassifier",
    "Seq2SeqClassifier",
]

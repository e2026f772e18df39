"""What the papers compare with."""

from .mimlsvm import MIMLSVM
from .mlp import EmbMLPClassifier
from .pooling import GlobalPoolClassifier
from .seq2seq import Seq2SeqClassifier

__all__ = ["MIMLSVM", "EmbMLPClassifier", "GlobalPoolClassifier", "Seq2SeqClassifier"]

"""What the papers compare with."""

from .mlp import EmbMLPClassifier
from .pooling import GlobalPoolClassifier
from .seq2seq import Seq2SeqClassifier

__all__ = ["EmbMLPClassifier", "GlobalPoolClassifier", "Seq2SeqClassifier"]

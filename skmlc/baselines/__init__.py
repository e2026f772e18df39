"""What the papers compare with."""

from .mlp import EmbMLPClassifier
from .seq2seq import Seq2SeqClassifier

__all__ = ["EmbMLPClassifier", "Seq2SeqClassifier"]

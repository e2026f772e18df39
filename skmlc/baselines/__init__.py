"""What the papers compare with."""

from .mlp import EmbMLPClassifier

__all__ = ["EmbMLPClassifier"]

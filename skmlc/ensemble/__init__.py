"""Classifiers that answer together."""

from .soft_voting import SoftVotingClassifier
from .stacking import StackingClassifier

__all__ = ["SoftVotingClassifier", "StackingClassifier"]

"""Ensembles of multi-label classifiers."""

from .soft_voting import SoftVotingClassifier
from .stacking import StackingClassifier

__all__ = ["SoftVotingClassifier", "StackingClassifier"]

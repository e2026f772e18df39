"""Classifiers that answer together."""

from .soft_voting import SoftVotingClassifier

__all__ = ["SoftVotingClassifier"]

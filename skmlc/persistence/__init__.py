"""Saved models: one file, which is checked on loading and runs no code."""

from ._models import load, save

__all__ = ["load", "save"]

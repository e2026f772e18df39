"""The names of the methods, for the tests that go through all of them."""

import skmlc

__all__ = ["METHOD_NAMES"]

# What wraps a classifier cannot be made without one: see test_known_labels.py.
METHOD_NAMES = [
    name for name in skmlc.__all__ if name not in ("KnownLabelsClassifier", "load", "save")
]

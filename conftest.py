"""What all tests and all examples in docstrings and in the documentation share."""

import sys

import pytest


@pytest.fixture(autouse=True)
def _close_figures():
    """Close the figures that an example or a test has opened; they would pile up."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")

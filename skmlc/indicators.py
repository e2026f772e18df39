"""The one reader of label matrices of zeros, ones and unknown entries."""

import numpy as np
from scipy.special import logit

__all__ = ["label_prior"]


def label_prior(positives, known, *, multiclass=False):
    """Return logits that say how frequent the labels are."""
    frequency = (positives + 1) / (known + 2)
    return np.log(frequency) if multiclass else logit(frequency)

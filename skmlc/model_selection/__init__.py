"""Stratified splitting of multi-label data, and tuning of decision thresholds."""

from .split import (
    MultilabelStratifiedKFold,
    MultilabelStratifiedShuffleSplit,
    RepeatedMultilabelStratifiedKFold,
    multilabel_train_test_split,
)
from .threshold import tune_threshold
from .tuner import ThresholdTuner
from .unwrapping import unwrap

__all__ = [
    "MultilabelStratifiedKFold",
    "MultilabelStratifiedShuffleSplit",
    "RepeatedMultilabelStratifiedKFold",
    "ThresholdTuner",
    "multilabel_train_test_split",
    "tune_threshold",
    "unwrap",
]

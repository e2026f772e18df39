"""Stratified splitting of multi-label data, thresholds and calibration."""

from .calibration import MultilabelCalibratedClassifierCV
from .group_split import (
    MultilabelStratifiedGroupKFold,
    MultilabelStratifiedGroupShuffleSplit,
)
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
    "MultilabelCalibratedClassifierCV",
    "MultilabelStratifiedGroupKFold",
    "MultilabelStratifiedGroupShuffleSplit",
    "MultilabelStratifiedKFold",
    "MultilabelStratifiedShuffleSplit",
    "RepeatedMultilabelStratifiedKFold",
    "ThresholdTuner",
    "multilabel_train_test_split",
    "tune_threshold",
    "unwrap",
]

"""Multi-label stratified splitting and threshold tuning."""

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

__all__ = [
    "MultilabelStratifiedGroupKFold",
    "MultilabelStratifiedGroupShuffleSplit",
    "MultilabelStratifiedKFold",
    "MultilabelStratifiedShuffleSplit",
    "RepeatedMultilabelStratifiedKFold",
    "ThresholdTuner",
    "multilabel_train_test_split",
    "tune_threshold",
]

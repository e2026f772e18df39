"""Explanations, reports and pictures of fitted models."""

from .known_labels_display import KnownLabelsDisplay
from .label_graph_display import LabelGraphDisplay
from .label_report import label_report
from .label_report_display import LabelReportDisplay
from .learning_curve_display import LearningCurveDisplay
from .threshold_display import ThresholdDisplay

__all__ = [
    "KnownLabelsDisplay",
    "LabelGraphDisplay",
    "LabelReportDisplay",
    "LearningCurveDisplay",
    "ThresholdDisplay",
    "label_report",
]

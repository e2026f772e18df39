"""Explanations, reports and plots of fitted models."""

from ..explanation import Explanation
from .classifier_map import ClassifierMapDisplay
from .instance_labels import InstanceLabelDisplay
from .intermediate_predictions import IntermediatePredictionDisplay
from .known_labels_display import KnownLabelsDisplay
from .label_attention import LabelAttentionDisplay
from .label_distribution import LabelDistributionDisplay
from .label_graph_display import LabelGraphDisplay
from .label_report import label_report
from .label_report_display import LabelReportDisplay
from .learning_curve_display import LearningCurveDisplay
from .node_attention import NodeAttentionDisplay
from .threshold_display import ThresholdDisplay

__all__ = [
    "ClassifierMapDisplay",
    "Explanation",
    "InstanceLabelDisplay",
    "IntermediatePredictionDisplay",
    "KnownLabelsDisplay",
    "LabelAttentionDisplay",
    "LabelDistributionDisplay",
    "LabelGraphDisplay",
    "LabelReportDisplay",
    "LearningCurveDisplay",
    "NodeAttentionDisplay",
    "ThresholdDisplay",
    "label_report",
]

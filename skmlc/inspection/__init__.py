"""Explanations, reports and Displays of what was learned, with public attributes only."""

from ..explanation import Explanation
from .classifier_map import ClassifierMapDisplay
from .instance_labels import InstanceLabelDisplay
from .intermediate_predictions import IntermediatePredictionDisplay
from .label_attention import LabelAttentionDisplay
from .label_distribution import LabelDistributionDisplay
from .node_attention import NodeAttentionDisplay

__all__ = [
    "ClassifierMapDisplay",
    "Explanation",
    "InstanceLabelDisplay",
    "IntermediatePredictionDisplay",
    "LabelAttentionDisplay",
    "LabelDistributionDisplay",
    "NodeAttentionDisplay",
]

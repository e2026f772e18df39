"""Metrics of multi-label classification, as functions and as scorers by name."""

from .class_overall import (
    class_f1,
    class_overall_scores,
    class_precision,
    class_recall,
    overall_precision,
    overall_recall,
    top_k_predictions,
)
from .classification import (
    example_f1,
    hamming_accuracy,
    hamming_loss,
    macro_f1,
    micro_f1,
    subset_accuracy,
)
from .hidden_labels import hide_labels
from .known_label_scores import known_label_scores
from .ranking import (
    coverage,
    label_average_precision,
    label_ranking_average_precision,
    mean_average_precision,
    micro_average_precision,
    multilabel_log_loss,
    ranking_loss,
)
from .scorers import get_metric, get_scorer, get_scorer_names
from .top_k import (
    label_propensities,
    ndcg_at_k,
    one_error,
    precision_at_k,
    propensity_scored_precision_at_k,
)

__all__ = [
    "class_f1",
    "class_overall_scores",
    "class_precision",
    "class_recall",
    "coverage",
    "example_f1",
    "get_metric",
    "get_scorer",
    "get_scorer_names",
    "hamming_accuracy",
    "hamming_loss",
    "hide_labels",
    "known_label_scores",
    "label_average_precision",
    "label_propensities",
    "label_ranking_average_precision",
    "macro_f1",
    "mean_average_precision",
    "micro_average_precision",
    "micro_f1",
    "multilabel_log_loss",
    "ndcg_at_k",
    "one_error",
    "overall_precision",
    "overall_recall",
    "precision_at_k",
    "propensity_scored_precision_at_k",
    "ranking_loss",
    "subset_accuracy",
    "top_k_predictions",
]

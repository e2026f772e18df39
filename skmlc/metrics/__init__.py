"""Multi-label metrics, as functions and as scorers."""

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
from .fbeta import example_fbeta, macro_fbeta, micro_fbeta
from .hidden_labels import hide_labels
from .jaccard import example_jaccard, macro_jaccard, micro_jaccard
from .known_label_scores import known_label_scores
from .label_confusion import label_confusion
from .names import get_metric, get_scorer_names
from .ranking import (
    coverage,
    label_average_precision,
    label_ranking_average_precision,
    mean_average_precision,
    micro_average_precision,
    multilabel_log_loss,
    ranking_loss,
)
from .roc_auc import label_roc_auc, macro_roc_auc, micro_roc_auc
from .scorers import get_scorer, scoring
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
    "example_fbeta",
    "example_jaccard",
    "get_metric",
    "get_scorer",
    "get_scorer_names",
    "hamming_accuracy",
    "hamming_loss",
    "hide_labels",
    "known_label_scores",
    "label_average_precision",
    "label_confusion",
    "label_propensities",
    "label_ranking_average_precision",
    "label_roc_auc",
    "macro_f1",
    "macro_fbeta",
    "macro_jaccard",
    "macro_roc_auc",
    "mean_average_precision",
    "micro_average_precision",
    "micro_f1",
    "micro_fbeta",
    "micro_jaccard",
    "micro_roc_auc",
    "multilabel_log_loss",
    "ndcg_at_k",
    "one_error",
    "overall_precision",
    "overall_recall",
    "precision_at_k",
    "propensity_scored_precision_at_k",
    "ranking_loss",
    "scoring",
    "subset_accuracy",
    "top_k_predictions",
]

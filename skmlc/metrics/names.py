"""All metrics by name."""

import difflib
import re
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from .class_overall import (
    class_f1,
    class_precision,
    class_recall,
    overall_precision,
    overall_recall,
    top_k_score,
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
from .jaccard import example_jaccard, macro_jaccard, micro_jaccard
from .ranking import (
    coverage,
    label_ranking_average_precision,
    mean_average_precision,
    micro_average_precision,
    multilabel_log_loss,
    ranking_loss,
)
from .roc_auc import macro_roc_auc, micro_roc_auc
from .top_k import ndcg_at_k, one_error, precision_at_k, propensity_scored_precision_at_k


class Metric(NamedTuple):
    """A metric by name: its function, what it is given, and which way is better."""

    name: str
    function: Callable  # (y_true, y_pred or y_score, sample_weight=None) -> float
    response: str  # "predict" or "predict_proba"
    greater_is_better: bool

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Return the metric of labels and of what `response` names, a float."""
        return self.function(y_true, y_pred, sample_weight=sample_weight)


_PREDICTED = {
    "ebF1": example_f1,
    "miF1": micro_f1,
    "maF1": macro_f1,
    "ebJaccard": example_jaccard,
    "miJaccard": micro_jaccard,
    "maJaccard": macro_jaccard,
    "ACC": subset_accuracy,
    "HA": hamming_accuracy,
    "hamming_loss": hamming_loss,
    "CP": class_precision,
    "CR": class_recall,
    "CF1": class_f1,
    "OP": overall_precision,
    "OR": overall_recall,
    "OF1": micro_f1,
}
_SCORED = {
    "mAP": mean_average_precision,
    "mAP_interpolated": partial(mean_average_precision, interpolation="interpolated"),
    "mAP_voc2007": partial(mean_average_precision, interpolation="voc2007"),
    "macro_AP": partial(mean_average_precision, zero_division=0.0),
    "micro_AP": micro_average_precision,
    "macro_AUC": macro_roc_auc,
    "micro_AUC": micro_roc_auc,
    "LRAP": label_ranking_average_precision,
    "ranking_loss": ranking_loss,
    "one_error": one_error,
    "coverage": coverage,
    "log_loss": multilabel_log_loss,
}
_FBETA = {"eb": example_fbeta, "mi": micro_fbeta, "ma": macro_fbeta}
_AT_K = {
    "P": precision_at_k,
    "nDCG": ndcg_at_k,
    "PSP": propensity_scored_precision_at_k,
} | {
    name: partial(top_k_score, measure=name)
    for name in ("CP", "CR", "CF1", "OP", "OR", "OF1")
}
_LOSSES = ("hamming_loss", "ranking_loss", "one_error", "coverage", "log_loss")
_LISTED_AT_K = {3: tuple(_AT_K), 1: ("P", "PSP"), 5: ("P", "nDCG", "PSP")}
_LISTED_BETAS = ("0.5", "2")
_FBETA_NAME = re.compile(r"(?P<stem>eb|mi|ma)F(?P<beta>\d+(\.\d+)?)")
_AT_K_NAME = re.compile(r"(?P<stem>\w+)@(?P<k>[1-9]\d*)(?P<above>_above_threshold)?")


def get_scorer_names():
    """Names of the metrics that `get_scorer` knows.

    Of the names with "@k" those in use are listed; any other k is understood too, and so is
    any other beta in "ebF2", "miF2" and "maF2".

    Returns
    -------
    list of str
        The names, sorted.

    Examples
    --------
    >>> from skmlc.metrics import get_scorer_names
    >>> [name for name in get_scorer_names() if name.startswith("mAP")]
    ['mAP', 'mAP_interpolated', 'mAP_voc2007']
    """
    at_k = [f"{stem}@{k}" for k, stems in _LISTED_AT_K.items() for stem in stems]
    above = [f"{stem}@3_above_threshold" for stem in _PREDICTED if stem in _AT_K]
    fbeta = [f"{stem}F{beta}" for stem in _FBETA for beta in _LISTED_BETAS]
    return sorted([*_PREDICTED, *_SCORED, *fbeta, *at_k, *above])


def get_metric(name):
    """Give a metric by name, as a function of arrays.

    Parameters
    ----------
    name : str
        One of `get_scorer_names`, or such a name with another k or beta.

    Returns
    -------
    Metric
        To call as ``metric(y_true, y_pred_or_score, sample_weight=None)``: a named tuple of the
        `name`, the `function` that is called, the `response` that it is given ("predict" or
        "predict_proba"), and `greater_is_better`, which is False for the losses: their
        functions give the loss itself.

    Examples
    --------
    >>> from skmlc.metrics import get_metric
    >>> metric = get_metric("P@2")
    >>> metric([[1, 0, 1]], [[0.9, 0.4, 0.3]])
    0.5
    >>> metric.response, metric.greater_is_better
    ('predict_proba', True)
    """
    if isinstance(name, str):
        if name in _PREDICTED:
            return Metric(name, _PREDICTED[name], "predict", name not in _LOSSES)
        if name in _SCORED:
            return Metric(name, _SCORED[name], "predict_proba", name not in _LOSSES)
        function = _read_fbeta(name)
        if function is not None:
            return Metric(name, function, "predict", True)
        function = _read_at_k(name)
        if function is not None:
            return Metric(name, function, "predict_proba", True)
    raise ValueError(_unknown_name(name))


def _read_fbeta(name):
    """Read a name such as "ebF2" into a function, None where it is no such name."""
    match = _FBETA_NAME.fullmatch(name)
    if match is None or float(match["beta"]) == 0:
        return None
    return partial(_FBETA[match["stem"]], beta=float(match["beta"]))


def _read_at_k(name):
    """Read a name such as "CF1@3" into a function, None where it is no such name."""
    match = _AT_K_NAME.fullmatch(name)
    if match is None or match["stem"] not in _AT_K:
        return None
    if match["above"] is None:
        return partial(_AT_K[match["stem"]], k=int(match["k"]))
    if match["stem"] not in _PREDICTED:
        return None
    return partial(_AT_K[match["stem"]], k=int(match["k"]), top_k_rule="above_threshold")


def _unknown_name(name):
    """Word the error for a name that is not known."""
    names = {known.lower(): known for known in get_scorer_names()}
    near = difflib.get_close_matches(str(name).lower(), names, n=5, cutoff=0.5)
    hint = (
        f"did you mean {', '.join(repr(names[match]) for match in near)}? " if near else ""
    )
    return (
        f"Unknown metric {name!r}; {hint}skmlc.metrics.get_scorer_names() lists all names."
    )

"""All metrics by name, and as scorers for scikit-learn's cross-validation and searches."""

import difflib
import re
from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import NamedTuple

from sklearn.metrics._scorer import _BaseScorer

from ..responses import (
    finite_where_told,
    in_order_of_columns,
    positive_probabilities,
    tell,
)
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
from .hidden_labels import check_known, hide_labels
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
        A named tuple of the `name`, the `function` with the signature
        ``function(y_true, y_pred_or_score, sample_weight=None)``, the `response` that it
        is given ("predict" or "predict_proba"), and `greater_is_better`, which is False
        for the losses: their functions give the loss itself.

    Examples
    --------
    >>> from skmlc.metrics import get_metric
    >>> metric = get_metric("P@2")
    >>> metric.function([[1, 0, 1]], [[0.9, 0.4, 0.3]])
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


def get_scorer(name, *, known=None, **options):
    """Give a metric as a scorer for cross-validation and searches of scikit-learn.

    A scorer is called as ``scorer(estimator, X, y)``, and greater is better. The losses
    ("hamming_loss", "ranking_loss", "one_error", "coverage", "log_loss") keep their plain
    names and have their sign reversed, so that a search finds the least.

    Parameters
    ----------
    name : str
        One of `get_scorer_names`; "P@7" and the like work for any k. "CF1@3" is the CF1 of
        the three best labels, "CF1@3_above_threshold" of those among them that reach a
        probability of 0.5 (or a decision value of 0). "ebF2" is F-beta with a beta of 2, in
        which recall counts more than precision; "maF0.5" and the like work for any beta.
    known : float in [0, 1), "one_positive" or None, default=None
        For estimators whose methods take `known`, labels known in part: which are known
        of y, as `hide_labels` draws it with ``random_state=0``. The metric is computed on
        what is not known. None and 0 give no known labels and need no such estimator.
    **options : dict
        Keyword arguments of the metric's function, as in
        ``get_scorer("ebF1", zero_division=np.nan)`` or
        ``get_scorer("PSP@5", propensities=label_propensities(Y.sum(axis=0), len(Y)))``.

    Returns
    -------
    MultilabelScorer
        The scorer, to be used as ``scoring=`` by itself or in a dict of scorers.

    See Also
    --------
    scoring : Several metrics at once.

    Notes
    -----
    Metrics of label sets call the estimator's `predict`; the others `predict_proba`, or
    `decision_function` where there is none ("log_loss" needs probabilities). Any form of
    probabilities in scikit-learn will do: an array (n_samples, n_labels), or a list of
    arrays (n_samples, 2) as of forests and nearest neighbors. A label of which the
    training rows had no positive has a probability of 0. The scorers of one dict call each
    method of the estimator once.

    "PSP@k" takes its propensities from what it is computed on, unless they are given.

    With `known`, y is passed as a DataFrame where it is one, so that the estimator matches its
    names, and else as an array. Of a pipeline, the last step has to take `known`; a search
    passes it on to its best estimator. Samples of which all labels are known are left out.

    Where y holds NaN (unknown entries), pass a splitter object as ``cv=``, such as
    ``KFold(5)`` or one of `skmlc.model_selection`: for a number, scikit-learn inspects y
    and raises "Input contains NaN".

    Where y is a DataFrame, its columns are matched by name with those that the estimator was
    fitted on, if it keeps them as `label_names_`, or with those of a DataFrame that it
    returns.

    A sparse y is taken by `GridSearchCV` and its kind as it is. `cross_validate` itself
    rejects one, though nothing in it needs a dense y, which is switched off by
    ``with sklearn.config_context(skip_parameter_validation=True):``.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.model_selection import cross_validate
    >>> from skmlc.metrics import get_scorer
    >>> X, y = make_multilabel_classification(n_samples=60, random_state=0)
    >>> scoring = {name: get_scorer(name) for name in ("ebF1", "mAP", "P@3")}
    >>> results = cross_validate(
    ...     RandomForestClassifier(5, random_state=0), X, y, cv=3, scoring=scoring
    ... )
    >>> sorted(results)
    ['fit_time', 'score_time', 'test_P@3', 'test_ebF1', 'test_mAP']
    """
    metric = get_metric(name)
    _check_options(metric, options)
    if known is not None:
        check_known(known)
    return MultilabelScorer(metric, options, known)


def scoring(names, *, known=None):
    """Give several metrics by name as what `scoring=` takes.

    Parameters
    ----------
    names : sequence of str
        Names of metrics, as for `get_scorer`.
    known : float in [0, 1), "one_positive" or None, default=None
        Which labels of y are known, as for `get_scorer`.

    Returns
    -------
    dict of str to MultilabelScorer
        A scorer under each name, for `cross_validate` and for searches, which need
        ``refit=`` with the name of the one that chooses.

    See Also
    --------
    get_scorer : A single scorer, with options of its metric.

    Notes
    -----
    The scorers of one dict call each method of the estimator once: `predict` where a metric
    judges label sets, `predict_proba` where one judges scores.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skmlc.metrics import scoring
    >>> X, y = make_multilabel_classification(n_samples=60, random_state=0)
    >>> search = GridSearchCV(
    ...     KNeighborsClassifier(),
    ...     {"n_neighbors": [1, 5]},
    ...     scoring=scoring(["miF1", "mAP"]),
    ...     refit="mAP",
    ... ).fit(X, y)
    >>> search.best_params_
    {'n_neighbors': 5}
    """
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise ValueError(
            "names must hold at least one name of a metric; got none, give some of "
            "skmlc.metrics.get_scorer_names()."
        )
    return {name: get_scorer(name, known=known) for name in names}


class MultilabelScorer(_BaseScorer):
    """Scorer of a metric by name, as `get_scorer` gives it.

    Parameters
    ----------
    metric : Metric
        The metric.
    options : dict
        Keyword arguments of its function.
    known : float in [0, 1), "one_positive" or None, default=None
        Which labels of y are known.
    random_state : int, default=0
        Which of the labels these are.
    """

    # scikit-learn's own scorers take the wrong column of probabilities where a problem has
    # two labels, and the wrong class where the training rows lack a label.

    def __init__(self, metric, options, known=None, random_state=0):
        methods = metric.response
        if methods == "predict_proba" and metric.name != "log_loss":
            methods = ("predict_proba", "decision_function")
        sign = 1 if metric.greater_is_better else -1
        super().__init__(metric.function, sign, options, methods)
        self.name = metric.name
        self.known = known
        self.random_state = random_state

    def __repr__(self):
        options = {} if self.known is None else {"known": self.known}
        options |= self._kwargs
        options = "".join(f", {key}={value!r}" for key, value in options.items())
        return f"get_scorer({self.name!r}{options})"

    def value(self, estimator, X, y_true, cache, **options):
        """Give the metric itself, a loss with its own sign, of the response to X.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier.
        X : array-like of shape (n_samples, ...)
            The samples.
        y_true : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
            Their labels.
        cache : dict
            Where responses are kept for other scorers of the same estimator, X and y.
        **options : dict
            Further keyword arguments of the metric's function.

        Returns
        -------
        float
            The value of the metric.
        """
        hidden, known = self._split(y_true, cache)
        method, response = self._call(estimator, X, known, cache)
        options = {**self._kwargs, **options}
        if method == "predict_proba":
            response = positive_probabilities(response, estimator, y_true)
        elif method == "decision_function" and self.name.endswith("_above_threshold"):
            options.setdefault("threshold", 0.0)
        response = in_order_of_columns(response, estimator, y_true)
        if known is not None and method == "decision_function":
            response = finite_where_told(response, known)
        return self._score_func(hidden, response, **options)

    def _score(self, method_caller, estimator, X, y_true, **kwargs):
        """Score the estimator's response to X."""
        # scikit-learn passes partial(_cached_call, cache). Should it cease to, the scorers
        # of one dict call the estimator more often.
        cache = next(iter(getattr(method_caller, "args", ())), None)
        cache = cache if isinstance(cache, dict) else {}
        return self._sign * self.value(estimator, X, y_true, cache, **kwargs)

    def _split(self, y_true, cache):
        """Return what is to be found, and the known labels, None if there are none."""
        if not self.known:
            return y_true, None
        key = ("labels", self.known, self.random_state)
        if key not in cache:
            cache[key] = hide_labels(y_true, self.known, self.random_state)
        return cache[key]

    def _call(self, estimator, X, known, cache):
        """Call the estimator, or find what it returned in the cache that scorers share."""
        methods = self._response_method
        methods = (methods,) if isinstance(methods, str) else methods
        method = next((name for name in methods if hasattr(estimator, name)), None)
        if method is None:
            raise AttributeError(
                f"The scorer {self.name!r} needs an estimator with "
                f"{' or '.join(methods)}; {type(estimator).__name__} has none."
            )
        given = None if known is None else (self.known, self.random_state)
        key = ("as the estimator gives it", method, given)
        if key not in cache:
            if known is None:
                cache[key] = getattr(estimator, method)(X)
            else:
                cache[key] = tell(estimator, method, X, known)
        return method, cache[key]


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


def _check_options(metric, options):
    """Raise an error for an option that the metric's function does not have."""
    parameters = signature(metric.function).parameters.values()
    fixed = getattr(metric.function, "keywords", {})
    known = {
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in fixed
    }
    unknown = sorted(options.keys() - known)
    if unknown:
        raise TypeError(
            f"The options of {metric.name!r} are {sorted(known)}; got {unknown[0]!r}."
        )


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

"""Metrics as scorers for scikit-learn's cross-validation and searches."""

from collections.abc import Iterable, Mapping
from inspect import signature

from sklearn.metrics._scorer import _BaseScorer

from ..responses import (
    finite_where_told,
    in_order_of_columns,
    positive_probabilities,
    tell,
)
from .hidden_labels import check_known, hide_labels
from .names import get_metric


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
    names = [names] if isinstance(names, str) else names
    if isinstance(names, Mapping) or not isinstance(names, Iterable):
        raise TypeError(
            f"names must be a list of names of metrics; got {type(names).__name__}: give some "
            "of skmlc.metrics.get_scorer_names()."
        )
    names = list(names)
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

"""How well the rest of the labels is found, by how much of them is known."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state

from .hidden_labels import check_known
from .names import get_metric
from .scorers import MultilabelScorer


def known_label_scores(
    estimator,
    X,
    y,
    *,
    shares=(0, 0.25, 0.5, 0.75),
    metrics=("mAP", "micro_AP"),
    random_state=0,
):
    """Score an estimator on hidden labels, with more and more of the others known.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier whose methods take `known`, a pipeline that ends in one, or a
        search over either. Where nothing is known, any classifier will do.
    X : array-like of shape (n_samples, ...)
        The samples.
    y : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_labels)
        Their labels, 0 or 1; NaN is unknown, neither given nor scored.
    shares : sequence of float in [0, 1) or "one_positive", default=(0, 0.25, 0.5, 0.75)
        What is known to the estimator, as for `hide_labels`; a larger share contains what a
        smaller one does, and more.
    metrics : sequence of str, default=("mAP", "micro_AP")
        Names of metrics, as for `get_scorer`.
    random_state : int, RandomState instance or None, default=0
        The seed for drawing which labels are known.

    Returns
    -------
    dict of str to ndarray of shape (n_shares,)
        Under "known" the shares, as floats or, with "one_positive" among them, as objects;
        under each metric's name its value on the labels that were not known. Losses have
        their own sign: lower is better. ``pandas.DataFrame`` takes the dict as it is.

    Notes
    -----
    Each method of the estimator is called once per share, whatever the number of metrics.
    The labels that are scored differ from share to share: those of a large share are few,
    and some labels may have no positive left, which mAP leaves out.

    See Also
    --------
    get_scorer : The same for one share, as a scorer for cross-validation and searches.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.metrics import known_label_scores
    >>> class Copies:  # guesses that what is known of one label holds for all
    ...     def predict_proba(self, X, known=None):
    ...         known = np.full((len(X), 2), np.nan) if known is None else known
    ...         guess = np.where(np.isnan(known), 0.5, known).mean(axis=1, keepdims=True)
    ...         return np.repeat(guess, 2, axis=1)
    >>> y = np.repeat([[0, 0], [1, 1]], 20, axis=0)
    >>> scores = known_label_scores(Copies(), np.zeros((40, 1)), y, shares=(0, 0.5))
    >>> scores["known"], scores["micro_AP"].round(2)
    (array([0. , 0.5]), array([0.5 , 0.83]))
    """
    shares = [shares] if isinstance(shares, str | Real) else list(shares)
    if not shares:
        raise ValueError("shares must hold at least one share of labels; got none.")
    for share in shares:
        check_known(share, "In shares, known")
    metrics = [metrics] if isinstance(metrics, str) else list(metrics)
    found = [get_metric(name) for name in metrics]
    if not isinstance(random_state, Integral):  # every share starts from the same draws
        random_state = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    scores = {"known": np.array(shares, dtype=_dtype_of(shares))}
    scores |= {name: np.empty(len(shares)) for name in metrics}
    for i, share in enumerate(shares):
        responses = {}
        for metric in found:
            scorer = MultilabelScorer(metric, {}, share, random_state)
            scores[metric.name][i] = scorer.value(estimator, X, y, responses)
    return scores


def _dtype_of(shares):
    """Return float, or object where some are names."""
    return object if any(isinstance(share, str) for share in shares) else float

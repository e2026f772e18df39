"""From one label's probability to sets of labels, by a model that takes known labels.

Samples in random order are those of any-order autoregressive models (Uria, Murray, Larochelle,
2014; Hoogeboom et al., arXiv:2110.02037); the most probable set is found easy labels first; and
the set of the best expected F1 is that of Dembczynski, Waegeman, Cheng, Hüllermeier (2011).

Everywhere `predict_proba` is the model: a function of `known`, an int8 array (n_samples,
n_labels) of 1 (known to hold), -1 (known not to hold) and 0 (unknown), that returns the
probability of each label given the known ones of the sample, 1.0 or 0.0 for those.  A call is
a forward pass over all samples, and the number of calls is what a function here costs.
"""

import numpy as np
from scipy.special import entr

__all__ = [
    "best_f1_labels",
    "draw_labels",
    "expected_information",
    "log_likelihood",
    "most_probable_labels",
]

# Without a number of rounds labels are handled one at a time, in at most this many rounds.
MAX_ROUNDS = 32

# Samples are handled in blocks, so that arrays have about this many entries.
_BLOCK_ENTRIES = 2**20


def draw_labels(predict_proba, known, rng, n_rounds=None):
    """Draw one set of labels per sample, from their joint distribution.

    The unknown labels of a sample are drawn in random order, each given all that came before;
    those of one round are drawn independently of each other.  Calls `predict_proba` as many
    times as there are rounds.

    Parameters
    ----------
    predict_proba : callable
        The model, as the module says.
    known : ndarray of shape (n_samples, n_labels), int8
        1 where a label is known to hold, -1 where it is known not to, 0 where it is unknown.
    rng : RandomState
        Where the draws come from.
    n_rounds : int, default=None
        In how many rounds to draw; never more than there are unknown labels.  None is one
        label at a time, in at most 32 rounds.

    Returns
    -------
    ndarray of shape (n_samples, n_labels), uint8
        The labels: known ones as given, the others drawn.

    Examples
    --------
    Two labels that hold in half of the samples, and always together:

    >>> import numpy as np
    >>> from skmlc.decoding import draw_labels
    >>> def predict_proba(known):
    ...     either = np.sign(known.sum(axis=1, keepdims=True))
    ...     return np.where(known != 0, known > 0, (1 + either) / 2)
    >>> draw_labels(
    ...     predict_proba, np.zeros((3, 2), dtype=np.int8), np.random.RandomState(1)
    ... )
    array([[1, 1],
           [1, 1],
           [0, 0]], dtype=uint8)
    """
    unknown = known == 0
    n_rounds = _count_rounds(unknown, n_rounds)
    turns = _draw_turns(unknown, n_rounds, rng)
    for turn in range(n_rounds):
        holds = rng.uniform(size=known.shape) < predict_proba(known)
        known = np.where(turns == turn, _signs(holds), known)
    return (known > 0).astype(np.uint8)


def most_probable_labels(predict_proba, known, n_rounds=8):
    """Return an approximation of the most probable set of labels of each sample.

    Easy first: a round fixes the most certain labels, and the next predicts the others given
    them.  Rounds fix fewer and fewer labels, as the last, uncertain ones depend on each other
    most.  Calls `predict_proba` `n_rounds` times.

    Parameters
    ----------
    predict_proba : callable
        The model, as the module says.
    known : ndarray of shape (n_samples, n_labels), int8
        1 where a label is known to hold, -1 where it is known not to, 0 where it is unknown.
    n_rounds : int, default=8
        In how many rounds to fix labels; never more than there are unknown ones.  One is a
        threshold of one half; None is one label at a time, in at most 32 rounds.

    Returns
    -------
    ndarray of shape (n_samples, n_labels), uint8
        The labels: known ones as given, the others as found.

    Examples
    --------
    The first of two labels holds in 45 % of the samples and the second in 60 %, among them all
    those of the first:

    >>> import numpy as np
    >>> from skmlc.decoding import most_probable_labels
    >>> def predict_proba(known):
    ...     first, second = known.T
    ...     p_first = np.choose(second + 1, [0.0, 0.45, 0.75])
    ...     p_second = np.choose(first + 1, [0.15 / 0.55, 0.6, 1.0])
    ...     return np.where(known != 0, known > 0, np.stack([p_first, p_second], axis=1))
    >>> nothing = np.zeros((1, 2), dtype=np.int8)
    >>> most_probable_labels(predict_proba, nothing, n_rounds=1)
    array([[0, 1]], dtype=uint8)
    >>> most_probable_labels(predict_proba, nothing)
    array([[1, 1]], dtype=uint8)
    """
    unknown = known == 0
    n_rounds = _count_rounds(unknown, n_rounds)
    n_unknown = unknown.sum(axis=1, keepdims=True)
    for to_go in reversed(range(n_rounds)):
        proba = predict_proba(known)
        unknown = known == 0
        n_fixed = unknown.sum(axis=1, keepdims=True) - _left(n_unknown, to_go, n_rounds)
        surest = _ranks(-np.abs(proba - 0.5), unknown) < n_fixed
        known = np.where(surest, _signs(proba >= 0.5), known)
    return (known > 0).astype(np.uint8)


def log_likelihood(predict_proba, labels, known, rng, n_orders=1, n_rounds=None):
    """Estimate how probable sets of labels are.

    The logarithm of the probability of each label given those before it, summed, is averaged
    over random orders.  A model whose predictions contradict each other gives each order
    another sum, and then the average is at most the logarithm of the averaged probability.
    Calls `predict_proba` once for all orders and then `n_rounds - 1` times for each.

    Parameters
    ----------
    predict_proba : callable
        The model, as the module says.
    labels : ndarray of shape (n_samples, n_labels)
        1 where a label holds, 0 where it does not; NaN where it is left out, and never used as
        known.
    known : ndarray of shape (n_samples, n_labels), int8
        1 where a label is known to hold, -1 where it is known not to, 0 where it is unknown.
        Known labels are a condition, and not part of the set, which must agree with them.
    rng : RandomState
        Where the orders come from.
    n_orders : int, default=1
        The number of orders to average over.
    n_rounds : int, default=None
        In how many rounds to reveal the labels; never more than there are labels to score.
        Labels of one round count as independent.  None is one label at a time, in at most 32
        rounds.

    Returns
    -------
    ndarray of shape (n_samples,), float64
        The log likelihood: minus infinity where `labels` contradict `known`, else finite. A
        label that was held to be impossible counts as one of a very small probability, the
        machine epsilon of the type of `predict_proba`.

    Examples
    --------
    Two labels that hold in half of the samples, and always together:

    >>> import numpy as np
    >>> from skmlc.decoding import log_likelihood
    >>> def predict_proba(known):
    ...     either = np.sign(known.sum(axis=1, keepdims=True))
    ...     return np.where(known != 0, known > 0, (1 + either) / 2)
    >>> labels, nothing = np.ones((1, 2)), np.zeros((1, 2), dtype=np.int8)
    >>> np.exp(log_likelihood(predict_proba, labels, nothing, np.random.RandomState(0)))
    array([0.5])
    """
    asked = (known == 0) & ~np.isnan(labels)
    n_rounds = _count_rounds(asked, n_rounds)
    first = predict_proba(known) if n_rounds else None
    total = np.zeros(len(known))
    for _ in range(n_orders if n_rounds else 0):
        turns, proba = _draw_turns(asked, n_rounds, rng), first
        for turn in range(n_rounds):
            if turn:
                revealed = asked & (turns < turn)
                proba = predict_proba(np.where(revealed, _signs(labels == 1), known))
            total += _log_proba(proba, labels).sum(axis=1, where=turns == turn)
    contradicts = ((known > 0) & (labels == 0)) | ((known < 0) & (labels == 1))
    return np.where(contradicts.any(axis=1), -np.inf, total / n_orders)


def best_f1_labels(samples):
    """Return for each sample the set of labels of the best expected F1.

    The expectation is over sets drawn from the joint distribution, and the maximum is exact:
    of each size k the best set has the labels j with the largest sum over sizes s of
    P(j, s labels in all) 2 / (s + k).  The F1 of two empty sets is one.

    Parameters
    ----------
    samples : ndarray of shape (n_draws, n_samples, n_labels), uint8
        Sets of labels, such as `draw_labels` gives.

    Returns
    -------
    ndarray of shape (n_samples, n_labels), uint8
        The best sets, the smallest of those that are equally good.

    Notes
    -----
    Samples are handled in blocks; time is in O(n_labels² n_draws) for each, counting only
    labels that were drawn, and memory for one sample in O(n_labels (n_labels + n_draws)).

    Examples
    --------
    None of three labels holds in most of the sets, but all three serve best:

    >>> import numpy as np
    >>> from skmlc.decoding import best_f1_labels
    >>> best_f1_labels(np.eye(3, dtype=np.uint8)[:, None])
    array([[1, 1, 1]], dtype=uint8)
    """
    n_draws, n_samples, n_labels = samples.shape
    best = np.zeros((n_samples, n_labels), dtype=np.uint8)
    step = max(1, _BLOCK_ENTRIES // (n_labels * max(n_labels, n_draws)))
    for start in range(0, n_samples, step):
        block = samples[:, start : start + step]
        # A label that never holds would only make a set larger.
        drawn = np.flatnonzero(block.any(axis=(0, 1)))
        best[start : start + step, drawn] = _best_f1(block[..., drawn])
    return best


def expected_information(predict_proba, known, n_candidates=None):
    """Return how much each unknown label would say about the labels if it were known.

    By how much the entropies of the labels, each by itself, are expected to fall when one of
    them becomes known, summed: its own entropy, and the mutual information with each of the
    others, as far as the model's predictions agree with one joint distribution.  Where they do
    not, the entropies of the others may be expected to rise, which counts as zero.  Calls
    `predict_proba` once, and twice per candidate.

    Parameters
    ----------
    predict_proba : callable
        The model, as the module says.
    known : ndarray of shape (n_samples, n_labels), int8
        1 where a label is known to hold, -1 where it is known not to, 0 where it is unknown.
    n_candidates : int, default=None
        How many labels to consider: those of each sample whose own entropy is largest.  None
        is all that are unknown.

    Returns
    -------
    ndarray of shape (n_samples, n_labels), float64
        The information in nats, zero or more; minus infinity for labels that are known or were
        not considered, so that the largest are those to ask for.

    Examples
    --------
    Two labels that hold in half of the samples, and always together:

    >>> import numpy as np
    >>> from skmlc.decoding import expected_information
    >>> def predict_proba(known):
    ...     either = np.sign(known.sum(axis=1, keepdims=True))
    ...     return np.where(known != 0, known > 0, (1 + either) / 2)
    >>> expected_information(
    ...     predict_proba, np.array([[0, 0], [1, 0]], dtype=np.int8)
    ... ).round(3)
    array([[1.386, 1.386],
           [ -inf, 0.   ]])
    """
    unknown = known == 0
    information = np.full(known.shape, -np.inf)
    n_looked_at = _count_rounds(unknown, n_candidates or known.shape[1])
    if not n_looked_at:
        return information
    proba = predict_proba(known).astype(np.float64)
    entropy = _entropy(proba)
    order = np.argsort(np.where(unknown, -entropy, np.inf), axis=1, kind="stable")
    for place in range(n_looked_at):
        rows = np.flatnonzero(unknown.sum(axis=1) > place)
        one = rows, order[rows, place]
        others = entropy[rows].sum(axis=1) - entropy[one]
        left = sum(
            chance * _entropy_when_told(predict_proba, known, one, value)
            for value, chance in ((1, proba[one]), (-1, 1 - proba[one]))
        )
        information[one] = entropy[one] + np.maximum(others - left, 0)
    return information


# Within this file ---------------------------------------------------------------------------


def _count_rounds(asked, n_rounds):
    """Return the number of rounds for a mask of labels: never more than a sample has."""
    most = asked.sum(axis=1).max(initial=0)
    return int(min(most, MAX_ROUNDS if n_rounds is None else n_rounds))


def _draw_turns(asked, n_rounds, rng):
    """Draw the round in which each label has its turn; -1 where it is not asked for."""
    rank = _ranks(rng.uniform(size=asked.shape), asked)
    n_asked = np.maximum(asked.sum(axis=1, keepdims=True), 1)
    return np.where(asked, rank * n_rounds // n_asked, -1)


def _left(n_unknown, to_go, n_rounds):
    """Return how many labels may be left when some of the rounds are still to go.

    They decay geometrically, with one at least for each round.  In equal blocks the last would
    hold all the labels in doubt, where most of a thousand labels surely do not hold.
    """
    decayed = np.round((n_unknown + 1.0) ** (to_go / n_rounds) - 1)
    return np.maximum(to_go, decayed)


def _ranks(keys, mask):
    """Return the place of each entry in its row, smallest first, behind all of the mask."""
    order = np.argsort(np.where(mask, keys, np.inf), axis=1, kind="stable")
    return np.argsort(order, axis=1, kind="stable")


def _signs(holds):
    """Return 1 where a label holds and -1 where it does not."""
    return np.where(holds, np.int8(1), np.int8(-1))


def _log_proba(proba, labels):
    """Return the log probability that each label is what it is, finite."""
    chance = np.where(labels == 1, proba, 1 - proba)
    return np.log(np.maximum(chance, np.finfo(proba.dtype).eps), dtype=np.float64)


def _entropy(proba):
    """Return the entropy of each label by itself, in nats."""
    return entr(proba) + entr(1 - proba)


def _entropy_when_told(predict_proba, known, one, value):
    """Return the summed entropy of the rows in which one more label is known each."""
    revealed = known.copy()
    revealed[one] = value
    return _entropy(predict_proba(revealed)[one[0]].astype(np.float64)).sum(axis=1)


def _best_f1(samples):
    """Return the sets of the best expected F1 for (S, N, L) draws, all of them at once."""
    n_draws, n_samples, n_labels = samples.shape
    drawn = samples.transpose(1, 0, 2).astype(np.float64)  # (N, S, L)
    size = drawn.sum(axis=2)  # (N, S)
    k = np.arange(1, n_labels + 1)  # (K,)
    weight = 2 / (size[:, None, :] + k[:, None])  # (N, K, S)
    gain = weight @ drawn / n_draws  # (N, K, L)
    order = np.argsort(-gain, axis=2, kind="stable")  # (N, K, L)
    f1 = np.take_along_axis(gain, order, axis=2).cumsum(axis=2)  # of the first 1, .., L
    f1 = np.diagonal(f1, axis1=1, axis2=2)  # (N, K), of the best k
    empty = (size == 0).mean(axis=1, keepdims=True)
    best_k = np.concatenate([empty, f1], axis=1).argmax(axis=1)  # (N,)
    best = np.zeros((n_samples, n_labels), dtype=np.uint8)
    if n_labels:
        labels = order[np.arange(n_samples), best_k - 1]  # (N, L), best first
        np.put_along_axis(best, labels, k <= best_k[:, None], axis=1)
    return best

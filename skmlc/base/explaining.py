"""How `explain` is made: what the nodes of each sample say, and what the nodes are called."""

import numpy as np
from scipy import sparse
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from ..explanation import Explanation
from ..inputs.containers import LazyRows
from ..label_names import fitted_label_names
from ..nn.head_output import logits_of
from ..training.batches import n_nodes_per_sample
from ..training.net import random_seed
from ..training.predict import map_batches, to_numpy
from .validation import read_input

__all__ = [
    "drop_stand_ins",
    "explain_nodes",
    "head_contributions",
    "make_explanation",
    "weigh_nodes",
]


def explain_nodes(
    estimator, X, weigh, *, kind, known=None, feature_names=None, further=None
):
    """Explain the logits of samples by their nodes.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        Fitted.
    X : object
        As the user gave it.
    weigh : callable
        Maps (network, batch, nodes) to a tensor (n, L, S) for each group of samples: how much
        each node matters to each label.
    kind : {"attention", "contribution", "evidence", "score"}
        What these numbers are, as in `Explanation`.
    known : object, default=None
        The known labels, as the user gave them.
    feature_names : object, default=None
        The names of features or tokens, as the user gave them.
    further : dict of str to callable, default=None
        Further details of each node of each sample, from functions like `weigh`.

    Returns
    -------
    Explanation
        With the results of `further` as details.
    """
    check_is_fitted(estimator)
    X = read_input(estimator, X)
    known = estimator._read_known(known, X)
    weighs = {"relevance": weigh, **(further or {})}
    logits, weights = weigh_nodes(estimator, X, weighs, known)
    relevance = weights.pop("relevance")
    details = {
        name: _of_best_tokens(estimator, X, w, relevance) if kind == "score"
        else drop_stand_ins(estimator, X, w)
        for name, w in weights.items()
    }  # fmt: skip
    rest = _rest(logits, relevance, kind, _without_nodes(estimator, X))
    return make_explanation(
        estimator, X, relevance, kind, rest=rest, details=details,
        probabilities=estimator._told_probabilities(logits, known),
        feature_names=feature_names,
    )  # fmt: skip


def head_contributions(network, batch, nodes):
    """Return each node's part of each logit (n, L, S) for each group, as the head has it."""
    return network.head.contributions(nodes)


def weigh_nodes(estimator, X, weighs, known=None):
    """Return the logits of samples and what functions say about their nodes.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        Fitted.
    X : ndarray, CSR matrix or container
        From `read_input`.
    weighs : dict of str to callable
        Functions like `weigh` of `explain_nodes`.
    known : {ndarray, csr_array} of shape (n_samples, n_labels), default=None
        From `_read_known`.

    Returns
    -------
    logits : ndarray of shape (n_samples, n_labels)
        Those of the network, of known labels as well.
    weights : dict of str to {list of ndarray of shape (n_labels, n_nodes), ndarray of shape \
            (n_samples, n_labels, height, width)}
        For each function, the latter for images.  A sample without nodes has one that stands
        for nothing.
    """
    grids = []

    def function(network, batch, rows):
        encoded = network.encode(batch)
        nodes = encoded[0]
        grids.append(nodes.grid)
        logits = logits_of(network.predict_from(encoded, batch.known))
        weights = [
            nodes.layout.per_sample(weigh(network, batch, nodes))
            for weigh in weighs.values()
        ]
        return list(zip(to_numpy(logits), *weights, strict=True))

    with random_seed(0):  # reading batches draws from the global state
        dtype = estimator._numpy_dtype
        samples = map_batches(estimator.net_, X, dtype, function, known=known)
    logits, *weights = zip(*samples, strict=True)
    if grids[0] is not None:
        weights = [np.stack(w).reshape(len(w), -1, *grids[0]) for w in weights]
    else:
        weights = [list(w) for w in weights]
    return np.stack(logits), dict(zip(weighs, weights, strict=True))


def make_explanation(
    estimator, X, relevance, kind, *, probabilities, feature_names, rest=None, details=()
):
    """Return an explanation with the names of labels and nodes.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        Fitted.
    X : ndarray, CSR matrix or container
        From `read_input`.
    relevance : {list of ndarray of shape (n_labels, n_nodes), ndarray of shape \
            (n_samples, n_labels, height, width)}
        As in `Explanation`, but that a sample without nodes has one, which stands for nothing.
    kind, probabilities : object
        As in `Explanation`.
    feature_names : array-like or None
        The names of features or tokens, as the user gave them.
    rest : ndarray of shape (n_samples, n_labels), default=None
        As in `Explanation`.
    details : dict, default=()
        What the method adds to this.

    Returns
    -------
    Explanation
        Without what stands for nothing, but for the details.
    """
    gather = np.maximum if kind == "score" else np.add
    relevance = drop_stand_ins(estimator, X, relevance, gather)
    node_kind, node_names = _name_nodes(estimator, X, relevance, feature_names)
    return Explanation(
        relevance=relevance,
        kind=kind,
        probabilities=probabilities,
        label_names=_label_names(estimator),
        node_names=node_names,
        node_kind=node_kind,
        rest=rest,
        details=Bunch(**details),
    )


def _label_names(estimator):
    """Return the names of the labels, or of the classes that stand for them."""
    names = fitted_label_names(estimator)
    if names is not None:
        return names
    classes = estimator.classes_.tolist()
    return classes[-1:] if estimator._target_kind == "binary" else classes


def _rest(logits, relevance, kind, empty):
    """Return the parts of the logits that do not come from nodes."""
    if kind not in ("contribution", "score"):
        return None
    gather = np.sum if kind == "contribution" else np.max
    of_nodes = [gather(np.reshape(r, (len(r), -1)), axis=1) for r in relevance]
    # Nothing of a logit is that of a node where there are none.
    return logits - np.where(empty[:, None], 0, of_nodes)


# Nodes --------------------------------------------------------------------------------------


def _without_nodes(estimator, X):
    """Return which samples have no nodes, and one in the network that stands for nothing."""
    lengths = n_nodes_per_sample(X)
    if lengths is None or not _reads_features(estimator):
        return np.zeros(X.shape[0], dtype=bool)
    return np.asarray(lengths) == 0


def drop_stand_ins(estimator, X, weights, gather=np.add):
    """Leave out nodes that stand for nothing, and make one of the tokens of a word.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        Fitted.
    X : ndarray, CSR matrix or container
        From `read_input`.
    weights : {list of ndarray of shape (..., n_nodes), ndarray of shape (n_samples, ...)}
        For each sample, the latter for images; a sample without nodes has one.
    gather : {np.add, np.maximum}, default=np.add
        What is said of a word, of which a pretrained network reads parts.

    Returns
    -------
    {list of ndarray of shape (..., n_nodes), ndarray of shape (n_samples, ...)}
        A sample without nodes has none.
    """
    empty = _without_nodes(estimator, X)
    if isinstance(weights, np.ndarray):  # of images
        return weights
    if _reads_words(estimator):
        return [
            gather.reduceat(w, _first_tokens(places), axis=-1)
            if len(places)
            else w[..., :0]
            for w, (places, _) in zip(weights, _words(estimator, X), strict=True)
        ]
    return [w[..., :0] if drop else w for w, drop in zip(weights, empty, strict=True)]


def _reads_words(estimator):
    """Return whether the nodes are the tokens of texts."""
    pooling = getattr(estimator.encoder_, "pooling", None)
    return estimator._input_kind == "texts" and pooling is None


def _words(estimator, X):
    """Return the word of each token and the words, of each text."""
    return estimator._tokenizer.words(X.texts)


def _first_tokens(places):
    """Return where each word begins among the tokens of a text."""
    return np.flatnonzero(np.diff(places, prepend=-1))


def _of_best_tokens(estimator, X, details, scores):
    """Return a detail of each node; of a word, that of its token with the highest score."""
    if not _reads_words(estimator):
        return drop_stand_ins(estimator, X, details)
    result = []
    for detail, score, (places, words) in zip(details, scores, _words(estimator, X)):
        of_word = places == np.arange(len(words))[:, None]  # (W, S)
        best = np.where(of_word, score[:, None, :], -np.inf).argmax(-1)  # (L, W)
        result.append(np.take_along_axis(detail, best, axis=-1))
    return result


def _reads_features(estimator):
    """Return whether each sample has a node for each of its features, tokens or instances."""
    kind, nodes = estimator._input_kind, getattr(estimator.encoder_, "nodes", "auto")
    if kind == "texts":
        return _reads_words(estimator)
    ones = {"vectors": ("auto", "vector"), "sparse": ("vector",)}
    return nodes not in ones.get(kind, ())


def _name_nodes(estimator, X, relevance, feature_names):
    """Return what the nodes are, and their names for each sample."""
    kind, reads_features = estimator._input_kind, _reads_features(estimator)
    has_names = kind in ("vectors", "sparse", "sequences") and reads_features
    names = _feature_names(estimator, feature_names, has_names)
    if kind == "images":
        height, width = relevance.shape[2:]
        cells = [(i, j) for i in range(height) for j in range(width)]
        return "cell", [cells] * len(relevance)
    counts = [weights.shape[-1] for weights in relevance]
    if _reads_words(estimator):
        node_kind, found = "word", [words for _, words in _words(estimator, X)]
    elif kind in ("bags", "graphs"):
        node_kind, found = "instance", [list(range(n)) for n in counts]
    elif not reads_features:
        node_kind, found = "sample", [["sample"] for _ in counts]
    else:
        node_kind = "token" if kind == "sequences" else "feature"
        found = [names[i].tolist() for i in _features_of_nodes(X)]
    if [len(names) for names in found] != counts:  # of an encoder from elsewhere
        return "node", [list(range(n)) for n in counts]
    return node_kind, found


def _features_of_nodes(X):
    """Return the feature or token of each node of each sample."""
    if isinstance(X, np.ndarray | LazyRows):
        return [np.arange(X.shape[1])] * len(X)
    if sparse.issparse(X):
        return np.split(X.indices, X.indptr[1:-1])
    return np.split(X.tokens, X.offsets[1:-1])


def _feature_names(estimator, names, has_names):
    """Return the names of features or tokens, those of `fit`, or their numbers."""
    n_features = estimator.n_features_in_
    if names is None:
        names = getattr(estimator, "feature_names_in_", None)
        return np.arange(n_features) if names is None else np.asarray(names, dtype=object)
    if not has_names:
        raise ValueError(
            "feature_names must be None where a node is not a feature or a token of the "
            f"sample; X was of the kind {estimator._input_kind!r} in fit."
        )
    names = np.asarray(names, dtype=object)
    if names.shape != (n_features,):
        raise ValueError(
            f"feature_names must be of shape ({n_features},), a name for each feature or token "
            f"seen in fit; got {names.shape}."
        )
    return names

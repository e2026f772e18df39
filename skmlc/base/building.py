"""How an estimator's network is built from its samples, and the settings of its optimizer."""

import warnings

import numpy as np
import torch
from scipy.special import expit

from ..graphs.adjacency import check_pairs_memory, count_edges
from ..inputs.encoders.choose import Rectified, bare_encoder
from ..inputs.encoders.columns import Standardized
from ..inputs.encoders.training_values import training_values, warn_of_lost_columns
from ..nn.known_labels import KnownLabelNeighbors, KnownLabelSkip
from ..nn.network import LinearSkip, Network
from ..training.batches import n_nodes_per_sample
from ..training.linear_skip import (
    choose_C,
    inverse_document_frequency,
    mean_cells,
    mean_squared_norm,
    skip_group,
)
from ..training.net_settings import choose_device
from ..training.row_optimizer import RowwiseAdamW
from ..training.user_callbacks import reads_gradients
from .automatic import choose_input_dropout
from .weight_memory import bounded_weights, check_training_memory

__all__ = ["make_module", "optimizer_params"]

# From where on it pays that the linear skip updates only the rows that a batch reads: so many
# weights, and so many features for each entry of a batch (measured).
ROWWISE_WEIGHTS, ROWWISE_FEATURES = 2**21, 8
# Of bags of words and the like far fewer numbers are stored.
MOST_STORED = 0.5
# Times the learning rate: the few weights of a distance among label rows, which are no network.
NEIGHBORS_FACTOR = 10.0
# From so many labels on it pays to compare label rows; of fewer ones the network itself learns
# how they depend on each other (validation parts of nine sets, of 5 to 499 labels).
MANY_LABELS = 10


def make_module(estimator, X, rows, weight, n_labels):
    """Build the network: column encodings, encoder, head and linear parts.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        Knows the kind of X, its encoder, the labels and their graph.
    X : ndarray, CSR matrix or container
        The samples.
    rows : ndarray of int
        Those to train on.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.
    n_labels : int
        The number of labels.

    Returns
    -------
    Network
        On the CPU, of single precision but for column encodings.

    Raises
    ------
    ValueError
        If the machine has too little memory for the weights or for training them.
    """
    with bounded_weights(estimator, n_labels):
        module = _make_network(estimator, X, rows, weight, n_labels)
    check_training_memory(estimator, module, n_labels, len(rows))
    return module


def _make_network(estimator, X, rows, weight, n_labels):
    """Build the network as `make_module` does, whatever it takes."""
    kind = estimator._input_kind
    raw = kind in estimator._raw_kinds
    columns = _fit_columns(estimator, X, rows, weight, raw)
    encoder = _make_encoder(estimator, kind, raw, columns)
    skip = None
    if estimator.linear_skip and kind == "images":
        skip = _skip_of_images(estimator, encoder, X, rows, weight, n_labels)
    elif estimator.linear_skip:
        n_inputs = estimator.n_features_in_ if columns is None else columns.skip.n_outputs
        token_weight = None
        is_tokens = kind in ("sequences", "texts")
        if is_tokens:
            token_weight = inverse_document_frequency(X, rows, weight)
        rowwise = _can_update_rows(estimator) and _is_wide(
            X, rows, n_inputs, n_labels, estimator.batch_size
        )
        skip = LinearSkip(
            n_inputs,
            n_labels,
            "sequences" if is_tokens else kind,
            token_weight,
            sparse_gradient=rowwise,
        )
    known_skip = _make_known_skip(estimator, n_labels)
    head = estimator._make_head(n_labels, encoder.node_size)
    if kind == "images" and skip is not None and hasattr(head, "start_at_zero"):
        # Maps are read as they are, however large: random weights would drown the skip.
        head.start_at_zero()
    dropout = choose_input_dropout(estimator.input_dropout, kind, estimator.n_features_in_)
    return Network(encoder, head, skip, dropout, known_skip, columns)


def reads_maps(estimator):
    """Whether X are feature maps, of which no backbone makes others."""
    takes_maps = getattr(estimator.encoder_, "takes_maps", None)
    if estimator._input_kind != "images" or takes_maps is None:
        return False
    return takes_maps(estimator._image_shape[0])


def _skip_of_images(estimator, encoder, X, rows, weight, n_labels):
    """Build the linear skip of feature maps; None for pixels, which say nothing linearly."""
    if reads_maps(estimator):
        means = mean_cells(X, rows)
        encoding = Standardized(means, weight[rows])
        return LinearSkip(means.shape[1], n_labels, "images", encoding=encoding)
    if not getattr(encoder, "gives_features", False):
        return None
    # Means and spreads follow, where the maps are computed: `read_frozen_features`.
    encoding = Standardized(np.zeros((1, encoder.n_maps)), np.ones(1))
    return LinearSkip(
        encoder.n_maps, n_labels, "images", encoding=encoding, reads_features=True
    )


def _make_known_skip(estimator, n_labels):
    """Build what adds to the logits what known labels say by themselves; None for nothing."""
    if not estimator._masks_labels:
        return None
    if _reads_label_rows(estimator.label_neighbors, estimator.adjacency_, n_labels):
        return KnownLabelNeighbors(n_labels)
    if estimator.linear_skip:
        # Of an edge the labels at its ends and the places where they are kept; of a graph that
        # is not sparse a mask and two weights per pair, too, which are counted where made.
        check_pairs_memory(
            estimator.adjacency_, 0, "a sparse label_graph, or linear_skip=False",
            bytes_per_edge=2 * 2 * 8,
        )  # fmt: skip
        return KnownLabelSkip(estimator.adjacency_, n_labels)
    return None


def _reads_label_rows(label_neighbors, adjacency, n_labels):
    """Whether known labels are compared with label rows, by which all labels hear of all."""
    if label_neighbors == "auto":
        label_neighbors = n_labels >= MANY_LABELS
    among = adjacency[:n_labels, :n_labels]  # without loops
    return label_neighbors and count_edges(among) == n_labels * (n_labels - 1)


def _can_update_rows(estimator):
    """Whether the linear skip may be trained by `RowwiseAdamW`, whose gradients are sparse."""
    if estimator._input_kind not in ("sparse", "sequences", "texts") or estimator.compile:
        return False
    # Elsewhere each step would wait until it is known which rows the batch has read.
    if torch.device(choose_device(estimator.device)).type != "cpu":
        return False
    # Each process would know of its own rows alone.
    if estimator.device == "distributed":
        return False
    own = any(str(name).startswith("optimizer") for name in estimator.net_params or ())
    return (
        estimator.optimizer == "adamw"
        and not own
        and not reads_gradients(estimator.callbacks)
    )


def _is_wide(X, rows, n_inputs, n_labels, batch_size):
    """Whether a batch reads so few of the skip's weights that to update these alone pays."""
    lengths = n_nodes_per_sample(X)
    if lengths is None:  # dense rows, of which all is read
        return False
    n_read = batch_size * lengths[rows].mean()
    return n_inputs * n_labels >= ROWWISE_WEIGHTS and n_inputs >= ROWWISE_FEATURES * n_read


def _fit_columns(estimator, X, rows, weight, raw):
    """Return the module that encodes dense columns; None if they are read as they are."""
    encoder, dtype = estimator.encoder_, estimator._numpy_dtype
    if estimator._input_kind == "sparse":
        _warn_of_dense_rows(X)
    if estimator._input_kind == "sparse" or not hasattr(encoder, "fit_columns"):
        return None
    values, _ = training_values(X, rows, weight)
    warn_of_lost_columns(values, dtype, getattr(estimator, "feature_names_in_", None))
    options = {"as_they_are": raw, "skip": estimator.linear_skip, "dtype": dtype}
    if estimator._categories is not None:
        options["categorical"] = estimator._categories.columns
    return encoder.fit_columns(X, rows, weight, **options)


def _warn_of_dense_rows(X):
    """Warn of a table of numbers in a sparse matrix, which is read as another thing."""
    share = X.nnz / (X.shape[0] * X.shape[1])
    if share <= MOST_STORED:
        return
    warnings.warn(
        f"X is a sparse matrix that stores {share:.0%} of its numbers, each of which is read "
        "as a feature that is present, without scaling it: if X is a table of numbers, pass "
        "X.toarray().",
        UserWarning,
        stacklevel=2,
    )


def _make_encoder(estimator, kind, raw, columns):
    """Build the module that makes the nodes."""
    n_inputs = estimator._image_shape if kind == "images" else estimator.n_features_in_
    size = None if raw else estimator._hidden_size_of_nodes
    options = {} if columns is None else {"columns": columns.nodes}
    encoder = estimator.encoder_.make(kind, n_inputs, size, **options)
    if estimator._rectifies_nodes and not raw:
        return Rectified(encoder)
    return encoder


def optimizer_params(estimator, module, X, rows, weight, prior):
    """Return the net's parameters of an optimizer whose settings are not for all alike.

    Parameters
    ----------
    estimator : BaseGraphClassifier
        With the hyper-parameters of training.
    module : Network
        From `make_module`.
    X : ndarray, CSR matrix or container
        The samples.
    rows : ndarray of int
        Those to train on.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.
    prior : ndarray of shape (n_labels,)
        Logits that say how frequent the labels are.

    Returns
    -------
    dict
        For skorch: groups of weights, by patterns of names, with settings: a backbone whose
        learning rate is its own, the distance among label rows, and the linear skip; and the
        optimizer, if the one that the estimator names does not do.
    """
    groups, params = [], {}
    rates = getattr(bare_encoder(module.encoder), "learning_rates", {})
    if any(factor != 1.0 for factor in rates.values()):
        groups = [  # of a backbone, which `Rectified` may hold
            (f"encoder.*{pattern}", {"lr": estimator.learning_rate * factor})
            for pattern, factor in rates.items()
        ]
    if isinstance(module.known_skip, KnownLabelNeighbors):
        fast = {"lr": estimator.learning_rate * NEIGHBORS_FACTOR, "weight_decay": 0.0}
        groups.append(("known_skip.*", fast))
    if module.skip is not None:
        settings = _skip_settings(estimator, module, X, rows, weight, prior)
        if module.skip.sparse_gradient:
            params["optimizer"] = RowwiseAdamW
            settings["rowwise"] = True
        groups.append(("skip.weight", settings))
    return {**params, "optimizer__param_groups": groups} if groups else params


def _skip_settings(estimator, module, X, rows, weight, prior):
    """Return the optimizer's settings for the weights of the linear skip."""
    multiclass = estimator._target_kind == "multiclass"
    columns = None if module.columns is None else module.columns.skip
    if estimator._input_kind == "images":
        squared_norm = float(len(module.skip.weight))  # of standardized values
    else:
        squared_norm = mean_squared_norm(X, rows, weight, columns)
    return skip_group(
        estimator.optimizer,
        squared_norm,
        np.exp(prior) if multiclass else expit(prior),
        choose_C(estimator.linear_C, estimator._input_kind, squared_norm),
        n_samples=weight[rows].sum(),
        n_terms=1 if multiclass else len(prior),
    )

"""What a network that is not trained makes of samples, computed once and not in each epoch."""

import numpy as np

from ..inputs.containers import Images
from ..inputs.encoders.choose import bare_encoder
from ..inputs.encoders.columns import Standardized
from ..memory import total_memory
from ..nn.nodes import Nodes
from .predict import map_batches, to_numpy

__all__ = ["read_frozen_features", "with_frozen_features"]

# Of the machine's memory, the share that features may take; more are computed again and again.
MEMORY_SHARE = 0.25


def with_frozen_features(net, X, dtype):
    """Return samples with what the frozen part of the encoder makes of their tokens or images.

    Parameters
    ----------
    net : Net
        Whose encoder may have a part that is not trained.
    X : ndarray, CSR matrix or container
        The samples.
    dtype : dtype
        Of what the net reads.

    Returns
    -------
    ndarray, CSR matrix or container
        X itself where the encoder has no such part, or its features would take too much memory.
    """
    encoder = bare_encoder(net.module_.encoder)
    if not getattr(encoder, "gives_features", False) or X.features is not None:
        return X
    if isinstance(X, Images):
        return _with_maps(net, X, np.dtype(dtype))
    if not _fits(len(X.tokens) * encoder.n_features * np.dtype(dtype).itemsize):
        return X
    return X.with_features(np.concatenate(map_batches(net, X, dtype, _features)))


def read_frozen_features(net, X, rows, weight, dtype):
    """Return samples as training reads them, and let a linear skip that reads maps know them.

    Parameters
    ----------
    net : Net
        Not trained yet.
    X : ndarray, CSR matrix or container
        The samples.
    rows : ndarray of int
        Those to train on, by whose mean cells the skip standardizes what it reads.
    weight : ndarray of shape (n_samples,)
        How much each sample counts.
    dtype : dtype
        Of what the net reads.

    Returns
    -------
    ndarray, CSR matrix or container
        From `with_frozen_features`, if the skip has read it; else X itself.
    """
    skip = net.module_.skip
    if not getattr(skip, "reads_features", False):
        return X
    X = with_frozen_features(net, X, dtype)
    if X.features is None:
        means = map_batches(net, X[rows], dtype, _mean_cells)
    else:
        means = [_mean_cell(X.features[row]) for row in rows]
    skip.encoding = Standardized(np.stack(means), weight[rows]).to(skip.weight)
    return X


def _fits(n_bytes):
    """Return whether features of a size may be kept in memory."""
    there_is = total_memory()
    return there_is is None or n_bytes <= MEMORY_SHARE * there_is


def _features(network, batch, rows):
    """Return the features (n_tokens, F) of each sample of a batch."""
    features = bare_encoder(network.encoder).features(batch)  # (R, F)
    return Nodes(features, batch.layout).per_sample()


def _with_maps(net, images, dtype):
    """Return images with their feature maps, if these fit."""
    (first,) = map_batches(net, images[:1], dtype, lambda *x: list(_maps(*x)))  # (h, w, D)
    if not _fits(len(images) * first.size * dtype.itemsize):
        return images
    maps = np.empty((len(images), *first.shape), dtype)

    def keep(
        network, batch, rows
    ):  # not in parts to be joined, which take as much once more
        maps[rows] = _maps(network, batch, rows)
        return rows.tolist()

    map_batches(net, images, dtype, keep)
    return images.with_features(maps)


def _mean_cells(network, batch, rows):
    """Return the mean cell of each feature map of a batch."""
    return [_mean_cell(found) for found in _maps(network, batch, rows)]


def _mean_cell(found):
    """Return the mean of the cells (D,) of a feature map (h, w, D)."""
    return found.mean((0, 1), dtype=np.float64)


def _maps(network, batch, rows):
    """Return the feature maps (n, h, w, D) of a batch."""
    return to_numpy(bare_encoder(network.encoder).features(batch))

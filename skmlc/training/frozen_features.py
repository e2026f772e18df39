"""What a network that is not trained makes of texts, computed once and not in each epoch."""

import numpy as np

from ..inputs.encoders.choose import bare_encoder
from ..memory import total_memory
from ..nn.nodes import Nodes
from .predict import map_batches

__all__ = ["with_frozen_features"]

# Of the machine's memory, the share that features may take; more are computed again and again.
MEMORY_SHARE = 0.25


def with_frozen_features(net, X, dtype):
    """Return samples with what the frozen part of the encoder makes of their tokens.

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
    n_bytes = len(X.tokens) * encoder.n_features * np.dtype(dtype).itemsize
    there_is = total_memory()
    if there_is is not None and n_bytes > MEMORY_SHARE * there_is:
        return X
    return X.with_features(np.concatenate(map_batches(net, X, dtype, _features)))


def _features(network, batch, rows):
    """Return the features (n_tokens, F) of each sample of a batch."""
    features = bare_encoder(network.encoder).features(batch)  # (R, F)
    return Nodes(features, batch.layout).per_sample()

"""What a trained net makes of samples, batch by batch."""

import numpy as np
import torch

from ..nn.head_output import logits_of
from .batches import BatchDataset

__all__ = ["map_batches", "predict_logits", "read_batches", "to_numpy"]


def predict_logits(net, X, dtype, *, rows=None, known=None, read=logits_of):
    """Return the logits (n_samples, n_labels) of all samples, batch by batch.

    Parameters
    ----------
    net : Net
        Trained.
    X : {ndarray, CSR matrix, Sequences, Bags, Graphs} of length n_samples
        The samples.
    dtype : dtype
        Of what the net reads.
    rows : ndarray of int, default=None
        The samples of X that are asked for; None for all.
    known : {ndarray, csr_array} of shape (n_samples, n_labels), default=None
        Their known labels: 1, -1, 0.
    read : callable, default=logits_of
        Maps what the net returns to a tensor (n, n_labels).

    Returns
    -------
    ndarray of shape (n_samples, n_labels)
        In the order of X, or of `rows`.
    """
    rows = np.arange(X.shape[0]) if rows is None else rows
    # Samples of similar size share a batch; what comes out is put back in the rows' order.
    data = BatchDataset(X, rows=rows, dtype=dtype, known=known).sort_by_length()
    batches = net.get_iterator(data, training=False)
    outputs = np.concatenate([to_numpy(read(net.evaluation_step(b))) for b in batches])
    result = np.empty_like(outputs)
    # Rows come once each, so that both orders tell where each output goes.
    result[np.argsort(rows)] = outputs[np.argsort(data.rows)]
    return result


def read_batches(X, batch_size, dtype, known=None):
    """Yield batches of X in order of the samples' sizes, each with its rows."""
    data = BatchDataset(X, dtype=dtype, known=known).sort_by_length()
    for start in range(0, len(data), batch_size):
        here = np.arange(start, min(start + batch_size, len(data)))
        yield data.__getitems__(here)[0], data.rows[here]


@torch.no_grad()
def map_batches(net, X, dtype, function, known=None):
    """Return what a function makes of each sample, batch by batch.

    Parameters
    ----------
    net : Net
        Trained.
    X : {ndarray, CSR matrix, Sequences, Bags, Graphs, Images} of length n_samples
        The samples.
    dtype : dtype
        Of what the net reads.
    function : callable
        Maps (network, batch, rows) to a list with one entry per sample; rows are the places
        of the samples in X.
    known : {ndarray, csr_array} of shape (n_samples, n_labels), default=None
        Their known labels, 1, -1, 0, which the batches hold then.

    Returns
    -------
    list of length n_samples
        In the order of X.
    """
    network, results, rows = net.module_.eval(), [], []
    for batch, here in read_batches(X, net.batch_size, dtype, known):
        with net._autocast():
            results += function(network, batch.to(net.device), here)
        rows.append(here)
    return [results[i] for i in np.argsort(np.concatenate(rows))]


def to_numpy(tensor):
    """Return a tensor as an ndarray, of type float32 where it is of bfloat16."""
    tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    return tensor.detach().cpu().numpy()

"""What a trained net makes of samples, batch by batch."""

import numpy as np
import torch

from .. import row_blocks
from ..nn.head_output import logits_of
from ..row_blocks import GatheredRows
from .batches import BatchDataset

__all__ = ["map_batches", "map_logits", "predict_logits", "read_batches", "to_numpy"]


def predict_logits(net, X, dtype, *, rows=None, known=None, read=logits_of):
    """Return the logits (n_samples, n_labels) of all samples, computed batch by batch.

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
    options = {"rows": rows, "known": known, "read": read}
    return map_logits(net, X, dtype, lambda logits, _: logits, **options)


def map_logits(net, X, dtype, function, *, rows=None, known=None, read=logits_of):
    """Return what a function makes of the logits, so that these are never there as a whole.

    Parameters
    ----------
    net : Net
        Trained.
    X : {ndarray, CSR matrix, Sequences, Bags, Graphs} of length n_samples
        The samples.
    dtype : dtype
        Of what the net reads.
    function : callable
        Maps logits (n, n_labels) of a block of samples, which it may change, and their places
        (n,) in X to what `GatheredRows.add` takes.
    rows, known, read : object
        As for `predict_logits`.

    Returns
    -------
    {ndarray, sparse matrix} of length n_samples or tuple of these
        In the order of X, or of `rows`.
    """
    rows = np.arange(X.shape[0]) if rows is None else rows
    # Samples of similar size share a batch; what comes out is put back in the rows' order.
    data = BatchDataset(X, rows=rows, dtype=dtype, known=known).sort_by_length()
    # Rows come once each, so that both orders tell where each output goes.
    places = np.empty(len(rows), dtype=np.int64)
    places[np.argsort(data.rows)] = np.argsort(rows)
    gathered, start = GatheredRows(len(rows)), 0
    with net.suitable_threads(len(rows)):
        for logits in _blocks_of_logits(net, data, read):
            here = slice(start, start + len(logits))
            gathered.add(function(logits, data.rows[here]), places[here])
            start += len(logits)
    return gathered.result()


def _blocks_of_logits(net, data, read):
    """Yield the logits of one or more batches at a time, in arrays of their own."""
    block, n_rows, n_left = None, 0, len(data)
    for batch in _batches(net, data):
        logits = to_numpy(read(net.evaluation_step(batch)))
        if block is None:
            # Made first: small arrays that stay would keep the memory of batches in pieces.
            fitting = row_blocks.BLOCK_ENTRIES // max(1, logits[0].size)
            n_most = min(n_left, max(fitting, len(logits)))
            block, n_rows = np.empty((n_most, *logits.shape[1:]), logits.dtype), 0
        block[n_rows : n_rows + len(logits)] = logits
        n_rows, n_left = n_rows + len(logits), n_left - len(logits)
        if n_left == 0 or n_rows + min(n_left, len(logits)) > len(block):
            yield block[:n_rows]
            block = None


def _batches(net, data):
    """Return the batches to predict; a loader takes longer to make than one to read."""
    if len(data) > net.batch_size:
        return net.get_iterator(data, training=False)
    return [data.__getitems__(np.arange(len(data)))]


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
    net.update_all_rows()
    network, results, rows = net.module_.eval(), [], []
    with net.suitable_threads(X.shape[0]):
        for batch, here in read_batches(X, net.batch_size, dtype, known):
            with net._autocast():
                results += function(network, batch.to(net.device), here)
            rows.append(here)
    return [results[i] for i in np.argsort(np.concatenate(rows))]


def to_numpy(tensor):
    """Return a tensor as an ndarray, of type float32 where it is of bfloat16."""
    tensor = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    return tensor.detach().cpu().numpy()

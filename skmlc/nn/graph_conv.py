"""Propagation along the edges of a label graph, and graph convolutions by it."""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from .edges import LabelEdges  # noqa: F401  silences torch's note on CSR tensors
from .label_linear import LabelLinear

__all__ = ["GraphConvolutions", "Propagation"]

# Of a matrix with fewer entries than this share, the sparse product is faster (measured on a
# CPU: at 2,000 labels 1.2 times with a tenth of the entries, 7 times with a hundredth).
_DENSE_SHARE = 0.1


class Propagation(nn.Module):
    """Sum what the neighbors of each node send, weighted by the graph: ``A @ x``.

    It learns nothing and is no part of a `state_dict`: like the graph it is made from, it
    belongs to the structure of a model.  A sparse graph costs O(edges).

    Parameters
    ----------
    matrix : {ndarray, sparse matrix} of shape (M, M)
        Node i receives from node j with the weight at (i, j).

    Shape
    -----
    (M, K) to (M, K).

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmlc.nn.graph_conv import Propagation
    >>> Propagation(np.array([[0.0, 2.0], [0.0, 1.0]]))(torch.tensor([[3.0], [5.0]]))
    tensor([[10.],
            [ 5.]])
    """

    values: Tensor  # (M, M), or of each entry that is not zero
    crow: Tensor
    col: Tensor

    def __init__(self, matrix):
        super().__init__()
        self.shape = matrix.shape
        given_sparse = sparse.issparse(matrix)
        csr: Any = sparse.csr_array(matrix) if given_sparse else np.asarray(matrix)
        n_entries = csr.nnz if given_sparse else np.count_nonzero(csr)
        self.is_sparse = n_entries < _DENSE_SHARE * self.shape[0] * self.shape[1]
        values = csr
        if self.is_sparse:
            csr = sparse.csr_array(csr)
            values = csr.data
        elif given_sparse:
            values = csr.toarray()
        # In double precision, until the module is given its type.
        parts = {"values": torch.from_numpy(values.astype(np.float64))}
        if self.is_sparse:
            parts["crow"] = torch.from_numpy(csr.indptr.astype(np.int64))
            parts["col"] = torch.from_numpy(csr.indices.astype(np.int64))
        for name, tensor in parts.items():
            self.register_buffer(name, tensor, persistent=False)

    def matrix(self):
        """Return what it was made from, as an ndarray or a CSR array (M, M)."""
        values = self.values.double().cpu().numpy()
        if not self.is_sparse:
            return values
        parts = (values, self.col.cpu().numpy(), self.crow.cpu().numpy())
        return sparse.csr_array(parts, shape=self.shape)

    def forward(self, x):
        """Return what each node receives (M, K)."""
        if not self.is_sparse:
            return self.values.to(x.dtype) @ x
        # CSR products know no bfloat16.
        dtype = torch.promote_types(x.dtype, torch.float32)
        with torch.autocast(x.device.type, enabled=False):
            values = self.values.to(dtype)
            matrix = torch.sparse_csr_tensor(
                self.crow, self.col, values, self.shape, check_invariants=False
            )
            return matrix @ x.to(dtype)


class GraphConvolutions(nn.Module):
    r"""Graph convolutions of the labels, from their vectors to one vector each.

    .. math:: H^{l+1} = h(\hat A H^l W^l) \qquad (2)

    with a leaky ReLU h of slope 0.2 between the layers, none after the last, and no bias.  The
    weights W start uniform up to 1 / sqrt(width of the layer).

    Parameters
    ----------
    matrix : {ndarray, sparse matrix} of shape (L, L)
        The propagation matrix, A-hat, self-loops included.
    vectors : ndarray of shape (L, E) or None
        The vectors of the labels, Z; None stands for one-hot vectors.
    sizes : sequence of int
        The width of each layer; the last one is that of the result, D.

    Shape
    -----
    Nothing to (L, D).

    References
    ----------
    .. [1] T. N. Kipf, M. Welling, "Semi-Supervised Classification with Graph Convolutional
           Networks", ICLR 2017, arXiv:1609.02907.
    .. [2] Chen, Wei, Wang and Guo, "Multi-Label Image Recognition with Graph Convolutional
           Networks", CVPR 2019, arXiv:1904.03582, Eq. 2.
    """

    def __init__(self, matrix, vectors, sizes):
        super().__init__()
        self.propagate = Propagation(matrix)
        self.first = LabelLinear(matrix.shape[0], vectors, sizes[0], bias=False)
        self.others = nn.ModuleList(
            nn.Linear(before, after, bias=False) for before, after in pairwise(sizes)
        )
        self.reset_parameters()

    def reset_parameters(self):
        """Draw all weights, uniform up to 1 / sqrt(width), as the programs of [1]_ and [2]_."""
        for weight in self.parameters():
            # The width is that of a layer's result, also of the first one of one-hot vectors.
            width = weight.shape[1] if weight is self.first.weight else weight.shape[0]
            nn.init.uniform_(weight, -(width**-0.5), width**-0.5)

    @property
    def last_weight(self):
        """The weights of the last layer."""
        return self.others[-1].weight if self.others else self.first.weight

    def set_labels(self, matrix, vectors):
        """Convolve other labels, with the same weights.

        Parameters
        ----------
        matrix : {ndarray, sparse matrix} of shape (M, M)
            Their propagation matrix.
        vectors : ndarray of shape (M, E)
            Their vectors.
        """
        self.propagate = Propagation(matrix).to(self.first.weight)
        self.first.set_vectors(vectors)

    def forward(self):
        """Return the last layer's vectors of the labels (L, D)."""
        hidden = self.propagate(self.first())  # (L, sizes[0]), Eq. 2
        for layer in self.others:
            hidden = nn.functional.leaky_relu(hidden, 0.2)
            hidden = self.propagate(layer(hidden))  # (L, sizes[i])
        return hidden

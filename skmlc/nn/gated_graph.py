"""Gated graph propagation: nodes that read their neighbors as a recurrent cell its input."""

import numpy as np
import torch
from scipy import sparse
from torch import nn

from .graph_conv import Propagation

__all__ = ["GatedGraph", "bound_weights"]


class GatedGraph(nn.Module):
    r"""Propagate the states of nodes along the edges of a graph, T times.

    .. math::
        a^{(t)} &= [A_{in} h^{(t-1)}, \; A_{out} h^{(t-1)}] \qquad (2) \\
        z &= \sigma(W^z a^{(t)} + U^z h^{(t-1)}) \qquad (3) \\
        r &= \sigma(W^r a^{(t)} + U^r h^{(t-1)}) \qquad (4) \\
        \tilde h &= \tanh(W a^{(t)} + U (r \odot h^{(t-1)})) \qquad (5) \\
        h^{(t)} &= (1 - z) \odot h^{(t-1)} + z \odot \tilde h \qquad (6)

    The messages a are those of the last states in every step, so that after T steps a node
    has received from those at most T edges away.  Their bias in Eq. 2 is that of
    `message_layers`.

    Parameters
    ----------
    incoming : {ndarray, sparse matrix} of shape (M, M)
        Node i receives from node j, along an edge that enters it, with the weight at (i, j).
    outgoing : {ndarray, sparse matrix} of shape (M, M)
        Node i receives from node j, along an edge that leaves it, with the weight at (i, j);
        for plain weights the transpose of `incoming`.
    state_size : int
        The size of a node's state, s.
    n_steps : int
        The number of steps, T.
    message_layers : bool, default=False
        Whether a linear layer with bias follows on each half of the messages.
    gate_bias : bool, default=False
        Whether W and U have biases, as in the program of SSGRL.

    Shape
    -----
    (N, M, s) to (N, M, s).

    References
    ----------
    .. [1] Y. Li, D. Tarlow, M. Brockschmidt, R. Zemel, "Gated Graph Sequence Neural
           Networks", ICLR 2016, arXiv:1511.05493.
    .. [2] T. Viel, "Improving Multi-Label Image Classification with Graph Neural
           Networks", Eq. 2-6.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmlc.nn.gated_graph import GatedGraph
    >>> chain = np.array([[0, 1], [0, 0]])
    >>> graph = GatedGraph(chain, chain.T, state_size=4, n_steps=2)
    >>> graph(torch.zeros(3, 2, 4)).shape
    torch.Size([3, 2, 4])
    """

    def __init__(
        self,
        incoming,
        outgoing,
        *,
        state_size,
        n_steps,
        message_layers=False,
        gate_bias=False,
    ):
        super().__init__()
        self.n_steps = n_steps
        # Both directions in one product.
        stack = sparse.vstack if sparse.issparse(incoming) else np.vstack
        self.propagate = Propagation(stack([incoming, outgoing]))
        self.message_layers = None
        if message_layers:
            self.message_layers = nn.ModuleList(
                nn.Linear(state_size, state_size) for _ in range(2)
            )
        self.from_messages = nn.Linear(2 * state_size, 3 * state_size, gate_bias)  # W
        self.from_state = nn.Linear(state_size, 2 * state_size, gate_bias)  # U^z, U^r
        self.from_kept_state = nn.Linear(state_size, state_size, gate_bias)  # U

    def forward(self, states):
        """Return the states (N, M, s) after the last step."""
        # Nodes first: a product with the graph is then one of two matrices.
        states = states.transpose(0, 1)  # (M, N, s)
        for _ in range(self.n_steps):
            states = self._step(states)  # (M, N, s)
        return states.transpose(0, 1)  # (N, M, s)

    def _step(self, states):
        """Return the next states (M, N, s)."""
        messages = self.from_messages(self._messages(states))  # (M, N, 3 s)
        to_update, to_reset, to_state = messages.chunk(3, dim=-1)
        own_update, own_reset = self.from_state(states).chunk(2, dim=-1)  # (M, N, s)
        update = torch.sigmoid(to_update + own_update)  # z, Eq. 3
        reset = torch.sigmoid(to_reset + own_reset)  # r, Eq. 4
        new = torch.tanh(to_state + self.from_kept_state(reset * states))  # Eq. 5
        return states + update * (new - states)  # Eq. 6

    def _messages(self, states):
        """Return what each node receives from both directions (M, N, 2 s), Eq. 2."""
        received = self.propagate(states.flatten(1))  # (2 M, N * s)
        halves = received.view(2, *states.shape).unbind()  # (M, N, s) each
        if self.message_layers is not None:
            halves = [
                layer(half) for layer, half in zip(self.message_layers, halves, strict=True)
            ]
        return torch.cat(halves, dim=-1)  # (M, N, 2 s)


def bound_weights(adjacency):
    """Return a graph whose largest weight is at most one, by division if need be.

    Parameters
    ----------
    adjacency : {ndarray, sparse matrix} of shape (M, M)
        The weights of the edges; not modified.

    Returns
    -------
    {ndarray, sparse matrix} of shape (M, M)
        The weights over the largest absolute one, or as they are if none is above one.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlc.nn.gated_graph import bound_weights
    >>> bound_weights(np.array([[0.0, 4.0], [1.0, 0.0]]))
    array([[0.  , 1.  ],
           [0.25, 0.  ]])
    """
    weights = adjacency.data if sparse.issparse(adjacency) else adjacency
    largest = max(weights.max(initial=0), -weights.min(initial=0))
    return adjacency / largest if largest > 1 else adjacency

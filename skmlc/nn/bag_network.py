"""A network for bags: a layer for each instance, pooling, and a linear classifier."""

import torch
from torch import nn

from .dropout import ByteDropout
from .nodes import Nodes
from .pooling import contributions

__all__ = ["BagNetwork"]


class BagNetwork(nn.Module):
    """Transform the instances of a bag, pool them by mean and maximum, and classify.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    node_size : int
        The number of features of an instance.
    hidden_size : int
        The size of a transformed instance, D.
    n_layers : int
        The number of layers: the last is the linear classifier, the others transform the
        instances.
    dropout : float
        Of the transformed instances.
    topology : InstanceTopology, default=None
        Gives the classifier how the instances of a bag vary along their graph, too.

    Shape
    -----
    `Nodes` of N bags to logits (N, L).
    """

    def __init__(
        self, n_labels, node_size, *, hidden_size, n_layers=2, dropout=0.0, topology=None
    ):
        super().__init__()
        layers, size = [], node_size
        for _ in range(n_layers - 1):
            layers += [nn.Linear(size, hidden_size), nn.ReLU(), ByteDropout(dropout)]
            size = hidden_size
        self.transform = nn.Sequential(*layers)
        self.represent_size = 2 * size
        self.of_mean = nn.Linear(size, n_labels)
        self.of_max = nn.Linear(size, n_labels, bias=False)
        self.topology, self.of_topology = topology, None
        if topology is not None:
            self.of_topology = nn.Sequential(
                nn.Linear(topology.out_size, hidden_size),
                nn.ReLU(),
                nn.Linear(hidden_size, n_labels, bias=False),
            )

    def forward(self, nodes):
        """Return the logits of a batch."""
        instances = self.instances(nodes)
        logits = self.of_mean(instances.mean()) + self.of_max(instances.max())  # (N, L)
        if self.topology is not None and self.of_topology is not None:
            logits = logits + self.of_topology(self.topology(nodes)[1])
        return logits

    def instances(self, nodes):
        """Return the transformed instances."""
        return Nodes(self.transform(nodes.values), nodes.layout)  # (R, D)

    def represent(self, nodes):
        """Return mean and maximum of the transformed instances (N, 2D)."""
        instances = self.instances(nodes)
        return torch.cat([instances.mean(), instances.max()], dim=1)

    def contributions(self, nodes):
        """Return each instance's part of each logit, (n, L, S) for each group of bags."""
        instances = self.instances(nodes)
        of_mean = contributions(instances, self.of_mean.weight, "mean")
        of_max = contributions(instances, self.of_max.weight, "max")
        return [a + b for a, b in zip(of_mean, of_max, strict=True)]

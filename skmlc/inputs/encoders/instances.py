"""The encoders of bags and graphs: a node is an instance."""

from sklearn.base import BaseEstimator
from torch import nn

from ...nn.nodes import Nodes
from .columns import ColumnEncoding
from .tables import LinearNodes

__all__ = ["GraphEncoder", "InstanceEncoder"]


class InstanceEncoder(ColumnEncoding, BaseEstimator):
    """Encode `Bags`: a node is an instance, or a linear image of it.

    Parameters
    ----------
    **inherited
        How the features of instances are read.

    Examples
    --------
    >>> from skmlc.inputs import InstanceEncoder
    >>> InstanceEncoder().kinds
    ('bags',)
    """

    kinds = ("bags",)

    def make(self, kind, n_inputs, hidden_size, columns=None):
        """Build the module.

        Parameters
        ----------
        kind : str
            What a batch holds.
        n_inputs : int
            The number of features of an instance.
        hidden_size : int or None
            The size of a node; None leaves the instances as they are.
        columns : nn.Module, default=None
            What has encoded the instances before, from `fit_columns`.

        Returns
        -------
        nn.Module
            Maps a `Batch` to `Nodes`.
        """
        if hidden_size is None:
            return _AsTheyAre(n_inputs)
        return LinearNodes(n_inputs if columns is None else columns.n_outputs, hidden_size)


class GraphEncoder(InstanceEncoder):
    """Encode `Graphs`: as `InstanceEncoder`; the method's messages follow the edges.

    Parameters
    ----------
    **inherited
        How the features of instances are read.

    Examples
    --------
    >>> from skmlc.inputs import GraphEncoder
    >>> GraphEncoder().kinds
    ('graphs',)
    """

    kinds = ("graphs",)


# Modules ------------------------------------------------------------------------------------


class _AsTheyAre(nn.Module):
    """One node per row of features, unchanged."""

    def __init__(self, n_features):
        super().__init__()
        self.node_size = n_features

    def forward(self, batch):
        return Nodes(batch.values, batch.layout, batch.boxes)  # (R, F)

"""Layers of transformers whose dropout takes less time on a CPU than PyTorch's."""

import torch
import torch.nn.functional as F
from torch import nn

from .attention import edge_attention, merge_heads, split_heads
from .dropout import ByteDropout

__all__ = ["MultiheadAttention", "encoder_layer"]


class MultiheadAttention(nn.MultiheadAttention):
    """PyTorch's attention, in training on a CPU with `ByteDropout` of the attention weights.

    There PyTorch has no kernel with dropout, and draws a random float per attention weight.
    Each query must have a key that is not masked.

    Parameters
    ----------
    hidden_size : int
        The size of a node, D.
    n_heads : int
        The number of attention heads, H.
    dropout : float
        Of the attention weights.

    Shape
    -----
    Queries (N, Q, D), and keys (N, S, D) that are values, too, to (N, Q, D) and None; with
    `need_weights` or other values, as PyTorch's.
    """

    def __init__(self, hidden_size, n_heads, dropout):
        super().__init__(hidden_size, n_heads, dropout, batch_first=True)
        self.weight_dropout = ByteDropout(dropout)

    def forward(
        self, query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None,
        **options,
    ):  # fmt: skip
        """Return the messages, and the weights or None; masks are as PyTorch's."""
        on_cpu = query.device.type == "cpu" and not torch.compiler.is_compiling()
        drops = self.training and self.dropout > 0
        if need_weights or not on_cpu or not drops or value is not key:
            return super().forward(
                query, key, value, key_padding_mask, need_weights, attn_mask, **options
            )
        query, key, value = self._heads(query, key)
        query = query * self.head_dim**-0.5  # fewer numbers than the scores
        scores = query @ key.transpose(-2, -1)  # (N, H, Q, S)
        if key_padding_mask is not None:
            scores = _masked(scores, key_padding_mask[:, None, None])  # (N, 1, 1, S)
        if attn_mask is not None:
            scores = _masked(scores, attn_mask)  # (Q, S)
        weights = self.weight_dropout(scores.softmax(-1))
        return self.out_proj(merge_heads(weights @ value)), None  # (N, Q, D)

    def along_edges(self, nodes, edges):
        """Return what the nodes (N, L, D) hear along the edges of a `LabelEdges`."""
        drops = self.training and self.dropout > 0
        query, key, value = self._heads(nodes, nodes)
        dropout = self.weight_dropout if drops else None
        message = edge_attention(query, key, value, edges, dropout=dropout)
        return self.out_proj(merge_heads(message))  # (N, L, D)

    def _heads(self, query, key):
        """Return queries (N, H, Q, Dh), keys and values (N, H, S, Dh)."""
        weight, bias = self.in_proj_weight, self.in_proj_bias
        if query is key:
            return split_heads(F.linear(query, weight, bias), self.num_heads, 3)
        sizes = self.embed_dim, 2 * self.embed_dim
        (of_query, of_key), (shift, of_rest) = weight.split(sizes), bias.split(sizes)
        query = split_heads(F.linear(query, of_query, shift), self.num_heads)
        return query, *split_heads(F.linear(key, of_key, of_rest), self.num_heads, 2)


def _masked(scores, mask):
    """Return scores where nothing passes if a mask is True, or minus infinity."""
    if mask.dtype == torch.bool:
        return scores.masked_fill(mask, -torch.inf)
    return scores + mask


def encoder_layer(hidden_size, n_heads, dropout):
    """Return a layer of a transformer's encoder.

    Parameters
    ----------
    hidden_size : int
        The size of a node and of the hidden layer, D.
    n_heads : int
        The number of attention heads.
    dropout : float
        Of the attention weights and of what each half of the layer adds.

    Returns
    -------
    nn.TransformerEncoderLayer
        PyTorch's, which is faster in prediction than its parts, with other parts for training.
    """
    layer = nn.TransformerEncoderLayer(
        hidden_size, n_heads, hidden_size, dropout, batch_first=True
    )
    layer.self_attn = MultiheadAttention(hidden_size, n_heads, dropout)
    for name in ("dropout", "dropout1", "dropout2"):
        setattr(layer, name, ByteDropout(dropout))
    return layer

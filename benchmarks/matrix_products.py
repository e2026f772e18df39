"""The matrix products of a piece of work, and the seconds that they alone would take."""

from collections import Counter
from typing import NamedTuple

import torch
from measure import cpu_seconds
from torch.utils._python_dispatch import TorchDispatchMode

# The products of a call: which arguments are multiplied.
PRODUCTS = {"mm": (0, 1), "bmm": (0, 1), "addmm": (1, 2), "baddbmm": (1, 2)}
ATTENTION = "_scaled_dot_product_flash_attention_for_cpu"


class Factor(NamedTuple):
    """A matrix, or a stack of them, and whether it is the transposed of what lies in memory."""

    shape: tuple
    is_transposed: bool = False


class MatrixProducts(TorchDispatchMode):
    """Count the matrix products of what runs inside, backward passes included.

    Attention is its two products, and four in the backward pass; that PyTorch computes the
    scores once more there is not among them.

    Attributes
    ----------
    found : Counter of (Factor, Factor)
        How often which factors are multiplied.
    """

    def __init__(self):
        super().__init__()
        self.found = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket._qualified_op_name.removeprefix("aten::")
        if name in PRODUCTS:
            left, right = (args[i] for i in PRODUCTS[name])
            self.found[_factor(left), _factor(right)] += 1
        elif name == ATTENTION:
            query, key, value = args[:3]
            self.found.update(_attention(query.shape, key.shape, value.shape)[:2])
        elif name == f"{ATTENTION}_backward":
            query, key, value = args[1:4]
            self.found.update(_attention(query.shape, key.shape, value.shape)[2:])
        return function(*args, **(kwargs or {}))

    def seconds(self, repeats=3):
        """Return the CPU seconds of all products by themselves, the least of some repeats."""
        total = 0.0
        for factors, count in self.found.items():
            matrices = [_matrix(factor) for factor in factors]
            total += count * min(
                cpu_seconds(torch.matmul, *matrices) for _ in range(repeats)
            )
        return total


def _factor(tensor):
    """Return what tells how a tensor is multiplied."""
    return Factor(tuple(tensor.shape), tensor.stride(-2) == 1 != tensor.stride(-1))


def _matrix(factor):
    """Return random numbers that lie in memory as a factor does."""
    shape, is_transposed = factor
    if is_transposed:
        return torch.rand(*shape[:-2], shape[-1], shape[-2]).mT
    return torch.rand(shape)


def _attention(query, key, value):
    """Return the factors of attention, forward and backward, from shapes (N, H, L or S, D)."""
    n, asked, found = query[:2].numel(), query[2], key[2]
    query, key, value = (Factor((n, *shape[2:])) for shape in (query, key, value))
    turned = [Factor((n, x.shape[2], x.shape[1]), True) for x in (key, value)]
    weights, back = Factor((n, asked, found)), Factor((n, found, asked), True)
    message = Factor((n, asked, value.shape[2]))
    return [
        (query, turned[0]), (weights, value),
        (message, turned[1]), (back, message), (weights, key), (back, query),
    ]  # fmt: skip

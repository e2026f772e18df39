"""The matrix products that benchmarks/matrix_products.py counts: those of the equations."""

import importlib

import torch
import torch.nn.functional as F


def products_of(work):
    """Return the shapes of all products of a piece of work, sorted."""
    with importlib.import_module("matrix_products").MatrixProducts() as products:
        work()
    pairs = [(left.shape, right.shape) for left, right in products.found.elements()]
    return sorted(pairs), products


def test_a_linear_layer_has_one_product_forward_and_two_backward():
    layer, X = torch.nn.Linear(3, 4), torch.rand(5, 3, requires_grad=True)
    found, products = products_of(lambda: layer(X).sum().backward())
    assert found == sorted([
        ((5, 3), (3, 4)),  # X W^T
        ((5, 4), (4, 3)),  # of X: g W
        ((4, 5), (5, 3)),  # of W: g^T X
    ])  # fmt: skip
    assert products.seconds(repeats=1) > 0


def test_factors_lie_in_memory_as_they_did():
    left, right = torch.rand(6, 2), torch.rand(6, 3)
    _, products = products_of(lambda: left.T @ right)
    (of_left, of_right), module = (
        next(iter(products.found)),
        importlib.import_module("matrix_products"),
    )
    assert of_left == ((2, 6), True)
    assert of_right == ((6, 3), False)
    assert module._matrix(of_left).shape == (2, 6)
    assert module._matrix(of_left).stride() == left.T.stride()


def test_attention_has_two_products_forward_and_four_backward():
    query = torch.rand(2, 3, 5, 8, requires_grad=True)
    key, value = torch.rand(2, 2, 3, 7, 8).requires_grad_().unbind(0)
    found, products = products_of(
        lambda: F.scaled_dot_product_attention(query, key, value).sum().backward()
    )
    scores, transposed = (6, 5, 7), (6, 7, 5)
    assert found == sorted([
        ((6, 5, 8), (6, 8, 7)),  # Q K^T
        (scores, (6, 7, 8)),  # P V
        ((6, 5, 8), (6, 8, 7)),  # of P: g V^T
        (transposed, (6, 5, 8)),  # of V: P^T g
        (scores, (6, 7, 8)),  # of Q: s K
        (transposed, (6, 5, 8)),  # of K: s^T Q
    ])  # fmt: skip
    for left, right in products.found:
        assert left.shape[-1] == right.shape[-2]

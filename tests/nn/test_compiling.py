"""What a compiler leaves as it is."""

import torch

from skmlc.nn.compiling import not_compiled


def test_a_function_is_not_compiled_with_what_calls_it():
    calls = []

    @not_compiled
    def count(labels):
        calls.append(torch.compiler.is_compiling())
        return int(labels.sum())

    @torch.compile(backend="eager", dynamic=True)
    def module(labels):
        return (labels * 2 + count(labels)).sum()

    for n in (3, 5):
        assert module(torch.ones(n)) == 2 * n + n * n
    assert calls == [False, False]
    assert count(torch.ones(4)) == 4
    assert count.__name__ == "count"

"""A GRU of packed sequences: PyTorch's own is the reference."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from skmlc.nn.recurrent import PackedGRU

LENGTHS = {
    "one": [1],
    "equal": [3, 3, 3],
    "falling": [5, 4, 2, 1],
    "ties": [4, 4, 2, 2, 2, 1],
}
OPTIONS = {
    "one way": {},
    "two ways": {"bidirectional": True},
    "deep": {"bidirectional": True, "num_layers": 3},
    "no bias": {"bias": False, "num_layers": 2},
}


def pair(**options):
    """Return PyTorch's GRU and ours with the same parameters, in double precision."""
    torch.manual_seed(0)
    theirs = nn.GRU(4, 6, batch_first=True, **options).double()
    ours = PackedGRU(4, 6, batch_first=True, **options).double()
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def packed(lengths):
    """Return random values that want a gradient, and them packed."""
    values = torch.randn(len(lengths), max(lengths), 4, dtype=torch.double).requires_grad_()
    return values, pack_padded_sequence(values, torch.tensor(lengths), batch_first=True)


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_values_and_gradients_are_those_of_pytorch(lengths, options):
    gradients = []
    for gru in pair(**options):
        torch.manual_seed(1)
        values, sequences = packed(lengths)
        read, last = gru(sequences)
        weight = torch.randn_like(read.data)
        ((read.data * weight).sum() + (last**3).sum()).backward()
        parameters = [p.grad for p in gru.parameters()]
        gradients.append([read.data.detach(), last.detach(), values.grad, *parameters])
        assert type(read) is PackedSequence
        assert torch.equal(read.batch_sizes, sequences.batch_sizes)
    for theirs, ours in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_gradients_are_those_of_small_differences():
    gru = pair(bidirectional=True)[1]
    torch.manual_seed(2)
    values, _ = packed([3, 1])

    def run(values):
        sequences = pack_padded_sequence(values, torch.tensor([3, 1]), batch_first=True)
        read, last = gru(sequences)
        return read.data, last

    assert torch.autograd.gradcheck(run, values)


def test_dropout_lies_between_the_layers_and_only_in_training():
    gru = PackedGRU(4, 6, num_layers=2, dropout=0.5)
    torch.manual_seed(3)
    _, sequences = packed([4, 4])
    sequences = PackedSequence(sequences.data.float().detach(), sequences.batch_sizes)
    first, second = (gru(sequences)[1].detach() for _ in range(2))
    assert torch.equal(first[0], second[0])  # below the dropout
    assert not torch.equal(first[1], second[1])
    gru.eval()
    assert torch.equal(gru(sequences)[1], gru(sequences)[1])


def test_pytorch_runs_where_nothing_is_to_be_trained(monkeypatch):
    gru = PackedGRU(4, 6).double()
    monkeypatch.setattr(PackedGRU, "_read", None)
    _, sequences = packed([2, 1])
    with torch.no_grad():
        gru(sequences)
    gru.requires_grad_(False)
    gru(sequences)


def test_work_of_a_backward_pass_grows_as_the_length():
    """The bytes that it allocates in all are in proportion to the length."""

    def allocated(length):
        gru = PackedGRU(8, 8)
        values = torch.rand(4, length, 8)
        sequences = pack_padded_sequence(values, torch.full((4,), length), batch_first=True)
        with torch.profiler.profile(profile_memory=True) as profile:
            gru(sequences)[0].data.sum().backward()
        sizes = (event.self_cpu_memory_usage for event in profile.events())
        return sum(size for size in sizes if size > 0)

    assert allocated(256) < 6 * allocated(64)

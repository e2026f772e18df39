"""Beam search for sequences of labels, all samples and all hypotheses of a batch at once."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .compiling import not_compiled

__all__ = ["Hypotheses", "mass_logits", "search_sequences"]

# The logit of a label that all sequences of a beam hold, or none, instead of infinity: a
# probability 1e-7 away from 1 or 0, which single precision can still tell from 1.
MAX_LOGIT = 16.0


class Hypotheses(NamedTuple):
    """Sequences of labels, the most probable of each sample first.

    Attributes
    ----------
    log_p : Tensor of shape (N, B)
        Their log-probabilities; minus infinity for a place that is free.
    holds : Tensor of shape (N, B, L)
        Which labels are in each sequence.
    """

    log_p: Tensor
    holds: Tensor


@not_compiled  # its length depends on the data
@torch.no_grad()
def search_sequences(step, states, n_labels, width):
    """Find the most probable sequences of distinct labels with an end.

    At each step every prefix of the beam is finished by the end symbol, of which the best
    `width` sequences are kept, and the best `width` prefixes that are one label longer go on,
    until none of them can get among the finished ones.

    Parameters
    ----------
    step : callable
        Maps the last labels (N, B), at first the number `n_labels`, and the states (N, B, D)
        to scores (N, B, L + 1) of the labels and of the end, and to the next states.
    states : Tensor of shape (N, D)
        The first states.
    n_labels : int
        The number of labels, L.
    width : int
        The number of prefixes followed and of sequences kept, B.

    Returns
    -------
    Hypotheses
        The finished sequences, at most L labels long.

    Examples
    --------
    >>> import torch
    >>> from skmlc.nn.beam_search import search_sequences
    >>> probability = torch.tensor([0.6, 0.1, 0.3])  # two labels and the end
    >>> def step(last, states):
    ...     return probability.log().expand(*last.shape, 3), states
    >>> found = search_sequences(step, torch.zeros(1, 1), n_labels=2, width=2)
    >>> found.log_p.exp()
    tensor([[0.4500, 0.3000]])
    >>> found.holds.int()
    tensor([[[1, 0],
             [0, 0]]], dtype=torch.int32)
    """
    last = torch.full((len(states), width), n_labels, device=states.device)  # (N, B)
    states = states[:, None].expand(-1, width, -1)  # (N, B, D)
    finished = beam = None
    for _ in range(n_labels + 1):
        scores, states = step(last, states)  # (N, B, L + 1), (N, B, D)
        if beam is None:
            finished, beam = _no_sequence(scores), _empty_prefix(scores)
        scores = scores.masked_fill(F.pad(beam.holds, (0, 1)), -torch.inf)
        log_p = beam.log_p[..., None] + scores.log_softmax(-1)  # (N, B, L + 1)
        finished = _keep_best(finished, Hypotheses(log_p[..., -1], beam.holds))
        beam, parent, last = _extend(beam, log_p[..., :-1])
        states = _take(states, parent)
        # A prefix only gets less probable, so that nothing is lost by ending here.
        if (beam.log_p[:, 0] <= finished.log_p[:, -1]).all():
            break
    return finished


def _no_sequence(scores):
    """Return places for hypotheses, all free."""
    log_p = torch.full_like(scores[..., 0], -torch.inf)
    return Hypotheses(log_p, torch.zeros_like(scores[..., :-1], dtype=torch.bool))


def _empty_prefix(scores):
    """Return a beam with the empty prefix; its other places are still free."""
    beam = _no_sequence(scores)
    beam.log_p[:, 0] = 0
    return beam


def _keep_best(finished, new):
    """Return the most probable of two sets of hypotheses, as many as one of them holds."""
    log_p = torch.cat([finished.log_p, new.log_p], dim=1)  # (N, 2 B)
    log_p, index = log_p.topk(new.log_p.shape[1])  # (N, B)
    return Hypotheses(log_p, _take(torch.cat([finished.holds, new.holds], dim=1), index))


def _extend(beam, log_p):
    """Return the best prefixes that are one label longer, which they extend, and the label."""
    n_labels = log_p.shape[-1]
    log_p, index = log_p.flatten(1).topk(beam.log_p.shape[1])  # (N, B)
    parent, label = index // n_labels, index % n_labels  # (N, B)
    holds = _take(beam.holds, parent).scatter(2, label[..., None], True)  # (N, B, L)
    return Hypotheses(log_p, holds), parent, label


def _take(values, index):
    """Return the entries (N, B, ...) at `index` (N, B), of each sample its own."""
    return values[torch.arange(len(values), device=values.device)[:, None], index]


def mass_logits(hypotheses):
    """Return the logit of the share of probability that falls on sequences with each label.

    Parameters
    ----------
    hypotheses : Hypotheses
        Finished sequences, at least one per sample.

    Returns
    -------
    Tensor of shape (N, L)
        Within -16 and 16, which stand for labels that no sequence holds, or all.

    Examples
    --------
    >>> import torch
    >>> from skmlc.nn.beam_search import Hypotheses, mass_logits
    >>> holds = torch.tensor([[[True, False], [False, False]]])
    >>> mass_logits(Hypotheses(torch.tensor([[0.45, 0.30]]).log(), holds)).sigmoid()
    tensor([[6.0000e-01, 1.1254e-07]])
    """
    log_p = hypotheses.log_p[..., None]  # (N, B, 1)
    having = log_p.masked_fill(~hypotheses.holds, -torch.inf).logsumexp(1)  # (N, L)
    lacking = log_p.masked_fill(hypotheses.holds, -torch.inf).logsumexp(1)  # (N, L)
    return (having - lacking).clamp(-MAX_LOGIT, MAX_LOGIT)  # (N, L)

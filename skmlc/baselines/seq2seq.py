"""RNN Seq2Seq: read the nodes one after another, write the labels one after another.

Nam, Loza Mencía, Kim, Fürnkranz, "Maximizing Subset Accuracy with Recurrent Neural Networks in
Multi-label Classification", NIPS 2017.  A bidirectional GRU reads a sample's nodes; a GRU with
attention emits its labels in a fixed order until the end symbol, so that the probability of a
label set is a product over its labels; prediction searches the best sequences with a beam.
"""

from dataclasses import field
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..base.classifier import BaseGraphClassifier
from ..base.shared_parameters import TrainingParameters
from ..metrics.names import get_metric
from ..nn.attention import dense_attention
from ..nn.beam_search import mass_logits, search_sequences
from ..nn.compiling import not_compiled
from ..nn.dropout import ByteDropout
from ..nn.head_output import HeadOutput, logits_of
from ..nn.losses import once_on
from ..nn.recurrent import PackedGRU
from ..one_model import of_one_model

__all__ = ["Seq2Seq", "Seq2SeqClassifier"]


class Decoded(NamedTuple):
    """What the decoder returns besides logits."""

    best: Tensor | None  # (N, L), the labels of the best sequence, where one was searched
    steps: "Steps | None"  # where the labels were given


class Memory(NamedTuple):
    """What the decoder starts from and attends to."""

    nodes: Tensor  # (N, S, D)
    mask: Tensor  # (N, 1, 1, S), False for padding
    state: Tensor  # (N, D)


class Steps(NamedTuple):
    """The decoder's outputs where it was given the labels before; M steps of all samples."""

    scores: Tensor  # (M, L + 1), of each label and of the end
    target: Tensor  # (M,), what should have come
    sample: Tensor  # (M,), whose step it is


class Seq2Seq(nn.Module):
    r"""A GRU that emits the labels of a sample in turn, by default frequent ones first.

    .. math::
        s_t &= \mathrm{GRU}(E y_{t-1}, s_{t-1}) \\
        c_t &= \sum_j \mathrm{softmax}_j(s_t^\top W^a m_j / \sqrt{D}) \, m_j \\
        p(y_t \mid y_{<t}, x) &= \mathrm{softmax}(W^o \tanh(W^c [s_t; c_t]) + b)

    with :math:`m_j` the nodes as the bidirectional GRU has read them, and a softmax over the
    end symbol and the labels that were not emitted yet.  Attention comes after the recurrence
    [1]_ and not before it, so that all steps of training are one call of the GRU.

    Parameters
    ----------
    n_labels : int
        The number of labels, L.
    order : array-like of shape (n_labels,)
        The labels in the order in which training emits them.
    hidden_size : int
        The size of a node and of all states, D.
    n_layers : int
        The number of layers of the encoder.
    beam_size : int
        How many sequences prediction follows, and how many finished ones it keeps, B.
    dropout : float
        Of what is read, and of the last hidden layer.
    one_label : bool
        Whether every sample has exactly one label: a sequence of one step without an end.

    Shape
    -----
    `Nodes` of N samples to logits (N, L) of the beam's mass and the labels (N, L) of the best
    sequence, in a `HeadOutput` with `Decoded`.  With labels (N, L), which are on the CPU, also
    `Steps`, for the loss;
    in training no sequence is searched, and the logits are the scores of the first step.

    References
    ----------
    .. [1] T. Luong, H. Pham, C. D. Manning, "Effective Approaches to Attention-based Neural
           Machine Translation", EMNLP 2015.
    """

    uses_targets = True
    targets_on_cpu = True

    def __init__(
        self,
        n_labels,
        order,
        *,
        hidden_size,
        n_layers=1,
        beam_size=5,
        dropout=0.0,
        one_label=False,
    ):
        super().__init__()
        between_layers = dropout if n_layers > 1 else 0.0
        self.n_labels, self.beam_size, self.one_label = n_labels, beam_size, one_label
        self.register_buffer("order", torch.as_tensor(order))
        self.encoder = PackedGRU(
            hidden_size, hidden_size, n_layers,
            batch_first=True, dropout=between_layers, bidirectional=True,
        )  # fmt: skip
        self.join = nn.Linear(2 * hidden_size, hidden_size)
        self.start = nn.Linear(2 * hidden_size, hidden_size)
        # The last row stands for the start among inputs, and for the end among outputs.
        self.embedding = nn.Embedding(n_labels + 1, hidden_size)
        self.decoder = nn.GRU(hidden_size, hidden_size, batch_first=True)
        self.query = nn.Linear(hidden_size, hidden_size, bias=False)  # W^a
        self.combine = nn.Linear(2 * hidden_size, hidden_size, bias=False)  # W^c
        self.output = nn.Linear(hidden_size, n_labels + 1)  # W^o, b
        self.dropout = ByteDropout(dropout)

    def forward(self, nodes, labels=None):
        """Return logits; in prediction the best sequences, the steps where labels are given."""
        memory = self.read(nodes)
        if self.one_label:
            return self.first_scores(memory)
        steps = None if labels is None else self.told_steps(memory, labels)
        if steps is None or not self.training:
            logits, best = self.predict(memory)
            return HeadOutput(logits, Decoded(best, steps))
        samples = torch.arange(len(labels), device=steps.sample.device)
        first = steps.scores[torch.searchsorted(steps.sample, samples), :-1]  # (N, L)
        return HeadOutput(first, Decoded(None, steps))

    def set_prior(self, prior):
        """Start from how often each label comes at all, and the end always."""
        often = prior if self.one_label else F.logsigmoid(prior)  # (L,), logarithms
        self.output.bias.data.copy_(F.pad(often, (0, 1)).log_softmax(0))

    def read(self, nodes):
        """Return the nodes as the encoder has read them, one after another."""
        values, real = _pad_to_longest(nodes)  # (N, S, D), (N, S)
        values, last = self._read_packed(values, nodes.layout.n_nodes_on_cpu())
        both_ends = torch.cat([last[-2], last[-1]], dim=-1)  # (N, 2 D)
        return Memory(
            self.dropout(self.join(values)),  # (N, S, D)
            real[:, None, None],  # (N, 1, 1, S)
            torch.tanh(self.start(both_ends)),  # (N, D)
        )

    def _read_packed(self, values, lengths):
        """Return what the encoder reads of nodes (N, S, D), and its last states (2 C, N, D).

        They are packed, so that padding costs and changes nothing.
        """
        # Counted on the CPU, where the lengths are: nothing waits for the device.  PyTorch's
        # own packing puts in row by row, each with a gradient as large as all of them.
        order = lengths.argsort(descending=True)  # (N,)
        real = lengths[order] > torch.arange(values.shape[1])[:, None]  # (S, N)
        step, place = real.nonzero(as_tuple=True)  # (M,), (M,)
        row, back = (
            index.to(values.device, non_blocking=True)
            for index in (order[place] * values.shape[1] + step, order.argsort())
        )
        packed = PackedSequence(values.flatten(0, 1)[row], real.sum(1))  # (M, D)
        packed, last = self.encoder(packed)
        read = packed.data  # (M, 2 D)
        padded = read.new_zeros(values.shape[:2].numel(), read.shape[1])
        padded = padded.index_copy(0, row, read)
        return padded.view(*values.shape[:2], -1), last[:, back]

    def attend(self, states, memory):
        """Return the last hidden layer (N, Q, D) for states (N, Q, D) of the decoder."""
        nodes = memory.nodes[:, None]  # (N, 1, S, D)
        query = self.query(states)[:, None]  # (N, 1, Q, D)
        context = dense_attention(query, nodes, nodes, memory.mask)[:, 0]  # (N, Q, D)
        hidden = self.combine(torch.cat([states, context], dim=-1))  # (N, Q, D)
        return self.dropout(torch.tanh(hidden))  # (N, Q, D)

    def score(self, hidden):
        """Return the scores (..., L + 1) of what comes next, in full precision."""
        return self.output(hidden).to(self.output.weight.dtype)

    def first_scores(self, memory):
        """Return the scores (N, L) of the labels to be the first one."""
        start = self.order.new_full((len(memory.state), 1), self.n_labels)
        states, _ = self.decoder(self.embedding(start), memory.state[None])  # (N, 1, D)
        return self.score(self.attend(states, memory))[:, 0, :-1]  # (N, L)

    # Training: every step is given the true labels before it -----------------------------

    def told_steps(self, memory, labels):
        """Return what the decoder says after each prefix of the true sequences."""
        sequences, sample, step = self.sequences(labels)  # (N, T), (M,), (M,)
        previous = F.pad(sequences[:, :-1], (1, 0), value=self.n_labels)  # (N, T)
        states, _ = self.decoder(self.embedding(previous), memory.state[None])  # (N, T, D)
        scores = self.score(self.attend(states, memory)[sample, step])  # (M, L + 1)
        # What was emitted before a step cannot come again.
        place = torch.arange(sequences.shape[1], device=step.device)  # (T,)
        before = place < step[:, None]  # (M, T)
        never = torch.zeros_like(before, dtype=scores.dtype).masked_fill(before, -torch.inf)
        scores = scores.scatter_add(1, sequences[sample], never)  # (M, L + 1)
        return Steps(scores, sequences[sample, step], sample)

    @not_compiled  # whose shapes depend on the labels
    def sequences(self, labels):
        """Return the true sequences (N, T), and sample and step (M,) of each label and end."""
        # How many there are is counted where the labels are, on the CPU.
        sample, label = labels.nonzero(as_tuple=True)  # (K,), (K,)
        count = sample.bincount(minlength=len(labels))[:, None]  # (N, 1)
        steps = torch.arange(int(count.max()) + 1, device=labels.device)  # (T,)
        _, step = (steps < count).nonzero(as_tuple=True)  # (K,)
        real = (steps <= count).nonzero(as_tuple=True)  # (M,), (M,)
        sample, label, step, *real = (
            index.to(self.order.device, non_blocking=True)
            for index in (sample, label, step, *real)
        )
        key = sample * self.n_labels + self.order.argsort()[label]
        place = key.sort().values % self.n_labels  # (K,), of each sample in order
        sequences = self.order.new_full((len(labels), len(steps)), self.n_labels)
        sequences[sample, step] = self.order[place]
        return sequences, *real

    # Prediction: a beam of the most probable prefixes -------------------------------------

    def predict(self, memory):
        """Return the logits (N, L) of the beam's mass and the best sequence's labels (N, L)."""

        def step(last, states):
            inputs = self.embedding(last).flatten(0, 1)[:, None]  # (N * B, 1, D)
            states = states.flatten(0, 1)[None].contiguous()  # (1, N * B, D)
            states = self.decoder(inputs, states)[0].view(*last.shape, -1)  # (N, B, D)
            return self.score(self.attend(states, memory)), states

        found = search_sequences(step, memory.state, self.n_labels, self.beam_size)
        return mass_logits(found), found.holds[:, 0]


def _pad_to_longest(nodes):
    """Return nodes (N, S, D) in one block, and which of them are real (N, S)."""
    longest = max(group.n_nodes for group in nodes.layout.groups)
    values, real = [], []
    for group, value in nodes.groups():
        mask = group.mask
        if mask is None:
            mask = torch.ones(value.shape[:2], dtype=torch.bool, device=value.device)
        values.append(F.pad(value, (0, 0, 0, longest - group.n_nodes)))
        real.append(F.pad(mask, (0, longest - group.n_nodes)))
    return torch.cat(values), torch.cat(real)


class SequenceLoss:
    """Mean over samples of -log p of their label sequences.

    A label unknown for a sample is as if it could not be emitted: it is left out of the
    sequence and of the softmax, so that nothing pushes it up or down.

    Parameters
    ----------
    label_weight : Tensor of shape (L,) or None
        How much the step of each label counts; the end symbol counts one.
    """

    def __init__(self, label_weight=None):
        if label_weight is not None:
            label_weight = F.pad(label_weight, (0, 1), value=1.0)
        self.label_weight = label_weight

    def __call__(self, output, targets):
        """Return the loss of a batch, a scalar."""
        scores, target, sample = output.extras.steps
        if targets.known is not None:
            unknown = F.pad(~targets.known, (0, 1))[sample]  # (M, L + 1)
            scores = scores.masked_fill(unknown, -torch.inf)
        loss = F.cross_entropy(scores, target, reduction="none")  # (M,)
        if self.label_weight is not None:
            self.label_weight = once_on(loss.device, self.label_weight)
            loss = loss * self.label_weight.to(loss.dtype)[target]
        weight = targets.sample_weight
        return (weight[sample] * loss).sum() / len(weight)


class Seq2SeqClassifier(BaseGraphClassifier):
    """Multi-label classifier that writes the labels as a sequence (RNN Seq2Seq).

    A GRU reads the sample's nodes in their order, and a second one, with attention to what
    was read, emits labels until the end symbol [1]_.  It is trained to make the whole label
    set probable, and is at its best in subset accuracy.  The instances of bags and graphs and
    the features of sparse rows are read in the order in which they are stored; edges are not
    used.

    Parameters
    ----------
    hidden_size : int, default=128
        The size of a node and of the recurrent states.
    n_layers : int, default=1
        The number of layers of the encoder.
    beam_size : int, default=5
        How many sequences prediction follows at once, and on how many finished ones the
        probabilities rest.
    dropout : float, default=0.2
        The dropout of what is read, and of the last hidden layer.
    label_order : {"frequency", "rare_first"} or array-like of shape (n_labels,), \
            default="frequency"
        The order of the labels in training: the most frequent first, the rarest first, or
        the labels' numbers in the order wanted.
    threshold : None, float, array-like of shape (n_labels,), "tuned" or "tuned_per_label", \
            default=None
        None predicts the labels of the most probable sequence.  Otherwise a label is
        predicted where its probability is at least this; "tuned" ones are chosen on the part
        held out.
    label_weight : "balanced", array-like of shape (n_labels,) or None, default=None
        How much the step of each label counts in the loss; "balanced" is the number of
        samples without the label per sample with it.
    **inherited
        Those of training:
        see `skmlc.base.shared_parameters`.

    Attributes
    ----------
    label_order_ : ndarray of shape (n_labels,)
        The labels' numbers in the order in which training emits them.
    threshold_ : None, float or ndarray of shape (n_labels,)
        The threshold of `predict`.

    See Also
    --------
    EmbMLPClassifier : Labels predicted independently of each other.
    LaMPClassifier : Labels predicted all at once, by messages among them.

    Notes
    -----
    `predict_proba` is the share of the beam's mass that falls on sequences with the label,
    and `predict` gives the labels of the most probable sequence: a label of it may have a
    probability below one half.  An entry of y that is unknown is left out of the target
    sequence and of the softmax, so that it is neither asked for nor punished.  A binary
    one-dimensional y is a sequence of one label or none, a multi-class one of exactly one.

    References
    ----------
    .. [1] J. Nam, E. Loza Mencía, H. J. Kim, J. Fürnkranz, "Maximizing Subset Accuracy with
           Recurrent Neural Networks in Multi-label Classification", NIPS 2017.

    Examples
    --------
    >>> from sklearn.datasets import make_multilabel_classification
    >>> from skmlc import Seq2SeqClassifier
    >>> from skmlc.metrics import get_scorer
    >>> X, Y = make_multilabel_classification(n_samples=100, n_classes=4, random_state=0)
    >>> model = Seq2SeqClassifier(hidden_size=16, max_epochs=3, random_state=0).fit(X, Y)
    >>> print(f"mAP {get_scorer('mAP')(model, X, Y):.1f}")
    mAP 0.6
    """

    hidden_size: int = 128
    n_layers: int = 1
    beam_size: int = 5
    dropout: float = 0.2
    label_order: Any = "frequency"
    loss: str = field(default="bce", init=False)  # its own, of sequences
    max_epochs: int = 30
    learning_rate: float = 1e-3
    threshold: Any = None

    _parameter_constraints = {
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "beam_size": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "label_order": [StrOptions({"frequency", "rare_first"}), "array-like"],
        "threshold": [*TrainingParameters._parameter_constraints["threshold"], None],
    }

    @property
    def _scores_sequences(self):
        """Whether early stopping scores the best sequences' labels, and not the logits."""
        if self.threshold is not None or self._target_kind == "multiclass":
            return False
        return get_metric(self.early_stopping).response == "predict"

    def _scored_output(self, output):
        return output.extras.best if self._scores_sequences else logits_of(output)

    def _validation_answer(self, Y, weight, logits, metric):
        if self._scores_sequences:
            return logits.astype(np.uint8)  # the labels of the best sequences
        return super()._validation_answer(Y, weight, logits, metric)

    def _cannot_be_exported(self):
        return "predicts the labels one after the other, in a search of several steps"

    @of_one_model
    def predict(self, X, known=None):
        """Return labels, in the form in which y was given to `fit`.

        Parameters
        ----------
        X : {array-like, sparse matrix, Sequences, Bags, Graphs, Images} of length n_samples
            The samples.
        known : None
            A decoder of label sequences takes no known labels.

        Returns
        -------
        {ndarray, CSR matrix} of shape (n_samples, n_labels) or ndarray of shape (n_samples,)
            The labels of the most probable sequence; with a threshold, those whose
            probability is at least this.
        """
        check_is_fitted(self)
        if self.threshold_ is not None or self._target_kind == "multiclass":
            return super().predict(X, known)
        self._read_known(known, X)
        best = self._predict_outputs(X, lambda output: output.extras.best)
        return self._as_given(best, 1)

    def _prepare_head(self, X, rows, positives):
        self.label_order_ = self._order_labels(positives)

    def _order_labels(self, positives):
        """Return the labels' numbers in the order in which they are emitted."""
        if isinstance(self.label_order, str):
            sign = -1 if self.label_order == "frequency" else 1
            return np.argsort(sign * positives, kind="stable")
        order = np.asarray(self.label_order)
        if not np.array_equal(np.sort(order), np.arange(len(positives))):
            raise ValueError(
                "label_order must be 'frequency', 'rare_first' or hold each number from 0 to "
                f"{len(positives) - 1} once, one per label; got {self.label_order!r}."
            )
        return order.astype(np.int64)

    def _make_head(self, n_labels, node_size):
        return Seq2Seq(
            n_labels,
            self.label_order_,
            hidden_size=self.hidden_size,
            n_layers=self.n_layers,
            beam_size=self.beam_size,
            dropout=self.dropout,
            one_label=self._target_kind == "multiclass",
        )

    def _make_loss(self, label_loss):
        if self._target_kind == "multiclass":
            return label_loss
        return SequenceLoss(label_loss.label_weight)

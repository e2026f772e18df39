"""A recurrent layer whose training takes time in proportion to what it reads."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from .compiling import not_compiled

__all__ = ["PackedGRU"]


class PackedGRU(nn.GRU):
    r"""A GRU for packed sequences that trains in linear time on a CPU.

    PyTorch's cuts each time step out of the packed block, and the gradient of each cut is
    as large as the block, so that a backward pass takes time quadratic in the length.  Here the
    steps share one block of gradients.  Everywhere else, in prediction, on a GPU and in mixed
    precision, this is `nn.GRU`, whose parameters it has:

    .. math::
        r_t, z_t &= \sigma(W_{ir} x_t + b_{ir} + W_{hr} h_{t-1} + b_{hr}), \;
                    \sigma(W_{iz} x_t + b_{iz} + W_{hz} h_{t-1} + b_{hz}) \\
        n_t &= \tanh(W_{in} x_t + b_{in} + r_t (W_{hn} h_{t-1} + b_{hn})) \\
        h_t &= (1 - z_t) n_t + z_t h_{t-1}

    Shape
    -----
    A `PackedSequence` of N sequences, sorted by length, with values (M, D) to one with values
    (M, C H), of which C is 2 if it reads in both directions, and the last states
    (C * num_layers, N, H).

    Examples
    --------
    >>> import torch
    >>> from torch.nn.utils.rnn import pack_sequence
    >>> from skmlc.nn.recurrent import PackedGRU
    >>> gru = PackedGRU(4, 8, bidirectional=True)
    >>> read, last = gru(pack_sequence([torch.rand(3, 4), torch.rand(2, 4)]))
    >>> read.data.shape, last.shape
    (torch.Size([5, 16]), torch.Size([2, 2, 8]))
    """

    def forward(self, packed):
        """Return what was read, packed, and the last states of all layers."""
        if self._is_slow(packed.data):
            return self._read(packed)
        return super().forward(packed)

    def _is_slow(self, values):
        """Whether PyTorch's own backward pass would be the quadratic one."""
        is_training = torch.is_grad_enabled() and self.weight_hh_l0.requires_grad
        on_cpu = values.device.type == "cpu"
        return is_training and on_cpu and not torch.is_autocast_enabled("cpu")

    @not_compiled  # whose loop depends on the lengths
    def _read(self, packed):
        """Return the same as `nn.GRU`, direction by direction."""
        sizes, values, last = packed.batch_sizes.tolist(), packed.data, []
        back = _reversed(packed.batch_sizes) if self.bidirectional else None
        for layer in range(self.num_layers):
            if layer:
                values = F.dropout(values, self.dropout, self.training)
            read, state = self._read_one_way(values, sizes, f"l{layer}")
            last.append(state)
            if self.bidirectional:
                there, state = self._read_one_way(values[back], sizes, f"l{layer}_reverse")
                read = torch.cat([read, there[back]], dim=1)  # (M, 2 H)
                last.append(state)
            values = read
        return PackedSequence(values, packed.batch_sizes), torch.stack(last)

    def _read_one_way(self, values, sizes, name):
        """Return states (M, H) of values (M, D) and the last ones (N, H)."""
        from_input, from_state = (
            getattr(self, f"weight_{of}_{name}") for of in ("ih", "hh")
        )
        of_input, of_state = (
            getattr(self, f"bias_{of}_{name}", None) for of in ("ih", "hh")
        )
        gates = F.linear(values, from_input, of_input)  # (M, 3 H)
        return _Recurrence.apply(gates, from_state, of_state, sizes)


def _reversed(batch_sizes):
    """Return for each packed row (M,) the one as far from its sequence's other end."""
    n_steps, n_sequences = len(batch_sizes), int(batch_sizes[0])
    real = batch_sizes[:, None] > torch.arange(n_sequences)  # (T, N)
    step, sequence = real.nonzero(as_tuple=True)  # (M,), (M,), in packed order
    start = F.pad(batch_sizes.cumsum(0), (1, 0))[:n_steps]  # (T,), the first row of a step
    return start[real.sum(0)[sequence] - 1 - step] + sequence


class _Recurrence(torch.autograd.Function):
    """Run a GRU over packed gates (M, 3 H), whose rows of a step come one after another.

    States start from zero.  `sizes` are the numbers of sequences that reach each step.
    """

    @staticmethod
    def forward(ctx, gates, weight, bias, sizes):
        size = weight.shape[1]  # H
        rz = gates.new_empty(len(gates), 2 * size)  # r and z
        hidden, new, before, states = gates.new_empty(4, len(gates), size)
        state, last, start = gates.new_zeros(sizes[0], size), [], 0
        for n in sizes:
            if n < len(state):  # the shortest have ended
                last.append(state[n:])
                state = state[:n]
            here = slice(start, start + n)
            from_state = F.linear(state, weight, bias)  # (n, 3 H)
            torch.add(gates[here, : 2 * size], from_state[:, : 2 * size], out=rz[here])
            r, z = rz[here].sigmoid_().split(size, dim=1)
            hidden[here], before[here] = from_state[:, 2 * size :], state
            torch.addcmul(gates[here, 2 * size :], r, hidden[here], out=new[here]).tanh_()
            state = torch.lerp(new[here], state, z, out=states[here])
            start += n
        ctx.save_for_backward(rz, hidden, new, before, weight)
        ctx.sizes, ctx.has_bias = sizes, bias is not None
        return states, torch.cat([state, *last[::-1]])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, of_states, of_last):
        rz, hidden, new, before, weight = ctx.saved_tensors
        size, end = weight.shape[1], len(rz)
        r, z = rz.split(size, dim=1)
        # How the gates' inputs change a state, all steps at once.
        by_new = (1 - z) * (1 - new * new)
        by_z = (before - new) * z * (1 - z)
        by_r = hidden * r * (1 - r)
        of_gates, of_products = rz.new_empty(2, end, 3 * size)
        gradient = of_last[:0]
        for n in reversed(ctx.sizes):
            if n > len(gradient):  # sequences that end here
                gradient = torch.cat([gradient, of_last[len(gradient) : n]])
            here = slice(end - n, end)
            gradient = gradient + of_states[here]
            product = of_products[here]
            of_new = torch.mul(gradient, by_new[here], out=of_gates[here, 2 * size :])
            torch.mul(of_new, by_r[here], out=product[:, :size])
            torch.mul(gradient, by_z[here], out=product[:, size : 2 * size])
            torch.mul(of_new, r[here], out=product[:, 2 * size :])
            gradient = torch.addcmul(product @ weight, gradient, z[here])
            end -= n
        of_gates[:, : 2 * size] = of_products[:, : 2 * size]
        of_bias = of_products.sum(0) if ctx.has_bias else None
        return of_gates, of_products.t() @ before, of_bias, None

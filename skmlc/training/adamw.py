"""AdamW whose steps on a CPU take few calls, which for small networks is what a step costs."""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["AdamW"]


class AdamW(torch.optim.AdamW):
    """AdamW that keeps, from one step to the next, what it updates.

    PyTorch's collects the state of all parameters again at each step, and counts the steps of
    each by calls of their own.  Here these lists are kept for as long as the same parameters
    have gradients, and the counts of a group are one tensor, of which each parameter's state
    has an entry.  A step is the same, and so is what `state_dict` returns.
    """

    @torch.no_grad()
    def step(self, closure=None):
        """Make one step.

        Parameters
        ----------
        closure : callable, default=None
            Computes the gradients, and returns the loss.

        Returns
        -------
        object
            What `closure` returns.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        groups = self.param_groups
        for number, group in enumerate(groups):
            learning = [p for p in group["params"] if p.grad is not None]
            kept = self._kept.get(number)
            if kept is not None and kept.is_of(learning, self.state):
                kept.update(group)
                continue
            self.param_groups = [group]
            try:
                super().step()
            finally:
                self.param_groups = groups
            if learning and _is_plain(group, learning):
                self._kept[number] = _keep(learning, self.state)
        return loss

    @property
    def _kept(self):
        """What is kept of each group; pickles and copies begin without it."""
        return vars(self).setdefault("_kept_groups", {})


class _Kept(NamedTuple):
    """What a step updates of a group of parameters."""

    parameters: list
    averages: list
    squares: list
    counts: Tensor  # (n,), how many steps each parameter has made
    count_of_each: tuple  # its entries

    def is_of(self, parameters, state):
        """Whether these parameters are the same, and their state has not been replaced."""
        if len(parameters) != len(self.parameters):
            return False
        if any(a is not b for a, b in zip(parameters, self.parameters, strict=True)):
            return False
        return state[parameters[0]].get("exp_avg") is self.averages[0]

    def update(self, group):
        """Make one step with the settings of the group."""
        self.counts.add_(1)
        beta1, beta2 = group["betas"]
        torch._fused_adamw_(
            self.parameters,
            [p.grad for p in self.parameters],
            self.averages,
            self.squares,
            [],
            self.count_of_each,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )


def _is_plain(group, parameters):
    """Whether PyTorch has updated parameters by the one call that `_Kept` makes."""
    special = ("amsgrad", "maximize", "capturable", "differentiable")
    return (
        group["fused"]
        and not any(group[name] for name in special)
        and all(p.device.type == "cpu" for p in parameters)
        and len({(p.dtype, p.grad.dtype) for p in parameters}) == 1
    )


def _keep(parameters, state):
    """Return what later steps update, after a step of PyTorch's that has made the state."""
    states = [state[p] for p in parameters]
    counts = torch.stack([s["step"] for s in states])
    entries = counts.unbind()
    for s, count in zip(states, entries, strict=True):
        s["step"] = count
    averages, squares = ([s[name] for s in states] for name in ("exp_avg", "exp_avg_sq"))
    return _Kept(parameters, averages, squares, counts, entries)

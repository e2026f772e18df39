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
        self._update()
        return loss

    def _update(self):
        """Make the step itself, by the gradients that there are."""
        learning = [
            [p for p in group["params"] if p.grad is not None]
            for group in self.param_groups
        ]
        if self._is_kept(learning):
            for number, group in enumerate(self.param_groups):
                if learning[number]:
                    self._kept[number].update(group)
            return
        _unhooked(torch.optim.AdamW.step)(self)
        for number, (group, parameters) in enumerate(
            zip(self.param_groups, learning, strict=True)
        ):
            self._kept.pop(number, None)
            if parameters and _is_plain(group, parameters):
                self._kept[number] = _keep(parameters, self.state)

    def _is_kept(self, learning):
        """Whether all that a step of these parameters needs is at hand, and nothing else."""
        # What a scaler of gradients sets is for PyTorch's step.
        if any(
            getattr(self, name, None) is not None for name in ("grad_scale", "found_inf")
        ):
            return False
        return all(
            number in self._kept
            and _has_plain_settings(group)
            and self._kept[number].is_of(parameters, self.state)
            for number, (group, parameters) in enumerate(
                zip(self.param_groups, learning, strict=True)
            )
            if parameters
        )

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
    one: Tensor  # (), which is cheaper to add than a number

    def is_of(self, parameters, state):
        """Whether these parameters are the same, and no part of their state was replaced."""
        if len(parameters) != len(self.parameters):
            return False
        parts = zip(
            parameters, self.parameters, self.averages, self.squares, self.count_of_each,
            strict=True,
        )  # fmt: skip
        return all(
            p is mine
            and (of := state.get(p)) is not None
            and of.get("exp_avg") is average
            and of.get("exp_avg_sq") is square
            and of.get("step") is count
            for p, mine, average, square, count in parts
        )

    def update(self, group):
        """Make one step with the settings of the group."""
        self.counts.add_(self.one)
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


def _unhooked(step):
    """Return the `step` of a class of optimizers without what PyTorch wraps around it.

    Hooks and the profiler belong to the step of the optimizer that is called, once.
    """
    return step.__wrapped__ if getattr(step, "hooked", False) else step


def _has_plain_settings(group):
    """Whether a group is updated by PyTorch as `_Kept` does it, apart from its tensors."""
    special = ("amsgrad", "maximize", "capturable", "differentiable")
    return group["fused"] and not any(group[name] for name in special)


def _is_plain(group, parameters):
    """Whether PyTorch has updated parameters by the one call that `_Kept` makes."""
    return (
        _has_plain_settings(group)
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
    return _Kept(parameters, averages, squares, counts, entries, counts.new_ones(()))

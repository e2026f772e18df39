"""AdamW whose updates of one wide, sparsely read weight cost what is read of it.

The gradient of the linear skip on sparse rows is zero but for the features of a batch, and yet
every step moves the weights of all: by their momentum, and by weight decay.  A row whose
gradient is zero moves by numbers that do not depend on it, so that it can wait until it is
read, and make up for all steps at once.
"""

from itertools import chain

import torch

from .adamw import AdamW

__all__ = ["RowwiseAdamW"]

# Steps after which all rows are brought up to date, which bounds what is kept of each step.
WINDOW = 1000
# Of the rows that are brought up to date at once: what a cache holds.
ELEMENTS_AT_ONCE = 2**18


class RowwiseAdamW(AdamW):
    """AdamW, and gradient descent with momentum for the rows of sparse gradients.

    Groups of parameters with ``rowwise=True`` take sparse gradients.  They are trained as AdamW
    with an `eps` far above the gradients trains, in units of `eps`, ::

        m = beta m + (1 - beta) g
        w = (1 - lr weight_decay) w - lr / (1 - beta^t) m

    where beta is the first of `betas`.  Only the rows of a gradient are updated at each step;
    see `refresh` and `flush`.

    Notes
    -----
    From step s to step t a row without a gradient moves to ``decay w - pull m``, and its
    momentum to ``push m``.  These three numbers are kept for all s since the last `flush`.
    """

    def _update(self):
        groups = self.param_groups
        self.param_groups = [group for group in groups if not group.get("rowwise")]
        try:
            super()._update()
        finally:
            self.param_groups = groups
        for group, weight in self._rowwise():
            if weight.grad is not None:
                self._step_rows(group, weight, weight.grad.coalesce())

    @torch.no_grad()
    def refresh(self, rows):
        """Bring rows up to date, as they must be before they are read.

        Parameters
        ----------
        rows : Tensor of int
            Their numbers, in any order, and as often as may be.
        """
        for _, weight in self._rowwise():
            if self._is_behind(weight):
                _catch_up(weight, self.state[weight], rows.to(weight.device).unique())

    @torch.no_grad()
    def flush(self):
        """Bring all rows up to date."""
        for _, weight in self._rowwise():
            if self._is_behind(weight):
                n_rows = max(1, ELEMENTS_AT_ONCE // weight.shape[1])
                for rows in torch.arange(len(weight), device=weight.device).split(n_rows):
                    _catch_up(weight, self.state[weight], rows)
                self._begin_window(weight)

    def load_state_dict(self, state_dict):
        """Take what `state_dict` has returned.

        Parameters
        ----------
        state_dict : dict
            Of an optimizer like this.
        """
        super().load_state_dict(state_dict)
        # Which has given all tensors the type of the weights, and their device.
        numbers = chain.from_iterable(g["params"] for g in state_dict["param_groups"])
        weights = chain.from_iterable(group["params"] for group in self.param_groups)
        for number, weight in zip(numbers, weights, strict=True):
            given = state_dict["state"].get(number, {})
            if "factors" in given:
                since = given["since"].to(weight.device)
                self.state[weight].update(since=since, factors=given["factors"].cpu())

    def __setstate__(self, state):
        super().__setstate__(state)
        for _, weight in self._rowwise():
            if (
                weight in self.state
            ):  # Adam's own, which has made a tensor of single precision
                self.state[weight]["step"] = int(self.state[weight]["step"])

    def _rowwise(self):
        """Return the weights whose rows are updated when they are read, with their groups."""
        groups = (group for group in self.param_groups if group.get("rowwise"))
        return [(group, weight) for group in groups for weight in group["params"]]

    def _is_behind(self, weight):
        return weight in self.state and self.state[weight]["factors"].shape[1] > 1

    def _begin_window(self, weight):
        self.state[weight].update(
            since=torch.zeros(len(weight), dtype=torch.int32, device=weight.device),
            factors=torch.tensor([[1.0], [0.0], [1.0]], dtype=torch.float64),
        )

    def _step_rows(self, group, weight, grad):
        """Update the rows of a gradient, and note how far the others would have moved."""
        if weight not in self.state:
            self.state[weight] = {"step": 0, "momentum": torch.zeros_like(weight)}
            self._begin_window(weight)
        state, beta = self.state[weight], group["betas"][0]
        state["step"] += 1
        decay = 1 - group["lr"] * group["weight_decay"]
        rate = group["lr"] / (1 - beta ** state["step"])
        rows, values = grad.indices()[0], grad.values()
        momentum = state["momentum"][rows].lerp_(values, 1 - beta)
        state["momentum"].index_copy_(0, rows, momentum)
        weight.index_copy_(0, rows, weight[rows].mul_(decay).sub_(momentum, alpha=rate))
        state["factors"] = _next_factors(state["factors"], decay, rate, beta)
        state["since"][rows] = state["factors"].shape[1] - 1
        if state["factors"].shape[1] > WINDOW:
            self.flush()


def _next_factors(factors, decay, rate, beta):
    """Return decay, pull and push (3, t + 1) from each step to now, given those (3, t)."""
    decays, pulls, pushes = factors
    pushes = pushes * beta
    moved = torch.stack([decays * decay, pulls * decay + rate * pushes, pushes])
    return torch.cat([moved, factors.new_tensor([[1.0], [0.0], [1.0]])], 1)


def _catch_up(weight, state, rows):
    """Make up for the steps that rows have missed."""
    factors = state["factors"].to(weight)
    decay, pull, push = factors[:, state["since"][rows].long(), None]  # (n_rows, 1) each
    momentum = state["momentum"][rows]
    weight.index_copy_(0, rows, weight[rows].mul_(decay).sub_(momentum * pull))
    state["momentum"].index_copy_(0, rows, momentum.mul_(push))
    state["since"][rows] = factors.shape[1] - 1

"""All that a training goes on from, as a tree of plain values and arrays, and back."""

from itertools import groupby
from numbers import Number

import numpy as np
import torch

__all__ = ["is_complete", "random_state", "restore", "set_random_state", "state_of"]

# What skorch keeps of an epoch to score it when it is over.
CACHES = ("y_preds_", "y_trues_")


def state_of(net):
    """Return the state of a net in training.

    Parameters
    ----------
    net : Net
        Its module, optimizer, history and callbacks.

    Returns
    -------
    dict
        Plain values, arrays and tensors, which are those of the net and not copies.
    """
    state = {
        "module": net.module_.state_dict(),
        "trainable": {n: p.requires_grad for n, p in net.module_.named_parameters()},
        "optimizer": net.optimizer_.state_dict(),
        "history": [_pack_epoch(epoch) for epoch in net.history],
        "callbacks": {name: _state_of_callback(c) for name, c in net.callbacks_},
    }
    return _as_plain(state)


def restore(net, state):
    """Give a net the state that `state_of` has returned, of this net or of its like.

    Parameters
    ----------
    net : Net
        Changed in place.
    state : dict
        From `state_of`.
    """
    net.module_.load_state_dict(state["module"])
    for name, parameter in net.module_.named_parameters():
        parameter.requires_grad_(state["trainable"][name])
    net.optimizer_.load_state_dict(state["optimizer"])
    net.history[:] = [_unpack_epoch(epoch) for epoch in state["history"]]
    for name, callback in net.callbacks_:
        _restore_callback(callback, state["callbacks"].get(name, {}))


def random_state(device):
    """Return PyTorch's random state, on the CPU and on the device of the training.

    Parameters
    ----------
    device : str or torch.device
        Where the net is.

    Returns
    -------
    dict
        Tensors of bytes by name.
    """
    state = {"cpu": torch.get_rng_state()}
    if torch.device(device).type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state, device):
    """Set PyTorch's random state.

    Parameters
    ----------
    state : dict
        From `random_state`.
    device : str or torch.device
        Where the net is.
    """
    torch.set_rng_state(state["cpu"])
    if "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


# Callbacks ------------------------------------------------------------------------------------


def _state_of_callback(callback):
    """Return what a callback says, or else its attributes with a trailing underscore."""
    if hasattr(callback, "state_dict"):
        return {"says": callback.state_dict()}
    values, parts = {}, {}
    for name, value in _fitted(callback):
        if _keeps_state(value):
            parts[name] = value.state_dict()
        elif _is_plain(value):
            values[name] = value
    return {"values": values, "parts": parts}


def _restore_callback(callback, state):
    """Give a callback its state."""
    if "says" in state:
        callback.load_state_dict(state["says"])
        return
    for name, value in state.get("values", {}).items():
        setattr(callback, name, value)
    for name, value in state.get("parts", {}).items():
        if _keeps_state(getattr(callback, name, None)):  # it is there in training only
            getattr(callback, name).load_state_dict(value)


def is_complete(callbacks):
    """Whether all that callbacks hold, within an epoch, can be written.

    Parameters
    ----------
    callbacks : list of (str, Callback)
        Those of a net.

    Returns
    -------
    bool
        False where a callback gathers objects in a list or dict, such as a batch's outputs.
    """
    return not any(
        isinstance(value, list | dict)
        and value
        and (name in CACHES or not _is_plain(value))
        for _, callback in callbacks
        if not hasattr(callback, "state_dict")
        for name, value in _fitted(callback)
    )


def _fitted(callback):
    """Return the names and values of what a callback has found out in training."""
    return [
        (name, value)
        for name, value in vars(callback).items()
        if name.endswith("_") and not name.startswith("_")
    ]


def _keeps_state(value):
    """Whether a value is a module, an optimizer, a schedule or the like, and not its class."""
    return hasattr(value, "load_state_dict") and not isinstance(value, type)


def _is_plain(value):
    """Whether a value consists of numbers, strings, arrays and tensors alone."""
    if isinstance(value, dict):
        return all(isinstance(k, str | int) and _is_plain(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, np.ndarray):
        return not value.dtype.hasobject
    return value is None or isinstance(value, str | Number | np.bool_ | torch.Tensor)


def _as_plain(value):
    """Return a plain value with Python's own dicts, lists and tuples, and bare tensors."""
    if isinstance(value, dict):
        return {name: _as_plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        kind = list if isinstance(value, list) else tuple
        return kind(map(_as_plain, value))
    return value.detach() if isinstance(value, torch.Tensor) else value


# History --------------------------------------------------------------------------------------


def _pack_epoch(epoch):
    """Return the entries of an epoch, and its batches by columns, which are much smaller."""
    entries = {k: v for k, v in epoch.items() if k != "batches" and _is_plain(v)}
    runs = [list(run) for _, run in groupby(epoch["batches"], key=lambda batch: [*batch])]
    return {"entries": entries, "runs": [_pack_run(run) for run in runs]}


def _pack_run(run):
    """Return the columns of batches that have the same entries."""
    columns = {name: _column([batch[name] for batch in run]) for name in run[0]}
    return {"n": len(run), "columns": columns}


def _column(values):
    """Return values as an array, where they come back as they are."""
    kinds = set(map(type, values))
    if kinds == {float} or kinds == {int}:
        return np.array(values)
    return [value if _is_plain(value) else None for value in values]


def _unpack_epoch(packed):
    """Return an epoch as skorch writes it."""
    batches = []
    for run in packed["runs"]:
        columns = {
            name: column.tolist() if isinstance(column, np.ndarray) else column
            for name, column in run["columns"].items()
        }
        batches += [
            {k: column[i] for k, column in columns.items()} for i in range(run["n"])
        ]
    return {"batches": batches, **packed["entries"]}

"""Networks as plain values, and back: torch modules, and the skorch net around them."""

import weakref

import torch
from torch import nn

from ..training.net import restore_net
from ._arrays import Malformed

__all__ = ["build_module", "build_net", "describe_module", "describe_net"]

# Of `nn.Module`: what is made anew, for each module.
_OWN = frozenset(vars(nn.Module()))
_OF_RNN = frozenset({"_flat_weights", "_flat_weight_refs"})
_KEPT = ("training", "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")


# Modules --------------------------------------------------------------------------------------


def describe_module(module, where):
    """Return the state of a module: its attributes, its parameters, buffers and children.

    Parameters
    ----------
    module : nn.Module
        Any.
    where : str
        Where it was found, for errors.

    Returns
    -------
    dict
        The state.
    """
    state = module.__getstate__()
    hooked = [name for name, value in state.items() if "_hooks" in name and value]
    if hooked:
        raise TypeError(f"{where} has hooks ({hooked[0]}), which cannot be saved.")
    left_out = _OWN | (_OF_RNN if isinstance(module, nn.RNNBase) else frozenset())
    return {
        **{name: state[name] for name in _KEPT},
        "attributes": {name: v for name, v in state.items() if name not in left_out},
    }


def build_module(class_, state, shadowed):
    """Return a module of a state; nothing of its class is called but what `nn.Module` has.

    Parameters
    ----------
    class_ : type
        The module's class.
    state : dict
        As `describe_module` returns it.
    shadowed : callable
        Returns the name of an attribute that would take the place of a method.

    Returns
    -------
    nn.Module
        The module.
    """
    attributes = state["attributes"]
    for name in ("_parameters", "_buffers", "_modules"):
        _check_members(state[name], _MEMBERS[name])
    names = [*attributes, *state["_parameters"], *state["_buffers"], *state["_modules"]]
    if shadowed(class_, names) or _OWN.intersection(names):
        raise Malformed("a module has an attribute in the place of a method")
    module = object.__new__(class_)
    nn.Module.__init__(module)
    vars(module).update(attributes)
    vars(module).update({name: state[name] for name in _KEPT})
    if isinstance(module, nn.RNNBase):
        _flatten_weights(module)
    return module


_MEMBERS = {"_parameters": nn.Parameter, "_buffers": torch.Tensor, "_modules": nn.Module}


def _check_members(members, type_):
    if not isinstance(members, dict) or not all(type(name) is str for name in members):
        raise Malformed("a module has no members")
    if not all(member is None or isinstance(member, type_) for member in members.values()):
        raise Malformed("a module has a member of a wrong type")


def _flatten_weights(module):
    """Set what a recurrent module keeps of its parameters beside them."""
    names = module._flat_weights_names
    weights = [module._parameters[name] for name in names]
    if any(w is None for w in weights):
        raise Malformed("a recurrent module lacks weights")
    vars(module).update(
        _flat_weights=weights, _flat_weight_refs=[weakref.ref(w) for w in weights]
    )


# Nets -----------------------------------------------------------------------------------------


def describe_net(net, include_optimizer):
    """Return the parameters of a net, what it was trained to, and its history.

    Parameters
    ----------
    net : Net
        Initialized.
    include_optimizer : bool
        Whether to keep the state of the optimizer.

    Returns
    -------
    dict
        The state.
    """
    return {
        "settings": net.settings(),
        "module": net.module,
        "loss": net.loss_,
        "history": [dict(epoch) for epoch in net.history],
        "optimizer": net.optimizer_.state_dict() if include_optimizer else None,
    }


def build_net(state):
    """Return the net of a state, on the device where it was or the CPU."""
    module, settings = state["module"], state["settings"]
    if not isinstance(module, nn.Module) or not isinstance(settings, dict):
        raise Malformed("a net has no module")
    if not isinstance(state["history"], list):
        raise Malformed("a net has no history")
    return restore_net(**state)

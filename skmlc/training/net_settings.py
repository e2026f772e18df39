"""What the parameters of a net stand for, and errors for those that stand for nothing."""

from inspect import signature

import torch
from skorch import NeuralNet

from .._spelling import did_you_mean
from .adamw import AdamW

__all__ = [
    "OPTIMIZERS",
    "check_net_params",
    "check_optimizer",
    "choose_device",
    "choose_optimizer",
]

# What the classifiers decide by themselves, and by which parameter; in `net_params` these would
# be lost without a word.
DECIDED = {
    "callbacks": "callbacks",
    "max_epochs": "max_epochs",
    "module": "encoder and the parameters of the method",
    "train_split": "early_stopping and validation_fraction",
    "verbose": "verbose",
    "warm_start": "warm_start",
    "dataset": None,
    "predict_nonlinearity": None,
}
OPTIMIZERS = {
    "adamw": AdamW,
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
}


def choose_optimizer(optimizer):
    """Return what a parameter stands for.

    Parameters
    ----------
    optimizer : str, class or callable
        As the user gave it.

    Returns
    -------
    optimizer : class or callable
        For skorch.
    options : dict
        Of its name.
    """
    if not isinstance(optimizer, str):
        return optimizer, {}
    if optimizer == "sgd":
        return torch.optim.SGD, {"optimizer__momentum": 0.9}
    return OPTIMIZERS[optimizer], {"optimizer__fused": True}


def check_optimizer(optimizer):
    """Raise an error for a class that is no optimizer.

    Parameters
    ----------
    optimizer : str, class or callable
        As the user gave it.

    Raises
    ------
    TypeError
        If it is another class.
    """
    if isinstance(optimizer, type) and not issubclass(optimizer, torch.optim.Optimizer):
        raise TypeError(
            f"optimizer must be one of {', '.join(map(repr, OPTIMIZERS))} or a class of "
            f"optimizers, such as torch.optim.RMSprop; got the class {optimizer.__name__}."
        )


def check_net_params(params):
    """Raise an error for what is no argument of the net.

    Parameters
    ----------
    params : dict or None
        As the user gave it.

    Raises
    ------
    ValueError
        If a name is neither an argument nor one of a part, as ``optimizer__momentum``, or is
        one that the classifiers decide.
    """
    refused = {"kwargs", *DECIDED}
    own = [name for name in signature(NeuralNet).parameters if name not in refused]
    parts = [*NeuralNet.prefixes_, "module", "criterion", "optimizer"]
    for name in params or ():
        if name in DECIDED:
            own_one = DECIDED[name]
            use = "" if own_one is None else f": use its own {own_one}"
            raise ValueError(
                f"net_params must not hold {name!r}, which is decided by the classifier{use}."
            )
        part, _, inner = str(name).partition("__")
        if not isinstance(name, str) or (name not in own and not (part in parts and inner)):
            hint = did_you_mean(name, own)
            raise ValueError(
                "net_params must hold arguments of skorch.NeuralNet by name, or of its parts, "
                f"as 'optimizer__momentum'; got {name!r}. {hint}".rstrip()
            )


def choose_device(device):
    """Return the device that `device` stands for: "auto" is CUDA where there is one."""
    if device not in ("auto", "distributed"):
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"

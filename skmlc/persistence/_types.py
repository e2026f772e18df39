"""Which classes and functions a saved model may name, and what their names stand for.

A name in a file is "module:qualified name".  It stands for a class or function only if what is
found there says the same of itself, so that no name leads through a module to what that module
has imported; and only if its module is listed here, or the user trusts it by name.
"""

import importlib
import sys
import types
from functools import cache

import numpy as np
import scipy.special
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import Dataset

from ._arrays import Malformed

__all__ = [
    "find_class",
    "find_class_of_objects",
    "find_function",
    "name_of",
    "public_name",
    "refusal",
]

# Whose classes may be made, with attributes as the file says and without calling anything.
PACKAGES = ("skmlc", "sklearn", "torch.nn.modules")
# What reads and writes files, runs processes or tests has no place in a model.
NO_MODELS = (
    "skmlc.persistence",
    "skmlc.datasets",
    "sklearn.externals",
    "sklearn.datasets",
    "sklearn.experimental",
    "sklearn.utils._testing",
    "sklearn.utils.estimator_checks",
    "sklearn.utils.parallel",
)
# Of other modules, those of which there may be objects: not those that write files or log.
CLASSES = {
    "collections": ("OrderedDict", "defaultdict", "Counter"),
    "skorch.callbacks.logging": ("EpochTimer", "PrintLog"),
    "skorch.callbacks.lr_scheduler": ("LRScheduler", "WarmRestartLR"),
    "skorch.callbacks.regularization": ("GradientNormClipping",),
    "skorch.callbacks.scoring": ("BatchScoring", "EpochScoring", "PassthroughScoring"),
    "skorch.callbacks.training": ("EarlyStopping", "Freezer", "ParamMapper", "Unfreezer"),
}
# Those that stand for themselves, such as the class of an optimizer.
VALUES = {
    "builtins": ("int", "float", "str", "bool", "list", "dict", "set", "tuple", "object"),
    "skorch.dataset": ("Dataset",),
    "torch.utils.data.dataloader": ("DataLoader",),
}
# Functions that compute, and nothing else.
FUNCTIONS = (
    "skmlc.nn",
    "skmlc.metrics",
    "torch.nn.functional",
    "sklearn.metrics",
    "sklearn.feature_selection",
)
SINGLE_FUNCTIONS = {
    "skmlc.flem:_matched_loss",
    "skmlc.training.batches:as_batch",
    "sklearn.utils.validation:check_array",
    "sklearn.cluster._kmeans:_kmeans_single_elkan",
    "sklearn.cluster._kmeans:_kmeans_single_lloyd",
}


def name_of(x):
    """Return the name of a class or function, as it stands in a file."""
    builtin = _names_of_builtins().get(id(x))
    return builtin or f"{x.__module__}:{x.__qualname__}"


def public_name(name):
    """Return a name as users write it."""
    return name.replace(":", ".")


def find_class(name, trusted=()):
    """Return the class of a name, if a model may hold it.

    Parameters
    ----------
    name : str
        As `name_of` gives it.
    trusted : collection of str
        Names that the user trusts, with a dot in place of the colon.

    Returns
    -------
    type
        The class.

    Raises
    ------
    Malformed
        If there is no such class, or a model may not hold it.
    """
    found = _find(name, trusted, _is_known_class)
    if not isinstance(found, type):
        raise Malformed(f"{_shown(name)} is no class")
    return found


def find_class_of_objects(name, trusted=()):
    """Return the class of a name, if a model may hold objects of it; else as `find_class`."""
    found = find_class(name, trusted)
    if public_name(name) not in trusted and _is_value(found, found.__module__):
        raise Malformed(_untrusted(name))
    return found


def find_function(name, trusted=()):
    """Return the function of a name, if a model may hold it; else as `find_class`."""
    builtin = _builtins().get(name)
    if builtin is not None:
        return builtin
    found = _find(name, trusted, _is_known_function)
    if not isinstance(found, types.FunctionType):
        raise Malformed(f"{_shown(name)} is no function")
    return found


def refusal(x, where):
    """Return the error for a class or function that a model may not hold.

    Parameters
    ----------
    x : class or function
        What is refused.
    where : str
        Where it was found.

    Returns
    -------
    TypeError
        It says what to do.
    """
    name = public_name(name_of(x))
    what = "an object of the class" if isinstance(x, type) else "the function"
    if "<" in name or name.startswith("__main__."):
        return TypeError(
            f"{where} is {what} {name}, which cannot be found again by its name; define it at "
            "the top level of a module, or keep this model with joblib.dump."
        )
    return TypeError(
        f"{where} is {what} {name}, which is not among those that a saved model may hold; a "
        f"saved model can hold it if it is saved, and loaded, with trusted=[{name!r}]."
    )


def _find(name, trusted, is_known):
    """Return what is at a name, of a module that is listed or trusted."""
    module, colon, path = name.partition(":")
    if not colon or not module or not path:
        raise Malformed("a type has no name")
    is_trusted = public_name(name) in trusted
    if not is_trusted and not _may_hold(module):
        raise Malformed(_untrusted(name))
    found = _look_up(module, path)
    if getattr(found, "__module__", None) != module or found.__qualname__ != path:
        raise Malformed(f"there is no {_shown(name)} in this environment")
    if not is_trusted and not is_known(found, module):
        raise Malformed(_untrusted(name))
    return found


def _untrusted(name):
    return (
        f"it holds {_shown(name)}, which is loaded only if you trust it: "
        f"pass trusted=[{_shown(name)!r}], if you know what it does"
    )


def _shown(name):
    return public_name(name)[:200]


def _may_hold(module):
    """Whether a module is one of those that may be imported and looked into."""
    if any(_is_within(module, package) for package in NO_MODELS) or ".tests" in module:
        return False
    packages = (*PACKAGES, *FUNCTIONS, "torch.optim")
    single = (*CLASSES, *VALUES, "numpy")
    return module in single or any(_is_within(module, package) for package in packages)


def _is_within(module, package):
    return module == package or module.startswith(package + ".")


def _look_up(module, path):
    """Return what is at a path in a module, without calling a `__getattr__` of it."""
    if module not in sys.modules:
        try:
            importlib.import_module(module)
        except ImportError:
            return None
    found = sys.modules[module]
    for part in path.split("."):
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    return found


def _is_known_class(x, module):
    if not isinstance(x, type):
        return False
    if _is_value(x, module) or x.__qualname__ in CLASSES.get(module, ()):
        return True
    is_listed = any(_is_within(module, package) for package in PACKAGES)
    return is_listed and not issubclass(x, (Dataset, BaseException))


def _is_value(x, module):
    """Whether a model may hold a class, but no objects of it."""
    if issubclass(x, (Optimizer, LRScheduler)):
        return _is_within(module, "torch.optim") or _is_within(module, "skmlc")
    if issubclass(x, np.generic):
        return module == "numpy"
    return x.__qualname__ in VALUES.get(module, ())


def _is_known_function(x, module):
    if not isinstance(x, types.FunctionType):
        return False
    listed = any(_is_within(module, package) for package in FUNCTIONS)
    return listed or f"{module}:{x.__qualname__}" in SINGLE_FUNCTIONS


@cache
def _builtins():
    """Return functions of compiled code by name: those of torch, and NumPy's and SciPy's."""
    found = {"builtins:print": print, "builtins:len": len}
    for space, prefix in ((torch, "torch"), (nn.functional, "torch.nn.functional")):
        for name in ACTIVATIONS:
            function = getattr(space, name, None)
            if isinstance(function, types.BuiltinFunctionType):
                found[f"{prefix}:{name}"] = function
    for space in (np, scipy.special):
        for name, function in vars(space).items():
            if isinstance(function, np.ufunc):
                found[f"{space.__name__}:{name}"] = function
    found |= {f"numpy:{name}": getattr(np, name) for name in REDUCTIONS}
    return found


@cache
def _names_of_builtins():
    return {id(function): name for name, function in _builtins().items()}


REDUCTIONS = ("max", "mean", "median", "min", "prod", "std", "sum", "var")
ACTIVATIONS = (
    "abs", "celu", "celu_", "elu", "elu_", "exp", "gelu", "hardshrink", "hardtanh",
    "leaky_relu", "leaky_relu_", "log_sigmoid", "logsigmoid", "prelu", "relu", "relu_", "rrelu",
    "selu", "sigmoid", "sin", "softplus", "softshrink", "tanh", "tanhshrink",
)  # fmt: skip

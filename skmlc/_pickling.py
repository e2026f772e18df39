"""What to say of functions that cannot be pickled."""

import pickle
import sys
from functools import partial
from types import FunctionType

__all__ = ["check_functions"]

# What stores functions themselves, or pickles nothing: by the names of their modules.
BY_VALUE = {"cloudpickle", "dill", "copy"}
# Longer lists hold data.
MOST_PARTS = 100


def check_functions(params, owner):
    """Raise an error for functions among parameters that pickle cannot store.

    Pickle stores functions by name, so that one without a name in a module, such as a lambda,
    cannot be read again.

    Parameters
    ----------
    params : dict
        The parameters by name.
    owner : str
        The name of the class that has them.

    Raises
    ------
    PicklingError
        That names the parameter and the function.
    """
    for name, value in params.items():
        found = _without_a_name(value)
        if found is not None and not _stored_by_value():
            raise pickle.PicklingError(
                f"{name} of {owner} must be, and hold, only functions and classes of a module "
                f"to be pickled; got {found.__qualname__}: write it at the top of a module, "
                "with def, or store the model with cloudpickle."
            )


def _without_a_name(value, depth=4):
    """Return a function or class that pickle cannot find by name; None if none is seen."""
    if isinstance(value, FunctionType | type):
        return value if "<" in value.__qualname__ else None
    parts = ()
    if isinstance(value, partial):
        parts = (value.func, value.args, value.keywords)
    elif isinstance(value, list | tuple | dict):
        parts = value.values() if isinstance(value, dict) else value
        parts = parts if len(value) <= MOST_PARTS else ()
    elif type(value).__reduce_ex__ is object.__reduce_ex__ and hasattr(value, "__dict__"):
        parts = (type(value), vars(value))
    if not depth:
        return None
    found = (_without_a_name(part, depth - 1) for part in parts)
    return next((part for part in found if part is not None), None)


def _stored_by_value():
    """Tell whether the caller is a pickler that stores functions themselves, or a copy."""
    frame = sys._getframe()
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if BY_VALUE & {part.strip("_") for part in module.split(".")}:
            return True
        frame = frame.f_back
    return False

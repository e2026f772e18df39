"""Estimators whose parameters are fields: each is written, documented and constrained once.

For example::

    class MLPClassifier(BaseGraphClassifier):
        n_layers: int = 1
        max_epochs: int = 20  # another default than the base's
        _parameter_constraints = {"n_layers": [Interval(Integral, 1, None, closed="left")]}

and in its docstring, under "Parameters"::

    n_layers : int, default=1
        The number of hidden layers.
    **inherited
        Those of training: see `TrainingParameters`.

A class has the parameters of its bases, with their descriptions and constraints.  Its
`__init__`, its signature and the docstring that `help` and Sphinx show are made when the class
is.
"""

import inspect
import re
from dataclasses import dataclass, field, fields
from typing import Any, dataclass_transform

import numpy as np
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
)

from ._spelling import did_you_mean
from .versioned import VersionedState

__all__ = ["ParameterFields"]


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
class ParameterFields(VersionedState):
    """Makes `__init__`, docstring and constraints of its subclasses from their fields.

    A parameter that may be given by position is a ``field(default=..., kw_only=False)``; one
    of a base that a class does not have is a ``field(default=..., init=False)``.  An `__init__`
    that a class writes itself is kept, with its own signature.

    In a docstring, the entry ``**inherited`` says where the parameters of the bases are
    described; what is shown in its place are their entries, with the defaults of the class.
    """

    # Whether a class, or one that it inherits from, has an `__init__` that was written by hand.
    _init_is_written = False

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        doc = vars(cls).get("__doc__")
        if "__init__" in vars(cls):
            cls._init_is_written = True  # for the classes that inherit it
        written = cls._init_is_written
        _refuse_untyped(cls)
        dataclass(
            cls, init=not written, kw_only=True, eq=False, repr=False, match_args=False
        )
        if not written:
            _refuse_unknown(cls)
        bases = [base for base in cls.__mro__ if issubclass(base, ParameterFields)]
        # None, so that `inspect` reads `__init__` and not the signature of a base.
        cls.__signature__ = None if written else _own_first(cls, bases)
        cls._parameter_constraints = _merged_constraints(cls, bases)
        cls.__doc__ = _completed(doc, cls, bases)

    def set_params(self, **params):
        """Set parameters, also those of nested objects as ``name__parameter``.

        Parameters
        ----------
        **params : dict
            The values by name.

        Returns
        -------
        self : estimator
            The instance.
        """
        own: dict[str, Any] = self.get_params(deep=False)  # pyright: ignore[reportAttributeAccessIssue]
        for name in params:
            parent, nested, inner = name.partition("__")
            value = params.get(parent, own.get(parent))
            if nested and parent in own and not hasattr(value, "set_params"):
                raise ValueError(
                    f"{parent} must be an instance with a parameter {inner!r} to set "
                    f"{name}; got {parent}={value!r}: pass such an instance first."
                )
        return super().set_params(**params)  # pyright: ignore[reportAttributeAccessIssue]

    def _validate_params(self):
        """Raise an error for a parameter of a wrong kind or a misspelt option."""
        values: dict[str, Any] = self.get_params(deep=False)  # pyright: ignore[reportAttributeAccessIssue]
        for name, value in values.items():
            rules = self._parameter_constraints.get(name, ())
            _refuse_class(name, value, rules)
            if _is_boolean_for_a_number(value, rules):
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(self).__name__} must not be a boolean "
                    f"where a number is expected. Got {value} instead."
                )
        try:
            super()._validate_params()  # pyright: ignore[reportAttributeAccessIssue]
        except InvalidParameterError as error:
            hint = _spelling_hint(str(error), values, self._parameter_constraints)
            if not hint:
                raise
            raise InvalidParameterError(f"{error} {hint}") from None


def _refuse_class(name, value, rules):
    """Raise an error for a class where an instance with methods is expected."""
    if isinstance(value, type) and any(isinstance(rule, HasMethods) for rule in rules):
        raise TypeError(
            f"{name} must be an instance, not a class; got {value.__name__}: write "
            f"{value.__name__}()."
        )


def _is_boolean_for_a_number(value, rules):
    """Whether a value is True or False where there may be a number and no boolean."""
    if not isinstance(value, bool | np.bool_):
        return False
    kinds = [getattr(rule, "type", rule) for rule in rules]
    takes = any(kind in (bool, np.bool_, "boolean", "verbose") for kind in kinds)
    return not takes and any(isinstance(rule, Interval) for rule in rules)


def _spelling_hint(error, values, constraints):
    """Return a question about the option that was meant, empty if none is near."""
    name = error.split("'", maxsplit=2)[1]  # "The 'loss' parameter of ..."
    rules = [rule for rule in constraints[name] if isinstance(rule, StrOptions)]
    return did_you_mean(values.get(name), [o for rule in rules for o in rule.options])


def _refuse_untyped(cls):
    """Raise an error if a class assigns an inherited field without a type, to no effect."""
    inherited = set(getattr(cls, "__dataclass_fields__", ()))
    for name in sorted(inherited & set(vars(cls)) - set(inspect.get_annotations(cls))):
        value = vars(cls)[name]
        if not hasattr(value, "__get__"):  # neither a method nor a property
            raise TypeError(
                f"{cls.__name__}.{name} must have a type to change the default: write "
                f"{name}: {type(value).__name__} = {value!r}."
            )


def _refuse_unknown(cls):
    """Raise an error if a class constrains what is no field, as one without a type is none."""
    constrained = vars(cls).get("_parameter_constraints", {})
    unknown = sorted(set(constrained) - {f.name for f in fields(cls)})
    if unknown:
        raise TypeError(
            f"{cls.__name__}._parameter_constraints must be of parameters, fields with a type; "
            f"got {', '.join(unknown)}."
        )


def _own_first(cls, bases):
    """Return the signature with the parameters of a class before those of its bases."""
    parameters = dict(inspect.signature(cls.__init__).parameters)
    generation = {}
    for age, base in enumerate(reversed(bases)):
        for name in inspect.get_annotations(base):
            generation.setdefault(name, age)  # another default does not make it one's own
    order = sorted(generation, key=generation.__getitem__, reverse=True)
    mine = [parameters[name] for name in order if name in parameters]
    mine.sort(key=lambda parameter: parameter.kind)  # by position before by name
    # The docstring tells the types, as everywhere in scikit-learn.
    return inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in mine])


def _merged_constraints(cls, bases):
    """Return the constraints of a class and its bases, of the parameters that it has."""
    merged = {}
    for base in reversed(bases):
        merged |= vars(base).get("_parameter_constraints", {})
    absent = {f.name for f in fields(cls) if not f.init}
    return {name: rule for name, rule in merged.items() if name not in absent}


# Docstrings -----------------------------------------------------------------------------------


def _completed(doc, cls, bases):
    """Return the docstring of a class with the entries of its bases."""
    if doc is None:  # of a user's subclass, say: what its estimator says
        estimators = [base for base in bases[1:] if hasattr(base, "get_params")]
        doc = next((base.__doc__ for base in estimators if base.__doc__), None)
    if doc is None:
        return None
    doc = inspect.cleandoc(doc)
    said = {}
    for section in ("Parameters", "Attributes"):
        said[section] = _inherited_entries(section, doc, bases)
        doc = _section(section).sub("", doc)
    defaults = {p.name: p.default for p in inspect.signature(cls).parameters.values()}
    of_parameters = [
        _with_default(said["Parameters"][name], default)
        for name, default in defaults.items()
        if name in said["Parameters"]
    ]
    summary, *rest = re.split(r"^(?=\w[\w ]*\n---)", doc, maxsplit=1, flags=re.M)
    sections = [
        summary.rstrip(),
        *_titled("Parameters", of_parameters),
        *_titled("Attributes", said["Attributes"].values()),
        *rest,
    ]
    return "\n\n".join(sections).rstrip() + "\n"


def _inherited_entries(section, doc, bases):
    """Return the entries of a section by name: those of the class, then of its bases."""
    entries = _entries(doc, section)
    for base in bases[1:]:
        for name, entry in _entries(base.__doc__ or "", section).items():
            entries.setdefault(name, entry)
    return {name: entry for name, entry in entries.items() if not name.startswith("**")}


def _entries(doc, section):
    """Return the entries of a section of a numpydoc docstring, by name."""
    body = _section(section).search(inspect.cleandoc(doc))
    entries = re.split(r"^(?=\S)", body[1], flags=re.M)[1:] if body else ()
    return {re.split(r"\s", entry, maxsplit=1)[0]: entry.rstrip() for entry in entries}


def _section(title):
    """Return the pattern of a section, up to the next one or the end; group 1 is its body."""
    return re.compile(rf"^{title}\n-+\n(.*?)(?=^\w[\w ]*\n---|\Z)", re.M | re.S)


def _titled(title, entries):
    """Return a section of a docstring in a list, which is empty without entries."""
    entries = list(entries)
    return ["\n".join([title, "-" * len(title), *entries])] if entries else []


def _with_default(entry, default):
    """Return the entry of a parameter with the default that the class has."""
    shown = f'"{default}"' if isinstance(default, str) else repr(default)
    first, *rest = entry.split("\n", maxsplit=1)
    first = re.sub(r"(?<=default=).*", lambda _: shown, first)
    return "\n".join([first, *rest])

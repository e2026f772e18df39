"""Every public name says what it does, in numpydoc, with an example that runs."""

import importlib
import inspect
import tomllib
from pathlib import Path

import pytest
from numpydoc.validate import validate

SUBPACKAGES = (
    "datasets", "ensemble", "graphs", "inputs", "inspection", "metrics", "model_selection"
)  # fmt: skip
PACKAGES = ["skmlc", *(f"skmlc.{name}" for name in SUBPACKAGES)]
PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
CONFIG = tomllib.loads(PYPROJECT.read_text())["tool"]["numpydoc_validation"]
# Beside what lint checks everywhere: known sections, in their order, and no docstring missing.
CHECKS = {*CONFIG["checks"], "GL06", "GL07", "GL08"}


def public_objects():
    """Yield (dotted name, object) of what the packages' ``__all__`` list."""
    for package in map(importlib.import_module, PACKAGES):
        for name in package.__all__:
            yield f"{package.__name__}.{name}", getattr(package, name)


def is_ours(member):
    """Tell whether a method or property was written in this package."""
    function = member.fget if isinstance(member, property) else member
    return (getattr(function, "__module__", None) or "").startswith("skmlc")


def public_members():
    """Yield the dotted names of public methods and properties, each where it is defined."""
    for name, cls in public_objects():
        for member_name, member in vars(cls).items() if inspect.isclass(cls) else ():
            callable_or_property = callable(member) or isinstance(member, property)
            if not member_name.startswith("_") and callable_or_property and is_ours(member):
                yield f"{name}.{member_name}"


def errors_of(name, checks):
    """List what numpydoc finds wrong with a docstring."""
    return [f"{code}: {text}" for code, text in validate(name)["errors"] if code in checks]


@pytest.mark.parametrize("name", [name for name, _ in public_objects()])
def test_a_public_name_is_documented_and_has_an_example(name):
    assert errors_of(name, CHECKS | {"EX01"}) == []


@pytest.mark.parametrize("name", sorted(public_members()))
def test_a_public_method_is_documented(name):
    assert errors_of(name, CHECKS) == []

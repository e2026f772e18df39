"""Versions that stand in two files are the same in both."""

import configparser
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIN = re.compile(r"\b([\w.-]+)==([\w.]+)")


def pins(path):
    return dict(PIN.findall((ROOT / path).read_text()))


def lower_bounds():
    """Return the lower bounds that users meet, by name."""
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["plot"]]
    for requirement in map(Requirement, needed):
        (bound,) = requirement.specifier
        assert bound.operator == ">="
        yield requirement.name, bound.version


@pytest.mark.parametrize("name, bound", list(lower_bounds()))
def test_each_lower_bound_is_the_version_that_tox_tests(name, bound):
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    tested = dict(PIN.findall(tox["testenv:minimum"]["deps"]))
    assert Version(tested[name]) == Version(bound)


def test_hooks_before_a_commit_are_those_of_the_constraints():
    hooks = pins(".pre-commit-config.yaml")
    assert set(hooks) == {"codespell", "numpydoc", "ruff"}
    assert hooks.items() <= pins("constraints.txt").items()

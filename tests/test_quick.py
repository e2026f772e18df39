"""What `pytest --quick` runs."""

from pathlib import Path

pytest_plugins = ["pytester"]

TESTS = """
import pytest

each = pytest.mark.parametrize("case", "ab")


@each
def test_first(case):
    assert case == "a"


@each
def test_second(case):
    assert case == "b"


def test_without_cases():
    pass


@pytest.mark.slow
@each
def test_slow(case):
    raise AssertionError


@pytest.mark.parametrize("case", [pytest.param("a", marks=pytest.mark.slow), "b"])
def test_partly_slow(case):
    assert case == "b"
"""


def test_quick_takes_one_case_of_each_test_and_another_from_test_to_test(pytester):
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text())
    pytester.makeini("[pytest]\nmarkers = slow")
    pytester.makepyfile(test_cases=TESTS)
    pytester.makepyfile(test_other_file=TESTS)
    result = pytester.runpytest_inprocess("--quick", "-m", "not slow")
    result.assert_outcomes(passed=8, deselected=10)

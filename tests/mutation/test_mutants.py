"""Each kind of change is found where it can be made, and makes valid Python."""

from pathlib import Path

import pytest

from tests.mutation.mutants import find_mutants


def changed(source):
    """Return the changed sources, and the kinds of the changes."""
    mutants = [mutant for mutant in find_mutants(source) if mutant.is_change(source)]
    return {mutant.apply(source): mutant.kind for mutant in mutants}


@pytest.mark.parametrize(
    "source, expected, kind",
    [
        ("a < b", ["a <= b", "a > b"], "comparison"),
        ("a >= b", ["a > b", "a <= b"], "comparison"),
        ("a == b", ["a != b"], "comparison"),
        ("a is  not b", ["a is b"], "comparison"),
        ("a not in b", ["a in b"], "comparison"),
        ("a < (b) <= c", ["a <= (b) <= c", "a > (b) <= c", "a < (b) < c", "a < (b) >= c"],
         "comparison"),
        ("(a) + b", ["(a) - b"], "operator"),
        ("a // b", ["a * b"], "operator"),
        ("a & b", ["a | b"], "operator"),
        ("a and b", ["a or b"], "logic"),
        ("a or b or c", ["a and b or c", "a or b and c"], "logic"),
        ("not a", ["a"], "sign"),
        ("-(a + b)", ["(a + b)", "-(a - b)"], None),
        ("a @ b", ["b @ a"], "matmul"),
        ("(a + b) @ c.T", ["c.T @ (a + b)", "(a + b) @ c", "(a - b) @ c.T"], None),
        ("x = 0", ["x = 1"], "constant"),
        ("x = 0.5", ["x = 1.0"], "constant"),
        ("x = True", ["x = False"], "constant"),
        ("a if b else c", ["c if b else a"], "condition"),
        ("if a:\n    b", ["if False:\n    b"], "condition"),
        ("x = a.max(1)", ["x = a.min(1)", "x = a.max(2)"], None),
        ("x = max(a, b)", ["x = min(a, b)"], "function"),
        ("x = a.detach() + b", ["x = a + b", "x = a.detach() - b"], None),
        ("x = (a * b).sqrt()", ["x = (a * b)", "x = (a / b).sqrt()"], None),
        ("x = where(a, b, c)", ["x = b", "x = c"], "dropped mask"),
        ("x = f(a, mask)", ["x = f(a, None)"], "dropped mask"),
        ("x = f(a, mask=mask)", ["x = f(a, mask=None)"], "dropped keyword"),
        ("x = f(a, strict=True)", [], None),
        ("x = f(a=self.a, b=1, **c)", ["x = f(a=self.a, b=2, **c)"], "constant"),
        ("f(a)", ["pass"], "statement"),
        ("x += a", ["x -= a", "pass"], None),
        ("x[a] = b", ["pass"], "statement"),
        ("self.x = a", [], None),
        ("x = a", [], None),
    ],
)  # fmt: skip
def test_a_change_is_found(source, expected, kind):
    found = changed(source)
    assert set(found) == set(expected)
    if kind is not None:
        assert set(found.values()) <= {kind}


@pytest.mark.parametrize(
    "source",
    [
        '"""Text of 2 + 2."""',
        "raise ValueError(1 + 1)",
        "def f(x: int | None) -> a + b:\n    return x",
        "@decorate(1, mask)\nclass A(B, c=1 + 1):\n    x: 1 + 1",
        "x = f'{1 + 1}'",
        "__all__ = [1]",
        "_parameter_constraints = {'a': [Interval(1, 2)]}",
        "from a import b",
    ],
)
def test_messages_annotations_and_declarations_stay(source):
    assert changed(source) == {}


def test_comments_and_lines_stay_as_they_are():
    source = "x = (a  # + b\n     + c)  # c < d\ny = x * 2\n"
    assert set(changed(source)) == {
        "x = (a  # + b\n     - c)  # c < d\ny = x * 2\n",
        "x = (a  # + b\n     + c)  # c < d\ny = x / 2\n",
        "x = (a  # + b\n     + c)  # c < d\ny = x * 3\n",
    }


def test_a_real_module_has_many_mutants_and_nearly_all_are_valid():
    source = Path(find_mutants.__code__.co_filename).read_text()
    mutants = find_mutants(source)
    assert mutants == find_mutants(source)
    assert len(mutants) > 50
    lines = [mutant.line(source) for mutant in mutants]
    assert lines == sorted(lines)
    changes = [mutant for mutant in mutants[:30] if mutant.is_change(source)]
    assert len(changes) > 25
    assert len({mutant.apply(source) for mutant in changes}) == len(changes)


def test_letters_of_more_than_one_byte_are_no_trouble():
    assert "σ = 'τ' + b - c" in changed("σ = 'τ' + b + c")

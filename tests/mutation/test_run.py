"""Which changes are drawn, which tests judge them, and what is said of them."""

from pathlib import Path

import pytest

from tests.mutation import run
from tests.mutation.mutants import find_mutants

PATH = "skmlc/toy.py"
SOURCE = """
def larger(a, b):
    return a if a >= b else b


def count(n):
    i = 0
    while i < n:
        i += 1
    return i
"""
TESTS = """
from skmlc.toy import count, larger


def test_larger():
    assert larger(1, 2) == larger(2, 1) == 2


def test_count():
    assert count(3) == 3
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Return a tree with a package of that name, one module and its tests."""
    files = {
        PATH: SOURCE,
        "skmlc/__init__.py": "",
        "tests/test_toy.py": TESTS,
        "tests/conftest.py": "from hypothesis import settings\n"
        "settings.register_profile('unshrunk', max_examples=1)\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(run, "ROOT", tmp_path)
    return tmp_path


def test_a_seed_always_draws_the_same_changes(toy):
    drawn = run.choose_mutants([PATH], 3, 0)
    assert len(drawn) == 3
    assert drawn == run.choose_mutants(["skmlc/*.py"], 3, 0)
    assert any(run.choose_mutants([PATH], 3, seed) != drawn for seed in range(1, 5))
    everything = [mutant for _, mutant in run.choose_mutants([PATH], 99, 0)]
    assert everything == [m for m in find_mutants(SOURCE) if m.is_change(SOURCE)]


def test_lines_may_be_chosen(toy):
    jobs = run.choose_mutants([f"{PATH}:8-9"], 99, 0)
    assert {job.mutant.line(SOURCE) for job in jobs} == {8, 9}
    with pytest.raises(SystemExit, match="There is no file skmlc/other"):
        run.choose_mutants(["skmlc/other.py"], 1, 0)


def test_tests_are_those_of_the_same_name_or_of_the_folder(toy):
    assert run.tests_of("skmlc/toy.py") == ["tests/test_toy.py"]
    assert run.tests_of("skmlc/_toy.py") == ["tests/test_toy.py"]
    assert run.tests_of("skmlc/part/other.py") == ["tests/part"]


def test_every_file_that_is_judged_has_tests():
    paths = {job.path for job in run.choose_mutants(run.FILES, 1, 0)}
    assert len(paths) > 20
    missing = [
        test
        for path in paths
        for test in run.tests_of(path)
        if not (Path(run.ROOT) / test).exists()
    ]
    assert missing == []
    # All tests take minutes for each change, so that a run never ends.
    assert [path for path in paths if run.tests_of(path) == ["tests"]] == []


def test_a_survivor_with_a_reason_is_equivalent_from_then_on(toy):
    jobs = run.choose_mutants([PATH], 99, 0)
    noted = toy / "equivalent.txt"
    noted.write_text(
        "# What is what.\n\n" + "\n\n".join(map(run.describe, jobs[:2])) + "\n"
    )
    known = run.read_equivalent(noted)
    assert all("\n".join(job.diff()) in known for job in jobs[:2])
    assert not any("\n".join(job.diff()) in known for job in jobs[2:])
    assert run.describe(jobs[0]).splitlines() == [
        "# line 3, condition: ",
        PATH,
        "- return a if a >= b else b",
        "+ return b if (a >= b) else a",
    ]


def test_every_note_has_a_reason():
    for paragraph in run.EQUIVALENT.read_text().strip().split("\n\n"):
        assert len(paragraph.splitlines()[0].partition(": ")[2]) > 10


def test_the_table_counts_what_became_of_the_changes(toy, capsys):
    jobs = run.choose_mutants([PATH], 3, 0)
    states = [run.KILLED, run.KILLED, run.SURVIVED]
    run.print_report([run.Outcome(*pair, 1.0) for pair in zip(jobs, states, strict=True)])
    printed = capsys.readouterr().out
    assert run.describe(jobs[2]) in printed
    assert run.describe(jobs[0]) not in printed
    assert printed.splitlines()[-1].split() == ["all", "2", "1", "0", "0", "3"]


@pytest.mark.slow
def test_changes_are_killed_survive_or_run_out_of_time_in_a_copy(toy, tmp_path):
    copy = run.copy_tree(tmp_path / "copies" / "0")
    expected = {
        "+ return a if a > b else b": run.SURVIVED,
        "+ return a if a <= b else b": run.KILLED,
        "+ i -= 1": run.TIMED_OUT,
    }
    found = {}
    for job in run.choose_mutants([PATH], 99, 0):
        if job.diff()[-1] in expected:
            outcome = run.run_mutant(job, copy, ["tests/test_toy.py"], 15)
            found[job.diff()[-1]] = outcome.status
    assert found == expected
    assert (copy / PATH).read_text() == (toy / PATH).read_text() == SOURCE

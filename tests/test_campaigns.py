"""The campaigns of tests/campaigns in short, and that they see what they look for."""

import sys
import textwrap

import numpy as np
import pytest

from tests.campaigns import properties, threads

if sys.platform == "linux":  # they limit files and memory as Linux does
    from tests.campaigns import full_disk, kill_fits, kill_saves

linux = pytest.mark.skipif(sys.platform != "linux", reason="forks, and limits files")


@linux
def test_a_fit_that_is_killed_after_a_checkpoint_ends_as_if_nothing_had_been(tmp_path):
    killed, whole = tmp_path / "killed", kill_fits.run("masked", tmp_path / "whole")
    assert kill_fits.run("masked", killed, kill_fits.once_written(killed)) is None
    assert kill_fits.run("masked", killed) == whole


@linux
def test_killed_saves_leave_the_old_file_or_the_new_one():
    counts = kill_saves.kill_saves(2, seed=0, hidden_size=300)
    assert counts["old"] + counts["new"] == 2
    assert counts["neither"] == counts["stayed"] == 0


@linux
def test_a_full_disk_leaves_the_old_file_and_a_fit_goes_on():
    outcomes = full_disk.limited(3, seed=0)
    assert outcomes == {"save: whole": 3, "checkpoint: whole": 1}


@linux
def test_other_files_than_these_are_counted(monkeypatch):
    monkeypatch.setattr(kill_saves, "_name", lambda path, models: "neither")
    assert kill_saves.kill_saves(1, seed=0, hidden_size=10)["neither"] == 1


def test_threads_give_what_one_thread_gives():
    counts = threads.run(threads.Work(["EmbMLPClassifier", "MIMLkNN"]), 4, seconds=0.5)
    assert counts
    assert {outcome for _, outcome in counts} == {"equal"}


def test_other_answers_errors_and_threads_that_hang_are_counted(monkeypatch):
    work = threads.Work(["MIMLkNN"])
    work.expected = {"MIMLkNN": [np.zeros(1), np.zeros(1)]}
    outcomes = {outcome for _, outcome in threads.run(work, 2, seconds=0.1)}
    assert outcomes == {"OTHER"}
    monkeypatch.setattr(work, "one", lambda rng: threads.time.sleep(1))
    monkeypatch.setattr(threads, "GRACE", 0)
    assert threads.run(work, 2, seconds=0.1)["threads", "hung"] == 2


def test_properties_that_break_are_counted_and_crashes_reported(tmp_path, monkeypatch):
    file = tmp_path / "test_toy.py"
    (tmp_path / "conftest.py").write_text(
        "import os\nfrom hypothesis import settings\n"
        "n_cases = int(os.environ['SKMLC_EXAMPLES'])\n"
        "settings.register_profile('campaign', max_examples=n_cases)\n"
    )
    file.write_text(
        textwrap.dedent("""
        import os
        from hypothesis import given, strategies as st

        @given(st.integers())
        def test_holds(number):
            assert number == number

        @given(st.integers())
        def test_breaks(number):
            assert os.environ.get("MODE") != "break" or number < 9
            if os.environ.get("MODE") == "crash":
                os.abort()
        """)
    )
    monkeypatch.setitem(properties.AREAS, "toy", [str(file)])
    monkeypatch.setattr(properties, "ROOT", tmp_path)
    monkeypatch.setattr(properties, "tests_with_cases", lambda files: ["holds", "breaks"])
    monkeypatch.setenv("MODE", "break")
    n_tests, n_passed, n_failed, problem = properties.attack("toy", 40, seed=0)
    assert (n_tests, n_failed > 0) == (2, True)
    assert 20 <= n_passed < 40
    assert "number=9" in problem
    monkeypatch.setenv("MODE", "crash")
    assert "toy ended with code -6" in properties.attack("toy", 40, seed=0)[3]

"""Change lines of the package one at a time, and report which changes no test notices.

Run it by `tox -e mutation`, or directly::

    python tests/mutation/run.py --per-file 10 --seed 0 skmlc/lamp.py skmlc/nn/losses.py:40-90
    python tests/mutation/run.py --list skmlc/lamp.py

A file is judged by the tests of the same name (`TESTS` names those of files that have none).
All runs are in copies of the working tree.  A change that no test can notice, because the
result is the same, is written with a reason into `equivalent.txt`, in the form in which
survivors are printed.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.mutation.mutants import Mutant, find_mutants  # noqa: E402

EQUIVALENT = Path(__file__).with_name("equivalent.txt")
# What is judged where no file is named.
FILES = [
    "skmlc/*.py", "skmlc/base/*.py", "skmlc/nn/*.py", "skmlc/graphs/labels.py",
    "skmlc/graphs/counts.py", "skmlc/metrics/*.py", "skmlc/model_selection/threshold.py",
    "skmlc/training/*.py",
]  # fmt: skip
# The tests of files without tests of the same name, or with more than these.
TESTS = {
    "skmlc/_device.py": ["tests/test_messages.py", "tests/messages/test_choices.py"],
    "skmlc/_forms.py": ["tests/test_indicators.py", "tests/test_label_forms.py"],
    "skmlc/_samples.py": ["tests/test_messages.py", "tests/test_refused_inputs.py"],
    "skmlc/_spelling.py": ["tests/test_messages.py", "tests/messages"],
    "skmlc/exceptions.py": [
        "tests/graphs/test_edge_lists.py",
        "tests/persistence/test_file.py",
    ],
    "skmlc/failed_fit.py": ["tests/test_failed_fits.py"],
    "skmlc/one_model.py": ["tests/test_threads.py", "tests/test_campaigns.py"],
    "skmlc/versioned.py": ["tests/persistence/test_versions_of_models.py"],
    "skmlc/base/classifier.py": ["tests/base"],
    "skmlc/base/prediction.py": [
        "tests/base/test_prediction.py",
        "tests/base/test_known_labels.py",
    ],
    "skmlc/base/scored_labels.py": [
        "tests/base/test_prediction.py",
        "tests/base/test_known_labels.py",
    ],
    "skmlc/base/enhancement.py": ["tests/test_flem.py", "tests/test_glemiml.py"],
    "skmlc/datasets/arff_tables.py": [
        "tests/datasets/test_arff_folders.py",
        "tests/datasets/test_bags.py",
        "tests/datasets/test_loaders.py",
    ],
    "skmlc/ensemble/_members.py": ["tests/ensemble"],
    "skmlc/ensemble/_weights.py": ["tests/ensemble/test_stacking.py"],
    "skmlc/explanation.py": ["tests/test_explanations.py"],
    "skmlc/graphs/counts.py": ["tests/graphs/test_labels.py"],
    "skmlc/graphs/edges.py": ["tests/graphs/test_labels.py", "tests/graphs/test_base.py"],
    "skmlc/gmmlic.py": ["tests/test_gmmlic.py", "tests/nn/test_graph_matching.py"],
    "skmlc/inspection/_drawing.py": ["tests/inspection"],
    "skmlc/inspection/_fitted.py": ["tests/inspection/test_displays.py"],
    "skmlc/inspection/classifier_map.py": ["tests/inspection/test_explanation_displays.py"],
    "skmlc/inspection/instance_labels.py": [
        "tests/inspection/test_explanation_displays.py"
    ],
    "skmlc/inspection/intermediate_predictions.py": [
        "tests/inspection/test_explanation_displays.py"
    ],
    "skmlc/inspection/label_attention.py": [
        "tests/inspection/test_explanation_displays.py"
    ],
    "skmlc/inspection/label_distribution.py": [
        "tests/inspection/test_explanation_displays.py"
    ],
    "skmlc/inspection/node_attention.py": ["tests/inspection/test_explanation_displays.py"],
    "skmlc/known_labels.py": [
        "tests/test_known_labels.py",
        "tests/test_known_labels_forms.py",
    ],
    "skmlc/metrics/fbeta.py": [
        "tests/metrics/test_fbeta_jaccard.py",
        "tests/metrics/test_zero_division.py",
    ],
    "skmlc/metrics/jaccard.py": [
        "tests/metrics/test_fbeta_jaccard.py",
        "tests/metrics/test_zero_division.py",
    ],
    "skmlc/metrics/_targets.py": [
        "tests/metrics/test_classification.py",
        "tests/metrics/test_ranking.py",
    ],
    "skmlc/label_names.py": ["tests/test_indicators.py", "tests/base/test_names.py"],
    "skmlc/subset_score.py": ["tests/model_selection/test_inner_groups.py"],
    "skmlc/top_columns.py": [
        "tests/test_row_blocks.py",
        "tests/base/test_prediction.py",
        "tests/model_selection/test_names.py",
    ],
    "skmlc/metrics/names.py": ["tests/metrics/test_scorers.py"],
    "skmlc/metrics/scorers.py": [
        "tests/metrics/test_known_scorers.py",
        "tests/metrics/test_scorers.py",
    ],
    "skmlc/model_selection/_balance.py": ["tests/model_selection/test_balance.py"],
    "skmlc/model_selection/_curves.py": ["tests/model_selection/test_threshold.py"],
    "skmlc/model_selection/_dealing.py": ["tests/model_selection/test_split.py"],
    "skmlc/model_selection/_names.py": ["tests/model_selection/test_tuner.py"],
    "skmlc/model_selection/_reading.py": ["tests/model_selection/test_threshold.py"],
    "skmlc/model_selection/_stratified_labels.py": ["tests/model_selection/test_split.py"],
    "skmlc/model_selection/_unseen.py": ["tests/model_selection/test_tuner.py"],
    "skmlc/nn/assignment_graph.py": [
        "tests/nn/test_assignment_graph.py",
        "tests/nn/test_graph_matching.py",
    ],
    "skmlc/nn/edges.py": ["tests/nn/test_gated_graph.py", "tests/nn/test_attention.py"],
    "skmlc/nn/nodes.py": ["tests/nn/test_nodes.py", "tests/training/test_properties.py"],
    "skmlc/nn/network.py": ["tests/nn/test_network.py", "tests/base/test_prediction.py"],
    "skmlc/responses.py": [
        "tests/metrics/test_known_scorers.py",
        "tests/metrics/test_scorers.py",
        "tests/test_nan_probabilities.py",
        "tests/test_responses.py",
    ],
    "skmlc/training/batches.py": [
        "tests/training/test_batches.py",
        "tests/training/test_properties.py",
        "tests/base/test_known_labels.py",
    ],
    "skmlc/training/callbacks.py": ["tests/base", "tests/training"],
    "skmlc/training/checkpoint.py": ["tests/training/test_checkpoint.py"],
    "skmlc/inputs/fingerprint.py": ["tests/inputs/test_fingerprint.py"],
    "skmlc/training/net.py": ["tests/base", "tests/training"],
    "skmlc/training/predict.py": ["tests/base", "tests/training"],
    "skmlc/training/state.py": ["tests/training/test_checkpoint.py"],
    "skmlc/training/user_callbacks.py": ["tests/training/test_user_callbacks.py"],
}
NOT_COPIED = {".git", ".tox", ".venv", "venv", "build", "dist", "docs", "__pycache__"}
NOT_COPIED |= {".hypothesis", ".pytest_cache", ".ruff_cache", "results", "auto_examples"}
# In seconds, and in times of what the tests take without a change.
LEAST_TIMEOUT, TIMEOUT_FACTOR = 20, 4
KILLED, SURVIVED, TIMED_OUT, EQUAL = "killed", "survived", "timed out", "equivalent"
PASSED, NO_TESTS, NOT_A_COPY = 0, 5, 99  # exit codes, the first two of pytest
# What takes seconds to import, and is the same for all mutants.
IMPORTED_ONCE = [
    "hypothesis.strategies", "pandas", "pytest", "scipy.stats", "skorch.callbacks",
    "sklearn.utils.estimator_checks", "torch._dynamo",
]  # fmt: skip


class Job(NamedTuple):
    """One change of one file."""

    path: str
    mutant: Mutant

    def diff(self):
        """Return the changed lines before and after, as in a diff without context."""
        source = (ROOT / self.path).read_text()
        before, after = source.splitlines(), self.mutant.apply(source).splitlines()
        while before and after and before[0] == after[0]:
            del before[0], after[0]
        while before and after and before[-1] == after[-1]:
            del before[-1], after[-1]
        lines = [f"- {line.strip()}" for line in before]
        return [self.path, *lines, *(f"+ {line.strip()}" for line in after)]


class Outcome(NamedTuple):
    """What became of a change."""

    job: Job
    status: str
    seconds: float


def main():
    """Read the command line, run the mutants and print what became of them."""
    options = _read_options()
    jobs = choose_mutants(options.files or FILES, options.per_file, options.seed)
    if options.list:
        for job in jobs:
            print(describe(job), end="\n\n")
        return
    os.environ |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        copies = [copy_tree(Path(folder) / str(i)) for i in range(options.jobs)]
        outcomes = run_all(jobs, copies, options.tests)
    print_report(outcomes)


def _read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "files", nargs="*", help="FILE, a pattern, or FILE:FIRST-LAST for some lines"
    )
    parser.add_argument("--per-file", type=int, default=10, help="how many changes a file")
    parser.add_argument("--seed", type=int, default=0, help="which ones are drawn")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    parser.add_argument("--tests", nargs="+", help="judge all files by these tests")
    parser.add_argument("--list", action="store_true", help="print the changes only")
    return parser.parse_args()


# Which changes, and which tests -------------------------------------------------------------


def choose_mutants(patterns, per_file, seed):
    """Return the jobs: of each file so many changes, always the same for a seed."""
    jobs = []
    for path, first, last in _expand(patterns):
        source = (ROOT / path).read_text()
        found = [m for m in find_mutants(source) if first <= m.line(source) <= last]
        random.Random(f"{seed} {path}").shuffle(found)
        drawn = islice((m for m in found if m.is_change(source)), per_file)
        jobs += [Job(path, mutant) for mutant in sorted(drawn)]
    return jobs


def _expand(patterns):
    """Yield each file's path with its first and last line."""
    for pattern in patterns:
        pattern, _, lines = pattern.partition(":")
        first, last = map(int, lines.split("-")) if lines else (1, sys.maxsize)
        paths = sorted(ROOT.glob(pattern))
        if not paths:
            raise SystemExit(f"There is no file {pattern} in {ROOT}.")
        for path in paths:
            if path.name != "__init__.py":
                yield path.relative_to(ROOT).as_posix(), first, last


def tests_of(path):
    """Return the tests that judge a file: those named for it, else those of its folder."""
    if path in TESTS:
        return TESTS[path]
    folder, name = os.path.split(path.removeprefix("skmlc/"))
    mirrored = ROOT / "tests" / folder / f"test_{name.lstrip('_')}"
    chosen = mirrored if mirrored.exists() else mirrored.parent
    return [chosen.relative_to(ROOT).as_posix()]


# Running ------------------------------------------------------------------------------------


def copy_tree(folder):
    """Copy what the tests need, and return where it is."""
    shutil.copytree(
        ROOT, folder, ignore=lambda _, names: NOT_COPIED.intersection(names), symlinks=True
    )
    return folder


def run_all(jobs, copies, tests=None):
    """Return the outcomes of all jobs, each copy busy with one at a time."""
    free = SimpleQueue()
    for copy in copies:
        free.put(copy)
    known, baselines = read_equivalent(), {}
    for path in dict.fromkeys(job.path for job in jobs):
        chosen = tuple(tests or tests_of(path))
        if chosen not in baselines:
            baselines[chosen] = _time_unchanged(copies[0], chosen)
            print(f"{' '.join(chosen)}: {baselines[chosen]:.1f} s", flush=True)

    def run(job):
        if "\n".join(job.diff()) in known:
            return Outcome(job, EQUAL, 0.0)
        chosen, copy = tuple(tests or tests_of(job.path)), free.get()
        try:
            limit = max(LEAST_TIMEOUT, TIMEOUT_FACTOR * baselines[chosen])
            outcome = run_mutant(job, copy, chosen, limit)
        finally:
            free.put(copy)
        text = "\n  ".join([f"{outcome.status}, {outcome.seconds:.1f} s", *job.diff()])
        print(text, flush=True)
        return outcome

    with ThreadPoolExecutor(len(copies)) as pool:
        return list(pool.map(run, jobs))


def _time_unchanged(copy, tests):
    """Return how long the tests take, which must pass."""
    start = time.monotonic()
    code = run_tests(copy, tests, None)
    if code != PASSED:
        raise SystemExit(
            f"{' '.join(tests)} must pass without a change; pytest ended with {code}."
        )
    return time.monotonic() - start


def run_mutant(job, copy, tests, timeout):
    """Return the outcome of the tests in a copy with one change."""
    path, start = copy / job.path, time.monotonic()
    source = path.read_text()
    try:
        _write(path, job.mutant.apply(source))
        code = run_tests(copy, tests, timeout)
    finally:
        _write(path, source)
    status = {None: TIMED_OUT, PASSED: SURVIVED}.get(code, KILLED)
    return Outcome(job, status, time.monotonic() - start)


def _write(path, source):
    """Write a module, and let no compiled one stand for it."""
    path.write_text(source)
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
        compiled.unlink()


def run_tests(copy, tests, timeout):
    """Return the exit code of pytest in a copy, None where it was stopped."""
    process = _processes().Process(target=_run_pytest, args=(str(copy), tests))
    process.start()
    process.join(timeout)
    if process.is_alive():
        process.terminate()
        process.join()
        return None
    if process.exitcode in (NO_TESTS, NOT_A_COPY):
        raise SystemExit(f"{' '.join(tests)} must hold tests that import skmlc in {copy}.")
    return process.exitcode


def _processes():
    """Return how processes are started: with the imports of one that waits, where it can."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED_ONCE)
    return context


def _run_pytest(copy, tests):
    """Run pytest in a copy, silently, and end the process with its exit code."""
    os.chdir(copy)
    others = {str(ROOT), str(Path(__file__).parent)}
    sys.path[:] = [copy, *(path for path in sys.path if path not in others)]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    import pytest  # here, so that the table of mutants can be read without it

    options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=unshrunk"]
    code = int(pytest.main([*options, *tests]))
    home = getattr(sys.modules.get("skmlc"), "__file__", None) or copy
    sys.exit(code if home.startswith(copy) else NOT_A_COPY)


# What came of it ----------------------------------------------------------------------------


def read_equivalent(path=EQUIVALENT):
    """Return the changes that need no test: paragraphs of a path, and lines of a diff."""
    paragraphs = path.read_text().split("\n\n")
    lines = [
        [line for line in paragraph.splitlines() if not line.startswith("#")]
        for paragraph in paragraphs
    ]
    return {"\n".join(kept) for kept in lines if kept}


def describe(job):
    """Return a change as a paragraph of `equivalent.txt`, but for the reason."""
    line = job.mutant.line((ROOT / job.path).read_text())
    return "\n".join([f"# line {line}, {job.mutant.kind}: ", *job.diff()])


def print_report(outcomes):
    """Print the survivors, and a table of all files."""
    print("\nSurvivors:\n")
    for outcome in outcomes:
        if outcome.status == SURVIVED:
            print(describe(outcome.job), end="\n\n")
    columns = [KILLED, SURVIVED, TIMED_OUT, EQUAL]
    print(f"{'':40}", *(f"{name:>10}" for name in columns), f"{'seconds':>10}")
    for path in [*dict.fromkeys(outcome.job.path for outcome in outcomes), "all"]:
        mine = [o for o in outcomes if path in (o.job.path, "all")]
        counts = [sum(o.status == name for o in mine) for name in columns]
        seconds = sum(o.seconds for o in mine)
        print(f"{path:40}", *(f"{n:10}" for n in counts), f"{seconds:10.0f}")


if __name__ == "__main__":
    main()

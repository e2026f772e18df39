"""Try the properties of the tests on many more cases than the tests do, and count them.

Run it by its path::

    python tests/campaigns/properties.py --cases 20000
    python tests/campaigns/properties.py --cases 5000 --areas estimators --seed 7

Hypothesis draws the cases.  Each area runs in a process of its own, whose end is reported if it
crashes or hangs; a case that breaks a property is shown as small as hypothesis can make it.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# What is attacked, and the files whose tests with `@given` say what must hold.
AREAS = {
    "containers": ["tests/inputs/containers/test_properties.py"],
    "batches": ["tests/training/test_properties.py"],
    "graphs": ["tests/graphs/test_properties.py"],
    "metrics": ["tests/metrics/test_properties.py"],
    "splits": [
        "tests/model_selection/test_properties.py",
        "tests/model_selection/test_group_split.py",
    ],
    "readers": ["tests/datasets/test_properties.py"],
    "estimators": ["tests/test_estimator_properties.py"],
}
_PASSED = re.compile(r"(\d+) passing.*?(\d+) failing")
_TIME_PER_CASE = 2  # seconds, on average; far more than any takes: a hang


def pytest(files, *options, **environment):
    """Run pytest in a process of its own.

    Parameters
    ----------
    files : list of str
        What to test.
    *options : str
        Of pytest.
    **environment : str
        Variables; and `timeout`, in seconds.

    Returns
    -------
    code : int or None
        The exit code, None of what has hung.
    output : str
        What was printed.
    """
    timeout = environment.pop("timeout", None)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, *files]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as error:
        return None, (error.stdout or b"").decode()
    return done.returncode, done.stdout + done.stderr


def tests_with_cases(files):
    """Return the tests that hypothesis draws the cases of."""
    marked = ["-m", "hypothesis and not slow"]
    code, output = pytest(files, "--collect-only", "-q", *marked)
    names = [line for line in output.splitlines() if "::" in line]
    if code != 0 or not names:
        raise RuntimeError(output)
    return names


def attack(area, n_cases, seed):
    """Try at least so many cases of an area.

    Parameters
    ----------
    area : str
        One of `AREAS`.
    n_cases : int
        How many, over all tests of the area.
    seed : int
        Another seed, other cases.

    Returns
    -------
    n_tests, n_passed, n_failed : int
        How many properties, and how many cases kept and broke one.
    problem : str
        What pytest says of a property that was broken, empty if none was.
    """
    tests = tests_with_cases(AREAS[area])
    each = -(-n_cases // len(tests))
    code, output = pytest(
        AREAS[area],
        "-q",
        "-m",
        "hypothesis and not slow",
        "--hypothesis-profile=campaign",
        f"--hypothesis-seed={seed}",
        "--hypothesis-show-statistics",
        SKMLC_EXAMPLES=str(each),
        timeout=600 + _TIME_PER_CASE * n_cases,
    )
    found = [tuple(map(int, pair)) for pair in _PASSED.findall(output)]
    passed, failed = (sum(part) for part in zip(*found)) if found else (0, 0)
    if code == 0:
        return len(tests), passed, failed, ""
    how = "hung" if code is None else f"ended with code {code}"
    return len(tests), passed, max(failed, 1), f"{area} {how}:\n{output}"


def main(arguments=None):
    """Run the campaign, print a table, and return 1 if there is any fault.

    Parameters
    ----------
    arguments : list of str, default=None
        Those of the command line by default.

    Returns
    -------
    int
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cases", type=int, default=20000, help="cases of each area")
    parser.add_argument("--areas", nargs="+", choices=AREAS, default=list(AREAS))
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    print(f"{'area':<12} {'properties':>10} {'cases':>8} {'faults':>7}", flush=True)
    any_problem = False
    for area in asked.areas:
        n_tests, passed, failed, problem = attack(area, asked.cases, asked.seed)
        print(f"{area:<12} {n_tests:>10} {passed + failed:>8} {failed:>7}", flush=True)
        if problem:
            print(problem, flush=True)
            any_problem = True
    return int(any_problem)


if __name__ == "__main__":
    sys.exit(main())

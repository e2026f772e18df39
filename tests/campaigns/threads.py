"""Fit and ask models in many threads at once, and compare with one thread.

Run it by its path::

    python tests/campaigns/threads.py --threads 8 --seconds 60

Each thread draws what to do: fit an estimator of its own and ask it; ask a fitted one that all
threads share; or fit such a one anew, on the one or the other labels, while others ask it.
Answers must be those of one thread, of shared ones that are fitted anew those of the one or the
other fit.
"""

import argparse
import faulthandler
import inspect
import sys
import threading
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import skmlc  # noqa: E402
from skmlc.inputs import Bags  # noqa: E402
from tests.method_names import METHOD_NAMES  # noqa: E402

_RNG = np.random.default_rng(0)
X = Bags([_RNG.normal(size=(n, 3)) for n in _RNG.integers(1, 4, 20)])
LABELS = [(np.add.outer(np.arange(20), np.arange(n)) % 2) for n in (2, 4)]
SMALL = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}
GRACE = 120  # seconds for what has begun to end; more is a deadlock


def make(name):
    """Return a small estimator whose result can be repeated."""
    Estimator = getattr(skmlc, name)
    known = inspect.signature(Estimator).parameters
    return Estimator(**{k: v for k, v in SMALL.items() if k in known})


class Work:
    """What the threads do, and what it must give.

    Parameters
    ----------
    names : list of str
        The estimators.
    """

    def __init__(self, names):
        self.names = names
        self.expected = {
            name: [make(name).fit(X, Y).predict_proba(X) for Y in LABELS] for name in names
        }
        self.shared = {name: make(name).fit(X, LABELS[0]) for name in names}
        self.refitted = {name: make(name).fit(X, LABELS[0]) for name in names}

    def own(self, name, which):
        """Fit an estimator and ask it."""
        answer = make(name).fit(X, LABELS[which]).predict_proba(X)
        return np.array_equal(answer, self.expected[name][which])

    def ask_shared(self, name, which):
        """Ask a fitted one."""
        answer = self.shared[name].predict_proba(X)
        return np.array_equal(answer, self.expected[name][0])

    def refit_shared(self, name, which):
        """Fit a shared one anew; its answer is then any thread's."""
        self.refitted[name].fit(X, LABELS[which])
        return self.ask_refitted(name, which)

    def ask_refitted(self, name, which):
        """Ask one that others may be fitting."""
        answer = self.refitted[name].predict_proba(X)
        return any(np.array_equal(answer, known) for known in self.expected[name])

    def one(self, rng):
        """Do one thing, and count how it went."""
        kinds = (self.own, self.ask_shared, self.refit_shared, self.ask_refitted)
        kind = kinds[rng.integers(len(kinds))]
        name = self.names[rng.integers(len(self.names))]
        try:
            outcome = "equal" if kind(name, int(rng.integers(2))) else "OTHER"
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        return kind.__name__ if outcome == "equal" else f"{kind.__name__} {name}", outcome


def run(work, n_threads, seconds, seed=0):
    """Have threads work for some time.

    Parameters
    ----------
    work : Work
        What to do.
    n_threads : int
        How many do it.
    seconds : float
        How long new things are begun.
    seed : int, default=0
        What is drawn.

    Returns
    -------
    Counter
        How often what was done came out how; with "hung" for threads that did not end.
    """
    end, counts, lock = time.monotonic() + seconds, Counter(), threading.Lock()

    def loop(number):
        rng = np.random.default_rng([seed, number])
        while time.monotonic() < end:
            result = work.one(rng)
            with lock:
                counts[result] += 1

    threads = [
        threading.Thread(target=loop, args=(i,), daemon=True) for i in range(n_threads)
    ]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # turns as short as these show races
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0, end - time.monotonic()) + GRACE)
    finally:
        sys.setswitchinterval(interval)
    hung = sum(thread.is_alive() for thread in threads)
    with lock:
        return counts + Counter({("threads", "hung"): hung})


def main():
    """Run the campaign that the command line asks for, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    counts = run(Work(METHOD_NAMES), asked.threads, asked.seconds, asked.seed)
    for (what, outcome), count in sorted(counts.items()):
        print(f"{count:>6} {what}: {outcome}")
    n_equal = sum(count for (_, outcome), count in counts.items() if outcome == "equal")
    print(f"{asked.threads} threads, {counts.total()} calls, {n_equal} equal")
    if counts["threads", "hung"]:
        faulthandler.dump_traceback()
    return int(n_equal != counts.total())


if __name__ == "__main__":
    sys.exit(main())

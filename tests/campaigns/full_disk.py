"""Let the disk be full while models and checkpoints are written, and look at what is left.

Run it by its path::

    python tests/campaigns/full_disk.py --cases 100

The size of files is limited at random for a process, so that a write ends in the middle; where
the user may mount file systems, some cases are in one of 1 MiB that is full indeed.  `save`
must say so and leave the model that was there, and no other file.  A fit must warn, go on, and
end as one without a checkpoint; once there is room again, the same call must end likewise.
"""

import argparse
import errno
import hashlib
import resource
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from sklearn.datasets import make_multilabel_classification  # noqa: E402

import skmlc  # noqa: E402
from skmlc import EmbMLPClassifier  # noqa: E402
from tests.campaigns.processes import call  # noqa: E402

X, Y = make_multilabel_classification(60, 12, n_classes=4, random_state=0)
FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def _model(seed, **options):
    return EmbMLPClassifier(
        hidden_size=150, n_layers=2, max_epochs=3, random_state=seed, **options
    )


def _answer(model):
    return hashlib.sha256(model.predict_proba(X).tobytes()).hexdigest()


def _limit(size):
    """Have this process write no file that is larger."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def try_save(folder, model, old, size=None):
    """Save where there is no room; return "whole", or what is wrong.

    Parameters
    ----------
    folder : Path
        It has a model, and nothing else of ours.
    model : estimator
        What to save.
    old : str
        The answer of the model that is there.
    size : int, default=None
        The limit of a file; None where the disk is full itself.

    Returns
    -------
    str
        The outcome.
    """
    path = folder / "model.skmlc"
    if size is not None:
        _limit(size)
    try:
        skmlc.save(model, path)
    except OSError as error:
        if error.errno not in FULL:
            return f"another error: {error}"
    else:
        return "no error"
    if _answer(skmlc.load(path)) != old:
        return "the old file is gone"
    return "a file is left" if list(folder.glob(".skmlc-*")) else "whole"


def try_checkpoint(folder, expected, size=None):
    """Fit with a checkpoint where there is no room; return "whole", or what is wrong.

    Parameters
    ----------
    folder : Path
        Of the checkpoint.
    expected : str
        The answer of a fit without one.
    size : int, default=None
        The limit of a file; None where the disk is full itself.

    Returns
    -------
    str
        The outcome.
    """
    if size is not None:
        _limit(size)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answer = _answer(_model(1, checkpoint=folder).fit(X, Y))
    if not any("could not be written" in str(item.message) for item in caught):
        return "no warning"
    if answer != expected:
        return "another result"
    return "a file is left" if list(folder.glob(".skmlc-*")) else "whole"


@contextmanager
def small_disk(folder):
    """Mount a file system of 1 MiB at a folder; yield whether that is allowed."""
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def limited(n_cases, seed):
    """Limit the size of files.

    Parameters
    ----------
    n_cases : int
        How many saves, and a tenth as many fits.
    seed : int
        What the sizes follow from.

    Returns
    -------
    Counter
        How many cases had which outcome.
    """
    rng, outcomes = np.random.default_rng(seed), Counter()
    models = [_model(i).fit(X, Y) for i in range(2)]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        skmlc.save(models[0], folder / "model.skmlc")
        whole = (folder / "model.skmlc").stat().st_size
        for _ in range(n_cases):
            size = int(rng.integers(whole))
            outcome = call(try_save, folder, models[1], _answer(models[0]), size)
            outcomes[f"save: {outcome}"] += 1
        for i in range(-(-n_cases // 10)):
            place = folder / f"checkpoint-{i}"
            size = int(rng.integers(whole))
            outcome = call(try_checkpoint, place, _answer(models[1]), size)
            again = _answer(_model(1, checkpoint=place).fit(X, Y))
            outcome = outcome if again == _answer(models[1]) else "another result later"
            outcomes[f"checkpoint: {outcome}"] += 1
    return outcomes


def full():
    """Fill a small file system, and save and fit there.

    Returns
    -------
    Counter
        How many cases had which outcome; empty where nothing may be mounted.
    """
    models = [_model(i).fit(X, Y) for i in range(2)]
    outcomes = Counter()
    with tempfile.TemporaryDirectory() as folder, small_disk(folder) as mounted:
        folder = Path(folder)
        if not mounted:
            return outcomes
        skmlc.save(models[0], folder / "model.skmlc")
        filler = folder / "filler"
        whole = (folder / "model.skmlc").stat().st_size
        for part in (0, 0.5, 0.9):
            filler.unlink(missing_ok=True)
            room = shutil.disk_usage(folder).free
            filler.write_bytes(bytes(room - int(part * whole)))
            outcome = call(try_save, folder, models[1], _answer(models[0]))
            outcomes[f"save, full disk: {outcome}"] += 1
            place = folder / "checkpoint"
            outcome = call(try_checkpoint, place, _answer(models[1]))
            outcomes[f"checkpoint, full disk: {outcome}"] += 1
    return outcomes


def main():
    """Run the campaign that the command line asks for, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    outcomes = limited(asked.cases, asked.seed)
    on_disk = full()
    if not on_disk:
        print("No file system could be mounted: only the sizes of files were limited.")
    outcomes += on_disk
    for outcome, count in outcomes.items():
        print(f"{count:>5} {outcome}")
    return int(any(not outcome.endswith(": whole") for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())

"""Kill `skmlc.save` and searches at random moments, and look at what is left.

Run it by its path::

    python tests/campaigns/kill_saves.py --saves 50 --searches 10

A model is saved over another one, in a process that is killed with SIGKILL: at any moment, in
every second case after the writing has begun.  The file must then hold the one or the other,
whole.  A `GridSearchCV` whose fits have a checkpoint is killed, and
called again; it must find what one finds that was never killed.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from sklearn.datasets import make_multilabel_classification  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402

import skmlc  # noqa: E402
from skmlc import EmbMLPClassifier  # noqa: E402
from tests.campaigns.processes import call  # noqa: E402

X, Y = make_multilabel_classification(60, 12, n_classes=4, random_state=0)
GRID = {"learning_rate": [0.001, 0.01], "hidden_size": [4, 8]}


def _seconds(function, *arguments):
    """Return how long a call takes in a process of its own, and what it returns."""
    start = time.monotonic()
    result = call(function, *arguments)
    return time.monotonic() - start, result


# Saves ----------------------------------------------------------------------------------------


def _saved(model, path):
    skmlc.save(model, path)
    return "saved"


def _name(path, models):
    """Return which of the models a file holds."""
    answer = skmlc.load(path).predict_proba(X)
    equal = [
        name
        for name, model in models.items()
        if np.array_equal(model.predict_proba(X), answer)
    ]
    return equal[0] if equal else "neither"


def _left(folder):
    return list(folder.glob(".skmlc-*"))


def _begun(folder, before, pause):
    """Return a function that waits for a temporary file, and then for a moment."""

    def wait():
        end = time.monotonic() + 1
        while len(_left(folder)) == before and time.monotonic() < end:
            time.sleep(0.0005)
        time.sleep(pause)

    return wait


def _age(files):
    """Make files look as if they had been written two hours ago."""
    for file in files:
        os.utime(file, (time.time() - 7200,) * 2)


def kill_saves(n_kills, seed, hidden_size=1500):
    """Kill saves; a larger network takes longer to write.

    Parameters
    ----------
    n_kills : int
        How many.
    seed : int
        What the moments follow from.
    hidden_size : int, default=1500
        Of the networks.

    Returns
    -------
    Counter
        How many files were "old", "new" and "neither", how many kills left a file behind
        ("left"), and how many such files a later save did not remove ("stayed").
    """
    rng = np.random.default_rng(seed)
    options = {"hidden_size": hidden_size, "n_layers": 2, "max_epochs": 1}
    models = {
        name: EmbMLPClassifier(**options, random_state=i).fit(X, Y)
        for i, name in enumerate(("old", "new"))
    }
    counts = Counter()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        path = folder / "model.skmlc"
        seconds, _ = _seconds(_saved, models["new"], path)
        while counts["old"] + counts["new"] + counts["neither"] < n_kills:
            skmlc.save(models["old"], path)
            before = len(_left(folder))
            moment = rng.uniform(0, seconds)
            if rng.random() < 0.5:  # the write itself is a small part of a save
                moment = _begun(folder, before, rng.uniform(0, seconds / 4))
            if call(_saved, models["new"], path, kill_after=moment):
                continue  # it was faster than the kill
            try:
                counts[_name(path, models)] += 1
            except skmlc.exceptions.FileFormatError:
                counts["neither"] += 1
            counts["left"] += len(_left(folder)) > before
        _age(_left(folder))
        skmlc.save(models["old"], path)
        counts["stayed"] = len(_left(folder))
    return counts


# Searches -------------------------------------------------------------------------------------


def _found(folder):
    """Search, and return what was found, as JSON."""
    model = EmbMLPClassifier(max_epochs=6, random_state=0, checkpoint=folder)
    search = GridSearchCV(model, GRID, cv=3, scoring="f1_micro").fit(X, Y)
    weights = hashlib.sha256()
    for name, tensor in sorted(search.best_estimator_.module_.state_dict().items()):
        weights.update(name.encode() + tensor.numpy().tobytes())
    scores = {
        name: np.asarray(values).tolist()
        for name, values in search.cv_results_.items()
        if "time" not in name
    }
    return json.dumps([search.best_params_, scores, weights.hexdigest()], default=str)


def kill_searches(n_kills, seed):
    """Kill searches.

    Parameters
    ----------
    n_kills : int
        How many.
    seed : int
        What the moments follow from.

    Returns
    -------
    n_equal, n_resumed : int
        How many searches then found what a whole one does, and how many of them had at least
        one checkpoint to go on from.
    """
    rng = np.random.default_rng(seed)
    n_equal = n_resumed = done = 0
    with tempfile.TemporaryDirectory() as top:
        seconds, expected = _seconds(_found, Path(top) / "whole")
        while done < n_kills:
            folder = Path(top) / f"killed-{done}"
            if call(_found, folder, kill_after=rng.uniform(0, seconds)) is not None:
                for file in folder.iterdir():
                    file.unlink()
                continue
            done += 1
            n_resumed += folder.exists() and any(folder.glob("*.safetensors"))
            n_equal += call(_found, folder) == expected
    return n_equal, n_resumed


def main():
    """Run the campaign that the command line asks for, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--saves", type=int, default=50)
    parser.add_argument("--searches", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    counts = kill_saves(asked.saves, asked.seed)
    print(
        f"{asked.saves} saves killed: {counts['old']} files as before, {counts['new']} new, "
        f"{counts['neither']} neither; {counts['left']} left a temporary file, of which a save "
        f"two hours later left {counts['stayed']}",
        flush=True,
    )
    n_equal, n_resumed = kill_searches(asked.searches, asked.seed)
    print(
        f"{asked.searches} searches killed: {n_equal} equal results, {n_resumed} of them from "
        "checkpoints"
    )
    return int(counts["neither"] + counts["stayed"] > 0 or n_equal < asked.searches)


if __name__ == "__main__":
    sys.exit(main())

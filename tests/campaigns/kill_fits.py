"""Kill fits at random moments, and see whether the same call ends as if nothing had been.

Run it by its path::

    python tests/campaigns/kill_fits.py --kills 50
    python tests/campaigns/kill_fits.py --kills 20 --seed 1 --cases words masked

Each fit runs in a process of its own, which is killed with SIGKILL: in every second case at any
moment, before training, in a step, while the checkpoint is written; else once a checkpoint is
there.  The same fit is then called on a copy of the checkpoint, to its end, to be compared with
a fit that was never killed; and in every second case once more on the checkpoint itself, to be
killed again.
"""

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from sklearn.datasets import make_multilabel_classification  # noqa: E402

from skmlc import (  # noqa: E402
    EmbMLPClassifier,
    GlobalPoolClassifier,
    LaMPClassifier,
    Seq2SeqClassifier,
)
from skmlc.inputs import ImageEncoder  # noqa: E402
from tests.campaigns.processes import call  # noqa: E402

SMALL = {"hidden_size": 8, "batch_size": 16, "random_state": 0}
X, Y = make_multilabel_classification(80, 12, n_classes=5, n_labels=2, random_state=0)
IMAGES = np.random.default_rng(0).integers(0, 256, (80, 1, 8, 8), dtype=np.uint8)
AUGMENTED = ImageEncoder("tiny", frozen_epochs=2, augment="crop-flip")
CASES = {
    "table": (EmbMLPClassifier, X, {"max_epochs": 12}),
    "masked": (
        LaMPClassifier,
        X,
        {
            "label_masking": True,
            "ema_decay": 0.9,
            "early_stopping": "ebF1",
            "threshold": "tuned",
            "checkpoint_minutes": 0,
            "max_epochs": 5,
        },
    ),
    "words": (Seq2SeqClassifier, X, {"lr_schedule": "step", "max_epochs": 4}),
    "images": (
        GlobalPoolClassifier,
        IMAGES,
        {"encoder": AUGMENTED, "checkpoint_minutes": 0, "max_epochs": 4},
    ),
    "warm": (
        EmbMLPClassifier,
        X,
        {"warm_start": True, "early_stopping": "loss", "n_members": 3, "max_epochs": 6},
    ),
}


def fit(case, folder):
    """Fit a model, and return what it has learned as one number."""
    Method, samples, options = CASES[case]
    model = Method(**SMALL, **options, checkpoint=folder)
    for _ in range(2 if options.get("warm_start") else 1):
        model.fit(samples, Y)
    learned = hashlib.sha256(np.asarray(model.threshold_).tobytes())
    for name, tensor in sorted(model.module_.state_dict().items()):
        learned.update(name.encode() + tensor.numpy().tobytes())
    epochs = [{k: v for k, v in epoch.items() if k != "dur"} for epoch in model.history_]
    learned.update(json.dumps(epochs, sort_keys=True).encode())
    return learned.hexdigest()


def run(case, folder, kill_after=None):
    """Run a fit in a process of its own; return what it has learned, None if it was killed."""
    return call(fit, case, folder, kill_after=kill_after)


def whole_fit(case, folder):
    """Return what a fit learns that is never killed, and its seconds."""
    start = time.monotonic()
    return run(case, folder / "whole"), time.monotonic() - start


def once_written(checkpoint, delay=0.0):
    """Return what waits for a checkpoint, a minute at most, and a while longer."""

    def wait():
        deadline = time.monotonic() + 60
        while not any(checkpoint.glob("*.safetensors")) and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(delay)

    return wait


def campaign(cases, n_kills, seed):
    """Kill fits so many times; return how many then ended as whole ones, and went on."""
    rng = np.random.default_rng(seed)
    n_equal = n_resumed = done = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        whole = {case: whole_fit(case, folder / case) for case in cases}
        case, checkpoint = None, None
        while done < n_kills:
            if checkpoint is None:
                case, checkpoint = cases[done % len(cases)], folder / f"killed-{done}"
            learned, seconds = whole[case]
            moment = rng.uniform(0, seconds)
            kill_after = moment if done % 2 else once_written(checkpoint, moment / 2)
            if run(case, checkpoint, kill_after) is not None:
                checkpoint = None  # it was faster than the kill
                continue
            done += 1
            copy = folder / "copy"
            if checkpoint.exists():
                shutil.copytree(checkpoint, copy)
                n_resumed += any(copy.glob("*.safetensors"))
            equal = run(case, copy) == learned
            n_equal += equal
            print(f"{done}: {case}, {'equal' if equal else 'OTHER'}", flush=True)
            shutil.rmtree(copy)
            checkpoint = checkpoint if rng.random() < 0.5 else None
    return n_equal, n_resumed


def main():
    """Run the campaign that the command line asks for, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    asked = parser.parse_args()
    n_equal, n_resumed = campaign(asked.cases, asked.kills, asked.seed)
    print(
        f"{asked.kills} kills, {n_equal} equal results, {n_resumed} of them from a checkpoint"
    )
    sys.exit(n_equal != asked.kills)


if __name__ == "__main__":
    main()

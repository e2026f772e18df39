"""Checks that a device computes what the CPU does, the same each time, and without waiting.

Each takes the device and sizes, and yields rows (case, what was found); it raises
`AssertionError` within `case` for what is wrong.
"""

import gc
import os
import pickle
import subprocess
import sys
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from scipy import sparse

import skmlc
from devices.inputs import KINDS, METHODS, make, make_inputs
from skmlc.base.validation import read_input
from skmlc.training.batches import BatchDataset
from skmlc.training.row_optimizer import RowwiseAdamW

__all__ = ["CHECKS"]

# Of probabilities; `Seq2Seq` may prefer another sequence where two are as good.
SAME, NEARLY = 1e-6, 2e-3
STEPS = 4


@contextmanager
def full_precision():
    """Have a GPU multiply numbers of 32 bits as such, convolutions and recurrences included."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@contextmanager
def no_waiting(device):
    """Have PyTorch raise an error for what makes the CPU wait for a GPU."""
    if torch.device(device).type != "cuda":
        yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def pairs(sizes):
    """Yield the methods and kinds of input to check."""
    for name in sizes["methods"] or METHODS:
        for kind in sizes["kinds"] or KINDS:
            if make(name, kind) is not None:
                yield name, kind


def largest(a, b):
    """Return the largest difference of two arrays."""
    return float(np.abs(np.asarray(a, float) - np.asarray(b, float)).max())


def moved(model, device):
    """Return a copy of a fitted model on another device."""
    copy = pickle.loads(pickle.dumps(model))
    copy.net_.module_.to(device)
    copy.net_.device = device
    return copy


# What the device computes -----------------------------------------------------------------


def same_as_on_the_cpu(case, device, sizes):
    """Train in double precision on both, and predict in single precision on both."""
    X, Y = make_inputs(sizes["n"])
    for name, kind in pairs(sizes):
        with case(f"{name} on {kind}") as report, full_precision():
            options = {"precision": "float64"}
            here = make(name, kind, **options, device="cpu").fit(X[kind], Y)
            there = make(name, kind, **options, device=device).fit(X[kind], Y)
            trained = largest(here.predict_proba(X[kind]), there.predict_proba(X[kind]))
            model = make(name, kind, device="cpu").fit(X[kind], Y)
            answers = (m.predict_proba(X[kind]) for m in (model, moved(model, device)))
            predicted = largest(*answers)
            report(f"trained alike to {trained:.0e}, predicts alike to {predicted:.0e}")
            assert trained < SAME, f"trained models differ by {trained:.1e}"
            assert predicted < NEARLY, f"predictions differ by {predicted:.1e}"


def same_each_time(case, device, sizes):
    """Train twice with one `random_state`, dropout included."""
    X, Y = make_inputs(sizes["n"])
    for name, kind in pairs(sizes):
        with case(f"{name} on {kind}") as report:
            model = make(name, kind, device=device, dropout=0.2, input_dropout=0.0)
            first = model.fit(X[kind], Y).predict_proba(X[kind])
            difference = largest(first, model.fit(X[kind], Y).predict_proba(X[kind]))
            report("equal to the bit" if difference == 0 else f"to {difference:.0e}")
            assert difference == 0, f"two runs differ by {difference:.1e}"


def mixed_precision(case, device, sizes):
    """Train with bfloat16 and without."""
    X, Y = make_inputs(sizes["n"])
    for name, kind in pairs(sizes):
        with case(f"{name} on {kind}") as report:
            exact = make(name, kind, device=device).fit(X[kind], Y).predict_proba(X[kind])
            model = make(name, kind, device=device, precision="bfloat16").fit(X[kind], Y)
            rounded = model.predict_proba(X[kind])
            assert np.isfinite(rounded).all(), "predictions are not finite"
            difference = float(np.abs(exact - rounded).mean())
            report(f"differs by {difference:.3f} on average")
            assert difference < 0.1, f"predictions differ by {difference:.2f} on average"


def compiled(case, device, sizes):
    """Train with `torch.compile` and without."""
    X, Y = make_inputs(sizes["n"])
    for name in ("LaMPClassifier", "MLGCNClassifier", "SSGRLClassifier"):
        with case(f"{name} on bags") as report, full_precision():
            model = make(name, "bags", device=device).fit(X["bags"], Y)
            fast = make(name, "bags", device=device, compile=True).fit(X["bags"], Y)
            answers = (m.predict_proba(X["bags"]) for m in (model, fast))
            difference = largest(*answers)
            report(f"alike to {difference:.0e}")
            assert difference < NEARLY, f"predictions differ by {difference:.1e}"


# How it computes it ---------------------------------------------------------------------------


def no_step_waits(case, device, sizes):
    """Step with PyTorch set to refuse what waits for the device."""
    X, Y = make_inputs(sizes["n"])
    for name, kind in pairs(sizes):
        with case(f"{name} on {kind}"):
            model = make(name, kind, device=device, label_weight="balanced", beta=0.4)
            net = model.fit(X[kind], Y).net_
            data = BatchDataset(read_input(model, X[kind]), Y, np.ones(len(Y)))
            net.train_step(next(iter(net.get_iterator(data, training=True))))
            batches = net.get_iterator(data, training=True)
            with no_waiting(device):
                for batch in batches:
                    net.train_step(batch)
                if name != "Seq2SeqClassifier":  # whose search asks whether it is over
                    net.evaluation_step(batch)


def waits_do_not_grow(case, device, sizes):
    """Count how often a whole fit waits, of few and of many batches."""
    options = {
        "label_weight": "balanced", "early_stopping": "mAP", "validation_fraction": 0.2,
        "ema_decay": 0.9, "label_masking": True, "patience": 100, "device": device,
    }  # fmt: skip
    for name in ("LaMPClassifier", "MLGCNClassifier", "GMMLICClassifier"):
        with case(name) as report:
            counts = []
            for n in (sizes["n"], 3 * sizes["n"]):
                X, Y = make_inputs(n)
                counts.append(
                    _count_waits(make(name, "bags", **options), X["bags"], Y, device)
                )
            report(f"{counts[0]} times")
            assert counts[0] == counts[1], (
                f"{counts[0]} times with {sizes['n']} samples, {counts[1]} with three times "
                "as many"
            )


def _count_waits(model, X, Y, device):
    cuda = torch.device(device).type == "cuda"
    model.fit(X, Y)  # what is made once is there then
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if cuda:
            torch.cuda.set_sync_debug_mode("warn")
        try:
            model.fit(X, Y)
        finally:
            if cuda:
                torch.cuda.set_sync_debug_mode("default")
    return sum("called a synchronizing" in str(warning.message) for warning in caught)


def batches_are_pinned(case, device, sizes):
    """Look at the memory of a batch, and at the optimizer of a wide table."""
    X, Y = make_inputs(sizes["n"])
    with case("batches are pinned"):
        model = make("LaMPClassifier", "bags", device=device).fit(X["bags"], Y)
        data = BatchDataset(X["bags"], Y, np.ones(len(Y)))
        nodes, targets = next(iter(model.net_.get_iterator(data, training=True)))
        tensors = nodes.values, nodes.layout.real, targets.labels, targets.sample_weight
        pinned = [tensor.is_pinned() for tensor in tensors]
        assert pinned == [torch.device(device).type == "cuda"] * 4, f"pinned: {pinned}"
    with case("a wide skip is updated as a whole"):
        wide = sparse.random(sizes["n"], 400_000, 1e-5, "csr", random_state=0)
        model = make("EmbMLPClassifier", "sparse", device=device, max_epochs=1).fit(wide, Y)
        rowwise = isinstance(model.net_.optimizer_, RowwiseAdamW)
        assert rowwise == (torch.device(device).type == "cpu")


def no_memory_is_left(case, device, sizes):
    """Compare the memory of the device before and after models that are gone."""
    if torch.device(device).type != "cuda":
        return
    X, Y = make_inputs(sizes["n"])
    for name in sizes["methods"] or METHODS:
        with case(name) as report:
            for turn in range(2):
                make(name, "bags", device=device).fit(X["bags"], Y).predict(X["bags"])
                gc.collect()
                if turn == 0:
                    before = torch.cuda.memory_allocated()
            left = torch.cuda.memory_allocated() - before
            report(f"{left} bytes")
            assert left <= 0, f"{left} bytes are left"


# Where it is used afterwards ------------------------------------------------------------------

OPEN = """
import pickle, sys
import numpy as np, torch
assert not torch.cuda.is_available()
import skmlc
folder = sys.argv[1]
with open(folder + "/models.pickle", "rb") as file:
    models, X = pickle.load(file)
for name, model in models.items():
    loaded = skmlc.load(f"{folder}/{name}.skmlc")
    answers = [m.predict_proba(X) for m in (model, loaded)]
    np.save(f"{folder}/{name}.npy", answers)
"""


def opened_on_a_cpu(case, device, sizes):
    """Open pickles and saved files in a process that sees no GPU."""
    X, Y = make_inputs(sizes["n"])
    names = sizes["methods"] or METHODS
    models = {
        name: make(name, "bags", device=device, label_weight="balanced").fit(X["bags"], Y)
        for name in names
    }
    with tempfile.TemporaryDirectory() as folder:
        with open(Path(folder, "models.pickle"), "wb") as file:
            pickle.dump((models, X["bags"]), file)
        for name, model in models.items():
            skmlc.save(model, Path(folder, f"{name}.skmlc"))
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(
            [sys.executable, "-c", OPEN, folder],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        for name, model in models.items():
            with case(name) as report:
                path = Path(folder, f"{name}.npy")
                assert path.exists(), (done.stderr.strip().splitlines() or ["?"])[-1]
                expected = model.predict_proba(X["bags"])
                differences = [largest(expected, answer) for answer in np.load(path)]
                report("pickle to {:.0e}, file to {:.0e}".format(*differences))
                assert max(differences) < NEARLY, f"they differ by {max(differences):.1e}"


# By name, in the order in which they run: about how many seconds each takes, and what it does.
CHECKS = {
    "no step waits": (60, no_step_waits),
    "waits do not grow": (15, waits_do_not_grow),
    "same as on the CPU": (120, same_as_on_the_cpu),
    "opened on a CPU": (30, opened_on_a_cpu),
    "pinned": (10, batches_are_pinned),
    "same each time": (60, same_each_time),
    "bfloat16": (60, mixed_precision),
    "no memory is left": (15, no_memory_is_left),
    "compiled": (120, compiled),
}

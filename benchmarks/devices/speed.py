"""Timings on a device: LaMP as in its paper, and the heads on a fixed feature map."""

import time

import head_speed
import numpy as np
import torch
from lamp_speed import BATCH, LABELS, TOKENS, make_batches, text_lengths
from scipy import sparse
from torch.utils.flop_counter import FlopCounterMode

from skmlc import LaMPClassifier
from skmlc.inputs import Sequences
from skmlc.training.batches import BatchDataset

__all__ = ["TIMINGS"]

CALLS = 5  # at a time


def synchronize(device):
    """Wait until the device has done what it was asked for."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()


def seconds_per_call(function, device, seconds):
    """Return the mean time of calls, measured for about so many seconds."""
    at_once = CALLS if seconds else 1
    for _ in range(at_once):
        function()
    synchronize(device)
    start, n_calls = time.perf_counter(), 0
    while n_calls == 0 or time.perf_counter() - start < seconds:
        for _ in range(at_once):
            function()
        synchronize(device)
        n_calls += at_once
    return (time.perf_counter() - start) / n_calls


def bfloat16_rate(device, sizes):
    """Return how many operations of bfloat16 a second the device reaches in a product."""
    n = sizes["product"]
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * n**3 / seconds_per_call(lambda: a @ b, device, sizes["seconds"])


# LaMP -----------------------------------------------------------------------------------------


def bibtex_shaped(n_batches, rng):
    """Return rows of binary features and labels, as many as in Bibtex."""
    n = n_batches * BATCH
    X = sparse.random(n, 1836, 68.7 / 1836, "csr", random_state=0)
    X.data[:] = 1
    return X, (rng.random((n, 159)) < 2.4 / 159).astype(np.uint8)


def reuters_shaped(n_batches, rng):
    """Return texts and labels, as many words and labels as in Reuters-21578."""
    texts, Y, _ = make_batches(text_lengths(rng)[0], n_batches, rng)
    assert Y.shape[1] == LABELS
    return Sequences(texts, n_tokens=TOKENS), Y


def lamp(case, device, sizes):
    """Train LaMP of the paper's size, in steps by themselves and in whole epochs."""
    with case("product of matrices") as report:
        rate = bfloat16_rate(device, sizes)
        report(f"{rate / 1e12:.3g} Tflop/s in bfloat16")
    for shape in (bibtex_shaped, reuters_shaped):
        X, Y = shape(sizes["batches"], np.random.default_rng(0))
        for precision in ("float32", "bfloat16"):
            with case(f"{shape.__name__}, {precision}") as report:
                report(_lamp_case(X, Y, precision, rate, device, sizes))


def _lamp_case(X, Y, precision, rate, device, sizes):
    """Return what a LaMP takes of the device, in words."""
    model = LaMPClassifier(
        hidden_size=sizes["hidden"], message_passing=2, linear_skip=False, max_epochs=1,
        precision=precision, device=device, batch_size=BATCH, random_state=0,
    )  # fmt: skip
    cuda = torch.device(device).type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    net = model.fit(X, Y).net_
    peak = torch.cuda.max_memory_allocated() / 1e6 if cuda else float("nan")
    data = BatchDataset(X, Y, np.ones(len(Y)))
    batches = [
        (nodes.to(device), targets.to(device))
        for nodes, targets in net.get_iterator(data, training=True)
    ]
    with FlopCounterMode(display=False) as counter:
        for batch in batches:
            net.train_step(batch)
    flops = counter.get_total_flops() / len(batches)
    endless = iter(lambda: batches[np.random.randint(len(batches))], None)  # noqa: NPY002
    step = seconds_per_call(lambda: net.train_step(next(endless)), device, sizes["seconds"])
    predict = seconds_per_call(
        lambda: net.evaluation_step(next(endless)), device, sizes["seconds"]
    )

    def epoch():
        net.run_single_epoch(
            net.get_iterator(data, training=True), True, "train", net.train_step
        )

    net.history.new_epoch()
    whole = seconds_per_call(epoch, device, sizes["seconds"]) / len(batches)
    return (
        f"{BATCH / step:,.0f} samples/s in steps, {BATCH / whole:,.0f} in epochs, "
        f"{BATCH / predict:,.0f} predicted; {flops / step / rate:.1%} of the product's rate "
        f"({flops / 1e9:.1f} Gflop a step); {peak:,.0f} MB at most"
    )


# Heads ----------------------------------------------------------------------------------------


def heads(case, device, sizes):
    """Train the heads on feature maps that are there."""
    data = head_speed.make_data(sizes["maps"])
    plain = {}
    for name in head_speed.HEADS:
        for precision in ("float32", "bfloat16"):
            with case(f"{name}, {precision}") as report:
                taken = _head_seconds(name, data, precision, device, sizes)
                plain.setdefault(precision, taken)
                ratio = taken / plain[precision]
                report(f"{sizes['maps']['batch'] / taken:,.0f} samples/s ({ratio:.2f})")


def _head_seconds(name, data, precision, device, sizes):
    """Return the seconds of a training step of a head."""
    network = head_speed.make_network(name, data).to(device)
    optimizer = head_speed.make_optimizer(network)
    (batch, labels), *_ = head_speed.make_batches(data)
    batch, labels = batch.to(device), labels.to(device)
    kind = torch.device(device).type

    def step():
        with torch.autocast(kind, torch.bfloat16, enabled=precision == "bfloat16"):
            head_speed.train_step(network, optimizer, batch, labels)

    return seconds_per_call(step, device, sizes["seconds"])


TIMINGS = {"LaMP": (75, lamp), "heads on a feature map": (75, heads)}

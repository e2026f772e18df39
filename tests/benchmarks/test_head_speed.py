"""What benchmarks/head_speed.py measures."""

import csv
import importlib

import numpy as np
import pytest

import skmlc

SIZES = {"batch": 3, "channels": 8, "grid": 2, "labels": 6, "neighbors": 2}


@pytest.mark.parametrize(
    "name",
    [
        "max-pooling",
        "score-max",
        "ml-gcn",
        "ggnn",
        "ssgrl",
        "lamp",
        "gm-mlic",
        "c-tran",
        "query2label",
    ],
)
def test_a_step_trains_a_head(name):
    speed = importlib.import_module("head_speed")
    data = speed.make_data(SIZES)
    network = speed.make_network(name, data)
    (batch, labels), _ = speed.make_batches(data)
    assert speed.logits_of(network, batch).shape == labels.shape == (3, 6)
    before = [p.detach().clone() for p in network.parameters()]
    speed.train_step(network, speed.make_optimizer(network), batch, labels)
    after = list(network.parameters())
    assert any((a != b).any() for a, b in zip(after, before, strict=True))


def test_every_label_has_as_many_neighbors_and_not_itself():
    graph = importlib.import_module("head_speed").make_data(SIZES)[2]
    assert (graph.toarray() > 0).sum(axis=1).tolist() == 6 * [2]
    assert not graph.diagonal().any()
    np.testing.assert_allclose(graph.sum(axis=1), 1)


def test_ratios_are_to_the_plain_head():
    speed = importlib.import_module("head_speed")
    heads = [speed.PLAIN, "lamp"]
    rates = {("train", heads[0]): 800.0, ("train", heads[1]): 200.0}
    rates |= {("predict", heads[0]): 900.0, ("predict", heads[1]): 90.0}
    lines = speed.report(heads, rates, {heads[0]: (10, 7), heads[1]: (25, 1234)})
    plain, lamp = (line.split() for line in lines.splitlines()[1:])
    assert plain == ["max-pooling", "7", "800", "(1)", "900", "(1)", "10", "(1)"]
    assert lamp == ["lamp", "1,234", "200", "(4)", "90", "(10)", "25", "(2.5)"]


def test_rates_are_measured_for_each_head_and_task():
    speed = importlib.import_module("head_speed")
    rates, of_mm = speed.measure_rates([speed.PLAIN, "ml-gcn"], SIZES, repeats=1)
    assert len(rates) == 4
    assert min(of_mm, *rates.values()) > 0


def test_speeds_are_appended_with_the_version_and_the_commit(tmp_path):
    speed, measure = (importlib.import_module(name) for name in ("head_speed", "measure"))
    rates, memory = (
        {("train", "lamp"): 200.0, ("predict", "lamp"): 500.0},
        {"lamp": (25.04, 9)},
    )
    rows = speed.speeds(["lamp"], rates, 8e10, memory, "grid 7, few")
    path = tmp_path / "speed.csv"
    for _ in range(2):
        measure.add_speeds(path, rows)
    measure.add_speeds(None, rows)
    written = list(csv.reader(path.open(newline="")))
    assert written[0] == ["version", "commit", "what", "setting", "value", "unit"]
    first, unit = (
        [skmlc.__version__, measure.package_commit()],
        "GFLOP of torch.mm per sample",
    )
    assert written[1:] == 2 * [
        [*first, "train lamp", "grid 7, few", "0.4", unit],
        [*first, "predict lamp", "grid 7, few", "0.16", unit],
        [*first, "memory lamp", "grid 7, few", "25", "MB"],
    ]

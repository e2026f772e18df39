"""What benchmarks/growth.py measures, and the slopes that it draws from it."""

import importlib
from argparse import Namespace

import numpy as np
import pytest


@pytest.fixture
def script():
    return importlib.import_module("growth")


@pytest.mark.parametrize("power", [0, 0.5, 1, 2])
def test_a_slope_is_the_power_of_what_grows(script, power):
    sizes = [10, 100, 1000]
    assert script.slope(sizes, [3 * size**power for size in sizes]) == pytest.approx(power)


def test_a_slope_passes_over_what_costs_too_little_to_tell(script):
    sizes = [1, 10, 100, 1000]
    assert script.slope(sizes, [0.5, 0.5, 1, 10], least=1) == pytest.approx(1)
    assert script.slope(sizes, [0, 0, 0, 10]) is None
    assert script.slope(sizes, [0, 0, 0, 0]) is None


@pytest.mark.parametrize("axis", ["samples", "labels", "nodes", "features"])
def test_each_axis_is_measured(script, axis):
    size = script.QUICK[axis][0]
    rows = script.run(axis, size)
    work = {name for _, _, name, _, _ in rows}
    assert {"fit LaMP", "predict LaMP", "fit EmbMLP", "predict EmbMLP"} <= work
    assert ({"mAP", "split", "tune"} <= work) == (axis in ("samples", "labels"))
    assert all(row[:2] == (axis, size) and min(row[3:]) >= 0 for row in rows)


def test_graphs_and_networks_along_them_are_measured(script):
    rows = script.run("label_graphs", 50)
    work = {name for _, _, name, _, _ in rows}
    networks = "LaMP", "MLGCN", "SSGRL", "GMMLIC", "Query2Label"
    assert {f"{what} {name}" for what in ("fit", "predict") for name in networks} <= work
    assert len(work) == len(rows) == 11 + 2 * len(networks)
    assert all(row[:2] == ("label_graphs", 50) and min(row[3:]) >= 0 for row in rows)


def test_the_first_labels_hold_most_often(script):
    matrix = script.frequent_rows(2_000, 1000, 5, np.random.default_rng(0))
    assert {*matrix.data} == {1}
    counts = matrix.sum(axis=0)
    assert counts[:10].sum() > 3 * counts[100:110].sum() > 0


def test_an_axis_grows_along_its_size_alone(script):
    rng = np.random.default_rng(0)
    matrix = script.sparse_rows(20, 1000, 5, rng)
    assert matrix.shape == (20, 1000)
    assert {*matrix.toarray().ravel()} == {0, 1}
    assert 90 < matrix.nnz <= 100


def test_rows_of_an_axis_are_replaced_and_shown(script, tmp_path, monkeypatch, capsys):
    path = tmp_path / "growth.csv"
    old = [("labels", 20, "fit", 9, 9), ("features", 50, "fit", 8, 8)]
    script.write(path, [dict(zip(script.COLUMNS, row, strict=True)) for row in old])
    measured = {10: [("labels", 10, "fit", 1, 0)], 20: [("labels", 20, "fit", 4, 5)]}
    monkeypatch.setattr(script, "in_process", lambda run, axis, size, **_: measured[size])
    args = Namespace(axes=["labels"], quick=True, output=path, table=False)
    monkeypatch.setattr(script, "parse", lambda: args)
    script.main()
    rows = [tuple(row.values()) for row in script.read(path)]
    assert rows == [
        ("labels", "10", "fit", "1", "0"),
        ("labels", "20", "fit", "4", "5"),
        ("features", "50", "fit", "8", "8"),
    ]
    shown = capsys.readouterr().out
    assert "s at 10" in shown
    cells = (
        "   * - fit\n     - 1.00\n     - 4.00\n     - 2.00\n     - 5\n     - \N{EN DASH}\n"
    )
    assert cells in shown

"""What benchmarks/gpu.py says and writes, without a GPU."""

import csv
import importlib

import numpy as np
import pytest
import torch


@pytest.fixture
def gpu():
    return importlib.import_module("gpu")


@pytest.mark.slow
def test_all_that_needs_no_gpu_runs_on_a_cpu(gpu, tmp_path):
    status = gpu.main(["--device", "cpu", "--quick", "--output", str(tmp_path)])
    with open(tmp_path / "gpu.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert status == 0
    left_out = [row["part"] for row in rows if row["result"] == "left out"]
    assert left_out == list(gpu.NEEDS_CUDA)[::-1]
    assert {row["part"] for row in rows} == {"machine", *gpu.CHECKS, *gpu.TIMINGS}
    assert len((tmp_path / "gpu.md").read_text().splitlines()) == len(rows) + 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(gpu, capsys):
    assert gpu.main([]) == 2
    assert "--device cpu --quick" in capsys.readouterr().err


def test_what_fails_is_told_with_its_reason_and_the_rest_goes_on(gpu, tmp_path, capsys):
    def part(case, device, sizes):
        with case("wrong"):
            raise AssertionError("they differ by 3")
        with case("broken"):
            raise ZeroDivisionError("nothing there")
        with case("right") as report:
            report("they are equal")
        raise KeyError("between")

    report = gpu.Report()
    report.run("part", part, "cpu", {}, np.inf)
    report.write(tmp_path)
    assert [row[1:4] for row in report.rows] == [
        ("wrong", "failed", "they differ by 3"),
        ("broken", "failed", "ZeroDivisionError: nothing there"),
        ("right", "ok", "they are equal"),
        ("as a whole", "failed", "KeyError: 'between'"),
    ]
    assert "failed   part: wrong  they differ by 3" in capsys.readouterr().out


def test_what_would_go_beyond_the_budget_is_named(gpu):
    ends = iter([np.inf, 0])

    def part(case, device, sizes):
        for name in ("first", "second"):
            with case(name):
                pass

    report = gpu.Report()
    for name in ("in time", "late"):
        report.run(name, part, "cpu", {}, next(ends))
    assert [row[:3] for row in report.rows] == [
        ("in time", "first", "ok"),
        ("in time", "second", "ok"),
        ("late", "first and what follows", "left out"),
    ]


def test_parts_share_the_budget_as_planned(gpu, monkeypatch):
    monkeypatch.setattr(gpu.time, "monotonic", lambda: 100.0)
    ends = gpu.plan({"a": 10, "b": 30}, minutes=2)
    assert ends == {"a": pytest.approx(127), "b": pytest.approx(208)}


def test_a_check_sees_what_the_device_computes_differently(gpu, monkeypatch):
    checks = importlib.import_module("devices.checks")
    sizes = {"n": 16, "methods": ["EmbMLPClassifier"], "kinds": ["vectors"]}
    report = gpu.Report()
    report.run("same", checks.same_as_on_the_cpu, "cpu", sizes, np.inf)
    monkeypatch.setattr(checks, "largest", lambda a, b: np.abs(a - b).max() + 0.1)
    report.run("same", checks.same_as_on_the_cpu, "cpu", sizes, np.inf)
    assert [row[2] for row in report.rows] == ["ok", "failed"]

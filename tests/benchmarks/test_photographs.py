"""The benchmark of photographs: its methods, and which rows it scores."""

import importlib
from argparse import Namespace

import numpy as np
import pytest
from torch import nn

from skmlc.inputs import Images

rng = np.random.default_rng(0)
Y = rng.integers(0, 2, (60, 4))
PHOTOS = rng.integers(0, 100, (60, 3, 8, 8)).astype(np.uint8)
PHOTOS[:, :, 0, :4] += 100 * Y[:, None, :].astype(np.uint8)

METHODS = ["logistic-max", "global-pool", "ctran", "fine-tuned", "upper-tuned"]


@pytest.fixture
def script(monkeypatch):
    module = importlib.import_module("photographs")
    data = importlib.import_module("reproduction.data")
    sets = importlib.import_module("reproduction.image_data")
    parts = sets.ImageParts(
        data.Part(Images(PHOTOS[:40]), Y[:40]), data.Part(Images(PHOTOS[40:]), Y[40:])
    )
    monkeypatch.setattr(module, "load_image_parts", lambda *_: parts)
    monkeypatch.setattr(
        module, "load_network", lambda: nn.Sequential(nn.Conv2d(3, 96, 2, 2), nn.ReLU())
    )
    halves = nn.Conv2d(3, 96, 2, 2), nn.Sequential(nn.BatchNorm2d(96), nn.ReLU())
    monkeypatch.setattr(module, "load_halves", lambda _: halves)
    monkeypatch.setattr(module, "SIZE", 8)
    monkeypatch.setitem(module.FINE_TUNED, "max_epochs", 4)
    monkeypatch.setattr(module, "N_EPOCHS", 2)
    return module


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_scored_and_not_run_twice(script, method, tmp_path, capsys):
    output = tmp_path / "photographs.csv"
    command = ["--method", method, "--output", str(output), "--cache", str(tmp_path)]
    script.main(command)
    rows = output.read_text()
    (row,) = script.read_results(output)
    assert 0 < float(row["mAP"]) <= 1
    script.main([*command, "--table"])
    assert output.read_text() == rows
    assert f"| {method} |" in capsys.readouterr().out


def test_the_test_part_is_never_seen_in_choices(script):
    def images_of(part):
        """Return the images to train on and those to score, as bytes."""
        parts = script.read_parts("msrc_v2", "fine-tuned", part, Namespace(data_home=None))
        return [[x.tobytes() for x in X.read(range(len(X)))] for X, _ in parts[:2]]

    train, test = images_of("test")
    fit, valid = images_of("valid")
    assert (len(train), len(test), len(fit), len(valid)) == (40, 20, 30, 10)
    assert not {*test} & {*fit, *valid}
    assert {*fit, *valid} == {*train}

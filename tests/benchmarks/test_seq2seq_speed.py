"""benchmarks/seq2seq_speed.py, on a small data set."""

import importlib
import re

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from .test_reproduce import write_meta


@pytest.fixture
def speed():
    return importlib.import_module("seq2seq_speed")


def test_the_two_take_turns_and_their_ratio_is_filed(speed, tmp_path, monkeypatch, capsys):
    write_meta(tmp_path / "bibtex", {"train": [0, 20], "test": [20, 30]})
    rng = np.random.default_rng(0)
    for name, width in (("X", 6), ("Y", 4)):
        table = sparse.csr_array((rng.random((30, width)) < 0.5).astype(np.uint8))
        sparse.save_npz(tmp_path / "bibtex" / f"{name}.npz", table)
    taken = {"lamp-fmp-pr": (2.0, 0.5), "lamp-emb-pr": (1.0, 1.0), "seq2seq": (4.0, 3.0)}
    turns = []

    def seconds_of(name, width, train, test):
        turns.append((name, width, train.Y.shape[0], test.Y.shape[0]))
        return taken[name]

    monkeypatch.setattr(speed, "seconds_of", seconds_of)
    output = tmp_path / "speed.csv"
    command = (
        f"--dataset bibtex --rows 8 --repeats 2 --data-home {tmp_path} --output {output}"
    )
    speed.main(command.split())
    names = list(taken)
    assert turns == [(name, 128, 8, 8) for name in names + names[::-1]]
    rows = pd.read_csv(output)
    assert dict(zip(rows.what, rows.value, strict=True)) == {
        "seq2seq / lamp-fmp-pr, epoch": 2.0,
        "seq2seq / lamp-emb-pr, epoch": 4.0,
        "seq2seq / lamp-fmp-pr, prediction": 6.0,
        "seq2seq / lamp-emb-pr, prediction": 3.0,
    }
    assert re.search(
        r"epoch, CPU-s: lamp-fmp-pr 2\.00 .* seq2seq 4\.00", capsys.readouterr().out
    )


def test_an_epoch_is_two_less_one(speed, monkeypatch):
    X, Y = (
        sparse.random_array((40, 6), density=0.5, random_state=0).tocsr(),
        np.eye(4)[np.arange(40) % 4],
    )
    part = speed.Part(X, sparse.csr_array(Y.astype(np.uint8)))
    seconds = {"fit": iter([5.0, 8.0]), "predict_proba": iter([0.5])}
    epochs = []

    def cpu_seconds(function, *arguments):
        function(*arguments)
        epochs.append(function.__self__.max_epochs)
        return next(seconds[function.__name__])

    monkeypatch.setattr(speed, "cpu_seconds", cpu_seconds)
    assert speed.seconds_of("seq2seq", 4, part, part) == (3.0, 0.5)
    assert epochs == [1, 2, 2]

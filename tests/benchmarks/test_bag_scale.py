"""What benchmarks/bag_scale.py measures."""

import importlib
from argparse import Namespace

import numpy as np

import skmlc

SMALL = Namespace(bags=40, instances=3, features=4, labels=2, jobs=1, seed=0)


def test_a_method_is_trained_and_measured():
    script = importlib.import_module("bag_scale")
    fit, predict, peak = script.run("MIMLNN", SMALL)
    assert fit.wall > 0
    assert predict.wall > 0
    assert peak > 10


def test_bags_are_of_the_size_asked_for():
    script = importlib.import_module("bag_scale")
    X, Y = script.make_bags(SMALL, 40, np.random.default_rng(0))
    assert len(X) == 40
    assert {*X.lengths} == {3}
    assert X.shape[1] == 4
    assert Y.shape == (40, 2)
    assert 0.1 < Y.mean() < 0.3


def test_every_method_is_known():
    script = importlib.import_module("bag_scale")
    assert {*script.METHODS} <= {*skmlc.__all__}

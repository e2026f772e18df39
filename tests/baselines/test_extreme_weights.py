"""Weights of any size: an answer, and in finite time."""

import inspect
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import skmlc
from skmlc.baselines import mimlsvm
from skmlc.inputs import Bags
from tests.method_names import METHOD_NAMES

WEIGHTED = [
    Method
    for Method in (getattr(skmlc, name) for name in METHOD_NAMES)
    if "sample_weight" in inspect.signature(Method.fit).parameters
]


def contradictory_bags():
    """Return bags that come twice, with labels that differ: nothing separates them."""
    rng = np.random.default_rng(0)
    bags = [rng.normal(size=(n, 3)) for n in rng.integers(1, 4, 12)]
    Y = rng.integers(0, 2, (12, 2))
    return Bags(bags + bags), np.vstack([Y, 1 - Y])


@pytest.mark.parametrize("Method", WEIGHTED)
@pytest.mark.parametrize("weight", [1e20, 1e-20, "mixed"])
def test_weights_of_any_size_give_finite_answers(Method, weight, monkeypatch):
    monkeypatch.setattr(mimlsvm, "MAX_STEPS", 20_000)
    X, Y = contradictory_bags()
    weights = np.full(len(X), 1.0 if weight == "mixed" else weight)
    if weight == "mixed":
        weights[::3] = 1e20
    options = {"max_epochs": 2, "hidden_size": 4} if hasattr(Method, "partial_fit") else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = Method(**options).fit(X, Y, sample_weight=weights)
    assert np.isfinite(model.decision_function(X)).all()

"""What an estimator does leaves the random states and the settings of the process alone."""

import random
import warnings

import numpy as np
import pytest
import torch
from sklearn.utils import check_random_state

import skmlc
from skmlc.inputs import Bags, ImageEncoder, Images
from tests.method_names import METHOD_NAMES

METHODS = [getattr(skmlc, name) for name in METHOD_NAMES]
NETWORKS = [Method for Method in METHODS if hasattr(Method, "partial_fit")]
ANSWERS = ("predict", "predict_proba", "decision_function", "transform", "explain",
           "instance_scores")  # fmt: skip


def small(Method):
    tiny = {"hidden_size": 4, "max_epochs": 2}
    return Method(**(tiny if Method in NETWORKS else {}))


def state():
    return {
        "numpy": check_random_state(None).get_state()[1:][0].tolist(),
        "random": random.getstate(),
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "errors": np.geterr(),
        "filters": list(warnings.filters),
    }


def bags_and_labels():
    rng = np.random.default_rng(0)
    bags = Bags([rng.normal(size=(n, 3)) for n in rng.integers(1, 4, 20)])
    return bags, rng.integers(0, 2, (20, 3))


# Without a random_state, which asks for NumPy's global one, as scikit-learn does.
@pytest.mark.parametrize("Method", METHODS)
def test_fit_and_every_answer_leave_global_states_alone(Method):
    X, Y = bags_and_labels()
    model = small(Method)
    if "random_state" in model.get_params():
        model.set_params(random_state=0)
    before = state()
    model.fit(X, Y)
    assert state() == before
    for name in ANSWERS:
        if hasattr(model, name):
            getattr(model, name)(X)
            assert state() == before, name


@pytest.mark.parametrize("Network", NETWORKS)
def test_images_are_read_at_the_size_of_fit_whatever_is_asked(Network):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 3, 16, 16), dtype=np.uint8)
    large = Images(np.repeat(np.repeat(images, 2, axis=2), 2, axis=3))
    model = small(Network).set_params(random_state=0, encoder=ImageEncoder(size=16))
    model.fit(images, rng.integers(0, 2, (20, 2)))
    resized = large.resized(16)
    for name in ("predict", "predict_proba", "transform"):
        answer, expected = (getattr(model, name)(X) for X in (large, resized))
        np.testing.assert_array_equal(answer, expected, err_msg=name)

"""Whatever estimators are given, they predict probabilities, or refuse before training."""

import copy
import inspect
import random
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.tree import DecisionTreeClassifier
from skorch.callbacks import Callback

import skmlc
from skmlc.ensemble import SoftVotingClassifier, StackingClassifier
from skmlc.inputs import Images
from skmlc.model_selection import MultilabelCalibratedClassifierCV, ThresholdTuner
from tests.campaigns.parameter_values import parameters
from tests.campaigns.samples import FORMS, labels, samples
from tests.method_names import METHOD_NAMES
from tests.strategies import examples


def tree():
    """Return a classifier that takes few samples, and none of whose probabilities is NaN."""
    return MultiOutputClassifier(DecisionTreeClassifier(max_depth=2, random_state=0))


WRAPPERS = {
    "KnownLabelsClassifier": lambda: skmlc.KnownLabelsClassifier(LogisticRegression()),
    "MultilabelCalibratedClassifierCV": lambda: MultilabelCalibratedClassifierCV(
        tree(), cv=2
    ),
    "SoftVotingClassifier": lambda: SoftVotingClassifier([("tree", tree())]),
    "StackingClassifier": lambda: StackingClassifier([("tree", tree())], cv=2),
    "ThresholdTuner": lambda: ThresholdTuner(tree(), metric="miF1", cv=2),
}
MAKERS = {**{name: getattr(skmlc, name) for name in METHOD_NAMES}, **WRAPPERS}
NETWORKS = {name for name in METHOD_NAMES if hasattr(MAKERS[name], "partial_fit")}
# What an error of `fit` may be about besides parameters.
ARGUMENTS = (
    "X|y|Y|sample_weight|[Ll]abels?|[Ss]amples?|rows?|[Ff]eatures?|[Cc]lass(es)?|input"
)


@pytest.fixture(autouse=True, scope="module")
def _imported():
    """Have everything imported that a first fit imports, which adds filters of warnings."""
    make("EmbMLPClassifier", {}).fit(np.eye(4), np.eye(4))


class Began(Callback):
    """Note that training has taken a step."""

    def __init__(self, steps):
        self.steps = steps

    def __deepcopy__(self, memo):
        return self

    def on_batch_begin(self, net, training=False, **kwargs):
        self.steps += [1] if training else []


def make(name, options, steps=None):
    """Return a small estimator; a network notes its steps."""
    model = MAKERS[name]()
    small = {"max_epochs": 1, "max_iter": 5, "hidden_size": 4, "random_state": 0}
    known = model.get_params(deep=False)
    model.set_params(**{k: v for k, v in small.items() if k in known})
    if steps is not None and name in NETWORKS:
        model.set_params(callbacks=[Began(steps)])
    return model.set_params(**options)


def state():
    """Return what a process has one of."""
    return {
        "numpy": np.random.get_state()[1].tolist(),  # noqa: NPY002
        "random": random.getstate(),
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "errors": np.geterr(),
        "filters": list(warnings.filters),
        "options": pd.options.mode.copy_on_write if hasattr(pd, "options") else None,
    }


def content(data):
    """Return what X, y or weights hold, as something that can be compared."""
    if data is None or isinstance(data, list):
        return repr(data)
    if sparse.issparse(data):
        stored = data.data, data.indices, data.indptr
        return [array.tobytes() for array in stored], data.shape
    if isinstance(data, pd.DataFrame):
        return data.to_csv(), data.dtypes.astype(str).tolist()
    if isinstance(data, np.ndarray):
        if data.dtype == object:
            return repr(data.tolist()), data.shape
        return data.tobytes(), data.shape, data.dtype, data.flags.f_contiguous
    parts = {k: v for k, v in vars(data).items() if isinstance(v, np.ndarray)}
    return {name: content(array) for name, array in parts.items()}


def refusal(model, X, y, given_too):
    """Fit a model; return what it says if it refuses, None if it does not."""
    try:
        model.fit(X, y, **given_too)
    except (ValueError, TypeError) as error:
        return str(error)
    return None


def names_an_argument(error, model):
    """Whether an error says what it is about."""
    known = "|".join(map(re.escape, inspect.signature(type(model)).parameters))
    return re.search(rf"(?<![A-Za-z])({ARGUMENTS}|{known})(?![A-Za-z])", error)


def n_columns(model, y, y_form):
    """Return how many columns the probabilities of a fitted model have."""
    # A column of other numbers than 0 and 1 is of classes, as in scikit-learn.
    of_classes = np.ndim(y) == 1 or y_form == "two"
    return len(model.classes_) if of_classes else np.shape(y)[1]


def assert_probabilities(answer, n_samples, n_columns):
    assert answer.shape == (n_samples, n_columns)
    assert np.isfinite(answer).all()
    assert (answer >= 0).all()
    assert (answer <= 1).all()


@st.composite
def cases(draw):
    """Draw an estimator, its parameters, and samples with labels and perhaps weights."""
    name = draw(st.sampled_from(sorted(MAKERS)))
    options = draw(parameters(type(MAKERS[name]())))
    form, seed = draw(st.sampled_from(sorted(FORMS))), draw(st.integers(0, 99))
    n_samples = draw(st.integers(1, 9))
    X = samples(form, seed, n_samples)
    y_form, y = draw(labels(n_samples))
    if "allow_missing_labels" in MAKERS[name]().get_params(deep=False):
        options["allow_missing_labels"] = y_form == "unknown" or draw(st.booleans())
    weight = draw(st.none() | st.sampled_from(["ones", "zero", "negative", "short"]))
    return name, options, form, X, y_form, y, weight


def weights(kind, n_samples):
    weight = np.ones(n_samples)
    if kind in ("zero", "negative"):
        weight[0] = 0 if kind == "zero" else -1
    return weight[1:] if kind == "short" else weight


@pytest.mark.filterwarnings("ignore")
@examples(50)
@given(case=cases(), again=st.integers(0, 3))
def test_an_estimator_predicts_probabilities_or_refuses_before_training(case, again):
    name, options, _, X, y_form, y, weight = case
    n_samples = np.shape(X)[0] if hasattr(X, "shape") else len(X)
    steps = []
    model = make(name, copy.deepcopy(options), steps)
    given_too = {}
    if weight is not None and "sample_weight" in inspect.signature(model.fit).parameters:
        given_too = {"sample_weight": weights(weight, n_samples)}
    before, held = state(), [content(data) for data in (X, y, *given_too.values())]
    error = refusal(model, X, y, given_too)
    if error is None:
        answer = model.predict_proba(X)
        assert_probabilities(answer, n_samples, n_columns(model, y, y_form))
        np.testing.assert_array_equal(model.predict_proba(X), answer)
        # A column of classes is predicted as a vector, as in scikit-learn.
        assert np.shape(model.predict(X)) in (np.shape(y), (n_samples,))
    else:
        assert not steps or "became" in error, f"training had begun: {error}"
        # Diverging weights are seen in training only, and what wraps a classifier of
        # scikit-learn passes on what that says.
        assert name in WRAPPERS or names_an_argument(error, model), error
    assert state() == before
    assert [content(data) for data in (X, y, *given_too.values())] == held
    # PyTorch's gradient of a convolution that is larger than its map varies in bfloat16.
    images = isinstance(X, Images) or getattr(X, "ndim", 0) == 4
    repeats = not (images and options.get("precision") == "bfloat16")
    if error is None and again == 0 and repeats:
        same = clone(make(name, options)).fit(X, y, **given_too)
        np.testing.assert_array_equal(same.predict_proba(X), answer)

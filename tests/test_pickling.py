"""Models that hold functions without a name in a module, which pickle stores by name."""

import copy
import io
import pickle
from functools import partial
from types import FunctionType

import cloudpickle
import joblib
import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from skorch.callbacks import EpochScoring

from skmlc import EmbMLPClassifier
from skmlc.ensemble import SoftVotingClassifier

rng = np.random.default_rng(0)
X, Y = rng.random((24, 4), dtype=np.float32), rng.integers(0, 2, (24, 3))


def squares(logits, labels):
    return (logits - labels) ** 2


class Local:
    def __call__(self, logits, labels):
        return squares(logits, labels)


Local.__qualname__ = "make.<locals>.Local"  # as if it were written in a function

HOLD = {
    "loss": {"loss": lambda logits, labels: (logits - labels) ** 2},
    "partial": {"loss": partial(lambda a, b, c: a - b, c=1)},
    "object": {"loss": Local()},
    "callback": {"callbacks": [EpochScoring(lambda net, X, y: 0)]},
    "named callback": {"callbacks": [("score", EpochScoring(lambda net, X, y: 0))]},
    "net_params": {"net_params": {"optimizer": lambda *args, **kwargs: None}},
}


def dump(model):
    joblib.dump(model, io.BytesIO())


@pytest.mark.parametrize("store", [pickle.dumps, dump])
@pytest.mark.parametrize("name", HOLD)
def test_pickle_names_a_function_that_it_cannot_find(name, store):
    model = EmbMLPClassifier(max_epochs=1, **HOLD[name])
    message = r"(?i)can't pickle .*(lambda|Local)"
    with pytest.raises((pickle.PicklingError, AttributeError), match=message):
        store(model)
    with pytest.raises((pickle.PicklingError, AttributeError), match=message):
        store(SoftVotingClassifier([("a", model)]))


@pytest.mark.parametrize("name", HOLD)
def test_a_pickler_with_a_way_of_its_own_to_store_functions_takes_them(name):
    model, beside, file = EmbMLPClassifier(max_epochs=1, **HOLD[name]), [], io.BytesIO()

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if not isinstance(value, FunctionType | type) or "<" not in value.__qualname__:
                return None
            beside.append(value)
            return len(beside) - 1

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, place):
            return beside[place]

    Pickler(file).dump(model)
    file.seek(0)
    assert type(Unpickler(file).load()) is EmbMLPClassifier
    assert len(set(beside)) == 1


def test_a_fitted_one_is_stored_by_value_copied_and_sent_to_processes():
    model = EmbMLPClassifier(max_epochs=1, random_state=0, **HOLD["loss"]).fit(X, Y)
    expected = model.predict_proba(X)
    copies = [cloudpickle.loads(cloudpickle.dumps(model)), copy.deepcopy(model)]
    for other in [*copies, clone(model).fit(X, Y)]:
        np.testing.assert_array_equal(other.predict_proba(X), expected)
    with parallel_config("loky", inner_max_num_threads=1):
        assert len(cross_val_score(clone(model), X, Y, cv=2, n_jobs=2)) == 2


@pytest.mark.parametrize("loss", ["bce", squares])
def test_functions_of_a_module_are_pickled(loss):
    model = EmbMLPClassifier(max_epochs=1, loss=loss, callbacks=[EpochScoring("accuracy")])
    assert pickle.loads(pickle.dumps(model)).loss == loss

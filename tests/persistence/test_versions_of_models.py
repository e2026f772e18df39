"""What is loaded by another version than the one that saved it."""

import importlib
import json
import pickle
import pkgutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning as OfSklearn
from sklearn.preprocessing import StandardScaler

import skmlc
import skmlc.persistence.models as models
from skmlc import LaMPClassifier, load, save
from skmlc.exceptions import InconsistentVersionWarning
from skmlc.persistence._file import FORMAT_VERSION, read_file, write_file
from skmlc.versioned import VersionedState
from tests.input_forms import PLAIN, Y, make

STORED = Path(__file__).parent / "stored_models"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skmlc"


def saved_by(versions, path, estimator=None):
    """Save an estimator as if other versions did."""
    save(estimator or LaMPClassifier(), path)
    write_file(path, read_file(path)[0], versions={**models.package_versions(), **versions})
    return path


# Formats ------------------------------------------------------------------------------------


def test_a_model_of_each_format_is_stored():
    names = [f"format_{version}.skmlc" for version in range(1, FORMAT_VERSION + 1)]
    assert sorted(p.name for p in STORED.glob("*.skmlc")) == names


@pytest.mark.parametrize("file", sorted(STORED.glob("*.skmlc")), ids=lambda p: p.stem)
def test_models_of_each_format_predict_what_they_did(file):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OfSklearn)
        model = load(file)
    told = json.loads(file.with_suffix(".json").read_text())
    # Another order of sums changes the last digits.
    np.testing.assert_allclose(
        model.predict_proba(told["X"]), told["probabilities"], atol=1e-5
    )
    assert model.label_names_.tolist() == told["label_names"]
    assert model.threshold_ == pytest.approx(told["threshold"])


# Saved models -------------------------------------------------------------------------------


def test_the_versions_at_work_are_in_the_file(path):
    save(LaMPClassifier(), path)
    versions = read_file(path)[1]
    assert versions["skmlc"] == skmlc.__version__
    assert versions["torch"].startswith("2.")
    assert set(versions) == {"numpy", "scikit-learn", "scipy", "skmlc", "skorch", "torch"}


@pytest.mark.parametrize(
    "versions", [{"skmlc": "0.0.9"}, {"torch": "99.0.0"}, {"torch": "3"}]
)
def test_other_versions_give_one_warning(versions, path):
    ((name, version),) = versions.items()
    with pytest.warns(InconsistentVersionWarning) as caught:
        load(saved_by(versions, path, make("LaMPClassifier").fit(PLAIN["counts"], Y)))
    assert len(caught) == 1
    assert f"comes from {name} {version}, and this is {name}" in str(caught[0].message)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("versions", [{}, {"torch": "2.0.1"}, {"numpy": "9.9"}])
def test_versions_that_do_not_matter_give_none(versions, path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(saved_by(versions, path))


def test_scikit_learn_warns_of_its_own_estimators(path):
    scaler = StandardScaler().fit(PLAIN["counts"])
    save(scaler, path)
    tree, versions = read_file(path)
    tree.state["_sklearn_version"] = "1.0"
    write_file(path, tree, versions=versions)
    with pytest.warns(OfSklearn, match="StandardScaler from version 1.0"):
        load(path)


# Pickles ------------------------------------------------------------------------------------


def test_every_estimator_carries_the_version():
    def classes(base):
        return {base, *(c for b in base.__subclasses__() for c in classes(b))}

    for module in pkgutil.walk_packages(skmlc.__path__, "skmlc."):
        importlib.import_module(module.name)
    ours = [c for c in classes(BaseEstimator) if c.__module__.startswith("skmlc.")]
    assert len(ours) > 30
    without = {c.__name__ for c in ours if not issubclass(c, VersionedState)}
    # Nets are within an estimator, and both kinds of ensembles have their parameters' base.
    assert without == {"DistributedNet", "LabelEnsemble", "Net"}


def test_a_pickle_of_another_version_warns(monkeypatch):
    model = make("LaMPClassifier").fit(PLAIN["counts"], Y)
    monkeypatch.setattr(skmlc, "__version__", "0.0.9")
    data = pickle.dumps(model)
    monkeypatch.undo()
    with pytest.warns(
        InconsistentVersionWarning, match=r"LaMPClassifier comes from skmlc 0.0"
    ):
        loaded = pickle.loads(data)
    assert vars(loaded).keys() == vars(model).keys()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = pickle.loads(pickle.dumps(loaded))
    X = PLAIN["counts"]
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_the_warning_is_one_of_scikit_learns_and_can_be_pickled():
    warning = InconsistentVersionWarning("A", "skmlc", "1", "2")
    assert isinstance(warning, OfSklearn)
    assert str(pickle.loads(pickle.dumps(warning))) == str(warning)

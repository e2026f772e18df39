"""Categories and missing values in tables, for every network that reads such."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlc.ensemble import SoftVotingClassifier
from skmlc.inputs import FeatureEncoder
from tests.input_forms import COUNTS, ONES, TABLE_NETWORKS, Y, frame, make

every_table_network = pytest.mark.parametrize("name", TABLE_NETWORKS)
COLORS = np.resize(["red", "green", "blue", None], len(Y))
FLAGS = pd.array(ONES[:, 1].astype(bool), dtype="boolean")


def table(order=None):
    """Return a frame of numbers, categories and flags, each with missing values."""
    X = frame(COUNTS, b=pd.Categorical(COLORS, order), d=FLAGS)
    X.loc[3:9, ["a", "d"]] = [np.nan, pd.NA]
    return X


def reader(name, nodes="auto", **options):
    return make(name, encoder=FeatureEncoder(nodes, allow_nan=True), **options)


@every_table_network
@pytest.mark.parametrize("nodes", ["vector", "features"])
def test_categories_and_missing_values_are_read_however_they_are_counted(name, nodes):
    model = reader(name, nodes).fit(table(), Y)
    expected = model.predict_proba(table())
    assert np.isfinite(expected).all()
    assert model.n_features_in_ == 6
    assert model.feature_names_in_.tolist() == list("abcdef")
    other = table(["pink", "red", "green", "blue"])
    assert (other["b"].cat.codes != table()["b"].cat.codes).any()
    np.testing.assert_array_equal(model.predict_proba(other), expected)
    again = reader(name, nodes).fit(other, Y)
    np.testing.assert_array_equal(again.predict_proba(table()), expected)


@every_table_network
def test_a_category_and_that_a_value_is_missing_make_a_difference(name):
    model = reader(name, max_epochs=5).fit(table(), Y)
    plain = model.predict_proba(table())
    for change in ({"b": "green"}, {"b": None}, {"b": "unknown"}, {"a": np.nan}):
        changed = model.predict_proba(table().assign(**change))
        rows = (table()["b"] == "red") & table()["a"].notna()
        assert (np.abs(changed - plain)[rows].max(axis=1) > 0).all()


@every_table_network
def test_models_of_categories_go_through_pickle_and_further_training(name):
    model = reader(name).fit(table(), Y)
    expected = model.predict_proba(table())
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict_proba(table()), expected)
    # New categories and newly missing values in further samples have no entries.
    further = table().assign(b=pd.Categorical(["pink"] * len(Y)), c=np.nan)
    assert np.isfinite(loaded.partial_fit(further, Y).predict_proba(further)).all()
    loaded.set_params(warm_start=True).fit(further, Y)
    assert np.isfinite(loaded.predict_proba(table())).all()


@every_table_network
def test_folds_may_lack_categories(name):
    colors = np.array(COLORS)
    colors[0] = "once"
    X, folds = table().assign(b=pd.Categorical(colors)), KFold(4)
    found = cross_val_predict(reader(name), X, Y, cv=folds, method="predict_proba")
    for train, test in folds.split(X):
        model = reader(name).fit(X.iloc[train], Y[train])
        np.testing.assert_allclose(
            model.predict_proba(X.iloc[test]), found[test], atol=1e-6
        )


def test_a_pipeline_hands_on_categories():
    scale = make_column_transformer(
        (StandardScaler(), ["a", "c"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    model = make_pipeline(scale, reader("EmbMLPClassifier")).fit(table(), Y)
    assert model[-1].feature_names_in_.tolist() == list("acbdef")
    assert model[-1]._categories.columns.tolist() == [2]
    assert np.isfinite(model.predict_proba(table())).all()


def test_what_is_missing_may_be_searched_for():
    grid = {
        "encoder__allow_nan": [True],
        "encoder__categorical_features": ["from_dtype", [1, 2]],
    }
    search = GridSearchCV(reader("EmbMLPClassifier"), grid, cv=2).fit(table(), Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    given = clone(reader("EmbMLPClassifier")).get_params()["encoder__categorical_features"]
    assert given == "from_dtype"


def test_an_average_of_classifiers_reads_what_its_members_read():
    members = [(name, reader(name)) for name in ("EmbMLPClassifier", "LaMPClassifier")]
    voting = SoftVotingClassifier(members).fit(table(), Y)
    expected = [model.fit(table(), Y).predict_proba(table()) for _, model in members]
    np.testing.assert_allclose(voting.predict_proba(table()), np.mean(expected, axis=0))
    assert voting.__sklearn_tags__().input_tags.allow_nan


def test_held_out_samples_may_have_categories_that_training_has_not():
    X = table().assign(b=pd.Categorical(np.arange(len(Y))))  # each is in one sample alone
    model = reader("EmbMLPClassifier", early_stopping="loss", validation_fraction=0.25)
    model.fit(X, Y)
    assert len(model._categories.codes[0]) == len(Y)
    assert len(model.module_.columns.nodes.category) == 0.75 * len(Y)

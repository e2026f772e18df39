"""What learns from splits of its own keeps groups whole, and matches labels by name."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import BaseCrossValidator, GroupKFold, KFold, cross_validate
from sklearn.multiclass import OneVsRestClassifier

import skmlc
from skmlc.ensemble import SoftVotingClassifier, StackingClassifier
from skmlc.model_selection import (
    MultilabelCalibratedClassifierCV,
    MultilabelStratifiedGroupKFold,
    ThresholdTuner,
)
from skmlc.subset_score import SubsetScoreMixin

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = (X + RNG.normal(size=X.shape) > [0, 0.3, 0.6, -0.5]).astype(int)
GROUPS = np.repeat(list("abcdefghijkl"), 5)
LINEAR = OneVsRestClassifier(LogisticRegression())
LEARNERS = {
    "tuner": ThresholdTuner(LINEAR, random_state=0),
    "calibration": MultilabelCalibratedClassifierCV(LINEAR, random_state=0),
    "stacking": StackingClassifier([("linear", LINEAR)], random_state=0),
}
SCORERS = LEARNERS | {
    "voting": SoftVotingClassifier([("linear", LINEAR)]),
    "known": skmlc.KnownLabelsClassifier(LINEAR, random_state=0),
    "network": skmlc.EmbMLPClassifier(max_epochs=2, hidden_size=4, random_state=0),
    "bags": skmlc.MIMLkNN(),
}


class Noted(BaseCrossValidator):
    """Group folds that note the groups that they were given."""

    given = []

    def get_n_splits(self, X=None, y=None, groups=None):
        return 3

    def split(self, X, y=None, groups=None):
        self.given.append(groups)
        yield from GroupKFold(3).split(X, y, groups)


@pytest.mark.parametrize("name", LEARNERS)
def test_groups_reach_the_splits(name):
    model = clone(LEARNERS[name])
    Noted.given.clear()
    found = clone(model).set_params(cv=Noted()).fit(X, Y, groups=GROUPS)
    np.testing.assert_array_equal(Noted.given, [GROUPS])
    splits = list(GroupKFold(3).split(X, Y, GROUPS))
    expected = clone(model).set_params(cv=splits).fit(X, Y)
    np.testing.assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
    np.testing.assert_array_equal(found.predict(X), expected.predict(X))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_number_of_folds_is_one_of_groups(name):
    model = clone(LEARNERS[name]).set_params(cv=3)
    folds = MultilabelStratifiedGroupKFold(3, shuffle=True, random_state=0)
    splits = list(folds.split(X, Y, GROUPS))
    found = clone(model).fit(X, Y, groups=GROUPS).predict_proba(X)
    expected = clone(model).set_params(cv=splits).fit(X, Y).predict_proba(X)
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="groups must be of shape"):
        clone(model).fit(X, Y, groups=GROUPS[:-1])


class Watcher(ClassifierMixin, BaseEstimator):
    """Notes, of samples whose first feature is their group, the groups it learns and meets."""

    seen = []

    def fit(self, X, y):
        self.groups_, self.classes_ = {*X[:, 0]}, np.arange(4)
        return self

    def predict_proba(self, X):
        self.seen.append((self.groups_, {*X[:, 0]}))
        return np.full((len(X), 4), 0.5)


@pytest.mark.parametrize("cv", [3, 0.25, GroupKFold(4), MultilabelStratifiedGroupKFold(2)])
@pytest.mark.parametrize("name", LEARNERS)
def test_no_group_is_in_both_halves(name, cv):
    if name == "stacking" and cv == 0.25:
        pytest.skip("it takes no share")
    numbers = np.unique(GROUPS, return_inverse=True)[1][::-1]
    inner = {"estimators": [("watcher", Watcher())]}
    inner = inner if name == "stacking" else {"estimator": Watcher()}
    Watcher.seen.clear()
    model = clone(LEARNERS[name]).set_params(cv=cv, **inner)
    model.fit(np.column_stack([numbers, X]), Y, groups=GROUPS[::-1])
    assert len(Watcher.seen) == {3: 3, 0.25: 1}.get(cv, getattr(cv, "n_splits", None))
    for learned, met in Watcher.seen:
        assert learned
        assert met
        assert not learned & met
        assert learned | met == {*range(12)}


@pytest.mark.filterwarnings("ignore:The groups parameter is ignored by KFold")
@pytest.mark.parametrize("cv", ["number", "group folds", "folds", "indices", "prefit"])
@pytest.mark.parametrize("name", LEARNERS)
def test_groups_are_one_for_each_sample(name, cv):
    if name == "stacking" and cv == "prefit":
        pytest.skip("it fits its members")
    model = clone(LEARNERS[name])
    if cv == "prefit":
        model.set_params(estimator=clone(LINEAR).fit(X, Y))
    splits = list(KFold(3).split(X))
    kinds = {"number": 3, "group folds": GroupKFold(3), "folds": KFold(3)}
    model.set_params(cv=(kinds | {"indices": splits, "prefit": "prefit"})[cv])
    for groups, shape in [
        (GROUPS[:-1], r"\(59,\)"),
        (np.column_stack([GROUPS, GROUPS]), r"\(60, 2\)"),
        ("patient", r"\(\)"),
    ]:
        with pytest.raises(ValueError, match=rf"groups must be of shape \(60,\).* {shape}"):
            model.fit(X, Y, groups=groups)
    with pytest.raises(ValueError, match="groups contains NaN"):
        model.fit(X, Y, groups=np.where(GROUPS == "a", np.nan, 1.0))
    with pytest.raises(TypeError, match=r"groups must be .* got NoneType and str"):
        model.fit(X, Y, groups=[None, *GROUPS[1:]])
    named = pd.Series(GROUPS, index=range(60, 0, -1))
    found = model.fit(X, Y, groups=named).predict_proba(X)
    expected = model.fit(X, Y, groups=list(GROUPS)).predict_proba(X)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["tuner", "calibration"])
def test_the_share_that_is_held_out_is_one_of_groups(name, monkeypatch):
    model, parts = clone(LEARNERS[name]).set_params(cv=0.25), []
    take = type(model)._fit_and_predict

    def note(self, X, y, weight, train, test):
        parts.append((train, test))
        return take(self, X, y, weight, train, test)

    monkeypatch.setattr(type(model), "_fit_and_predict", note)
    model.fit(X, Y, groups=GROUPS)
    ((train, test),) = parts
    assert not {*GROUPS[train]} & {*GROUPS[test]}
    assert 0.15 < len(test) / len(X) < 0.35


@pytest.mark.parametrize("name", LEARNERS)
def test_groups_are_routed(name):
    model = clone(LEARNERS[name]).set_params(cv=Noted())
    Noted.given.clear()
    with sklearn.config_context(enable_metadata_routing=True):
        model.set_fit_request(groups=True)
        cross_validate(model, X, Y, cv=GroupKFold(2), params={"groups": GROUPS})
    assert [len(groups) for groups in Noted.given] == [30, 30]
    assert not {*Noted.given[0]} & {*Noted.given[1]}


@pytest.mark.parametrize("name", SCORERS)
def test_scores_match_labels_by_name(name):
    named = pd.DataFrame(Y, columns=list("abcd"))
    samples = X[:, None, :] if name == "bags" else X
    model = clone(SCORERS[name]).fit(samples, named)
    found = model.score(samples, named[list("dbca")])
    predicted = np.asarray(model.predict(samples))
    assert found == pytest.approx(accuracy_score(Y, predicted))
    assert found == model.score(samples, named)
    with pytest.raises(ValueError, match="y"):
        model.score(samples, named.rename(columns={"a": "other"}))


def test_all_classifiers_of_label_matrices_score_by_name_and_give_names():
    classes = {
        c
        for module in (skmlc, skmlc.ensemble, skmlc.model_selection)
        for c in (getattr(module, name) for name in module.__all__)
        if isinstance(c, type) and hasattr(c, "score") and hasattr(c, "predict")
    }
    assert len(classes) >= 25
    assert all(c.score is SubsetScoreMixin.score for c in classes)
    assert {c for c in classes if not hasattr(c, "predict_labels")} == set()
    assert {c for c in classes if not hasattr(c, "predict_top_k")} == set()

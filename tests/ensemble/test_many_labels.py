"""Wrappers of classifiers ask them part by part, and answer what they would of all at once."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from skmlc import KnownLabelsClassifier, LaMPClassifier
from skmlc.ensemble import SoftVotingClassifier, StackingClassifier
from skmlc.inputs import Bags, LazyRows
from skmlc.model_selection import MultilabelCalibratedClassifierCV, ThresholdTuner

N, L = 50, 4
rng = np.random.default_rng(0)
X = rng.normal(size=(N, 3))
Y = pd.DataFrame((X @ rng.normal(size=(3, L)) > 0.3).astype(int), columns=list("abcd"))
FOREST = RandomForestClassifier(5, max_depth=3, random_state=0)
TREE = DecisionTreeClassifier(max_depth=3, random_state=0)
TOLD = KnownLabelsClassifier(TREE, n_copies=1, random_state=0)
MEMBERS = [("forest", FOREST), ("tree", TREE)]
MODELS = {
    "voting": SoftVotingClassifier(MEMBERS),
    "stacking": StackingClassifier(MEMBERS, cv=2, random_state=0),
    "known labels": TOLD,
    "tuner": ThresholdTuner(FOREST, cv=2, random_state=0),
    "calibration": MultilabelCalibratedClassifierCV(FOREST, cv=2, random_state=0),
    "voting, told": SoftVotingClassifier([("one", TOLD), ("two", TOLD)]),
    "tuner, told": ThresholdTuner(TOLD, cv=2, random_state=0),
}
FORMS = {
    "array": X,
    "list": X.tolist(),
    "frame": pd.DataFrame(X),
    "sparse": sparse.coo_array(X),
    "lazy": LazyRows(X),
}
KNOWN = pd.DataFrame(np.where(rng.random((N, L)) < 0.5, np.nan, Y), columns=list("abcd"))
KNOWNS = {
    "array": KNOWN.to_numpy(),
    "frame": KNOWN[list("dbca")],
    "sparse": sparse.coo_array(np.nan_to_num(2 * KNOWN.to_numpy() - 1)),
}


@pytest.fixture
def in_parts(monkeypatch):
    """Return a function after which at most 7 samples of 4 labels are asked for at once."""

    def ask_in_parts():
        monkeypatch.setattr("skmlc.row_blocks.CALL_ENTRIES", 7 * L)
        monkeypatch.setattr("skmlc.known_labels.ROWS_PER_CALL", 1)

    return ask_in_parts


def assert_same(got, expected):
    if isinstance(got, list):  # names
        assert got == expected
        return
    got, expected = ([a] if not isinstance(a, tuple) else a for a in (got, expected))
    for one, other in zip(got, expected, strict=True):
        assert type(one) is type(other)
        dense = [a.toarray() if sparse.issparse(a) else a for a in (one, other)]
        np.testing.assert_array_equal(*dense)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MODELS)
def test_parts_give_what_all_samples_do(name, form, in_parts):
    model = MODELS[name].fit(X, Y)
    methods = ["predict", "predict_labels", "predict_top_k"]
    options = {"predict_top_k": {"k": 3}}
    ask = {
        m: lambda m=m: getattr(model, m)(FORMS[form], **options.get(m, {})) for m in methods
    }
    whole = {m: ask[m]() for m in methods}
    in_parts()
    for m in methods:
        assert_same(ask[m](), whole[m])


@pytest.mark.parametrize("form", KNOWNS)
@pytest.mark.parametrize("name", ["known labels", "voting, told", "tuner, told"])
def test_each_part_is_told_its_own_labels(name, form, in_parts):
    model = MODELS[name].fit(X, Y)
    known = KNOWNS[form]
    whole = model.predict(X, known=known), model.predict_top_k(X, 2, known=known)
    given = KNOWN.to_numpy()
    assert (whole[0] == given)[~np.isnan(given)].all()
    in_parts()
    assert_same(model.predict(X, known=known), whole[0])
    assert_same(model.predict_top_k(X, 2, known=known), whole[1])


@pytest.mark.parametrize("name", ["voting", "stacking", "known labels", "tuner"])
def test_no_call_is_for_more_samples_than_a_part_has(name, in_parts, monkeypatch):
    model, asked = MODELS[name].fit(X, Y), []
    for kind in (RandomForestClassifier, DecisionTreeClassifier):
        predict = kind.predict_proba

        def count(self, X, predict=predict, **options):
            asked.append(len(X))
            return predict(self, X, **options)

        monkeypatch.setattr(kind, "predict_proba", count)
    in_parts()
    model.predict(X)
    assert max(asked) == 7


def test_parts_of_a_sparse_answer_are_put_together(in_parts):
    model = SoftVotingClassifier([("told", TOLD)]).fit(X, sparse.csr_array(Y.to_numpy()))
    whole = model.predict(X)
    in_parts()
    assert_same(model.predict(X), whole)


def test_containers_are_parted(in_parts):
    bags = Bags([rng.normal(size=(n, 3)) for n in rng.integers(1, 4, N)])
    lamp = LaMPClassifier(hidden_size=8, n_heads=1, max_epochs=1, random_state=0)
    model = SoftVotingClassifier([("one", lamp)]).fit(bags, Y)
    whole = model.predict_top_k(bags, 2)
    in_parts()
    got = model.predict_top_k(bags, 2)
    np.testing.assert_array_equal(got[0], whole[0])
    np.testing.assert_allclose(got[1], whole[1], rtol=1e-5)


def test_a_one_dimensional_target_is_parted(in_parts):
    y = np.where(Y["a"], "yes", "no")
    for model in (
        SoftVotingClassifier(MEMBERS),
        ThresholdTuner(FOREST, cv=2, random_state=0),
    ):
        whole = model.fit(X, y).predict(X)
        in_parts()
        np.testing.assert_array_equal(model.predict(X), whole)

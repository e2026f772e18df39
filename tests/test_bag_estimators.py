"""What every method for bags must satisfy: all forms of bags, everywhere in scikit-learn."""

import inspect
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline

import skmlc
from skmlc.inputs import Bags, BagScaler

CLASSICAL = ["EnMIMLNN", "KISAR", "MIMLNN", "MIMLRBF", "MIMLSVM", "MIMLWEL", "MIMLkNN"]
NEURAL = ["DeepMIMLClassifier", "FLEMClassifier", "GLEMIMLClassifier"]
SMALL = {"hidden_size": 4, "max_epochs": 2, "batch_size": 16, "random_state": 0}

every_method = pytest.mark.parametrize("name", CLASSICAL + NEURAL)
every_classical = pytest.mark.parametrize("name", CLASSICAL)


def make(name, **options):
    """Return a small estimator whose result can be repeated."""
    Estimator = getattr(skmlc, name)
    options = SMALL | options if name in NEURAL else {"random_state": 0} | options
    known = inspect.signature(Estimator).parameters
    return Estimator(**{k: v for k, v in options.items() if k in known})


def as_object_array(bags):
    array = np.empty(len(bags), dtype=object)
    array[:] = bags
    return array


FORMS = {
    "list": list,
    "object array": as_object_array,
    "Bags": Bags,
    "Series": lambda bags: pd.Series(as_object_array(bags)),
    "column": lambda bags: pd.DataFrame({"bag": as_object_array(bags)}),
    "lists of lists": lambda bags: [bag.tolist() for bag in bags],
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    bags = [rng.normal(size=(n, 3)) for n in rng.integers(1, 5, 32)]
    Y = np.array([bag.max(axis=0) > 0.7 for bag in bags]).astype(int)
    return bags, Y


# Forms of bags ------------------------------------------------------------------------------


@every_method
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_bags_gives_the_same(name, form, data):
    bags, Y = data
    expected = make(name).fit(bags, Y).predict_proba(bags)
    X = FORMS[form](bags)
    np.testing.assert_array_equal(make(name).fit(X, Y).predict_proba(X), expected)


@every_method
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_split_cross_validated_and_searched(name, form, data):
    bags, Y = data
    X_train, X_test, Y_train, Y_test = train_test_split(
        FORMS[form](bags), Y, test_size=8, random_state=0
    )
    pipeline = make_pipeline(BagScaler(), make(name))
    options = {"cv": 2, "scoring": "f1_micro", "error_score": "raise"}
    scores = cross_validate(pipeline, X_train, Y_train, **options)["test_score"]
    grid = {"bagscaler__scaler": ["standard", "minmax"]}
    search = GridSearchCV(pipeline, grid, **options).fit(X_train, Y_train)
    np.testing.assert_allclose(search.cv_results_["mean_test_score"][0], scores.mean())
    assert search.predict(X_test).shape == Y_test.shape


@every_method
def test_rows_of_a_table_are_bags_of_one(name, data):
    _, Y = data
    X = np.random.default_rng(0).normal(size=(len(Y), 3))
    of_bags = make(name).fit(list(X[:, None]), Y)
    of_rows = make(name).fit(X, Y)
    expected = of_bags.predict_proba(list(X[:, None]))
    np.testing.assert_array_equal(of_rows.predict_proba(X), expected)
    np.testing.assert_array_equal(of_bags.predict_proba(X), expected)
    frame = pd.DataFrame(X, columns=list("abc"))
    named = make(name).fit(frame, Y)
    assert list(named.feature_names_in_) == list("abc")
    np.testing.assert_allclose(named.predict_proba(frame), expected, rtol=1e-6)


@every_method
def test_an_array_of_bags_of_one_size(name, data):
    _, Y = data
    X = np.random.default_rng(0).normal(size=(len(Y), 2, 3))
    expected = make(name).fit(list(X), Y).predict_proba(list(X))
    np.testing.assert_array_equal(make(name).fit(X, Y).predict_proba(X), expected)


# Bags that are wrong ------------------------------------------------------------------------


@every_method
@pytest.mark.parametrize(
    "wrong, message",
    [
        (np.zeros((0, 3)), "bag 5"),
        (np.array([[0.0, np.nan, 0.0]]), "bag 5.*NaN|NaN.*bag 5"),
        (np.zeros((2, 4)), "bag 5"),
    ],
    ids=["empty", "NaN", "width"],
)
def test_a_wrong_bag_is_named(name, wrong, message, data):
    bags, Y = data
    bags = [*bags[:5], wrong, *bags[6:]]
    with pytest.raises(ValueError, match=message):
        make(name).fit(bags, Y)


@every_method
@pytest.mark.parametrize("n_bags", [1, 12])
def test_numbers_whose_squares_overflow_are_refused(name, n_bags, data):
    bags, Y = data
    wrong = [*bags[: n_bags - 1], [[1e300, 0.0, 1.0]]]
    for X, train in ((wrong, Y[:n_bags]), (bags, Y)):
        model = make(name)
        with pytest.raises(ValueError, match=r"X must hold .*1e\+300"):
            model.fit(X, train).predict_proba(wrong)


@every_method
def test_bags_of_another_width_are_refused_in_prediction(name, data):
    bags, Y = data
    model = make(name).fit(bags, Y)
    with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3"):
        model.predict([bag[:, :2] for bag in bags])


@every_method
def test_neither_bags_nor_labels_are_changed(name, data):
    bags, Y = data
    X, labels = [bag.copy() for bag in bags], Y.copy()
    make(name).fit(X, labels).predict(X)
    for bag, before in zip(X, bags, strict=True):
        np.testing.assert_array_equal(bag, before)
    np.testing.assert_array_equal(labels, Y)


# Bags and labels ----------------------------------------------------------------------------


@every_method
def test_the_order_of_the_instances_does_not_matter(name, data):
    if name == "FLEMClassifier":
        pytest.skip("MI-FLEM puts the instances side by side, in their order")
    bags, Y = data
    model = make(name).fit(bags, Y)
    turned = [bag[::-1] for bag in bags]
    np.testing.assert_allclose(
        model.decision_function(turned), model.decision_function(bags), rtol=1e-4, atol=1e-6
    )


@every_method
def test_bags_are_scored_alone_as_among_others(name, data):
    bags, Y = data
    model = make(name).fit(bags, Y)
    alone = np.vstack([model.decision_function([bag]) for bag in bags])
    np.testing.assert_allclose(alone, model.decision_function(bags), rtol=1e-4, atol=2e-6)


@every_classical
def test_known_labels_are_refused(name, data):
    bags, Y = data
    model = make(name).fit(bags, Y)
    for method in ("predict_proba", "predict", "decision_function", "predict_top_k"):
        with pytest.raises(ValueError, match=f"known must be None: {name} has no nodes"):
            getattr(model, method)(bags, known=np.full(Y.shape, np.nan))


@every_classical
def test_the_answer_has_the_form_of_y(name, data):
    bags, Y = data
    dense = make(name).fit(bags, Y).predict(bags)
    answer = make(name).fit(bags, sparse.csr_array(Y)).predict(bags)
    assert sparse.issparse(answer)
    np.testing.assert_array_equal(answer.toarray(), dense)
    names = pd.DataFrame(Y, columns=list("abc"))
    model = make(name, top_label=True).fit(bags, names)
    assert {*model.predict_labels(bags)[0]} <= {*"abc"}
    assert all(model.predict_labels(bags))
    assert model.fit(bags, names.astype(pd.SparseDtype(int, 0))).predict_labels(bags)
    assert model.predict_top_k(bags, 2)[0].shape == (len(bags), 2)


@every_method
def test_labels_that_never_or_always_hold(name, data):
    bags, Y = data
    Y = Y.copy()
    Y[:, 0], Y[:, 1] = 0, 1
    model = make(name).fit(bags, Y)
    probabilities = model.predict_proba(bags)
    assert np.isfinite(probabilities).all()
    assert probabilities[:, 0].mean() < probabilities[:, 1].mean()
    assert np.isfinite(make(name).fit(bags, Y[:, :2]).predict_proba(bags)).all()


@every_method
def test_equal_bags_and_few_bags(name):
    Y = np.arange(6)[:, None] % [2, 3] == 0
    model = make(name).fit([np.ones((2, 2))] * 6, Y)
    scores = model.decision_function([np.ones((2, 2)), np.zeros((1, 2))])
    assert np.isfinite(scores).all()
    single = make(name).fit([np.ones((2, 2))], [[1, 0]])
    assert np.isfinite(single.decision_function([np.zeros((1, 2))])).all()


@every_method
def test_a_copy_and_a_pickle_answer_the_same(name, data):
    bags, Y = data
    model = make(name).fit(bags, Y)
    expected = model.predict_proba(bags)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(bags), expected)
    refitted = clone(model).fit(bags, Y)
    np.testing.assert_array_equal(refitted.predict_proba(bags), expected)


# Instances ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["DeepMIMLClassifier", "GLEMIMLClassifier", "KISAR"])
def test_instances_have_scores(name, data):
    bags, Y = data
    model = make(name).fit(bags, Y)
    scores = model.instance_scores(bags)
    assert [part.shape for part in scores] == [(len(bag), 3) for bag in bags]
    turned = model.instance_scores([bag[::-1] for bag in bags])
    for part, other in zip(scores, turned, strict=True):
        np.testing.assert_allclose(part, other[::-1], rtol=1e-4, atol=1e-6)


# The top label ------------------------------------------------------------------------------


@every_method
def test_top_label_gives_each_bag_without_a_label_the_highest(name, data):
    bags, Y = data
    Y = Y * (np.arange(len(Y)) % 4 == 0)[:, None]  # so that few labels are predicted
    without = make(name, top_label=False).fit(bags, Y)
    scores, answers = without.decision_function(bags), without.predict(bags)
    empty = ~answers.any(axis=1)
    assert empty.any()
    answers[empty, scores[empty].argmax(axis=1)] = 1
    with_rule = make(name, top_label=True).fit(bags, Y)
    np.testing.assert_array_equal(with_rule.predict(bags), answers)

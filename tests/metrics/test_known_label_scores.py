import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.neighbors import KNeighborsClassifier

from skmlc.metrics import get_metric, get_scorer, hide_labels, known_label_scores
from tests.metrics.recorder import PARTLY, PROBA, ROWS, Y, fitted

SHARES = (0, 0.3, "one_positive", 0.8)
METRICS = ("mAP", "micro_AP", "hamming_loss", "ebF1", "log_loss")


@pytest.mark.parametrize("y", [Y, PARTLY, csr_array(PARTLY), pd.DataFrame(Y)], ids=type)
def test_the_table_holds_the_metrics_of_each_share(y):
    scores = known_label_scores(fitted(), ROWS, y, shares=SHARES, metrics=METRICS)
    assert list(scores) == ["known", *METRICS]
    assert scores["known"].tolist() == list(SHARES)
    for name in METRICS:
        sign = 1 if get_metric(name).greater_is_better else -1
        for value, share in zip(scores[name], SHARES, strict=True):
            assert value == sign * get_scorer(name, known=share)(fitted(), ROWS, y)
            assert value > 0


def test_the_default_is_a_table_of_four_shares_and_two_metrics():
    scores = known_label_scores(fitted(), ROWS, Y)
    assert list(scores) == ["known", "mAP", "micro_AP"]
    np.testing.assert_array_equal(scores["known"], [0, 0.25, 0.5, 0.75])
    frame = pd.DataFrame(scores)
    assert frame.shape == (4, 3)
    assert set(map(str, frame.dtypes)) == {"float64"}


def test_each_method_is_called_once_per_share():
    model = fitted()
    known_label_scores(model, ROWS, Y, shares=SHARES, metrics=METRICS)
    methods = [method for method, _ in model.calls_]
    assert sorted(methods) == ["predict"] * 4 + ["predict_proba"] * 4
    expected = [None, *(hide_labels(Y, share)[1] for share in SHARES[1:])]
    for method in ("predict", "predict_proba"):
        told = [known for name, known in model.calls_ if name == method]
        assert told[0] is expected[0] is None
        np.testing.assert_array_equal(told[1:], expected[1:])


@pytest.mark.parametrize("make", [lambda: 5, lambda: np.random.RandomState(5)])
def test_all_shares_start_from_the_same_draws(make):
    first, second = fitted(), fitted()
    scores = [
        known_label_scores(model, ROWS, Y, shares=(0.3, 0.6), random_state=make())
        for model in (first, second)
    ]
    np.testing.assert_equal(*scores)
    less, more = (~np.isnan(known) for _, known in first.calls_)
    assert (more >= less).all()
    assert more.sum() > less.sum()
    assert (less != ~np.isnan(hide_labels(Y, 0.3)[1])).any()


def test_an_estimator_that_cannot_be_told_is_scored_where_nothing_is():
    model = KNeighborsClassifier(3).fit(PROBA, Y)
    scores = known_label_scores(model, PROBA, Y, shares=(0,))
    assert scores["mAP"] == [get_scorer("mAP")(model, PROBA, Y)]
    with pytest.raises(TypeError, match="KNeighborsClassifier's does not"):
        known_label_scores(model, PROBA, Y, shares=(0, 0.5))


def test_one_share_and_one_metric_may_stand_alone():
    for share in (0.5, "one_positive"):
        scores = known_label_scores(fitted(), ROWS, Y, shares=share, metrics="mAP")
        expected = get_scorer("mAP", known=share)(fitted(), ROWS, Y)
        assert {name: list(column) for name, column in scores.items()} == {
            "known": [share],
            "mAP": [expected],
        }


def test_wrong_shares_and_metrics_are_refused_before_anything_is_called():
    model = fitted()
    with pytest.raises(ValueError, match=r"known must be a share .*; got 1\.5"):
        known_label_scores(model, ROWS, Y, shares=(0.5, 1.5))
    with pytest.raises(ValueError, match="Unknown metric 'map'"):
        known_label_scores(model, ROWS, Y, metrics=("mAP", "map"))
    assert model.calls_ == []

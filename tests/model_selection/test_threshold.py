import time
from functools import partial
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics import fbeta_score

from skmlc.metrics.names import get_metric, get_scorer_names
from skmlc.model_selection import tune_threshold
from skmlc.model_selection._curves import form_of

LAMP_GRID = [
    0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.10, 0.15, 0.20, 0.25, 0.30,
    0.35, 0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95,
]  # fmt: skip
NAMES = [name for name in get_scorer_names() if get_metric(name).response == "predict"]
BY_LABEL = ["maF1", "HA", "hamming_loss", "CP", "CR"]


def make_data(seed, n_samples=12, n_labels=4, missing=0.0, decimals=1):
    """Labels, probabilities that know a little of them (with many ties), and weights."""
    rng = np.random.RandomState(seed)
    Y = (rng.rand(n_samples, n_labels) < 0.35).astype(float)
    Y[0, :] = 1
    P = np.round(np.clip(rng.rand(n_samples, n_labels) + 0.2 * Y - 0.1, 0, 1), decimals)
    Y[rng.rand(n_samples, n_labels) < missing] = np.nan
    return Y, P, rng.randint(0, 3, n_samples).astype(float)


def score(name, Y, predicted, weight=None):
    metric = get_metric(name)
    value = metric.function(Y, predicted.astype(int), sample_weight=weight)
    return value if metric.greater_is_better else -value


def candidates(Y, P):
    """Every distinct probability of a known entry, and one above them."""
    values = np.unique(P[~np.isnan(Y)])
    return [*values, np.nextafter(values[-1], np.inf)]


def search(name, Y, P, thresholds, weight=None):
    """The best threshold by a loop, the lowest of equals."""
    best, best_score = None, -np.inf
    for threshold in sorted(thresholds):
        found = score(name, Y, threshold <= P, weight)
        if found > best_score + 1e-12:
            best, best_score = threshold, found
    return best


def search_labels(name, Y, P, thresholds, start):
    """One pass over the labels by loops, the most frequent first."""
    result = np.full(P.shape[1], start)
    for label in np.argsort(-np.nansum(Y, axis=0), kind="stable"):
        best_score = -np.inf
        for threshold in sorted(thresholds[label]):
            trial = result.copy()
            trial[label] = threshold
            found = score(name, Y, trial <= P)
            if found > best_score + 1e-12:
                best, best_score = threshold, found
        result[label] = best
    return result


def test_the_default_grid_is_that_of_lamp():
    # One sample whose probability is just below the next value of the grid: the lowest
    # threshold that predicts nothing but the true label is the value itself.
    for value, above in zip(LAMP_GRID, [*LAMP_GRID[1:], 1.0]):
        P = np.array([[np.nextafter(above, 0), np.nextafter(value, 0)]])
        assert tune_threshold([[1, 0]], P, "miF1") == value
    assert len(LAMP_GRID) == 27


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("missing, weighted", [(0, False), (0.2, True)])
def test_common_thresholds_are_those_of_a_loop(name, missing, weighted):
    Y, P, weight = make_data(weighted, missing=missing)
    counted = weight > 0 if weighted else slice(None)
    weight = weight if weighted else None
    tune = partial(tune_threshold, Y, P, name, sample_weight=weight)
    find = partial(search, name, Y, P, weight=weight)
    grid = [0.3, 0.1, 0.55, 0.9]
    assert tune(grid="exact") == find(candidates(Y[counted], P[counted]))
    assert tune(grid=grid) == find(grid)
    assert tune() == tune(grid="lamp") == find(LAMP_GRID)


@pytest.mark.parametrize("name", ["ebF1", "ACC", "miF1", "maF1", "CF1", "hamming_loss"])
def test_label_thresholds_are_those_of_a_pass_by_loops(name):
    Y, P, _ = make_data(5, n_labels=3, missing=0.2)
    thresholds = tune_threshold(Y, P, name, grid="exact", per_label=True)
    start = search(name, Y, P, candidates(Y, P))
    of_label = [candidates(Y[:, [j]], P[:, [j]]) for j in range(3)]
    assert_array_equal(thresholds, search_labels(name, Y, P, of_label, start))
    grid = [0.2, 0.4, 0.6, 0.8]
    thresholds = tune_threshold(Y, P, name, grid=grid, per_label=True)
    start = search(name, Y, P, grid)
    assert_array_equal(thresholds, search_labels(name, Y, P, [grid] * 3, start))


@pytest.mark.parametrize("name", BY_LABEL)
def test_label_thresholds_are_the_best_for_means_over_labels(name):
    Y, P, weight = make_data(2, n_samples=5, n_labels=3, missing=0.1)
    thresholds = tune_threshold(
        Y, P, name, grid="exact", per_label=True, sample_weight=weight
    )
    choices = [candidates(Y[:, [j]], P[:, [j]]) for j in range(3)]
    best = max(score(name, Y, np.array(t) <= P, weight) for t in product(*choices))
    assert_allclose(score(name, Y, thresholds <= P, weight), best)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("grid", ["lamp", "exact"])
def test_label_thresholds_are_not_worse_than_a_common_one(name, grid):
    Y, P, weight = make_data(7, n_samples=40, n_labels=6, missing=0.1, decimals=3)
    common = tune_threshold(Y, P, name, grid=grid, sample_weight=weight)
    own = tune_threshold(Y, P, name, grid=grid, per_label=True, sample_weight=weight)
    assert own.shape == (6,)
    common_score = score(name, Y, common <= P, weight)
    assert score(name, Y, own <= P, weight) >= common_score - 1e-12


def test_every_metric_of_predictions_is_computed_for_all_thresholds_at_once():
    assert [name for name in NAMES if form_of(name) is None] == []
    assert form_of("mAP") is None


@pytest.mark.parametrize("per_label", [False, True])
def test_exact_thresholds_of_a_million_entries_take_less_than_five_seconds(per_label):
    rng = np.random.RandomState(0)
    P = rng.rand(20_000, 50)
    Y = (rng.rand(*P.shape) < 0.1 * P).astype(int)
    start = time.process_time()
    thresholds = tune_threshold(Y, P, "ebF1", grid="exact", per_label=per_label)
    assert time.process_time() - start < 5
    assert score("ebF1", Y, thresholds <= P) > score("ebF1", Y, P >= 0.5)


def test_the_lowest_of_equal_thresholds_wins():
    Y, P = [[1, 0], [1, 0]], [[0.8, 0.2], [0.6, 0.2]]
    assert tune_threshold(Y, P, grid=[0.7, 0.5, 0.3, 0.1]) == 0.3
    assert tune_threshold(Y, P, grid="exact") == 0.6


def test_predicting_nothing_is_among_the_exact_thresholds():
    Y, P = [[1, 0], [0, 0], [0, 0]], [[0.1, 0.9], [0.7, 0.2], [0.6, 0.3]]
    threshold = tune_threshold(Y, P, "HA", grid="exact")
    assert 0.9 < threshold < 0.9 + 1e-9


def test_unknown_entries_have_no_say():
    Y, P, _ = make_data(1, n_samples=30, missing=0.3)
    unknown = np.isnan(Y)
    other = np.where(unknown, np.random.RandomState(9).rand(*P.shape), P)
    for per_label, name in product([False, True], ["ebF1", "maF1"]):
        tune = partial(tune_threshold, metric=name, grid="exact", per_label=per_label)
        assert_array_equal(tune(Y, P), tune(Y, other))


def test_integer_weights_are_repetitions():
    Y, P, weight = make_data(3, n_samples=20)
    repeated = np.repeat(np.arange(20), weight.astype(int))
    for per_label, name in product([False, True], NAMES):
        tune = partial(tune_threshold, metric=name, grid="exact", per_label=per_label)
        expected = tune(Y[repeated], P[repeated])
        assert_array_equal(tune(Y, P, sample_weight=weight), expected)


def test_the_form_of_the_labels_does_not_matter():
    Y, P, _ = make_data(4, missing=0.1)
    for form in (
        Y.tolist(),
        sparse.csr_matrix(Y),
        sparse.csr_array(Y),
        sparse.coo_array(Y),
    ):
        for grid, per_label in product(["lamp", "exact"], [False, True]):
            tune = partial(tune_threshold, grid=grid, per_label=per_label)
            assert_array_equal(tune(form, P), tune(Y, P))


def test_inputs_are_not_modified():
    Y, P, weight = make_data(4, missing=0.1)
    copies = Y.copy(), P.copy(), weight.copy()
    tune_threshold(Y, P, "miF1", grid="exact", per_label=True, sample_weight=weight)
    for array, copy in zip((Y, P, weight), copies):
        assert_array_equal(array, copy)


def test_a_label_without_positives_keeps_the_common_threshold():
    Y, P, _ = make_data(6)
    Y[:, 2] = 0
    for name in NAMES:
        common = tune_threshold(Y, P, name)
        assert tune_threshold(Y, P, name, per_label=True)[2] == common


def test_without_any_positive_the_threshold_is_a_half():
    Y, P = np.zeros((3, 2)), np.random.RandomState(0).rand(3, 2)
    assert tune_threshold(Y, P, "HA", grid="exact") == 0.5
    assert_array_equal(tune_threshold(Y, P, per_label=True), [0.5, 0.5])


def test_the_metric_decides():
    Y, P, _ = make_data(8, n_samples=60, decimals=3)
    thresholds = {name: tune_threshold(Y, P, name, grid="exact") for name in NAMES}
    assert thresholds["OR"] == P.min()
    assert thresholds["miF1"] == thresholds["OF1"]
    assert len(set(thresholds.values())) >= 4


@pytest.mark.parametrize("per_label", [False, True])
def test_thresholds_hold_in_the_precision_of_the_probabilities(per_label):
    Y, P, _ = make_data(9, n_samples=30, decimals=2)
    P = P.astype(np.float32)
    for grid in ("lamp", "exact"):
        thresholds = tune_threshold(Y, P, "maF1", grid=grid, per_label=per_label)
        exact = np.asarray(thresholds, dtype=np.float32)
        assert_array_equal(thresholds <= P, exact <= P)
    # 0.7 in single precision is less than 0.7, and still reaches a threshold of 0.7.
    Y, P = [[1, 0], [1, 0]], np.array([[0.7, 0.6], [0.9, 0.1]], dtype=np.float32)
    thresholds = tune_threshold(Y, P, grid=[0.5, 0.7], per_label=per_label)
    assert_array_equal(thresholds <= P, Y)


@pytest.mark.parametrize("grid, per_label", [*product(["lamp", "exact"], [False, True])])
def test_a_function_is_tuned_for_like_a_name(grid, per_label):
    Y, P, weight = make_data(10, missing=0.1)
    params = {"grid": grid, "per_label": per_label, "sample_weight": weight}
    own = tune_threshold(Y, P, get_metric("maF1").function, **params)
    assert_array_equal(own, tune_threshold(Y, P, "maF1", **params))


def test_a_metric_of_scikit_learn_can_be_tuned_for():
    Y, P, _ = make_data(11, n_samples=20, n_labels=3, decimals=3)
    f = {
        beta: partial(fbeta_score, beta=beta, average="micro", zero_division=0)
        for beta in (0.2, 1, 5)
    }
    found = [tune_threshold(Y, P, f[beta], grid="exact") for beta in (0.2, 1, 5)]
    assert found[1] == tune_threshold(Y, P, "miF1", grid="exact")
    assert found[0] > found[1] > found[2]


@pytest.mark.parametrize("n_samples, n_calls", [(150, 151), (1000, 201)])
def test_a_function_is_called_for_at_most_200_quantiles(n_samples, n_calls):
    P = np.random.RandomState(0).rand(n_samples, 1)
    calls = []

    def metric(y_true, y_pred, sample_weight=None):
        calls.append(y_pred.sum())
        return -abs(y_pred.sum() - 100)

    threshold = tune_threshold(np.ones_like(P), P, metric, grid="exact")
    assert len(calls) == n_calls
    assert {0, n_samples} <= set(calls)
    assert abs(np.sum(threshold <= P) - 100) <= n_samples / 200


def test_a_function_without_a_value_is_never_the_best():
    def metric(y_true, y_pred, sample_weight=None):
        return np.nan if y_pred.sum() > 1 else float(y_pred.sum())

    assert tune_threshold([[1, 1]], [[0.3, 0.6]], metric, grid=[0.1, 0.4, 0.8]) == 0.4


@pytest.mark.parametrize(
    "params, message",
    [
        ({"metric": "LRAP"}, "metric must judge predicted labels"),
        ({"metric": "P@3"}, "needs no threshold"),
        ({"metric": "nothing"}, "Unknown metric 'nothing'"),
        ({"grid": "fine"}, "grid must be 'lamp', 'exact' or"),
        ({"grid": []}, "grid must be"),
        ({"grid": [[0.1]]}, "grid must be"),
        ({"grid": [0.1, np.nan]}, "grid must be"),
        ({"sample_weight": [1, 2]}, "sample_weight must hold 3 non-negative weights"),
        ({"sample_weight": [1, -2, 1]}, "sample_weight must hold 3 non-negative weights"),
        ({"sample_weight": [0, 0, 0]}, "not all of them zero"),
        ({"probabilities": np.zeros((3, 3))}, r"probabilities must be of shape \(3, 2\)"),
        ({"Y": [[0, 2], [1, 0], [1, 1]]}, "Y must be .* zeros and ones.*value 2"),
    ],
)
def test_what_cannot_be_tuned_is_refused(params, message):
    arguments = {"Y": [[0, 1], [1, 0], [1, 1]], "probabilities": np.full((3, 2), 0.5)}
    with pytest.raises(ValueError, match=message):
        tune_threshold(**(arguments | params))

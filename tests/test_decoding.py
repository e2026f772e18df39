"""Sets of labels from a model that can be told labels: drawn, most probable, scored, asked."""

import tracemalloc
from itertools import combinations, permutations, product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from scipy.stats import chisquare

from skmlc import decoding
from skmlc.decoding import (
    best_f1_labels,
    draw_labels,
    expected_information,
    log_likelihood,
    most_probable_labels,
)

STATES = np.array(list(product((0, 1), repeat=4)))
JOINT = np.random.default_rng(3).dirichlet(np.full(16, 0.5))
NOTHING = np.zeros((1, 4), dtype=np.int8)
# All that can be known of 4 labels, a row each: from nothing to everything.
ALL_KNOWN = np.array(list(product((0, 1, -1), repeat=4)), dtype=np.int8)

FUNCTIONS = {
    "draw_labels": lambda answer, known, **k: draw_labels(answer, known, seeded(), **k),
    "most_probable_labels": most_probable_labels,
    "log_likelihood": lambda answer, known, **k: log_likelihood(
        answer, (known >= 0).astype(float), known, seeded(), **k
    ),
    "expected_information": expected_information,
}
in_rounds = pytest.mark.parametrize("name", list(FUNCTIONS)[:3])
each_function = pytest.mark.parametrize("name", list(FUNCTIONS))


def seeded(seed=0):
    return np.random.RandomState(seed)


def signs(states):
    return (2 * states - 1).astype(np.int8)


class Exact:
    """The exact conditionals of a joint distribution; records what it was told."""

    def __init__(self, joint=JOINT):
        n_labels = int(np.log2(len(joint)))
        self.joint, self.calls = joint, []
        self.states = np.array(list(product((0, 1), repeat=n_labels)))

    def __call__(self, known):
        self.calls.append(known.copy())
        agree = (known[:, None] == 0) | (known[:, None] == signs(self.states))
        weight = agree.all(axis=2) * self.joint
        return (weight / weight.sum(axis=1, keepdims=True)) @ self.states


class Contradictory:
    """A model whose conditionals belong to no joint distribution."""

    def __init__(self, n_labels=4):
        self.weights = 2 * np.random.default_rng(0).normal(size=(n_labels, n_labels))
        self.calls = []

    def __call__(self, known):
        self.calls.append(known.copy())
        return np.where(known != 0, known > 0, expit(known @ self.weights))


def probability(known, joint=JOINT):
    """Return the probability of what one row says, by a loop over states."""
    states = list(product((0, 1), repeat=len(known)))
    return sum(
        p
        for p, state in zip(joint, states)
        if all(k == 0 or k == 2 * bit - 1 for k, bit in zip(known, state))
    )


def distribution_given(known):
    """Return the joint distribution given what one row says."""
    chances = [probability(np.where(known == 0, state, known)) for state in signs(STATES)]
    agrees = ((known == 0) | (known == signs(STATES))).all(axis=1)
    return agrees * chances / probability(known)


def chance_of(drawn, expected):
    """Return the p-value of the chi-square test of draws against a distribution."""
    counts = np.bincount(drawn @ [8, 4, 2, 1], minlength=16)
    assert not counts[expected == 0].any()
    possible = expected > 0
    return chisquare(counts[possible], len(drawn) * expected[possible]).pvalue


def chance_of_drawing(expected, **options):
    """Return the p-value of 20,000 draws where nothing is known."""
    known = np.repeat(NOTHING, 20_000, axis=0)
    return chance_of(draw_labels(Exact(), known, seeded(), **options), expected)


# Samples ------------------------------------------------------------------------------------


def test_samples_match_the_joint_distribution():
    assert chance_of_drawing(JOINT) > 0.01


def test_samples_match_the_joint_distribution_given_what_is_known_of_each():
    rows = np.array(
        [[1, 0, 0, 0], [0, -1, 0, 1], [0, 0, 0, 0], [-1, 1, 0, -1]], dtype=np.int8
    )
    drawn = draw_labels(Exact(), np.tile(rows, (5000, 1)), seeded())
    for i, known in enumerate(rows):
        assert chance_of(drawn[i :: len(rows)], distribution_given(known)) > 0.01


def test_samples_of_one_round_match_the_product_of_marginals():
    marginals = JOINT @ STATES
    expected = np.where(STATES, marginals, 1 - marginals).prod(axis=1)
    assert chance_of_drawing(expected, n_rounds=1) > 0.01
    assert chance_of_drawing(JOINT, n_rounds=1) < 1e-6


def test_samples_of_two_rounds_are_independent_within_each_and_all_pairs_come_first():
    expected = np.zeros(16)
    for pair in combinations(range(4), 2):
        for i, state in enumerate(STATES):
            first = np.isin(range(4), pair)
            told = np.where(first, signs(state), 0).astype(np.int8)
            proba = np.where(first, Exact()(NOTHING)[0], Exact()(told[None])[0])
            expected[i] += np.where(state, proba, 1 - proba).prod() / 6
    assert chance_of_drawing(expected, n_rounds=2) > 0.01
    assert chance_of_drawing(JOINT, n_rounds=2) < 1e-6


def test_labels_are_drawn_one_at_a_time_in_an_order_of_each_sample():
    answer = Exact()
    draw_labels(answer, np.zeros((4000, 4), dtype=np.int8), seeded())
    told = [(known != 0).sum(axis=1) for known in answer.calls]
    assert_array_equal(told, np.repeat(np.arange(4)[:, None], 4000, axis=1))
    first = np.bincount((answer.calls[1] != 0).argmax(axis=1))
    assert chisquare(first).pvalue > 0.01


def test_rounds_deal_with_equal_blocks_of_each_sample_s_unknown_labels():
    known = np.zeros((3, 10), dtype=np.int8)
    known[1, :3], known[2, 1:] = 1, -1
    answer = Contradictory(10)
    draw_labels(answer, known, seeded(), n_rounds=4)
    log_likelihood(answer, np.ones((3, 10)), known, seeded(), n_rounds=4)
    left = [(known == 0).sum(axis=1) for known in answer.calls]
    for calls in (left[:4], left[4:]):
        blocks = -np.diff([*calls, np.zeros(3)], axis=0)
        assert_array_equal(
            np.sort(blocks, axis=0).T, [[2, 2, 3, 3], [1, 2, 2, 2], [0, 0, 0, 1]]
        )


@pytest.mark.parametrize("rng", [np.random.RandomState, np.random.default_rng])
def test_the_random_state_decides_on_what_is_drawn(rng):
    known = np.zeros((50, 4), dtype=np.int8)
    drawn = [draw_labels(Exact(), known, rng(seed)) for seed in (0, 0, 1)]
    assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    labels = np.ones(known.shape)
    sums = [log_likelihood(Contradictory(), labels, known, rng(seed)) for seed in (0, 0, 1)]
    assert_array_equal(sums[0], sums[1])
    assert (sums[0] != sums[2]).any()


# What all have in common --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["draw_labels", "most_probable_labels"])
@pytest.mark.parametrize("n_rounds", [None, 1, 2, 8])
def test_known_labels_are_as_told(name, n_rounds):
    labels = FUNCTIONS[name](Exact(), ALL_KNOWN, n_rounds=n_rounds)
    told = ALL_KNOWN != 0
    assert labels.dtype == np.uint8
    assert_array_equal(signs(labels)[told], ALL_KNOWN[told])


@pytest.mark.parametrize("name", ["most_probable_labels", "expected_information"])
def test_what_comes_out_for_a_sample_does_not_depend_on_the_others(name):
    together = FUNCTIONS[name](Exact(), ALL_KNOWN)
    alone = [FUNCTIONS[name](Exact(), row[None])[0] for row in ALL_KNOWN]
    assert_allclose(together, alone, atol=1e-12)


@each_function
def test_where_everything_is_known_nothing_is_asked(name):
    known = np.array([[1, -1, 1, 1], [-1, -1, -1, -1]], dtype=np.int8)
    answer = Exact()
    result = FUNCTIONS[name](answer, known)
    expected = {
        "log_likelihood": np.zeros(2),
        "expected_information": np.full((2, 4), -np.inf),
    }
    assert_array_equal(result, expected.get(name, known > 0))
    assert answer.calls == []


@each_function
def test_no_samples_give_no_answers(name):
    result = FUNCTIONS[name](Exact(), NOTHING[:0])
    assert result.shape == ((0,) if name == "log_likelihood" else (0, 4))


@each_function
def test_what_is_known_is_not_modified(name):
    known = ALL_KNOWN.copy()
    known.flags.writeable = False
    FUNCTIONS[name](Exact(), known)
    assert_array_equal(known, ALL_KNOWN)


@in_rounds
@pytest.mark.parametrize(
    "n_rounds, n_unknown, n_calls", [(None, 5, 5), (None, 40, 32), (3, 40, 3), (8, 5, 5)]
)
def test_the_number_of_rounds_is_the_number_of_passes(name, n_rounds, n_unknown, n_calls):
    known = np.ones((3, 40), dtype=np.int8)
    known[1, :n_unknown] = known[2, :1] = 0
    answer = Contradictory(40)
    FUNCTIONS[name](answer, known, n_rounds=n_rounds)
    assert len(answer.calls) == n_calls


def test_further_orders_share_the_first_pass():
    answer, known = Exact(), np.zeros((2, 4), dtype=np.int8)
    log_likelihood(answer, np.ones((2, 4)), known, seeded(), n_orders=3)
    assert len(answer.calls) == 1 + 3 * 3


# The most probable set ----------------------------------------------------------------------


def test_the_most_probable_set_of_one_round_is_a_threshold():
    labels = most_probable_labels(Exact(), NOTHING, n_rounds=1)
    assert_array_equal(labels, Exact()(NOTHING) >= 0.5)


def test_the_surest_label_is_fixed_first_and_the_others_predicted_given_it():
    for seed in range(20):
        answer, known = (
            Exact(np.random.default_rng(seed).dirichlet(np.ones(16))),
            NOTHING.copy(),
        )
        for _ in range(4):
            proba = answer(known)[0]
            surest = max(np.flatnonzero(known[0] == 0), key=lambda j: abs(proba[j] - 0.5))
            known[0, surest] = 1 if proba[surest] >= 0.5 else -1
        assert_array_equal(most_probable_labels(answer, NOTHING), known > 0)


@pytest.mark.parametrize("n_rounds, least", [(4, 0.7), (8, 0.85)])
def test_the_mode_of_most_joint_distributions_is_found(n_rounds, least):
    rng, found, gains = np.random.default_rng(0), [], []
    for _ in range(200):
        answer = Exact(rng.dirichlet(np.full(32, 0.3)))
        known = np.zeros((1, 5), dtype=np.int8)
        places = [
            most_probable_labels(answer, known, n_rounds=n)[0] @ [16, 8, 4, 2, 1]
            for n in (1, n_rounds)
        ]
        found.append(places[1] == answer.joint.argmax())
        gains.append(np.log(answer.joint[places[1]]) - np.log(answer.joint[places[0]]))
    assert np.mean(found) > least
    assert np.mean(gains) > 1


def test_rounds_fix_fewer_and_fewer_labels_so_that_the_doubtful_ones_wait():
    answer = Contradictory(1000)
    most_probable_labels(answer, np.zeros((1, 1000), dtype=np.int8), n_rounds=8)
    left = [(known == 0).sum() for known in answer.calls]
    assert len(left) == 8
    assert left[-1] == 1
    assert (np.diff(left, 2) > 0).all()


def test_doubtful_labels_are_decided_together_among_many_that_surely_do_not_hold():
    # Of the last three of 300 labels exactly one holds, hardly ever the first.
    def answer(known):
        proba = np.full(known.shape, 0.01)
        last = known[:, -3:]
        weight = np.array([0.2, 0.38, 0.42]) * (last >= 0)
        weight = np.where((last > 0).any(axis=1, keepdims=True), last > 0, weight)
        proba[:, -3:] = weight / weight.sum(axis=1, keepdims=True)
        return np.where(known != 0, known > 0, proba)

    known = np.zeros((1, 300), dtype=np.int8)
    assert not most_probable_labels(answer, known, n_rounds=1).any()
    labels = most_probable_labels(answer, known, n_rounds=8)
    assert_array_equal(np.flatnonzero(labels), [299])


# Likelihood ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_of_exact_conditionals_is_that_of_the_joint_in_any_order(seed):
    known = np.zeros(STATES.shape, dtype=np.int8)
    estimate = log_likelihood(Exact(), STATES, known, seeded(seed))
    assert estimate.dtype == np.float64
    assert_allclose(estimate, np.log(JOINT), rtol=1e-10)


def test_the_likelihood_is_given_what_is_known_and_of_what_is_asked_for():
    rows = [(a, b) for a in ALL_KNOWN for b in ALL_KNOWN if not ((a != 0) & (b != 0)).any()]
    known, asked = (np.array(part) for part in zip(*rows))
    labels = np.where(asked == 0, np.nan, asked > 0)
    expected = [probability(a + b) / probability(a) for a, b in rows]
    assert_allclose(log_likelihood(Exact(), labels, known, seeded()), np.log(expected))


def test_labels_that_contradict_known_ones_are_impossible():
    known = np.array([[1, 0, 0, -1]] * 4, dtype=np.int8)
    labels = np.array(
        [[1, 0, 1, 0], [0, 0, 1, np.nan], [np.nan, 0, 1, 1], [np.nan, 0, 1, np.nan]]
    )
    estimate = log_likelihood(Exact(), labels, known, seeded())
    assert np.isfinite(estimate[0])
    assert_allclose(estimate, [estimate[0], -np.inf, -np.inf, estimate[0]])
    everything = np.array([[1, -1, 1, 1]], dtype=np.int8)
    nothing_asked = log_likelihood(Exact(), np.ones((1, 4)), everything, seeded())
    assert_array_equal(nothing_asked, [-np.inf])


def test_a_label_that_is_not_asked_for_is_never_told():
    answer, labels = Exact(), np.array([[1, np.nan, 0, 1]])
    log_likelihood(answer, labels, NOTHING, seeded())
    assert len(answer.calls) == 3
    assert not np.concatenate(answer.calls)[:, 1].any()


def test_the_likelihood_of_one_round_is_the_product_of_marginals():
    marginals = JOINT @ STATES
    expected = np.log(np.where(STATES, marginals, 1 - marginals)).sum(axis=1)
    known = np.zeros(STATES.shape, dtype=np.int8)
    assert_allclose(log_likelihood(Exact(), STATES, known, seeded(), n_rounds=1), expected)


def test_the_likelihood_of_contradictory_conditionals_is_averaged_over_orders():
    answer, labels, sums = Contradictory(3), np.array([[1, 0, 1]]), []
    for order in permutations(range(3)):
        known, total = np.zeros((1, 3), dtype=np.int8), 0
        for j in order:
            proba = answer(known)[0, j]
            total += np.log(proba if labels[0, j] else 1 - proba)
            known[0, j] = 2 * labels[0, j] - 1
        sums.append(total)
    assert np.std(sums) > 0.3
    one_order = log_likelihood(
        answer, np.repeat(labels, 200, axis=0), np.zeros((200, 3), dtype=np.int8), seeded()
    )
    assert_allclose(np.unique(one_order.round(9)), np.unique(np.round(sums, 9)))
    known = np.zeros((1, 3), dtype=np.int8)
    many = log_likelihood(answer, labels, known, seeded(), n_orders=1000)
    assert_allclose(many, np.mean(sums), atol=0.1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_likelihood_of_the_impossible_is_finite(dtype):
    def answer(known):
        return np.where(known != 0, known > 0, np.array([0, 1])).astype(dtype)

    labels = np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
    estimate = log_likelihood(answer, labels, np.zeros((3, 2), dtype=np.int8), seeded())
    eps = np.log(np.finfo(dtype).eps, dtype=np.float64)
    assert_allclose(estimate, [eps, eps, 0])


# Expected F1 --------------------------------------------------------------------------------


def mean_f1(drawn, labels):
    """Return the mean F1 of a set of labels, by a loop over sets."""
    chosen, scores = set(np.flatnonzero(labels)), []
    for row in drawn:
        true = set(np.flatnonzero(row))
        both = len(chosen) + len(true)
        scores.append(2 * len(chosen & true) / both if both else 1)
    return np.mean(scores)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
@pytest.mark.parametrize("n_labels", [1, 2, 5])
def test_the_set_of_the_best_expected_f1_is_that_of_a_search_of_all(n_labels, share):
    rng = np.random.default_rng(n_labels)
    samples = (rng.random((7, 6, n_labels)) < share).astype(np.uint8)
    samples[:, 0] = 0
    best = best_f1_labels(samples)
    assert best.dtype == np.uint8
    for row, labels in enumerate(best):
        every = list(product((0, 1), repeat=n_labels))
        most = max(mean_f1(samples[:, row], candidate) for candidate in every)
        assert mean_f1(samples[:, row], labels) == pytest.approx(most)


def test_the_empty_set_is_best_where_most_samples_are_empty():
    samples = np.zeros((5, 2, 3), dtype=np.uint8)
    samples[:2, 0] = samples[:3, 1] = [0, 1, 0]
    assert_array_equal(best_f1_labels(samples), [[0, 0, 0], [0, 1, 0]])
    assert_array_equal(best_f1_labels(0 * samples), np.zeros((2, 3)))


def test_a_label_of_small_sets_is_worth_more_than_one_of_as_many_large_sets():
    samples = np.zeros((7, 1, 34), dtype=np.uint8)
    samples[:3, 0, 0] = samples[3:, 0, 1] = 1  # the second also with eight others each time
    samples[np.repeat(np.arange(3, 7), 8), 0, np.arange(2, 34)] = 1
    assert_array_equal(
        np.flatnonzero(best_f1_labels(samples)), [0]
    )  # 3 / 7 against 2.73 / 7


def test_blocks_of_rows_do_not_change_the_best_sets(monkeypatch):
    samples = (np.random.default_rng(0).random((9, 11, 6)) < 0.3).astype(np.uint8)
    together = best_f1_labels(samples)
    for entries in (1, 200):
        monkeypatch.setattr(decoding, "_BLOCK_ENTRIES", entries)
        assert_array_equal(best_f1_labels(samples), together)


def test_memory_does_not_grow_with_samples_times_labels_squared():
    samples = (np.random.default_rng(0).random((10, 200, 400)) < 0.02).astype(np.uint8)
    tracemalloc.start()
    best_f1_labels(samples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # a pair of labels of each sample would be 256e6 in bytes of 8


# Expected information -----------------------------------------------------------------------


def mutual_information(known, j, k):
    """Return that of labels j and k given what is known, by a loop over their values."""
    given, total = probability(known), 0

    def chance(told):
        known_too = known.copy()
        for label, value in told.items():
            known_too[label] = value
        return probability(known_too) / given

    for a, b in product((-1, 1), repeat=2):
        both = chance({j: a, k: b})
        total += both * np.log(both / (chance({j: a}) * chance({k: b})))
    return total


def test_expected_information_is_entropy_and_mutual_information_with_each_other_label():
    information = expected_information(Exact(), ALL_KNOWN)
    assert information.dtype == np.float64
    for known, row, p in zip(ALL_KNOWN, information, Exact()(ALL_KNOWN)):
        unknown = np.flatnonzero(known == 0)
        expected = np.full(4, -np.inf)
        for j in unknown:
            expected[j] = -p[j] * np.log(p[j]) - (1 - p[j]) * np.log(1 - p[j])
            expected[j] += sum(mutual_information(known, j, k) for k in unknown if k != j)
        assert_allclose(row, expected, atol=1e-12)


def test_only_the_candidates_of_largest_entropy_are_looked_at():
    known = ALL_KNOWN[np.r_[0:81:7]]
    answer = Exact()
    information = expected_information(answer, known, n_candidates=2)
    assert len(answer.calls) == 1 + 2 * 2
    every, proba = expected_information(Exact(), known), Exact()(known)
    for row, told, p, expected in zip(information, known, proba, every):
        unknown = np.flatnonzero(told == 0)
        chosen = unknown[np.argsort(np.abs(p[unknown] - 0.5))[:2]]
        assert_allclose(row[chosen], expected[chosen])
        assert (np.delete(row, chosen) == -np.inf).all()


def test_all_of_many_unknown_labels_are_looked_at():
    known = np.zeros((1, 50), dtype=np.int8)
    assert (expected_information(Contradictory(50), known) >= 0).all()


def test_a_label_of_which_the_model_is_certain_is_looked_at_and_a_known_one_is_not():
    def answer(known):
        return np.where(known != 0, known > 0, np.array([0.5, 1.0, 0.0])).astype(np.float32)

    information = expected_information(answer, np.array([[1, 0, 0]], dtype=np.int8))
    assert_array_equal(information, [[-np.inf, 0, 0]])  # neither of which is in doubt


def test_a_pass_per_value_of_each_label_and_one_more():
    answer = Exact()
    expected_information(answer, np.array([[0, 0, 0, 1], [1, 1, 1, 0]], dtype=np.int8))
    assert len(answer.calls) == 1 + 2 * 3


def test_entropies_that_are_expected_to_rise_count_as_no_information_of_the_others():
    def answer(known):  # the second label is surer as long as nothing is known of the first
        second = np.where(known[:, 0] == 0, 0.01, 0.5)
        return np.where(known != 0, known > 0, np.stack([0.5 + 0 * second, second], axis=1))

    own = [np.log(2), -0.01 * np.log(0.01) - 0.99 * np.log(0.99)]
    assert_allclose(expected_information(answer, np.zeros((1, 2), np.int8)), [own])

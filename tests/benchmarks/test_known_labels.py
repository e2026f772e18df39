"""The protocol of benchmarks/known_labels.py, by hand-computed cases."""

import importlib
import itertools
import json

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import average_precision_score

NAN = np.nan


def module(name):
    return importlib.import_module(name)


def labels(n_samples=50, n_labels=6, seed=0):
    return (np.random.default_rng(seed).random((n_samples, n_labels)) < 0.3).astype(int)


# Hiding -------------------------------------------------------------------------------------


def test_larger_shares_show_what_smaller_ones_show():
    scores, Y = module("completion.scores"), labels(400)
    shown = [~np.isnan(scores.show(Y, share, seed=3)) for share in scores.SHARES]
    assert not shown[0].any()
    for smaller, larger in itertools.pairwise(shown):
        assert not (smaller & ~larger).any()
    assert [s.mean() for s in shown] == pytest.approx(scores.SHARES, abs=0.03)


def test_what_is_shown_is_true_and_depends_on_the_seed():
    scores, Y = module("completion.scores"), labels()
    known = scores.show(Y, 0.5, seed=0)
    np.testing.assert_array_equal(known[~np.isnan(known)], Y[~np.isnan(known)])
    np.testing.assert_array_equal(known, scores.show(Y, 0.5, seed=0))
    assert (np.isnan(known) != np.isnan(scores.show(Y, 0.5, seed=1))).any()


def test_one_positive_is_shown_where_there_is_one():
    scores = module("completion.scores")
    Y = np.vstack([labels(), np.zeros((1, 6), int), np.ones((1, 6), int)])
    known = scores.show(Y, "one_positive", seed=0)
    np.testing.assert_array_equal((known == 1).sum(axis=1), Y.any(axis=1))
    assert not (known == 0).any()
    assert (Y[known == 1] == 1).all()


def test_only_hidden_entries_are_scored():
    scores = module("completion.scores")
    Y = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1]])
    known = np.array([[NAN, 1, NAN], [0, NAN, NAN], [NAN, NAN, 1], [NAN, 1, 1.0]])
    p = np.array([[0.9, 0, 0.3], [1, 0.2, 0.4], [0.1, 0.6, 0], [0.5, 0, 0]])
    # Label 0 has hidden 1, 1, 0 with .9, .1, .5; label 1 hidden 1, 0 with .2, .6; of label 2
    # both hidden entries are 0, so that it has no AP.
    macro, micro = scores.hidden_scores(Y, p, known)
    assert macro == pytest.approx(((1 + 2 / 3) / 2 + 1 / 2) / 2)
    order = [0.9, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    assert micro == pytest.approx(average_precision_score([1, 0, 0, 0, 0, 1, 1], order))


# Methods without X --------------------------------------------------------------------------


def test_the_nearest_rows_in_label_space_answer():
    model = module("completion.label_space").LabelNeighbors(2)
    model.fit(np.array([[1, 1, 0], [1, 1, 1], [1, 0, 0], [0, 0, 0]]))
    # Distances to "1 1 ?": 0, 0, 1, 2.
    np.testing.assert_allclose(model.predict_proba(np.array([[1, 1, NAN]])), [[1, 1, 0.5]])
    # Distances to "? 0 ?": 1, 1, 0, 0.
    np.testing.assert_allclose(
        model.predict_proba(np.array([[NAN, 0, NAN]])), [[0.5, 0, 0]]
    )


def test_equally_near_rows_all_count():
    model = module("completion.label_space").LabelNeighbors(1)
    Y = np.array([[1, 1, 0], [1, 1, 1], [1, 0, 0], [0, 0, 0]])
    answer = model.fit(Y).predict_proba(np.full((1, 3), NAN))
    np.testing.assert_allclose(answer, [Y.mean(axis=0)])


def test_the_number_of_neighbors_is_chosen_in_training():
    space = module("completion.label_space")
    Y = np.repeat(
        labels(10), 30, axis=0
    )  # each row thirty times: more neighbors are others
    Y = Y[np.random.default_rng(0).permutation(len(Y))]
    assert space.LabelNeighbors().fit(Y).n_neighbors_ <= 20


def test_known_labels_count_independently():
    model = module("completion.label_space").NaiveBayes()
    Y = np.array([[1, 1, 1], [1, 0, 1], [0, 0, 1], [0, 0, 0]])
    odds = model.fit(Y).decision_function(np.array([[NAN, 1, 0], [NAN, NAN, NAN]]))
    # Label 0 holds in two rows, label 1 in one of these and in none of the others, label 2 in
    # both and in one: with one more of each 2/4 and 1/4, 3/4 and 2/4.
    expected = np.log(3 / 3) + np.log((2 / 4) / (1 / 4)) + np.log((1 / 4) / (2 / 4))
    assert odds[0, 0] == pytest.approx(expected)
    np.testing.assert_allclose(odds[1], np.log([3 / 3, 2 / 4, 4 / 2]))


# Data and choices ---------------------------------------------------------------------------


def test_sets_with_many_labels_leave_out_what_is_too_slow():
    methods_of = module("completion.methods").methods_of
    assert methods_of(14) == list(module("completion.methods").METHODS)
    assert not {"forest", "ctran", "blend"} & {*methods_of(983)}


# Tables -------------------------------------------------------------------------------------


def rows_of(values):
    """Return rows with the same macro AP at all shares: {(dataset, method, seed): value}."""
    told = module("completion.scores").TOLD
    return [
        {"dataset": dataset, "method": method, "seed": seed, "known": str(t)}
        | {"macro_AP": str(value), "fit_cpu_s": "1"}
        for (dataset, method, seed), value in values.items()
        for t in told
    ]


def test_ranks_are_averages_over_the_sets_that_have_all_methods():
    tables = module("completion.tables")
    values = {
        ("yeast", "lamp", "0"): 0.5, ("yeast", "lamp", "1"): 0.1,  # of seed 0: the best
        ("yeast", "forest", "0"): 0.4, ("yeast", "linear", "0"): 0.4,  # 2.5 each
        ("scene", "lamp", "0"): 0.1, ("scene", "forest", "0"): 0.3,
        ("scene", "linear", "0"): 0.2,
        ("sider", "lamp", "0"): 0.9, ("sider", "forest", "0"): 0.1,  # no linear
    }  # fmt: skip
    ranks, datasets = tables.average_ranks(rows_of(values), ["lamp", "forest", "linear"])
    assert sorted(datasets) == ["scene", "yeast"]
    for told in module("completion.scores").TOLD:
        assert [ranks[m][told] for m in ranks] == [2.0, 1.75, 2.25]


# The command --------------------------------------------------------------------------------


@pytest.fixture
def data_home(tmp_path):
    rng = np.random.default_rng(0)
    Y = (rng.random((90, 4)) < [0.6, 0.4, 0.3, 0.5]).astype(np.uint8)
    folder = tmp_path / "emotions"
    folder.mkdir()
    meta = {
        "name": "emotions",
        "label_names": list("abcd"),
        "feature_names": list("uvwxyz"),
    }
    meta["splits"] = {"train": [0, 60], "test": [60, 90]}
    (folder / "meta.json").write_text(json.dumps(meta))
    X = rng.normal(size=(90, 6)) + 2 * np.pad(Y, ((0, 0), (0, 2)))
    sparse.save_npz(folder / "X.npz", sparse.csr_array(X))
    sparse.save_npz(folder / "Y.npz", sparse.csr_array(Y))
    return tmp_path


def run(data_home, *more):
    command = ["--dataset", "emotions", "--data-home", str(data_home)]
    output = data_home / "results.csv"
    module("known_labels").main([*command, "--output", str(output), *more])
    return module("completion.tables").read_results(output)


def test_a_run_appends_a_row_per_share_and_is_not_done_twice(data_home, capsys):
    rows = run(data_home, "--method", "conditional", "linear_untold")
    assert [row["known"] for row in rows[:5]] == [
        "0",
        "0.25",
        "0.5",
        "0.75",
        "one_positive",
    ]
    assert {row["method"] for row in rows} == {"conditional", "linear_untold"}
    assert len(run(data_home, "--method", "conditional")) == len(rows) == 10
    assert len(run(data_home, "--method", "conditional", "--seed", "1")) == 15
    module("known_labels").main(
        ["--table", "md", "--output", str(data_home / "results.csv")]
    )
    assert "| conditional | 2 |" in capsys.readouterr().out


def test_labels_of_the_test_part_choose_nothing(data_home):
    data = module("completion.data").load_data("emotions", str(data_home))
    fit = module("completion.methods").fit
    known = np.full(data.Y_test.shape, NAN)
    for method in ("linear", "label_knn"):
        other = data._replace(Y_test=1 - data.Y_test)
        answers = [fit(method, d, 0).answer(known) for d in (data, other)]
        np.testing.assert_array_equal(*answers)


def test_what_is_asked_is_told_and_leaves_the_rest(data_home):
    questions = module("completion.questions")
    Y = np.array([[1, 0], [0, 1], [1, 1]])
    given = []

    class Model:
        def predict_proba(self, X, known):
            given.append(known.copy())
            return np.where(np.isnan(known), 0.4, known)

    scores = questions.ask(Model(), None, Y, lambda known, p: np.array([1, 0, 1]))
    first, second = next(scores), next(scores)
    np.testing.assert_array_equal(given[0], np.full((3, 2), NAN))
    np.testing.assert_array_equal(given[1], [[NAN, 0], [0, NAN], [NAN, 1]])
    assert first["wrong_per_sample"] == pytest.approx(4 / 3)
    assert second["wrong_per_sample"] == pytest.approx(1)
    assert first["all_macro_AP"] == first["rest_macro_AP"] == pytest.approx(2 / 3)

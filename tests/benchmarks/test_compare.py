"""The protocol of benchmarks/compare.py, by hand-computed cases."""

import importlib
import json

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score


def module(name):
    return importlib.import_module(name)


METRICS = ("ebF1", "miF1", "maF1", "mAP", "LRAP")


def result(dataset, method, value, seed=0, **more):
    """Return a row of results with the same value of all metrics."""
    row = {"dataset": dataset, "part": "test", "method": method, "seed": seed}
    row |= dict.fromkeys(METRICS, value) | {"fit_cpu_s": 1.0, "predict_cpu_s": 1.0}
    return row | more


@pytest.fixture
def data_home(tmp_path):
    """A folder with emotions, where each row is known by its first column."""
    rng = np.random.default_rng(0)
    Y = (rng.random((160, 4)) < [0.6, 0.4, 0.3, 0.5]).astype(np.uint8)
    folder = tmp_path / "emotions"
    folder.mkdir()
    meta = {"name": "emotions", "label_names": list("abcd")}
    meta |= {
        "feature_names": list("uvwxyz"),
        "splits": {"train": [0, 120], "test": [120, 160]},
    }
    (folder / "meta.json").write_text(json.dumps(meta))
    X = rng.normal(size=(160, 6)) + 2 * np.pad(Y, ((0, 0), (2, 0)))
    X[:, 0] = np.arange(1, 161)
    sparse.save_npz(folder / "X.npz", sparse.csr_array(X))
    sparse.save_npz(folder / "Y.npz", sparse.csr_array(Y))
    return tmp_path


@pytest.fixture
def few_trees(monkeypatch):
    """Forests that take no time."""
    monkeypatch.setattr(module("comparison.methods"), "TREES", {"n_estimators": 5})


# Data ---------------------------------------------------------------------------------------


def rows_of(part):
    return {int(row) - 1 for row in part.X[:, 0]}


def test_test_rows_are_scored_and_a_tenth_of_the_others_is_held_out(data_home):
    task = module("comparison.data").load_task("emotions", "test", 0, str(data_home))
    assert rows_of(task.scored) == {*range(120, 160)}
    assert len(rows_of(task.held_out)) == 12
    assert rows_of(task.fit) | rows_of(task.held_out) == {*range(120)}
    assert not rows_of(task.fit) & rows_of(task.held_out)


@pytest.mark.parametrize("seed", [0, 1])
def test_validation_splits_the_training_rows_and_reads_no_test_row(data_home, seed):
    task = module("comparison.data").load_task("emotions", "valid", seed, str(data_home))
    parts = [rows_of(part) for part in task[1:]]
    assert [len(rows) for rows in parts] == [81, 9, 30]
    assert set.union(*parts) == {*range(120)}


def test_the_rows_held_out_are_another_tenth_with_another_seed(data_home):
    load = module("comparison.data").load_task
    first, again, other = (
        rows_of(load("emotions", "test", seed, str(data_home)).held_out)
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_labels_stay_with_their_samples(data_home):
    Y = sparse.load_npz(data_home / "emotions" / "Y.npz").toarray()
    for part in module("comparison.data").load_task("emotions", "valid", 0, str(data_home))[
        1:
    ]:
        np.testing.assert_array_equal(part.Y, Y[part.X[:, 0].astype(int) - 1])


@pytest.mark.parametrize("name", ["delicious", "miml_text", "rcv1sub1"])
def test_sets_aside_are_refused_with_part_valid(name, data_home, capsys):
    with pytest.raises(ValueError, match=f"part must be 'test' for {name}"):
        module("comparison.data").load_task(name, "valid", 0, str(data_home))
    command = ["--dataset", "emotions", name, "--part", "valid"]
    with pytest.raises(SystemExit):
        module("compare").main([*command, "--data-home", str(data_home)])
    assert f"--part valid is not for {name}" in capsys.readouterr().err


def test_all_validation_runs_leave_the_sets_aside_alone(monkeypatch, tmp_path):
    compare, loaded = module("compare"), []
    monkeypatch.setattr(compare, "load_task", lambda name, *more: loaded.append(name))
    monkeypatch.setattr(compare, "compete", lambda *arguments: None)
    output = ["--output", str(tmp_path / "none.csv"), "--all"]
    compare.main([*output, "--part", "valid"])
    data = module("comparison.data")
    assert loaded == [*data.DEVELOPMENT]
    compare.main(output)
    assert {*loaded[11:]} == {*data.DATASETS} >= {*data.SET_ASIDE}
    assert not {*data.DEVELOPMENT} & {*data.SET_ASIDE}


def test_samples_are_scaled_by_the_part_to_fit_on(data_home):
    data = module("comparison.data")
    task = data.load_task("emotions", "test", 0, str(data_home))
    samples = data.read(task, module("completion.data").table_samples)
    mean, deviation = task.fit.X.mean(axis=0), task.fit.X.std(axis=0)
    for part, found in zip(task[1:], samples, strict=True):
        expected = (part.X - mean) / deviation
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_regions_are_taught_by_the_part_to_fit_on(monkeypatch):
    data, taught = module("comparison.data"), []

    class Reader:
        def transform(self, X):
            return -X

    def region_reader(name, parts):
        taught.append(parts.train)
        return Reader()

    X, Y = np.arange(1.0, 101), np.tile(np.eye(2, dtype=int), (50, 1))
    images = module("reproduction.image_data").ImageParts(
        data.Part(X[:80], Y[:80]), data.Part(X[80:], Y[80:])
    )
    monkeypatch.setattr(data, "region_reader", region_reader)
    monkeypatch.setattr(data, "load_image_parts", lambda name, data_home: images)
    task = data.load_task("msrc_v2", "valid", 0)
    assert [len(part.X) for part in task[1:]] == [54, 6, 20]
    np.testing.assert_array_equal(taught[0].X, -task.fit.X)
    assert {*-np.concatenate([part.X for part in task[1:]])} == {*X[:80]}


def test_sets_without_published_parts_have_their_own_numbers_of_test_rows():
    rows = module("completion.data")._rows
    for name, sizes in {"sider": (1000, 427), "reutersk500": (4000, 2000)}.items():
        parts = rows(name, {}, sum(sizes))
        assert tuple(map(len, parts)) == sizes
        assert {*np.concatenate(parts)} == {*range(sum(sizes))}


def test_labels_of_the_two_halves_of_rcv1sub1_are_lined_up(tmp_path):
    # The labels of the test half are one column to the left, the first of them lost.
    Y = np.vstack([np.eye(4), np.roll(np.eye(4), -1, axis=1)]).astype(np.uint8)
    Y[4, :] = 0
    folder = tmp_path / "rcv1sub1"
    folder.mkdir()
    meta = {"name": "rcv1sub1", "label_names": list("abcd"), "feature_names": list("xy")}
    meta["splits"] = {"train": [0, 4], "test": [4, 8]}
    (folder / "meta.json").write_text(json.dumps(meta))
    sparse.save_npz(folder / "X.npz", sparse.csr_array(np.ones((8, 2))))
    sparse.save_npz(folder / "Y.npz", sparse.csr_array(Y))
    data = module("completion.data").load_data("rcv1sub1", str(tmp_path))
    np.testing.assert_array_equal(data.Y, np.eye(4)[:, 1:])
    np.testing.assert_array_equal(data.Y_test, data.Y)


# Thresholds and scores ----------------------------------------------------------------------


def test_the_threshold_never_sees_what_is_scored(data_home, few_trees):
    scores = module("comparison.scores")
    task = module("comparison.data").load_task("emotions", "test", 0, str(data_home))
    other = task._replace(scored=task.scored._replace(Y=1 - task.scored.Y))
    for method in ("logreg", "chains", "forest", "mlknn", "logreg_forest"):
        answers = [scores.Contest(t, 0).answer(method) for t in (task, other)]
        np.testing.assert_array_equal(answers[0].scored, answers[1].scored)
        values = [scores.score(a, t) for a, t in zip(answers, (task, other), strict=True)]
        assert values[0]["threshold"] == values[1]["threshold"]
        assert values[0]["ebF1"] != values[1]["ebF1"]


def test_nothing_but_the_threshold_sees_what_is_held_out(data_home, few_trees):
    scores = module("comparison.scores")
    task = module("comparison.data").load_task("emotions", "test", 0, str(data_home))
    other = task._replace(held_out=task.held_out._replace(Y=1 - task.held_out.Y))
    for method in ("logreg", "extra_trees", "mlp"):
        answers = [scores.Contest(t, 0).answer(method) for t in (task, other)]
        np.testing.assert_array_equal(answers[0].scored, answers[1].scored)


def test_the_threshold_is_the_best_of_the_part_held_out_and_scores_the_other():
    scores, data = module("comparison.scores"), module("comparison.data")
    Y = np.array([[1, 0, 1], [0, 1, 0]])
    # At .45 the part held out is right; at .65, or .25, it is not.
    held_out = np.array([[0.7, 0.3, 0.45], [0.4, 0.6, 0.2]])
    scored = np.array([[0.9, 0.5, 0.1], [0.4, 0.8, 0.3]])
    parts = [data.Part(None, Y)] * 3
    values = scores.score(
        scores.Answer(held_out, scored, 1, 1), data.Task("emotions", *parts)
    )
    assert 0.4 < values["threshold"] <= 0.45
    predicted = [[1, 1, 0], [0, 1, 0]]
    for name, average in {"ebF1": "samples", "miF1": "micro", "maF1": "macro"}.items():
        expected = f1_score(Y, predicted, average=average, zero_division=0)
        assert values[name] == pytest.approx(expected)
    # Labels rank samples with AP 1, 1, 1/2; samples rank labels with 1 and 2/3, and with 1.
    assert values["mAP"] == pytest.approx(2.5 / 3)
    assert values["LRAP"] == pytest.approx(((1 + 2 / 3) / 2 + 1) / 2)


def test_a_blend_is_the_mean_of_two_and_costs_both(data_home, few_trees):
    contest = module("comparison.scores").Contest(
        module("comparison.data").load_task("emotions", "test", 0, str(data_home)), 0
    )
    blend, one, two = map(contest.answer, ("logreg_forest", "logreg", "forest"))
    for part in ("held_out", "scored"):
        expected = (getattr(one, part) + getattr(two, part)) / 2
        np.testing.assert_allclose(getattr(blend, part), expected)
    assert blend.fit_s == pytest.approx(one.fit_s + two.fit_s)


# Methods ------------------------------------------------------------------------------------


def mlknn_by_loops(X, Y, X_new, k, s):
    """Return what ML-kNN says, step by step as in the paper."""
    n_samples, n_labels = Y.shape

    def neighbors(x, left_out):
        distances = [np.sum((x - other) ** 2) for other in X]
        order = [i for i in np.argsort(distances, kind="stable") if i != left_out]
        return order[:k]

    answer = np.empty((len(X_new), n_labels))
    for label in range(n_labels):
        prior = (s + Y[:, label].sum()) / (s * 2 + n_samples)
        having, lacking = [0] * (k + 1), [0] * (k + 1)
        for i in range(n_samples):
            count = sum(Y[j, label] for j in neighbors(X[i], i))
            (having if Y[i, label] else lacking)[count] += 1
        for i, x in enumerate(X_new):
            count = sum(Y[j, label] for j in neighbors(x, None))
            holds = prior * (s + having[count]) / (s * (k + 1) + sum(having))
            not_ = (1 - prior) * (s + lacking[count]) / (s * (k + 1) + sum(lacking))
            answer[i, label] = holds / (holds + not_)
    return answer


@pytest.mark.parametrize("as_csr", [False, True])
@pytest.mark.parametrize(("k", "s"), [(3, 1.0), (5, 0.5)])
def test_mlknn_agrees_with_loops(k, s, as_csr):
    rng = np.random.default_rng(0)
    X, X_new = rng.normal(size=(30, 4)), rng.normal(size=(7, 4))
    Y = (X[:, :3] + rng.normal(size=(30, 3)) > 0.3).astype(int)
    model = module("comparison.mlknn").MLkNN(k, s)
    form = sparse.csr_array if as_csr else np.asarray
    found = model.fit(form(X), Y).predict_proba(form(X_new))
    np.testing.assert_allclose(found, mlknn_by_loops(X, Y, X_new, k, s))


def test_labels_that_do_not_vary_are_answered_as_they_were():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    Y = np.column_stack([X[:, 0] > 0, np.zeros(40), np.ones(40), X[:, 1] > 0]).astype(int)
    methods = module("comparison.methods")
    proba = methods.fit_model("chains", X, Y, 0).predict_proba(X)
    np.testing.assert_array_equal(proba[:, 1:3], [[0, 1]] * 40)
    assert ((proba[:, [0, 3]] > 0.5) == Y[:, [0, 3]]).mean() > 0.9


@pytest.mark.parametrize("method", ["logreg", "chains", "hgb", "mlknn", "mlp"])
def test_labels_without_positives_break_no_method(method):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    Y = np.column_stack([X[:, 0] > 0, np.zeros(60), X[:, 1] > 0]).astype(int)
    model = module("comparison.methods").fit_model(method, X, Y, 0)
    proba = model.predict_proba(X)
    assert proba.shape == (60, 3)
    assert proba[:, 1].max() < 0.1


def test_the_recipe_is_five_networks_and_two_forests_two_to_one_to_one():
    make = module("comparison.methods").make_recipe
    model = make(reads_bags=False, n_labels=4, seed=1)
    names = [type(member).__name__ for _, member in model.estimators]
    assert names == ["EmbMLPClassifier"] * 5 + [
        "RandomForestClassifier",
        "ExtraTreesClassifier",
    ]
    seeds = [member.random_state for _, member in model.estimators[:5]]
    assert seeds == [5, 6, 7, 8, 9]
    np.testing.assert_allclose(
        np.array(model.weights) / sum(model.weights), [0.1] * 5 + [0.25] * 2
    )
    of_bags = make(reads_bags=True, n_labels=4, seed=1).estimators[-1][1]
    assert type(of_bags[0]).__name__ == "BagPooling"


@pytest.mark.parametrize("name", ["forest", "extra_trees"])
def test_leaves_of_many_labels_are_larger(name):
    make = module("comparison.methods").make_forest
    assert make(name, 300, 2).min_samples_leaf == 1
    forest = make(name, 301, 2)
    assert (forest.min_samples_leaf, forest.n_estimators, forest.random_state) == (
        5,
        300,
        2,
    )


def test_what_is_too_large_or_not_installed_is_left_out(monkeypatch):
    methods = module("comparison.methods")
    small, large = np.ones((1000, 100)), sparse.csr_array((5000, 1836))
    assert methods.why_not("hgb", small, 10) is None
    assert "too many" in methods.why_not("hgb", large, 159)
    assert methods.why_not("ctran", small, 300) is None
    assert "too many" in methods.why_not("ctran", small, 301)
    monkeypatch.setattr(methods, "is_installed", lambda package: False)
    assert methods.why_not("boomer", small, 2) == "mlrl.boosting is not installed"
    assert methods.why_not("napkinxc", large, 2) == "napkinxc is not installed"
    monkeypatch.setattr(methods, "is_installed", lambda package: True)
    for method in ("boomer", "libmultilabel", "napkinxc"):
        assert methods.why_not(method, large, 2) is None
    assert methods.why_not("libmultilabel", small, 2) == "it is for sparse text"


def test_a_part_of_a_package_that_is_not_there_is_not_installed():
    is_installed = module("comparison.methods").is_installed
    assert is_installed("sklearn.linear_model")
    assert not is_installed("sklearn.linear_modell")
    assert not is_installed("a_package_that_nobody_has.part")


def test_C_is_chosen_among_those_that_are_given():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    Y = (X[:, :2] > 0).astype(int)
    choose = module("completion.methods").choose_C
    assert choose("linear_untold", X, Y, (7,)) == 7
    model = module("comparison.methods").fit_model("logreg", X, Y, 0)
    assert isinstance(model.estimator, LogisticRegression)
    assert model.estimator.C in module("comparison.methods").C_VALUES


# Tables -------------------------------------------------------------------------------------


def test_ranks_are_averages_over_the_sets_and_seeds_that_have_all_methods():
    tables = module("comparison.tables")
    rows = [
        result("yeast", "lamp", 0.5), result("yeast", "lamp", 0.1, seed=1),  # counts not
        result("yeast", "forest", 0.4), result("yeast", "logreg", 0.4),  # 2.5 each
        result("scene", "lamp", 0.1), result("scene", "forest", 0.3, LRAP=-0.5),
        result("scene", "logreg", 0.2),
        result("sider", "lamp", 0.9), result("sider", "forest", 0.1),  # no logreg
    ]  # fmt: skip
    ranks = tables.average_ranks(rows, ["lamp", "forest", "logreg"])
    assert [r.n_sets for r in ranks.values()] == [2, 2, 2]
    for metric in METRICS[:4]:
        assert [r.by_metric[metric] for r in ranks.values()] == [2.0, 1.75, 2.25]
    assert [r.by_metric["LRAP"] for r in ranks.values()] == [1.5, 2.75, 1.75]
    # By the mean over the metrics forest has .14 of scene, between the others.
    assert [r.of_mean for r in ranks.values()] == [2.0, 2.25, 1.75]
    assert tables.average_ranks(rows, ["lamp", "mlp"]) == {}


def test_wins_and_losses_are_counted_over_the_common_sets_and_seeds():
    tables = module("comparison.tables")
    rows = [
        result("yeast", "lamp", 0.5), result("yeast", "forest", 0.4),
        result("scene", "lamp", 0.3),
        result("scene", "forest", 0.36, fit_cpu_s=0.2, predict_cpu_s=0.3),
        result("sider", "lamp", 0.7, mAP=0.9), result("sider", "forest", 0.7004),
        result("emotions", "lamp", 0.2), result("emotions", "lamp", 0.9, seed=1),
        result("emotions", "forest", 0.1, fit_cpu_s=0.25, predict_cpu_s=0.25),
        result("bibtex", "lamp", 0.2),
    ]  # fmt: skip
    wins, ratio = tables.compare(rows, "lamp", "forest")
    # Differences: +.1, -.06, -.0004 (a tie; of mAP +.1996), +.1.
    assert wins["ebF1"][:3] == (2, 1, 1)
    assert wins["ebF1"].median == pytest.approx((0.1 - 0.0004) / 2)
    assert wins["mAP"][:3] == (3, 1, 0)
    assert wins["mAP"].median == pytest.approx(0.1)
    assert ratio == 2.5  # of 1, 4, 1 and 4
    assert tables.compare(rows, "forest", "lamp")[0]["ebF1"][:3] == (1, 2, 1)
    assert tables.compare(rows, "lamp", "mlp") == ({}, None)


def test_seconds_are_geometric_means_of_fit_and_prediction():
    rows = [result("yeast", "lamp", 0.5), result("scene", "lamp", 0.5, fit_cpu_s=17.0)]
    assert module("comparison.tables").typical_seconds(rows, "lamp") == pytest.approx(6)


@pytest.mark.parametrize("form", ["md", "rst"])
def test_a_method_that_some_sets_lack_is_ranked_by_itself(form):
    rows = [
        result("yeast", "lamp", 0.5), result("yeast", "forest", 0.4),
        result("yeast", "hgb", 0.6), result("yeast", "boomer", 0.7),
        result("scene", "lamp", 0.5), result("scene", "forest", 0.6),
    ]  # fmt: skip
    text = module("comparison.tables").comparison_tables(rows, form)
    cells = module("comparison.tables")._rank_cells(
        rows, module("comparison.methods").SINGLE
    )
    ranks = {line[0]: (line[1], line[-3]) for line in cells[1:]}
    assert ranks == {
        "lamp": ("2", "1.50"), "forest": ("2", "1.50"),
        "hgb": ("1", "1.00"), "boomer": ("1", "1.00"),
    }  # fmt: skip
    assert "average ranks of single methods, development sets" in text
    assert "lamp beside the others, development sets" in text
    assert "all sets" not in text


def test_sets_aside_have_tables_of_their_own():
    rows = [
        result(dataset, method, value)
        for dataset in ("yeast", "delicious")
        for method, value in (("lamp", 0.5), ("forest", 0.4))
    ]
    text = module("comparison.tables").comparison_tables(rows, "md")
    for title in ("development sets", "sets set aside", "all sets"):
        assert f"### average ranks of all methods, {title}\n" in text
        assert f"### lamp beside the others, {title}\n" in text


def test_the_picture_shows_scores_relative_to_the_best_of_a_set(tmp_path):
    picture = module("comparison.picture")
    rows = [
        result("yeast", "lamp", 0.5), result("yeast", "forest", 0.4),
        result("scene", "lamp", 0.2), result("scene", "forest", 0.25),
        result("scene", "hgb", 0.05),
    ]  # fmt: skip
    points = picture.points_of(rows)
    assert [share for _, share in points.values()] == pytest.approx([0.9, 0.9, 0.2])
    assert [seconds for seconds, _ in points.values()] == pytest.approx([2, 2, 2])
    figure = picture.draw(rows)
    marks = [line for line in figure.axes[0].lines if len(line.get_xdata())]
    assert [line.get_markerfacecolor() == "none" for line in marks] == [False, False, True]
    heights = [text.xy[1] for text in figure.axes[0].texts]
    assert len({*heights}) == 3  # names do not cover each other


# The command --------------------------------------------------------------------------------


def run(data_home, *more):
    command = ["--dataset", "emotions", "--data-home", str(data_home)]
    output = data_home / "results.csv"
    module("compare").main([*command, "--output", str(output), *more])
    return module("comparison.tables").read_scores(output)


def test_a_run_appends_a_row_per_method_and_is_not_done_twice(data_home, capsys):
    rows = run(data_home, "--method", "logreg", "mlknn")
    assert [row["method"] for row in rows] == ["logreg", "mlknn"]
    assert len(run(data_home, "--method", "mlknn")) == 2
    assert len(run(data_home, "--method", "mlknn", "--seed", "0", "1")) == 3
    rows = run(data_home, "--method", "mlknn", "--part", "valid")
    assert [row["part"] for row in rows] == ["test"] * 3 + ["valid"]
    assert (rows[-1]["n_fit"], rows[-1]["n_scored"]) == ("81", "30")
    output = ["--output", str(data_home / "results.csv")]
    capsys.readouterr()
    module("compare").main(["--table", "md", *output])
    text = capsys.readouterr().out
    assert "| mlknn | 2 |" in text
    assert "| logreg | 1 |" in text
    module("compare").main(["--table", "md", "--part", "valid", *output])
    text = capsys.readouterr().out
    assert "| mlknn | 1 |" in text
    assert "logreg" not in text
    picture = data_home / "picture.png"
    module("compare").main(["--picture", str(picture), *output])
    assert picture.stat().st_size > 1000


def test_what_is_left_out_is_said_and_leaves_no_row(data_home, monkeypatch, capsys):
    monkeypatch.setattr(module("comparison.methods"), "is_installed", lambda package: False)
    rows = run(data_home, "--method", "boomer", "mlknn")
    assert [row["method"] for row in rows] == ["mlknn"]
    assert (
        "emotions, boomer: left out, mlrl.boosting is not installed"
        in capsys.readouterr().out
    )


def test_there_is_nothing_to_show_without_rows(tmp_path):
    with pytest.raises(SystemExit, match="has no rows with --part test"):
        module("compare").main(["--table", "md", "--output", str(tmp_path / "none.csv")])


class Tree:
    """Stands for napkinXC's: it says which labels a row of X has, surest first."""

    def __init__(self, folder, threads, seed, verbose):
        self.seed = seed

    def fit(self, X, Y):
        self.Y = Y

    def predict_proba(self, X, top_k):
        return [[(label, 0.5) for label in labels] for labels in self.Y[: X.shape[0]]]


def test_a_label_tree_gives_what_it_has_not_seen_a_probability_of_zero(monkeypatch):
    peers = module("comparison.text_peers")
    monkeypatch.setattr(
        peers, "import_module", lambda name: type("Models", (), {"PLT": Tree})
    )
    Y = np.array([[1, 0, 1], [0, 0, 0]])
    model = peers.LabelTree(random_state=3).fit(sparse.eye_array(2), Y)
    assert model.model_.seed == 3
    assert model.predict_proba(sparse.eye_array(2)).tolist() == [[0.5, 0, 0.5], [0, 0, 0]]

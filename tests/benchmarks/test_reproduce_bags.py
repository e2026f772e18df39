"""The protocol of benchmarks/reproduce.py for bags, on few and small ones."""

import importlib
import json

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    hamming_loss,
    label_ranking_average_precision_score,
    label_ranking_loss,
)

import skmlc

N_BAGS, N_LABELS = 60, 3
SETS = ("miml_image", "miml_birds")
FAST = ("constant", "logistic-mean", "logistic-statistics", "mimlsvm")


def module(name):
    return importlib.import_module(name)


@pytest.fixture
def data_home(tmp_path, monkeypatch):
    """Write bags in which an instance with a high feature j makes label j."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 4, N_BAGS)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    X = rng.normal(0, 1, (offsets[-1], 5)) * [1, 2, 5, 1, 1] + 10
    X[rng.permutation(len(X))[: len(X) // 2], 0] += 4
    highest = np.maximum.reduceat(X, offsets[:-1], axis=0)[:, :N_LABELS]
    Y = (highest > np.median(highest, axis=0)).astype(np.uint8)
    for name in (*SETS, "miml_text"):
        (tmp_path / name).mkdir()
        arrays = {"X": X.astype(np.float32), "offsets": offsets, "Y": Y}
        np.savez(tmp_path / name / "toy.npz", **arrays)
    monkeypatch.setenv("SKMLC_DATA", str(tmp_path))
    bags = module("reproduction.bags")
    monkeypatch.setattr(bags, "in_process", lambda function, *a: function(*a))
    return tmp_path


def command(data_home, *words):
    """Run the command; return the rows of its file."""
    output = data_home / "bags.csv"
    module("reproduce").main([*" ".join(map(str, words)).split(), "--output", str(output)])
    return module("reproduction.tables").read_rows(output)


def load(name="miml_birds", seed=0):
    return module("reproduction.bag_data").load_bag_parts(name, seed)


def scores_of(model, parts, name="miml_birds", **settings):
    models = module("reproduction.bag_models")
    return models.train(models.Run(name, model, 0, settings), parts).scores


# Data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_bags, sizes", [(2000, (1400, 200, 400)), (257, (180, 26, 51))])
def test_the_parts_are_70_10_and_20_percent_and_each_bag_is_in_one(n_bags, sizes):
    parts = module("reproduction.bag_data").split(n_bags, seed=0)
    assert tuple(map(len, parts)) == sizes
    assert sorted(np.concatenate(parts)) == list(range(n_bags))


def test_a_seed_determines_the_split_of_all_sets(data_home):
    for name in SETS:
        first, again, other = (load(name, seed) for seed in (0, 0, 1))
        assert again.test.X == first.test.X
        assert other.test.X != first.test.X
    data = module("skmlc.datasets").load_bags("miml_birds")
    rows = module("reproduction.bag_data").split(N_BAGS, 1)
    for part, where in zip(load("miml_birds", 1), rows, strict=True):
        assert data.data[where] == part.X
        np.testing.assert_array_equal(part.Y, data.target[where])


@pytest.mark.parametrize("scaler", ["standard", "minmax"])
def test_scaling_is_that_of_the_training_instances(data_home, scaler):
    parts = load()
    scaled = module("reproduction.bag_data").scaled(parts, scaler)
    train = parts.train.X.instances.astype(float)
    if scaler == "standard":
        low, size = train.mean(axis=0), train.std(axis=0)
    else:
        low, size = train.min(axis=0), np.ptp(train, axis=0)
    for part, before in zip(scaled, parts, strict=True):
        expected = (before.X.instances - low) / size
        np.testing.assert_allclose(part.X.instances, expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(part.X.offsets, before.X.offsets)


def test_instances_of_words_get_length_one(data_home):
    data = module("reproduction.bag_data")
    for by_distance, expected in ((False, "standard"), (True, "minmax")):
        assert data.scaler_of("miml_text", by_distance) == "norm"
        assert {data.scaler_of(name, by_distance) for name in SETS} == {expected}
    for part in data.scaled(load("miml_text"), "norm"):
        np.testing.assert_allclose(np.linalg.norm(part.X.instances, axis=1), 1, rtol=1e-5)


# Models -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", FAST)
def test_the_labels_of_the_test_part_are_not_used(data_home, model):
    parts = load()
    hidden = parts._replace(test=parts.test._replace(Y=None))
    found = scores_of(model, hidden)
    assert found.shape == (12, N_LABELS)
    np.testing.assert_array_equal(found, scores_of(model, parts))


@pytest.mark.parametrize("model", ["constant", "mimlsvm"])
def test_models_without_a_choice_never_see_the_validation_part(data_home, model):
    parts = load()
    hidden = parts._replace(valid=parts.valid._replace(Y=None))
    np.testing.assert_array_equal(scores_of(model, hidden), scores_of(model, parts))


@pytest.mark.parametrize("model", ["logistic-statistics", "mimlsvm"])
def test_models_learn(data_home, model):
    parts = load()
    learned, chance = (scores_of(name, parts) for name in (model, "constant"))
    assert average_precision_score(parts.test.Y, learned) > 0.85
    assert average_precision_score(parts.test.Y, chance) < 0.7


def test_logistic_regression_takes_the_c_that_ranks_best_in_validation(
    data_home, monkeypatch
):
    models, data = module("reproduction.bag_models"), module("reproduction.bag_data")
    parts, lraps, all_scores = load(), [], []
    valid = data.scaled(parts, "standard").valid
    for C in models.C_VALUES:
        # With the validation part to be scored as well.
        monkeypatch.setattr(models, "C_VALUES", (C,))
        all_scores.append(scores_of("logistic-mean", parts))
        of_valid = scores_of("logistic-mean", parts._replace(test=parts.valid))
        lraps.append(label_ranking_average_precision_score(valid.Y, of_valid))
    monkeypatch.undo()
    assert len({*lraps}) > 1
    outcome = models.train(models.Run("miml_birds", "logistic-mean"), parts)
    best = int(np.argmax(lraps))
    assert outcome.chosen == {"C": models.C_VALUES[best]}
    np.testing.assert_array_equal(outcome.scores, all_scores[best])


def test_a_label_that_training_lacks_is_not_predicted(data_home):
    parts = load()
    Y = parts.train.Y.copy()
    Y[:, 1] = 0
    parts = parts._replace(train=parts.train._replace(Y=Y))
    for model in FAST:
        scores = scores_of(model, parts)
        assert np.isfinite(scores).all()
        assert (scores[:, 1] < 0).all()


def test_networks_get_the_validation_part_and_hold_out_as_much(data_home, monkeypatch):
    models, seen = module("reproduction.bag_models"), []

    class Spy(skmlc.GlobalPoolClassifier):
        def fit(self, X, y):
            seen.append((X, y))
            return super().fit(X, y)

    monkeypatch.setattr(skmlc, "Spy", Spy, raising=False)
    for table in (models.NETWORKS, models.WITH_SETTINGS):
        monkeypatch.setitem(table, "spy", ("Spy", {"pooling": "mean"}))
    monkeypatch.setitem(models.MAX_EPOCHS, "miml_birds", 2)
    parts = load()
    assert scores_of("spy", parts).shape == (12, N_LABELS)
    ((X, Y),) = seen
    assert len(X) == len(Y) == 48
    scaled = module("reproduction.bag_data").scaled(parts, "standard")
    np.testing.assert_array_equal(X[0], scaled.train.X[0])
    np.testing.assert_array_equal(X[-1], scaled.valid.X[-1])
    np.testing.assert_array_equal(Y[-6:], parts.valid.Y)
    model = models.make_model(models.Run("miml_birds", "spy", seed=3))
    assert model.validation_fraction * len(Y) == pytest.approx(6)
    assert (model.early_stopping, model.random_state) == ("mAP", 3)
    assert model.patience == model.max_epochs == 2


def test_all_models_differ():
    models = module("reproduction.bag_models")
    made = {
        str(models.parameters_of(models.Run("miml_image", name)))
        + str(models.WITH_SETTINGS.get(name, [name])[0])
        for name in models.BAG_MODELS
    }
    assert len(made) == len(models.BAG_MODELS)


def test_networks_are_trained_alike():
    models = module("reproduction.bag_models")
    alike = models.TRAINING | {"max_epochs": models.MAX_EPOCHS["miml_birds"]}
    for name in models.NETWORKS:
        model = models.make_model(models.Run("miml_birds", name, seed=3))
        assert alike.items() <= model.get_params(deep=False).items()
        assert model.random_state == 3


# Metrics ------------------------------------------------------------------------------------


def test_metrics_are_those_of_scikit_learn(data_home):
    rows = command(data_home, "--dataset miml_birds --model logistic-mean mimlsvm")
    parts = load()
    Y = parts.test.Y
    for row in rows:
        scores = scores_of(row["model"], parts)
        labels = scores >= 0
        expected = {
            "HL": hamming_loss(Y, labels),
            "RL": label_ranking_loss(Y, scores),
            "LRAP": label_ranking_average_precision_score(Y, scores),
            "mAP": average_precision_score(Y, scores, average="macro"),
            "maF1": f1_score(Y, labels, average="macro"),
        }
        for name, value in expected.items():
            assert row[name] == pytest.approx(value, abs=1e-5)
        assert (row["n_train"], row["n_valid"], row["n_test"]) == ("42", "6", "12")


def test_the_top_label_is_predicted_where_no_other_is():
    bags = module("reproduction.bags")
    scores = np.array([[-1, -3, -2], [0.5, -1, 0.1], [-2, -1, -1.5], [-2, 0, -1]])
    labels = bags.with_top_label(scores)
    expected = [[1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 1, 0]]
    np.testing.assert_array_equal(labels, expected)
    Y = np.array([[1, 0, 0], [1, 0, 1], [1, 0, 0], [0, 1, 0]])
    found = bags.evaluate(Y, scores)
    assert list(found) == list(module("reproduction.tables").BAG_METRICS)
    assert found["maF1"] == pytest.approx((1 / 2 + 1 + 1) / 3, abs=1e-5)
    assert found["maF1-top"] == pytest.approx((4 / 5 + 2 / 3 + 1) / 3, abs=1e-5)


def test_labels_are_those_that_the_model_itself_predicts(data_home):
    bags, parts = module("reproduction.bags"), load()
    scores = scores_of("mimlsvm", parts)
    assert (scores < 0).all(axis=1).any()
    scaled = module("reproduction.bag_data").scaled(parts, "minmax")
    for top_label in (True, False):
        model = skmlc.MIMLSVM(top_label=top_label, random_state=0).fit(*scaled.train)
        labels = bags.with_top_label(scores) if top_label else scores >= 0
        np.testing.assert_array_equal(model.predict(scaled.test.X), labels)


def test_labels_that_no_test_bag_has_are_left_out_of_map():
    found = module("reproduction.bags").evaluate(
        np.array([[1, 0], [0, 0], [1, 0]]), np.array([[0.2, -1], [0.3, -1], [0.4, -1]])
    )
    assert found["mAP"] == pytest.approx((1 + 2 / 3) / 2, abs=1e-5)
    assert found["maF1"] == pytest.approx(0.8 / 2)


# Command ------------------------------------------------------------------------------------


def test_runs_that_are_there_are_skipped_unless_again(data_home, capsys):
    words = "--dataset miml_birds --model constant mimlsvm --seed 0 1"
    assert len(command(data_home, words)) == 4
    assert len(command(data_home, words)) == 4
    assert "4 runs are in" in capsys.readouterr().out
    rows = command(data_home, words, 2)
    assert [row["seed"] for row in rows[4:]] == [2, 2]
    assert len(command(data_home, "--dataset miml_birds --model constant --again")) == 7


def test_a_row_of_another_training_is_no_reason_to_skip(data_home, monkeypatch):
    models = module("reproduction.bag_models")
    for variant in ({}, {}, {"C": 3.0}):
        for table in (models.BY_DISTANCE, models.WITH_SETTINGS):
            monkeypatch.setitem(table, "mimlsvm", ("MIMLSVM", variant))
        rows = command(data_home, "--dataset miml_birds --model mimlsvm")
    assert [json.loads(row["parameters"])["C"] for row in rows] == [10, 3]
    rows = command(data_home, "--dataset miml_birds --model mimlsvm --set C=3.0")
    assert [row["setting"] for row in rows] == [*2 * ["defaults"], "defaults, C=3.0"]


def test_all_stands_for_all_models():
    bags, models = module("reproduction.bags"), module("reproduction.bag_models")
    words = "--dataset miml_text miml_birds --model all --seeds 0 1"
    runs = bags.planned_runs(bags.parse(words.split()))
    assert len(runs) == len({run[:3] for run in runs}) == 4 * len(models.BAG_MODELS)


@pytest.mark.parametrize(
    "words, message",
    [
        ("--dataset miml_birds", "--model is needed, or --table"),
        ("--dataset miml_birds --model all --set C=1", "all has none"),
        ("--dataset miml_birds --model logistic-mean --set C=1", "logistic-mean has none"),
        ("--dataset miml_birds --model mimlsvm --max-epochs 2", "mimlsvm has none"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(words, message, capsys):
    with pytest.raises(SystemExit):
        module("reproduce").main(words.split())
    assert message in capsys.readouterr().err


def test_a_file_with_other_columns_is_refused_before_training(data_home, monkeypatch):
    bags = module("reproduction.bags")
    (data_home / "bags.csv").write_text("dataset,model\nmiml_birds,mimlsvm\n")
    monkeypatch.setattr(bags, "perform", lambda *a: pytest.fail("trained"))
    with pytest.raises(ValueError, match="must have the columns dataset, model, setting"):
        command(data_home, "--dataset miml_birds --model constant")


# Tables -------------------------------------------------------------------------------------


def rows_of(dataset, model, *values, setting="defaults"):
    """Return one row per seed, all metrics with the value given for the seed."""
    tables = module("reproduction.tables")
    common = dict.fromkeys(tables.COSTS, 1.0) | {"dataset": dataset, "model": model}
    common |= {"setting": setting, "parameters": "{}"}
    return [
        common | {"seed": seed} | dict.fromkeys(tables.BAG_METRICS, value)
        for seed, value in enumerate(values)
    ]


def test_ranks_are_of_the_means_over_seeds_and_ties_share_theirs():
    tables = module("reproduction.tables")
    rows = [
        *rows_of("miml_image", "constant", 0.1, 0.3),
        *rows_of("miml_image", "mimlsvm", 0.2, 0.2),
        *rows_of("miml_image", "kisar", 0.9, 0.5),
        *rows_of("miml_birds", "constant", 0.5),
        *rows_of("miml_birds", "mimlsvm", 0.6),
        *rows_of("miml_birds", "kisar", 0.4),
        *rows_of("miml_birds", "mimlrbf", 0.9),  # on one set alone
        *rows_of("miml_image", "glemiml-a", 1.0),
        *rows_of("miml_birds", "glemiml-a", 1.0),
        *rows_of("miml_image", "mimlsvm", 1.0, setting="defaults, C=1"),
    ]
    ranks = tables.average_ranks(rows)
    # Of the means .2, .2, .7 and .5, .6, .4; by HL the lowest is the best.
    lower = (np.array([1.5, 1.5, 3]) + np.array([2, 3, 1])) / 2
    higher = (np.array([2.5, 2.5, 1]) + np.array([2, 1, 3])) / 2
    assert list(ranks) == ["constant", "mimlsvm", "kisar"]
    for of_model, low, high in zip(ranks.values(), lower, higher, strict=True):
        for metric in tables.BAG_METRICS:
            assert of_model[metric] == (low if metric in ("HL", "RL") else high)


def test_average_ranks_follow_the_tables_of_several_sets(data_home, capsys):
    words = "--dataset miml_birds miml_image --model constant logistic-mean mimlsvm"
    rows = command(data_home, words, "--seeds 0 1")
    printed = capsys.readouterr().out
    titles = [line[4:] for line in printed.splitlines() if line.startswith("###")]
    assert titles == ["miml_image", "miml_birds", "average ranks"]
    table = printed.split("### average ranks")[1].splitlines()[4:]
    found = {
        line.split(" | ")[0].strip("| "): line.strip(" |").split(" | ")[1:]
        for line in table
    }
    tables, expected = module("reproduction.tables"), np.zeros((3, 6))
    names = ["constant", "logistic-mean", "mimlsvm"]
    for dataset in SETS:
        for column, metric in enumerate(tables.BAG_METRICS):
            values = [
                np.mean(
                    [r[metric] for r in rows if (r["dataset"], r["model"]) == (dataset, m)]
                )
                for m in names
            ]
            sign = 1 if metric in ("HL", "RL") else -1
            expected[:, column] += rankdata(sign * np.round(values, 8)) / 2
    for name, ranks in zip(names, expected, strict=True):
        paper = ranks[[0, 1, 3, 4]].mean()  # HL, RL, mAP and maF1
        values = [*ranks, paper, ranks.mean()]
        np.testing.assert_allclose([float(v) for v in found[name]], values, atol=0.00501)
    assert list(found)[-1] == "constant"
    # One set has no average.
    command(data_home, "--dataset miml_birds --table rst")
    assert "average ranks" not in capsys.readouterr().out


def test_the_table_has_means_and_losses_with_a_digit_more(data_home, capsys):
    bags = module("reproduction.bags")
    rows = [
        *rows_of("miml_birds", "mimlsvm", 0.25),
        *rows_of("miml_birds", "logistic-mean", 0.2, 0.4),
    ]
    lines = (
        module("reproduction.rendering")
        .tables(bags.in_order(rows), "markdown")
        .splitlines()
    )
    assert lines[2].startswith("| model | seeds | HL | RL | LRAP | mAP | maF1 |")
    means = "| .3000 ± .1414 | .3000 ± .1414 | .300 ± .141 |"
    assert lines[4].startswith(f"| logistic-mean | 2 {means}")
    assert lines[5].startswith("| mimlsvm | 1 | .2500 | .2500 | .250 |")
    command(data_home, "--dataset miml_birds miml_image --model constant")
    capsys.readouterr()
    command(data_home, "--dataset miml_image miml_birds --table rst")
    named = capsys.readouterr().out
    command(data_home, "--table rst")
    assert capsys.readouterr().out == named
    assert ".. csv-table:: average ranks" in named

"""The protocol of benchmarks/reproduce.py for images, on few and small ones."""

import importlib
import json
import re

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, f1_score

N_IMAGES, N_LABELS = 45, 4
SET = "msrc_v2-64"
SMALL = {"n_blocks": (1, 1), "width": 4, "small_stem": True}


def module(name):
    return importlib.import_module(name)


@pytest.fixture
def data_home(tmp_path, monkeypatch):
    """Write images with a colored square for each label, and train little on them."""
    rng = np.random.default_rng(0)
    Y = (rng.random((N_IMAGES, N_LABELS)) < [0.7, 0.5, 0.4, 0.3]).astype(np.uint8)
    X = rng.integers(0, 60, (N_IMAGES, 32, 32, 3)).astype(np.uint8)
    image, label = np.nonzero(Y)
    corners = np.stack([label // 2, label % 2], axis=1) * 16
    for i, j, (top, left) in zip(image, label, corners, strict=True):
        X[i, top : top + 16, left : left + 16, j % 3] += 150
    boxes = np.stack([corners[:, 1], corners[:, 0], *(corners.T[::-1] + 16)], axis=1) / 32
    folder = tmp_path / "msrc_v2"
    folder.mkdir()
    arrays = {"X64": X, "X96x128": X, "Y": Y, "labels": list("abcd")}
    arrays |= {"boxes": boxes, "box_image": image, "box_label": label}
    np.savez(folder / "toy.npz", **arrays)
    models = module("reproduction.image_models")
    monkeypatch.setitem(models.BACKBONES, SET, SMALL)
    monkeypatch.setitem(models.MAX_EPOCHS, SET, 1)
    monkeypatch.setitem(models.REGION_TRAINING, "max_epochs", 1)
    monkeypatch.setattr(models, "C_VALUES", (0.01, 1))
    return tmp_path


def command(data_home, *more):
    """Run the command; return the rows of its file."""
    output = data_home / "images.csv"
    common = f"--data-home {data_home} --output {output} --backbones {data_home / 'kept'}"
    module("reproduce").main(["--dataset", SET, *common.split(), *map(str, more)])
    return module("reproduction.tables").read_rows(output)


def load(data_home, name=SET):
    return module("reproduction.image_data").load_image_parts(name, str(data_home))


def probabilities(data_home, model, parts=None, **settings):
    models = module("reproduction.image_models")
    run = models.Run(SET, model, settings=settings)
    parts = load(data_home) if parts is None else parts
    return models.train(run, parts, data_home / "kept").probabilities


# Data ---------------------------------------------------------------------------------------


def test_the_split_is_a_third_and_the_same_each_time_and_at_each_size(data_home):
    first, again, large = (load(data_home, n) for n in (SET, SET, "msrc_v2-96x128"))
    assert len(first.train.X), len(first.test.X) == (30, 15)
    for other in (again, large):
        assert other.train.X == first.train.X
        np.testing.assert_array_equal(other.test.Y, first.test.Y)
    assert not {*first.train.X.rows} & {*first.test.X.rows}
    train, test = first.train.Y.mean(axis=0), first.test.Y.mean(axis=0)
    np.testing.assert_allclose(train, test, atol=0.07)


def test_boxes_go_with_their_images(data_home):
    for part in load(data_home)[:2]:
        np.testing.assert_array_equal(np.diff(part.X.box_offsets), part.Y.sum(axis=1))


def test_the_parts_of_the_digit_scenes_have_different_digits():
    parts = module("reproduction.image_data").load_image_parts("digit_scenes")
    assert (len(parts.train.X), len(parts.test.X)) == (900, 400)
    assert parts.train.X.image_shape == (1, 40, 40)
    assert len(parts.test.X.boxes) == parts.test.Y.sum()


# Models -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["constant", "logistic-pixels", "ssgrl", "lamp", "ggnn"])
def test_a_model_on_images_gives_probabilities(data_home, model):
    found = probabilities(data_home, model)
    assert found.shape == (15, N_LABELS)
    assert (found >= 0).all()
    assert (found <= 1).all()


@pytest.mark.parametrize(
    "model", ["global-pool-max", "logistic-pixels", "logistic-features", "gm-mlic"]
)
def test_the_labels_of_the_test_part_are_not_used(data_home, model):
    probabilities(data_home, "global-pool-max")  # the backbone
    parts = load(data_home)
    hidden = parts._replace(test=parts.test._replace(Y=None))
    expected = probabilities(data_home, model, parts)
    np.testing.assert_array_equal(probabilities(data_home, model, hidden), expected)


def test_all_models_differ():
    models = module("reproduction.image_models")
    made = {
        name: str(models.parameters_of(models.Run("digit_scenes", name)))
        + str(models.NETWORKS.get(name, [name])[0])
        for name in models.IMAGE_MODELS
    }
    assert len({*made.values()}) == len(models.IMAGE_MODELS)


def test_networks_on_images_are_trained_alike():
    models, name = module("reproduction.image_models"), "digit_scenes"
    alike = models.TRAINING | {"max_epochs": models.MAX_EPOCHS[name], "augment": None}
    for model in models.ON_IMAGES:
        run = models.Run(name, model, seed=3)
        assert alike.items() <= models.parameters_of(run).items()
        made = models.make_on_images(run)
        assert made.random_state == 3
        assert made.encoder.learning_rate_factor == 1
        backbone = made.encoder.make("images", (1, 40, 40), None).backbone
        if model == models.BASELINE:
            first = backbone.state_dict()
        assert backbone.state_dict().keys() == first.keys()


def test_a_seed_determines_the_backbone_s_first_weights(data_home):
    models = module("reproduction.image_models")
    made = [models._backbone(models.Run(SET, "ggnn", seed)) for seed in (0, 0, 1)]
    weights = [backbone.conv1.weight for backbone in made]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_the_published_graph_is_the_paper_s_up_to_a_factor():
    models = module("reproduction.image_models")
    mlgcn = module("skmlc.mlgcn")
    arrays = {"cooccurrence": [[0, 6, 6], [6, 0, 0], [6, 0, 0]], "counts": [10, 10, 20]}
    made = models._published_graph(arrays | {"glove": np.eye(3)})
    matrix = mlgcn.propagation_matrix(made["label_graph"], normalization=None)
    paper = [[0.8, 0.1, 0.1], [0.2, 0.8, 0], [0, 0, 0.8]]
    np.testing.assert_allclose(0.8 * matrix.toarray(), paper)


def test_models_on_regions_read_one_backbone_that_stays_as_it_is(data_home):
    probabilities(data_home, "global-pool-max")
    (path,) = (data_home / "kept").glob("*.pt")
    before = path.read_bytes()
    first = [probabilities(data_home, name) for name in ("instance-max", "gm-mlic")]
    assert path.read_bytes() == before
    weights = torch.load(path, weights_only=True)
    torch.save({key: torch.zeros_like(value) for key, value in weights.items()}, path)
    for name, found in zip(("instance-max", "gm-mlic"), first, strict=True):
        assert not np.allclose(probabilities(data_home, name), found)


def test_the_frozen_backbone_is_that_of_the_baseline(data_home):
    models = module("reproduction.image_models")
    run = models.Run(SET, models.BASELINE)
    model = models.make_on_images(run).fit(*load(data_home).train)
    models.train(run, load(data_home), data_home / "kept")
    kept = torch.load(models.backbone_file(run, data_home / "kept"), weights_only=True)
    for key, value in model.module_.encoder.backbone.state_dict().items():
        assert torch.equal(kept[key], value)


# Command ------------------------------------------------------------------------------------


def test_metrics_are_those_of_scikit_learn(data_home):
    (row,) = command(data_home, "--model", "logistic-pixels")
    found, Y = probabilities(data_home, "logistic-pixels"), load(data_home).test.Y
    expected = average_precision_score(Y, found, average="macro")
    assert row["mAP"] == pytest.approx(expected, abs=1e-5)
    expected = f1_score(Y, found >= 0.5, average="micro")
    assert row["OF1"] == pytest.approx(expected, abs=1e-5)
    top = np.argsort(np.argsort(-found, axis=1), axis=1) < 3
    expected = f1_score(Y, top, average="micro")
    assert row["OF1@3"] == pytest.approx(expected, abs=1e-5)
    assert (row["n_train"], row["n_test"]) == ("30", "15")


def test_rows_that_are_there_are_skipped_unless_again(data_home, capsys):
    assert len(command(data_home, "--model", "constant")) == 1
    assert len(command(data_home, "--model", "constant")) == 1
    assert "1 runs are in" in capsys.readouterr().out
    assert len(command(data_home, "--model", "constant", "--again")) == 2


def test_a_row_of_another_training_is_no_reason_to_skip(data_home, monkeypatch):
    models = module("reproduction.image_models")
    for epochs in (1, 1, 2):
        monkeypatch.setitem(models.MAX_EPOCHS, SET, epochs)
        rows = command(data_home, "--model", "ml-gcn-none")
    assert [json.loads(row["parameters"])["max_epochs"] for row in rows] == [1, 2]
    rows = command(data_home, "--model", "ml-gcn-none", "--max-epochs", 1)
    assert [row["setting"] for row in rows] == [*2 * ["defaults"], "defaults, max_epochs=1"]


def test_an_interrupted_command_keeps_the_rows_that_are_done(data_home, monkeypatch):
    images, perform = module("reproduction.images"), module("reproduction.images").perform

    def break_down(run, *others):
        if run.model == "ml-gcn":
            raise KeyboardInterrupt
        return perform(run, *others)

    monkeypatch.setattr(images, "in_process", images._call)
    with monkeypatch.context() as context:
        context.setattr(images, "perform", break_down)
        with pytest.raises(KeyboardInterrupt):
            command(data_home, "--model", "constant", "ml-gcn", "--seed", 0, 1)
    rows = command(data_home, "--model", "constant", "ml-gcn", "--seed", 0, 1)
    found = [(row["model"], row["seed"]) for row in rows]
    assert found == [("constant", 0), ("ml-gcn", 0), ("ml-gcn", 1)]


def test_a_missing_backbone_is_trained_without_a_row(data_home, monkeypatch):
    images = module("reproduction.images")
    monkeypatch.setattr(images, "in_process", images._call)
    rows = command(data_home, "--model", "instance-max", "gm-mlic-none")
    assert [row["model"] for row in rows] == ["instance-max", "gm-mlic-none"]
    assert len(list((data_home / "kept").iterdir())) == 1
    frozen = json.loads(rows[0]["parameters"])["frozen"]
    assert (frozen["pooling"], frozen["max_epochs"]) == ("max", 1)


def test_all_stands_for_what_the_data_set_has_the_means_for():
    images = module("reproduction.images")
    models = {}
    for name in ("coco_mini256", "digit_scenes"):
        args = images.parse(["--dataset", name, "--model", "all", "--seed", "0", "1"])
        models[name] = [run.model for run in images.planned_runs(args)]
        assert models[name].count("constant") == 1
        assert models[name].count("ml-gcn") == 2
    assert "gm-mlic" not in models["coco_mini256"]
    assert "ml-gcn-published" in models["coco_mini256"]
    assert "gm-mlic" in models["digit_scenes"]
    assert "ml-gcn-published" not in models["digit_scenes"]


@pytest.mark.parametrize(
    "words, message",
    [
        ("--dataset coco_mini256 --model gm-mlic", "lacks what gm-mlic must have"),
        (f"--dataset {SET} --model constant --max-epochs 2", "max_epochs are for networks"),
        (f"--dataset {SET} --model all --set dropout=0.1", "dropout are for networks"),
        (f"--dataset {SET}", "--model is needed, or --table"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(words, message, capsys):
    with pytest.raises(SystemExit):
        module("reproduce").main(words.split())
    assert message in capsys.readouterr().err


def test_the_settings_of_a_command_reach_the_model_and_its_frozen_backbone():
    images, models = module("reproduction.images"), module("reproduction.image_models")
    words = "--dataset digit_scenes --model gm-mlic --set beta=0.4 backbone=resnet18"
    (run,) = images.planned_runs(images.parse(words.split()))
    parameters = models.parameters_of(run)
    assert parameters["beta"] == 0.4
    assert parameters["frozen"]["backbone"] == "resnet18"
    assert models.make_on_regions(run).beta == 0.4


def test_the_table_has_means_over_seeds_in_the_order_of_the_models(data_home, capsys):
    tables, images = module("reproduction.tables"), module("reproduction.images")
    common = dict.fromkeys((*tables.IMAGE_METRICS, *tables.COSTS), 0.5) | {"dataset": SET}
    rows = [
        common | {"model": "lamp", "setting": "s", "seed": 0, "parameters": "{}"},
        *(
            common
            | {"model": "logistic-pixels", "setting": "s", "seed": seed, "mAP": value}
            | {"parameters": json.dumps({"C": [1, 2], "chosen": {"C": seed + 1}})}
            for seed, value in ((0, 0.2), (1, 0.4))
        ),
    ]
    render = module("reproduction.rendering").tables
    lines = render(images.in_order(rows), "markdown").splitlines()
    assert lines[2].startswith(
        "| model | seeds | mAP | CF1 | OF1 | CF1@3 | OF1@3 | fit CPU-s"
    )
    assert lines[4].startswith("| logistic-pixels, s | 2 | .300 ± .141 | .500 ± .000")
    assert lines[5].startswith("| lamp, s | 1 | .500 | .500")
    command(data_home, "--model", "constant")
    capsys.readouterr()
    command(data_home, "--table", "rst")
    named = capsys.readouterr().out
    module("reproduce").main(["--table", "rst", "--output", str(data_home / "images.csv")])
    assert capsys.readouterr().out == named
    assert re.search(r'   "constant", "1", "\.\d{3}", "', named)


def test_a_file_with_other_columns_is_refused_before_training(data_home, monkeypatch):
    images = module("reproduction.images")
    (data_home / "images.csv").write_text("dataset,model\nyeast,lamp\n")
    monkeypatch.setattr(images, "perform", lambda *a: pytest.fail("trained"))
    with pytest.raises(ValueError, match="must have the columns dataset, model, setting"):
        command(data_home, "--model", "constant")


def test_a_process_of_its_own_has_a_peak_memory_of_its_own():
    measure = module("measure")
    held = np.ones(50_000_000)  # 400 MB
    here = measure.peak_memory()
    assert measure.in_process(measure.peak_memory) < here - 0.5 * held.nbytes / 1e6

"""Feature maps of a pretrained network in benchmarks/reproduce.py, and sweeps over values."""

import importlib
import json

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

SET = "msrc_v2-efficientnet"
N_IMAGES, N_LABELS, N_CHANNELS = 45, 4, 6


def module(name):
    return importlib.import_module(name)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Write images, word vectors and a network that averages pixels, and train little."""
    rng = np.random.default_rng(0)
    Y = (rng.random((N_IMAGES, N_LABELS)) < [0.7, 0.5, 0.4, 0.3]).astype(np.uint8)
    X = rng.integers(0, 60, (N_IMAGES, 32, 64, 3)).astype(np.uint8)
    image, label = np.nonzero(Y)
    for i, j in zip(image, label, strict=True):
        X[i, :, 16 * j : 16 * j + 16, j % 3] += 150
    boxes = np.stack([label, 0 * label, label + 1, 0 * label + 4], axis=1) / 4
    folder = tmp_path / "msrc_v2"
    folder.mkdir()
    arrays = {"X96x128": X, "Y": Y, "labels": ["cat", "dog", "sky", "sea"]}
    arrays |= {"boxes": boxes, "box_image": image, "box_label": label}
    np.savez(folder / "toy.npz", **arrays)
    (tmp_path / "words.txt").write_text("cat 1 0\ndog 1 1\nsky 0 2\nsea 0 3\n")
    pretrained, models = (
        module("reproduction.pretrained"),
        module("reproduction.image_models"),
    )
    monkeypatch.setattr(pretrained, "_network", make_network)
    monkeypatch.setattr(pretrained, "SIZE", (28, 36))
    monkeypatch.setitem(models.REGION_TRAINING, "max_epochs", 1)
    make_network.calls = 0
    Places = module("reproduction.images").Places
    return Places(str(tmp_path), str(tmp_path / "kept"), str(tmp_path / "words.txt"))


def make_network():
    make_network.calls += 1
    return lambda x: torch.nn.functional.avg_pool2d(torch.cat([x, x * x], dim=1), 4)


def command(places, *more):
    """Run the command; return the rows of its file."""
    output = f"{places.data_home}/rows.csv"
    common = f"--data-home {places.data_home} --output {output} --kept {places.kept}"
    words = (
        f"--dataset {SET} {common} --word-vectors {places.word_vectors} {' '.join(more)}"
    )
    module("reproduce").main(words.split())
    return module("reproduction.tables").read_rows(output)


def predict(parts, model, **settings):
    models = module("reproduction.image_models")
    run = models.Run(SET, model, settings={"max_epochs": 2} | settings)
    return models.train(run, parts, None).probabilities


# Feature maps -------------------------------------------------------------------------------


def test_maps_are_computed_once_and_kept(places):
    first, again = places.load(SET), places.load(SET)
    assert make_network.calls == 1
    assert first.train.X == again.train.X
    assert first.train.X.image_shape == (N_CHANNELS, 7, 9)
    images = module("skmlc.datasets").load_image_set("msrc_v2", data_home=places.data_home)
    X = module("skmlc.inputs").Images(images.images, channels="last").resized((28, 36))
    pixels = (X.read(first.test.X.rows).astype(float) - 127) / 128
    expected = pixels.reshape(-1, 3, 7, 4, 9, 4).mean(axis=(3, 5))
    found = first.test.X.read(np.arange(len(first.test.X)))
    np.testing.assert_allclose(found[:, :3], expected, atol=1e-5)


def test_boxes_are_in_cells(places):
    parts = places.load(SET)
    for part in parts[:2]:
        boxes = np.split(part.X.boxes, part.X.box_offsets[1:-1])
        for found, labels in zip(boxes, part.Y, strict=True):
            left = np.flatnonzero(labels) * 9 / 4
            expected = np.stack([left, 0 * left, left + 9 / 4, 0 * left + 7], axis=1)
            np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("model", ["global-pool-max", "ml-gcn", "ggnn"])
def test_the_maximum_is_all_that_some_models_read(places, monkeypatch, model):
    parts, models = places.load(SET), module("reproduction.image_models")
    assert model in models.OF_THE_MAXIMUM
    found = predict(parts, model)
    with_skip = predict(parts, model, linear_skip=True)
    monkeypatch.setattr(models, "OF_THE_MAXIMUM", [])
    np.testing.assert_allclose(predict(parts, model), found, rtol=1e-4)
    # The linear skip reads their mean.
    np.testing.assert_array_equal(predict(parts, model, linear_skip=True), with_skip)


def test_fewer_channels_are_principal_components_of_the_training_cells(places):
    parts, n = places.load(SET), 2
    maps = [p.X.read(np.arange(len(p.X))).astype(float) for p in parts[:2]]
    train, test = (x.transpose(0, 2, 3, 1).reshape(-1, N_CHANNELS) for x in maps)
    axes = np.linalg.svd(train - train.mean(axis=0), full_matrices=False)[2][:n]
    expected = ((test - train.mean(axis=0)) @ axes.T).reshape(-1, 7, 9, n)
    found = module("reproduction.pretrained").fewer_channels(parts, n).test.X
    assert len(found.boxes) == len(parts.test.X.boxes)
    found = found.read(np.arange(len(found))).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(abs(found), abs(expected), atol=1e-4)  # signs are free


def test_the_top_cells_are_those_with_the_largest_mean(places):
    X = places.load(SET).test.X
    maps = X.read(np.arange(len(X)))
    bags = module("reproduction.pretrained").top_cells(X, 3)
    assert len(bags) == len(X)
    for i, cells in enumerate(maps.reshape(len(X), N_CHANNELS, -1)):
        best = np.sort(np.argsort(-cells.mean(axis=0), kind="stable")[:3])
        np.testing.assert_allclose(bags[i], cells[:, best].T, rtol=1e-6)
        boxes = bags.boxes[3 * i : 3 * i + 3]
        scale = boxes[:, 2:] - boxes[:, :2]
        np.testing.assert_allclose(boxes[:, 0] / scale[:, 0], best % 9, atol=1e-4)
        np.testing.assert_allclose(boxes[:, 1] / scale[:, 1], best // 9, atol=1e-4)


# Models -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    ["ml-gcn-words", "ssgrl", "lamp", "logistic-features", "gm-mlic", "gm-mlic-cells"],
)
def test_the_labels_of_the_test_part_are_not_used(places, model):
    parts = places.load(SET)
    hidden = parts._replace(test=parts.test._replace(Y=None))
    found = predict(hidden, model)
    assert found.shape == (15, N_LABELS)
    np.testing.assert_array_equal(found, predict(parts, model))


def test_word_vectors_are_those_of_the_labels_names(places):
    parts, models = places.load(SET), module("reproduction.image_models")
    np.testing.assert_array_equal(parts.vectors, [[1, 0], [1, 1], [0, 2], [0, 3]])
    run = models.Run(SET, "ml-gcn-words")
    made = models.make_on_images(run, vectors=parts.vectors)
    assert made.label_embedding is parts.vectors
    assert not np.allclose(predict(parts, "ml-gcn-words"), predict(parts, "ml-gcn"))


def test_all_stands_for_what_pretrained_maps_have_the_means_for():
    models = module("reproduction.image_models")
    names = models.models_of(SET)
    assert {"logistic-pixels", "ml-gcn-words", "ml-gcn-published"}.isdisjoint(names)
    assert {"gm-mlic", "gm-mlic-cells", "logistic-features"} <= {*names}
    assert "ml-gcn-words" in models.models_of(SET, "words.txt")
    assert models.ON_CELLS.keys().isdisjoint(models.models_of("msrc_v2-64"))


# Sweeps -------------------------------------------------------------------------------------


def test_a_quarter_of_the_training_part_is_held_out_and_another_with_each_seed(places):
    parts, hold_out = places.load(SET), module("reproduction.image_data").hold_out
    found = [hold_out(parts, seed) for seed in (0, 0, 1)]
    for held in found:
        rows = np.concatenate([held.train.X.rows, held.test.X.rows])
        np.testing.assert_array_equal(np.sort(rows), np.sort(parts.train.X.rows))
        assert len(held.test.Y) in (7, 8)
    assert found[0].test.X == found[1].test.X
    assert found[0].test.X != found[2].test.X


def test_a_sweep_appends_a_row_for_each_value_and_seed_and_skips_what_is_there(places):
    words = ("--sweep depth vectors", "--seeds 0 1", "--max-epochs 2")
    rows = command(places, *words)
    values = ["1", "2", "3", "4", "one-hot", "GloVe"]
    assert [row["value"] for row in rows] == values * 2
    assert [row["seed"] for row in rows] == [0] * 6 + [1] * 6
    assert [json.loads(row["parameters"])["n_layers"] for row in rows[:4]] == [1, 2, 3, 4]
    assert len(command(places, *words)) == 12
    assert len(command(places, *words, "--again")) == 24


def test_a_sweep_scores_the_part_that_is_held_out(places, monkeypatch):
    data = module("reproduction.image_data")
    (row,) = (
        r for r in command(places, "--sweep depth --max-epochs 2") if r["value"] == "2"
    )
    held = data.hold_out(places.load(SET), 0)
    found = average_precision_score(held.test.Y, predict(held, "ml-gcn", n_layers=2))
    assert row["mAP"] == pytest.approx(found, abs=1e-5)
    assert (row["n_train"], row["n_valid"]) == ("22", "8")


def test_the_paper_s_values_differ_in_what_is_swept_alone():
    sweeps, models = module("reproduction.sweeps"), module("reproduction.image_models")
    for sweep in sweeps.SWEEPS.values():
        assert sweep.usual in sweep.values
        runs = [models.Run(SET, sweep.model, 0, sweep.settings(v)) for v in sweep.values]
        found = [models.parameters_of(run) for run in runs]
        assert len({str(parameters) for parameters in found}) == len(found)
        differ = {k for p in found for k in p if p[k] != found[0][k]}
        assert len(differ) == 1


def test_the_table_of_a_sweep_has_differences_seed_by_seed():
    sweeps = module("reproduction.sweeps")
    rows = [
        {"sweep": "depth", "value": value, "seed": seed, "mAP": mAP}
        | {"fit_cpu_s": 10 * mAP, "commit": f"abc{seed}"}
        for value, *scores in (("1", 0.5, 0.7), ("2", 0.6, 0.9))
        for seed, mAP in enumerate(scores)
    ]
    lines = sweeps.sweep_tables(rows).splitlines()
    assert lines[0] == ".. csv-table:: ML-GCN, convolutions: 2 seeds, commit abc0 abc1"
    assert lines[-4:] == [
        '   "", "1", "2"',
        '   "mAP", ".600 ± .141", ".750 ± .212"',
        '   "less 2", "−.150 ± .071", ""',
        '   "CPU-s of all", "12", "15"',
    ]


def test_the_picture_shows_the_means_of_each_sweep():
    sweeps = module("reproduction.sweeps")
    rows = [
        {"sweep": name, "value": str(value), "seed": seed, "mAP": (i + seed) / 10}
        for name in ("depth", "graph")
        for i, value in enumerate(sweeps.SWEEPS[name].values)
        for seed in (0, 1)
    ]
    figure = module("sweep_picture").draw(rows)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["ML-GCN, convolutions", "ML-GCN, label graph"]
    line, ring = figure.axes[0].lines
    np.testing.assert_allclose(line.get_ydata(), [0.05, 0.15, 0.25, 0.35])
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (1, pytest.approx(0.15))
    ticks = [tick.get_text() for tick in figure.axes[1].get_xticklabels()]
    assert ticks == ["none", "binary", "original", "re-weighted"]

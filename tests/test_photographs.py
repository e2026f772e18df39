"""From JPEG files, some of them on their side, to a saved and loaded model."""

import numpy as np
import pytest
import torch
from sklearn.pipeline import make_pipeline
from torch import nn

import skmlc
from skmlc import GlobalPoolClassifier
from skmlc.datasets import load_image_set
from skmlc.inputs import ImageEncoder, ImageFeatures, Images

Image = pytest.importorskip("PIL.Image")
ORIENTATION = 0x0112
COLORS = {"red": 0, "blue": 2}


def pretrained():
    """Return a network that was made elsewhere: it knows red, green and blue."""
    network = nn.Sequential(nn.AvgPool2d(8), nn.Conv2d(3, 6, 1, bias=False), nn.ReLU())
    more = torch.eye(3) - 1 / 3
    with torch.no_grad():
        network[1].weight.copy_(torch.cat([more, -more])[..., None, None])
    return network


@pytest.fixture
def table(tmp_path):
    """A table of twelve files of 48 x 64, each third stored on its side; the top is colored."""
    rng = np.random.default_rng(0)
    lines = ["file,labels"]
    for i in range(12):
        names = [name for j, name in enumerate(COLORS) if i >> j & 1]
        upright = rng.integers(60, 100, (48, 64, 3), dtype=np.uint8)
        for name in names:
            upright[:16, :, COLORS[name]] += 120
        exif = Image.Exif()
        stored = upright
        if i % 3 == 0:
            stored, exif[ORIENTATION] = np.rot90(upright), 6
        Image.fromarray(stored).save(tmp_path / f"{i}.jpg", quality=95, exif=exif)
        lines.append(f"{i}.jpg,{'|'.join(names)}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    return tmp_path / "labels.csv"


def upright_maps(paths):
    """Return what the network makes of the files, read and turned here."""
    maps = []
    for path in paths:
        with Image.open(path) as file:
            pixels, turned = np.asarray(file), file.getexif().get(ORIENTATION) == 6
        pixels = np.rot90(pixels, -1) if turned else pixels
        values = torch.tensor(pixels.copy()).movedim(2, 0)[None] / 255
        values = (values - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / (
            torch.tensor([0.229, 0.224, 0.225])[:, None, None]
        )
        maps.append(pretrained()(values)[0].detach().numpy())
    return np.stack(maps)


def features_first(folder):
    features = ImageFeatures(pretrained(), output="map", cache=str(folder / "cache"))
    return make_pipeline(features, GlobalPoolClassifier(**training()))


def in_one(folder):
    encoder = ImageEncoder(pretrained(), freeze="all")
    return GlobalPoolClassifier(encoder=encoder, **training())


def fine_tuned(folder):
    encoder = ImageEncoder(pretrained(), frozen_epochs=2)
    return GlobalPoolClassifier(encoder=encoder, lr_schedule="cosine_restart", **training())


def training():
    return {"max_epochs": 20, "batch_size": 4, "learning_rate": 0.05, "random_state": 0}


@pytest.mark.parametrize("make", [features_first, in_one, fine_tuned])
def test_photographs_become_a_model_that_is_saved(table, tmp_path, make):
    listed = load_image_set(table)
    assert listed.target_names == ["blue", "red"]
    photos = Images(listed.images)
    model = make(tmp_path).fit(photos, listed.target)
    probabilities = model.predict_proba(photos)
    np.testing.assert_array_equal(probabilities > 0.5, listed.target == 1)
    skmlc.save(model, tmp_path / "model.skmlc")
    loaded = skmlc.load(tmp_path / "model.skmlc")
    np.testing.assert_array_equal(loaded.predict_proba(photos), probabilities)


def test_a_head_on_maps_made_by_hand_is_the_same_model(table, tmp_path):
    listed = load_image_set(table)
    photos = Images(listed.images)
    model = features_first(tmp_path).fit(photos, listed.target)
    maps = upright_maps(listed.images)
    assert maps.shape == (12, 6, 6, 8)
    np.testing.assert_allclose(model[0].transform(photos), maps, atol=1e-5)
    head = GlobalPoolClassifier(**training()).fit(maps, listed.target)
    np.testing.assert_allclose(
        head.predict_proba(maps), model.predict_proba(photos), atol=1e-3
    )

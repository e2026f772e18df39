"""Estimators on images: what the encoder is told reaches training, and what they explain."""

import numpy as np
import pytest
import torch

from skmlc import (
    GGNNClassifier,
    GlobalPoolClassifier,
    GMMLICClassifier,
    LaMPClassifier,
    MLGCNClassifier,
    SSGRLClassifier,
)
from skmlc.datasets import load_digit_scenes
from skmlc.inputs import ImageEncoder, Images
from skmlc.inputs.encoders.backbones import ResNet
from skmlc.nn.losses import AsymmetricLoss
from skmlc.training.batches import read_batch

SMALL = {"hidden_size": 8, "max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def scenes():
    return load_digit_scenes(24, random_state=0)


@pytest.fixture(scope="module")
def images(scenes):
    return Images((scenes.images * 255).astype(np.uint8))


def backbone():
    torch.manual_seed(0)
    return ResNet((1, 1), width=4, small_stem=True, n_channels=1)


def fitted(images, scenes, Estimator=GlobalPoolClassifier, **options):
    encoder = {k: options.pop(k) for k in list(options) if k in ENCODER}
    encoder = ImageEncoder(encoder.pop("backbone", backbone()), **encoder)
    return Estimator(encoder=encoder, **{**SMALL, "batch_size": 8, **options}).fit(
        images, scenes.target
    )


ENCODER = {"backbone", "freeze", "frozen_epochs", "learning_rate_factor", "size", "augment"}


def backbone_changed(model):
    """Whether any weight or statistic of the backbone is not as it was given."""
    trained = model.module_.encoder.backbone.state_dict()
    given = model.encoder.backbone.state_dict()
    return any(not torch.equal(trained[name], given[name]) for name in given)


def test_the_backbone_learns_at_its_own_rate(images, scenes):
    model = fitted(images, scenes, learning_rate_factor=0.25, learning_rate=0.01)
    rates = {group["initial_lr"] for group in model.net_.optimizer_.param_groups}
    assert rates == {0.01, 0.0025}
    sizes = {g["initial_lr"]: len(g["params"]) for g in model.net_.optimizer_.param_groups}
    assert sizes[0.0025] == len(list(model.module_.encoder.backbone.parameters()))


def test_a_frozen_backbone_stays_as_it_was_given(images, scenes):
    assert backbone_changed(fitted(images, scenes))
    assert not backbone_changed(fitted(images, scenes, freeze=True))


def test_the_backbone_is_frozen_for_the_first_epochs(images, scenes):
    assert not backbone_changed(fitted(images, scenes, frozen_epochs=2))
    model = fitted(images, scenes, frozen_epochs=2, max_epochs=3)
    assert backbone_changed(model)
    again = fitted(images, scenes, frozen_epochs=2, max_epochs=3, learning_rate_factor=1.0)
    assert np.abs(model.transform(images) - again.transform(images)).max() > 0


def test_the_backbone_is_frozen_for_the_first_partial_fits(images, scenes):
    encoder = ImageEncoder(backbone(), frozen_epochs=1)
    model = GlobalPoolClassifier(encoder=encoder, **SMALL)
    model.partial_fit(images, scenes.target)
    assert not backbone_changed(model)
    assert backbone_changed(model.partial_fit(images, scenes.target))


def test_images_are_varied_in_training_only(images, scenes):
    plain = fitted(images, scenes).predict_proba(images)
    model = fitted(images, scenes, augment="crop-flip")
    assert np.abs(model.predict_proba(images) - plain).max() > 1e-5
    np.testing.assert_array_equal(model.predict_proba(images), model.predict_proba(images))
    again = fitted(images, scenes, augment="crop-flip")
    np.testing.assert_array_equal(model.predict_proba(images), again.predict_proba(images))


def test_images_are_read_at_the_size_of_fit(images, scenes):
    model = fitted(images, scenes, size=20)
    model.encoder.size = 33  # what was fitted does not change with a parameter
    expected = fitted(images.resized(20), scenes).predict_proba(images.resized(20))
    np.testing.assert_array_equal(model.predict_proba(images), expected)


def test_files_are_images_too(images, scenes, tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    paths = []
    for i, pixels in enumerate(images):
        paths.append(tmp_path / f"{i}.png")
        image_module.fromarray(pixels[0]).save(paths[-1])
    files = Images(paths, mode="L")
    model = fitted(files, scenes)
    np.testing.assert_array_equal(
        model.predict_proba(files), fitted(images, scenes).predict_proba(images)
    )


@pytest.mark.parametrize(
    "Estimator",
    [
        GGNNClassifier,
        GlobalPoolClassifier,
        LaMPClassifier,
        MLGCNClassifier,
        SSGRLClassifier,
    ],
)
def test_where_a_model_looked_is_a_map_of_each_label(images, scenes, Estimator):
    explained = fitted(images, scenes, Estimator).explain(images[:5])
    if Estimator is LaMPClassifier:
        maps = np.stack(explained.details.label_to_node[-1])  # (N, H, L, h, w)
        assert maps.shape == (5, 4, 10, 10, 10)
        np.testing.assert_allclose(maps.sum(axis=(3, 4)), 1, rtol=1e-5)
    else:
        assert explained.relevance.shape == (5, 10, 10, 10)
        assert np.ptp(explained.relevance, axis=(2, 3)).min() > 0


def test_pooled_cells_of_a_feature_map_are_its_representation(scenes):
    maps = np.random.default_rng(0).random((24, 7, 3, 4))
    model = GlobalPoolClassifier(**SMALL).fit(maps, scenes.target)
    np.testing.assert_allclose(model.transform(maps), maps.max(axis=(2, 3)), rtol=1e-6)
    assert model.label_classifiers_.shape == (10, 7)


def test_pixels_have_no_linear_skip(images, scenes):
    model = fitted(images, scenes, LaMPClassifier, linear_skip=True)
    assert model.module_.skip is None


def test_a_larger_image_than_in_fit_is_a_larger_map(images, scenes):
    model = fitted(images, scenes, MLGCNClassifier)
    larger = Images(np.zeros((2, 1, 60, 80), np.uint8))
    assert model.explain(larger).relevance.shape == (2, 10, 15, 20)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_last_batch_of_one_small_image_trains(scenes, batch_size):
    images = np.random.default_rng(0).random((17, 1, 8, 8))
    options = {**SMALL, "batch_size": batch_size}
    model = GlobalPoolClassifier(**options).fit(images, scenes.target[:17])
    assert model.module_.encoder(read_batch(Images(images), [0], np.float32)).grid == (1, 1)
    assert np.isfinite(model.history_[:, "train_loss"]).all()
    model.partial_fit(images[:1], scenes.target[:1])


def test_what_does_not_fit_images_is_refused(images, scenes):
    with pytest.raises(ValueError, match="input_dropout must be 0 for images"):
        fitted(images, scenes, input_dropout=0.1)
    model = fitted(images, scenes, GGNNClassifier)
    with pytest.raises(ValueError, match="images with 1 channel\\(s\\), as in fit; got 3"):
        model.predict(np.zeros((2, 3, 40, 40), np.uint8))
    with pytest.raises(ValueError, match="'images'; got 'vectors'"):
        model.predict(np.zeros((2, 3)))


def test_floats_that_go_to_255_are_warned_of(scenes):
    with pytest.warns(UserWarning, match="divide by 255"):
        fitted(Images(scenes.images * 255), scenes)
    with pytest.raises(ValueError, match='channels="last"'):
        Images(np.zeros((2, 40, 40, 3)))


@pytest.mark.parametrize("name, value, hint", [
    ("encoder", "resnet18", r"such as ImageEncoder\('resnet18'\)"),
    ("label_embedding", "glove.txt", r"WordVectors\(path\)"),
    ("loss", AsymmetricLoss, "write its brackets"),
])  # fmt: skip
def test_likely_mistakes_get_a_hint(images, scenes, name, value, hint):
    model = MLGCNClassifier(**SMALL, **{name: value})
    with pytest.raises((ValueError, TypeError), match=hint):
        model.fit(images, scenes.target)


def test_images_of_different_sizes_are_refused_before_training_starts(images, scenes):
    mixed = [np.zeros((1, 40, 40 + i % 2), np.uint8) for i in range(24)]
    with pytest.raises(ValueError, match=r"at one size; these have 2: 40 x 40, 40 x 41"):
        GlobalPoolClassifier(**SMALL, batch_size=1).fit(mixed, scenes.target)
    assert fitted(mixed, scenes, size=20).predict(mixed).shape == (24, 10)


def test_contributions_of_ggnn_sum_to_the_evidence_of_the_labels(images, scenes):
    model = fitted(images, scenes, GGNNClassifier)
    evidence = model.module_.head.evidence
    weight, bias = (p.detach().numpy()[:10] for p in (evidence.weight, evidence.bias))
    expected = model.transform(images) @ weight.T + bias
    found = model.explain(images).relevance.sum(axis=(2, 3)) + bias
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_warm_start_does_not_freeze_the_backbone_again(images, scenes):
    options = {"frozen_epochs": 1, "max_epochs": 1, "warm_start": True}
    model = fitted(images, scenes, **options)
    assert not backbone_changed(model)
    assert backbone_changed(model.fit(images, scenes.target))


def test_prediction_warns_of_floats_to_255_and_refuses_mixed_sizes(images, scenes):
    model = fitted(images, scenes, batch_size=1)
    with pytest.warns(UserWarning, match="divide by 255"):
        model.predict(Images(scenes.images * 255))
    mixed = [np.zeros((1, 40, 40 + i), np.uint8) for i in range(2)]
    with pytest.raises(ValueError, match="at one size"):
        model.predict(mixed)


def test_boxes_of_images_are_not_read_by_gmmlic_which_says_so(images, scenes):
    boxes = np.split(scenes.boxes, scenes.bags.offsets[1:-1])
    boxed = Images(scenes.images, boxes=boxes)
    with pytest.warns(UserWarning, match="RegionFeatures"):
        model = fitted(boxed, scenes, GMMLICClassifier)
    plain = Images(scenes.images)
    np.testing.assert_array_equal(model.predict_proba(plain), model.predict_proba(boxed))

"""A frozen backbone sees each image once per fit, and the weights are as before."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import nn

import skmlc
from skmlc import (
    GlobalPoolClassifier,
    LaMPClassifier,
    MLGCNClassifier,
    Query2LabelClassifier,
    SSGRLClassifier,
)
from skmlc.inputs import ImageEncoder, ImageFeatures, Images
from skmlc.inputs.encoders.backbones import ResNet
from skmlc.inspection import NodeAttentionDisplay
from skmlc.training import frozen_features

N = 23  # no multiple of the batch


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return Images(rng.integers(0, 256, (N, 3, 20, 28), dtype=np.uint8))


@pytest.fixture
def labels():
    return np.random.default_rng(1).integers(0, 2, (N, 4))


class Counting(nn.Module):
    """A small backbone that counts the images it sees."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.resnet = ResNet((1, 1), width=4, small_stem=True)
        self.n_seen = 0

    def forward(self, x):
        self.n_seen += len(x)
        return self.resnet(x)


class Nothing(nn.Module):
    """A head that leaves everything to the linear skip."""

    def forward(self, nodes):
        return 0.0


def fitted(images, labels, kind=MLGCNClassifier, encoder=None, **parameters):
    options = {"max_epochs": 4, "batch_size": 8, "random_state": 0, **parameters}
    encoder = {"freeze": "all", **(encoder or {})}
    model = kind(encoder=ImageEncoder(Counting(), **encoder), **options)
    return model.fit(images, labels)


def n_seen(model):
    return model.module_.encoder.backbone.n_seen


def never(monkeypatch):
    monkeypatch.setattr(frozen_features, "MEMORY_SHARE", 0)


def test_a_frozen_backbone_sees_each_image_once_per_fit(images, labels, monkeypatch):
    few, many = (n_seen(fitted(images, labels, max_epochs=n)) for n in (1, 6))
    assert few == many
    never(monkeypatch)
    assert n_seen(fitted(images, labels, max_epochs=6)) >= 6 * N


@pytest.mark.parametrize("freeze", [None, "resnet.layer1", "all"])
def test_what_changes_in_training_is_computed_in_each_epoch(images, labels, freeze):
    encoder = {"freeze": freeze}
    if freeze == "all":
        encoder["augment"] = "flip"
    few, many = (
        n_seen(fitted(images, labels, encoder=encoder, max_epochs=n)) for n in (1, 3)
    )
    assert many == few + 2 * N


def test_a_module_that_is_not_trained_but_not_frozen_is_computed_in_each_epoch(
    images, labels
):
    # Its batch norms may learn from what they see.
    backbone = Counting().requires_grad_(False)
    models = [MLGCNClassifier(encoder=ImageEncoder(backbone), max_epochs=n) for n in (1, 3)]
    few, many = (n_seen(model.fit(images, labels)) for model in models)
    assert many == few + 2 * N


@pytest.mark.parametrize("kind", [MLGCNClassifier, SSGRLClassifier, LaMPClassifier])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"early_stopping": "mAP", "threshold": "tuned", "validation_fraction": 0.3},
        {"ema_decay": 0.9},
    ],
)
def test_the_weights_are_those_of_computing_them_again(
    images, labels, kind, parameters, monkeypatch
):
    # Adam makes steps of the rounding of gradients that are zero, such as attention's bias.
    parameters = {"precision": "float64", **parameters}
    model = fitted(images, labels, kind, **parameters)
    assert n_seen(model) < 4 * N
    never(monkeypatch)
    expected = fitted(images, labels, kind, **parameters)
    for weights, others in zip(
        model.module_.state_dict().values(), expected.module_.state_dict().values()
    ):
        torch.testing.assert_close(weights, others, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        model.predict_proba(images), expected.predict_proba(images), rtol=0, atol=1e-5
    )
    assert model.module_.encoder.backbone.resnet.training is False


@pytest.mark.parametrize(
    "kind", [GlobalPoolClassifier, MLGCNClassifier, LaMPClassifier, Query2LabelClassifier]
)
@pytest.mark.parametrize(
    "parameters", [{}, {"early_stopping": "mAP", "validation_fraction": 0.3}]
)
def test_a_head_on_a_frozen_backbone_is_the_head_on_its_maps(
    images, labels, kind, parameters
):
    options = {"max_epochs": 3, "batch_size": 8, "random_state": 0, **parameters}
    weight = np.random.default_rng(2).integers(0, 3, N)
    features = ImageFeatures(Counting(), output="map", batch_size=8)
    maps = features.fit_transform(images)
    on_maps = kind(**options).fit(maps, labels, weight)
    model = kind(encoder=ImageEncoder(Counting(), freeze="all"), **options)
    model.fit(images, labels, weight)
    assert model.module_.skip.weight.abs().max() > 1e-3
    np.testing.assert_allclose(
        model.predict_proba(images), on_maps.predict_proba(maps), rtol=0, atol=1e-5
    )


def test_the_linear_skip_is_logistic_regression_on_mean_cells(images, labels):
    class LinearOnly(GlobalPoolClassifier):
        def _make_head(self, n_labels, node_size):
            return Nothing()

    model = LinearOnly(
        encoder=ImageEncoder(Counting(), freeze="all"), linear_C=0.05, max_epochs=300,
        batch_size=N, precision="float64", lr_schedule=None,
    ).fit(images, labels)  # fmt: skip
    pooled = ImageFeatures(Counting(), pooling="mean").fit_transform(images)
    means = StandardScaler().fit_transform(pooled)
    exact = [LogisticRegression(C=0.05, tol=1e-8).fit(means, y).coef_[0] for y in labels.T]
    weight = model.module_.skip.weight.detach().numpy().T
    np.testing.assert_allclose(weight, exact, atol=0.03 * np.abs(exact).max())


@pytest.mark.parametrize(
    "encoder",
    [
        {"augment": "flip"},
        {"freeze": None},
        {"freeze": "resnet.layer1", "frozen_epochs": 9},
    ],
)
def test_maps_that_change_in_training_have_no_linear_skip(images, labels, encoder):
    assert fitted(images, labels, encoder=encoder, max_epochs=1).module_.skip is None


def test_a_fit_that_was_killed_goes_on_with_its_linear_skip(images, labels, tmp_path):
    class Killed(BaseException):
        pass

    class Kill(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) > 2:
                raise Killed

    with pytest.raises(Killed):
        fitted(images, labels, callbacks=[Kill()], checkpoint=tmp_path)
    model = fitted(images, labels, checkpoint=tmp_path)
    expected = fitted(images, labels)
    np.testing.assert_array_equal(
        model.predict_proba(images), expected.predict_proba(images)
    )


def test_rounded_features_stay_as_they_are(images, labels, monkeypatch):
    model = fitted(images, labels, GlobalPoolClassifier, precision="bfloat16")
    never(monkeypatch)
    expected = fitted(images, labels, GlobalPoolClassifier, precision="bfloat16")
    np.testing.assert_allclose(
        model.predict_proba(images), expected.predict_proba(images), atol=1e-3
    )


def test_features_beyond_the_share_of_memory_are_computed_again(
    images, labels, monkeypatch
):
    n_bytes = N * 5 * 7 * 8 * 4  # float32
    monkeypatch.setattr(frozen_features, "total_memory", lambda: 4 * n_bytes)
    assert n_seen(fitted(images, labels)) < 4 * N
    monkeypatch.setattr(frozen_features, "total_memory", lambda: 4 * n_bytes - 4)
    assert n_seen(fitted(images, labels)) >= 4 * N


def test_slices_keep_the_features_of_their_images(images):
    features = np.arange(N * 6, dtype=np.float32).reshape(N, 1, 2, 3)
    part = images.with_features(features)[[5, 2]]
    np.testing.assert_array_equal(part.features, features[[5, 2]])
    assert images.features is None
    assert part.resized(10).features is None  # they are of another size


def test_a_fitted_model_explains_goes_on_and_is_saved(
    images, labels, tmp_path, monkeypatch
):
    def fit():
        model = LaMPClassifier(
            encoder=ImageEncoder("tiny", freeze="all"), max_epochs=2, random_state=0,
            warm_start=True,
        )  # fmt: skip
        return model.fit(images, labels)

    model = fit()
    skmlc.save(model, tmp_path / "model.skmlc")
    loaded = skmlc.load(tmp_path / "model.skmlc")
    np.testing.assert_array_equal(loaded.predict(images), model.predict(images))
    display = NodeAttentionDisplay.from_estimator(model, images, sample=0)
    assert display.relevance.shape[-2:] == (3, 4)  # cells
    assert model.fit(images, labels).n_iter_ == 4
    assert model.partial_fit(images[:5], labels[:5]).n_iter_ == 5
    never(monkeypatch)
    expected = NodeAttentionDisplay.from_estimator(fit(), images, sample=0)
    np.testing.assert_allclose(display.relevance, expected.relevance, atol=1e-6)

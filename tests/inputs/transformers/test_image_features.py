"""ImageFeatures runs a network once, as it is, and gives what it says of every image."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_estimator,
    check_param_validation,
    check_parameters_default_constructible,
)
from torch import nn

from skmlc import GlobalPoolClassifier
from skmlc.inputs import Images
from skmlc.inputs.encoders.backbones import ResNet, make_backbone
from skmlc.inputs.encoders.images import ImageEncoder
from skmlc.inputs.transformers.image_features import ImageFeatures


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 3, 20, 28), dtype=np.uint8)


@pytest.fixture
def resnet():
    torch.manual_seed(0)
    resnet = ResNet((1, 1), width=4, small_stem=True)
    for module in resnet.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean)
            nn.init.uniform_(module.running_var)
    return resnet


def identity(images):
    return images


def features_of(X, backbone, **parameters):
    return ImageFeatures(backbone, **parameters).fit_transform(X)


# What comes out -----------------------------------------------------------------------------


def test_maps_are_those_of_the_network_on_normalized_images(images, resnet):
    mean = np.array([0.485, 0.456, 0.406])[:, None, None]
    std = np.array([0.229, 0.224, 0.225])[:, None, None]
    expected = []
    with torch.no_grad():
        for image in images:
            x = torch.tensor((image / 255 - mean) / std, dtype=torch.float32)
            expected.append(resnet.eval()(x[None])[0].numpy())
    maps = features_of(images, resnet, output="map")
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_vectors_are_what_pooling_takes_of_each_channel(images, pooling):
    vectors = features_of(images, identity, pooling=pooling, normalize=None)
    assert vectors.dtype == np.float32
    expected = getattr(images / 255, pooling)(axis=(2, 3))
    np.testing.assert_allclose(vectors, expected, rtol=1e-6)


def test_maps_are_pooled_without_a_backbone(images, resnet):
    maps = features_of(images, resnet, output="map")
    vectors = features_of(maps, None)
    np.testing.assert_array_equal(vectors, features_of(images, resnet))


def test_normalize_is_what_it_says(images):
    parameters = {"output": "map", "normalize": ((0.1, 0.2, 0.3), 0.5)}
    maps = features_of(images, identity, **parameters)
    mean = np.array([0.1, 0.2, 0.3])[:, None, None]
    np.testing.assert_allclose(maps, (images / 255 - mean) / 0.5, rtol=1e-5, atol=1e-6)


def test_size_is_that_of_the_images_that_the_network_sees(images, resnet):
    X = Images(images)
    np.testing.assert_array_equal(
        features_of(X, resnet, size=(16, 12)), features_of(X.resized((16, 12)), resnet)
    )
    assert features_of(X, identity, size=9, output="map").shape == (7, 3, 9, 9)


@pytest.mark.parametrize("output", ["pooled", "map"])
def test_the_batch_size_changes_nothing_but_the_batches(images, resnet, output):
    lengths = []

    def backbone(images):
        lengths.append(len(images))
        return resnet.eval()(images)

    model = ImageFeatures(backbone, output=output, batch_size=3).fit(images)
    lengths.clear()
    features = model.transform(images)
    assert lengths == [3, 3, 1]
    whole = model.set_params(batch_size=100).transform(images)
    assert lengths[3:] == [7]
    np.testing.assert_allclose(features, whole, rtol=1e-4, atol=1e-5)


def test_all_that_images_takes_gives_the_same(images, resnet):
    expected = features_of(images, resnet)
    for X in (list(images), Images(images), Images(list(images))[:]):
        np.testing.assert_array_equal(features_of(X, resnet), expected)


def test_files_are_read(images, resnet, tmp_path):
    Image = pytest.importorskip("PIL.Image")
    paths = [tmp_path / f"{i}.png" for i in range(len(images))]
    for path, image in zip(paths, images):
        Image.fromarray(np.moveaxis(image, 0, 2)).save(path)
    np.testing.assert_array_equal(features_of(paths, resnet), features_of(images, resnet))


def test_gray_images_need_no_axis_of_channels(images):
    gray = images[:, 0]
    model = ImageFeatures("tiny", random_state=0).fit(gray)
    assert model.n_features_in_ == 1
    assert model.transform(gray).shape == (7, 128)


# The network --------------------------------------------------------------------------------


def test_random_weights_are_those_of_the_seed_and_leave_the_global_one_alone(images):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again = (features_of(images, "tiny", random_state=3) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - features_of(images, "tiny", random_state=4)).max() > 0.1


def test_weights_are_loaded(images, tmp_path):
    torch.manual_seed(0)
    trained = make_backbone("tiny")
    torch.save(trained.state_dict(), tmp_path / "tiny.pth")
    expected = features_of(images, trained)
    for weights in (trained.state_dict(), tmp_path / "tiny.pth"):
        np.testing.assert_array_equal(
            features_of(images, "tiny", weights=weights), expected
        )


def test_a_module_is_neither_trained_nor_changed(images, resnet):
    resnet.train()
    before = {name: value.clone() for name, value in resnet.state_dict().items()}
    model = ImageFeatures(resnet).fit(images)
    model.transform(images)
    assert resnet.training
    assert all(parameter.requires_grad for parameter in resnet.parameters())
    for name, value in resnet.state_dict().items():
        assert torch.equal(value, before[name])
    assert not model.network_.training
    assert not any(parameter.requires_grad for parameter in model.network_.parameters())


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_network_of_a_fitted_classifier_gives_its_features(images, resnet, precision):
    y = np.arange(14).reshape(7, 2) % 2
    classifier = GlobalPoolClassifier(
        encoder=ImageEncoder(resnet), max_epochs=1, precision=precision, random_state=0
    ).fit(images, y)
    vectors = features_of(images, classifier.module_.encoder.backbone)
    np.testing.assert_allclose(vectors, classifier.transform(images), rtol=1e-4, atol=1e-5)


def test_estimators_take_maps_as_images_without_a_backbone(images, resnet):
    maps = features_of(images, resnet, output="map")
    y = np.arange(14).reshape(7, 2) % 2
    classifier = GlobalPoolClassifier(max_epochs=1, random_state=0).fit(maps, y)
    np.testing.assert_allclose(classifier.transform(maps), maps.max(axis=(2, 3)))


def test_the_network_runs_on_the_device(images, resnet):
    devices = []

    def backbone(images):
        devices.append(images.device.type)
        return images

    model = ImageFeatures(backbone, device="cpu").fit(images)
    model.transform(images)
    assert set(devices) == {"cpu"}
    model.set_params(device="auto").transform(images)
    assert devices[-1] == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ValueError, match="nowhere"):
        model.set_params(device="nowhere").transform(images)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_and_the_fitted_network_stays_on_the_cpu(images, resnet):
    expected = features_of(images, resnet, device="cpu")
    for backbone in (resnet, resnet.cuda()):
        model = ImageFeatures(backbone, device="cuda").fit(images)
        np.testing.assert_allclose(model.transform(images), expected, rtol=1e-3, atol=1e-3)
        assert {p.device.type for p in model.network_.parameters()} == {"cpu"}


# Caching ------------------------------------------------------------------------------------


class Counting(nn.Module):
    """A backbone that counts the images which it has seen."""

    n_images = 0

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)
        self.register_buffer("shift", torch.ones(1))

    def forward(self, images):
        Counting.n_images += len(images)
        return self.conv(images) + self.shift


def test_a_cached_pipeline_runs_the_network_once(images, tmp_path):
    torch.manual_seed(0)
    y = np.arange(7) % 2
    pipeline = make_pipeline(
        ImageFeatures(Counting()), LogisticRegression(), memory=str(tmp_path)
    )
    pipeline.fit(images, y)
    seen = Counting.n_images
    assert seen >= 7
    for C in (0.1, 10):
        pipeline.set_params(logisticregression__C=C).fit(images, y)
        clone(pipeline).fit(images, y)
    pickle.loads(pickle.dumps(pipeline)).fit(images.copy(), y)
    assert Counting.n_images == seen
    pipeline.set_params(imagefeatures__pooling="mean").fit(images, y)
    assert Counting.n_images > seen


def test_a_cached_pipeline_runs_a_network_with_other_weights(images, tmp_path):
    y = np.arange(7) % 2
    module = Counting()
    pipeline = make_pipeline(
        ImageFeatures(module), LogisticRegression(), memory=str(tmp_path)
    )
    pipeline.fit(images, y)
    seen = Counting.n_images
    pipeline.set_params(imagefeatures__backbone=module).fit(images, y)
    assert Counting.n_images == seen
    with torch.no_grad():
        module.shift += 1
    pipeline.set_params(imagefeatures__backbone=module).fit(images, y)
    assert Counting.n_images > seen


def test_a_pickle_of_a_module_gives_the_module_back():
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1))
    module[2].weight = module[0].weight
    module[0].bias.requires_grad_(False)
    module[2].bias.data = module[2].bias.data.bfloat16()
    again = pickle.loads(pickle.dumps(ImageFeatures(module))).backbone
    assert type(again) is nn.Sequential
    assert again[2].weight is again[0].weight
    assert not again[0].bias.requires_grad
    assert again[0].weight.requires_grad
    state = again.state_dict()
    assert list(state) == list(module.state_dict())
    for name, value in module.state_dict().items():
        assert value.dtype == state[name].dtype
        assert torch.equal(value, state[name])
    again[0].weight.data.zero_()  # is its own
    assert module[0].weight.abs().max() > 0


def test_equal_state_dicts_are_one_to_joblib(resnet):
    hashes = [
        joblib.hash(ImageFeatures("tiny", weights={**weights}))
        for weights in (
            resnet.state_dict(),
            {name: value.clone() for name, value in resnet.state_dict().items()},
            {name: value + 1 for name, value in resnet.state_dict().items()},
        )
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_pickle_of_the_fitted_transformer_gives_the_same(images, resnet):
    model = ImageFeatures(resnet).fit(images)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(images), model.transform(images))


# scikit-learn -------------------------------------------------------------------------------


def test_vectors_have_names_and_maps_have_none(images, resnet):
    model = ImageFeatures(resnet).set_output(transform="pandas").fit(images)
    table = model.transform(images)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == [f"imagefeatures{i}" for i in range(8)]
    model.set_params(output="map")
    assert not hasattr(model, "get_feature_names_out")
    assert model.transform(images).shape == (7, 8, 5, 7)


def test_it_is_searched_in_a_pipeline(images):
    X, y = np.repeat(images, 3, axis=0), np.arange(21) // 3 % 2
    pipeline = make_pipeline(
        ImageFeatures("tiny", random_state=0, size=12), LogisticRegression()
    )
    grid = {"imagefeatures__pooling": ["max", "mean"]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(Images(X), y)
    assert search.predict(X).shape == (21,)


def test_it_is_a_well_behaved_estimator():
    check_parameters_default_constructible("ImageFeatures", ImageFeatures())
    check_param_validation("ImageFeatures", ImageFeatures())
    with pytest.warns(SkipTestWarning):  # scikit-learn has no checks for images
        check_estimator(ImageFeatures())


def test_verbose_tells_how_far_it_is(images, resnet, capsys):
    features_of(images, resnet, batch_size=4, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "ImageFeatures: image 4/7",
        "ImageFeatures: image 7/7",
    ]
    features_of(images, resnet, batch_size=4)
    assert capsys.readouterr().out == ""


# Errors -------------------------------------------------------------------------------------


def test_images_must_have_the_channels_seen_in_fit(images, resnet):
    model = ImageFeatures(resnet).fit(images)
    assert model.n_features_in_ == 3
    with pytest.raises(ValueError, match=r"3 channel\(s\), as in fit; got 1"):
        model.transform(images[:, :1])


def test_images_of_different_sizes_need_a_size(images, resnet):
    X = [images[0], images[1], images[2][:, :9]]
    with pytest.raises(ValueError, match=r"image 2 is 9 x 28: set size="):
        features_of(X, resnet, batch_size=1)
    assert features_of(X, resnet, size=16).shape == (3, 8)


def test_what_is_no_image_is_refused(resnet):
    with pytest.raises(ValueError, match="images in one array must be of shape"):
        features_of(np.zeros((4, 5)), resnet)
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        ImageFeatures(resnet).fit(Images(np.zeros((4, 3, 8, 8)))[:0])


def test_transform_needs_fit(images):
    with pytest.raises(NotFittedError):
        ImageFeatures("tiny").transform(images)

"""Images become the cells of a backbone's map; freezing, views and scales do what they say."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from skmlc.inputs import Images
from skmlc.inputs.encoders.backbones import ResNet, make_backbone
from skmlc.inputs.encoders.images import ImageEncoder
from skmlc.nn.nodes import Batch, Layout

SHAPE = (3, 16, 24)


def batch_of(images):
    images = torch.as_tensor(images)
    return Batch(Layout.regular(len(images), 1), values=images)


def make(shape=SHAPE, hidden_size=None, **parameters):
    torch.manual_seed(0)
    return ImageEncoder(**parameters).make("images", shape, hidden_size)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (5, *SHAPE), dtype=np.uint8))


@pytest.fixture
def resnet():
    torch.manual_seed(0)
    return ResNet((1, 1), width=4, small_stem=True)


def identity(images):
    return images


def seen(images, *, training=False, **parameters):
    """Return what the backbone gets of some images."""
    module = make(tuple(images.shape[1:]), backbone=identity, **parameters)
    nodes = module.train(training)(batch_of(images))
    n_samples, n_channels, height, width = images.shape
    return nodes.values.view(n_samples, height, width, n_channels).permute(0, 3, 1, 2)


# Nodes --------------------------------------------------------------------------------------


def test_the_nodes_of_an_image_are_the_cells_of_its_map_row_by_row(images, resnet):
    module = make(backbone=resnet).eval()
    nodes = module(batch_of(images))
    maps = module.backbone((images / 255 - module.mean) / module.std)
    assert nodes.grid == (4, 6)
    assert module.node_size == maps.shape[1] == 8
    (group, values), *others = nodes.groups()
    assert (group.n_samples, group.n_nodes, others) == (5, 24, [])
    for s in range(24):
        torch.testing.assert_close(values[:, s], maps[:, :, s // 6, s % 6])


def test_the_box_of_a_cell_is_its_part_of_the_image(images, resnet):
    boxes = make(backbone=resnet)(batch_of(images)).boxes.view(5, 4, 6, 4)
    for i in range(4):
        for j in range(6):
            expected = torch.tensor([j / 6, i / 4, (j + 1) / 6, (i + 1) / 4])
            torch.testing.assert_close(boxes[:, i, j], expected.expand(5, 4))


def test_a_pooled_cell_is_the_mean_of_a_square_and_has_its_box(images, resnet):
    maps = make(backbone=resnet).eval()(batch_of(images)).values.view(5, 4, 6, 8)
    nodes = make(backbone=resnet, pool=3, hidden_size=None).eval()(batch_of(images))
    assert nodes.grid == (2, 2)  # of 4 x 6 cells: the lower squares are 1 x 3
    for s, (rows, columns) in enumerate(
        (r, c) for r in (slice(0, 3), slice(3, 4)) for c in (slice(0, 3), slice(3, 6))
    ):
        expected = maps[:, rows, columns].mean((1, 2))
        torch.testing.assert_close(nodes.values.view(5, 4, 8)[:, s], expected)
        box = [columns.start / 6, rows.start / 4, columns.stop / 6, rows.stop / 4]
        torch.testing.assert_close(nodes.boxes.view(5, 4, 4)[0, s], torch.tensor(box))


def test_feature_maps_are_pooled_too():
    maps = torch.arange(2 * 5 * 4 * 4.0).view(2, 5, 4, 4)
    nodes = make((5, 4, 4), backbone=None, pool=2)(batch_of(maps))
    expected = maps.view(2, 5, 2, 2, 2, 2).mean((3, 5)).flatten(2).transpose(1, 2)
    torch.testing.assert_close(nodes.values.view(2, 4, 5), expected)
    assert nodes.grid == (2, 2)


def test_a_hidden_size_adds_a_linear_layer_to_every_cell(images, resnet):
    plain = make(backbone=resnet).eval()
    module = make(backbone=resnet, hidden_size=7).eval()
    assert module.node_size == 7
    nodes, cells = module(batch_of(images)), plain(batch_of(images))
    expected = cells.values @ module.linear.weight.T + module.linear.bias
    torch.testing.assert_close(nodes.values, expected)


def test_images_of_many_channels_are_feature_maps_as_they_are():
    maps = torch.randn(2, 5, 3, 4)
    for encoder in ({}, {"backbone": None, "normalize": None}):
        module = make((5, 3, 4), **encoder)
        nodes = module.train()(batch_of(maps))
        assert module.node_size == 5
        assert nodes.grid == (3, 4)
        assert torch.equal(nodes.values, maps.permute(0, 2, 3, 1).reshape(24, 5))


def test_few_channels_go_through_the_tiny_backbone():
    for n_channels in (1, 4):
        backbone = make((n_channels, 16, 16)).backbone
        tiny = make_backbone("tiny", n_channels=n_channels)
        assert backbone.state_dict().keys() == tiny.state_dict().keys()


def test_feature_maps_take_no_backbone_only_on_request():
    assert make((3, 8, 8), backbone=None).node_size == 3
    assert make((6, 8, 8), backbone="tiny").node_size == 128


def test_a_batch_of_one_and_a_map_of_one_cell_work(resnet):
    nodes = make((3, 2, 2), backbone=resnet).eval()(batch_of(torch.rand(1, 3, 2, 2)))
    assert nodes.grid == (1, 1)
    assert nodes.values.shape == (1, 8)
    torch.testing.assert_close(nodes.boxes, torch.tensor([[0.0, 0.0, 1.0, 1.0]]))


def test_float64_and_bfloat16_give_about_the_same_nodes(images, resnet):
    module = make(backbone=resnet, hidden_size=4).eval()
    single = module(batch_of(images)).values
    with torch.autocast("cpu", torch.bfloat16):
        half = module(batch_of(images)).values
    nodes = module.double()(batch_of(images))
    assert nodes.values.dtype == nodes.boxes.dtype == torch.float64
    torch.testing.assert_close(single.double(), nodes.values, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(half.double(), nodes.values, rtol=0.1, atol=0.1)


def test_nothing_is_made_on_another_device_than_the_images(images, resnet):
    module = make(backbone=resnet, hidden_size=4, augment="crop-flip").to("meta").train()
    nodes = module(batch_of(images.to("meta")))
    assert nodes.values.device == nodes.boxes.device == torch.device("meta")


# Scales -------------------------------------------------------------------------------------


def test_bytes_are_scaled_and_normalized_as_imagenet(images):
    expected = np.empty(images.shape)
    for c, (mean, std) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        expected[:, c] = (images[:, c].numpy() / 255 - mean) / std
    np.testing.assert_allclose(seen(images), expected, atol=1e-5)
    floats = images / 255
    np.testing.assert_allclose(seen(floats), expected, atol=1e-5)


def test_gray_images_are_normalized_by_the_mean_of_the_colors(images):
    gray = images[:, :1]
    np.testing.assert_allclose(seen(gray), (gray / 255 - 0.449) / 0.226, atol=1e-5)


@pytest.mark.parametrize(
    "normalize, mean, std",
    [
        ((0.5, 0.25), [0.5] * 3, [0.25] * 3),
        (([0.1, 0.2, 0.3], 2), [0.1, 0.2, 0.3], [2] * 3),
        ([np.array([0.1, 0.2, 0.3]), (1, 2, 4)], [0.1, 0.2, 0.3], [1, 2, 4]),
    ],
)
def test_a_pair_is_mean_and_standard_deviation(images, normalize, mean, std):
    mean, std = (np.reshape(x, (3, 1, 1)) for x in (mean, std))
    expected = (images.numpy() / 255 - mean) / std
    np.testing.assert_allclose(seen(images, normalize=normalize), expected, atol=1e-5)


def test_without_normalization_bytes_are_scaled_and_floats_left(images):
    torch.testing.assert_close(seen(images, normalize=None), images / 255)
    floats = torch.randn(2, *SHAPE)
    assert torch.equal(seen(floats, normalize=None), floats)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_scales_are_exact_in_the_type_of_the_module(images, n_channels):
    images = images[:, :n_channels]
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    if n_channels == 1:
        mean, std = mean.mean(), std.mean()
    mean, std = (np.reshape(x, (-1, 1, 1)) for x in (mean, std))
    module = make((n_channels, *SHAPE[1:]), backbone=identity)
    single = module(batch_of(images)).values
    for _ in range(2):
        nodes = module.double()(batch_of(images)).values.numpy()
        found = nodes.reshape(5, *SHAPE[1:], n_channels).transpose(0, 3, 1, 2)
        np.testing.assert_allclose(found, (images.numpy() / 255 - mean) / std, rtol=1e-13)
        assert torch.equal(module.float()(batch_of(images)).values, single)


# Views --------------------------------------------------------------------------------------


def ramps(n_samples, height, width):
    """Return images whose pixels tell their place: channel 0 the column, channel 1 the row."""
    rows, columns = np.mgrid[:height, :width].astype(float)
    return torch.tensor(np.stack([columns, rows])).expand(n_samples, -1, -1, -1)


def test_a_crop_of_the_whole_image_is_the_image(images):
    whole = seen(images, training=True, augment="crop", min_crop=1)
    torch.testing.assert_close(whole, seen(images))
    smaller = seen(images, training=True, augment="crop", min_crop=0.5)
    assert (smaller - whole).abs().mean() > 0.1


@pytest.mark.parametrize("augment", ["flip", "crop", "crop-flip"])
def test_views_are_of_training_only_and_follow_the_seed(images, augment):
    module = make(backbone=identity, augment=augment)
    whole = seen(images).permute(0, 2, 3, 1).flatten(0, 2)
    torch.testing.assert_close(module.eval()(batch_of(images)).values, whole)
    views = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        views.append(module.train()(batch_of(images)).values)
    assert torch.equal(views[0], views[1])
    assert not torch.allclose(views[0], views[2])
    assert not torch.allclose(views[0], whole)


def test_crop_flip_does_both():
    module = make((2, 8, 8), backbone=identity, augment="crop-flip", normalize=None)
    views = module.train()(batch_of(ramps(200, 8, 8).float())).values.view(200, 8, 8, 2)
    step = views[:, 4, 4, 0] - views[:, 4, 3, 0]
    assert 60 < (step < 0).sum() < 140
    assert 0.5 <= step.abs().min() < 0.6


def test_a_function_varies_the_scaled_images_in_training(images):
    def shade(batch):
        assert batch.dtype == torch.float32
        assert 0.9 < batch.max() <= 1
        return batch / 2

    parameters = {"augment": shade, "normalize": None}
    torch.testing.assert_close(seen(images, training=True, **parameters), images / 510)
    torch.testing.assert_close(seen(images, **parameters), images / 255)


def test_a_module_that_varies_images_is_copied(images):
    shade = nn.Dropout(0.5).eval()
    module = make(backbone=identity, augment=shade).train()
    assert not shade.training
    assert module(batch_of(images)).values.max() > seen(images, augment=shade).max()


def test_a_function_that_loses_images_is_refused(images):
    module = make(backbone=identity, augment=lambda batch: batch[:2]).train()
    with pytest.raises(ValueError, match=r"\(5, 3, 16, 24\); it gave \(2, 3, 16, 24\)"):
        module(batch_of(images))


# Freezing -----------------------------------------------------------------------------------


def changed_by_a_step(module, images):
    """Train a step, and return the children of the backbone that it changed in any way."""
    before = copy.deepcopy(module.backbone.state_dict())
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    nodes = module.train()(batch_of(images))
    optimizer.zero_grad()
    nodes.values.square().sum().backward()
    optimizer.step()
    assert all(p.grad is not None for p in parameters)
    after = module.backbone.state_dict()
    return {k.split(".")[0] for k in after if not torch.equal(before[k], after[k])}


@pytest.mark.parametrize(
    "freeze, changed",
    [
        (None, {"conv1", "bn1", "layer1", "layer2"}),
        (False, {"conv1", "bn1", "layer1", "layer2"}),
        ("bn1", {"layer1", "layer2"}),
        ("layer1", {"layer2"}),
        ("layer2", set()),
        ("all", set()),
        (True, set()),
    ],
)
def test_what_is_frozen_does_not_change_its_statistics_included(
    images, resnet, freeze, changed
):
    module = make(backbone=resnet, hidden_size=3, freeze=freeze)
    assert changed_by_a_step(module, images) == changed


def test_a_frozen_backbone_keeps_no_graph(images, resnet):
    assert not make(backbone=resnet, freeze=True)(batch_of(images)).values.requires_grad
    assert make(backbone=resnet)(batch_of(images)).values.requires_grad


def test_the_backbone_is_frozen_first_and_then_what_freeze_says(images, resnet):
    module = make(backbone=resnet, hidden_size=3, freeze="layer1", frozen_epochs=2)
    assert module.frozen_epochs == 2
    assert changed_by_a_step(module, images) == set()
    module.unfreeze_backbone()
    assert changed_by_a_step(module, images) == {"layer2"}
    module.freeze_backbone()
    assert changed_by_a_step(module, images) == set()


def test_frozen_parts_stay_frozen_in_copies(images, resnet):
    module = make(backbone=resnet, hidden_size=3, freeze="layer1")
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert changed_by_a_step(other, images) == {"layer2"}


def test_what_a_module_does_not_train_is_not_trained(images, resnet):
    resnet.layer1.requires_grad_(False)
    module = make(backbone=resnet, freeze="conv1", frozen_epochs=1)
    module.unfreeze_backbone()
    trained = {n for n, p in module.backbone.named_parameters() if p.requires_grad}
    assert {n.split(".")[0] for n in trained} == {"bn1", "layer2"}


def test_a_module_is_copied(images, resnet):
    before = copy.deepcopy(resnet.state_dict())
    module = make(backbone=resnet, freeze="layer1")
    changed_by_a_step(module, images)
    assert resnet.training
    assert all(p.requires_grad for p in resnet.parameters())
    assert all(torch.equal(v, before[k]) for k, v in resnet.state_dict().items())


def test_a_function_is_not_trained(images):
    layer = nn.Conv2d(3, 4, 3)
    module = make(backbone=lambda x: layer(x), hidden_size=2)
    module(batch_of(images)).values.sum().backward()
    assert layer.weight.grad is None
    assert module.linear.weight.grad is not None


# Learning rate, weights, size ---------------------------------------------------------------


def test_a_trained_backbone_learns_slowly_by_default(resnet):
    weights = make_backbone("tiny").state_dict()
    for factor, parameters in [
        (1.0, {}),
        (0.1, {"backbone": "tiny", "weights": weights}),
        (0.1, {"backbone": resnet}),
        (0.5, {"backbone": resnet, "learning_rate_factor": 0.5}),
        (2.0, {"learning_rate_factor": 2}),
        (1.0, {"backbone": None}),
    ]:
        assert make(**parameters).learning_rates["backbone.*"] == factor


def test_weights_are_those_of_the_backbone(tmp_path):
    weights = make_backbone("tiny").state_dict()
    torch.save({**weights, "fc.bias": torch.zeros(2)}, tmp_path / "tiny.pth")
    backbone = make(weights=tmp_path / "tiny.pth").backbone
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, weights[name])


@pytest.mark.parametrize("size, expected", [(8, (3, 8, 8)), ((8, 12), (3, 8, 12))])
def test_images_are_read_at_the_size(images, size, expected):
    X = Images(images.numpy())
    assert ImageEncoder(size=size).prepare(X).image_shape == expected
    assert ImageEncoder().prepare(X) is X


def test_a_hugging_face_backbone_encodes_images(tmp_path, images):
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic"
    )
    transformers.ResNetBackbone(config).save_pretrained(tmp_path)
    name = f"hf:{tmp_path}"
    module = make(backbone=name, freeze="encoder.stages.0", hidden_size=3)
    assert module.learning_rates["backbone.*"] == 0.1
    assert module.eval()(batch_of(images)).grid == (2, 3)
    frozen = {n for n, p in module.backbone.named_parameters() if not p.requires_grad}
    everything = {n for n, _ in module.backbone.named_parameters()}
    assert {n for n in everything - frozen if not n.startswith("encoder.stages.1")} == set()
    assert any(n.startswith("embedder") for n in frozen)
    with pytest.raises(
        ValueError, match=r"backbone must take images of shape \(N, 1, 16, 16"
    ):
        make((1, 16, 16), backbone=name)


# Errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"backbone": "vgg"}, "backbone must be one of tiny, resnet18"),
        ({"backbone": 3}, "'backbone' parameter"),
        ({"backbone": lambda x: x.mean((2, 3))}, r"got a Tensor of shape \(1, 3\)"),
        (
            {"backbone": nn.Conv2d(1, 2, 3)},
            r"images of shape \(N, 3, 16, 24\); it raised Runt",
        ),
        ({"weights": 3}, "'weights' parameter"),
        ({"freeze": "layer9"}, r"name of a part of the backbone \(conv1, bn1"),
        ({"freeze": "layer9", "frozen_epochs": 1}, "name of a part of the backbone"),
        ({"freeze": "layer1", "backbone": identity}, r"\(it has none\); got 'layer1'"),
        ({"freeze": ""}, "name of a part of the backbone"),
        ({"frozen_epochs": -1}, "'frozen_epochs' parameter"),
        ({"learning_rate_factor": 0}, "'learning_rate_factor' parameter"),
        ({"size": 0}, "'size' parameter"),
        ({"augment": "rotate"}, "'augment' parameter"),
        ({"min_crop": 0}, "'min_crop' parameter"),
        ({"min_crop": 1.5}, "'min_crop' parameter"),
        ({"normalize": "vgg"}, "'normalize' parameter"),
        ({"normalize": (1, 2, 3)}, "a pair of mean and positive standard deviation"),
        ({"normalize": (0.5, 0)}, r"per channel, 3; got \(0.5, 0\)"),
        ({"normalize": ([1, 2], 1)}, r"per channel, 3; got \(\[1, 2\], 1\)"),
        ({"normalize": ("a", 1)}, "a pair of mean and positive"),
    ],
)
def test_wrong_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        make(**parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"weights": {}},
        {"freeze": True},
        {"frozen_epochs": 2},
        {"learning_rate_factor": 1.0},
        {"augment": "flip"},
        {"normalize": (0, 1)},
    ],
)
def test_feature_maps_refuse_what_needs_a_backbone(parameters):
    (name,) = parameters
    for given in ({"backbone": None, "shape": SHAPE}, {"shape": (9, 4, 4)}):
        with pytest.raises(ValueError, match=f"{name} must be left out"):
            make(**given, **parameters)


@pytest.mark.parametrize("size", [(3, 4, 5), (3, 0), (3, 4.0), [7], "large", 0])
def test_a_size_is_a_number_of_pixels_or_a_height_and_a_width(images, size):
    with pytest.raises(ValueError, match="size"):
        ImageEncoder(size=size).prepare(Images(images.numpy()))


def test_a_specification_is_cloned_with_its_module(resnet):
    encoder = ImageEncoder(resnet, freeze="layer1", normalize=(0.5, 0.5))
    copied = clone(encoder)
    assert copied.backbone is not resnet
    for name, value in copied.backbone.state_dict().items():
        assert torch.equal(value, resnet.state_dict()[name])
    assert copied.get_params()["freeze"] == "layer1"

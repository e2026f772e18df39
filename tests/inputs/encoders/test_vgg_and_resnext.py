"""VGGs and ResNeXts have the names, shapes and numbers of parameters that torchvision has."""

import numpy as np
import pytest
import torch
from torch import nn

from skmlc.inputs.encoders.backbones import VGG, make_backbone
from skmlc.inputs.encoders.images import ImageEncoder

# The numbers of parameters that torchvision states, with a classifier of 1000 classes; of VGGs
# it has layers of 25088 x 4096, 4096 x 4096 and 4096 x 1000.
FC = 2048 * 1000 + 1000
VGG_CLASSIFIER = (25088 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000
PUBLISHED = {
    "resnext50_32x4d": 25_028_904 - FC,
    "resnext101_32x8d": 88_791_336 - FC,
    "vgg11": 132_863_336 - VGG_CLASSIFIER,
    "vgg13": 133_047_848 - VGG_CLASSIFIER,
    "vgg16": 138_357_544 - VGG_CLASSIFIER,
    "vgg19": 143_667_240 - VGG_CLASSIFIER,
    "vgg11_bn": 132_868_840 - VGG_CLASSIFIER,
    "vgg13_bn": 133_053_736 - VGG_CLASSIFIER,
    "vgg16_bn": 138_365_992 - VGG_CLASSIFIER,
    "vgg19_bn": 143_678_248 - VGG_CLASSIFIER,
}


def shapes_of(name):
    with torch.device("meta"):
        module = make_backbone(name)
    return {entry: tuple(value.shape) for entry, value in module.state_dict().items()}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_number_of_parameters_is_the_published_one(name):
    with torch.device("meta"):
        module = make_backbone(name)
        maps = module(torch.zeros(2, 3, 224, 160))
    assert sum(p.numel() for p in module.parameters()) == PUBLISHED[name]
    assert maps.shape == (2, 512 if name.startswith("vgg") else 2048, 7, 5)
    if name == "vgg16":
        assert PUBLISHED[name] == 14_714_688


def test_resnexts_have_the_entries_of_resnets_with_groups():
    for name, depth, ratio in (("resnext50_32x4d", 50, 2), ("resnext101_32x8d", 101, 4)):
        plain, grouped = shapes_of(f"resnet{depth}"), shapes_of(name)
        assert plain.keys() == grouped.keys()
        for stage in range(1, 5):
            width = ratio * 64 * 2 ** (stage - 1)
            block = f"layer{stage}.1."
            assert grouped[f"{block}conv1.weight"] == (width, 256 * 2 ** (stage - 1), 1, 1)
            assert grouped[f"{block}conv2.weight"] == (width, width // 32, 3, 3)
            assert grouped[f"{block}conv3.weight"] == (256 * 2 ** (stage - 1), width, 1, 1)


def test_vggs_have_the_names_of_torchvision():
    # Written down from torchvision's files vgg16-397923af.pth and vgg16_bn-6c64b313.pth.
    places = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    with_norm = [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40]
    widths = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    for name, numbers in (("vgg16", places), ("vgg16_bn", with_norm)):
        expected, n_in = {}, 3
        for i, width in zip(numbers, widths):
            expected[f"features.{i}.weight"] = (width, n_in, 3, 3)
            expected[f"features.{i}.bias"] = (width,)
            if name == "vgg16_bn":
                for entry in ("weight", "bias", "running_mean", "running_var"):
                    expected[f"features.{i + 1}.{entry}"] = (width,)
                expected[f"features.{i + 1}.num_batches_tracked"] = ()
            n_in = width
        assert shapes_of(name) == expected


def test_a_vgg_agrees_with_numpy():
    torch.manual_seed(0)
    vgg = VGG((1, 2), batch_norm=False).double()
    x = np.random.default_rng(0).normal(size=(2, 3, 10, 13))
    found = vgg(torch.from_numpy(x)).detach().numpy()
    state = {name: value.numpy() for name, value in vgg.state_dict().items()}
    for i, pools in ((0, True), (3, False), (5, True)):
        kernel, bias = state[f"features.{i}.weight"], state[f"features.{i}.bias"]
        padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
        views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        y = np.tensordot(views, kernel, ((1, 4, 5), (1, 2, 3))) + bias
        x = np.maximum(y, 0).transpose(0, 3, 1, 2)
        if pools:
            n, c, h, w = x.shape
            x = x[:, :, : h // 2 * 2, : w // 2 * 2]
            x = x.reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))
    np.testing.assert_allclose(found, x, atol=1e-12)


@pytest.mark.parametrize("name", ["vgg11", "vgg11_bn", "resnext50_32x4d"])
def test_files_of_torchvision_are_loaded_without_their_classifier(name, tmp_path):
    torch.manual_seed(0)
    state = make_backbone(name).state_dict()
    ends = ["classifier.0.weight", "classifier.6.bias", "fc.weight"]
    torch.save({**state, **{end: torch.zeros(2) for end in ends}}, tmp_path / "file.pth")
    loaded = make_backbone(name, tmp_path / "file.pth").state_dict()
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[entry], state[entry]) for entry in state)
    with pytest.raises(ValueError, match=r"images of 1 channel.*they are for 3"):
        make_backbone(name, state, n_channels=1)


def test_a_part_of_a_vgg_is_frozen_by_its_number():
    module = ImageEncoder("vgg11", freeze="features.8").make("images", (3, 32, 32), None)
    trained = {n for n, p in module.backbone.named_parameters() if p.requires_grad}
    numbers = {int(name.split(".")[1]) for name in trained}
    assert numbers == {11, 13, 16, 18}  # of the convolutions 0, 3, 6, 8, 11, 13, 16, 18


@pytest.mark.parametrize("name", ["resnext50_32x4d", "vgg11", "vgg11_bn"])
def test_networks_are_those_of_torchvision(name):
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    theirs = getattr(models, name)().eval()
    ours = make_backbone(name, theirs.state_dict()).eval()
    images = torch.rand(1, 3, 64, 64)
    if name.startswith("vgg"):
        expected = theirs.features(images)
    else:
        expected = nn.Sequential(*list(theirs.children())[:-2])(images)
    torch.testing.assert_close(ours(images), expected)

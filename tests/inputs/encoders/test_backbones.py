"""The ResNets are those of the paper under torchvision's names; other backbones are taken."""

import copy
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from skmlc.inputs.encoders.backbones import (
    BACKBONES,
    ResNet,
    last_feature_map,
    make_backbone,
    modules_up_to,
)

# (blocks of each stage, bottleneck) after table 1 of He et al., and the number of parameters
# of torchvision's models without `fc`.
PAPER = {
    "resnet18": ((2, 2, 2, 2), False, 11_176_512),
    "resnet34": ((3, 4, 6, 3), False, 21_284_672),
    "resnet50": ((3, 4, 6, 3), True, 23_508_032),
    "resnet101": ((3, 4, 23, 3), True, 42_500_160),
    "resnet152": ((3, 8, 36, 3), True, 58_143_808),
}
# What `reference` gives for `formula_state` and `formula_images`: mean, standard deviation and
# maximum of the maps, and their sum weighted by cosines.
FINGERPRINTS = {
    "resnet18": [
        0.09665413607225595,
        0.10303375115514628,
        0.7727380868467533,
        0.24327065284133864,
    ],
    "resnet50": [
        0.08401593239344547,
        0.07213533092955642,
        0.5509419766145109,
        5.085068050103664,
    ],
}


# A ResNet in NumPy, from the paper's table 1 and the names alone ------------------------------


def entries(n_blocks, bottleneck):
    """Yield the names and shapes of the convolutions, each before its batch normalization."""
    yield "conv1", "bn1", (64, 3, 7, 7)
    n_in = 64
    for stage, n in enumerate(n_blocks):
        width = 64 * 2**stage
        n_out = 4 * width if bottleneck else width
        for block in range(n):
            name = f"layer{stage + 1}.{block}."
            sizes = [(n_in, width, 3), (width, width, 3)]
            if bottleneck:
                sizes = [(n_in, width, 1), (width, width, 3), (width, n_out, 1)]
            for i, (a, b, size) in enumerate(sizes):
                yield f"{name}conv{i + 1}", f"{name}bn{i + 1}", (b, a, size, size)
            if block == 0 and (stage > 0 or bottleneck):
                shape = (n_out, n_in, 1, 1)
                yield f"{name}downsample.0", f"{name}downsample.1", shape
            n_in = n_out


def formula_state(n_blocks, bottleneck):
    """Return weights and batch-norm statistics that a formula gives."""

    def wave(n, start):
        # The last angles are of the order of 5e6, so that their last digit shows in the ninth
        # of a weight.  Roots and products are rounded in one way on every machine; powers are
        # not (NumPy has others for AVX-512).
        i = np.arange(n, dtype=np.float64)
        return np.sin(1.0 + 0.7 * i + 1.3 * start + 1e-3 * (i * np.sqrt(i)))

    state = {}
    for i, (conv, norm, shape) in enumerate(entries(n_blocks, bottleneck)):
        scale = (2 / np.prod(shape[1:])) ** 0.5
        state[f"{conv}.weight"] = scale * wave(np.prod(shape), i).reshape(shape)
        state[f"{norm}.weight"] = 1.0 + 0.3 * wave(shape[0], i + 0.1)
        state[f"{norm}.bias"] = 0.2 * wave(shape[0], i + 0.2)
        state[f"{norm}.running_mean"] = 0.3 * wave(shape[0], i + 0.3)
        state[f"{norm}.running_var"] = 1.0 + 0.5 * wave(shape[0], i + 0.4)
        state[f"{norm}.num_batches_tracked"] = np.array(7)
    return state


def formula_images(size=64):
    return np.cos(0.37 * np.arange(2 * 3 * size * size)).reshape(2, 3, size, size)


def windows(x, size, stride, fill=0.0):
    pad = size // 2
    x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=fill)
    views = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    return views[:, :, ::stride, ::stride]  # (N, C, h, w, size, size)


def convolve(state, conv, norm, x, stride=1):
    """Convolve, and normalize with the stored statistics."""
    weight = state[f"{conv}.weight"]
    y = np.tensordot(windows(x, weight.shape[2], stride), weight, ((1, 4, 5), (1, 2, 3)))
    gain = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + 1e-5)
    y = (y - state[f"{norm}.running_mean"]) * gain + state[f"{norm}.bias"]
    return y.transpose(0, 3, 1, 2)


def reference(state, n_blocks, bottleneck, x):
    x = np.maximum(convolve(state, "conv1", "bn1", x, 2), 0)
    x = windows(x, 3, 2, fill=-np.inf).max((4, 5))
    strided = 2 if bottleneck else 1  # torchvision halves in the 3 x 3 convolution
    for stage, n in enumerate(n_blocks):
        for block in range(n):
            name = f"layer{stage + 1}.{block}."
            stride = 2 if stage > 0 and block == 0 else 1
            y, last = x, 3 if bottleneck else 2
            for i in range(1, last + 1):
                step = stride if i == strided else 1
                y = convolve(state, f"{name}conv{i}", f"{name}bn{i}", y, step)
                y = np.maximum(y, 0) if i < last else y
            if f"{name}downsample.0.weight" in state:
                names = f"{name}downsample.0", f"{name}downsample.1"
                x = convolve(state, *names, x, stride)
            x = np.maximum(x + y, 0)
    return x


def fingerprint(maps):
    weight = np.cos(0.1 * np.arange(maps.size)).reshape(maps.shape)
    return [maps.mean(), maps.std(), maps.max(), (weight * maps).sum()]


def tensors(state):
    return {name: torch.as_tensor(value) for name, value in state.items()}


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_resnets_agree_with_numpy_and_with_the_stored_fingerprint(name):
    n_blocks, bottleneck, _ = PAPER[name]
    state, images = formula_state(n_blocks, bottleneck), formula_images()
    resnet = ResNet(**BACKBONES[name]).double().eval()
    resnet.load_state_dict(tensors(state))
    with torch.no_grad():
        maps = resnet(torch.from_numpy(images)).numpy()
    assert maps.shape == (2, 2048 if bottleneck else 512, 2, 2)
    np.testing.assert_allclose(
        maps, reference(state, n_blocks, bottleneck, images), atol=1e-12
    )
    np.testing.assert_allclose(fingerprint(maps), FINGERPRINTS[name], rtol=1e-9)


@pytest.mark.parametrize("name", PAPER)
def test_entries_and_their_number_are_those_of_torchvision(name):
    n_blocks, bottleneck, n_parameters = PAPER[name]
    with torch.device("meta"):
        resnet = ResNet(**BACKBONES[name])
    assert sum(p.numel() for p in resnet.parameters()) == n_parameters
    expected = {}
    for conv, norm, shape in entries(n_blocks, bottleneck):
        expected[f"{conv}.weight"] = shape
        for vector in ("weight", "bias", "running_mean", "running_var"):
            expected[f"{norm}.{vector}"] = shape[:1]
        expected[f"{norm}.num_batches_tracked"] = ()
    assert {name: tuple(v.shape) for name, v in resnet.state_dict().items()} == expected


def test_some_entries_are_as_torchvision_has_them():
    with torch.device("meta"):
        state = ResNet(**BACKBONES["resnet50"]).state_dict()
    assert {
        "conv1.weight": (64, 3, 7, 7),
        "bn1.running_var": (64,),
        "layer1.0.conv3.weight": (256, 64, 1, 1),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer2.0.conv2.weight": (128, 128, 3, 3),
        "layer2.0.downsample.1.num_batches_tracked": (),
        "layer4.2.bn3.bias": (2048,),
    }.items() <= {k: tuple(v.shape) for k, v in state.items()}.items()
    assert "layer1.1.downsample.0.weight" not in state


@pytest.mark.parametrize("n_channels", [1, 3])
def test_the_tiny_backbone_has_a_map_for_small_images(n_channels):
    tiny = make_backbone("tiny", n_channels=n_channels)
    assert 200_000 < sum(p.numel() for p in tiny.parameters()) < 700_000
    assert tiny(torch.zeros(2, n_channels, 64, 64)).shape == (2, 128, 8, 8)
    assert tiny(torch.zeros(2, n_channels, 40, 40)).shape == (2, 128, 5, 5)


# Weights ------------------------------------------------------------------------------------


@pytest.fixture
def small():
    torch.manual_seed(0)
    return ResNet((1, 1), width=4)


@pytest.fixture
def weights():
    """Return a state dict of a tiny backbone, with the classifier that files have."""
    torch.manual_seed(1)
    state = make_backbone("tiny").state_dict()
    return {**state, "fc.weight": torch.zeros(5, 128), "fc.bias": torch.zeros(5)}


@pytest.mark.parametrize("kind", ["mapping", "str", "path"])
def test_weights_are_loaded_bit_by_bit_without_their_classifier(kind, weights, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(weights, path)
    source = {"mapping": weights, "str": str(path), "path": path}[kind]
    loaded = make_backbone("tiny", source).state_dict()
    assert "fc.weight" not in loaded
    for name, value in loaded.items():
        assert torch.equal(value, weights[name])


def test_weights_of_files_that_do_not_count_batches_are_loaded(weights):
    old = {k: v for k, v in weights.items() if not k.endswith("num_batches_tracked")}
    assert len(old) < len(weights)
    loaded = make_backbone("tiny", old).state_dict()
    assert torch.equal(loaded["layer3.1.conv2.weight"], weights["layer3.1.conv2.weight"])


def test_a_module_takes_its_own_state_dict_and_is_not_changed(small):
    other = ResNet((1, 1), width=4)
    before = copy.deepcopy(small.state_dict())
    loaded = make_backbone(small, other.state_dict())
    assert loaded is not small
    for name, value in small.state_dict().items():
        assert torch.equal(value, before[name])
        assert torch.equal(loaded.state_dict()[name], other.state_dict()[name])


def test_a_module_with_a_part_called_fc_keeps_its_weights():
    module = nn.Sequential()
    module.add_module("fc", nn.Conv2d(3, 2, 1))
    state = {name: torch.ones_like(value) for name, value in module.state_dict().items()}
    assert torch.equal(make_backbone(module, state).fc.weight, torch.ones(2, 3, 1, 1))


def test_entries_that_do_not_fit_are_named(weights):
    weights["layer2.0.bn1.bias"] = torch.zeros(3)
    weights["epoch"] = 3
    del weights["layer3.0.conv1.weight"]
    message = (
        r"missing: layer3.0.conv1.weight; unexpected: epoch; of another shape: "
        r"layer2.0.bn1.bias \(3,\) for \(64,\)\."
    )
    with pytest.raises(ValueError, match=message):
        make_backbone("tiny", weights)


def test_weights_for_other_channels_are_refused(weights):
    with pytest.raises(
        ValueError, match=r"images of 1 channel\(s\).*they are for 3: give X 3"
    ):
        make_backbone("tiny", weights, n_channels=1)


def test_files_without_a_state_dict_are_named(tmp_path):
    path = tmp_path / "weights.pth"
    with pytest.raises(ValueError, match=r"cannot be read [(]FileNotFoundError"):
        make_backbone("tiny", path)
    torch.save(torch.zeros(3), path)
    with pytest.raises(ValueError, match=r"weights must hold a state dict; .* a Tensor"):
        make_backbone("tiny", path)


def test_a_file_cannot_run_code(tmp_path):
    torch.save({"conv1.weight": SimpleNamespace()}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"cannot be read [(]UnpicklingError"):
        make_backbone("tiny", tmp_path / "weights.pth")


@pytest.mark.parametrize("backbone", [torch.relu, "hf:folder"])
def test_backbones_with_their_own_weights_refuse_others(backbone, weights):
    with pytest.raises(
        ValueError, match="weights must be None where backbone is a function"
    ):
        make_backbone(backbone, weights)


# Other backbones ----------------------------------------------------------------------------


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"one of tiny, resnet18, .* or None; got 'vgg17'"):
        make_backbone("vgg17")


def test_a_function_is_a_module_that_calls_it():
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(
        make_backbone(lambda x: x[:, :, ::2, ::2])(images), images[..., ::2, ::2]
    )


def test_the_last_map_is_read_from_tensors_and_from_several_maps():
    maps = [torch.zeros(1, 2, 4, 4), torch.ones(1, 4, 2, 2)]
    assert last_feature_map(maps[0]) is maps[0]
    assert last_feature_map(SimpleNamespace(feature_maps=maps)) is maps[1]


@pytest.mark.parametrize(
    ("output", "found"),
    [(torch.zeros(2, 5), r"a Tensor of shape \(2, 5\)"), ({}, "a dict")],
)
def test_what_is_no_map_is_refused(output, found):
    with pytest.raises(ValueError, match=f"{found}.*: leave out its pooling"):
        last_feature_map(output)


def test_parts_up_to_a_stage_are_those_that_the_image_meets_first(small):
    assert modules_up_to(small, "conv1") == [small.conv1]
    stem = [small.conv1, small.bn1, small.maxpool]
    assert modules_up_to(small, "layer1") == [*stem, small.layer1]
    block = small.layer2[0]
    inner = [*stem, small.layer1, block.conv1, block.bn1]
    assert modules_up_to(small, "layer2.0.bn1") == inner
    with pytest.raises(
        ValueError, match=r"\(conv1, bn1, maxpool, layer1, layer2\); got 'fc'"
    ):
        modules_up_to(small, "fc")


def test_the_backbone_of_a_hugging_face_model_is_read_from_its_folder(tmp_path):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic"
    )
    model = transformers.ResNetForImageClassification(config).eval()
    model.save_pretrained(tmp_path)
    images = torch.rand(2, 3, 32, 32)
    expected = model.resnet(images).last_hidden_state
    assert expected.shape == (2, 16, 4, 4)
    loaded = make_backbone(f"hf:{tmp_path}").eval()
    torch.testing.assert_close(last_feature_map(loaded(images)), expected)
    assert modules_up_to(loaded, "encoder.stages.0")[-1] is loaded.encoder.stages[0]


def test_a_model_that_is_no_backbone_is_refused(tmp_path):
    transformers = pytest.importorskip("transformers")
    transformers.BertConfig().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"a backbone on the .* cannot be loaded"):
        make_backbone(f"hf:{tmp_path}")


def test_a_folder_without_a_backbone_is_named(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(ValueError, match=f"{tmp_path.name}' cannot be loaded"):
        make_backbone(f"hf:{tmp_path}")


def test_one_image_with_a_map_of_one_cell_is_normalized_by_what_was_seen():
    backbone = make_backbone(ResNet((1, 1), width=4, small_stem=True)).train()
    backbone(torch.rand(8, 3, 6, 6))  # there is something to have seen
    before = copy.deepcopy(backbone.state_dict())
    image = torch.rand(1, 3, 2, 2, requires_grad=True)
    single = backbone(image)
    assert single.shape == (1, 8, 1, 1)
    single.sum().backward()
    assert image.grad.abs().sum() > 0
    assert all(torch.equal(x, before[name]) for name, x in backbone.state_dict().items())
    torch.testing.assert_close(single, copy.deepcopy(backbone).eval()(image))


@pytest.mark.parametrize("statistics", [True, False])
def test_other_batches_are_normalized_as_pytorch_does(statistics):
    norm = nn.BatchNorm2d(3, track_running_stats=statistics)
    ours = make_backbone(norm)
    assert type(norm) is nn.BatchNorm2d
    for shape in ((2, 3, 1, 1), (1, 3, 1, 2), (4, 3, 5, 5)):
        images = torch.randn(shape)
        torch.testing.assert_close(
            ours.train()(images), norm.train()(images), rtol=0, atol=0
        )
    torch.testing.assert_close(ours.state_dict(), norm.state_dict(), rtol=0, atol=0)
    one = torch.ones(1, 3, 1, 1)
    if statistics:
        torch.testing.assert_close(ours.train()(one), norm.eval()(one), rtol=0, atol=0)
    else:
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            ours.train()(one)


def test_without_transformers_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)  # as if it were not installed
    with pytest.raises(ImportError, match=r"pip install skmlc\[vision\]"):
        make_backbone("hf:microsoft/resnet-18")

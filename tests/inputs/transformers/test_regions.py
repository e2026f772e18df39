"""RegionFeatures gives the features of boxes, of cells and of what DETR finds, as bags."""

import pickle
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_estimator,
    check_param_validation,
    check_parameters_default_constructible,
)
from torch import nn

from skmlc import GlobalPoolClassifier
from skmlc.datasets import load_digit_scenes
from skmlc.inputs import Bags, Images
from skmlc.inputs.encoders.backbones import ResNet, make_backbone
from skmlc.inputs.transformers.box_contents import cut_out, pool_boxes
from skmlc.inputs.transformers.image_features import ImageFeatures
from skmlc.inputs.transformers.regions import RegionFeatures

WHOLE = [0, 0, 1, 1]
# Of images of 20 x 30 pixels; one has none, and one of them shows nothing.
BOXES = [
    [[0, 0, 30, 20], [3, 4, 11, 9]],
    [],
    [[12.5, 0.5, 29, 17]],
    [[5, 5, 5, 5], [0, 10, 15, 20], [29, 19, 30, 20]],
]


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return Images(rng.integers(0, 256, (4, 3, 20, 30), dtype=np.uint8), boxes=BOXES)


@pytest.fixture
def resnet():
    torch.manual_seed(0)
    return ResNet((1, 1), width=4, small_stem=True)


def identity(images):
    return images


def as_vectors(images):
    """A backbone that gives the pixels of images as channels of a map of one cell."""
    return images.flatten(1)[:, :, None, None]


def bags_of(X, backbone, **parameters):
    return RegionFeatures(backbone, **parameters).fit_transform(X)


def bilinear(channel, x, y):
    """Return a channel (h, w) at a point, where cell (i, j) is at (j + 0.5, i + 0.5)."""
    h, w = channel.shape
    x, y = np.clip(x - 0.5, 0, w - 1), np.clip(y - 0.5, 0, h - 1)
    j, i = min(int(x), max(w - 2, 0)), min(int(y), max(h - 2, 0))
    a, b = x - j, y - i
    right, below = min(j + 1, w - 1), min(i + 1, h - 1)
    return (
        (1 - b) * ((1 - a) * channel[i, j] + a * channel[i, right])
        + b * ((1 - a) * channel[below, j] + a * channel[below, right])
    )  # fmt: skip


def pooled_loop(maps, boxes, offsets, pooling):
    """Return what is at 14 x 14 points in boxes of maps, pooled; as RoIAlign is defined."""
    vectors, (h, w) = [], maps.shape[2:]
    for image, (start, stop) in zip(maps, pairwise(offsets)):
        for x0, y0, x1, y1 in boxes[start:stop]:
            steps = [(k + 0.5) / 14 for k in range(14)]
            xs = [w * (x0 + step * (x1 - x0)) for step in steps]
            ys = [h * (y0 + step * (y1 - y0)) for step in steps]
            values = [[bilinear(c, x, y) for y in ys for x in xs] for c in image]
            vectors.append(getattr(np.array(values), pooling)(axis=1))
    return np.array(vectors)


# Boxes of feature maps ----------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["max", "mean"])
@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (20, 1)])
def test_boxes_of_maps_are_pooled_as_in_a_loop(shape, pooling):
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(3, 2, *shape))
    corners = np.sort(rng.random((40, 2, 2)), axis=1)
    boxes, offsets = corners.reshape(40, 4), np.array([0, 3, 3, 40])
    vectors = pool_boxes(torch.from_numpy(maps), boxes, offsets, pooling)
    expected = pooled_loop(maps, boxes, offsets, pooling)
    np.testing.assert_allclose(vectors, expected, rtol=1e-9)


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_a_box_of_whole_cells_is_the_slice_of_the_map(pooling):
    maps = np.random.default_rng(0).normal(size=(1, 4, 20, 30))
    box = np.array([[3 / 30, 5 / 20, 17 / 30, 19 / 20]])
    vector = pool_boxes(torch.from_numpy(maps), box, [0, 1], pooling)
    expected = getattr(maps[:, :, 5:19, 3:17], pooling)(axis=(2, 3))
    np.testing.assert_allclose(vector, expected)


def test_boxes_are_read_in_the_map_of_their_image(X, resnet):
    bags = bags_of(X, resnet, pooling="mean")
    maps = ImageFeatures(resnet, output="map").fit_transform(X).astype(float)
    for i, boxes in enumerate(BOXES):
        relative = np.reshape(boxes, (-1, 4)) / [30, 20, 30, 20]
        regions = pooled_loop(maps[i : i + 1], relative, [0, len(boxes)], "mean")
        whole = maps[i].mean(axis=(1, 2))
        expected = [*regions, whole]
        np.testing.assert_allclose(bags[i], expected, rtol=1e-4, atol=1e-5)
        here = bags.boxes[bags.offsets[i] : bags.offsets[i + 1]]
        np.testing.assert_allclose(here, [*relative, WHOLE], rtol=1e-6)


def test_the_order_of_the_boxes_is_that_of_the_instances(X, resnet):
    backwards = Images(X, boxes=[boxes[::-1] for boxes in BOXES])
    bags, reversed_bags = bags_of(X, resnet), bags_of(backwards, resnet)
    for bag, other in zip(bags, reversed_bags):
        np.testing.assert_allclose(bag[:-1], other[:-1][::-1], rtol=1e-5)
        np.testing.assert_allclose(bag[-1], other[-1], rtol=1e-5)


# Boxes cut out of images --------------------------------------------------------------------


def test_cut_outs_of_whole_pixels_are_slices_of_the_image(X):
    boxes = [
        [[0, 0, 6, 5]],
        [[7, 3, 13, 8]],
        [[24, 15, 30, 20], [1, 1, 7, 6]],
        [[5, 4, 11, 9]],
    ]
    X = Images(X, boxes=boxes)
    bags = bags_of(X, as_vectors, crop_size=(5, 6), whole_image=False, normalize=None)
    slices = [
        X[i][:, y0:y1, x0:x1].ravel()
        for i, of_image in enumerate(boxes)
        for x0, y0, x1, y1 in of_image
    ]
    np.testing.assert_allclose(bags.instances, np.array(slices) / 255, rtol=1e-6)


def test_a_cut_out_has_every_pixel_that_its_box_touches():
    image = np.arange(48, dtype=np.float32).reshape(1, 6, 8)
    boxes = np.array([[2.3, 1.9, 4.2, 3.1], [4, 4, 4, 4], [8, 6, 8, 6]]) / [8, 6, 8, 6]
    first = cut_out(image, boxes[:1], (3, 3))
    np.testing.assert_array_equal(first[0], image[:, 1:4, 2:5])
    # A box without an area is a pixel.
    points = cut_out(image, boxes[1:], (1, 1))
    np.testing.assert_array_equal(points.ravel(), [image[0, 4, 4], image[0, 5, 7]])
    assert cut_out(image, boxes[:0], (3, 3)).shape == (0, 1, 3, 3)


def test_cut_outs_go_through_the_network_by_themselves(X, resnet):
    bags = bags_of(X, resnet, crop_size=16)
    crops = []
    for image, boxes in zip(X, BOXES):
        for x0, y0, x1, y1 in [*boxes, [0, 0, 30, 20]]:
            x, y = int(x0), int(y0)
            crop = image[:, y : max(y + 1, int(y1)), x : max(x + 1, int(x1))]
            crops.append(Images(crop[None], channels="first").resized(16).read([0])[0])
    expected = ImageFeatures(resnet).fit_transform(np.stack(crops))
    np.testing.assert_allclose(bags.instances, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(bags.boxes, bags_of(X, resnet).boxes)


def test_images_of_different_sizes_can_be_cut_out(X, resnet):
    ragged = Images([X[0], X[1], X[2][:, :, :29], X[3]], boxes=BOXES)
    cut, same = (bags_of(images, resnet, crop_size=8) for images in (ragged, X))
    for i in (0, 1, 3):
        np.testing.assert_allclose(cut[i], same[i], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="image 2 is 20 x 29: set size="):
        bags_of(ragged, resnet)


# Cells and whole images ---------------------------------------------------------------------


def test_regions_of_a_grid_are_the_cells_with_their_boxes(X, resnet):
    bags = bags_of(X, resnet, regions="grid", whole_image=False)
    maps = ImageFeatures(resnet, output="map").fit_transform(X)
    _, n_features, h, w = maps.shape
    assert (h, w) == (5, 8)
    assert bags.shape == (4, n_features)
    for i in range(4):
        boxes = bags.boxes[bags.offsets[i] : bags.offsets[i + 1]]
        for row in range(h):
            for column in range(w):
                s = row * w + column
                np.testing.assert_array_equal(bags[i][s], maps[i, :, row, column])
                box = [column / w, row / h, (column + 1) / w, (row + 1) / h]
                np.testing.assert_allclose(boxes[s], box, rtol=1e-6)


@pytest.mark.parametrize("regions", ["boxes", "grid"])
@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_the_whole_image_is_the_last_instance(X, resnet, regions, pooling):
    bags = bags_of(X, resnet, regions=regions, pooling=pooling)
    vectors = ImageFeatures(resnet, pooling=pooling).fit_transform(X)
    last = bags.offsets[1:] - 1
    np.testing.assert_allclose(bags.instances[last], vectors, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(bags.boxes[last], [WHOLE] * 4)


@pytest.mark.parametrize("crop_size", [None, 8])
def test_images_without_a_box_need_the_whole_image(X, resnet, crop_size):
    bags = bags_of(X, resnet, crop_size=crop_size)
    assert bags.lengths.tolist() == [3, 1, 2, 4]
    empty = Images(X, boxes=[[]] * 4)
    assert bags_of(empty, resnet, crop_size=crop_size).lengths.tolist() == [1] * 4
    model = RegionFeatures(resnet, whole_image=False, crop_size=crop_size)
    with pytest.raises(ValueError, match="whole_image=False; image 1 has none"):
        model.fit(X)
    X = X[[0, 2, 3]]
    without = model.fit_transform(X)
    assert without.lengths.tolist() == [2, 1, 3]
    expected = bags_of(X, resnet, crop_size=crop_size)
    for bag, other in zip(without, expected):
        np.testing.assert_allclose(bag, other[:-1], rtol=1e-5, atol=1e-6)


# The network --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters", [{}, {"regions": "grid"}, {"crop_size": 8}, {"whole_image": False}]
)
def test_the_batch_size_changes_nothing_but_the_batches(X, resnet, parameters):
    X = X[[0, 2, 3, 2, 0]]
    sizes = []

    def backbone(images):
        sizes.append(len(images))
        return resnet.eval()(images)

    few = bags_of(X, backbone, batch_size=2, **parameters)
    assert max(sizes) == 2
    many = bags_of(X, backbone, **parameters)
    assert isinstance(few, Bags)
    assert few.instances.dtype == few.boxes.dtype == np.float32
    np.testing.assert_allclose(few.instances, many.instances, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(few.boxes, many.boxes)
    np.testing.assert_array_equal(few.offsets, many.offsets)


@pytest.mark.parametrize("crop_size", [None, 8])
def test_size_is_that_of_the_images_that_are_read(X, resnet, crop_size):
    bags = bags_of(X, resnet, size=(40, 36), crop_size=crop_size)
    expected = bags_of(X.resized((40, 36)), resnet, crop_size=crop_size)
    assert bags == expected
    assert (
        np.abs(bags.instances - bags_of(X, resnet, crop_size=crop_size).instances).max() > 0
    )


def test_normalize_and_pooling_are_what_they_say(X):
    bags = bags_of(X, identity, normalize=(0.5, 0.25), regions="grid", whole_image=False)
    pixels = X.read(range(4)).transpose(0, 2, 3, 1).reshape(-1, 3)
    np.testing.assert_allclose(bags.instances, (pixels / 255 - 0.5) / 0.25, atol=1e-5)
    low, high = (bags_of(X, identity, pooling=p).instances for p in ("mean", "max"))
    assert (low <= high + 1e-5).all()
    assert (low < high - 0.1).any()


def test_weights_are_loaded_or_random_by_the_seed(X):
    torch.manual_seed(0)
    trained = make_backbone("tiny")
    loaded = bags_of(X, "tiny", weights=trained.state_dict())
    assert loaded == bags_of(X, trained)
    first, again = (bags_of(X, "tiny", random_state=0) for _ in range(2))
    assert first == again != bags_of(X, "tiny", random_state=1)


def test_maps_are_read_without_a_backbone(X, resnet):
    maps = ImageFeatures(resnet, output="map").fit_transform(X)
    scale = np.array([8, 5, 8, 5]) / [30, 20, 30, 20]  # pixels to cells
    boxes = [np.reshape(of_image, (-1, 4)) * scale for of_image in BOXES]
    bags = bags_of(Images(maps, boxes=boxes), None)
    expected = bags_of(X, resnet)
    np.testing.assert_allclose(bags.instances, expected.instances, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("parameters", [{}, {"regions": "grid"}, {"crop_size": 8}])
def test_a_gpu_gives_the_same(X, resnet, parameters):
    cpu, gpu = (bags_of(X, resnet, device=d, **parameters) for d in ("cpu", "cuda"))
    np.testing.assert_allclose(gpu.instances, cpu.instances, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(gpu.boxes, cpu.boxes)


# scikit-learn -------------------------------------------------------------------------------


def test_a_classifier_of_bags_learns_from_regions():
    scenes = load_digit_scenes(60, scale=1, random_state=0)
    boxes = np.split(scenes.boxes, scenes.bags.offsets[1:-1])
    X = Images(scenes.images, boxes=boxes)
    pipeline = make_pipeline(
        RegionFeatures(as_vectors, crop_size=8, whole_image=False, normalize=None),
        GlobalPoolClassifier(max_epochs=2, random_state=0),
    )
    pipeline.fit(X[:50], scenes.target[:50])
    assert pipeline.predict_proba(X[50:]).shape == (10, 10)
    regions = pipeline[0].transform(X)
    np.testing.assert_allclose(regions.instances, scenes.bags.instances, rtol=1e-6)
    np.testing.assert_allclose(regions.boxes, scenes.boxes / 20, rtol=1e-6)


def test_a_clone_and_a_pickle_give_the_same(X, resnet):
    model = RegionFeatures(resnet, crop_size=8).fit(X)
    expected = model.transform(X)
    assert pickle.loads(pickle.dumps(model)).transform(X) == expected
    assert clone(model).fit(X).transform(X) == expected


def test_it_is_a_well_behaved_estimator():
    check_parameters_default_constructible("RegionFeatures", RegionFeatures())
    check_param_validation("RegionFeatures", RegionFeatures())
    with pytest.warns(SkipTestWarning):  # scikit-learn has no checks for images
        check_estimator(RegionFeatures())


def test_verbose_tells_how_far_it_is(X, resnet, capsys):
    bags_of(X, resnet, batch_size=3, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "RegionFeatures: image 3/4",
        "RegionFeatures: image 4/4",
    ]


# Errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"regions": "box"}, "regions must be 'boxes', 'grid', or 'detr:'"),
        ({"regions": "grid", "crop_size": 8}, "crop_size must be None where"),
        ({"crop_size": (8, 0)}, "crop_size must be None, a number of pixels or a pair"),
        ({"regions": "detr:x", "weights": {}}, "weights must be None for regions='detr:x'"),
        ({"n_regions": 0}, "n_regions"),
    ],
)
def test_parameters_that_do_not_fit_are_errors(X, parameters, message):
    with pytest.raises(ValueError, match=message):
        RegionFeatures("tiny", **parameters).fit(X)


def test_boxes_are_needed_where_they_are_the_regions(X, resnet):
    without = Images(X.read(range(4)))
    with pytest.raises(ValueError, match="X must be Images with boxes"):
        RegionFeatures(resnet).fit(without)
    with pytest.raises(ValueError, match="X must be Images with boxes"):
        RegionFeatures(resnet).fit(X).transform(without)
    assert bags_of(without, resnet, regions="grid").lengths.tolist() == [41] * 4


def test_images_must_have_the_channels_seen_in_fit(X, resnet):
    model = RegionFeatures(resnet, regions="grid").fit(X)
    with pytest.raises(ValueError, match=r"3 channel\(s\), as in fit; got 1"):
        model.transform(X.read(range(4))[:, :1])


def test_transform_needs_fit(X):
    with pytest.raises(NotFittedError):
        RegionFeatures("tiny").transform(X)


# DETR ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def detr(tmp_path_factory):
    """Return the folder of a small DETR with random weights, and the model."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    resnet = transformers.ResNetConfig(
        embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], layer_type="basic",
        out_features=["stage2"],
    )  # fmt: skip
    config = transformers.DetrConfig(
        use_timm_backbone=False, backbone_config=resnet, d_model=8, num_queries=6,
        encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=8, decoder_ffn_dim=8, num_labels=4,
    )  # fmt: skip
    model = transformers.DetrForObjectDetection(config).eval()
    for module in (model.class_labels_classifier, model.bbox_predictor):
        for parameter in module.parameters():
            nn.init.normal_(parameter)
    folder = tmp_path_factory.mktemp("models") / "detr"
    model.save_pretrained(folder)
    return folder, model


def test_detr_gives_the_regions_it_is_most_certain_of(X, detr):
    folder, model = detr
    bags = bags_of(X, regions=f"detr:{folder}", n_regions=3, batch_size=3, backbone="tiny")
    mean, std = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]
    with torch.no_grad():
        images = (X.read(range(4)) / 255 - mean) / std
        found = model(torch.tensor(images, dtype=torch.float32))
    for i in range(4):
        scores = torch.softmax(found.logits[i].double(), 1)[:, :-1].numpy().max(axis=1)
        best = np.argsort(-scores)[:3]
        values = found.last_hidden_state[i].numpy()[best]
        whole = found.encoder_last_hidden_state[i].numpy().max(axis=0)
        np.testing.assert_allclose(bags[i], [*values, whole], rtol=1e-3, atol=1e-4)
        x, y, width, height = found.pred_boxes[i].numpy()[best].T
        boxes = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
        expected = [*np.clip(boxes, 0, 1).T, WHOLE]
        here = bags.boxes[bags.offsets[i] : bags.offsets[i + 1]]
        np.testing.assert_allclose(here, expected, rtol=1e-3, atol=1e-4)


def test_detr_runs_in_a_pickle_and_without_the_whole_image(X, detr):
    parameters = {"regions": f"detr:{detr[0]}", "n_regions": 6}
    model = RegionFeatures(**parameters, whole_image=False).fit(X)
    bags = pickle.loads(pickle.dumps(model)).transform(X)
    assert bags.shape == (4, 8)
    assert bags.lengths.tolist() == [6] * 4
    assert bags == model.transform(X)


def test_a_detr_that_does_not_fit_is_an_error(X, detr, tmp_path):
    regions = f"detr:{detr[0]}"
    with pytest.raises(ValueError, match="n_regions must be at most 6"):
        RegionFeatures(regions=regions).fit(X)
    with pytest.raises(ValueError, match="images of 3 channels for regions='detr:"):
        RegionFeatures(regions=regions, n_regions=2).fit(np.zeros((2, 1, 16, 16)))
    with pytest.raises(ValueError, match="cannot be loaded"):
        RegionFeatures(regions=f"detr:{tmp_path}").fit(X)
    detr[1].model.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="of its weights are not there"):
        RegionFeatures(regions=f"detr:{tmp_path}", n_regions=2).fit(X)


def test_a_revision_of_detr_is_named_after_the_name(X, detr, tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    folder = tmp_path / "models--a--detr"
    for i, revision in enumerate("ab"):
        detr[1].config.num_queries = 6 - i
        detr[1].model.query_position_embeddings = nn.Embedding(6 - i, 8)
        detr[1].save_pretrained(folder / "snapshots" / (40 * revision))
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / ("main", "other")[i]).write_text(40 * revision)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    for regions, n_regions in (("detr:a/detr", 6), ("detr:a/detr@other", 5)):
        with pytest.raises(ValueError, match=f"n_regions must be at most {n_regions}"):
            RegionFeatures(regions=regions).fit(X)


def test_without_transformers_an_error_says_how_to_get_it(X, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"pip install skmlc\[vision\]"):
        RegionFeatures(regions="detr:somewhere").fit(X)

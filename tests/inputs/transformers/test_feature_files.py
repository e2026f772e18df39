"""Features in files are those in memory, are found again, gone on with, and always whole."""

import fcntl
import os
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone
from torch import nn

import skmlc
from skmlc import MLGCNClassifier
from skmlc.inputs import ImageFeatures, Images
from skmlc.inputs.encoders.backbones import make_backbone
from skmlc.inputs.transformers.feature_files import FeatureFile

N = 11
calls = []


class Counting(nn.Module):
    """A backbone that notes how many images it sees, and stops when it is told to."""

    stop_after = None

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 5, 3, stride=2)

    def forward(self, x):
        if self.stop_after is not None and sum(calls) >= self.stop_after:
            raise KeyboardInterrupt
        calls.append(len(x))
        return self.conv(x)


@pytest.fixture(autouse=True)
def nothing_seen(monkeypatch):
    calls.clear()
    monkeypatch.setattr(Counting, "stop_after", None)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (N, 3, 12, 16), dtype=np.uint8)


@pytest.fixture
def files(images, tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(N)]
    for path, image in zip(paths, images):
        Image.fromarray(np.moveaxis(image, 0, 2)).save(path)
    return paths


def make(folder, **parameters):
    calls.clear()
    options = {"output": "map", "batch_size": 4, "device": "cpu", **parameters}
    features = ImageFeatures(Counting(), cache=folder, **options)
    features.fit(np.zeros((1, 3, 12, 16), dtype=np.uint8))
    calls.clear()
    return features


def names(folder):
    return sorted(os.listdir(folder))


@pytest.mark.parametrize("output", ["map", "pooled"])
def test_features_in_a_file_are_those_in_memory(images, tmp_path, output):
    features = make(tmp_path / "new" / "folder", output=output).transform(images)
    assert isinstance(features, np.memmap)
    assert not features.flags.writeable
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features, make(None, output=output).transform(images))


def test_the_same_network_and_images_find_their_features(images, files, tmp_path):
    for X in (images, Images(files)):
        first = make(tmp_path).transform(X)
        again = clone(make(tmp_path, batch_size=3, verbose=False)).fit(X)
        calls.clear()
        np.testing.assert_array_equal(again.transform(X), first)
        assert calls == []


def test_other_networks_parameters_and_images_have_files_of_their_own(
    images, files, tmp_path
):
    folder = tmp_path / "cache"
    make(folder).transform(images)
    for parameters in ({"size": 10}, {"normalize": None}, {"output": "pooled"},
                       {"output": "pooled", "pooling": "mean"}):  # fmt: skip
        make(folder, **parameters).transform(images)
        assert sum(calls) == N
    other = make(folder)
    with torch.no_grad():
        other.network_.backbone.conv.bias[0] += 1
    for X in (images[::-1], images[:5], Images(files)):
        make(folder).transform(X)
    other.transform(images)
    assert len(names(folder)) == 9


def test_a_file_that_was_changed_is_read_again(files, tmp_path):
    folder = tmp_path / "cache"
    make(folder).transform(Images(files))
    Image.fromarray(np.full((12, 16, 3), 7, np.uint8)).save(files[3])
    os.utime(files[3], ns=(1, 1))
    features = make(folder).transform(Images(files))
    assert sum(calls) == N
    np.testing.assert_array_equal(features, make(None).transform(Images(files)))


def test_what_was_interrupted_goes_on_where_it_stood(images, tmp_path, monkeypatch):
    expected = make(None).transform(images)
    monkeypatch.setattr(Counting, "stop_after", 8)
    features = make(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        features.transform(images)
    (name,) = names(tmp_path)
    assert name.endswith(".part")
    monkeypatch.setattr(Counting, "stop_after", None)
    calls.clear()
    np.testing.assert_array_equal(features.transform(images), expected)
    assert sum(calls) == 3
    assert names(tmp_path) == [name.removesuffix(".part")]


@pytest.mark.parametrize("n_bytes", [0, 5, 100, 128, 129, 1000, -1])
def test_a_file_that_was_cut_off_is_never_taken_for_a_whole_one(images, tmp_path, n_bytes):
    expected = make(None).transform(images)
    make(tmp_path).transform(images)
    (name,) = names(tmp_path)
    content = (tmp_path / name).read_bytes()
    assert len(content) == 128 + expected.nbytes
    for cut in (name, f"{name}.part"):
        os.unlink(tmp_path / name)
        (tmp_path / cut).write_bytes(content[:n_bytes])
        features = make(tmp_path).transform(images)
        np.testing.assert_array_equal(features, expected)
        assert (tmp_path / name).read_bytes() == content
        assert names(tmp_path) == [name]


def test_the_part_of_another_array_is_written_anew(images, tmp_path):
    make(tmp_path).transform(images)
    (name,) = names(tmp_path)
    os.unlink(tmp_path / name)
    for other in (np.zeros((N, 2), np.float64), np.zeros((N + 1, 2), np.float32)):
        with open(tmp_path / f"{name}.part", "wb") as file:
            np.save(file, other)
        features = make(tmp_path).transform(images)
        np.testing.assert_array_equal(features, make(None).transform(images))
        os.unlink(tmp_path / name)


def test_two_writers_do_not_mix(images, tmp_path):
    expected = make(None).transform(images)
    make(tmp_path).transform(images)
    (name,) = names(tmp_path)
    os.unlink(tmp_path / name)
    with open(tmp_path / f"{name}.part", "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        np.testing.assert_array_equal(make(tmp_path).transform(images), expected)
        assert names(tmp_path) == [name, f"{name}.part"]
    os.unlink(tmp_path / name)

    def parts(first):  # while this one writes, another one comes
        np.testing.assert_array_equal(make(tmp_path).transform(images), expected)
        return [expected[first:]]

    file = FeatureFile(tmp_path, None, N)
    file.path = str(tmp_path / name)
    file.write(4, parts)
    np.testing.assert_array_equal(file.read(), expected)
    assert names(tmp_path) == [name]


def test_without_locks_each_call_begins_anew(images, tmp_path, monkeypatch):
    from skmlc.inputs.transformers import feature_files

    monkeypatch.setattr(feature_files, "fcntl", None)
    monkeypatch.setattr(Counting, "stop_after", 8)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path).transform(images)
    assert names(tmp_path) == []
    monkeypatch.setattr(Counting, "stop_after", None)
    features = make(tmp_path).transform(images)
    np.testing.assert_array_equal(features, make(None).transform(images))


def test_progress_counts_from_where_it_goes_on(images, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Counting, "stop_after", 8)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, verbose=True).transform(images)
    assert "image 4/11" in capsys.readouterr().out
    monkeypatch.setattr(Counting, "stop_after", None)
    make(tmp_path, verbose=True).transform(images)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["ImageFeatures: image 11/11"]


def test_a_folder_that_cannot_be_made_is_an_error(images, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"cache must be a folder.*; got '.*file'"):
        make(tmp_path / "file").transform(images)


def test_maps_in_a_file_are_what_a_classifier_takes(images, tmp_path):
    maps = make(tmp_path).transform(images)
    Y = np.arange(3 * N).reshape(N, 3) % 2
    model = MLGCNClassifier(encoder="auto", max_epochs=1, random_state=0)
    found = model.fit(maps, Y).predict_proba(maps)
    expected = model.fit(np.array(maps), Y).predict_proba(np.array(maps))
    np.testing.assert_array_equal(found, expected)


def test_the_folder_is_kept_in_pickles_and_saved_models(images, tmp_path):
    weights = make_backbone("tiny").state_dict()
    features = ImageFeatures("tiny", weights=weights, cache=str(tmp_path)).fit(images)
    expected = features.transform(images)
    skmlc.save(features, tmp_path / "features.skmlc")
    for again in (
        pickle.loads(pickle.dumps(features)), skmlc.load(tmp_path / "features.skmlc"),
    ):  # fmt: skip
        assert again.cache == str(tmp_path)
        np.testing.assert_array_equal(again.transform(images), expected)
    assert len([name for name in names(tmp_path) if name.endswith(".npy")]) == 1

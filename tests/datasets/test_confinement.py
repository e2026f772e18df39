"""Data sets keep to their folder, and to files."""

import json
import os
import socket
import sys

import numpy as np
import pytest
from scipy import sparse

from skmlc.datasets import load_bags, load_image_set, load_multilabel
from skmlc.datasets.files import DATA_HOME, find_data
from skmlc.exceptions import FileFormatError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no links and pipes there")

ARFF = "@relation r\n@attribute x real\n@attribute y {0,1}\n@data\n1,1\n"
XML = '<labels><label name="y"/></labels>'


@pytest.fixture
def home(tmp_path):
    """A data folder with a set, and a set outside of it."""
    for folder in (tmp_path / "home" / "toy", tmp_path / "outside"):
        folder.mkdir(parents=True)
        sparse.save_npz(folder / "X.npz", sparse.csr_matrix(np.eye(2)))
        sparse.save_npz(folder / "Y.npz", sparse.csr_matrix(np.eye(2)))
        (folder / "meta.json").write_text(json.dumps({"label_names": ["a", "b"]}))
        (folder / "toy.arff").write_text(ARFF)
        (folder / "toy.xml").write_text(XML)
    return tmp_path / "home"


@pytest.mark.parametrize("name", ["../outside", "toy/../../outside", "{}/outside", "link"])
def test_a_name_stays_in_the_data_folder(home, name, monkeypatch):
    (home / "link").symlink_to(home.parent / "outside")
    name = name.format(home.parent)
    with pytest.raises(FileFormatError, match="must lie within"):
        load_multilabel(name, data_home=home)
    monkeypatch.setenv(DATA_HOME, str(home))
    monkeypatch.chdir(home.parent.parent)
    if not os.path.isabs(name):
        with pytest.raises(FileFormatError, match="must lie within"):
            load_multilabel(name)


def test_links_within_the_data_folder_are_followed(home):
    (home / "link").symlink_to(home / "toy")
    (home / "toy" / "meta.json").rename(home / "elsewhere.json")
    (home / "toy" / "meta.json").symlink_to(home / "elsewhere.json")
    assert load_multilabel("link", data_home=home).target.shape == (2, 2)
    # Without a data folder the set keeps to its own.
    with pytest.raises(FileFormatError, match=r"meta\.json: must lie within"):
        load_multilabel(home / "toy")


@pytest.mark.parametrize("name", ["X.npz", "Y.npz", "meta.json"])
def test_files_of_a_folder_are_no_links_out_of_it(home, name):
    (home / "toy" / name).unlink()
    (home / "toy" / name).symlink_to(home.parent / "outside" / name)
    for given in (
        {"path_or_name": "toy", "data_home": home},
        {"path_or_name": home / "toy"},
    ):
        with pytest.raises(FileFormatError, match=rf"{name}: must lie within"):
            load_multilabel(**given)


def test_a_label_file_is_no_link_to_elsewhere(home):
    (home / "toy" / "toy.xml").unlink()
    (home / "toy" / "toy.xml").symlink_to(home.parent / "outside" / "toy.xml")
    with pytest.raises(FileFormatError, match=r"toy\.xml: must lie within"):
        load_multilabel(home / "toy" / "toy.arff")
    # Links to both files of a set are links to the set.
    (home / "toy" / "toy.arff").unlink()
    (home / "toy" / "toy.arff").symlink_to(home.parent / "outside" / "toy.arff")
    assert load_multilabel(home / "toy" / "toy.arff").target_names == ["y"]
    with pytest.raises(FileFormatError, match=r"toy\.arff: must lie within"):
        load_multilabel("toy/toy.arff", data_home=home)


def test_images_of_a_list_are_no_links_out_of_the_folder(home):
    (home / "labels.csv").write_text("file,labels\na.jpg,x\n")
    (home / "a.jpg").symlink_to("/dev/zero")
    with pytest.raises(FileFormatError, match=r"a\.jpg: must lie within"):
        load_image_set(home / "labels.csv")


def _socket(path):
    folder = os.open(path.parent, os.O_RDONLY)
    try:  # a short path: those of sockets have an end
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


@pytest.mark.parametrize(
    "make", [os.mkfifo, _socket, os.mkdir], ids=["pipe", "socket", "dir"]
)
def test_what_is_no_file_is_refused_without_waiting_for_it(home, make):
    if make is _socket and not os.path.exists("/proc/self/fd"):
        pytest.skip("no short way to the folder")
    (home / "toy" / "toy.arff").unlink()
    (home / "toy" / "toy.xml").unlink()
    make(home / "toy" / "toy.xml")
    (home / "toy" / "toy.arff").write_text(ARFF)
    with pytest.raises(FileFormatError, match=r"toy\.xml: must be a file"):
        load_multilabel(home / "toy" / "toy.arff")
    if make is os.mkdir:
        return
    for name, load in (
        ("a.arff", load_multilabel),
        ("a.svm", load_multilabel),
        ("a.npz", load_bags),
        ("a.csv", load_image_set),
        ("a.json", load_image_set),
    ):
        make(home / name)
        with pytest.raises(FileFormatError, match="must be a file"):
            load(home / name)
    (home / "toy" / "toy.xml").unlink()
    (home / "toy" / "meta.json").unlink()
    make(home / "toy" / "meta.json")
    with pytest.raises(FileFormatError, match=r"meta\.json: must be a file"):
        load_multilabel(home / "toy")


def test_a_device_is_refused():
    with pytest.raises(FileFormatError, match="must be a file"):
        find_data("/dev/zero")

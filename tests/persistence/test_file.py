"""Files that hold trees of plain values and arrays."""

import errno
import json
import math
import os
import stat
import time
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from safetensors import safe_open

import skmlc
import skmlc.persistence._file as file_module
from skmlc.exceptions import FileFormatError
from skmlc.persistence._file import read_file, write_file
from skmlc.persistence._tree import Record


def round_trip(tree, path):
    write_file(path, tree)
    return read_file(path)[0]


def same(a, b):
    """Whether two values are equal, of the same types, and laid out the same."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, torch.Tensor):
        bits = [t.detach().contiguous().reshape(-1).view(torch.uint8) for t in (a, b)]
        alike = (a.shape, a.dtype, a.requires_grad) == (b.shape, b.dtype, b.requires_grad)
        return alike and a.stride() == b.stride() and torch.equal(*bits)
    if sp.issparse(a):
        return a.shape == b.shape and a.dtype == b.dtype and (a != b).nnz == 0
    if isinstance(a, np.ndarray):
        alike = (a.shape, a.dtype) == (b.shape, b.dtype) and (
            a.size == 0 or a.strides == b.strides
        )
        if a.dtype == object:
            return alike and same(a.ravel().tolist(), b.ravel().tolist())
        return alike and a.tobytes() == b.tobytes()
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, (float, complex)):
        return repr(a) == repr(b)
    return a == b


VALUES = [
    None, True, 0, -1, 2**200, 1.5, -0.0, math.inf, -math.inf, math.nan, 1 + 2j,
    complex(math.nan, math.inf), "", "ß\ud800\0", b"\0\xff", bytearray(b"ab"),
    Path("a", "ß"), Path("/"),
    [], (), {}, set(), [1, [2.0, (3, "x")]], {"a": 1, 2: "b", (1, None): [3], None: 4},
    {1, "a", None}, frozenset([1, (2, 3)]), slice(1, None, -2), range(3, 30, 4),
    torch.float16, torch.device("cpu"), torch.Size([2, 3]),
    np.float32(1.1), np.int8(-3), np.bool_(True), np.str_("né"), np.bytes_(b"x"),
    np.datetime64("2020-01-02", "D"), np.timedelta64(3, "h"), np.longdouble(1) / 3,
    np.dtype("float32"), np.dtype(">i2"), np.dtype(object), np.dtype("U7"),
]  # fmt: skip


# Not by `repr`, since the order of a set differs from process to process.
@pytest.mark.parametrize("value", VALUES, ids=[type(value).__name__ for value in VALUES])
def test_values_come_back(value, tmp_path):
    assert same(round_trip(value, tmp_path / "a"), value)


ARRAYS = [
    *[np.arange(6).reshape(2, 3).astype(t) for t in "?bBhHiIlLefdgFDG"],
    np.array(1.5), np.empty((0, 3)), np.empty((2, 0), int), np.array(["ab", "é"]),
    np.array([b"ab"]), np.array("2020-01-02", "M8[ns]"), np.arange(3.0).astype(">f8"),
    np.asfortranarray(np.arange(6).reshape(2, 3)),
    np.arange(24).reshape(2, 3, 4).swapaxes(0, 1),
    np.array([math.nan, -0.0, math.inf]), np.array(["a", None, 1.5, ("x", 2)], dtype=object),
    np.array([["a"], ["b"]], dtype=object),
]  # fmt: skip


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}-{a.shape}")
def test_arrays_come_back_with_their_layout(array, tmp_path):
    assert same(round_trip(array, tmp_path / "a"), array)


def test_views_and_protected_arrays_come_back(tmp_path):
    base = np.arange(20.0)
    base.flags.writeable = False
    broadcast = np.broadcast_to([1.0, 2.0], (3, 2))
    every, all_, wide = round_trip([base[::3], base, broadcast], tmp_path / "a")
    np.testing.assert_array_equal(every, base[::3])
    np.testing.assert_array_equal(wide, broadcast)
    assert not all_.flags.writeable


def test_masked_arrays_come_back(tmp_path):
    array = np.ma.MaskedArray(["a", "b"], mask=[False, True], fill_value="?", dtype=object)
    back = round_trip(array, tmp_path / "a")
    assert back.tolist() == ["a", None]
    assert back.fill_value == "?"


TENSORS = [
    *[torch.arange(6).reshape(2, 3).to(t) for t in (
        torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
        torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
        torch.complex128, torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16,
    )],
    torch.tensor(2.0), torch.tensor(2.0, dtype=torch.bfloat16), torch.empty(0, 3),
    torch.arange(6.0).reshape(2, 3).T,
    torch.zeros(1, 3, 2, 2).to(memory_format=torch.channels_last),
    torch.ones(2, requires_grad=True), torch.nn.Parameter(torch.arange(3.0)),
    torch.nn.Parameter(torch.arange(3.0), requires_grad=False),
]  # fmt: skip


@pytest.mark.parametrize("tensor", TENSORS, ids=lambda t: f"{t.dtype}-{list(t.shape)}")
def test_tensors_come_back_with_their_layout(tensor, tmp_path):
    assert same(round_trip(tensor, tmp_path / "a"), tensor)


@pytest.mark.parametrize("format_", ["csr", "csc", "coo", "bsr"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
@pytest.mark.parametrize("shape", [(4, 6), (0, 3), (3, 0)])
def test_sparse_matrices_come_back(format_, kind, shape, tmp_path):
    dense = np.where(np.random.RandomState(0).rand(*shape) < 0.5, 1.5, 0)
    matrix = getattr(sp, f"{format_}_{kind}")(dense)
    assert same(round_trip(matrix, tmp_path / "a"), matrix)


def test_what_is_there_twice_comes_back_once(tmp_path):
    shared, array, weight = [1], np.zeros(1000), torch.nn.Parameter(torch.ones(2))
    tree = {"a": shared, "b": (shared, array), "c": array, "d": weight, "e": [weight]}
    back = round_trip(tree, tmp_path / "a")
    assert back["a"] is back["b"][0]
    assert back["c"] is back["b"][1]
    assert back["d"] is back["e"][0]
    assert (tmp_path / "a").stat().st_size < 10_000


def test_records_keep_type_and_state(tmp_path):
    record = Record("a.B", {"x": [1]})
    one, two = round_trip([record, record], tmp_path / "a")
    assert one is two
    assert (one.type, one.state) == ("a.B", {"x": [1]})


def test_weights_can_be_read_by_safetensors_alone(tmp_path):
    write_file(tmp_path / "a", [np.arange(4.0)], versions={"numpy": "2"})
    with safe_open(tmp_path / "a", "np") as file:
        np.testing.assert_array_equal(file.get_tensor("0"), np.arange(4.0))
        about = json.loads(file.metadata()["skmlc"])
    assert about["versions"] == {"numpy": "2"}


def test_the_same_tree_makes_the_same_file(tmp_path):
    for name in "ab":
        write_file(
            tmp_path / name, [{"x": {"u", "v", 1}}, np.arange(3)], versions={"b": "1"}
        )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# What cannot be saved -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        object(), len, np.zeros(2, dtype="i4,f8"), torch.eye(2).to_sparse(),
        sp.lil_array((2, 2)), torch.empty(2, device="meta"),
    ],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_other_objects_are_refused_and_nothing_is_written(value, tmp_path):
    with pytest.raises(TypeError, match="cannot be saved"):
        write_file(tmp_path / "a", [value])
    assert not list(tmp_path.iterdir())


def test_what_contains_itself_is_refused(tmp_path):
    loop = []
    loop.append({"x": loop})
    with pytest.raises(ValueError, match="contains itself"):
        write_file(tmp_path / "a", loop)


def test_what_is_nested_too_deep_is_refused(tmp_path):
    deep = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(ValueError, match="at most 150 deep"):
        write_file(tmp_path / "a", deep)
    for _ in range(10_000 - 150):
        deep = deep[0]
    assert same(round_trip(deep, tmp_path / "a"), deep)


# Whole or not at all ------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_no_other(where, error, tmp_path, monkeypatch):
    write_file(tmp_path / "a", 1)
    before = (tmp_path / "a").read_bytes()

    def fail(*args):
        raise error

    monkeypatch.setattr(file_module.os, where, fail)
    with pytest.raises(type(error)):
        write_file(tmp_path / "a", 2)
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_and_links_are_kept(tmp_path):
    write_file(tmp_path / "a", 1)
    os.chmod(tmp_path / "a", 0o640)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    write_file(tmp_path / "b", 2)
    assert (tmp_path / "b").is_symlink()
    assert read_file(tmp_path / "a")[0] == 2
    assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == 0o640


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(OSError, match="must be a file"):
        write_file(tmp_path, 1)
    with pytest.raises(FileFormatError, match="must be a file"):
        read_file(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a")
    with pytest.raises(FileFormatError, match="must be a file"):
        read_file(tmp_path / "a")
    with pytest.raises(OSError, match="must be a file"):
        write_file(tmp_path / "a", 1)


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "a")
    with pytest.raises(FileNotFoundError, match="path must be in a folder that is there"):
        write_file(tmp_path / "no" / "a", 1)


def test_what_is_no_path_is_named(tmp_path):
    model = skmlc.MIMLRBF()
    for wrong in (model, None, 3, b"a", [str(tmp_path)]):
        message = (
            f"path must be a str or path-like; got an instance of {type(wrong).__name__}"
        )
        with pytest.raises(TypeError, match=message):
            skmlc.save(model, wrong)
        with pytest.raises(TypeError, match=message):
            skmlc.load(wrong)


def test_save_removes_what_killed_saves_have_left_and_not_what_others_write(tmp_path):
    old, new = tmp_path / ".skmlc-0.tmp", tmp_path / ".skmlc-1.tmp"
    for file, age in ((old, 7200), (new, 60)):
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    skmlc.save(skmlc.MIMLSVM(), tmp_path / "model.skmlc")
    assert not old.exists()
    assert new.exists()

"""MATLAB's files: read as SciPy reads what SciPy wrote, and as the specification says."""

import contextlib
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from scipy import sparse
from scipy.io import loadmat, savemat

from skmlc import compressed
from skmlc.datasets import load_bags
from skmlc.datasets.mat_files import read_mat
from skmlc.exceptions import FileFormatError

BAGS = [
    np.array([[1.0, 2.5], [3, 4]]),
    np.array([[5.0, 6]]),
    np.array([[7.0, 8], [9, -1e-3]]),
]
TARGETS = np.array([[1, -1, 1], [-1, 1, 1]])


def _cells(matrices):
    cells = np.empty((len(matrices), 1), dtype=object)
    cells[:, 0] = matrices
    return cells


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bags.mat"


def _check(path):
    bunch = load_bags(path)
    assert len(bunch.data) == 3
    for i, bag in enumerate(BAGS):
        np.testing.assert_array_equal(bunch.data[i], bag)
    np.testing.assert_array_equal(bunch.target, TARGETS.T == 1)


# As SciPy writes them -------------------------------------------------------------------


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("dtype", "f8 f4 i1 u1 i2 u2 i4 u4 i8 u8 ?".split())
@pytest.mark.parametrize("shape", [(2, 3), (1, 1), (0, 2), (2, 0), (5, 1), (2, 3, 2)])
def test_matrices_are_those_that_scipy_reads(path, compress, dtype, shape):
    array = (10 * np.random.default_rng(0).random(shape)).astype(dtype)
    savemat(path, {"other": "text", "x": array}, do_compression=compress)
    variables, held = read_mat(path, ("x", "none"))
    np.testing.assert_array_equal(variables["x"], loadmat(path)["x"])
    np.testing.assert_array_equal(variables["x"], array)
    assert (list(variables), held) == (["x"], ["other", "x"])


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("dtype", [float, bool])
def test_sparse_matrices_are_those_that_scipy_reads(path, compress, dtype):
    matrix = sparse.random(7, 5, density=0.3, format="csc", random_state=0).astype(dtype)
    savemat(
        path, {"x": matrix, "empty": sparse.csc_matrix((3, 2))}, do_compression=compress
    )
    variables, _ = read_mat(path, ("x", "empty"))
    np.testing.assert_array_equal(variables["x"].toarray(), matrix.toarray())
    assert variables["empty"].shape == (3, 2)


@pytest.mark.parametrize("compress", [False, True])
def test_what_else_a_file_holds_is_left_alone(path, compress):
    others = {
        "about": "some text",
        "options": {"name": "x", "sizes": [1, 2]},
        "names": _cells(["a", "b"]),
        "z": np.array([1 + 2j]),
        "a_name_of_sixty_three_letters_which_is_the_longest_that_there_is": 1,
    }
    savemat(
        path,
        {**others, "bags": _cells(BAGS), "targets": TARGETS},
        do_compression=compress,
        long_field_names=True,
    )
    _check(path)


# As the specification says --------------------------------------------------------------


def _element(kind, content, order, small=True):
    """Write a part of a matrix; up to four bytes may stand beside their size."""
    if small and 0 < len(content) <= 4:
        return struct.pack(order + "I", len(content) << 16 | kind) + content.ljust(4, b"\0")
    size = struct.pack(order + "II", kind, len(content))
    return size + content + bytes(-len(content) % 8)


def _matrix(array, name, order, small=True):
    """Write a matrix of double precision as MATLAB does: whole numbers in single bytes."""
    is_small = (array == array.astype(np.uint8)).all()
    kind, stored = (2, "u1") if is_small else (9, order + "f8")
    parts = [
        _element(6, struct.pack(order + "II", 6, 0), order),
        _element(5, struct.pack(order + "ii", *array.shape), order),
        _element(1, name.encode(), order, small),
        _element(kind, array.astype(stored).tobytes(order="F"), order, small),
    ]
    return _element(14, b"".join(parts), order)


def _cell_array(matrices, name, order):
    parts = [
        _element(6, struct.pack(order + "II", 1, 0), order),
        _element(5, struct.pack(order + "ii", len(matrices), 1), order),
        _element(1, name.encode(), order),
        *matrices,
    ]
    return _element(14, b"".join(parts), order)


def _file(variables, order):
    version = struct.pack(order + "H", 0x0100) + (b"IM" if order == "<" else b"MI")
    return b"MATLAB 5.0 MAT-file".ljust(124) + version + b"".join(variables)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("compress", [True, False])
def test_files_of_both_byte_orders(path, order, small, compress):
    bags = _cell_array([_matrix(bag, "", order, small) for bag in BAGS], "bags", order)
    variables = [bags, _matrix((TARGETS == 1).astype(float), "target", order, small)]
    if compress:
        packed = map(zlib.compress, variables)
        variables = [struct.pack(order + "II", 15, len(one)) + one for one in packed]
    path.write_bytes(_file(variables, order))
    _check(path)
    if small:  # SciPy agrees that the file is right
        assert loadmat(path)["bags"][0, 0].tolist() == BAGS[0].tolist()


def test_every_cut_is_noticed(path):
    savemat(path, {"bags": _cells(BAGS), "targets": TARGETS})
    content = path.read_bytes()
    for end in range(0, len(content), 7):
        path.write_bytes(content[:end])
        with pytest.raises(FileFormatError, match=r"bags\.mat"):
            load_bags(path)


def test_a_cut_in_a_variable_that_is_not_read_is_noticed_too(path):
    savemat(path, {"bags": _cells(BAGS), "targets": TARGETS, "z": np.arange(99.0)})
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(FileFormatError, match="bytes are declared where"):
        load_bags(path)


def test_sizes_that_are_not_there_take_no_memory(path):
    savemat(path, {"bags": _cells(BAGS), "targets": TARGETS})
    content = path.read_bytes()
    tracemalloc.start()
    for start in range(128, len(content) - 3, 12):
        for size in (2**32 - 1, 2**28):
            damaged = content[:start] + struct.pack("<I", size) + content[start + 4 :]
            path.write_bytes(damaged)
            with contextlib.suppress(FileFormatError):
                load_bags(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def _sparse_file(rows, ends, shape, numbers=(1.0, 2.0)):
    parts = [
        _element(6, struct.pack("<II", 5, len(rows)), "<"),
        _element(5, struct.pack("<ii", *shape), "<"),
        _element(1, b"target", "<"),
        _element(5, np.array(rows, "<i4").tobytes(), "<"),
        _element(5, np.array(ends, "<i4").tobytes(), "<"),
        _element(9, np.array(numbers, "<f8").tobytes(), "<"),
    ]
    return _file([_element(14, b"".join(parts), "<")], "<")


@pytest.mark.parametrize(
    "rows, ends, shape",
    [
        ([0, 3], [0, 1, 2], (3, 2)),
        ([0, -1], [0, 1, 2], (3, 2)),
        ([0, 1], [0, 2, 1], (3, 2)),
        ([0, 1], [0, 1, 3], (3, 2)),
        ([0, 1], [1, 1, 2], (3, 2)),
        ([0, 1], [0, -1, 2], (3, 2)),
        ([0, 1], [0, 1, -1], (3, 2)),
        ([0, 1], [0, 2], (3, 2)),
        ([0, 1], [], (3, 2)),
        ([0], [0, 1, 2], (3, 2)),
        ([0, 1], [0, 1, 2], (-3, 2)),
    ],
)
def test_sparse_matrices_that_do_not_hold_together_are_refused(path, rows, ends, shape):
    path.write_bytes(_sparse_file([0, 2], [0, 1, 2], (3, 2)))
    target = read_mat(path, ("target",))[0]["target"]
    assert target.toarray().tolist() == [[1, 0], [0, 0], [0, 2]]
    path.write_bytes(_sparse_file(rows, ends, shape))
    with pytest.raises(
        FileFormatError, match=r"bags\.mat, variable target: must be|byte 128"
    ):
        read_mat(path, ("target",))


def test_room_that_matlab_keeps_in_sparse_matrices_is_left_out(path):
    path.write_bytes(_sparse_file([0, 2, 0, 0], [0, 1, 2], (3, 2), [1, 2, 0, 0]))
    assert read_mat(path, ("target",))[0]["target"].nnz == 2


def test_a_sparse_matrix_is_not_made_dense_beyond_measure(path):
    savemat(path, {"bags": _cells([sparse.csc_matrix((2**16, 2**16))]), "targets": [[1]]})
    with pytest.raises(FileFormatError, match="too sparse"):
        load_bags(path)


def test_decompression_is_bounded(path, monkeypatch):
    monkeypatch.setattr(compressed, "ALWAYS_ALLOWED", 10_000)
    savemat(
        path,
        {"bags": _cells([np.zeros((10**5, 2))]), "targets": [[1]]},
        do_compression=True,
    )
    with pytest.raises(FileFormatError, match=r"byte 128: .* more than 200 times"):
        load_bags(path)


@pytest.mark.parametrize(
    "content, message",
    [
        ({"bags": np.ones((2, 2)), "targets": [[1]]}, "must hold a cell array of bags"),
        ({"bags": _cells(["a"]), "targets": [[1]]}, "variable bags: .* class 4"),
        ({"bags": _cells([np.eye(2) * 1j]), "targets": [[1]]}, "variable bags: .* complex"),
        ({"bags": _cells([_cells([1])]), "targets": [[1]]}, "variable bags: .* class 1"),
        ({"bags": _cells([{"a": 1}]), "targets": [[1]]}, "variable bags: .* class 2"),
        ({"bags": _cells([np.eye(2)]), "targets": _cells([1])}, "a matrix of targets"),
        ({"bags": _cells([np.eye(2), np.zeros((0, 0))]), "targets": [[1, 1]]}, "columns"),
        ({"bags": _cells([np.full((1, 1), np.nan)]), "targets": [[1]]}, "finite numbers"),
        ({"bags": _cells([np.eye(2)]), "targets": [[0.5]]}, "targets of -1 and 1"),
        ({"bags": _cells([[[1]]] * 3), "targets": [[-1, 0, 1]]}, "targets of -1 and 1"),
    ],
)  # fmt: skip
def test_files_without_bags_are_refused(path, content, message):
    savemat(path, content)
    with pytest.raises(FileFormatError, match=message):
        load_bags(path)


def test_a_file_of_version_4_says_how_to_save_it(path):
    savemat(path, {"targets": np.eye(2)}, format="4")
    with pytest.raises(FileFormatError, match="save it with -v7"):
        load_bags(path)


def test_a_variable_that_stands_twice_is_refused(path):
    path.write_bytes(_file([_matrix(np.eye(2), "target", "<")] * 2, "<"))
    with pytest.raises(FileFormatError, match="target stands in it twice"):
        load_bags(path)

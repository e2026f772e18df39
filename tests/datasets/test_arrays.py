"""Arrays and sparse matrices of .npz files: read as written, or refused as a whole."""

import io
import zipfile

import numpy as np
import pytest
from scipy import sparse

from skmlc import compressed
from skmlc.datasets.arrays import read_arrays, read_sparse
from skmlc.exceptions import FileFormatError

X = np.array([[0, 1.5, 0, 0], [0, 0, 0, 0], [-2, 0, 0, 3.25], [0, 0, 0, 0.5]])
CSR = {
    "format": "csr",
    "shape": [4, 4],
    "data": [1.5, -2, 3.25, 0.5],
    "indices": [1, 0, 3, 3],
    "indptr": [0, 1, 1, 3, 4],
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "X.npz"


# Sparse matrices ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array])
def test_a_sparse_matrix_is_read_as_scipy_wrote_it(path, kind, compress, make):
    for dtype in (np.float64, np.float32, np.int16, np.uint8, bool):
        matrix = np.abs(X).astype(dtype)
        sparse.save_npz(path, make(matrix).asformat(kind), compressed=compress)
        read = read_sparse(path)
        assert (read.format, read.dtype) == ("csr", np.float64)
        assert read.has_canonical_format
        np.testing.assert_array_equal(read.toarray(), matrix)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 5)])
def test_a_matrix_without_entries_keeps_its_shape(path, kind, shape):
    if kind == "bsr" and 0 in shape:
        pytest.skip("SciPy makes no such matrix")
    sparse.save_npz(path, sparse.csr_matrix(shape).asformat(kind))
    assert read_sparse(path).shape == shape


def test_entries_given_twice_are_summed_without_overflow(path):
    entries = (np.array([200, 100, 7], dtype=np.uint8), ([0, 0, 1], [1, 1, 0]))
    sparse.save_npz(path, sparse.coo_matrix(entries, shape=(2, 2)))
    np.testing.assert_array_equal(read_sparse(path).toarray(), [[0, 300], [7, 0]])
    parts = {"data": [100, 7, 200], "indices": [1, 0, 1], "indptr": [0, 3, 3]}
    parts["data"] = np.array(parts["data"], dtype=np.uint8)
    np.savez(path, format="csr", shape=[2, 2], **parts)
    read = read_sparse(path)
    assert read.has_canonical_format
    assert (read.indices.tolist(), read.data.tolist()) == ([0, 1], [7, 300])


@pytest.mark.parametrize(
    "changes",
    [
        {"indices": [1, 0, 4, 3]},
        {"indices": [1, 0, -1, 3]},
        {"indices": [1, 0, 2**40, 3]},
        {"indices": np.array([1, 0, 2**64 - 1, 3], dtype=np.uint64)},
        {"indices": [1.0, 0, 3, 3]},
        {"indices": [[1, 0], [3, 3]]},
        {"indices": [1, 0, 3]},
        {"indptr": [0, 1, 0, 3, 4]},
        {"indptr": [0, 9, 9, 9, 4]},
        {"indptr": [0, 4, 0, 0, 0]},
        {"indptr": [1, 1, 1, 3, 4]},
        {"indptr": [0, 1, 1, 3, 5]},
        {"indptr": [0, -1, 1, 3, 4]},
        {"indptr": [0, 1, 1, 4]},
        {"indptr": np.array([0, 2**64 - 1, 1, 3, 4], dtype=np.uint64)},
        {"shape": [4, 3]},
        {"shape": [4, -4]},
        {"shape": [4.0, 4.0]},
        {"shape": [4]},
        {"shape": [4, 4, 1]},
        {"shape": 4},
        {"shape": [2**62, 2**62]},
        {"data": [1, np.nan, 2, 3]},
        {"data": [1, np.inf, 2, 3]},
        {"data": [1, 2, 3, 1j]},
        {"data": ["1", "2", "3", "4"]},
        {"data": [[1.0, 2, 3, 4]]},
        {"format": "csx"},
        {"format": ["csr", "csr"]},
        {"format": "coo"},
        {"format": 5},
    ],
    ids=str,
)
def test_a_matrix_that_does_not_hold_together_is_refused(path, changes):
    np.savez(path, **CSR)
    np.testing.assert_array_equal(read_sparse(path).toarray(), X)
    np.savez(path, **{**CSR, **changes})
    with pytest.raises(FileFormatError, match=r"X\.npz: must"):
        read_sparse(path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"format": "coo", "row": [0, 4], "col": [0, 1], "data": [1, 2]},
        {"format": "coo", "row": [0, 1], "col": [-1, 1], "data": [1, 2]},
        {"format": "coo", "row": [0, 1], "col": [1], "data": [1, 2]},
        {"format": "dia", "offsets": [0, 0], "data": np.ones((2, 4))},
        {"format": "dia", "offsets": [4], "data": np.ones((1, 4))},
        {"format": "dia", "offsets": [-(2**63)], "data": np.ones((1, 4))},
        {"format": "dia", "offsets": [0], "data": np.ones((2, 4))},
        {"format": "bsr", "indptr": [0, 1], "indices": [1], "data": np.ones((1, 4, 4))},
        {"format": "bsr", "indptr": [0, 1], "indices": [0], "data": np.ones((1, 0, 4))},
        {"format": "bsr", "indptr": [0, 1], "indices": [0], "data": np.ones((1, 3, 4))},
    ],
    ids=str,
)
def test_matrices_in_other_formats_are_checked_too(path, arrays):
    np.savez(path, shape=[4, 4], **arrays)
    with pytest.raises(FileFormatError, match=r"X\.npz: must hold a matrix"):
        read_sparse(path)


@pytest.mark.parametrize("kind", ["csc", "coo", "dia"])
def test_rows_without_bytes_take_no_memory(path, kind):
    arrays = {
        "csc": {"indptr": [0, 0], "indices": np.zeros(0, int), "data": np.zeros(0)},
        "coo": {"row": np.zeros(0, int), "col": np.zeros(0, int), "data": np.zeros(0)},
        "dia": {"offsets": [0], "data": np.ones((1, 1))},
    }
    np.savez(path, format=kind, shape=[2**40, 1], **arrays[kind])
    with pytest.raises(FileFormatError, match="must not have more rows than bytes"):
        read_sparse(path)


def test_numbers_that_do_not_fit_into_the_wanted_type_are_refused(path):
    sparse.save_npz(path, sparse.csr_matrix([[1e300]]))
    assert read_sparse(path).data[0] == 1e300
    with pytest.raises(FileFormatError, match="must hold finite numbers, of float32"):
        read_sparse(path, np.float32)


# Arrays ---------------------------------------------------------------------------------


def _write(path, members, **how):
    with zipfile.ZipFile(path, "w", **how) as file:
        for name, content in members:
            file.writestr(name, content)


def _array_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _header(text, version=b"\x01\x00"):
    text = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_as_numpy_wrote_them(path, save):
    arrays = {
        "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "big": np.arange(5, dtype=">i4"),
        "words": np.array(["a", "\U0001f600", ""]),
        "letters": np.array([b"a", b"bc"]),
        "scalar": np.array(3.5),
        "nothing": np.zeros((0, 7), dtype=np.float32),
    }
    save(path, **arrays)
    read = read_arrays(path, tuple(arrays))
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)
    assert read_arrays(path, ("big",), ("scalar", "none")).keys() == {"big", "scalar"}


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -2), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2.0,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<U0', 'fortran_order': False, 'shape': (10000000000,), }",
        "{'descr': '<M8[s]', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2,), }",
        "{'descr': [], 'fortran_order': False, 'shape': (2,), }",
        "{'descr': (), 'fortran_order': False, 'shape': (2,), }",
        "{[]: 1}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (2",
        "(" * 60 + ")" * 50,
        "-" * 100 + "1",
        "1\x00",
    ],
)
def test_a_header_that_does_not_fit_its_array_is_refused(path, header):
    _write(path, [("X.npy", _header(header) + np.arange(2.0).tobytes())])
    with pytest.raises(FileFormatError, match=r"X\.npz, array 'X': must"):
        read_arrays(path, ("X",))


def test_text_of_impossible_code_points_is_refused(path):
    text = "{'descr': '<U1', 'fortran_order': False, 'shape': (2,), }"
    _write(path, [("X.npy", _header(text) + np.array([65, 2**31], "<u4").tobytes())])
    with pytest.raises(FileFormatError, match="must hold text"):
        read_arrays(path, ("X",))


def test_a_member_that_stands_twice_is_refused(path):
    member = _array_bytes(np.arange(3))
    with pytest.warns(UserWarning, match="Duplicate name"):
        _write(path, [("X.npy", member), ("X.npy", member)])
    with pytest.raises(FileFormatError, match="must hold X once"):
        read_arrays(path, ("X",))


def test_members_that_are_no_arrays_are_left_alone(path):
    _write(path, [("X.npy", _array_bytes(np.arange(3))), ("README.txt", b"about")])
    assert read_arrays(path, ("X",)).keys() == {"X"}


def test_decompression_is_bounded(path, monkeypatch):
    monkeypatch.setattr(compressed, "ALWAYS_ALLOWED", 10_000)
    np.savez_compressed(path, X=np.zeros(10**6))
    with pytest.raises(FileFormatError, match="more than 200 times"):
        read_arrays(path, ("X",))
    np.savez(path, X=np.zeros(10**6))
    assert read_arrays(path, ("X",))["X"].shape == (10**6,)


def test_bytes_that_are_cut_or_changed_are_noticed(path):
    np.savez_compressed(path, X=np.arange(1000.0), Y=np.arange(50))
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(len(content), size=100):
        changed = bytearray(content)
        changed[place] ^= 255
        for damaged in (content[:place], bytes(changed)):
            path.write_bytes(damaged)
            try:
                read = read_arrays(path, ("X", "Y"))
            except FileFormatError:
                continue
            # Fields of an archive that nobody reads, such as dates, may change.
            np.testing.assert_array_equal(read["X"], np.arange(1000.0))
            np.testing.assert_array_equal(read["Y"], np.arange(50))

"""Files of word vectors as word2vec, GloVe, fastText and gensim write them."""

import bz2
import gzip
import lzma
import tracemalloc

import numpy as np
import pytest

from skmlc.exceptions import FileFormatError
from skmlc.graphs import WordVectors
from skmlc.graphs.vector_files import read_vectors

WORDS = ["cat", "dog", "traffic_light", "björn", "猫", "</s>", "\xa0", "1", "12"]
VECTORS = np.random.default_rng(0).normal(size=(len(WORDS), 6)).astype(np.float32)
PACKS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def binary(vectors=VECTORS, words=WORDS, header=None, end=b"\n"):
    """Write as word2vec.c does: the numbers as the machine has them, and a line end."""
    n_words, size = header or vectors.shape
    entries = [
        word.encode() + b" " + vector.astype("<f4").tobytes() + end
        for word, vector in zip(words, vectors)
    ]
    return f"{n_words} {size}\n".encode() + b"".join(entries)


def text(header=True, end="\n"):
    """Write as the text files of word2vec (with a header) and GloVe (without)."""
    lines = [
        f"{word} {' '.join(map(str, vector.tolist()))}"
        for word, vector in zip(WORDS, VECTORS)
    ]
    first = [f"{len(lines)} {VECTORS.shape[1]}"] if header else []
    return (end.join([*first, *lines]) + end).encode()


def check(path):
    vectors, size = read_vectors(path, [*WORDS, "cow"])
    assert size == VECTORS.shape[1]
    assert sorted(vectors) == sorted(WORDS)
    for word, vector in zip(WORDS, VECTORS):
        assert vectors[word].dtype == np.float64
        np.testing.assert_array_equal(vectors[word], vector)


@pytest.mark.parametrize("suffix", PACKS)
@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("name", ["vectors.bin", "vectors"])
def test_binary_files_with_and_without_line_ends(tmp_path, suffix, end, name):
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(PACKS[suffix](binary(end=end)))
    check(path)


@pytest.mark.parametrize("suffix", PACKS)
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])  # fastText ends lines with a space
def test_text_files_in_every_compression(tmp_path, suffix, header, end):
    path = tmp_path / f"vectors.vec{suffix}"
    path.write_bytes(PACKS[suffix](text(header, end)))
    check(path)


@pytest.mark.parametrize("is_binary", [True, False])
def test_what_gensim_writes(tmp_path, is_binary):
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    keyed = models.KeyedVectors(VECTORS.shape[1])
    keyed.add_vectors(WORDS, VECTORS)
    for name in ("vectors.bin", "vectors.bin.gz"):
        path = tmp_path / name
        for header in (True,) if is_binary else (True, False):
            keyed.save_word2vec_format(str(path), binary=is_binary, write_header=header)
            vectors, _ = read_vectors(path, WORDS)
            for word, vector in zip(WORDS, VECTORS):
                # In text, as many digits as single precision needs.
                np.testing.assert_array_equal(vectors[word].astype(np.float32), vector)


@pytest.mark.parametrize("size", [2, 3, 50, 300])
def test_binary_and_text_are_told_apart_whatever_the_size(tmp_path, size):
    rng = np.random.default_rng(size)
    path = tmp_path / "vectors"
    for _ in range(30):
        vectors = rng.normal(size=(2, size)).astype(np.float32)
        lines = [
            f"{word} {' '.join(map(str, v.tolist()))}\n" for word, v in zip("ab", vectors)
        ]
        written = f"2 {size}\n{''.join(lines)}".encode()
        for content in (binary(vectors, "ab"), written):
            path.write_bytes(content)
            read, _ = read_vectors(path, ["b"])
            np.testing.assert_array_equal(read["b"], vectors[1])


def test_text_in_another_encoding_is_no_binary_file(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_bytes("3 2\nbjörn 1 2\nmölle 3 4\ncat 5 6\n".encode("latin-1"))
    assert read_vectors(path, ["cat"])[0]["cat"].tolist() == [5, 6]


def test_labels_get_vectors_of_a_binary_file(tmp_path):
    path = tmp_path / "vectors.bin"
    path.write_bytes(binary())
    builder = WordVectors(path).fit([[1, 1]], label_names=["traffic light", "Cat"])
    np.testing.assert_array_equal(builder.embedding_, VECTORS[[2, 0]])


def test_only_the_vectors_asked_for_are_held(tmp_path):
    path = tmp_path / "vectors.bin"
    words = [f"word{i}" for i in range(500)]
    path.write_bytes(binary(np.ones((len(words), 4000)), words))
    tracemalloc.start()
    vectors, _ = read_vectors(path, ["word7", "word499"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sorted(vectors) == ["word499", "word7"]
    assert peak < 4 * 2**20 < path.stat().st_size / 1.8


@pytest.mark.parametrize(
    "content, message",
    [
        (binary()[:-30], "must hold 9 words"),
        (binary()[:-200], "too short for these"),
        (binary(header=(8, 6)), "must hold 8 words, as its first line says; it holds more"),
        (binary(header=(10, 6)), "word 10: must hold 10 words"),
        (binary(header=(30, 6)), "must hold 30 vectors of size 6.* too short"),
        (binary(header=(9, 5)), "must hold 9 words"),
        (binary(header=(1, 10**14)), "too short for these"),
        (binary(header=(10**14, 1)), "too short for these"),
        (binary(np.full((9, 6), np.nan)), "word 1, 'cat': must hold finite numbers"),
        (text() + b"more 1 2 3 4 5 6\n", "must hold 9 words, .* it holds 10"),
        (text()[: text().rindex(b"12 ")], "must hold 9 words, .* it holds 8"),
        (text(header=False).replace(b"\ndog ", b"\ndog 1_0"), "line 2: must hold a word"),
        (b"cow 1 2\ncat 1  \n", "line 2: must hold a word and 2 numbers"),
        (b"cow 1 2\ncat  1\n", "line 2: must hold a word and 2 numbers"),
        (b"1 99999999999999\ncat 1 2\n", "line 2: must hold a word and 99999999999999"),
    ],
)
def test_damaged_files_are_refused(tmp_path, content, message):
    for suffix in ("", ".gz"):
        path = tmp_path / f"vectors{suffix}"
        path.write_bytes(PACKS[suffix](content))
        with pytest.raises(
            FileFormatError, match=message if not suffix else r"vectors\.gz"
        ):
            read_vectors(path, WORDS)

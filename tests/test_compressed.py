"""Files are decompressed by what they hold, within bounds, and damage has one error."""

import bz2
import gzip
import lzma
import os

import numpy as np
import pytest

from skmlc import compressed
from skmlc.compressed import open_data
from skmlc.exceptions import FileFormatError

CONTENT = b"".join(b"line %d\n" % i for i in range(1000))
CODECS = {".gz": gzip, ".bz2": bz2, ".xz": lzma}


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("name", ["data.txt", "data"])
def test_the_content_says_how_a_file_is_compressed(tmp_path, suffix, name):
    for path in (tmp_path / name, tmp_path / f"{name}{suffix}"):
        path.write_bytes(CODECS[suffix].compress(CONTENT))
        with open_data(path) as file:
            assert file.readline() == b"line 0\n"
            assert b"".join(file) == CONTENT[7:]


@pytest.mark.parametrize("content", [CONTENT, b"", b"BZhang 0.1 0.2\n", b"\x1f"])
def test_what_is_not_compressed_is_read_as_it_is(tmp_path, content):
    path = tmp_path / "data.txt"
    path.write_bytes(content)
    with open_data(path) as file:
        assert file.read() == content


@pytest.mark.parametrize("suffix", CODECS)
def test_nothing_compressed_is_nothing(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    path.write_bytes(CODECS[suffix].compress(b""))
    with open_data(path) as file:
        assert file.read() == b""


@pytest.mark.parametrize("suffix", CODECS)
def test_a_name_must_keep_what_it_promises(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    path.write_bytes(CONTENT)
    with pytest.raises(FileFormatError, match=rf"as its name ends in \{suffix}"):
        open_data(path)


@pytest.mark.parametrize("suffix", CODECS)
def test_every_cut_and_every_changed_byte_is_noticed(tmp_path, suffix):
    path = tmp_path / "data"
    content = CODECS[suffix].compress(CONTENT)
    rng = np.random.default_rng(0)
    for place in rng.integers(12, len(content), size=40):
        changed = bytearray(content)
        changed[place] ^= 255
        for damaged in (content[:place], bytes(changed)):
            path.write_bytes(damaged)
            try:
                with open_data(path) as file:
                    read = file.read()
            except FileFormatError:
                continue
            assert read == CONTENT  # what stands in unused bits may change


@pytest.mark.parametrize("suffix", CODECS)
def test_decompression_is_bounded(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(compressed, "ALWAYS_ALLOWED", 10_000)
    path = tmp_path / "data"
    path.write_bytes(CODECS[suffix].compress(CONTENT))
    limit = compressed.size_limit(path)
    assert limit == 200 * path.stat().st_size > len(CONTENT)
    with open_data(path) as file:
        assert len(file.read()) == len(CONTENT)
    path.write_bytes(CODECS[suffix].compress(bytes(10**7)))
    with (
        open_data(path) as file,
        pytest.raises(FileFormatError, match="more than 200 times"),
    ):
        file.read()


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="must be a file; it is a folder"):
        open_data(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_data(tmp_path / "none")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileFormatError, match="must be a file; it is a folder, a pipe"):
        open_data(tmp_path / "pipe")

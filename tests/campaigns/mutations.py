"""Damage done to the bytes of a file, outside and inside of its compression."""

import bz2
import gzip
import io
import lzma
import re
import zipfile

_NUMBER = re.compile(rb"[-+]?[0-9]+(\.[0-9]+)?")
_WRITTEN = [
    *b"-1 0 1 2 7 0.5 1.7 -.9 99 2147483647 2147483648 4294967295 9223372036854775807".split(),
    *b"1e400 1e9 -1e-400 nan inf -inf 1_000 0x10 1e 1.2.3 +".split(),
    b"9" * 400,
    b"",
    b"x",
    b"\x00",
    b"\xc3\xa9",
]
_STORED = (
    0,
    1,
    -1,
    2,
    3,
    255,
    2**15,
    2**16,
    2**31 - 1,
    -(2**31),
    2**32 - 1,
    2**40,
    2**63 - 1,
)
_CODECS = {b"\x1f\x8b": gzip, b"BZh": bz2, b"\xfd7z": lzma}


def mutate(content, rng):
    """Return the content, damaged, and in words how.

    Parameters
    ----------
    content : bytes
        What a valid file holds.
    rng : numpy.random.Generator
        What decides.

    Returns
    -------
    damaged : bytes
        The content with one to three changes; inside of an archive or of compressed data in
        two of three cases, which are packed again.
    kind : str
        What was done.
    """
    if rng.random() < 2 / 3:
        if content.startswith(b"PK\x03\x04"):
            return _inside_zip(content, rng)
        for magic, codec in _CODECS.items():
            if content.startswith(magic):
                damaged, kind = _change(codec.decompress(content), rng)
                return codec.compress(damaged), f"{kind}, inside"
    return _change(content, rng)


def _inside_zip(content, rng):
    """Damage one member of an archive, or leave it out, or give it twice."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = [(name, file.read(name)) for name in file.namelist()]
        compression = file.infolist()[0].compress_type
    chosen = rng.integers(len(members))
    name, inner = members[chosen]
    if rng.random() < 0.05:
        members.pop(chosen)
        kind = "a member left out"
    else:
        damaged, kind = _change(inner, rng)
        members[chosen] = (name, damaged)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, inner in members:
            file.writestr(name, inner)
    return buffer.getvalue(), f"{kind}, inside"


def _change(content, rng):
    """Make one change, or up to three."""
    kinds = []
    for _ in range(1 + (rng.random() < 0.2) + (rng.random() < 0.1)):
        change = _CHANGES[rng.integers(len(_CHANGES))]
        content = bytes(change(bytearray(content), rng))
        kinds.append(change.__name__.strip("_").replace("_", " "))
    return content, " and ".join(kinds)


def _span(content, rng, longest=64):
    """Return the ends of a short stretch."""
    start = int(rng.integers(len(content) + 1))
    return start, start + int(rng.integers(1, longest + 1))


def _flip_bits(content, rng):
    for place in rng.integers(max(len(content), 1), size=rng.integers(1, 9)):
        if content:
            content[place] ^= 1 << int(rng.integers(8))
    return content


def _set_bytes(content, rng):
    start, stop = _span(content, rng, 8)
    stop = min(stop, len(content))
    content[start:stop] = bytes([int(rng.choice([0, 32, 127, 255]))]) * (stop - start)
    return content


def _truncate(content, rng):
    return content[: int(rng.integers(len(content) + 1))]


def _delete_span(content, rng):
    start, stop = _span(content, rng)
    del content[start:stop]
    return content


def _insert_noise(content, rng):
    start, stop = _span(content, rng)
    content[start:start] = rng.bytes(stop - start)
    return content


def _repeat_block(content, rng):
    start, stop = _span(content, rng)
    content[stop:stop] = content[start:stop] * int(rng.choice([1, 2, 1000]))
    return content


def _move_block(content, rng):
    start, stop = _span(content, rng)
    block = content[start:stop]
    del content[start:stop]
    place = int(rng.integers(len(content) + 1))
    content[place:place] = block
    return content


def _edit_written_number(content, rng):
    numbers = list(_NUMBER.finditer(content))
    if not numbers:
        return _edit_stored_number(content, rng)
    start, stop = numbers[rng.integers(len(numbers))].span()
    content[start:stop] = _WRITTEN[rng.integers(len(_WRITTEN))]
    return content


def _edit_stored_number(content, rng):
    size = int(rng.choice([2, 4, 8]))
    value = _STORED[rng.integers(len(_STORED))] % 256**size
    start = int(rng.integers(max(len(content) - size, 0) + 1))
    start -= start % int(rng.choice([1, size]))
    content[start : start + size] = value.to_bytes(size, "little")
    return content


_CHANGES = (
    _flip_bits,
    _set_bytes,
    _truncate,
    _delete_span,
    _insert_noise,
    _repeat_block,
    _move_block,
    _edit_written_number,
    _edit_written_number,
    _edit_stored_number,
    _edit_stored_number,
)

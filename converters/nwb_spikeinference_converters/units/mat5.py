"""
MATLAB files of version 5, which ``save`` writes with ``-v6`` and ``-v7``: their numbers, and fields of structs.

Every length is checked against the bytes that are there. scipy reads these files too, but one flipped flag (bit 3 of
byte 9 of an array) makes its reader crash the whole process.

References
----------
.. [1] MathWorks, MAT-File Format (R2014b), chapter 1: Level 5 MAT-Files.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from nwb_spikeinference.nwb.storage.open_file import MAX_RATIO

_ByteOrder = Literal["little", "big"]
_HEADER_BYTES = 128
_ORDERS: dict[bytes, _ByteOrder] = {b"IM": "little", b"MI": "big"}  # last bytes of the header
_MATRIX, _COMPRESSED = 14, 15
_STORED_AS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_STRUCT = 2
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_COMPLEX = 0x08
_HEAD_BYTES = 1024  # hold flags, size and name of every array; compressed, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Mat5Array:
    """One variable, or one field of a struct, not yet decoded."""

    name: str
    kind: int  # MATLAB's class
    is_complex: bool
    shape: tuple[int, ...]
    content: memoryview
    order: _ByteOrder

    @property
    def is_numeric(self) -> bool:
        """Whether `values` can give it."""
        return self.kind in _CLASSES and not self.is_complex

    def values(self) -> NDArray[Any]:
        """The numbers, of the type that MATLAB shows."""
        stored_as, content = _next(self._elements())
        if stored_as not in _STORED_AS:
            raise ValueError(f"{self.name!r} is stored as unknown type {stored_as}")
        stored = np.frombuffer(content, dtype=np.dtype(_STORED_AS[stored_as]).newbyteorder(self.order))
        if stored.size != prod(self.shape):
            raise ValueError(f"{self.name!r} has {stored.size} elements where its size says {prod(self.shape)}")
        return stored.astype(_CLASSES[self.kind]).reshape(self.shape, order="F")

    def field(self, name: str) -> "Mat5Array | None":
        """One field of a scalar struct; None if this is none, or lacks it."""
        if self.kind != _STRUCT or prod(self.shape) != 1:
            return None
        elements = self._elements()
        length = int.from_bytes(_next(elements)[1], self.order)
        text = bytes(_next(elements)[1])
        if not 0 < length <= len(text):
            return None
        names = [text[start : start + length].rstrip(b"\0").decode("latin-1") for start in range(0, len(text), length)]
        for known, (kind, content) in zip(names, elements, strict=False):
            if known == name and kind == _MATRIX and content:
                return _parse_array(content, self.order)
        return None

    def _elements(self) -> Iterator[tuple[int, memoryview]]:
        """What follows flags, size and name."""
        return islice(_iterate_elements(self.content, self.order), 3, None)


def iterate_mat5(path: Path, names: frozenset[str] | None = None) -> Iterator[Mat5Array]:
    """
    Variables of a file, in its order: those that have one of some names; or all, but of each only its head.

    The head tells name, kind and shape.

    Raises
    ------
    ValueError
        If the file is of another format, or damaged.
    zlib.error
        Likewise.
    """
    n_bytes = path.stat().st_size
    with path.open("rb") as stream:
        order = _ORDERS.get(stream.read(_HEADER_BYTES)[-2:])
        if order is None or n_bytes < _HEADER_BYTES:
            raise ValueError("not of version 5 to 7.3; save it again with -v7")
        while tag := stream.read(8):
            if len(tag) < 8:
                raise ValueError("ends in mid variable")
            kind, length = (int.from_bytes(tag[start : start + 4], order) for start in (0, 4))
            start = stream.tell()
            if kind not in (_MATRIX, _COMPRESSED) or start + length > n_bytes:
                raise ValueError("ends or is damaged in mid variable")
            head = _parse_array(_read_matrix(stream, length, kind, order, head_only=True), order)
            if names is None:
                yield head
            elif head.name in names:
                stream.seek(start)
                yield _parse_array(_read_matrix(stream, length, kind, order, head_only=False), order)
            stream.seek(start + length)


def _read_matrix(stream: BinaryIO, length: int, kind: int, order: _ByteOrder, *, head_only: bool) -> memoryview:
    """Content of one array element, or the head of it."""
    packed = stream.read(min(length, _HEAD_BYTES) if head_only else length)
    if kind == _MATRIX:
        return memoryview(packed)
    inflater = zlib.decompressobj()
    content = inflater.decompress(packed, _HEAD_BYTES)
    if len(content) < 8 or int.from_bytes(content[:4], order) != _MATRIX:
        raise ValueError("a compressed variable is no array")
    claimed = int.from_bytes(content[4:8], order)
    if head_only:
        return memoryview(content)[8:]
    if claimed > MAX_RATIO * length + (1 << 16):
        raise ValueError(f"a variable claims {claimed / 1e6:.0f} MB but holds {length} bytes")
    content += inflater.decompress(inflater.unconsumed_tail, claimed + 16)  # to the end, where the check sum is
    if not inflater.eof or len(content) < claimed + 8:
        raise ValueError("a compressed variable ends too soon")
    return memoryview(content)[8:]


def _parse_array(content: memoryview, order: _ByteOrder) -> Mat5Array:
    elements = _iterate_elements(content, order)
    flags, shape, name = (_next(elements)[1] for _ in range(3))
    if len(flags) != 8 or len(shape) < 8 or len(shape) % 4:
        raise ValueError("an array has no class or no size")
    lengths = np.frombuffer(shape, dtype=np.dtype("i4").newbyteorder(order)).tolist()
    if min(lengths) < 0:
        raise ValueError(f"an array has the size {lengths}")
    word = int.from_bytes(flags[:4], order)
    return Mat5Array(
        name=bytes(name).decode("latin-1"),
        kind=word & 0xFF,
        is_complex=bool((word >> 8) & _COMPLEX),
        shape=tuple(lengths),
        content=content,
        order=order,
    )


def _iterate_elements(content: memoryview, order: _ByteOrder) -> Iterator[tuple[int, memoryview]]:
    """Type and content of each element, as they are asked for."""
    start = 0
    while start + 8 <= len(content):
        kind, length = (int.from_bytes(content[at : at + 4], order) for at in (start, start + 4))
        if kind >> 16:  # content of up to four bytes stands in the tag itself
            kind, length, first, step = kind & 0xFFFF, kind >> 16, start + 4, 8
            if length > 4:
                raise ValueError("an array is damaged")
        else:
            first, step = start + 8, 8 + length + -length % 8
        if first + length > len(content):
            raise ValueError("an array ends too soon")
        yield kind, content[first : first + length]
        start += step


def _next(elements: Iterator[tuple[int, memoryview]]) -> tuple[int, memoryview]:
    found = next(elements, None)
    if found is None:
        raise ValueError("an array ends too soon")
    return found

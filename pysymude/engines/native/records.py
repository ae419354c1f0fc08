"""Records: many arrays and numbers behind one address, so that a function has a few arguments.

A kernel reads dozens of arrays. Passed one by one, or as tuples of arrays, each of them is seven words in each
call of each function: most of what there is to compile, and of the time from Python. A record is one word.
`record.name` is the array there; which arrays a record has is fixed, what is in them is not. How compiled code
reads them is in `compiler.kinds`.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

__all__ = ["Record", "RecordKind"]


class RecordKind:
    """What a record holds, the same object for all records alike.

    `fields` are pairs of a name and a kind: ``"f2"`` for a float64 array of two dimensions, ``"i0"`` for an
    integer, ``"none"``, or the `RecordKind` of a record within.
    """

    def __init__(self, name: str, fields: tuple[tuple[str, Any], ...]) -> None:
        self.name, self.fields = name, fields

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}: {kind}' for name, kind in self.fields)})"


_KINDS: dict[tuple[Any, ...], RecordKind] = {}
_ARRAYS: dict[tuple[str, int], str] = {}


class Record:
    """Named arrays (int64 or float64, C order), numbers and other records; a subclass names them.

    Compiled code reads the fields by their place; Python as attributes. `kept` is what numbers that are
    addresses lead to.
    """

    kept: Any = None

    def __init__(self, **fields: Any) -> None:
        words: list[int] = []
        names = tuple(type(self).__annotations__)
        kinds = [_add_words(words, fields[name]) for name in names]
        self.__dict__.update(fields)
        self._table = np.array(words, dtype=np.int64)
        self.address = self._as_parameter_ = int(self._table.ctypes.data)  # ctypes takes the second
        key = (type(self), *kinds)
        if key not in _KINDS:
            _KINDS[key] = RecordKind(type(self).__name__, tuple(zip(names, kinds, strict=True)))
        self.kind_of_record = _KINDS[key]


def _add_words(words: list[int], value: Any) -> Any:
    """Adds what stands for a value in a record; the value's kind."""
    if isinstance(value, np.ndarray):
        words.append(value.__array_interface__["data"][0])
        words.extend(value.shape)
        return _array_kind(value)
    if isinstance(value, Record):
        words.append(value.address)
        return value.kind_of_record
    if value is None:
        words.append(0)
        return "none"
    if isinstance(value, float):
        words.append(struct.unpack("q", struct.pack("d", value))[0])
        return "f0"
    words.append(int(value))
    return "i0"


def _array_kind(value: Any) -> str:
    if not value.flags.c_contiguous:
        raise ValueError("a record holds arrays in C order")
    key = value.dtype.char, value.ndim
    if key not in _ARRAYS:
        if value.dtype.itemsize != 8 or value.dtype.kind not in "fi":
            raise TypeError(f"a record holds int64 and float64; found {value.dtype}")
        _ARRAYS[key] = f"{value.dtype.kind}{value.ndim}"
    return _ARRAYS[key]

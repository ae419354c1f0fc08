"""Records: many arrays and numbers behind one address, so that a function has a few arguments.

A kernel reads dozens of arrays. Passed one by one, or as tuples of arrays, each of them is seven words in each
call of each function: most of what there is to compile, and of the time from Python. A record is one word.
`record.name` is the array there; which arrays a record has is fixed, what is in them is not.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr_generic,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.arrayobj import make_array, populate_array

__all__ = ["Record"]

_WORD = ir.IntType(64)


class RecordType(types.Opaque):
    """The type of a record: its name, and for each field its name and type."""

    def __init__(self, name: str, fields: tuple[tuple[str, Any], ...]) -> None:
        self.fields = fields
        self.place: dict[str, tuple[int, Any]] = {}
        at = 0
        for field, kind in fields:
            self.place[field] = (at, kind)
            at += 1 + (kind.ndim if isinstance(kind, types.Array) else 0)
        super().__init__(f"{name}({', '.join(f'{k}: {v}' for k, v in fields)})")


register_model(RecordType)(models.OpaqueModel)


@infer_getattr
class _RecordAttribute(AttributeTemplate):
    key = RecordType

    def generic_resolve(self, typ: Any, attr: str) -> Any:
        found = typ.place.get(attr)
        return None if found is None else found[1]


@lower_getattr_generic(RecordType)
def _read(context: Any, builder: Any, typ: Any, value: Any, attr: str) -> Any:
    at, kind = typ.place[attr]
    words = builder.bitcast(value, _WORD.as_pointer())

    def word(k: int) -> Any:
        found = builder.load(builder.gep(words, [ir.Constant(_WORD, at + k)]))
        # where arrays lie and how long they are does not change during a call
        found.set_metadata("invariant.load", builder.module.add_metadata([]))
        return found

    if isinstance(kind, types.Array):
        return _array(context, builder, kind, word)
    if isinstance(kind, types.NoneType):
        return context.get_dummy_value()
    if isinstance(kind, RecordType):
        return builder.inttoptr(word(0), cgutils.voidptr_t)
    if isinstance(kind, types.Float):
        return builder.bitcast(word(0), ir.DoubleType())
    return word(0)


def _array(context: Any, builder: Any, kind: Any, word: Any) -> Any:
    array = make_array(kind)(context, builder)
    item = ir.Constant(_WORD, 8)
    shape = [word(1 + k) for k in range(kind.ndim)]
    strides = [item]
    for size in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], size))
    data = builder.inttoptr(word(0), context.get_data_type(kind.dtype).as_pointer())
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=item, meminfo=None)
    return array._getvalue()


@unbox(RecordType)
def _address(typ: Any, obj: Any, c: Any) -> NativeValue:
    number = c.pyapi.object_getattr_string(obj, "address")
    value = c.pyapi.long_as_voidptr(number)
    c.pyapi.decref(number)
    return NativeValue(value)


@typeof_impl.register(object)
def _type(value: Any, c: Any) -> Any:
    return getattr(value, "record_type", None) if isinstance(value, Record) else None


_TYPES: dict[Any, RecordType] = {}
_ARRAYS: dict[tuple[str, int], Any] = {}


class Record:
    """Named arrays (int64 or float64, C order), numbers and other records; a subclass names them.

    Compiled code reads the fields by their place; Python as attributes.
    """

    def __init__(self, **fields: Any) -> None:
        words: list[int] = []
        kinds: list[Any] = []
        names = tuple(type(self).__annotations__)
        for name in names:
            kinds.append(_add_words(words, fields[name]))
        self.__dict__.update(fields)
        self._table = np.array(words, dtype=np.int64)
        self.address = int(self._table.ctypes.data)
        # types of Numba's are slow to make and to compare: their identity is enough
        key = (type(self), *map(id, kinds))
        if key not in _TYPES:
            _TYPES[key] = RecordType(type(self).__name__, tuple(zip(names, kinds, strict=True)))
        self.record_type = _TYPES[key]


def _add_words(words: list[int], value: Any) -> Any:
    """Adds what stands for a value in a record; the value's type, always the same object."""
    if isinstance(value, np.ndarray):
        words.append(value.__array_interface__["data"][0])
        words.extend(value.shape)
        return _array_type(value)
    if isinstance(value, Record):
        words.append(value.address)
        return value.record_type
    if value is None:
        words.append(0)
        return types.none
    if isinstance(value, float):
        words.append(struct.unpack("q", struct.pack("d", value))[0])
        return types.float64
    words.append(int(value))
    return types.int64


def _array_type(value: Any) -> Any:
    if not value.flags.c_contiguous:
        raise ValueError("a record holds arrays in C order")
    key = value.dtype.char, value.ndim
    if key not in _ARRAYS:
        kind = {"f": types.float64, "i": types.int64}[value.dtype.kind]
        _ARRAYS[key] = types.Array(kind, value.ndim, "C")
    return _ARRAYS[key]

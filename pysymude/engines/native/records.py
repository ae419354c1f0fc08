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


class Record:
    """Named arrays (int64 or float64, C order), numbers and other records; a subclass names them.

    Compiled code reads the fields by their place; Python as attributes.
    """

    def __init__(self, **fields: Any) -> None:
        words: list[int] = []
        kinds: list[tuple[str, Any]] = []
        for name in type(self).__annotations__:
            value = fields[name]
            kind, found = _words(value)
            kinds.append((name, kind))
            words += found
        self.__dict__.update(fields)
        self._table = np.array(words, dtype=np.int64)
        self.address = int(self._table.ctypes.data)
        key = (type(self).__name__, tuple(kinds))
        if key not in _TYPES:
            _TYPES[key] = RecordType(*key)
        self.record_type = _TYPES[key]


def _words(value: Any) -> tuple[Any, list[int]]:
    if isinstance(value, np.ndarray):
        if not value.flags.c_contiguous:
            raise ValueError("a record holds arrays in C order")
        kind = types.Array(
            {"f": types.float64, "i": types.int64}[value.dtype.kind], value.ndim, "C"
        )
        return kind, [int(value.ctypes.data), *value.shape]
    if value is None:
        return types.none, [0]
    if isinstance(value, Record):
        return value.record_type, [value.address]
    if isinstance(value, float):
        return types.float64, [struct.unpack("q", struct.pack("d", value))[0]]
    return types.int64, [int(value)]

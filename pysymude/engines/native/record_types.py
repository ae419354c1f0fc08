"""How compiled code reads records: a Numba type whose attributes are loads from a table of words."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, lower_getattr_generic, models, register_model
from numba.np.arrayobj import make_array, populate_array

from pysymude.engines.native.records import RecordKind

__all__ = ["RecordType", "record_type"]

_WORD = ir.IntType(64)
_NUMBERS: dict[str, Any] = {"f": types.float64, "i": types.int64}


class RecordType(types.Opaque):
    """The type of a record; `place`: where each field is in the table, and its type."""

    def __init__(self, kind: RecordKind) -> None:
        self.place: dict[str, tuple[int, Any]] = {}
        at = 0
        for name, field in kind.fields:
            found = _field_type(field)
            self.place[name] = (at, found)
            at += 1 + (found.ndim if isinstance(found, types.Array) else 0)
        # a part of the name of every function that is given one
        super().__init__(kind.name + hashlib.sha256(repr(kind).encode()).hexdigest()[:12])


@cache
def record_type(kind: RecordKind) -> RecordType:
    """Numba's type of records of a kind."""
    return RecordType(kind)


def _field_type(field: Any) -> Any:
    if isinstance(field, RecordKind):
        return record_type(field)
    if field == "none":
        return types.none
    number, dimensions = _NUMBERS[field[0]], int(field[1:])
    return types.Array(number, dimensions, "C") if dimensions else number


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

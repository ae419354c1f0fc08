"""Templates: expressions of one shape as a single tape, run in a loop over tables of their leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.plan.shape import Leaf, Shape, shape_of
from pysymude.plan.tape import Tape, build_tape, constant

__all__ = ["Slot", "Template", "fuse", "group"]

_NUMBER = sp.Symbol("number", real=True)


@dataclass(frozen=True, eq=False)
class Slot:
    """Where a template's input comes from.

    Attributes
    ----------
    kind : str
        ``state``, ``time``, ``parameter``, ``trainable``, or ``constant``.
    table : array, shape (members,) or ()
        Positions among those of the kind, or the constants themselves; () where all members share one.
    """

    kind: str
    table: NDArray[Any]

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """Equal for equal slots."""
        return self.kind, self.table.shape, self.table.tobytes()


@dataclass(frozen=True, eq=False)
class Template:
    """Expressions of one shape.

    Attributes
    ----------
    symbols : tuple of Symbol
        Stand for the slots in `exprs`.
    slots : tuple of Slot
    exprs : tuple of Expr
        Output ``o`` of member ``k`` is ``exprs[o]`` at ``table[k]`` of each slot.
    members : int
    """

    symbols: tuple[sp.Symbol, ...]
    slots: tuple[Slot, ...]
    exprs: tuple[sp.Expr, ...]
    members: int

    @cached_property
    def tape(self) -> Tape:
        """The outputs from the slots."""
        return build_tape(self.symbols, self.exprs)

    @property
    def size(self) -> int:
        """How many terms it gives: output by output, each with all members."""
        return self.members * len(self.exprs)

    def derived(self, expr: Any) -> Template:
        """A template of one output that reads what `expr` needs, once where no member differs."""
        read = expr.free_symbols
        used = [s for s in self.symbols if s in read]
        known = dict(zip(self.symbols, self.slots, strict=True))
        slots = tuple(known[s] for s in used)
        # names count the slots: `fuse` relies on it
        named = [_stand_in(i, s) for i, s in enumerate(used)]
        members = self.members if any(slot.table.ndim for slot in slots) else 1
        expr = expr.xreplace(dict(zip(used, named, strict=True)))
        return Template(tuple(named), slots, (expr,), members)

    def gather(self, sources: Mapping[str, Callable[[NDArray[Any]], Any]]) -> list[Any]:
        """The slots' values: ``sources[kind](table)``."""
        return [sources[slot.kind](slot.table) for slot in self.slots]


def group(
    exprs: Sequence[sp.Expr], leaves: Mapping[sp.Symbol, Leaf]
) -> tuple[list[Template], list[tuple[int, int]]]:
    """Templates for all `exprs`, and for each of them its template and member.

    Raises
    ------
    EmissionError
        As `build_tape` does, in the symbols of the expression.
    """
    shapes: dict[str, list[Shape]] = {}
    places: list[tuple[int, int]] = []
    numbers: dict[str, int] = {}
    for expr in exprs:
        shape = shape_of(expr, leaves)
        members = shapes.setdefault(shape.key, [])
        if not members:
            # a function without numerical meaning is refused here, by the user's own names
            build_tape(sorted(_symbols(expr), key=lambda s: s.name), [expr])
        places.append((numbers.setdefault(shape.key, len(numbers)), len(members)))
        members.append(shape)
    return [_template(members, leaves) for members in shapes.values()], places


def _symbols(expr: sp.Expr) -> set[Any]:
    return expr.free_symbols


def _template(members: Sequence[Shape], leaves: Mapping[sp.Symbol, Leaf]) -> Template:
    symbols: list[sp.Symbol] = []
    slots: list[Slot] = []
    known: dict[tuple[Any, ...], sp.Symbol] = {}
    stand_ins: list[sp.Basic] = []
    for column in zip(*(shape.leaves for shape in members), strict=True):
        model: Any = column[0]
        if model.is_Symbol:
            slot = Slot(leaves[model].kind, _shared([leaves[s].index for s in column], np.int64))
        elif all(number == model for number in column):
            stand_ins.append(model)
            continue
        else:
            slot = Slot("constant", _shared([constant(c) for c in column], np.float64))
        if slot.key not in known:
            known[slot.key] = _stand_in(len(slots), model if model.is_Symbol else _NUMBER)
            symbols.append(known[slot.key])
            slots.append(slot)
        stand_ins.append(known[slot.key])
    expr = members[0].make(iter(stand_ins))
    return Template(tuple(symbols), tuple(slots), (expr,), len(members))


# wide networks make as many stand-ins as they have inputs, for every output
@lru_cache(maxsize=4096)
def _stand_in(number: int, model: sp.Symbol) -> sp.Symbol:
    """A symbol named by its number, of which the same is known as of `model`."""
    known = {k: v for k, v in model.assumptions0.items() if v is not None}
    return sp.Symbol(f"s{number}", **known)


def _shared(values: Sequence[Any], dtype: Any) -> NDArray[Any]:
    if len(values) == 1:
        return np.array(values[0], dtype=dtype)
    table = np.array(values, dtype=dtype)
    return np.array(table[0]) if (table == table[0]).all() else table


def fuse(templates: Sequence[Template]) -> tuple[list[Template], list[tuple[int, int]]]:
    """Templates of as many members that read a table in common, made one: shared work is done once.

    The given ones have one output each. Returns the new ones, and for each old one its place: the new
    template and which output.
    """
    fused: list[_Fusion] = []
    places: list[tuple[int, int]] = []
    at: dict[tuple[Any, ...], int] = {}
    for template in templates:
        tables = [s.key for s in template.slots if s.table.ndim]
        keys = [(template.members, *key) for key in tables] or [(template.members,)]
        k = next((at[key] for key in keys if key in at), None)
        if k is None:
            k = len(fused)
            fused.append(_Fusion(template.members))
        places.append((k, fused[k].add(template)))
        for key in keys:
            at.setdefault(key, k)
    return [f.template() for f in fused], places


class _Fusion:
    """A template that grows."""

    def __init__(self, members: int) -> None:
        self.members = members
        self.slots: dict[tuple[Any, ...], tuple[sp.Symbol, Slot]] = {}
        self.exprs: dict[sp.Expr, int] = {}

    def add(self, other: Template) -> int:
        """Which output the one of `other` is."""
        change: dict[sp.Symbol, sp.Symbol] = {}
        for slot, symbol in zip(other.slots, other.symbols, strict=True):
            key = (slot.key, _facts(symbol))
            if key not in self.slots:
                self.slots[key] = _stand_in(len(self.slots), symbol), slot
            change[symbol] = self.slots[key][0]
        return self.exprs.setdefault(_renamed(other.exprs[0], change), len(self.exprs))

    def template(self) -> Template:
        symbols, slots = zip(*self.slots.values(), strict=True) if self.slots else ((), ())
        return Template(tuple(symbols), tuple(slots), tuple(self.exprs), self.members)


def _renamed(expr: sp.Expr, change: Mapping[sp.Symbol, sp.Symbol]) -> Any:
    return expr.xreplace(dict(change))


@lru_cache(maxsize=4096)
def _facts(symbol: sp.Symbol) -> frozenset[Any]:
    return frozenset(symbol.assumptions0.items())

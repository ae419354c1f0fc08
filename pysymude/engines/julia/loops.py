"""Looped programs as Julia: one loop a template into the terms ``r``, then the rows that sum them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.julia.lines import Lines, Uses
from pysymude.engines.julia.literals import number
from pysymude.engines.julia.reverse import active
from pysymude.errors import EmissionError
from pysymude.model.theta import Slot as Learned
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.looped import Looped, Rows
from pysymude.plan.sparse_derivatives import SparseJacobian
from pysymude.plan.template import Template

__all__ = ["define", "looped_observation", "looped_system"]

_WIDE = 16  # a longer row is summed in a loop of its own


def define(head: str, lines: Sequence[str]) -> str:
    """A function of the given lines that returns nothing."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"function {head}\n{body}    return nothing\nend\n"


@dataclass
class _Tables:
    """Constant vectors of a module, each once, as text that Julia parses when it loads the source."""

    names: dict[tuple[str, bytes], str] = field(default_factory=dict[tuple[str, bytes], str])
    lines: list[str] = field(default_factory=list[str])

    def name(self, table: NDArray[Any]) -> str:
        kind = "ints" if table.dtype.kind == "i" else "floats"
        key = kind, table.tobytes()
        if key not in self.names:
            self.names[key] = f"{kind[0].upper()}{len(self.names) + 1}"
            text = " ".join(repr(x) for x in table.ravel().tolist())
            self.lines.append(f'const {self.names[key]} = {kind}("{text}")')
        return self.names[key]

    def index(self, table: NDArray[Any], k: str = "k") -> str:
        """The entry `k` of a table of indices that count from 0."""
        first = int(table.flat[0])
        if table.ndim == 0 or (table == first).all():
            return str(first + 1)
        if (table == first + np.arange(len(table))).all():
            return k if first == 0 else f"{k} + {first}"
        return f"{self.name(table + 1)}[{k}]"

    def value(self, table: NDArray[Any], k: str = "k") -> str:
        first = float(table.flat[0])
        if table.ndim == 0 or (table == first).all():
            return number(first)
        return f"{self.name(table)}[{k}]"


@dataclass(frozen=True)
class _SlotInputs:
    """The inputs of a template inside its loop over ``k``."""

    plan: CompiledSystem
    template: Template
    tables: _Tables

    def name(self, k: int) -> str:
        slot = self.template.slots[k]
        match slot.kind:
            case "state":
                return f"u[{self.tables.index(slot.table)}]"
            case "parameter":
                return f"q[{self.tables.index(slot.table)}]"
            case "time":
                return "t"
            case "constant":
                return self.tables.value(slot.table)
            case _:
                return f"w{k + 1}"

    def kind(self, k: int) -> str:
        return self.template.slots[k].kind

    def place(self, k: int) -> str:
        return self.tables.index(self.template.slots[k].table)

    def trainable(self, k: int) -> tuple[str, Learned]:
        # all members have the same bounds: they belong to the shape
        slots = self.plan.layout.of_kind("parameter")
        table = self.template.slots[k].table
        offsets = np.array([slot.offset for slot in slots], dtype=np.int64)[table]
        first = slots[int(table.flat[0])]
        return self.tables.index(offsets), first

    def sign(self, k: int) -> str:
        raise EmissionError(f"loops freeze no condition; found one, {k}", target="Julia")

    def table(self, signal: str) -> str:
        raise EmissionError(f"loops read no signal; found {signal!r}", target="Julia")


class _Writer:
    """The functions of one source: they share tables, uses of networks and the memory for terms."""

    def __init__(self, plan: CompiledSystem, uses: Uses) -> None:
        self.plan, self.uses, self.tables = plan, uses, _Tables()
        self.scratch = 0

    def source(self, functions: Sequence[str]) -> str:
        """Tables, the length of ``c[end]``, and the functions."""
        return "\n".join([*self.tables.lines, f"const SCRATCH = {self.scratch}", *functions])

    def values(self, head: str, program: Looped, target: str) -> str:
        """A function that writes the outputs into the vector `target`."""
        self.scratch = max(self.scratch, program.starts[-1])
        lines = ["r = c[end]"]
        for start, template in zip(program.starts[:-1], program.templates, strict=True):
            f = self.body(template)
            f.forward()
            once, each = _split(f, template)
            for o, at in enumerate(template.tape.outputs):
                each.append(f"{_term('r', start + o * template.members)} = {f.name(at)}")
            lines += _loop(template.members, each, once)
        for rows in program.rows:
            lines += _loop(len(rows.outputs), self.sum(rows, target))
        return define(head, lines)

    def cotangents(
        self, head: str, program: Looped, *, states: str, theta: str, clear: bool
    ) -> str:
        """A function that adds to `states` and `theta` what cotangents ``v`` of the outputs mean."""
        self.scratch = max(self.scratch, program.starts[-1])
        lines = [f"fill!({states or theta}, 0.0)"] if clear else []
        lines += ["r = c[end]", "fill!(r, 0.0)"]
        for rows in program.rows:
            each = self.spread(rows, states)
            lines += _loop(len(rows.outputs), each) if len(each) > 1 else []
        for start, template in zip(program.starts[:-1], program.templates, strict=True):
            f = self.body(template)
            live = active(template.tape, f.wanted(states, theta, ""))
            if not any(live[o] for o in template.tape.outputs):
                continue
            f.forward()
            count = len(template.exprs)
            seeds = [_term("r", start + o * template.members) for o in range(count)]
            f.reverse(seeds, states=states, theta=theta)
            lines += _loop(template.members, f.lines)
        return define(head, lines)

    def body(self, template: Template) -> Lines:
        inputs = _SlotInputs(self.plan, template, self.tables)
        return Lines(self.plan.networks, inputs, template.tape, self.uses)

    def entries(self, rows: Rows) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
        """Vector, columns and factors: states, then terms."""
        yield "u", rows.states, rows.state_factors
        yield "r", rows.terms, rows.term_factors

    def sum(self, rows: Rows, target: str) -> list[str]:
        lines = [f"s = {self.tables.value(rows.bias)}"]
        for vector, columns, factors in self.entries(rows):
            for place, factor in self.places(columns, factors):
                lines.append(_close(f"s += {_times(factor, f'{vector}[{place}]')}", columns))
        return [*lines, f"{target}[{self.tables.index(rows.outputs)}] = s"]

    def spread(self, rows: Rows, states: str) -> list[str]:
        lines = [f"d = v[{self.tables.index(rows.outputs)}]"]
        for vector, columns, factors in self.entries(rows):
            into = states if vector == "u" else "r"
            if into:
                for place, factor in self.places(columns, factors):
                    lines.append(_close(f"{into}[{place}] += {_times(factor, 'd')}", columns))
        return lines

    def places(self, columns: NDArray[Any], factors: NDArray[Any]) -> Iterator[tuple[str, str]]:
        """Index and factor of each entry of row ``k``; of all in a loop over ``j`` where they are many."""
        width = columns.shape[1]
        if width > _WIDE:
            at = f"(k - 1) * {width} + j"
            yield self.tables.index(columns.ravel(), at), self.tables.value(factors.ravel(), at)
            return
        for j in range(width):
            yield self.tables.index(columns[:, j]), self.tables.value(factors[:, j])


def _close(line: str, columns: NDArray[Any]) -> str:
    width = columns.shape[1]
    return f"for j in 1:{width}; {line}; end" if width > _WIDE else line


def _times(factor: str, what: str) -> str:
    if factor in ("1.0", "(-1.0)"):
        return what if factor == "1.0" else f"-{what}"
    return f"{factor} * {what}"


def _term(vector: str, start: int) -> str:
    return f"{vector}[k + {start}]" if start else f"{vector}[k]"


def _loop(count: int, each: Sequence[str], once: Sequence[str] = ()) -> list[str]:
    """Lines for every ``k``, after those that all of them share."""
    loop = [f"@inbounds for k in 1:{count}", *(f"    {line}" for line in each), "end"]
    return ["let", *(f"    {line}" for line in [*once, *loop]), "end"] if once else loop


def _split(f: Lines, template: Template) -> tuple[list[str], list[str]]:
    """The forward lines that do not depend on the member, and the others."""
    varies: list[bool] = []
    for op in template.tape.operations:
        own = op.name in ("net", "netjac")
        own |= op.name == "input" and template.slots[op.data].table.ndim > 0
        varies.append(own or any(varies[i] for i in op.args))
    fixed = {f.name(i) for i, own in enumerate(varies) if not own}
    once = [line for line in f.lines if line.split(" = ")[0] in fixed]
    return once, [line for line in f.lines if line not in once]


def looped_system(plan: CompiledSystem, rhs: Looped, uses: Uses) -> str:
    """The functions of a large plan; its Jacobian as the entries ``z`` of the pattern."""
    jacobian = cast("SparseJacobian", plan.jacobian)
    writer = _Writer(plan, uses)
    functions = [
        writer.values("rhs!(du, u, p, t, q, c)", rhs, "du"),
        writer.values("jac!(z, u, p, t, q, c)", jacobian.values, "z"),
        writer.values("tgrad!(dT, u, p, t, q, c)", cast("Looped", plan.time_gradient), "dT"),
        writer.cotangents("vjp!(g, v, u, p, t, q, c)", rhs, states="g", theta="", clear=True),
        writer.cotangents("vjp_p!(g, v, u, p, t, q, c)", rhs, states="", theta="g", clear=True),
    ]
    starts = writer.tables.name(jacobian.column_starts + 1)
    rows = writer.tables.name(jacobian.rows + 1)
    return writer.source([f"const PATTERN = ({starts}, {rows})", *functions])


def looped_observation(plan: CompiledSystem, program: Looped, uses: Uses) -> str:
    """``observe!`` and ``pull!`` for many measured columns."""
    writer = _Writer(plan, uses)
    functions = [
        writer.values("observe!(y, u, p, t, q, c)", program, "y"),
        writer.cotangents(
            "pull!(gu, gp, v, u, p, t, q, c)", program, states="gu", theta="gp", clear=False
        ),
    ]
    return writer.source(functions)

"""Tapes to programs of the machine: slots for results, factors folded, what never changes hoisted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native import codes
from pysymude.engines.native.network_calls import CallLayout, pack_call
from pysymude.model.network import MLP
from pysymude.plan.tape import Operation, Tape

__all__ = ["Lowering", "Outputs"]


@dataclass(frozen=True)
class Value:
    """`factor` times the result number `at`, which is held through a solve or not."""

    at: int
    factor: float = 1.0


@dataclass(frozen=True, eq=False)
class Outputs:
    """Where a program's outputs are: slots, and the factor of each."""

    slots: NDArray[np.int64]
    factors: NDArray[np.float64]


@dataclass
class _Row:
    code: int
    args: tuple[int, ...]
    result: int
    x: float = 1.0
    y: float = 1.0


@dataclass
class _Program:
    """Rows of one program; networks come as (call, results)."""

    rows: list[_Row] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    first: int = 0
    last: int = 0


class Lowering:
    """The programs of one bound problem: they share what is held, and the block that they run over.

    Parameters
    ----------
    states, parameters, trainable : int
        How many inputs of each kind; a tape's inputs are the states, time, parameters, trainable ones.
    networks : sequence of MLP
    offsets : mapping from name to int
        Where each network's weights begin in theta.
    conditions : int
        How many frozen signs a block has.
    """

    def __init__(
        self,
        states: int,
        parameters: int,
        trainable: int,
        networks: Sequence[MLP],
        offsets: Mapping[str, int],
        conditions: int,
    ) -> None:
        self.n, self.conditions = states, conditions
        self.given = parameters + trainable
        self.networks = {nn.name: nn for nn in networks}
        self.numbers = {nn.name: k for k, nn in enumerate(networks)}
        self.offsets = offsets
        self.constants: dict[float, int] = {}
        self.held: list[int] = list(range(self.given))  # ids of what is held, in slot order
        self.is_held: list[bool] = [True] * self.given
        self.definition: dict[int, _Row] = {}
        self.start = _Program()
        self.programs: list[_Program] = []
        self.calls: list[tuple[_Program, _Row, dict[str, Any]]] = []
        self.seen: dict[Any, Value] = {}  # held results by what they compute
        self.time = self._new(held=False)
        self.state = [self._new(held=False) for _ in range(states)]
        self.signs = [self._new(held=False) for _ in range(conditions)]
        self.fixed = len(self.is_held)

    # -- values ------------------------------------------------------------------------------------

    def _new(self, *, held: bool) -> int:
        self.is_held.append(held)
        at = len(self.is_held) - 1
        if held:
            self.held.append(at)
        return at

    def constant(self, number: float) -> Value:
        """A number in the held part."""
        number = float(number)
        if number not in self.constants:
            self.constants[number] = self._new(held=True)
        return Value(self.constants[number])

    def program(self, tape: Tape, *, frozen: bool) -> int:
        """Adds the program of a tape; its number. With `frozen`, switches read the block's signs."""
        made = _Program()
        self.programs.append(made)
        values: list[Any] = []
        for op, needed in zip(tape.operations, tape.needed, strict=True):
            if not needed:
                values.append(None)
            elif op.name == "const":
                values.append(float(op.data))
            else:
                values.append(self._operation(made, op, [values[i] for i in op.args], frozen))
        made.outputs = [self._as_value(values[i]) for i in tape.outputs]
        return len(self.programs) - 1

    def _as_value(self, value: Any) -> Value:
        return self.constant(value) if isinstance(value, float) else value

    def _emit(
        self, program: _Program, code: int, args: Sequence[int], x: float = 1.0, y: float = 1.0
    ) -> Value:
        held = all(self.is_held[a] for a in args)
        if held:
            key = (code, tuple(args), x, y)
            if key not in self.seen:
                row = _Row(code, tuple(args), self._new(held=True), x, y)
                self.start.rows.append(row)
                self.definition[row.result] = row
                self.seen[key] = Value(row.result)
            return self.seen[key]
        row = _Row(code, tuple(args), self._new(held=False), x, y)
        program.rows.append(row)
        self.definition[row.result] = row
        return Value(row.result)

    def _plain(self, program: _Program, value: Any) -> int:
        """The id of a value without a factor."""
        value = self._as_value(value)
        if value.factor == 1.0:
            return value.at
        return self._emit(program, codes.SCALE, [value.at], value.factor).at

    # -- operations --------------------------------------------------------------------------------

    def _operation(self, program: _Program, op: Operation, args: list[Any], frozen: bool) -> Any:
        name = op.name
        if name == "input":
            return self._input(int(op.data))
        if name in ("net", "netjac", "nethess"):
            return self._call(program, op, [self._plain(program, a) for a in args])
        if name == "item":
            return args[0](op.data)
        if all(isinstance(a, float) for a in args) and name not in ("switch",):
            folded = _fold(op, args)
            if folded is not None:
                return folded
        special: Callable[..., Any] | None = getattr(self, f"_{name}", None)
        if special is not None:
            return special(program, op, args, frozen)
        code = codes.CODES_OF_TAPE[name]
        if len(args) == 1:
            value = self._as_value(args[0])
            if code == codes.NOT:
                return self._emit(program, code, [self._plain(program, value)])
            return self._emit(program, code, [value.at], value.factor)
        return self._emit(program, code, [self._plain(program, a) for a in args])

    def _input(self, position: int) -> Value:
        if position < self.n:
            return Value(self.state[position])
        if position == self.n:
            return Value(self.time)
        return Value(position - self.n - 1)

    def _add(self, program: _Program, op: Operation, args: list[Any], frozen: bool) -> Any:
        a, b = args
        if a == 0.0 and isinstance(a, float):
            return b
        if b == 0.0 and isinstance(b, float):
            return a
        a, b = self._as_value(a), self._as_value(b)
        if a.at == b.at:
            return Value(a.at, a.factor + b.factor)
        return self._emit(program, codes.ADD, [a.at, b.at], a.factor, b.factor)

    def _mul(self, program: _Program, op: Operation, args: list[Any], frozen: bool) -> Any:
        a, b = args
        if isinstance(a, float):
            a, b = b, a
        if isinstance(b, float):
            return _scaled(a, b)
        for value, other in ((a, b), (b, a)):
            row = self.definition.get(value.at)
            if row is not None and row.code == codes.IPOW and row.args[1:] == (-1,):
                # x times 1/y
                return self._emit_div(program, other, row, value.factor)
        return Value(self._emit(program, codes.MUL, [a.at, b.at]).at, a.factor * b.factor)

    def _emit_div(self, program: _Program, over: Value, row: _Row, factor: float) -> Value:
        found = self._emit(program, codes.DIV, [over.at, row.args[0]])
        return Value(found.at, over.factor * factor / row.x)

    def _ipow(self, program: _Program, op: Operation, args: list[Any], frozen: bool) -> Any:
        value, n = self._as_value(args[0]), int(op.data)
        if n == 0:
            return 1.0
        if n == 1:
            return value
        if n == 2:
            found = self._emit(program, codes.MUL, [value.at, value.at])
            return Value(found.at, value.factor**2)
        return self._integer_power(program, value, n)

    def _integer_power(self, program: _Program, value: Value, n: int) -> Value:
        held = self.is_held[value.at]
        row = _Row(codes.IPOW, (value.at, n), self._new(held=held), value.factor)
        (self.start if held else program).rows.append(row)
        self.definition[row.result] = row
        return Value(row.result)

    def _select(self, program: _Program, op: Operation, args: list[Any], frozen: bool) -> Any:
        condition, yes, no = args
        if isinstance(condition, float):
            return yes if condition != 0.0 else no
        if yes == no:
            return yes
        return self._emit(
            program,
            codes.SELECT,
            [condition.at, self._plain(program, yes), self._plain(program, no)],
        )

    def _switch(self, program: _Program, op: Operation, args: list[Any], frozen: bool) -> Any:
        g = self._plain(program, args[0])
        sign = self.signs[int(op.data)] if frozen else self.constant(codes.LIVE).at
        return self._emit(program, codes.SWITCH, [g, sign])

    def _call(self, program: _Program, op: Operation, inputs: list[int]) -> Callable[[Any], Value]:
        """A network's results by index: one call gives outputs, derivatives and second ones."""
        order = ("net", "netjac", "nethess").index(op.name)
        row = _Row(codes.NET, tuple(inputs), -1)
        nn = self.networks[op.data]
        layout = CallLayout(nn.widths, order)
        results = [self._new(held=False) for _ in range(layout.size)]
        program.rows.append(row)
        self.calls.append((program, row, {"network": nn, "order": order, "results": results}))
        slot_of = (layout.output, layout.jacobian, layout.hessian)[order]

        def item(index: Any) -> Value:
            at = [int(index)] if order == 0 else [int(i) for i in index]
            return Value(results[slot_of(*at)])

        return item

    # -- the finished arrays -----------------------------------------------------------------------

    def finish(self) -> Finished:
        """Slots for everything, rows as arrays."""
        slot = np.full(len(self.is_held), -1, dtype=np.int64)
        slot[self.held] = np.arange(len(self.held))
        at = len(self.held)
        for one in (self.time, *self.state, *self.signs):
            slot[one] = at
            at += 1
        base = at
        for program in self.programs:
            at = base
            program.rows = _reachable(program, self.calls)
            for row in program.rows:
                results = self._results(row)
                slot[results] = np.arange(at, at + len(results))
                at += len(results)
            program.last = at
        size = max([base, *(p.last for p in self.programs)])
        return self._arrays(slot, size)

    def _results(self, row: _Row) -> list[int]:
        if row.code != codes.NET:
            return [row.result]
        return next(call["results"] for _, other, call in self.calls if other is row)

    def _arrays(self, slot: NDArray[np.int64], size: int) -> Finished:
        code: list[int] = []
        consts: list[float] = []
        net: list[int] = []
        ranges: list[tuple[int, int]] = []
        known = {id(row): call for _, row, call in self.calls}
        for program in (self.start, *self.programs):
            first = len(code) // codes.ROW
            for row in program.rows:
                if row.code == codes.NET:
                    call = known[id(row)]
                    line = [codes.NET, len(net), 0, 0, 0]
                    net += self._packed(call, slot, [slot[a] for a in row.args])
                elif row.code == codes.IPOW:
                    line = [row.code, int(slot[row.args[0]]), row.args[1], 0, int(slot[row.result])]
                else:
                    args = [int(slot[a]) for a in row.args]
                    line = [row.code, *args, *[0] * (3 - len(args)), int(slot[row.result])]
                code += line
                consts += [row.x, row.y]
            ranges.append((first, len(code) // codes.ROW))
        held = np.zeros(len(self.held))
        for number, one in self.constants.items():
            held[slot[one]] = number
        return Finished(
            code=np.array(code, dtype=np.int64),
            consts=np.array(consts, dtype=np.float64),
            net=np.array(net or [0], dtype=np.int64),
            ranges=np.array(ranges, dtype=np.int64),
            outputs=tuple(_outputs(p, slot) for p in self.programs),
            held=held,
            size=size,
            time=int(slot[self.time]),
            has_networks=bool(net),
        )

    def _packed(
        self, call: dict[str, Any], slot: NDArray[np.int64], inputs: list[Any]
    ) -> list[int]:
        nn = call["network"]
        names = list(self.networks)
        before = names[: names.index(nn.name)]
        scaling = sum(2 * (len(self.networks[k].inputs) + self.networks[k].outputs) for k in before)
        base = int(slot[call["results"][0]])
        packed = pack_call(
            nn.widths,
            nn.activation,
            order=call["order"],
            weights=self.offsets[nn.name],
            scaling=scaling,
            base=base,
            inputs=[int(k) for k in inputs],
        )
        return [int(k) for k in packed]


@dataclass(frozen=True, eq=False)
class Finished:
    """Programs as arrays: `ranges[0]` is what is computed once a solve, `ranges[1 + k]` program k.

    `held` are the numbers of the held part; parameters and learned values are its first entries.
    Behind it come time, the states, the signs.
    """

    code: NDArray[np.int64]
    consts: NDArray[np.float64]
    net: NDArray[np.int64]
    ranges: NDArray[np.int64]
    outputs: tuple[Outputs, ...]
    held: NDArray[np.float64]
    size: int
    time: int
    has_networks: bool


def _outputs(program: _Program, slot: NDArray[np.int64]) -> Outputs:
    return Outputs(
        np.array([slot[v.at] for v in program.outputs], dtype=np.int64),
        np.array([v.factor for v in program.outputs], dtype=np.float64),
    )


def _scaled(value: Any, factor: float) -> Any:
    if isinstance(value, float):
        return value * factor
    return 0.0 if factor == 0.0 else Value(value.at, value.factor * factor)


def _fold(op: Operation, args: list[float]) -> float | None:
    """The result of an operation on numbers, for those that are safe to compute here."""
    if op.name == "add":
        return args[0] + args[1]
    if op.name in ("mul", "mul0"):
        return args[0] * args[1]
    return None


def _reachable(program: _Program, calls: Sequence[Any]) -> list[_Row]:
    """The rows that outputs depend on: folding leaves some that nothing reads."""
    results = {id(row): call["results"] for _, row, call in calls}
    needed = {v.at for v in program.outputs}
    kept: list[_Row] = []
    for row in reversed(program.rows):
        made = results.get(id(row), [row.result])
        if needed.isdisjoint(made):
            continue
        needed.update(row.args[:1] if row.code == codes.IPOW else row.args)
        kept.append(row)
    return kept[::-1]

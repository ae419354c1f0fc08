"""Tapes to programs of the machine: factors folded, what never changes hoisted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pysymude.engines.native import codes
from pysymude.engines.native.assembling import Finished, assemble
from pysymude.engines.native.network_calls import CallLayout
from pysymude.engines.native.programs import Call, Collected, Program, Row, Value
from pysymude.model.network import MLP
from pysymude.plan.tape import Operation, Tape

__all__ = ["Lowering"]


class Lowering:
    """The programs of one bound problem: they share what is held, and the block that they run over.

    Parameters
    ----------
    states, parameters, trainable : int
        How many inputs of each kind; a tape's inputs are the states, time, parameters, trainable ones.
    signals : sequence of str
        Their names; the addresses of their tables stand behind the parameters.
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
        signals: Sequence[str] = (),
    ) -> None:
        self.n, given = states, parameters + len(signals) + trainable
        self.parameters, self.signals = parameters, list(signals)
        self.is_held: list[bool] = [True] * given
        self.collected = Collected(
            {nn.name: nn for nn in networks}, offsets, held=list(range(given))
        )
        self.definition: dict[int, Row] = {}
        self.seen: dict[Any, Value] = {}  # held results by what they compute
        self.time = self._new(held=False)
        self.state = [self._new(held=False) for _ in range(states)]
        self.signs = [self._new(held=False) for _ in range(conditions)]
        self.collected.behind = [self.time, *self.state, *self.signs]

    # -- values ------------------------------------------------------------------------------------

    def _new(self, *, held: bool) -> int:
        self.is_held.append(held)
        at = len(self.is_held) - 1
        if held:
            self.collected.held.append(at)
        return at

    def constant(self, number: float) -> Value:
        """A number in the held part."""
        number = float(number)
        known = self.collected.constants
        if number not in known:
            known[number] = self._new(held=True)
        return Value(known[number])

    def program(self, tape: Tape, *, frozen: bool) -> int:
        """Adds the program of a tape; its number. With `frozen`, switches read the block's signs."""
        made = Program()
        self.collected.programs.append(made)
        values: list[Any] = []
        for op, needed in zip(tape.operations, tape.needed, strict=True):
            if not needed:
                values.append(None)
            elif op.name == "const":
                values.append(float(op.data))
            else:
                values.append(self._operation(made, op, [values[i] for i in op.args], frozen))
        made.outputs = [self._as_value(values[i]) for i in tape.outputs]
        return len(self.collected.programs) - 1

    def _as_value(self, value: Any) -> Value:
        return self.constant(value) if isinstance(value, float) else value

    def _emit(
        self, program: Program, code: int, args: Sequence[int], x: float = 1.0, y: float = 1.0
    ) -> Value:
        held = all(self.is_held[a] for a in args)
        if held:
            key = (code, tuple(args), x, y)
            if key not in self.seen:
                row = Row(code, tuple(args), self._new(held=True), x, y)
                self.collected.start.rows.append(row)
                self.definition[row.result] = row
                self.seen[key] = Value(row.result)
            return self.seen[key]
        row = Row(code, tuple(args), self._new(held=False), x, y)
        program.rows.append(row)
        self.definition[row.result] = row
        return Value(row.result)

    def _plain(self, program: Program, value: Any) -> int:
        """The id of a value without a factor."""
        value = self._as_value(value)
        if value.factor == 1.0:
            return value.at
        return self._emit(program, codes.SCALE, [value.at], value.factor).at

    # -- operations --------------------------------------------------------------------------------

    def _operation(self, program: Program, op: Operation, args: list[Any], frozen: bool) -> Any:
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
        at = position - self.n - 1
        return Value(at if at < self.parameters else at + len(self.signals))

    def address(self, signal: str) -> int:
        """The number of the held value that is the address of a signal's table."""
        return self.parameters + self.signals.index(signal)

    def _signal(self, program: Program, op: Operation, args: list[Any], frozen: bool) -> Any:
        which, x = op.data, self._as_value(args[0])
        if which.vanishes:
            return 0.0
        frozen = frozen and which.call >= 0
        piece = self.signs[which.call] if frozen else self.constant(codes.LIVE).at
        address, order = self.address(which.name), float(which.order)
        return self._emit(program, codes.SIGNAL, [x.at, piece, address], x.factor, order)

    def _add(self, program: Program, op: Operation, args: list[Any], frozen: bool) -> Any:
        a, b = args
        if a == 0.0 and isinstance(a, float):
            return b
        if b == 0.0 and isinstance(b, float):
            return a
        a, b = self._as_value(a), self._as_value(b)
        if a.at == b.at:
            return Value(a.at, a.factor + b.factor)
        return self._emit(program, codes.ADD, [a.at, b.at], a.factor, b.factor)

    def _mul(self, program: Program, op: Operation, args: list[Any], frozen: bool) -> Any:
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

    def _emit_div(self, program: Program, over: Value, row: Row, factor: float) -> Value:
        found = self._emit(program, codes.DIV, [over.at, row.args[0]])
        return Value(found.at, over.factor * factor / row.x)

    def _ipow(self, program: Program, op: Operation, args: list[Any], frozen: bool) -> Any:
        value, n = self._as_value(args[0]), int(op.data)
        if n == 0:
            return 1.0
        if n == 1:
            return value
        if n == 2:
            found = self._emit(program, codes.MUL, [value.at, value.at])
            return Value(found.at, value.factor**2)
        return self._integer_power(program, value, n)

    def _integer_power(self, program: Program, value: Value, n: int) -> Value:
        held = self.is_held[value.at]
        row = Row(codes.IPOW, (value.at, n), self._new(held=held), value.factor)
        (self.collected.start if held else program).rows.append(row)
        self.definition[row.result] = row
        return Value(row.result)

    def _select(self, program: Program, op: Operation, args: list[Any], frozen: bool) -> Any:
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

    def _switch(self, program: Program, op: Operation, args: list[Any], frozen: bool) -> Any:
        g = self._plain(program, args[0])
        sign = self.signs[int(op.data)] if frozen else self.constant(codes.LIVE).at
        return self._emit(program, codes.SWITCH, [g, sign])

    def _call(self, program: Program, op: Operation, inputs: list[int]) -> Callable[[Any], Value]:
        """A network's results by index: one call gives outputs, derivatives and second ones."""
        order = ("net", "netjac", "nethess").index(op.name)
        nn = self.collected.networks[op.data]
        layout = CallLayout(nn.widths, order)
        results = [self._new(held=False) for _ in range(layout.size)]
        program.rows.append(Row(codes.NET, tuple(inputs), -1, call=Call(nn, order, results)))
        slot_of = (layout.output, layout.jacobian, layout.hessian)[order]

        def item(index: Any) -> Value:
            at = [int(index)] if order == 0 else [int(i) for i in index]
            return Value(results[slot_of(*at)])

        return item

    def finish(self) -> Finished:
        """The finished arrays."""
        self.collected.count = len(self.is_held)
        return assemble(self.collected)


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

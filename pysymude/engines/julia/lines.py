"""A tape as lines of Julia: forward, and in reverse for cotangents; generated names throughout."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pysymude.engines.julia.literals import number
from pysymude.engines.julia.names import INFIX, NAMED
from pysymude.engines.julia.reverse import active, branches, shares
from pysymude.errors import EmissionError
from pysymude.model.network import MLP
from pysymude.model.theta import Slot
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.tape import Operation, SignalCall, Tape

__all__ = ["Inputs", "Lines", "PlanInputs", "Uses", "natural"]


@dataclass
class Uses:
    """Numbers for the uses of networks; functions never run at the same time and share them."""

    networks: list[str]
    slots: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])

    def slot(self, network: str, count: int) -> int:
        return self.slots.setdefault((network, count), len(self.slots) + 1)

    def declaration(self) -> str:
        """For each ``c[i]`` the position of its network."""
        positions = [str(self.networks.index(network) + 1) for network, _ in self.slots]
        return f"const USES = Int[{', '.join(positions)}]\n"


class Inputs(Protocol):
    """Where the inputs of a tape stand in Julia, by their positions."""

    def name(self, k: int) -> str:
        """The value; a trainable parameter's has a line of its own."""
        ...

    def kind(self, k: int) -> str:
        """``state``, ``time``, ``parameter``, ``trainable`` or ``constant``."""
        ...

    def place(self, k: int) -> str:
        """A state's index in its vector, from 1."""
        ...

    def trainable(self, k: int) -> tuple[str, Slot]:
        """A trainable parameter's index in theta, from 1, and its bounds."""
        ...

    def sign(self, k: int) -> str:
        """The sign of condition k."""
        ...

    def table(self, signal: str) -> str:
        """The address of a signal's table."""
        ...


@dataclass(frozen=True)
class PlanInputs:
    """The inputs of a plan: states, time, fixed parameters, trainable ones."""

    plan: CompiledSystem

    def name(self, k: int) -> str:
        """As in `Inputs`."""
        n, fixed = len(self.plan.states), len(self.plan.parameters)
        if k < n:
            return f"u[{k + 1}]"
        if k == n:
            return "t"
        return f"q[{k - n}]" if k <= n + fixed else f"w{k - n - fixed}"

    def kind(self, k: int) -> str:
        """As in `Inputs`."""
        n, fixed = len(self.plan.states), len(self.plan.parameters)
        if k <= n:
            return "state" if k < n else "time"
        return "parameter" if k <= n + fixed else "trainable"

    def place(self, k: int) -> str:
        """As in `Inputs`."""
        return str(k + 1)

    def trainable(self, k: int) -> tuple[str, Slot]:
        """As in `Inputs`."""
        first = len(self.plan.states) + 1 + len(self.plan.parameters)
        slot = self.plan.layout.of_kind("parameter")[k - first]
        return str(slot.offset + 1), slot

    def sign(self, k: int) -> str:
        """As in `Inputs`: signs stand behind the parameters and the addresses of tables."""
        return f"q[{len(self.plan.parameters) + len(self.plan.signals) + k + 1}]"

    def table(self, signal: str) -> str:
        """As in `Inputs`: addresses stand behind the parameters."""
        names = [one.name for one in self.plan.signals]
        return f"q[{len(self.plan.parameters) + names.index(signal) + 1}]"


def natural(place: str, slot: Slot) -> tuple[str, str]:
    """A trainable parameter's natural value, and its slope by its entry of theta."""
    z, low, high = f"p[{place}]", slot.low, slot.high
    if math.isfinite(low) and math.isfinite(high):
        if slot.log:
            low, high = math.log(low), math.log(high)
        width, small = number(high - low), f"exp(-abs({z}))"
        value = f"{number(low)} + {width} / (1 + exp(-{z}))"
        slope = f"{width} * {small} / (1 + {small})^2"
        return (f"exp({value})", f"{slope} * exp({value})") if slot.log else (value, slope)
    if math.isfinite(low):
        return f"{number(low)} + exp({z})", f"exp({z})"
    if math.isfinite(high):
        return f"{number(high)} - exp({z})", f"(-exp({z}))"
    return z, "1.0"


class Lines:
    """One tape as the lines of a function, or of a loop's body."""

    def __init__(self, networks: Sequence[MLP], inputs: Inputs, tape: Tape, uses: Uses) -> None:
        self.networks, self.inputs, self.tape, self.uses = networks, inputs, tape, uses
        self.lines: list[str] = []
        self.slots: dict[int, int] = {}

    def name(self, i: int) -> str:
        op = self.tape.operations[i]
        if op.name == "input":
            return self.inputs.name(op.data)
        if op.name == "const":
            return str(op.data).lower() if isinstance(op.data, bool) else number(op.data)
        return f"v{i}"

    def is_trainable(self, op: Operation) -> bool:
        return op.name == "input" and self.inputs.kind(op.data) == "trainable"

    def forward(self) -> None:
        counts: dict[str, int] = {}
        for i, op in enumerate(self.tape.operations):
            if not self.tape.needed[i] or op.name == "const":
                continue
            names = [self.name(k) for k in op.args]
            if self.is_trainable(op):
                self.lines.append(f"{self.name(i)} = {natural(*self.inputs.trainable(op.data))[0]}")
            elif op.name in ("net", "netjac"):
                counts[op.data] = counts.get(op.data, 0) + 1
                slot = self.slots[i] = self.uses.slot(op.data, counts[op.data])
                what = "forward!" if op.name == "net" else "jacobian!"
                self.lines.append(f"{what}(c[{slot}], p, {', '.join(names)})")
            elif op.name != "input":
                self.lines.append(f"v{i} = {self.expression(op, names)}")

    def expression(self, op: Operation, names: list[str]) -> str:
        if op.name == "item":
            slot = self.slots[op.args[0]]
            if isinstance(op.data, tuple):
                return f"c[{slot}].jacobian[{op.data[0] + 1}, {op.data[1] + 1}]"
            return f"c[{slot}].outputs[{op.data + 1}]"
        if op.name == "ipow":
            return f"integer_power({names[0]}, Val({op.data}))"
        if op.name == "not":
            return f"!{names[0]}"
        if op.name == "switch":
            return self.inputs.sign(op.data)
        if op.name == "signal":
            return self.signal(op.data, names[0])
        if op.name in INFIX:
            return f"{names[0]} {INFIX[op.name]} {names[1]}"
        if op.name in NAMED:
            return f"{NAMED[op.name]}({', '.join(names)})"
        raise EmissionError(
            f"the operation {op.name!r} is unknown to engine 'julia'", node=op, target="Julia"
        )

    def signal(self, call: SignalCall, argument: str) -> str:
        """The value of a signal: on the piece that is frozen, or where its argument says."""
        piece = self.inputs.sign(call.call) if call.call >= 0 else "2.0"
        return f"signal({self.inputs.table(call.name)}, {argument}, {piece}, {call.order})"

    def signal_share(self, op: Operation, d: str, argument: str, *, guarded: bool) -> list[str]:
        """The cotangent of a signal's argument; none where its slope is 0."""
        slope: SignalCall = op.data._replace(order=op.data.order + 1)
        if slope.vanishes:
            return []
        factor = self.signal(slope, argument)
        return [f"mul0({d}, {factor})" if guarded else f"{d} * {factor}"]

    def reverse(self, seeds: Sequence[str], *, states: str, theta: str, time: str = "") -> None:
        """Lines that add to `states`, `theta` and `time` (where not empty) what `seeds` mean."""
        wanted = self.wanted(states, theta, time)
        live, guarded = active(self.tape, wanted), branches(self.tape)
        parts: dict[int, list[str]] = {}
        for seed, output in zip(seeds, self.tape.outputs, strict=True):
            if live[output]:
                parts.setdefault(output, []).append(seed)
        # cotangents of the outputs and Jacobians of networks, by their places
        vectors: dict[int, dict[int | tuple[int, int], str]] = {}
        for i in range(len(self.tape.operations) - 1, -1, -1):
            op = self.tape.operations[i]
            if op.name in ("net", "netjac"):
                if i in vectors:
                    self.pull_network(i, op, vectors[i], live, parts, theta)
                continue
            if i not in parts:
                continue
            total = " + ".join(parts.pop(i))
            if op.name == "input":
                self.lines += self.arrive(op, total, states, theta, time)
                continue
            self.lines.append(f"d{i} = {total}")
            if op.name == "item":
                vectors.setdefault(op.args[0], {})[op.data] = f"d{i}"
                continue
            names = [self.name(k) for k in op.args]
            if op.name == "signal":
                found = self.signal_share(op, f"d{i}", names[0], guarded=guarded)
                if found and live[op.args[0]]:
                    parts.setdefault(op.args[0], []).extend(found)
                continue
            for k, share in shares(op, f"d{i}", f"v{i}", names, guarded=guarded):
                if live[k]:
                    parts.setdefault(k, []).append(share)

    def wanted(self, states: str, theta: str, time: str) -> Callable[[Operation], bool]:
        into = {"state": states, "trainable": theta, "time": time}

        def wanted(op: Operation) -> bool:
            if op.name in ("net", "netjac"):
                return bool(theta)
            return op.name == "input" and bool(into.get(self.inputs.kind(op.data)))

        return wanted

    def arrive(self, op: Operation, total: str, states: str, theta: str, time: str) -> list[str]:
        kind = self.inputs.kind(op.data)
        if kind == "trainable":
            slope = natural(*self.inputs.trainable(op.data))[1]
            return [f"{theta}[{self.inputs.trainable(op.data)[0]}] += ({total}) * {slope}"]
        if kind == "state":
            return [f"{states}[{self.inputs.place(op.data)}] += {total}"]
        return [f"{time} += {total}"]

    def pull_network(
        self,
        i: int,
        op: Operation,
        given: dict[int | tuple[int, int], str],
        live: list[bool],
        parts: dict[int, list[str]],
        theta: str,
    ) -> None:
        nn = next(nn for nn in self.networks if nn.name == op.data)
        slot = self.slots[i]
        outputs: list[int | tuple[int, int]] = list(range(nn.outputs))
        what = "pullback!"
        if op.name == "netjac":
            what = "jacobian_pullback!"
            outputs = [(a, b) for b in range(len(nn.inputs)) for a in range(nn.outputs)]
        seeds = ", ".join(given.get(k, "0.0") for k in outputs)
        self.lines.append(f"{what}(c[{slot}], {theta or 'nothing'}, p, {seeds})")
        for j, k in enumerate(op.args):
            if live[k]:
                # the memory is used again by later lines
                self.lines.append(f"x{i}_{j} = c[{slot}].inputs[{j + 1}]")
                parts.setdefault(k, []).append(f"x{i}_{j}")

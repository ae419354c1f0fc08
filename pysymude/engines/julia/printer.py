"""Julia source from the tapes of a plan: straight lines of generated names, nothing the user wrote.

A model's functions read ``u`` (states), ``p`` (theta), ``t``, ``q`` (fixed parameters) and ``c`` (one
memory for each use of a network), and write into their first argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pysymude.engines.julia.literals import number
from pysymude.engines.julia.reverse import active, shares
from pysymude.errors import EmissionError
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.tape import Operation, Tape

__all__ = ["observation_source", "system_source", "watch_source"]

_NAMED = {
    "sin": "sin_", "cos": "cos_", "tan": "tan_", "asin": "asin_", "acos": "acos_", "atan": "atan",
    "atan2": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asinh": "asinh",
    "acosh": "acosh_", "atanh": "atanh_", "exp": "exp", "log": "log_", "sqrt": "sqrt_",
    "erf": "erf_", "abs": "abs", "sign": "sign", "min": "min", "max": "max",
    "heaviside": "heaviside", "pow": "power", "select": "ifelse",
}  # fmt: skip
_INFIX = {
    "add": "+", "mul": "*", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=",
    "and": "&", "or": "|",
}  # fmt: skip


@dataclass
class _Uses:
    """Numbers for the uses of networks; functions never run at the same time and share them."""

    networks: list[str]
    slots: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])

    def slot(self, network: str, count: int) -> int:
        return self.slots.setdefault((network, count), len(self.slots) + 1)

    def declaration(self) -> str:
        """For each ``c[i]`` the position of its network."""
        positions = [str(self.networks.index(network) + 1) for network, _ in self.slots]
        return f"const USES = Int[{', '.join(positions)}]\n"


class _Function:
    """One tape as the lines of one function."""

    def __init__(self, plan: CompiledSystem, tape: Tape, uses: _Uses) -> None:
        self.plan, self.tape, self.uses = plan, tape, uses
        self.lines: list[str] = []
        self.slots: dict[int, int] = {}
        self.needed = _needed(tape)

    def name(self, i: int) -> str:
        op = self.tape.operations[i]
        if op.name == "input":
            return self.input_name(op.data)
        if op.name == "const":
            return str(op.data).lower() if isinstance(op.data, bool) else number(op.data)
        return f"v{i}"

    def input_name(self, k: int) -> str:
        """States, time, fixed parameters, then trainable ones, which get lines of their own."""
        n, fixed = len(self.plan.states), len(self.plan.parameters)
        if k < n:
            return f"u[{k + 1}]"
        if k == n:
            return "t"
        return f"q[{k - n}]" if k <= n + fixed else f"w{k - n - fixed}"

    def trainable(self, op: Operation) -> int | None:
        """Which trainable parameter an operation reads, from 0."""
        first = len(self.plan.states) + 1 + len(self.plan.parameters)
        return op.data - first if op.name == "input" and op.data >= first else None

    def forward(self) -> None:
        counts: dict[str, int] = {}
        for i, op in enumerate(self.tape.operations):
            if not self.needed[i] or op.name == "const":
                continue
            names = [self.name(k) for k in op.args]
            k = self.trainable(op)
            if k is not None:
                self.lines.append(f"w{k + 1} = {self.natural(k)[0]}")
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
        if op.name in _INFIX:
            return f"{names[0]} {_INFIX[op.name]} {names[1]}"
        if op.name in _NAMED:
            return f"{_NAMED[op.name]}({', '.join(names)})"
        raise EmissionError(
            f"the operation {op.name!r} is unknown to engine 'julia'", node=op, target="Julia"
        )

    def natural(self, k: int) -> tuple[str, str]:
        """A trainable parameter's natural value, and its slope by its entry of theta."""
        slot = self.plan.layout.of_kind("parameter")[k]
        z = f"p[{slot.offset + 1}]"
        low, high = slot.low, slot.high
        if math.isfinite(low) and math.isfinite(high):
            half, width = f"(0.5 * (1 + tanh(0.5 * {z})))", number(high - low)
            slope = f"{width} * {half} * (0.5 * (1 - tanh(0.5 * {z})))"
            return f"{number(low)} + {width} * {half}", slope
        if math.isfinite(low):
            return f"{number(low)} + exp({z})", f"exp({z})"
        if math.isfinite(high):
            return f"{number(high)} - exp({z})", f"(-exp({z}))"
        return z, "1.0"

    def reverse(self, seeds: Sequence[str], *, states: str, theta: str, time: str = "") -> None:
        """Lines that add to `states`, `theta` and `time` (where not empty) what `seeds` mean."""
        wanted = self.wanted(states, theta, time)
        live = active(self.tape, wanted)
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
            for k, share in shares(op, f"d{i}", f"v{i}", names):
                if live[k]:
                    parts.setdefault(k, []).append(share)

    def wanted(self, states: str, theta: str, time: str) -> Callable[[Operation], bool]:
        n = len(self.plan.states)

        def wanted(op: Operation) -> bool:
            if op.name in ("net", "netjac"):
                return bool(theta)
            if op.name != "input":
                return False
            if self.trainable(op) is not None:
                return bool(theta)
            return bool(states) if op.data < n else bool(time) and op.data == n

        return wanted

    def arrive(self, op: Operation, total: str, states: str, theta: str, time: str) -> list[str]:
        k = self.trainable(op)
        if k is not None:
            offset = self.plan.layout.of_kind("parameter")[k].offset
            return [f"{theta}[{offset + 1}] += ({total}) * {self.natural(k)[1]}"]
        if op.data < len(self.plan.states):
            return [f"{states}[{op.data + 1}] += {total}"]
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
        nn = next(nn for nn in self.plan.networks if nn.name == op.data)
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


def _needed(tape: Tape) -> list[bool]:
    needed = [False] * len(tape.operations)
    for i in tape.outputs:
        needed[i] = True
    for i in range(len(tape.operations) - 1, -1, -1):
        if needed[i]:
            for k in tape.operations[i].args:
                needed[k] = True
    return needed


def _define(head: str, lines: Sequence[str]) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"function {head}\n{body}    return nothing\nend\n"


def _values(plan: CompiledSystem, tape: Tape, uses: _Uses, target: str, head: str) -> str:
    """A function that writes a tape's outputs to `target`, a form such as ``du[{0}]``."""
    f = _Function(plan, tape, uses)
    f.forward()
    f.lines += [f"{target.format(i + 1)} = {f.name(k)}" for i, k in enumerate(tape.outputs)]
    return _define(head, f.lines)


def _cotangents(plan: CompiledSystem, tape: Tape, uses: _Uses, head: str, **into: str) -> str:
    f = _Function(plan, tape, uses)
    f.lines += [f"fill!({name}, 0.0)" for name in into.values() if name == "g"]
    f.forward()
    f.reverse([f"v[{i + 1}]" for i in range(len(tape.outputs))], **into)
    return _define(head, f.lines)


def _rows(plan: CompiledSystem, uses: _Uses) -> str:
    """The Jacobian and the time gradient by one reverse sweep a row, where symbols do not give them."""
    n = len(plan.states)
    f = _Function(plan, plan.rhs, uses)
    f.forward()
    f.reverse([f"seed[{i + 1}]" for i in range(n)], states="g", theta="", time="time")
    sweep = _define_sweep(f.lines)
    jac = (
        "function jac!(J, u, p, t, q, c)\n"
        f"    for i in 1:{n}\n"
        f"        row, _ = sweep(i, u, p, t, q, c)\n"
        f"        for j in 1:{n}\n            J[i, j] = row[j]\n        end\n"
        "    end\n    return nothing\nend\n"
    )
    grad = (
        "function tgrad!(dT, u, p, t, q, c)\n"
        f"    for i in 1:{n}\n        dT[i] = sweep(i, u, p, t, q, c)[2]\n    end\n"
        "    return nothing\nend\n"
    )
    return sweep.replace("ZEROS", f"zeros({n})") + jac + grad


def _define_sweep(lines: Sequence[str]) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    start = "    seed, g, time = ZEROS, ZEROS, 0.0\n    seed[i] = 1.0\n"
    return f"function sweep(i, u, p, t, q, c)\n{start}{body}    return g, time\nend\n"


def _networks(plan: CompiledSystem) -> str:
    """Sizes, activation and place in theta of each network."""
    rows: list[str] = []
    offset = 0
    for nn in plan.networks:
        rows.append(f"({list(nn.widths)}, :{nn.activation}, {offset})")
        offset += nn.n_weights
    return f"const NETWORKS = [{', '.join(rows)}]\n"


def system_source(plan: CompiledSystem) -> str:
    """The functions of a plan, and the constants that describe it, for ``PySymUDE.load_model``."""
    uses = _Uses([nn.name for nn in plan.networks])
    n = len(plan.states)
    parts = [_values(plan, plan.rhs, uses, "du[{0}]", "rhs!(du, u, p, t, q, c)")]
    try:
        jacobian, gradient = plan.jacobian, plan.time_gradient
    except EmissionError:
        parts.append(_rows(plan, uses))
    else:
        f = _Function(plan, jacobian, uses)
        f.forward()
        f.lines += [
            f"J[{k // n + 1}, {k % n + 1}] = {f.name(i)}" for k, i in enumerate(jacobian.outputs)
        ]
        parts.append(_define("jac!(J, u, p, t, q, c)", f.lines))
        parts.append(_values(plan, gradient, uses, "dT[{0}]", "tgrad!(dT, u, p, t, q, c)"))
    heads = "vjp!(g, v, u, p, t, q, c)", "vjp_p!(g, v, u, p, t, q, c)"
    parts.append(_cotangents(plan, plan.rhs, uses, heads[0], states="g", theta=""))
    parts.append(_cotangents(plan, plan.rhs, uses, heads[1], states="", theta="g"))
    sizes = f"const SIZES = ({n}, {plan.layout.size}, {len(plan.parameters)})\n"
    return "\n".join([sizes + _networks(plan) + uses.declaration(), *parts])


def observation_source(plan: CompiledSystem, columns: Sequence[str]) -> str:
    """``observe!`` and ``pull!`` for measured columns."""
    uses = _Uses([nn.name for nn in plan.networks])
    tape = plan.tape([plan.column(name) for name in columns])
    observe = _values(plan, tape, uses, "y[{0}]", "observe!(y, u, p, t, q, c)")
    head = "pull!(gu, gp, v, u, p, t, q, c)"
    pull = _cotangents(plan, tape, uses, head, states="gu", theta="gp")
    return "\n".join([uses.declaration(), observe, pull])


def watch_source(plan: CompiledSystem, tape: Tape) -> str:
    """``observe!`` alone, for expressions whose zeros are wanted."""
    uses = _Uses([nn.name for nn in plan.networks])
    observe = _values(plan, tape, uses, "y[{0}]", "observe!(y, u, p, t, q, c)")
    return "\n".join([uses.declaration(), observe])

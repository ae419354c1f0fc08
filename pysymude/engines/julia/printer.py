"""Julia source from a plan: generated names, nothing the user wrote; straight lines, or loops.

A model's functions read ``u`` (states), ``p`` (theta), ``t``, ``q`` (fixed parameters) and ``c`` (one
memory for each use of a network), and write into their first argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import sympy as sp

from pysymude.engines.julia.lines import Lines, PlanInputs, Uses
from pysymude.engines.julia.literals import activation
from pysymude.engines.julia.loops import define, looped_observation, looped_system
from pysymude.errors import EmissionError
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.looped import Looped
from pysymude.plan.march_form import MarchForm
from pysymude.plan.switches import switch_form
from pysymude.plan.tape import Tape

__all__ = ["observation_source", "system_source", "watch_source"]

# below, a factorisation with exchanged rows is as fast as one written out for the zeros
_FEWEST = 5


def _lines(plan: CompiledSystem, tape: Tape, uses: Uses) -> Lines:
    return Lines(plan.networks, PlanInputs(plan), tape, uses)


def _values(plan: CompiledSystem, tape: Tape, uses: Uses, target: str, head: str) -> str:
    """A function that writes a tape's outputs to `target`, a form such as ``du[{0}]``."""
    f = _lines(plan, tape, uses)
    f.forward()
    f.lines += [f"{target.format(i + 1)} = {f.name(k)}" for i, k in enumerate(tape.outputs)]
    return define(head, f.lines)


def _cotangents(
    plan: CompiledSystem, tape: Tape, uses: Uses, head: str, *, columns: int = 0, **into: str
) -> str:
    """A function that reads the cotangents of a tape's outputs from ``v``, a matrix if it has columns."""
    f = _lines(plan, tape, uses)
    f.lines += [f"fill!({name}, 0.0)" for name in into.values() if name == "g"]
    f.forward()
    places = range(len(tape.outputs))
    at = [f"{i // columns + 1}, {i % columns + 1}" if columns else str(i + 1) for i in places]
    f.reverse([f"v[{k}]" for k in at], **into)
    return define(head, f.lines)


def _rows(plan: CompiledSystem, rhs: Tape, uses: Uses) -> str:
    """The Jacobian and the time gradient by one reverse sweep a row, where symbols do not give them."""
    n = len(plan.states)
    f = _lines(plan, rhs, uses)
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


def _entries(n: int, jacobian: Tape) -> str:
    """Where the Jacobian is not zero, column by column, if elimination gains from it."""
    zero = [op.name == "const" and op.data == 0 for op in jacobian.operations]
    places = [
        j * n + i + 1 for j in range(n) for i in range(n) if not zero[jacobian.outputs[i * n + j]]
    ]
    return _positions(n, places)


def _positions(n: int, places: list[int]) -> str:
    few = n >= _FEWEST and 2 * len(places) <= n * n
    return f"const ENTRIES = Int{places}\n" if few else ""


def _networks(plan: CompiledSystem) -> str:
    """Sizes, activation and place in theta of each network."""
    rows: list[str] = []
    offset = 0
    for nn in plan.networks:
        rows.append(f"({list(nn.widths)}, :{activation(nn.activation)}, {offset})")
        offset += nn.n_weights
    return f"const NETWORKS = [{', '.join(rows)}]\n"


def system_source(plan: CompiledSystem) -> str:
    """The functions of a plan, and the constants that describe it, for ``PySymUDE.load_model``."""
    uses = Uses([nn.name for nn in plan.networks])
    # the addresses of the tables of signals stand behind the parameters
    fixed = len(plan.parameters) + len(plan.signals)
    sizes = f"{len(plan.states)}, {plan.layout.size}, {fixed}"
    # a large system keeps its loops, whose conditions are looked at wherever they stand
    if isinstance(plan.rhs, Looped) and not plan.effects:
        body = looped_system(plan, plan.rhs, uses)
    elif (
        plan.effects
        or isinstance(plan.rhs, Looped)
        or switch_form(plan.rhs, len(plan.states)).conditions
    ):
        body = _switched(plan, plan.march_form, uses)
    else:
        body = _straight(plan, plan.rhs, uses)
    head = f"const SIZES = ({sizes})\n{_networks(plan)}{uses.declaration()}"
    return f"{head}\n{body}"


def _is_deep(*tapes: Tape) -> bool:
    """Whether second derivatives of networks stand in these."""
    return any(op.name == "nethess" for tape in tapes for op in tape.operations)


def _written_derivatives(plan: CompiledSystem) -> tuple[Tape, Tape] | None:
    """The Jacobian and the time gradient, or None where they come from the reverse mode of the system."""
    try:
        found = cast("Tape", plan.jacobian), cast("Tape", plan.time_gradient)
    except EmissionError:  # the slope of a sign is a distribution in symbols
        return None
    # of a network's second derivatives, the reverse mode of the first is all there is
    return None if _is_deep(*found) else found


def _straight(plan: CompiledSystem, rhs: Tape, uses: Uses) -> str:
    n = len(plan.states)
    parts = [_values(plan, rhs, uses, "du[{0}]", "rhs!(du, u, p, t, q, c)")]
    written = _written_derivatives(plan)
    if written is None:
        parts.append(_rows(plan, rhs, uses))
    else:
        jacobian, gradient = written
        f = _lines(plan, jacobian, uses)
        f.forward()
        f.lines += [
            f"J[{k // n + 1}, {k % n + 1}] = {f.name(i)}" for k, i in enumerate(jacobian.outputs)
        ]
        parts.append(define("jac!(J, u, p, t, q, c)", f.lines) + _entries(n, jacobian))
        parts.append(_values(plan, gradient, uses, "dT[{0}]", "tgrad!(dT, u, p, t, q, c)"))
        jac, grad = "jac_pull!(gu, gp, v, u, p, t, q, c)", "tgrad_pull!(gu, gp, v, u, p, t, q, c)"
        parts += [
            _cotangents(plan, jacobian, uses, jac, columns=n, states="gu", theta="gp"),
            _cotangents(plan, gradient, uses, grad, states="gu", theta="gp"),
        ]
    head = "rhs_pull!(gu, gp, v, u, p, t, q, c)"
    parts.append(_cotangents(plan, rhs, uses, head, states="gu", theta="gp"))
    heads = "vjp!(g, v, u, p, t, q, c)", "vjp_p!(g, v, u, p, t, q, c)"
    parts.append(_cotangents(plan, rhs, uses, heads[0], states="g", theta=""))
    parts.append(_cotangents(plan, rhs, uses, heads[1], states="", theta="g"))
    return "\n".join(parts)


def _switched(plan: CompiledSystem, form: MarchForm, uses: Uses) -> str:
    """A right-hand side with conditions, whose signs its functions read, and the conditions."""
    n, rhs = len(plan.states), _detached(form.rhs)
    parts = [_values(plan, rhs, uses, "du[{0}]", "rhs!(du, u, p, t, q, c)")]
    if _is_deep(form.derivatives):
        parts.append(_rows(plan, rhs, uses))
    else:
        parts += _derivatives(plan, form, uses)
    head = "rhs_pull!(gu, gp, v, u, p, t, q, c)"
    parts.append(_cotangents(plan, rhs, uses, head, states="gu", theta="gp"))
    heads = "vjp!(g, v, u, p, t, q, c)", "vjp_p!(g, v, u, p, t, q, c)"
    parts.append(_cotangents(plan, rhs, uses, heads[0], states="g", theta=""))
    parts.append(_cotangents(plan, rhs, uses, heads[1], states="", theta="g"))
    head = "conditions!(g, u, p, t, q, c)"
    parts.append(_values(plan, form.conditions, uses, "g[{0}]", head))
    head = "conditions_pull!(gu, gp, v, u, p, t, q, c)"
    time = f"gu[{n + 1}]"
    parts.append(_cotangents(plan, form.conditions, uses, head, states="gu", theta="gp", time=time))
    for i, effect in enumerate(form.effects, start=1):
        head = f"effect_{i}!(y, u, p, t, q, c)"
        parts.append(_values(plan, effect.values, uses, "y[{0}]", head))
        head = f"effect_{i}_pull!(gu, gp, v, u, p, t, q, c)"
        back = _cotangents(plan, effect.values, uses, head, states="gu", theta="gp", time=time)
        parts.append(back)
    known = ", ".join(_bool(only) for only in form.time_only)
    constants = f"const TIME_ONLY = Bool[{known}]\n{_uses(plan, form)}{_events(form)}"
    return constants + "\n".join(parts)


def _events(form: MarchForm) -> str:
    """The direction of each event, and which states it sets."""
    if not form.effects:
        return ""
    rows = [f"({e.direction}, [{', '.join(str(x + 1) for x in e.states)}])" for e in form.effects]
    return f"const EVENTS = [{', '.join(rows)}]\n"


def _uses(plan: CompiledSystem, form: MarchForm) -> str:
    """Which conditions are arguments of signals, and where their tables are named."""
    if not any(form.uses):
        return ""
    names = [signal.name for signal in plan.signals]
    rows = [
        "(0, false, false, false)"
        if use is None
        else f"({len(plan.parameters) + names.index(use.name) + 1}, {_bool(use.affine)}, "
        f"{_bool(use.jumps)}, {_bool(use.jumps or use.learned)})"
        for use in form.uses
    ]
    return f"const SIGNALS = [{', '.join(rows)}]\n"


def _bool(value: bool) -> str:
    return str(bool(value)).lower()


def _detached(tape: Tape) -> Tape:
    """A tape whose switches are read, so that nothing computes their operands for them."""
    operations = tuple(
        op._replace(args=()) if op.name == "switch" else op for op in tape.operations
    )
    return Tape(tape.inputs, operations, tape.outputs)


def _derivatives(plan: CompiledSystem, form: MarchForm, uses: Uses) -> list[str]:
    """The Jacobian and the time gradient of a right-hand side with conditions, and what pulls through them."""
    n, entries, tape = len(plan.states), len(form.rows), _detached(form.derivatives)
    places = [f"{i + 1}, {j + 1}" for i, j in zip(form.rows, form.columns, strict=True)]
    jacobian = Tape(tape.inputs, tape.operations, tape.outputs[n : n + entries])
    gradient = Tape(tape.inputs, tape.operations, tape.outputs[n + entries :])
    parts: list[str] = []
    for name, out, part, at in (
        ("jac", "J", jacobian, places),
        ("tgrad", "dT", gradient, [str(i + 1) for i in form.time_rows]),
    ):
        f = _lines(plan, part, uses)
        f.lines.append(f"fill!({out}, 0.0)")
        f.forward()
        f.lines += [
            f"{out}[{place}] = {f.name(k)}" for place, k in zip(at, part.outputs, strict=True)
        ]
        parts.append(define(f"{name}!({out}, u, p, t, q, c)", f.lines))
        f = _lines(plan, part, uses)
        f.forward()
        f.reverse([f"v[{place}]" for place in at], states="gu", theta="gp")
        parts.append(define(f"{name}_pull!(gu, gp, v, u, p, t, q, c)", f.lines))
    inside = set(places)
    zero = [f"{i + 1}, {j + 1}" not in inside for j in range(n) for i in range(n)]
    return [*parts, _positions(n, [k + 1 for k, empty in enumerate(zero) if not empty])]


def observation_source(plan: CompiledSystem, expressions: Sequence[sp.Expr]) -> str:
    """``observe!`` and ``pull!`` for what is measured."""
    uses = Uses([nn.name for nn in plan.networks])
    tape = plan.tape(expressions)
    if isinstance(tape, Looped):
        body = looped_observation(plan, tape, uses)
    else:
        head = "pull!(gu, gp, v, u, p, t, q, c)"
        pull = _cotangents(plan, tape, uses, head, states="gu", theta="gp")
        body = f"{_observe(plan, tape, uses)}\n{pull}"
    return f"{uses.declaration()}\n{body}"


def watch_source(plan: CompiledSystem, tape: Tape | Looped) -> str:
    """``observe!`` alone, for expressions whose zeros are wanted."""
    uses = Uses([nn.name for nn in plan.networks])
    looped = isinstance(tape, Looped)
    body = looped_observation(plan, tape, uses) if looped else _observe(plan, tape, uses)
    return f"{uses.declaration()}\n{body}"


def _observe(plan: CompiledSystem, tape: Tape, uses: Uses) -> str:
    return _values(plan, tape, uses, "y[{0}]", "observe!(y, u, p, t, q, c)")

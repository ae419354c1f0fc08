"""From a plan to the arrays of a kernel: models, tableaus, problems, memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native import structures as st
from pysymude.engines.native.lu_layouts import choose_layout
from pysymude.engines.native.network_calls import pack_scaling
from pysymude.engines.native.tableaus import ExplicitTableau, RosenbrockTableau
from pysymude.engines.native.tape_lowering import Lowering
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.march_form import MarchForm
from pysymude.plan.problem import Batch, LossData
from pysymude.plan.signals import addressed
from pysymude.plan.switches import SignalUse, switch_form
from pysymude.plan.tape import Tape

__all__ = [
    "bind_model",
    "explicit_tableau",
    "implicit_tableau",
    "make_memory",
    "problem_of",
    "refill",
]

Float = NDArray[np.float64]
_NO_INTS = np.zeros(0, dtype=np.int64)


def bind_model(plan: CompiledSystem, observed: Sequence[Any], *, implicit: bool) -> st.Model:
    """The programs of a plan and of what is observed; derivatives only where steps are implicit."""
    form = plan.march_form
    n, K = len(plan.states), len(form.time_only)
    effects = form.effects
    parameters = plan.layout.of_kind("parameter")
    offsets = dict(zip((nn.name for nn in plan.networks), _weights(plan), strict=True))
    signals = [signal.name for signal in plan.signals]
    lowering = Lowering(
        n, len(plan.parameters), len(parameters), plan.networks, offsets, K, signals
    )
    nothing = Tape(form.rhs.inputs, form.rhs.operations, ())
    lowering.program(form.rhs, frozen=True)
    lowering.program(form.derivatives if implicit else nothing, frozen=True)
    lowering.program(form.conditions, frozen=False)
    seen = plan.straight(observed)
    lowering.program(switch_form(seen, n).tape, frozen=False)
    for effect in effects:
        lowering.program(switch_form(effect.values, n).tape, frozen=False)
    made = lowering.finish()
    f, d, g, y, *given = made.outputs
    bounds = [(s.low, s.high, s.log) for s in parameters]
    return st.Model(
        code=made.code, consts=made.consts, net=made.net, scaling=_scalings(plan),
        ranges=made.ranges, held=made.held,
        theta_at=np.array([s.offset for s in parameters], dtype=np.int64),
        kind=np.array([_kind(*b) for b in bounds], dtype=np.int64),
        low=np.array([math.log(b[0]) if b[2] else b[0] for b in bounds], dtype=np.float64),
        high=np.array([math.log(b[1]) if b[2] else b[1] for b in bounds], dtype=np.float64),
        f_slots=f.slots, f_factors=f.factors, d_slots=d.slots, d_factors=d.factors,
        rows=form.rows if implicit else _NO_INTS,
        columns=form.columns if implicit else _NO_INTS,
        time_rows=form.time_rows if implicit else _NO_INTS,
        g_slots=g.slots, g_factors=g.factors, time_only=form.time_only.astype(np.int64),
        signal_of=_each(form, lambda use: lowering.address(use.name), -1),
        affine=_each(form, lambda use: use.affine, 0),
        jumps=_each(form, lambda use: use.jumps, 0),
        each=_each(form, lambda use: use.jumps or use.learned, 0),
        switches=form.switches,
        directions=np.array([effect.direction for effect in effects], dtype=np.int64),
        set_from=np.cumsum([0, *(len(effect.states) for effect in effects)], dtype=np.int64),
        set_states=np.array([x for effect in effects for x in effect.states], dtype=np.int64),
        e_slots=np.concatenate([_NO_INTS, *(values.slots for values in given)]),
        e_factors=np.concatenate([np.zeros(0), *(values.factors for values in given)]),
        y_slots=y.slots, y_factors=y.factors,
        size=made.size, n=n, **(_linear(form, n) if implicit else _NO_SYSTEMS),
    )  # fmt: skip


def _each(form: MarchForm, what: Callable[[SignalUse], int], otherwise: int) -> Any:
    """A number for each condition: of its signal, or `otherwise` where it has none."""
    found = [otherwise if use is None else int(what(use)) for use in form.uses]
    return np.array(found, dtype=np.int64)


_NO_SYSTEMS: dict[str, Any] = {"elimination": _NO_INTS, "lu_layout": st.DENSE, "lu_size": 0}


def _linear(form: MarchForm, n: int) -> dict[str, Any]:
    """How linear systems are solved: by elimination with the zeros known where that is quicker."""
    layout, found = choose_layout(n, form.rows, form.columns)
    if found is None:
        return _NO_SYSTEMS | {"lu_size": n * n}
    return {"elimination": found.plan, "lu_layout": layout, "lu_size": found.size}


def _kind(low: float, high: float, log: bool) -> int:
    if log:
        return st.DECADES
    if low > -np.inf:
        return st.BETWEEN if high < np.inf else st.ABOVE
    return st.BELOW if high < np.inf else st.FREE


def _weights(plan: CompiledSystem) -> list[int]:
    sizes = [nn.n_weights for nn in plan.networks]
    return [int(k) for k in np.cumsum([0, *sizes])[:-1]]


def _scalings(plan: CompiledSystem) -> Float:
    parts = [pack_scaling(nn.fixed_scaling()) for nn in plan.networks]
    return np.concatenate(parts) if parts else np.zeros(1)


@lru_cache
def explicit_tableau(x: ExplicitTableau) -> st.Explicit:
    """A tableau as kernels read it, with the control of Söderlind's PI kind that OrdinaryDiffEq has."""
    return st.Explicit(
        A=x.A, c=x.c, b=x.b, error=x.error, dense=x.dense, stages=x.stages, total=x.total,
        last=x.last, fsal=int(x.fsal), twin=x.twins[0], other=x.twins[1], stability=x.stability,
        beta=7.0 / (10.0 * x.order), beta_before=2.0 / (5.0 * x.order),
    )  # fmt: skip


@lru_cache
def implicit_tableau(x: RosenbrockTableau) -> st.Implicit:
    """A tableau as kernels read it."""
    # a step for u' = g(t): its stages are gamma (g + h d g' + C stages)
    weights = x.gamma * np.linalg.solve(np.eye(x.stages) - x.gamma * x.C.T, x.b)
    return st.Implicit(
        A=x.A, C=x.C, c=x.c, d=x.d, b=x.b, error=x.error, H=x.H, stages=x.stages, gamma=x.gamma,
        weights=np.append(weights, weights @ x.d),
        exponent=1.0 / (x.estimate_order + 1),
    )  # fmt: skip


def problem_of(
    plan: CompiledSystem,
    batch: Batch,
    data: LossData | None,
    laws: int,
    *,
    linked: bool = False,
    tstops: Sequence[float] = (),
) -> st.Problem:
    """The arrays of a batch, and of a loss over it where there is one."""
    E, T = batch.ts.shape
    p, tables = addressed(plan, batch.p)
    n = batch.u0.shape[1]
    alone = np.full(E, -1, dtype=np.int64)
    common: dict[str, Any] = {
        "t0": _floats(batch.t0), "u0": _floats(batch.u0), "p": _floats(p),
        "ts": _floats(batch.ts), "stops": np.array(tstops, dtype=np.float64), **_doses(batch),
    }  # fmt: skip
    if data is None:
        measured: dict[str, Any] = {
            "y": np.zeros((E, T, 0)), "weight": np.zeros((E, T, 0)),
            "u0_index": np.full((E, n), -1, dtype=np.int64), "positive": np.zeros(n, dtype=np.int64),
            "mix": np.eye(n), "link": alone, "link_weight": np.ones(n),
            "law_weight": np.zeros((E, T, 0)), "anchor": np.zeros((E, T)),
        }  # fmt: skip
    else:
        measured = {
            "y": _floats(data.y), "weight": _floats(data.weight), "u0_index": _ints(data.u0_index),
            "positive": _ints(data.positive), "mix": _floats(data.mix),
            "link": _ints(data.link) if linked else alone, "link_weight": _floats(data.link_weight),
            "law_weight": _floats(data.law_weight), "anchor": _floats(data.anchor),
        }  # fmt: skip
    # the solved system may have fewer states than initial values are given for
    states = measured["mix"].shape[0]
    made = st.Problem(
        **common, **measured, **st.results(E, T, states, measured["y"].shape[2], laws)
    )
    made.kept = tables
    return made


def refill(problem: st.Problem, plan: CompiledSystem, batch: Batch) -> None:
    """Another batch of the same shapes, without doses and without a loss, in the arrays of one."""
    p, problem.kept = addressed(plan, batch.p)
    problem.t0[:], problem.u0[:], problem.p[:], problem.ts[:] = batch.t0, batch.u0, p, batch.ts
    problem.out.fill(np.nan)


def _doses(batch: Batch) -> dict[str, Any]:
    E, doses = len(batch.t0), batch.doses
    if doses is None:
        none, nowhere = np.zeros((E, 0)), np.zeros((E, 0), dtype=np.int64)
        return {"dose_t": none, "dose_state": nowhere, "dose_amount": none, "dose_index": nowhere}
    return {
        "dose_t": _floats(doses.t), "dose_state": _ints(doses.state),
        "dose_amount": _floats(doses.amount), "dose_index": _ints(doses.index),
    }  # fmt: skip


def _floats(a: Any) -> Float:
    return np.ascontiguousarray(a, dtype=np.float64)


def _ints(a: Any) -> NDArray[np.int64]:
    return np.ascontiguousarray(a, dtype=np.int64)


def make_memory(
    m: st.Model, stages: int, theta: int, times: int, columns: int, *, keep: int, room: int
) -> st.Memory:
    """Memory for so many steps of up to `stages` stages each."""
    n, S, K = m.n, m.size, len(m.time_only)
    blocks = 2 * stages + (0 if keep == st.NOTHING else room * stages)
    kept = room if keep == st.ALL else 1
    steps = 0 if keep == st.NOTHING else room + 2
    return st.Memory(
        v=np.zeros(((blocks if keep == st.ALL else 1) + 1) * S),
        k=np.zeros((blocks + stages) * n),
        lu=np.zeros(kept * m.lu_size),
        pivots=np.zeros(kept * n, dtype=np.int64),
        steps=np.zeros((steps, 4), dtype=np.int64),
        times=np.zeros((steps, 3)),
        u=np.zeros((steps, n)),
        held=np.zeros(len(m.held)),
        g=np.zeros(S),
        other=np.zeros(max(S, n)),
        entries=np.zeros(max(len(m.d_slots) - n, 0)),
        first=np.zeros(n),
        work=np.zeros((10, n)),
        walk=np.zeros(11),
        marks=np.zeros(22, dtype=np.int64),
        linear=np.zeros(2 * n),
        stage=np.zeros(stages * n),
        cotangents=np.zeros((times, n)),
        values=np.zeros((times, columns)),
        matrix=np.zeros(len(m.d_slots)),
        gtheta=np.zeros(theta),
        dtheta=np.zeros(theta),
        signs=np.zeros(K),
        rates=np.zeros(K),
        now=np.zeros(K),
        past=np.zeros((K, 2)),
        near=np.zeros(K),
        armed=np.zeros(K, dtype=np.int64),
        through=np.zeros((K, 4), dtype=np.int64),
        line=np.zeros((K, 2)),
        pending=np.zeros(K, dtype=np.int64),
        events=np.zeros((16 + 2 * room if K else 0, 5), dtype=np.int64),
        counts=np.zeros(2, dtype=np.int64),
        zeros_of_theta=np.zeros(theta),
        stops=np.zeros(64 + 8 * room),
        stop_of=np.zeros(64 + 8 * room, dtype=np.int64),
    )

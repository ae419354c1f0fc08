"""`EmbeddedEngine`: compiled programs for a plan, their arguments, their results."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.engines.base import (
    AbstractEngine,
    BatchSolution,
    BoundLoss,
    Capability,
    Crossings,
    Evaluation,
    Method,
    Watch,
)
from pysymude.engines.diffrax.events import locate
from pysymude.engines.diffrax.loading import load_jax
from pysymude.engines.diffrax.solvers import SOLVERS
from pysymude.engines.loss_layout import LossLayout
from pysymude.engines.outcomes import CODES, ReturnCode
from pysymude.errors import InvalidInputError
from pysymude.plan.compiled import CompiledSystem
from pysymude.plan.numeric import NumericModel
from pysymude.plan.problem import Batch, LossData, LossSpec, Samples

__all__ = ["EmbeddedEngine"]

Float = NDArray[np.float64]

# step limits of a solve: the second is tried when the first is reached, so that the ordinary case stays
# small and nobody has to guess
_SOLVE_LIMITS = (4096, 262_144)
# of a loss, with checkpoints of the adjoint. The second is lower here: a wild trial point of an optimiser
# should fail within seconds
_LOSS_LIMITS = ((4096, 128), (16_384, 256))


# all programs of this process: two systems that differ only in values share theirs
_PROGRAMS: dict[str, Any] = {}


@dataclass(frozen=True, eq=False)
class _Compiled:
    """A plan whose programs are made when first asked for."""

    plan: CompiledSystem

    def program(self, key: str, build: Callable[[], Any], arrays: tuple[Any, ...]) -> Any:
        shapes = tuple((a.shape, str(a.dtype)) for a in arrays)
        full = f"{self.plan.fingerprint}|{key}|{shapes}"
        if full not in _PROGRAMS:
            jax = load_jax()
            from pysymude.engines.diffrax.cache import obtain

            structs = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arrays]
            _PROGRAMS[full] = obtain(full, build, structs)
        return _PROGRAMS[full]


@dataclass(frozen=True, eq=False)
class _Loss(BoundLoss):
    """A program's arguments, ready on the device, for any number of evaluations."""

    compiled: _Compiled
    arrays: tuple[Any, ...]
    layout: LossLayout
    key: Callable[[bool, int], str]
    build: Callable[[bool, int], Any]
    programs: dict[tuple[bool, int], Any] = field(default_factory=dict[tuple[bool, int], Any])

    def evaluate(self, theta: Float, *, gradient: bool) -> Evaluation:
        """One compiled call; a second one with a higher step limit where the first did not reach."""
        arrays = (theta, *self.arrays)

        def attempt(level: int) -> tuple[Any, tuple[ReturnCode, ...]]:
            # looked up here first: building the full key costs as much as a small gradient
            program = self.programs.get((gradient, level))
            if program is None:
                program = self.programs[gradient, level] = self.compiled.program(
                    self.key(gradient, level), lambda: self.build(gradient, level), arrays
                )
            packed = np.asarray(_call(program, arrays))
            return packed, self.layout.retcodes(packed)

        packed, _ = _within_limits(attempt)
        return self.layout.read(packed, theta, gradient=gradient)


@final
class EmbeddedEngine(AbstractEngine):
    """JAX and diffrax on the CPU, in float64, without touching the global JAX configuration."""

    name = "diffrax"
    capabilities = frozenset(Capability) - {Capability.THREADS}
    solvers = SOLVERS
    stiff_solver = "Kvaerno5"
    # beyond these, going back through the steps costs less (benchmarks/gradients.py)
    forward_limits = (12, 100)

    def availability(self) -> str:
        """An empty string: the embedded engine comes with pysymude."""
        from importlib.util import find_spec

        missing = [m for m in ("jax", "diffrax") if find_spec(m) is None]
        return f"not installed: {', '.join(missing)}; run: pip install pysymude" if missing else ""

    def adopt(self, solver: Any) -> str:
        """Always an error: solvers are taken by name."""
        raise InvalidInputError(
            f"engine 'diffrax' takes a solver by name: 'auto', {', '.join(map(repr, SOLVERS))}; found "
            f"{type(solver).__name__}. An algorithm made in Julia needs engine='julia'"
        )

    def compile(self, plan: CompiledSystem) -> _Compiled:
        """Nothing yet: programs are made when first asked for."""
        return _Compiled(plan)

    def solve(
        self, compiled: _Compiled, batch: Batch, theta: Float, method: Method, *, threads: int = 1
    ) -> BatchSolution:
        """All experiments of a batch in one compiled call, in step with each other."""
        count, times = batch.u0.shape[0], batch.ts.shape[1]
        u, counts, retcodes = self._run(compiled, _fill_up(batch), theta, method, "solve")
        return _batch_solution(u[:count, :times], counts[:count], retcodes[:count])

    def solve_events(
        self, compiled: _Compiled, batch: Batch, theta: Float, method: Method, watch: Watch
    ) -> tuple[BatchSolution, Crossings]:
        """One solve that keeps all of its steps; the zeros are located afterwards."""
        u, counts, retcodes, t, path = self._run(compiled, batch, theta, method, "steps")
        done = np.isfinite(t[0]) & np.isfinite(path[0]).all(axis=-1)

        def again(t0: float, u0: Float, ts: Float) -> Float:
            part = Batch(np.array([t0]), u0[None], batch.p, ts[None])
            return self._run(compiled, part, theta, method, "solve")[0][0, : len(ts)]

        model = NumericModel(compiled.plan, batch.p[0], theta)
        zeros = locate(model, watch, t[0][done], path[0][done], again)
        if any(watch.terminates[i] for i in zeros.which):
            # whatever came after it, a failure included, was not asked for
            retcodes = (ReturnCode.Terminated,)
        return _batch_solution(u[:, : batch.ts.shape[1]], counts, retcodes), zeros

    def _run(
        self, compiled: _Compiled, batch: Batch, theta: Float, method: Method, what: str
    ) -> tuple[Any, ...]:
        """States, counts, return codes, and what else the program called `what` gives."""
        plan, count = compiled.plan, len(batch.t0)
        padded = replace(batch, ts=_pad(batch.ts))
        arrays = (theta, *_batch_arrays(plan, padded, method))

        limits = _SOLVE_LIMITS if method.max_steps is None else (method.max_steps,) * 2

        def attempt(level: int) -> tuple[tuple[Any, ...], tuple[ReturnCode, ...]]:
            max_steps = limits[level]

            def build() -> Any:
                from pysymude.engines.diffrax.programs import solve_program, steps_program

                if what == "steps":
                    return steps_program(plan, method.solver, max_steps)
                return solve_program(plan, method.solver, max_steps, count)

            program = compiled.program(f"{what}|{method.solver}|{max_steps}", build, arrays)
            u, codes, counts, *rest = (np.array(a) for a in _call(program, arrays))
            return (u, counts, *rest), tuple(CODES[c] for c in codes.tolist())

        (u, counts, *rest), retcodes = _within_limits(attempt, again=limits[0] < limits[1])
        return u, counts, retcodes, *rest

    def loss(self, compiled: _Compiled, spec: LossSpec, data: LossData, method: Method) -> _Loss:
        """The loss with its arrays on the device."""
        plan, count = compiled.plan, len(data.batch.t0)
        arrays = (
            *_batch_arrays(plan, data.batch, method),
            data.y,
            data.weight,
            data.u0_index,
            data.link,
            data.link_weight,
            data.positive,
            data.mix,
            data.law_weight,
            data.anchor,
        )

        def key(gradient: bool, level: int) -> str:
            return f"loss|{spec}|{method.solver}|{method.sensealg}|{gradient}|{_LOSS_LIMITS[level]}"

        def build(gradient: bool, level: int) -> Any:
            from pysymude.engines.diffrax.programs import loss_program

            max_steps, checkpoints = _LOSS_LIMITS[level]
            return loss_program(
                plan, spec, method.solver, method.sensealg, count,
                gradient=gradient, max_steps=max_steps, checkpoints=checkpoints,
            )  # fmt: skip

        layout = LossLayout.of(plan, spec, data)
        return _Loss(compiled, _to_device(arrays), layout, key, build)

    def samples(self, compiled: _Compiled, expressions: Sequence[sp.Expr], data: Samples) -> _Loss:
        """The sum of squares with its arrays on the device."""
        plan = compiled.plan
        arrays = _to_device(
            (
                data.t, data.u, data.p, plan.scalings, data.residual, data.point, data.expression,
                data.factor, data.target,
            )
        )  # fmt: skip

        def build(gradient: bool, level: int) -> Any:
            from pysymude.engines.diffrax.programs import samples_program

            return samples_program(plan, expressions)

        tape = plan.tape(expressions)
        key = f"samples|{hashlib.sha256(repr(tape).encode()).hexdigest()}"
        layout = LossLayout((), 1, plan.layout.size)
        return _Loss(compiled, arrays, layout, lambda g, n: key, build)


def _within_limits(
    attempt: Callable[[int], tuple[Any, tuple[ReturnCode, ...]]],
    *,
    again: bool = True,
) -> tuple[Any, tuple[ReturnCode, ...]]:
    """The first attempt, with rising step limits, that no experiment ended for want of steps."""
    found, retcodes = attempt(0)
    return attempt(1) if again and ReturnCode.MaxIters in retcodes else (found, retcodes)


def _batch_arrays(plan: CompiledSystem, batch: Batch, method: Method) -> tuple[Any, ...]:
    tolerances = (np.float64(method.reltol), np.float64(method.abstol))
    return (batch.t0, batch.u0, batch.p, batch.ts, plan.scalings, *tolerances)


def _batch_solution(
    u: Float, counts: NDArray[np.int64], retcodes: tuple[ReturnCode, ...]
) -> BatchSolution:
    u[~np.isfinite(u)] = np.nan
    return BatchSolution(u, retcodes, counts)


def _fill_up(batch: Batch) -> Batch:
    """The last experiment repeated up to a round number, so that other numbers reuse the program."""
    count = len(batch.t0)
    unit = 1 << max(count.bit_length() - 4, 0)
    take = np.minimum(np.arange(-(-count // unit) * unit), count - 1)
    return Batch(batch.t0[take], batch.u0[take], batch.p[take], batch.ts[take])


def _pad(ts: Float) -> Float:
    """Output times filled up to a round number, so that other lengths reuse the program."""
    times = ts.shape[1]
    wanted = 32
    while wanted < times:
        wanted *= 2
    return np.concatenate([ts, np.repeat(ts[:, -1:], wanted - times, axis=1)], axis=1)


def _to_device(arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    jax = load_jax()
    from pysymude.engines.diffrax.cache import x64

    with x64():
        return tuple(jax.device_put(a) for a in arrays)


def _call(program: Any, arrays: tuple[Any, ...]) -> Any:
    from pysymude.engines.diffrax.cache import x64

    with x64():
        return program(*arrays)

# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportAssignmentType=false, reportCallIssue=false, reportUnnecessaryCast=false
"""Terms of a loss that need no solve: laws on the data alone, balances, and equivariance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError
from pysymude.fit.terms.law_values import law_values
from pysymude.fit.treatment.smoothing import Smoothed, smooth
from pysymude.model.dataset import Dataset
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem
from pysymude.plan.compiled import compile_system
from pysymude.plan.enforcement import Enforced
from pysymude.plan.fixed_values import typical_values
from pysymude.plan.guards import half_line_arguments
from pysymude.plan.law import Law
from pysymude.plan.problem import Samples
from pysymude.symbolic.exact.canonical import is_zero
from pysymude.symbolic.exact.normal_form import exact
from pysymude.symbolic.symmetries.generator import Generator

__all__ = [
    "Part",
    "balance_parts",
    "equivariance_parts",
    "floors",
    "free_scale",
    "generators",
    "law_parts",
    "spreads",
    "unknown_coefficients",
]

Float = NDArray[np.float64]

_MOST = 300


@dataclass(frozen=True, eq=False)
class Part:
    """A named sum of squares of `expressions` at points, in the solved system's coordinates."""

    name: str
    expressions: tuple[sp.Expr, ...]
    samples: Samples


def spreads(enforced: Enforced, laws: Sequence[Law], data: Dataset) -> Float:
    """How much each law would vary if the states that were measured varied independently.

    The standard deviation of the law over the smoothed states with each column shuffled by itself: the
    scale on which a drift is large or small, whatever factor stands before the law.
    """
    if not laws:
        return np.zeros(0)
    plan, smoothed = _original(enforced, data)
    if smoothed is None:
        found = np.abs(_values(enforced, laws, *_points(enforced, data))).max(axis=0)
    else:
        rng = np.random.default_rng(0)
        picks = [rng.integers(len(smoothed.t), size=2000) for _ in plan.states]
        u = np.stack([smoothed.u[pick, k] for k, pick in enumerate(picks)], axis=1)
        at = picks[0]
        found = np.nanstd(_values(enforced, laws, smoothed.t[at], u, smoothed.p[at]), axis=0)
    return np.where(np.isfinite(found) & (found > 0), found, 1.0)


def floors(enforced: Enforced, data: Dataset) -> dict[sp.Expr, float]:
    """How small what stands under a penalised law's logarithm may become before the law is continued.

    A tenth of what the data reach in all but one of twenty points, rounded down to a power of ten, so
    that programs serve similar data too.
    """
    laws = enforced.penalised
    arguments = {a for law in laws for a in half_line_arguments(law.expr, enforced.system.states)}
    found: dict[sp.Expr, float] = {}
    for argument in sorted(arguments, key=sp.default_sort_key):
        at, u, p = _points(enforced, data)
        values = _values(enforced, [Law("argument", argument)], at, u, p)[:, 0]
        values = values[values > 0]
        smallest = float(np.quantile(values, 0.05)) if values.size else 1.0
        found[argument] = 10.0 ** np.floor(np.log10(0.1 * smallest))
    return found


def law_parts(enforced: Enforced, data: Dataset) -> list[Part]:
    """The distance of each law from its mean along each experiment's smoothed data; rates of balances.

    A point counts by how well the law is known there, that is inversely to |grad I . noise| with the
    coefficients where they start. Otherwise a logarithm of small, noisy values outweighs the rest, and
    coefficients that matter elsewhere get lost.
    """
    _, smoothed = _original(enforced, data, points=1)
    if smoothed is None:
        return []
    constant = [law for law in enforced.laws if not law.is_balance]
    parts: list[Part] = []
    for law, scale in zip(constant, spreads(enforced, constant, data), strict=True):
        rows: list[tuple[NDArray[np.int32], ...]] = []
        factors: list[Float] = []
        known = 1 / _uncertainty(enforced, law, smoothed)
        for first, size in smoothed.experiments:
            # the distances from a mean read all points each: a few hundred are enough
            own = np.arange(first, first + size, -(-size // _MOST), dtype=np.int32)
            size = own.size
            weight = known[own] / np.linalg.norm(known[own])
            centre = weight[:, None] * (np.eye(size) - weight**2)
            i, k = np.divmod(np.arange(size * size), size)
            rows.append((own[i], own[k], np.zeros(size * size, dtype=np.int32)))
            factors.append((centre / scale / np.sqrt(len(smoothed.experiments))).ravel())
        residual, point, expression = (np.concatenate(c) for c in zip(*rows, strict=True))
        samples = Samples(
            smoothed.t, smoothed.u @ enforced.mix.T, smoothed.p,
            residual, point, expression, np.concatenate(factors), np.zeros(len(smoothed.t)),
        )  # fmt: skip
        parts.append(Part(law.name, (_solved(enforced, law.expr),), samples))
    return [*parts, *balance_parts(enforced, data, 1.0)]


def _uncertainty(enforced: Enforced, law: Law, smoothed: Smoothed) -> Float:
    """|grad I . noise| at each point; not much less than usual where the gradient vanishes."""
    slopes = [Law(f"slope_{x.name}", law.expr.diff(x)) for x in enforced.system.states]
    values = _values(enforced, slopes, smoothed.t, smoothed.u, smoothed.p)
    found = np.linalg.norm(values * smoothed.noise, axis=1)
    least = 0.3 * float(np.median(found))
    return np.maximum(found, least if least > 0 else 1.0)


def balance_parts(enforced: Enforced, data: Dataset, weight: float) -> list[Part]:
    """For each balance law, its change between measurements less the integral of its rate.

    This is the weak form of the law: no derivative of the data is taken. Integrals are Simpson's on the
    smoothed data.
    """
    balances = [law for law in enforced.laws if law.is_balance]
    if not balances:
        return []
    _, smoothed = _original(enforced, data)
    if smoothed is None:
        raise InvalidInputError(
            "a balance law is compared with smoothed data, which needs six measurements of every state; "
            "leave that law out"
        )
    parts: list[Part] = []
    for law, scale in zip(balances, spreads(enforced, balances, data), strict=True):
        entries: list[tuple[int, int, int, float]] = []
        for first, size in smoothed.experiments:
            for start in range(first, first + size - 4, 4):
                h = smoothed.t[start + 1] - smoothed.t[start]
                row = len({e[0] for e in entries})
                entries += [(row, start + 4, 0, 1.0), (row, start, 0, -1.0)]
                simpson = (1, 4, 2, 4, 1)
                entries += [(row, start + k, 1, -h / 3 * c) for k, c in enumerate(simpson)]
        residual, point, expression, factor = (np.array(c) for c in zip(*entries, strict=True))
        count = int(residual.max()) + 1
        samples = Samples(
            smoothed.t, smoothed.u @ enforced.mix.T, smoothed.p,
            residual.astype(np.int32), point.astype(np.int32), expression.astype(np.int32),
            factor * np.sqrt(weight / count) / scale, np.zeros(count),
        )  # fmt: skip
        both = (_solved(enforced, law.expr), _solved(enforced, law.rate))
        parts.append(Part(law.name, both, samples))
    return parts


def equivariance_parts(
    enforced: Enforced, symmetries: Sequence[Generator], data: Dataset, weight: float
) -> list[Part]:
    """How far the field is from having each symmetry, at the smoothed data.

    The defect of a generator xi d/dt + eta . d/du is what `is_symmetry` asks to vanish,
    D eta - f D xi - X(f), which is the bracket [f, W] for xi = 0. Each component is divided by the root
    mean square of that state's slope.
    """
    if not symmetries:
        return []
    _, smoothed = _original(enforced, data)
    if smoothed is None:
        raise InvalidInputError(
            "equivariance= is measured at smoothed data, which needs six measurements of every state"
        )
    scale = np.sqrt(np.mean(smoothed.du**2, axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    parts: list[Part] = []
    for k, generator in enumerate(symmetries, start=1):
        defect = [_solved(enforced, d) for d in _defect(enforced, generator)]
        weights = np.tile(np.sqrt(weight / len(smoothed.t)) / scale, (len(smoothed.t), 1))
        samples = Samples.each(
            smoothed.t, smoothed.u @ enforced.mix.T, smoothed.p, weights, np.zeros_like(weights)
        )
        parts.append(Part(f"symmetry_{k}", tuple(defect), samples))
    return parts


def generators(given: Any) -> tuple[Generator, ...]:
    """What ``equivariance=`` names, as a tuple."""
    found = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    for one in found:
        if not isinstance(one, Generator):
            raise InvalidInputError(
                f"equivariance= takes a Generator or a list of them; found {type(one).__name__} {one!r}"
            )
    return found


def unknown_coefficients(system: ODESystem, laws: Iterable[Law]) -> set[sp.Symbol]:
    """The trainable parameters that stand in laws."""
    return {s for law in laws for s in (law.expr + law.rate).free_symbols if s in system.trainable}


def free_scale(system: ODESystem, law: Law) -> bool:
    """Whether multiplying all unknown coefficients by a number multiplies the law by it."""
    factor = sp.Dummy("factor", positive=True)
    coefficients = unknown_coefficients(system, [law])
    scaled = law.expr.subs({c: factor * c for c in coefficients}, simultaneous=True)
    return bool(coefficients) and is_zero(cast("sp.Expr", scaled - factor * law.expr))


def _defect(enforced: Enforced, generator: Generator) -> list[sp.Expr]:
    system = enforced.system
    strangers = [x for x in generator.eta if x not in system.rhs]
    if strangers:
        raise InvalidInputError(
            f"equivariance= moves {strangers[0]}, which is no state of the system; its states are "
            f"{', '.join(map(str, system.states))}"
        )
    # the field that is learned: with its laws, in the user's coordinates
    field = enforced.model.rhs

    def along(expr: sp.Expr) -> sp.Expr:
        return expr.diff(t) + sp.Add(*(expr.diff(x) * f for x, f in field.items()))

    slowed = along(generator.xi)
    return [
        cast("sp.Expr", along(exact(generator.moves(x))) - f * slowed - generator(f))
        for x, f in field.items()
    ]


def _solved(enforced: Enforced, expr: sp.Expr) -> sp.Expr:
    """An expression of the user's states in those of the solved system."""
    if not enforced.mixes:
        return expr
    back = {
        x: enforced.solved.observables[x.name]
        for x in enforced.system.states
        if x not in enforced.solved.rhs
    }
    return cast("sp.Expr", expr.subs(back))


def _original(enforced: Enforced, data: Dataset, points: int = 4) -> tuple[Any, Smoothed | None]:
    plan = compile_system(enforced.system)
    return plan, smooth(plan, data, points)


def _points(enforced: Enforced, data: Dataset) -> tuple[Float, Float, Float]:
    """Times, states and parameters of the smoothed data, else of the experiments' starts."""
    plan, smoothed = _original(enforced, data)
    if smoothed is not None:
        return smoothed.t, smoothed.u, smoothed.p
    u = np.stack([trajectory.initial_state(plan.states) for trajectory in data])
    p = np.stack([typical_values(plan, trajectory) for trajectory in data])
    return np.array([trajectory.t0 for trajectory in data]), u, p


def _values(enforced: Enforced, laws: Sequence[Law], times: Float, u: Float, p: Float) -> Float:
    """Each law at points, shape (N, laws), with trainable coefficients at their starts."""
    layout = compile_system(enforced.system).layout
    theta = layout.pack(
        {s.name: np.zeros(s.shape) for s in layout.of_kind("weight")}
        | {s.name: v for s, v in enforced.system.trainable.items()}
    )
    found = law_values(enforced, p.T, theta, times, u, laws)
    return np.stack([found[law.name] for law in laws], axis=1)

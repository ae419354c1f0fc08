# SymPy and SciPy annotate in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false, reportCallIssue=false
"""A judge of conservation laws that shares no code with the deriver.

Laws are differentiated by SymPy and evaluated here: in fractions where everything is rational, else
with 60 digits.  Trajectories come from SciPy.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from random import Random
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from scipy.integrate import solve_ivp
from sympy.core.function import AppliedUndef

import pysymude as psu
from pysymude.model.network import NetworkOutput
from pysymude.symbolic.certificate import Certificate
from tests.random_systems import RandomSystem

__all__ = ["TOLERANCES", "Judge", "Verdict", "verdict"]

TOLERANCES = (1e-3, 1e-12)

Rates = Mapping[sp.Symbol, sp.Expr]

_mp = mpmath.mp.clone()
_mp.dps = 60
_FUNCTIONS = {
    sp.sin: _mp.sin, sp.cos: _mp.cos, sp.tan: _mp.tan, sp.exp: _mp.exp, sp.log: _mp.log,
    sp.atan: _mp.atan, sp.sinh: _mp.sinh, sp.cosh: _mp.cosh, sp.tanh: _mp.tanh,
}  # fmt: skip
_CONSTANTS = {sp.I: _mp.mpc(0, 1), sp.pi: +_mp.pi, sp.E: +_mp.e}
_LARGEST_RESIDUE = _mp.mpf("1e-40")
_SMALLEST_PIVOT = _mp.mpf("1e-25")


class Values:
    """Expressions evaluated at one point; exact fractions as long as nothing is irrational."""

    def __init__(self, point: Mapping[Any, Any]) -> None:
        self.known: dict[Any, Any] = dict(point)

    def __call__(self, expr: Any) -> Any:
        found = self.known.get(expr)
        if found is None:
            found = self.known[expr] = self._computed(expr)
        return found

    def _computed(self, expr: Any) -> Any:
        if expr.is_Rational:
            return Fraction(int(expr.p), int(expr.q))
        if expr.is_Float:
            # the decimal that was written
            return Fraction(repr(float(expr)))
        if expr in _CONSTANTS:
            return _CONSTANTS[expr]
        if expr.is_Add:
            return total(self(arg) for arg in expr.args)
        if expr.is_Mul:
            return product(self(arg) for arg in expr.args)
        if expr.is_Pow and expr.base != sp.E:
            base, exponent = self(expr.base), self(expr.exp)
            if isinstance(exponent, Fraction) and exponent.denominator == 1:
                return base ** int(exponent)
            return _mp.power(_real(base), _real(exponent))
        return _FUNCTIONS[sp.exp if expr.is_Pow else expr.func](_real(self(expr.args[-1])))


def total(values: Any) -> Any:
    parts = list(values)
    whole = sum((v for v in parts if isinstance(v, Fraction)), Fraction(0))
    rest = [v for v in parts if not isinstance(v, Fraction)]
    return _mp.fsum([_real(whole), *rest]) if rest else whole


def product(values: Any) -> Any:
    parts = list(values)
    whole = math.prod((v for v in parts if isinstance(v, Fraction)), start=Fraction(1))
    rest = [v for v in parts if not isinstance(v, Fraction)]
    return _mp.fprod([_real(whole), *rest]) if rest else whole


def _real(value: Any) -> Any:
    if isinstance(value, Fraction):
        return _mp.mpf(value.numerator) / value.denominator
    return _mp.mpmathify(value)


def _unknowns(expr: sp.Expr) -> set[Any]:
    return expr.atoms(NetworkOutput, AppliedUndef)


class Judge:
    """What holds for a system, found out by substitution and by integration."""

    def __init__(self, system: psu.ODESystem, kind: str = "structural") -> None:
        self.system, self.kind = system, kind
        rates = {**system.rhs, psu.t: sp.S.One}
        if kind == "compatible":
            rates = {
                z: f.xreplace(dict.fromkeys(_unknowns(f), sp.S.Zero)) for z, f in rates.items()
            }
        self.rates: Rates = rates

    @property
    def variables(self) -> list[sp.Symbol]:
        """States and time."""
        return list(self.rates)

    @cached_property
    def fields(self) -> list[Rates]:
        """The directions in which a law must not change."""
        if self.kind != "balance":
            return [self.rates]
        outputs = sorted({h for f in self.rates.values() for h in _unknowns(f)}, key=str)
        return [{z: sp.diff(f, h) for z, f in self.rates.items()} for h in outputs]

    def keeps(self, expr: sp.Expr, points: int = 3) -> bool:
        """Whether `expr` changes along none of the directions, for all networks."""
        return all(self._moves_at(expr, f, sp.S.Zero, points) for f in self.fields)

    def holds(self, law: psu.FirstIntegral) -> bool:
        """Whether a law holds, and has the rate that it states."""
        return self.keeps(law.expr) and self._moves_at(law.expr, self.rates, law.rate, 3)

    def _moves_at(self, expr: sp.Expr, rates: Rates, rate: sp.Expr, points: int) -> bool:
        """Whether d(expr)/dt = rate at random points: exactly, or to 40 of 60 digits."""
        if _unknowns(expr) or _unknowns(rate):
            return False
        slopes = {z: sp.diff(expr, z) for z in rates if expr.has(z)}
        rng = Random(0)  # noqa: S311
        for _ in range(points):
            at = Values(self._point([expr, rate, *rates.values(), *rates], rng))
            terms = [product([at(slope), at(rates[z])]) for z, slope in slopes.items()] + [
                -at(rate)
            ]
            rest = total(terms)
            if isinstance(rest, Fraction):
                if rest != 0:
                    return False
            elif abs(rest) > _LARGEST_RESIDUE * _mp.fsum(abs(_real(v)) for v in terms):
                return False
        return True

    def _point(self, exprs: Sequence[sp.Expr], rng: Random) -> dict[Any, Fraction]:
        """Positive fractions for all symbols, networks and unknown functions."""
        found: set[Any] = {z for e in exprs for z in (*e.free_symbols, *_unknowns(e))}
        return {z: Fraction(rng.randint(10**5, 10**6), rng.randint(10**5, 10**6))
                for z in sorted(found, key=str)}  # fmt: skip

    def rank(self, laws: Sequence[sp.Expr]) -> int:
        """How many of them are independent: the rank of the gradients at two random points."""
        slopes = [[sp.diff(law, z) for z in self.variables] for law in laws]
        rng, best = Random(1), 0  # noqa: S311
        for _ in range(2):
            at = Values(self._point([*laws, *self.variables], rng))
            best = max(best, _rank([[_real(at(s)) for s in row] for row in slopes]))
        return best

    def spoilt(self, law: sp.Expr) -> sp.Expr | None:
        """The law with one coefficient changed so that it does not hold; None where there is none."""
        terms = sp.Add.make_args(law)
        # a product alone stays a law whatever its factor: there a state is added
        moving = terms if len(terms) > 1 else [z for z in self.variables if z != psu.t]
        for term in moving:
            if not self.keeps(term, points=1):
                return law + term / 7
        return None

    def drifts(self, law: sp.Expr, rate: sp.Expr = sp.S.Zero) -> list[float] | None:
        """How far a law moves along a trajectory for each of `TOLERANCES`, relative to its largest term.

        Networks and parameters are given values of their own, and the integral of `rate` is taken off.
        None where the one starting point that is tried has no trajectory in floats.
        """
        table = self._concrete([law, rate, *self.rates.values()])
        states = [z for z in self.variables if z != psu.t]
        rates = [*(self.rates[z] for z in states), rate]
        f = sp.lambdify([psu.t, states], [e.subs(table) for e in rates], "math")
        terms = [term.subs(table) for term in sp.Add.make_args(law)]
        found = []
        for tolerance in TOLERANCES:
            path = _trajectory(f, len(states), tolerance)
            if path is None:
                return None
            rows = []
            for moment, u in path:
                at = Values(
                    dict(zip([*states, psu.t], map(_mp.mpf, [*u[:-1], moment]), strict=True))
                )
                rows.append([*(_real(at(term)) for term in terms), _mp.mpf(-u[-1])])
            level = [_mp.fsum(row) for row in rows]
            scale = max(abs(v) for row in rows for v in row)
            found.append(float(max(abs(v - level[0]) for v in level) / scale) if scale else 0.0)
        return found

    def _concrete(self, exprs: Sequence[sp.Expr]) -> dict[Any, sp.Expr]:
        """Smooth functions for networks, numbers for parameters."""
        unknown = sorted({u for e in exprs for u in _unknowns(e)}, key=str)
        free = sorted({s for e in exprs for s in e.free_symbols} - set(self.variables), key=str)
        table: dict[Any, sp.Expr] = {}
        for k, f in enumerate(unknown):
            inputs = f.inputs if isinstance(f, NetworkOutput) else f.args
            wave = sp.Add(*((j + 1) * z for j, z in enumerate(inputs)))
            table[f] = sp.cos(k + wave) + sp.Rational(1, 3)
        return table | {s: sp.Rational(70 + 41 * k, 100) for k, s in enumerate(free)}


def _rank(rows: list[list[Any]]) -> int:
    """By elimination with the largest pivot there is; rows are scaled to 1 first."""
    sizes = [max(abs(v) for v in row) for row in rows]
    rows = [[v / size for v in row] for row, size in zip(rows, sizes, strict=True) if size]
    rank = 0
    while rows and rows[0]:
        places = [(i, j) for i in range(len(rows)) for j in range(len(rows[0]))]
        i, j = max(places, key=lambda ij: abs(rows[ij[0]][ij[1]]))
        pivot = rows.pop(i)
        if abs(pivot[j]) < _SMALLEST_PIVOT:
            break
        rank += 1
        rows = [
            [v - row[j] / pivot[j] * p for v, p in zip(row, pivot, strict=True)] for row in rows
        ]
        rows = [row[:j] + row[j + 1 :] for row in rows]
    return rank


def _trajectory(f: Any, n: int, tolerance: float) -> list[tuple[float, Any]] | None:
    """At most nine points of a short trajectory, the last first; the last column is an integral."""
    u0 = np.array([*(0.8 + 0.37 * k for k in range(n)), 0.0])
    start, calls = 0.3, iter(range(20000))

    def counted(moment: float, u: Any) -> Any:
        next(calls)
        return f(moment, u[:-1])

    try:
        speed = np.abs(f(start, u0[:-1]))[:-1]
        # short enough that no state can run away
        end = start + min(2.0, 0.5 * float(np.min(u0[:-1] / (speed + 1e-9))))
        # at the ends of steps: what lies between is interpolated, and less accurate
        sol = solve_ivp(counted, (start, end), u0, method="DOP853", rtol=tolerance, atol=tolerance)
    except (ValueError, OverflowError, ZeroDivisionError, TypeError, StopIteration):
        return None
    finished = sol.status == 0 and np.isfinite(sol.y).all()
    every = -(-len(sol.t) // 9)
    return list(zip(sol.t[::-every], sol.y.T[::-every], strict=True)) if finished else None


# -- the verdict on one answer -----------------------------------------------------------------


@dataclass
class Verdict:
    """What came of one system; `problems` are sentences, empty where all is well.

    `beyond` counts planted laws of a degree that the search did not reach within its budget.
    """

    laws: int = 0
    planted: int = 0
    recovered: int = 0
    beyond: int = 0
    false: int = 0
    spoilt: int = 0
    rejected: int = 0
    integrated: int = 0
    seconds: float = 0.0
    proof_seconds: float = 0.0
    problems: list[str] = field(default_factory=list[str])


def verdict(given: RandomSystem) -> Verdict:
    """Derives the laws of a random system and judges all of them."""
    judge = Judge(given.system, given.keywords.get("kind", "structural"))
    result = Verdict(planted=len(given.planted))
    start = time.perf_counter()
    laws = psu.first_integrals(given.system, **given.keywords)
    result.seconds = time.perf_counter() - start
    result.laws = len(laws)
    for law in laws:
        _judge_one(judge, law, result)
    found = [law.expr for law in laws]
    rank = judge.rank(found)
    if rank != len(found):
        result.problems.append(f"dependent laws: {found}")
    for law in given.planted:
        if judge.rank([*found, law]) == rank:
            result.recovered += 1
        elif laws.searched["degree"] < given.degree:
            result.beyond += 1
        else:
            result.problems.append(f"missed: {law}; found {found}, complete={laws.complete}")
    return result


def _judge_one(judge: Judge, law: psu.FirstIntegral, result: Verdict) -> None:
    start = time.perf_counter()
    proved = law.certificate.check()
    result.proof_seconds = max(result.proof_seconds, time.perf_counter() - start)
    if not proved:
        result.problems.append(f"no proof: {law.expr}")
    if not judge.holds(law):
        result.false += 1
        result.problems.append(f"false law: {law.expr}")
        return
    drifts = judge.drifts(law.expr, law.rate)
    if drifts is not None:
        result.integrated += 1
        if drifts[-1] > max(1e-10, min(1e-9, drifts[0])):
            result.problems.append(f"drift {drifts}: {law.expr}")
    wrong = judge.spoilt(law.expr)
    if wrong is not None:
        result.spoilt += 1
        if Certificate(wrong, law.certificate.fields).check():
            result.problems.append(f"certificate accepts {wrong}")
        else:
            result.rejected += 1

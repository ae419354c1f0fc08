# SymPy and SciPy annotate in parts only
# pyright: reportAssignmentType=false, reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false, reportCallIssue=false
"""A judge of conservation laws that shares no code with the deriver.

Laws are differentiated by SymPy and evaluated here: in fractions where everything is rational, else
with 60 digits.  Trajectories come from SciPy.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from random import Random
from typing import Any

import numpy as np
import sympy as sp
from scipy.integrate import solve_ivp
from sympy.core.function import AppliedUndef

import pysymude as psu
from problems.planted import RandomSystem
from problems.values import Values, digits, product, rank, total
from pysymude.model.network import NetworkDerivative, NetworkOutput
from pysymude.symbolic.proof.certificate import Certificate

__all__ = ["TOLERANCES", "Judge", "Verdict", "verdict", "waves"]

# seconds of a search, which nearly always ends long before: the machine may be busy
PATIENCE = 120.0
TOLERANCES = (1e-3, 1e-12)
RESIDUE = 1e-40  # relative to the largest term, where 60 digits are kept

_NUDGE = digits(
    Fraction(1, 10**20)
)  # a relative change of a state; 40 digits of what follows are left
Rates = Mapping[sp.Symbol, sp.Expr]
_Path = list[tuple[float, Any]]  # times and states, the last first


def _unknowns(expr: sp.Expr) -> set[Any]:
    return expr.atoms(NetworkOutput, NetworkDerivative, AppliedUndef)


def _free(exprs: Iterable[sp.Expr]) -> list[Any]:
    """All symbols, networks and unknown functions."""
    return sorted({z for e in exprs for z in (*e.free_symbols, *_unknowns(e))}, key=str)


def _point(free: Iterable[Any], rng: Random) -> dict[Any, Fraction]:
    """Fractions for these, of either sign where allowed."""
    return {
        z: (1 if z.is_positive else rng.choice([1, -1]))
        * Fraction(rng.randint(10**5, 10**6), rng.randint(10**5, 10**6))
        for z in free
    }


def waves(exprs: Iterable[sp.Expr]) -> dict[Any, sp.Expr]:
    """A smooth function for each network, with its own derivatives, and for each function of time."""
    found = sorted({u for e in exprs for u in _unknowns(e)}, key=str)
    shifts: dict[Any, int] = {}
    table: dict[Any, sp.Expr] = {}
    for f in found:
        derived = isinstance(f, NetworkDerivative)
        output = f.output if derived else f
        inputs = f.args if isinstance(f, AppliedUndef) else f.inputs
        places = [sp.Dummy() for _ in inputs]
        wave = sp.Add(*((j + 1) * z for j, z in enumerate(places)))
        value = sp.cos(shifts.setdefault(output, len(shifts)) + wave) + sp.Rational(1, 3)
        for j in f.by if derived else ():
            value = value.diff(places[j])
        table[f] = value.xreplace(dict(zip(places, inputs, strict=True)))
    while any(_unknowns(value) for value in table.values()):
        # networks that read networks
        table = {f: value.xreplace(table) for f, value in table.items()}
    return table


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
            # a network in a law is what is known least: one of its own stands for all
            table = waves([expr, rate, *rates.values()])
            expr, rate = expr.xreplace(table), rate.xreplace(table)
            rates = {z: f.xreplace(table) for z, f in rates.items()}
        slopes = {z: sp.diff(expr, z) for z in rates if expr.has(z)}
        rng = Random(0)
        free = _free([expr, rate, *rates.values(), *rates])
        for _ in range(points):
            at = Values(_point(free, rng))
            terms = [product([at(slope), at(rates[z])]) for z, slope in slopes.items()] + [
                -at(rate)
            ]
            rest = total(terms)
            if isinstance(rest, Fraction):
                if rest != 0:
                    return False
            elif abs(rest) > RESIDUE * total(abs(digits(v)) for v in terms):
                return False
        return True

    def rank(self, laws: Sequence[sp.Expr]) -> int:
        """How many of them are independent: the rank of the gradients at two random points."""
        plain = [law.xreplace(waves(laws)) for law in laws]
        slopes = [[sp.diff(law, z) for z in self.variables] for law in plain]
        rng, best = Random(1), 0
        free = _free([*plain, *self.variables])
        for _ in range(2):
            at = Values(_point(free, rng))
            best = max(best, rank([[digits(at(s)) for s in row] for row in slopes]))
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
        """How far a law moves along a trajectory for each of `TOLERANCES`, see `_drift`.

        Networks and parameters are given values of their own, and the integral of `rate` is taken off.
        None where the one starting point that is tried has no trajectory in floats.
        """
        table = self._concrete([law, rate, *self.rates.values()])
        states = [z for z in self.variables if z != psu.t]
        rates = [*(self.rates[z] for z in states), rate]
        f = sp.lambdify([psu.t, states], [e.xreplace(table).doit() for e in rates], "math")
        terms = [term.subs(table) for term in sp.Add.make_args(law)]
        found = []
        for tolerance in TOLERANCES:
            path = _trajectory(f, len(states), tolerance)
            if path is None:
                return None
            found.append(_drift(terms, states, path))
        return found

    def _concrete(self, exprs: Sequence[sp.Expr]) -> dict[Any, sp.Expr]:
        """Smooth functions for networks, numbers for parameters."""
        free = sorted({s for e in exprs for s in e.free_symbols} - set(self.variables), key=str)
        table = waves(exprs)
        return table | {s: sp.Rational(70 + 41 * k, 100) for k, s in enumerate(free)}


def _drift(terms: Sequence[sp.Expr], states: Sequence[sp.Symbol], path: _Path) -> float:
    """The largest change of a law along a path, up to its first pole or branch.

    Relative to its largest term, and to what relative changes of the states move it by: near a pole a
    law amplifies what the integrator leaves.
    """
    law = sp.Add(*terms)
    edges = [e.base for e in law.atoms(sp.Pow) if e.exp.could_extract_minus_sign()]
    edges += [e.args[0] for e in law.atoms(sp.log)]
    sides: list[Any] = []
    levels: list[Any] = []
    scale: Any = 0
    for moment, u in reversed(path):
        place = dict(zip([*states, psu.t], map(digits, [*u[:-1], moment]), strict=True))
        at = Values(place)
        here = [digits(at(edge)).real > 0 for edge in edges]
        sides = sides or here
        if here != sides:
            break
        row = [*(digits(at(term)) for term in terms), digits(-u[-1])]
        levels.append(total(row))
        moves = [
            digits(Values(place | {z: place[z] * (1 + _NUDGE)})(law) - at(law)) / _NUDGE
            for z in states
        ]
        scale = max([scale, *map(abs, row), *map(abs, moves)])
    return float(max(abs(v - levels[0]) for v in levels) / scale) if scale else 0.0


def _trajectory(f: Any, n: int, tolerance: float) -> _Path | None:
    """At most nine points of a short trajectory, the last first; the last column is an integral."""
    # on no line that a system of small numbers keeps
    u0 = np.array([*(0.8137 + 0.3719 * k for k in range(n)), 0.0])
    start, calls = 0.3, iter(range(20000))

    def counted(moment: float, u: Any) -> Any:
        next(calls)
        return f(moment, u[:-1].tolist())

    try:
        speed = np.abs(f(start, u0[:-1].tolist()))[:-1]
        # short enough that no state can run away
        end = start + min(2.0, 0.5 * float(np.min(u0[:-1] / (speed + 1e-9))))
        # at the ends of steps: what lies between is interpolated, and less accurate
        with np.errstate(all="ignore"):
            sol = solve_ivp(
                counted, (start, end), u0, method="DOP853", rtol=tolerance, atol=tolerance
            )
    except (ValueError, OverflowError, ZeroDivisionError, TypeError, StopIteration):
        return None
    finished = sol.status == 0 and np.isfinite(sol.y).all()
    every = -(-len(sol.t) // 9)
    return list(zip(sol.t[::-every], sol.y.T[::-every], strict=True)) if finished else None


# -- the verdict on one answer -----------------------------------------------------------------


@dataclass
class Verdict:
    """What came of one system; `problems` are sentences, empty where all is well.

    `beyond` counts planted laws that were not found before the budget ended. Seconds are processor time.
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
    start = time.process_time()
    laws = psu.first_integrals(given.system, **{"budget": PATIENCE, **given.keywords})
    result.seconds = time.process_time() - start
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
        elif any(span.ended == "budget" for span in laws.searched):
            result.beyond += 1
        else:
            result.problems.append(f"missed: {law}; found {found}, complete={laws.complete}")
    return result


def _judge_one(judge: Judge, law: psu.FirstIntegral, result: Verdict) -> None:
    start = time.process_time()
    proved = law.certificate.check()
    result.proof_seconds = max(result.proof_seconds, time.process_time() - start)
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

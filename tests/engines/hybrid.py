"""Systems with events and doses piece by piece: SciPy between the jumps, plain Python at each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

MOST = 150
NEAR = 1e-7  # what a condition's value may be at its own zero


@dataclass
class Happening:
    """A condition g(t, u), its direction, and the state behind it."""

    g: Callable[[float, Any], float]
    direction: int
    after: Callable[[float, Any], Any]


@dataclass
class Hybrid:
    """du/dt = f(t, u) with happenings, and doses (time, state, amount)."""

    f: Callable[[float, Any], Any]
    happenings: Sequence[Happening] = ()
    doses: Sequence[tuple[float, int, float]] = ()
    kinks: Sequence[Callable[[float, Any], float]] = ()  # where f has a kink or a step
    log: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])

    def solve(self, u0: Any, ts: Any, parts: int = 600) -> Any:
        """States at ascending times; those at a jump are behind it."""
        t, u, end = float(ts[0]), np.array(u0, dtype=float), float(ts[-1])
        self.log.clear()
        out = np.empty((len(ts), len(u)))
        u, signs = self.jumped(t, u, self.signs(t, u), [d for d in self.doses if d[0] == t], ())
        while True:
            stops = [d[0] for d in self.doses if t < d[0] <= end]
            stop = min([end, *stops])
            if stop > t:
                leg = solve_ivp(
                    self.f, (t, stop), u, method="DOP853", rtol=1e-11, atol=1e-12,
                    dense_output=True, max_step=(end - float(ts[0])) / 60,
                )  # fmt: skip
                first, which, signs = self.first(leg.sol, t, stop, signs, parts)
                here = (ts >= t) & (ts <= first)
                if here.any():
                    out[here] = leg.sol(ts[here]).T
                t, u = first, leg.sol(first)
            else:
                which = ()
                out[ts == t] = u
            doses = [d for d in self.doses if d[0] == t]
            if doses or which:
                u, signs = self.jumped(t, u, signs, doses, which)
                out[ts == t] = u
            if t >= end:
                return out

    def signs(self, t: float, u: Any) -> list[float]:
        """The sides on which the happenings are; a zero has that to which it moves."""
        return [
            np.sign(h.g(t, u)) if abs(h.g(t, u)) > NEAR else self.side(h, t, u)
            for h in self.happenings
        ]

    def side(self, h: Happening, t: float, u: Any) -> float:
        d = 1e-5
        return float(np.sign(h.g(t + d, u + d * np.asarray(self.f(t, u))) - h.g(t, u)))

    def first(self, sol: Any, t: float, stop: float, signs: list[float], parts: int) -> Any:
        """The first time at which some happen, which, and the signs there."""
        times, signs = np.linspace(t, stop, parts + 1), list(signs)
        for a, b in pairwise(times):
            found: list[tuple[float, int]] = []
            for k, h in enumerate(self.happenings):
                value = h.g(b, sol(b))
                if value * signs[k] < 0:
                    if h.direction in (0, -signs[k]):
                        low = a if h.g(a, sol(a)) * signs[k] > 0 else a + 1e-7
                        found.append((brentq(lambda s, h=h: h.g(s, sol(s)), low, b, xtol=1e-14), k))
                    else:
                        signs[k] = -signs[k]
                elif signs[k] == 0:
                    signs[k] = np.sign(value)
            if found:
                when = min(found)[0]
                which = tuple(sorted(k for time, k in found if time - when < 1e-9))
                return when, which, signs
        return stop, (), signs

    def jumped(
        self, t: float, u: Any, signs: list[float], doses: Sequence[Any], which: Sequence[int]
    ) -> tuple[Any, list[float]]:
        """The state behind all that happens at a time."""
        signs, due = list(signs), list(which)
        for _, state, amount in doses:
            before = u.copy()
            u = u.copy()
            u[state] += amount
            due += self.called(t, before, u, signs, -1, due)
        for _ in range(100):
            if not due:
                return u, signs
            k = due.pop(0)
            self.log.append((k, t))
            if len(self.log) > MOST:
                raise RuntimeError("no end of events")
            before = u
            u = np.asarray(self.happenings[k].after(t, u), dtype=float)
            due += self.called(t, before, u, signs, k, due)
        raise RuntimeError("no end of jumps")

    def called(
        self, t: float, before: Any, u: Any, signs: list[float], own: int, due: Sequence[int]
    ) -> list[int]:
        """The happenings that a jump calls for; the signs become those behind it."""
        found: list[int] = []
        for k, h in enumerate(self.happenings):
            value = h.g(t, u)
            if abs(value) <= NEAR:
                signs[k] = self.side(h, t, u)
                continue
            now = float(np.sign(value))
            changed = now * signs[k] < 0 and k != own and k not in due
            if changed and h.direction in (0, now) and abs(h.g(t, before)) > NEAR:
                found.append(k)
            signs[k] = now
        return found

"""Which parameters a network can make up for: kinds with answers that follow by hand."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

import pysymude as psu
from pysymude.symbolic.symmetries.absorbed import absorbed

x, y = psu.states("x y")
a, d, k, g = psu.parameters("a d k g")


def nn(*inputs: Any, outputs: int = 1, name: str = "nn") -> psu.MLP:
    return psu.MLP(name, inputs=list(inputs), outputs=outputs, hidden=3)


ONE, BOTH, TIME = nn(x)[0], nn(x, y)[0], nn(psu.t)[0]
TWO, PRODUCT = nn(x, y, outputs=2), nn(x * y)[0]

CASES: dict[str, tuple[dict[Any, Any], str]] = {
    "added to a rate of its own input": ({x: ONE - d * x, y: x - k * y}, "d"),
    "times a rate": ({x: -k * x * ONE, y: x - g * y}, "k"),
    "inside of an exponential": ({x: -k * x * sp.exp(ONE), y: x - g * y}, "k"),
    "of one state, beside a rate of the other": ({x: ONE - d * y, y: x - k * y}, ""),
    "a factor before it": ({x: k * ONE - d * y, y: x - g * y}, "k"),
    "a constant beside it": ({x: ONE + a, y: x - g * y}, "a"),
    "in two equations, a rate in each": ({x: a * x - BOTH, y: BOTH - d * y}, ""),
    "in two equations, a factor in one": ({x: -BOTH, y: a * BOTH - d * y}, ""),
    "in two equations, a common factor": ({x: -k * BOTH, y: k * BOTH - d * y}, "k"),
    "two outputs, two rates": ({x: TWO[0] - d * x, y: TWO[1] - k * y}, "d k"),
    "two outputs in one equation": ({x: TWO[0] * x - TWO[1] - d * x, y: x - k * y}, "d"),
    "without the state": ({x: ONE - d * y - g * x * y, y: x - y}, ""),
    "of time": ({x: TIME - d * x, y: x - k * y}, "d"),
    "of a product, a rate of it": ({x: PRODUCT - d * x * y, y: x - k * y}, "d"),
    "of a product, a rate of one": ({x: PRODUCT - d * x, y: x - k * y}, ""),
    "its input has the parameter": ({x: nn(k * x)[0], y: x - g * y}, ""),
    "rates that come together": ({x: ONE - (a + d) * x, y: x - k * y}, "a d"),
    "at two places": ({x: ONE - d * x, y: nn(x)(y)[0] - k * y}, ""),
    "none": ({x: -k * x, y: x - y}, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_kinds(name: str):
    rhs, wanted = CASES[name]
    system = psu.ODESystem(rhs)
    found = absorbed(system)
    assert set(found) == set(wanted.split())
    for symbol, one in found.items():
        # to the first order the equations stay what they are
        (p,) = (s for s in system.symbolic_parameters if s.name == symbol)
        for f in system.rhs.values():
            moved = f.diff(p) if not f.has(*one.change) else None
            swap = {o: sp.Symbol(f"w{i}") for i, o in enumerate(one.change)}
            plain = f.xreplace(swap)
            total = plain.diff(p) + sum(
                plain.diff(swap[o]) * c.xreplace(swap) for o, c in one.change.items()
            )
            assert sp.simplify(total) == 0
            assert moved in (None, 0)


def test_what_is_seen_counts():
    system = psu.ODESystem({x: ONE - d * x, y: x - k * y})
    assert set(absorbed(system)) == {"d"}
    assert not absorbed(system, [d * x])
    assert not absorbed(system, (), [d])
    of_time = psu.ODESystem({x: TIME - d * x, y: x - k * y})
    assert not absorbed(of_time, alone=False)


def test_events_count():
    def names(event: psu.Event) -> set[str]:
        return set(absorbed(psu.ODESystem({x: ONE - d * x, y: x - k * y}, events=[event])))

    assert names(psu.Event(y - 1, set={x: x / 2})) == {"d"}
    assert names(psu.Event(y - 1, set={x: d * x})) == set()
    assert names(psu.Event(y - d, set={x: x / 2})) == set()

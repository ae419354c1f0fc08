"""Intervals of trainable parameters over decades: starts stay where they are, and edges are allowed."""

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.model.transforms import from_unconstrained, is_logarithmic, to_unconstrained

x, k = psu.states("x"), psu.parameters("k")


@pytest.mark.parametrize(
    ("low", "high", "value"),
    [
        (1e-8, 1e8, 1e-6), (1e-8, 1e8, 3e7), (0.0, 1e8, 1e-9), (1e-5, 1e3, 2e-5), (0.1, 0.9, 0.1 + 1e-9),
        (-5.0, 3.0, -4.9999), (2.0, np.inf, 2.0 + 1e-7), (-np.inf, 1.0, -1e5), (0.5, 7.0, 6.9999999),
    ],
)  # fmt: skip
def test_a_start_is_where_it_was_put(low, high, value):
    log = is_logarithmic(low, high)
    z = to_unconstrained(value, low, high, log)
    found = from_unconstrained(z, low, high, log)
    # to the rounding of what is subtracted: the distance from a bound, or of the bounds
    assert abs(found - value) <= 4e-15 * abs(value) + 4e-16 * min(abs(low), abs(high))


@pytest.mark.parametrize(("low", "high"), [(1e-8, 1e8), (0.0, 10.0), (-1.0, 1.0)])
@pytest.mark.parametrize("end", [0, 1])
def test_a_start_may_lie_on_a_bound(low, high, end):
    bound = (low, high)[end]
    system = psu.ODESystem({x: -k * x}, trainable={k: bound}, bounds={k: (low, high)})
    (value,) = system.layout.unpack(system.layout.pack({"k": bound})).values()
    assert low < value < high
    inside = (
        np.log(value / bound) / np.log(high / low) if low > 0 else (value - bound) / (high - low)
    )
    assert 5e-4 < abs(inside) < 2e-3


def test_positive_bounds_over_decades_are_logarithmic():
    system = psu.ODESystem({x: -k * x}, trainable={k: 1e-3}, bounds={k: (1e-6, 1.0)})
    assert system.scales[k] == "log"
    # halfway between the exponents
    assert system.layout.pack({"k": 1e-3}) == pytest.approx([0.0], abs=1e-12)
    linear = system.replace(scales={k: "linear"})
    assert linear.layout.pack({"k": 0.5 * (1 + 1e-6)}) == pytest.approx([0.0], abs=1e-12)
    assert linear != system
    assert (
        psu.ODESystem({x: -k * x}, trainable={k: 0.2}, bounds={k: (0.1, 1.0)}).scales[k] == "linear"
    )


def test_wrong_scales_are_refused():
    for scales, text in (
        ({k: "ln"}, "must be 'log' or 'linear'; found 'ln'"),
        ({k: "log"}, "needs the bounds"),
        ({x: "log"}, "not trainable"),
    ):
        with pytest.raises(InvalidInputError, match=text):
            psu.ODESystem({x: -k * x}, trainable={k: 0.2}, bounds={k: (-1.0, 1.0)}, scales=scales)

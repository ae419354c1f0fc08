"""The rank that derivatives certainly have, and that of simulated experiments."""

from __future__ import annotations

import numpy as np
import pytest

import pysymude as psu
from pysymude.infer.seen_rank import _rank, seen_rank

x, y, z = psu.states("x y z")
a, b, c = psu.parameters("a b c")


def matrix(*values: float) -> np.ndarray:
    rng = np.random.default_rng(3)
    left = np.linalg.qr(rng.normal(size=(40, len(values))))[0]
    right = np.linalg.qr(rng.normal(size=(len(values), len(values))))[0]
    return left * values @ right


@pytest.mark.parametrize(
    ("values", "wrong", "rank"),
    [
        ((1.0, 0.5, 0.2), 1e-9, 3),
        ((1.0, 0.5, 1e-5), 1e-9, 3),
        ((1.0, 0.5, 1e-5), 1e-3, 2),
        ((1.0, 0.5, 0.0), 1e-9, 2),
        ((1.0, 0.0, 0.0), 1e-9, 1),
    ],
)
def test_what_derivatives_can_be_wrong_by_counts(values, wrong, rank):
    fine = matrix(*values)
    error = wrong * np.random.default_rng(5).normal(size=fine.shape) / np.sqrt(fine.size)
    found = _rank(fine + error, fine, ["p", "q", "r"])
    assert (found.rank, found.size) == (rank, 3)
    assert bool(found.open) == (rank < 3)


def test_names_of_open_directions():
    """The second and the third come together; the last does nothing."""
    rng = np.random.default_rng(7)
    free = rng.normal(size=(30, 2))
    fine = np.column_stack([free[:, 0], free[:, 1], -2 * free[:, 1], np.zeros(30)])
    found = _rank(fine * (1 + 1e-10), fine, ["p", "q", "r", "s"])
    assert (found.rank, found.size, found.open) == (2, 4, {"q", "r", "s"})


def test_rates_of_very_different_size():
    """Robertson's reactions, over eleven decades."""
    rhs = {x: -a * x + b * y * z, y: a * x - b * y * z - c * y**2, z: c * y**2}
    stiff = psu.ODESystem(rhs, trainable={a: 0.04, b: 1e4, c: 3e7})
    known = {"x": 1, "y": 0, "z": 0}
    found = seen_rank(stiff, ["x"], ["a", "b", "c"], known, {})
    assert (found.rank, found.size, found.open) == (3, 3, frozenset())
    start = seen_rank(stiff, ["z"], ["a", "b", "c"], {"y": 0, "z": 0}, {})
    # amounts have no unit that z alone would not show
    assert (start.rank, start.size) == (4, 4)


def test_a_solution_that_ends_is_seen_before():
    found = seen_rank(psu.ODESystem({x: a * x**2}), ["x"], ["a"], {}, {})
    assert (found.rank, found.size) == (2, 2)


def test_an_input_without_values_gets_a_rich_course():
    T = psu.Signal("T")
    forced = psu.ODESystem({x: -a * (x - b * T(psu.t))})
    assert seen_rank(forced, ["x"], ["a", "b"], {}, {}).rank == 3


def test_what_cannot_be_simulated_has_none():
    assert seen_rank(psu.ODESystem({x: -a * x}), ["x"], [], {"x": 1}, {}) is None

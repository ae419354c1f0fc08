"""What designs promise is what refits of simulated data find: the benchmark with fewer sets."""

from __future__ import annotations

import numpy as np
import pytest

from problems.designed_experiments import PROBLEMS, compared


@pytest.mark.parametrize("name", ["lotka-volterra", "michaelis-menten"])
def test_ellipsoids_shrink_as_promised(name: str):
    problem, sets = PROBLEMS[name](), 40
    even, greedy, relaxed = compared(problem, sets)
    # three standard errors of the ratio of two such volumes
    p = len(problem.wanted)
    within = np.exp(3.0 * np.sqrt(2.0 * p / (2.0 * sets)))
    for row in (greedy, relaxed):
        assert row["gain"] > 3.0
        assert 1.0 < row["gain"] / within < row["gain by refits"] < row["gain"] * within
        assert row["efficiency"] > 0.95
        assert row["excess"] < 1e-3
    for row in (even, greedy):
        assert row["volume"] / within < row["by refits"] < row["volume"] * within

"""What a fit's model gives where nobody measured: exact derivatives beside central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pysymude as psu
from pysymude.fit.result.imagined import Setting, imagined

x, y = psu.states("x y", positive=True)
A, k, d, w = psu.parameters("A k d w", positive=True)
nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=(2,))
T = np.linspace(0.0, 2.0, 7)
LATER = np.array([0.0, 0.7, 1.3, 3.0])
VALUES = np.stack([2.0 * np.exp(-T), 1.0 + 0.5 * T], axis=1)


def data(**keywords: Any) -> psu.Dataset:
    return psu.Dataset.from_arrays(T, VALUES, states=[x, y], noise=0.1, **keywords)


def chain(**keywords: Any) -> psu.ODESystem:
    given = dict[str, Any](
        trainable={k: 1.0, d: 0.5}, observables={"both": x + w * y}, parameters={w: 2.0}
    )
    given |= {"rhs": {x: -k * x, y: k * x - d * y}}
    given |= keywords
    return psu.ODESystem(**given)


def two() -> psu.Dataset:
    return psu.Dataset.from_arrays([T, T], [VALUES, VALUES + 0.1], states=[x, y], noise=0.1)


CASES: dict[str, tuple[Callable[[], tuple[psu.ODESystem, psu.Dataset]], dict[str, Any], dict[str, Any]]] = {
    "learned starts": (lambda: (chain(), data()), {}, {}),
    "known starts": (lambda: (chain(), data(u0=[2.0, 1.0])), {}, {}),
    "starts by expressions": (
        lambda: (chain(trainable={k: 1.0, d: 0.5, A: 2.0}, initial={x: A, y: A / 2}), data()), {}, {},
    ),
    "another start": (lambda: (chain(), data()), {}, {"u0": [1.5, 0.2]}),
    "other values": (lambda: (chain(), data()), {}, {"parameters": {k: 0.7, w: 1.0}}),
    "a network": (
        lambda: (chain(rhs={x: -k * x * nn[0], y: x - d * y}), data(u0=[2.0, 1.0])), {}, {},
    ),
    "doses": (
        lambda: (chain(), data(u0=[2.0, 1.0], doses={x: [(0.5, 1.0), (1.0, k)]})), {}, {},
    ),
    "doses behind another start": (
        lambda: (chain(), data(u0=[2.0, 1.0], doses={x: [(0.5, 1.0), (1.0, 2.0)]})), {},
        {"u0": [1.0, 1.0], "t": np.array([0.7, 1.3, 3.0])},
    ),
    "periods": (
        lambda: (chain(), data(u0=[2.0, 1.0], periods=[psu.Period(0.8, parameters={d: 2 * d})])), {}, {},
    ),
    "its own numbers": (lambda: (chain(), two()), {"per_experiment": [k]}, {"experiment": 1}),
    "learned noise": (
        lambda: (chain(trainable={k: 1.0, d: 0.5, A: 0.3}, noise={x: psu.Normal(A), y: psu.Normal(0.1)}),
                 psu.Dataset.from_arrays(T, VALUES, states=[x, y])), {}, {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_derivatives(engine: str, case: str):
    make, options, where = CASES[case]
    system, given = make()
    fit = psu.fit(
        system, given, engine=engine, reltol=1e-9, progress=False, stages=psu.LBFGS(3), **options
    )
    where = dict[str, Any]({"t": LATER}) | where
    columns = ("x", "y", "both")
    model = imagined(fit, Setting(**where), columns)
    seen, slopes = model.linearised(fit.theta)
    found = fit.predict(where.pop("t"), **where)
    for j, name in enumerate(columns):
        np.testing.assert_allclose(seen[:, j], found[name], rtol=1e-6)
    h = 1e-4
    for i in range(fit.theta.size):
        e = np.zeros(fit.theta.size)
        e[i] = h
        right = (model.values(fit.theta + e) - model.values(fit.theta - e)) / (2 * h)
        np.testing.assert_allclose(slopes[:, :, i], right, rtol=1e-4, atol=1e-5)
    given_slopes = np.random.default_rng(0).normal(size=seen[:, :3].shape)
    pulled = model.pull(fit.theta, given_slopes)
    np.testing.assert_allclose(
        pulled, np.einsum("ij,ijk->k", given_slopes, slopes), rtol=1e-5, atol=1e-6
    )

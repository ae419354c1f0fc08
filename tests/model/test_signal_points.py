"""Signals in tables, files and copies; their pieces beside SciPy's."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy as sp
from scipy.interpolate import PchipInterpolator

import pysymude as psu
from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.model.signal_values import SignalValues, signal_values
from pysymude.model.toml import system_from_text
from pysymude.plan.knots import basis_of
from pysymude.plan.tables import table_of

x = psu.states("x")
k, tau, a, b = psu.parameters("k tau a b")
t = psu.t
T = psu.Signal("T")
system = psu.ODESystem({x: -k * (x - T(t))}, trainable={k: 1.0})


@pytest.mark.parametrize("n", [2, 3, 4, 50])
def test_cubic_pieces_are_those_of_scipy(n: int):
    rng = np.random.default_rng(n)
    times, values = np.sort(rng.uniform(0, 10, n)), rng.normal(size=n)
    table = table_of(psu.Signal("T", "cubic"), SignalValues(times, values))
    right, at = PchipInterpolator(times, values), np.linspace(times[0], times[-1], 999)[:-1]
    for order in range(4):
        size = np.abs(right(at, nu=order)).max() + (n == 2)
        assert np.abs(table.evaluate(at, order) - right(at, nu=order)).max() < 1e-13 * size
    natural = np.interp(at, times, values)
    assert n == 2 or np.abs(table.evaluate(at) - natural).max() > 1e-3


@pytest.mark.parametrize("kind", ["linear", "previous", "cubic"])
def test_learned_values_are_a_sum_of_fixed_functions(kind: str):
    signal = psu.Signal("T", kind, extrapolate=True)
    times, values = np.array([0.0, 1.0, 3.5, 4.0]), np.array([1.0, 2.5, 2.0, 4.0])
    names = psu.parameters("k1:5")
    at, now = np.linspace(-1, 5, 301), dict(zip(names, values.tolist(), strict=True))
    found = sum(
        float(weight.subs(now)) * table.evaluate(at)
        for _, table, weight in basis_of(signal, SignalValues(times, tuple(names)))
    )
    right = table_of(signal, SignalValues(times, values)).evaluate(at)
    assert np.abs(found - right).max() < 1e-13
    assert np.abs(right).max() > 1


@pytest.mark.parametrize("kind", ["linear", "previous", "cubic"])
def test_integrals_of_pieces(kind: str):
    times, values = np.array([0.0, 1.0, 3.5, 4.0]), np.array([1.0, 2.5, 2.0, 4.0])
    table = table_of(psu.Signal("T", kind), SignalValues(times, values))
    fine = np.linspace(0, 4, 400_001)
    y = table.evaluate(0.5 * (fine[1:] + fine[:-1])) - sum(table.range) / 2
    assert table.packed[-5] == pytest.approx(y.mean() * 4, abs=1e-4)
    assert table.packed[-1] == pytest.approx((y**2).mean() * 4, rel=1e-4)


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {"t": [0, 1, 2, 3.0, 0, 1, 2], "x": [1, 2, np.nan, 3, 4, 5, 6],
         "T": [1, np.nan, 3, 4, 5, 6, 7.0], "experiment": list("aaaabbb")} | columns
    )  # fmt: skip


@pytest.mark.parametrize("asked", [["T"], T, {"T": "T"}, {T: "T"}])
def test_a_column_is_a_signal(asked: Any):
    data = psu.Dataset.from_dataframe(frame(), signals=asked)
    assert data.columns == ("x",)
    assert [tr.signals["T"].times.tolist() for tr in data] == [[0, 2, 3], [0, 1, 2]]
    assert [np.asarray(tr.signals["T"].values).tolist() for tr in data] == [[1, 3, 4], [5, 6, 7]]


def test_the_columns_of_a_system(tmp_path: Any):
    path = tmp_path / "data.csv"
    frame().to_csv(path, index=False)
    data = psu.Dataset.from_csv(path, states=system)
    assert data.columns == ("x",)
    assert data[1].signals["T"].times.tolist() == [0, 1, 2]
    other = psu.Dataset.from_csv(path, states=["x"], signals={"T": ([0, 9], [1, 2])})
    assert other[0].signals["T"].times.tolist() == [0, 9]
    assert other.fingerprint != data.fingerprint
    with pytest.raises(InvalidInputError, match="signals= asks for column 'Q'"):
        psu.Dataset.from_csv(path, signals=["Q"])
    table = frame(experiment="a", t=[0, 1, 2, 3, 0, 1, 2]).sort_values("t")
    with pytest.raises(InvalidInputError, match="two values at time 0: 1 and 5"):
        psu.Dataset.from_dataframe(table, signals=["T"])


def test_a_model_file_round_trip(tmp_path: Any):
    B = psu.Signal("B", "cubic", extrapolate=True)
    given = psu.ODESystem(
        {x: -k * (x - T(t - tau)) + B(t) + T(2 * t).diff(t)}, trainable={k: 1.3, tau: 0.25, a: 1, b: 2},
        signals={B: ([0, 1 / 3, 4.5], [a, b**2, 3.0])}, observables={"z": x * T(2 * t)},
    )  # fmt: skip
    given.to_toml(tmp_path / "m.toml")
    again = psu.ODESystem.from_toml(tmp_path / "m.toml")
    assert again == given
    assert pickle.loads(pickle.dumps(given)) == given == copy.deepcopy(given)  # noqa: S301
    assert again != given.replace(signals={B: ([0, 1 / 3, 4.6], [a, b**2, 3.0])})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('kind = "spline"', "kind must be one of"),
        ("times = [0.0, 1.0]", "values: is missing"),
        ("times = [0.0, 1.0]\nvalues = [1.0]", "2 times, but 1 values"),
        ('times = [0.0, 1.0]\nvalues = [1.0, "q"]', "unknown name"),
        ("extrapolate = 1", "must be True or False"),
        ("colour = 3", "unknown; allowed are"),
    ],
)
def test_wrong_tables(table: str, message: str):
    with pytest.raises(ModelFileError, match=message):
        system_from_text(f'[equations]\nx = "-x + T(t)"\n[signals.T]\n{table}\n')
    slips = ("T", "is a signal; write"), ("T(t, 1)", "takes 1 argument"), ("D(T(t), 4)", "D")
    for wrong, word in slips:
        with pytest.raises(ModelFileError, match=word):
            system_from_text(f'[equations]\nx = "-x + {wrong}"\n[signals.T]\nkind = "linear"\n')


def test_points_in_other_forms():
    pair = signal_values({"T": {0.0: 1.0, 2.0: 3.0}})["T"]
    series = signal_values({T: pd.Series([1.0, 3.0], index=[0.0, 2.0])})["T"]
    assert pair == series == signal_values({"T": ([0, 2], [1, 3])})["T"]
    assert not pair.times.flags.writeable
    assert pickle.loads(pickle.dumps(pair)) == pair  # noqa: S301


def test_a_trajectory_keeps_its_signals():
    data = psu.Trajectory.from_arrays([0, 1], [1, 2], states=[x], signals={T: ([0, 1], [1, 2])})
    copied = pickle.loads(pickle.dumps(data))  # noqa: S301
    for same in (copied, data.renamed("b"), data.truncated(1.0)):
        assert same.signals["T"] == data.signals["T"]


@pytest.mark.parametrize(
    "use",
    [
        lambda T, x: 2 * T, lambda T, x: T * x, lambda T, x: x * T, lambda T, x: x - T, lambda T, x: T - 1.5,
        lambda T, x: 1 / T, lambda T, x: x / T, lambda T, x: -T, lambda T, x: T**2, lambda T, x: x + T,
        lambda T, x: sp.Integer(2) ** T, lambda T, x: np.float64(2.0) * T,
    ],
)  # fmt: skip
def test_a_signal_without_its_argument_says_what_to_write(use):
    with pytest.raises(InvalidInputError, match=r"write T\(psu.t\)"):
        use(psu.Signal("T"), psu.states("x"))

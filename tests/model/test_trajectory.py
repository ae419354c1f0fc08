"""`Trajectory`: what it stores, where it starts, and what it refuses."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pysymude.errors import InvalidInputError
from pysymude.model.symbols import states
from pysymude.model.symbols import t as time
from pysymude.model.trajectory import Trajectory

NAN = float("nan")
x, y = states("x y")
T = [0.0, 1.0, 2.5]
U = [[1.0, 5.0], [2.0, NAN], [3.0, 3.0]]


def example(**keywords: object) -> Trajectory:
    return Trajectory.from_arrays(T, U, states=[x, "y"], **keywords)


def test_it_stores_what_it_was_given():
    trajectory = example(
        u0={x: 1, "z": 7}, parameters={sp.Symbol("k"): 2}, noise={y: 0.5, x: 0.1}, name="a"
    )
    np.testing.assert_array_equal(trajectory.t, T)
    np.testing.assert_array_equal(trajectory.u, U)
    assert trajectory.columns == ("x", "y")
    assert trajectory.u0 == {"x": 1.0, "z": 7.0}
    assert trajectory.t0 == 0.0
    assert trajectory.trainable_u0 is None
    assert trajectory.parameters == {"k": 2.0}
    assert list(trajectory.noise.items()) == [("x", 0.1), ("y", 0.5)]
    assert (trajectory.name, trajectory.n_measured, len(trajectory)) == ("a", 5, 3)


def test_arrays_are_copies_in_float64_that_cannot_be_written():
    t, u = np.array([0, 1]), np.array([[1], [2]], dtype=np.int32)
    trajectory = Trajectory.from_arrays(t, u, states="x")
    t[0] = u[0, 0] = 9
    assert (trajectory.t[0], trajectory.u[0, 0]) == (0.0, 1.0)
    assert trajectory.t.dtype == trajectory.u.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        trajectory.u[0, 0] = 3.0


def test_it_cannot_be_changed():
    trajectory = example(u0={"x": 1.0})
    with pytest.raises(dataclasses.FrozenInstanceError):
        trajectory.name = "b"
    with pytest.raises(TypeError):
        trajectory.u0["x"] = 2.0


def test_a_copy_says_the_same_and_is_frozen_too():
    trajectory = example(u0={"x": 1.0}, noise=0.1, trainable_u0={x}, name="a")
    unpickled = pickle.loads(pickle.dumps(trajectory))  # noqa: S301
    for found in (copy.deepcopy(trajectory), unpickled):
        np.testing.assert_array_equal(found.u, trajectory.u)
        assert not found.u.flags.writeable
        assert (found.u0, found.noise) == ({"x": 1.0}, {"x": 0.1, "y": 0.1})
        assert (found.trainable_u0, found.name) == (("x",), "a")


def test_one_column_may_be_flat_and_masked_entries_are_not_measured():
    u = np.ma.masked_array([1, 2, 3], mask=[False, True, False])
    np.testing.assert_array_equal(
        Trajectory.from_arrays(T, u, states=x).u, np.array([[1.0], [NAN], [3.0]])
    )


def test_none_is_not_measured():
    assert Trajectory.from_arrays(T, [1, None, 3], states="x").n_measured == 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, True),
        (np.bool_(False), False),
        ([], False),
        ("x", ("x",)),
        ({y, x}, ("x", "y")),
        ((y, "z"), ("y", "z")),
    ],
)
def test_trainable_u0(given, expected):
    assert example(trainable_u0=given).trainable_u0 == expected


def test_initial_state_prefers_u0_then_the_first_row():
    trajectory = example(u0={"z": 7.0, "x": -1.0})
    found = trajectory.initial_state(["z", "y", x])
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [7.0, 5.0, -1.0])


def test_u0_as_a_sequence_follows_the_columns():
    assert example(u0=[3, 4]).u0 == {"x": 3.0, "y": 4.0}


def test_an_earlier_start_allows_one_time():
    trajectory = Trajectory.from_arrays([2.0], [[4.0]], states="x", t0=1, u0={"x": 3.0})
    assert (trajectory.t0, len(trajectory)) == (1.0, 1)
    np.testing.assert_array_equal(trajectory.initial_state(["x"]), [3.0])


@pytest.mark.parametrize(
    ("keywords", "state", "reason"),
    [
        ({}, "z", "'z': it is not among the columns x, y; pass u0={'z'"),
        ({"t0": -1.0}, "x", r"'x': the first row is at t = 0.0, after t0 = -1.0; pass u0=\{'x'"),
        ({"name": "b"}, "z", "of trajectory 'b'"),
    ],
)
def test_initial_state_says_what_is_missing(keywords, state, reason):
    with pytest.raises(InvalidInputError, match=reason):
        example(**keywords).initial_state([state])


def test_initial_state_needs_a_measured_first_row():
    trajectory = Trajectory.from_arrays(T, [NAN, 1, 2], states="x")
    with pytest.raises(InvalidInputError, match="'x': it is not measured in the first row"):
        trajectory.initial_state(["x"])


def test_truncated_keeps_rows_up_to_the_end():
    trajectory = example(u0={"z": 1.0}, noise=2.0, name="a").truncated(1.0)
    np.testing.assert_array_equal(trajectory.t, [0.0, 1.0])
    np.testing.assert_array_equal(trajectory.u, U[:2])
    assert (trajectory.name, trajectory.u0["z"], trajectory.noise["y"]) == ("a", 1.0, 2.0)


def test_noise_has_a_number_for_each_measurement():
    sizes = np.array([[0.1, 1.0], [0.2, NAN], [0.3, 3.0]])
    for noise in (sizes, {"y": sizes[:, 1], x: sizes[:, 0]}):
        trajectory = example(noise=noise)
        np.testing.assert_array_equal(trajectory.noise_array(), sizes)
        np.testing.assert_array_equal(trajectory.truncated(1.0).noise_array(), sizes[:2])
        with pytest.raises(ValueError, match="read-only"):
            trajectory.noise["x"][0] = 1.0
    mixed = example(noise={"x": 0.5, "y": sizes[:, 1]})
    np.testing.assert_array_equal(mixed.noise_array()[:, 0], 0.5)
    assert mixed.noise["x"] == 0.5
    assert np.isnan(example().noise_array()).all()
    np.testing.assert_array_equal(
        Trajectory.from_arrays(T, [1, 2, 3], states="x", noise=[1, 2, 3]).noise_array().T,
        [[1, 2, 3]],
    )


def test_limits_are_kept_beside_the_values():
    trajectory = example(censored=[[0, -1], [0, 0], [1, 0]], name="a")
    assert trajectory.censored.dtype == np.int8
    np.testing.assert_array_equal(trajectory.censored, [[0, -1], [0, 0], [1, 0]])
    np.testing.assert_array_equal(trajectory.truncated(1.0).censored, [[0, -1], [0, 0]])
    np.testing.assert_array_equal(copy.deepcopy(trajectory).censored, trajectory.censored)
    np.testing.assert_array_equal(example().censored, np.zeros((3, 2)))
    with pytest.raises(InvalidInputError, match=r"'y'.*: it is only a limit in the first row"):
        trajectory.initial_state(["y"])


def test_equal_times_are_repeated_measurements():
    trajectory = Trajectory.from_arrays([0, 0, 0, 1, 1], [1.0, 3.0, NAN, 4.0, 5.0], states="x")
    assert trajectory.n_measured == 4
    assert trajectory.initial_state(["x"]) == 2.0


def test_repr_is_short_and_says_what_it_holds():
    assert repr(example(name="a")) == (
        "Trajectory('a': 3 times from 0.0 to 2.5, columns x, y, 5 of 6 measured)"
    )


WRONG = [
    ({"t": []}, r"t must have shape \(times,\), not empty"),
    ({"t": [[0, 1, 2]]}, r"found shape \(1, 3\); for several experiments pass lists"),
    ({"t": [0, 2, 1]}, r"t must ascend; found t\[1\] = 2.0, then t\[2\] = 1.0"),
    ({"t": [0, 1, 0.5]}, "put other experiments in trajectories of their own"),
    ({"t": [1, 1, 1]}, r"one time \(1.0\) shows no change"),
    ({"t": [0, NAN, 1]}, r"t must be finite; found t\[1\] = nan"),
    ({"t": ["a", "b", "c"]}, "t must be an array of numbers; found dtype <U1"),
    ({"t": np.array(["2020", "2021", "2022"], "M8[Y]")}, "found dtype datetime64"),
    ({"t": [0j, 1, 2]}, "t must be an array of numbers; found dtype complex128"),
    ({"u": np.ones((2, 3))}, r"= \(3, 2\); found \(2, 3\): transpose it: u.T"),
    ({"u": np.ones((3, 3))}, r"found \(3, 3\): states: \('x', 'y'\)"),
    ({"u": [1, 2, 3]}, r"u must have shape .* found \(3,\)"),
    ({"u": [[1, 2], [3], [4, 5]]}, "u must be an array of numbers: .*inhomogeneous"),
    ({"u": [[1, 2], [3, float("inf")], [4, 5]]}, "found inf in column 'y' at t = 1.0"),
    ({"u": [[1, True], [3, "b"], [4, 5]]}, "u must be an array of numbers"),
    ({"states": ["x", "x"]}, "states names 'x' twice"),
    ({"states": "x y"}, r"one name each; found 'x y': write \['x', 'y'\]"),
    ({"states": []}, "states is empty"),
    ({"states": {"x", "y"}}, "needs an order"),
    ({"states": {"x": 1, "y": 2}}, "a symbol, a string or a list of them; found {'x': 1"),
    ({"states": [x, y**2]}, r"SymPy symbols or strings; found y\*\*2 of type Pow"),
    ({"states": ["x", "2y"]}, "plain identifier"),
    ({"states": [x, time]}, "'t': that name is time"),
    ({"u0": {"x": NAN}}, r"u0\['x'\] must be finite; found nan"),
    ({"u0": [1.0, NAN]}, r"u0\['y'\] must be finite; found nan"),
    ({"u0": [1.0]}, r"one entry for each of x, y; found shape \(1,\)"),
    ({"u0": {"x": "1"}}, r"u0\['x'\] must be a number; found '1' \(str\)"),
    ({"u0": {"x": [1.0]}}, r"u0\['x'\] must be a number; found \[1.0\]"),
    ({"u0": {"x": np.ones(1)}}, r"must be a number; .*shape \(1,\)"),
    ({"u0": {x: 1.0, "x": 2.0}}, "u0 names 'x' twice"),
    ({"u0": {3: 1.0}}, "u0 takes SymPy symbols or strings; found 3 of type int"),
    ({"t0": 0.5}, r"t0 must not be after the first time; t0 = 0.5, t\[0\] = 0.0"),
    ({"t0": NAN}, "t0 must be finite"),
    ({"t": [0], "u": [[1, 2]]}, r"one time \(0.0\) shows no change"),
    ({"t": [0], "u": [[1, 2]], "t0": -1}, "an earlier t0= and u0="),
    ({"trainable_u0": 1}, "trainable_u0 takes a symbol, a string or a list of them; found 1"),
    ({"trainable_u0": ["x", "x"]}, "trainable_u0 names 'x' twice"),
    ({"parameters": [1.0]}, r"parameters takes a mapping such as .*; found \[1.0\]"),
    ({"parameters": {"k": True}}, r"parameters\['k'\] must be a number; found True"),
    ({"parameters": {"k": np.bool_(1)}}, r"parameters\['k'\] must be a number"),
    ({"noise": 0.0}, r"noise\['x'\] must be positive; found 0.0"),
    ({"noise": -1.0}, "must be positive; found -1.0"),
    ({"noise": {"x": 1, "y": 1, "z": 1}}, "noise names 'z', which is no column"),
    ({"noise": [0.1, 0.1]}, r"noise must be a number; found \[0.1, 0.1\]"),
    ({"noise": np.ones((6, 1))}, r"array of the shape of u, \(3, 2\)"),
    (
        {"noise": {"x": 0.1, "y": [0.1, 0.2]}},
        r"noise\['y'\] .* each of the 3 times; found shape \(2,\)",
    ),
    ({"noise": {"x": [0.1, 0.0, 0.1], "y": 1}}, r"noise\['x'\] .* wherever .* found 0.0 in row 1"),
    ({"noise": {"x": 1, "y": [NAN, 0.1, 0.1]}}, "found nan in row 0"),
    ({"noise": {x: 1, "x": 1}}, "noise names 'x' twice"),
    ({"censored": [1, 0, 0]}, r"censored must have the shape of u, \(3, 2\); found \(3,\)"),
    ({"censored": [[0, 2], [0, 0], [0, 0]]}, "found 2.0 in column 'y', row 0"),
    (
        {"u": [[1, NAN], [2, 3], [3, 4]], "censored": [[0, -1], [0, 0], [0, 0]]},
        "write the limit into u",
    ),
    ({"name": 3}, "the name of a trajectory must be a string; found 3"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=lambda v: v if type(v) is str else "")
def test_wrong_calls_say_what_is_wrong(change, message):
    call: dict[str, object] = {"t": T, "u": U, "states": ["x", "y"], **change}
    with pytest.raises(InvalidInputError, match=message):
        Trajectory.from_arrays(call.pop("t"), call.pop("u"), **call)


def test_truncated_refuses_to_leave_nothing():
    with pytest.raises(InvalidInputError, match=r"truncated\(-1.0\) leaves no row: t starts at 0"):
        example().truncated(-1)
    with pytest.raises(InvalidInputError, match="shows no change"):
        example().truncated(0.5)


@settings(max_examples=50, deadline=None)
@given(
    u=arrays(np.float64, (4, 2), elements=st.floats(allow_infinity=False)),
    end=st.floats(1.0, 10.0),
)
def test_truncated_is_the_head_and_nothing_is_lost(u, end):
    trajectory = Trajectory.from_arrays([0.0, 1.0, 2.0, 3.0], u, states=["x", "y"])
    head = trajectory.truncated(end)
    assert trajectory.n_measured == np.count_nonzero(u == u)
    np.testing.assert_array_equal(head.u, u[: int(end) + 1])
    np.testing.assert_array_equal(head.truncated(end).u, head.u)

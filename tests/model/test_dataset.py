"""`Dataset`: from arrays, CSV files and data frames; names, splits and fingerprints."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pysymude.errors import InvalidInputError
from pysymude.model.dataset import Dataset
from pysymude.model.distributions.poisson import Poisson
from pysymude.model.symbols import states
from pysymude.model.trajectory import Trajectory

NAN = float("nan")
x, y = states("x y")
T = [0.0, 1.0, 2.0]
U = [[1.0, 5.0], [2.0, 4.0], [3.0, 3.0]]


def one(**keywords: object) -> Trajectory:
    return Trajectory.from_arrays(T, U, states=["x", "y"], **keywords)


def csv(folder: Path, text: str) -> Path:
    path = folder / "data.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_it_is_a_sequence_of_trajectories():
    data = Dataset([one(name="a"), one(name="b"), one(name="c")])
    assert len(data) == 3
    assert [trajectory.name for trajectory in data] == ["a", "b", "c"]
    assert data[-1].name == "c"
    assert isinstance(data[1:], Dataset)
    assert [trajectory.name for trajectory in data[1:]] == ["b", "c"]
    assert data[0] in data
    assert data.n_measured == 18


def test_one_trajectory_is_a_dataset():
    assert Dataset(one()).trajectories[0].name == "0"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["", "", ""], "0 1 2"),
        (["", "0", ""], "1 0 2"),
        (["2", "", ""], "2 1 3"),
        (["", "", "0"], "1 2 0"),
    ],
)
def test_trajectories_without_a_name_get_a_free_number(given, expected):
    data = Dataset(one(name=name) for name in given)
    assert [trajectory.name for trajectory in data] == expected.split()


def test_columns_are_the_union_in_order():
    other = Trajectory.from_arrays(T, U, states=["z", "x"])
    assert Dataset([one(), other]).columns == ("x", "y", "z")


def test_from_arrays_makes_one_or_several():
    assert len(Dataset.from_arrays(T, U, states=[x, y], noise=0.1)) == 1
    data = Dataset.from_arrays(
        [T, T[:2]],
        [np.array(U), U[:2]],
        states=[x, y],
        u0=[{"x": 9}, None],
        parameters=[None, {"k": 2}],
        name=["a", "b"],
        noise=0.1,
    )
    assert [(tr.name, len(tr)) for tr in data] == [("a", 3), ("b", 2)]
    assert [dict(tr.u0) for tr in data] == [{"x": 9.0}, {}]
    assert [dict(tr.parameters) for tr in data] == [{}, {"k": 2.0}]
    assert all(tr.noise == {"x": 0.1, "y": 0.1} for tr in data)


@pytest.mark.parametrize("noise", [Poisson(), 0.1 * x])
@pytest.mark.parametrize("one_for_all", [True, False])
def test_noise_models_belong_to_the_system(noise, one_for_all):
    given = noise if one_for_all else {x: 0.1, y: noise}
    with pytest.raises(
        InvalidInputError, match=r"stands with the system: psu.ODESystem\(..., noise"
    ):
        Dataset.from_arrays(T, U, states=[x, y], noise=given)


def test_noise_may_differ_between_experiments():
    sizes = [np.full((3, 2), 0.1), np.full((2, 2), 0.2)]
    data = Dataset.from_arrays([T, T[:2]], [U, U[:2]], states=[x, y], noise=sizes)
    np.testing.assert_array_equal(data[1].noise_array(), sizes[1])
    assert Dataset.from_arrays(T, U, states=[x, y], noise=sizes[0])[0].noise_array()[2, 1] == 0.1


def test_a_vector_u0_holds_for_all_experiments():
    data = Dataset.from_arrays([T, T], [U, U], states=[x, y], u0=[7.0, 8.0])
    assert [dict(tr.u0) for tr in data] == [{"x": 7.0, "y": 8.0}] * 2
    data = Dataset.from_arrays([T, T], [U, U], states=[x, y], u0=[[7.0, 8.0], np.zeros(2)])
    assert [tr.u0["y"] for tr in data] == [8.0, 0.0]


def test_split_tail_holds_out_the_last_rows_of_each():
    long = Trajectory.from_arrays(np.arange(10), np.arange(10.0), states="x")
    short = Trajectory.from_arrays([0, 1], [1.0, 2.0], states="x")
    train, t_cut = Dataset([long, short]).split_tail(0.3)
    assert [len(tr) for tr in train] == [7, 2]
    assert t_cut == (6.0, 1.0)
    assert [len(tr) for tr in Dataset([long]).split_tail(0.99)[0]] == [2]
    assert [len(tr) for tr in Dataset([long]).split_tail(0.01)[0]] == [9]


def test_split_tail_keeps_rows_of_one_time_together():
    data = Dataset.from_arrays([0, 1, 2, 2, 2], [1.0, 2, 3, 4, 5], states="x")
    train, t_cut = data.split_tail(0.4)
    assert (len(train[0]), t_cut) == (2, (1.0,))


def test_the_fingerprint_sees_every_part():
    base = one(u0={"x": 1}, parameters={"k": 1}, noise=0.1, name="a")
    u = np.array(U)
    u[1, 1] = np.nextafter(u[1, 1], 9.0)
    other = [
        base.renamed("b"),
        one(u0={"x": 2}, parameters={"k": 1}, noise=0.1, name="a"),
        one(u0={"x": 1}, parameters={"k": 2}, noise=0.1, name="a"),
        one(u0={"x": 1}, parameters={"k": 1}, noise=0.2, name="a"),
        one(u0={"x": 1}, parameters={"k": 1}, noise=0.1, name="a", t0=-1.0),
        one(u0={"x": 1}, parameters={"k": 1}, noise=0.1, name="a", trainable_u0=True),
        one(u0={"x": 1}, parameters={"k": 1}, noise=0.1, name="a", trainable_u0=["x"]),
        base.truncated(1.0),
        one(u0={"x": 1}, parameters={"k": 1}, noise=[[0.1, 0.1]] * 3, name="a"),
        one(u0={"x": 1}, parameters={"k": 1}, noise=[[0.1, 0.2]] * 3, name="a"),
        one(u0={"x": 1}, parameters={"k": 1}, noise=0.1, name="a", censored=[[0, 1]] * 3),
        one(u0={"x": 1}, parameters={"k": 1}, noise=0.1, name="a", censored=[[0, -1]] * 3),
        Trajectory.from_arrays(
            T, u, states=["x", "y"], u0={"x": 1}, parameters={"k": 1}, noise=0.1, name="a"
        ),
    ]
    prints = [Dataset(trajectory).fingerprint for trajectory in [base, *other]]
    assert len(set(prints)) == len(prints)
    assert Dataset([base, other[0]]).fingerprint != Dataset([other[0], base]).fingerprint


def test_the_fingerprint_is_the_same_for_any_nan_and_after_a_copy():
    plain = Trajectory.from_arrays(T, [1.0, NAN, 3.0], states="x")
    other = Trajectory.from_arrays(T, [1.0, -np.array(NAN), 3.0], states="x")
    assert Dataset(plain).fingerprint == Dataset(other).fingerprint
    data = Dataset(plain)
    assert copy.deepcopy(data).fingerprint == data.fingerprint
    assert pickle.loads(pickle.dumps(data)).fingerprint == data.fingerprint  # noqa: S301


def test_the_fingerprint_is_the_same_in_another_process():
    code = (
        "from pysymude.model.dataset import Dataset;"
        "print(Dataset.hudson_bay(trainable_u0={'hare', 'lynx'}, u0={'c': 1, 'b': 2}).fingerprint)"
    )
    root = str(Path(__file__).parents[2])
    environment = {"PYTHONPATH": root, "PYTHONHASHSEED": "7"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    here = Dataset.hudson_bay(trainable_u0=["lynx", "hare"], u0={"b": 2, "c": 1}).fingerprint
    assert run.stdout.decode().strip() == here


def test_hudson_bay():
    data = Dataset.hudson_bay(noise=1.0)
    assert data.columns == ("hare", "lynx")
    np.testing.assert_array_equal(data[0].t, np.arange(21.0))
    np.testing.assert_array_equal(data[0].u[[0, 4, 20]], [[30.0, 4.0], [36.3, 59.4], [24.7, 8.6]])


def test_repr_lists_the_trajectories():
    assert repr(Dataset(one())) == (
        "Dataset of 1:\n  Trajectory('0': 3 times from 0.0 to 2.0, columns x, y, 6 of 6 measured)"
    )
    assert repr(Dataset([one()] * 12)).endswith("\n  ...")


# -- CSV ---------------------------------------------------------------------------------------


def test_from_csv(tmp_path):
    text = "\ufeff# a comment\n\nx , Time,y\n1, 0.0 ,NA\n# another\n2,1e0,nan\n3,2,\n"
    data = Dataset.from_csv(csv(tmp_path, text), noise=0.1)
    assert data.columns == ("x", "y")
    np.testing.assert_array_equal(data[0].t, T)
    np.testing.assert_array_equal(data[0].u, [[1, NAN], [2, NAN], [3, NAN]])
    assert data[0].noise["x"] == 0.1


@pytest.mark.parametrize(
    ("header", "time"),
    [("a,t,b", "t"), ("T,time,b", "time"), ("a,TIME,b", "TIME"), ("a,b,c", "a")],
)
def test_the_time_column_is_found(tmp_path, header, time):
    data = Dataset.from_csv(csv(tmp_path, f"{header}\n0,1,2\n3,4,5\n"))
    assert data.columns == tuple(c for c in header.split(",") if c != time)


def test_columns_may_be_chosen_and_renamed(tmp_path):
    path = csv(tmp_path, 'day,"hares, thousand",junk\n0,1,a\n1,2,b\n')
    data = Dataset.from_csv(path, time="day", states={"hares, thousand": x})
    np.testing.assert_array_equal(data[0].u, [[1.0], [2.0]])
    assert data.columns == ("x",)
    path = csv(tmp_path, "t,x,y\n0,1,2\n1,2,3\n")
    np.testing.assert_array_equal(Dataset.from_csv(path, states=[y, x])[0].u, [[2, 1], [3, 2]])
    assert Dataset.from_csv(path, states="y").columns == ("y",)


def test_an_experiment_column_groups_rows(tmp_path):
    path = csv(tmp_path, "run,t,x\nb,0,1\na,0,2\nb,1,3\na,5,4\n")
    data = Dataset.from_csv(path, experiment="run", parameters=[{"k": 1}, {"k": 2}])
    assert [tr.name for tr in data] == ["b", "a"]
    np.testing.assert_array_equal(data[0].u, [[1.0], [3.0]])
    np.testing.assert_array_equal(data[1].t, [0.0, 5.0])
    assert [tr.parameters["k"] for tr in data] == [1.0, 2.0]


WRONG_FILES = [
    ("", {}, r"data.csv: the file is empty"),
    ("# only a comment\n", {}, "the file is empty"),
    ("t,x\n", {}, r"data.csv: only a header \(t, x\)"),
    ("t\n0\n1\n", {}, "line 1: one column, 't'"),
    ("t,x,x\n0,1,2\n", {}, "data.csv, line 1: two columns are called 'x'"),
    ("0,1\n1,2\n", {}, "line 1: the first line must name the columns.*found '0,1'"),
    ("t,x\n0,1\n0,2\n", {}, r"one time \(0.0\) shows no change"),
    ("t,,x\n0,1,2\n", {}, "line 1: column 2 of the header has no name"),
    ("t,x\n0,1\n1,2,3\n", {}, r"data.csv, line 3: 3 cells under a header of 2 \(t, x\)"),
    ("t,x\n0,1\n\n#\n1,abc\n", {}, "data.csv, line 5: column 'x' has 'abc', which is no finite"),
    ("t,x\n0,1\n1,inf\n", {}, "line 3: column 'x' has 'inf'"),
    ("t,x\n0,1\n1,1_0\n", {}, "line 3: column 'x' has '1_0'"),
    ("t,x\n0,1\n,2\n", {}, "line 3: no time in column 't'"),
    ("t,x\n0,1\n2,1\n1,2\n", {}, r"line 4: time 1.0 does not come after 2.0 \(line 3\); sort"),
    ("t,x\n1,1\n0,2\n", {}, "name the column that tells experiments apart: experiment="),
    ("t,x\n0,1\n1,2\n", {"time": "tme"}, "time= asks for column 'tme'; found columns t, x"),
    ("t,hare\n0,1\n1,2\n", {"states": ["haer"]}, "states= asks for column 'haer'.*mean 'hare'"),
    ("t,x\n0,1\n1,2\n", {"states": {"z": "x"}}, "states= asks for column 'z'"),
    ("t,x\n0,1\n1,2\n", {"experiment": "run"}, "experiment= asks for column 'run'"),
    ("t,x y\n0,1\n1,2\n", {}, "one name each; found 'x y'.*rename columns: states="),
    ("time,T,x\n0,1,1\n1,2,1\n", {"states": ["x", "time"]}, "column 'time' is the time"),
    ("t,run\n0,a\n1,a\n", {"experiment": "run"}, "no measured column is left"),
    ("run,t,x\na,0,1\n,1,2\n", {"experiment": "run"}, "line 3: the experiment column 'run' is"),
    ("run,t,x\na,0,1\nb,0,2\n", {"experiment": "run"}, "experiment a: one time .* no change"),
    ("t,x\n0,1\n1,2\n", {"u0": {"x": NAN}}, r"data.csv: u0\['x'\] must be finite"),
    ("t,x\n0,\n1,NA\n", {}, "data.csv: a dataset needs a trajectory with a measured value"),
    ('t,x\n0,1\n1,"2\n', {}, "data.csv, line 3: unexpected end of data"),
]


@pytest.mark.parametrize(
    ("text", "keywords", "message"), WRONG_FILES, ids=lambda v: v if type(v) is str else ""
)
def test_wrong_files_say_where(tmp_path, text, keywords, message):
    with pytest.raises(InvalidInputError, match=message):
        Dataset.from_csv(csv(tmp_path, text), **keywords)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InvalidInputError, match=r"none\.csv: no such file, seen from"):
        Dataset.from_csv(tmp_path / "none.csv")
    with pytest.raises(InvalidInputError, match="cannot be read: Is a directory"):
        Dataset.from_csv(tmp_path)
    (tmp_path / "data.csv").write_bytes(b"t,x\n0,\xff\n")
    with pytest.raises(InvalidInputError, match="not UTF-8 text"):
        Dataset.from_csv(tmp_path / "data.csv")


# -- data frames -------------------------------------------------------------------------------


def test_from_dataframe_is_like_from_csv():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {"time": [0, 1, 0, 1], "x": [1.5, pd.NA, None, 4], "run": ["a", "a", "b", "b"]}
    )
    data = Dataset.from_dataframe(frame, experiment="run", states={"x": "z"})
    assert [tr.name for tr in data] == ["a", "b"]
    assert data.columns == ("z",)
    np.testing.assert_array_equal(data[0].u, [[1.5], [NAN]])
    np.testing.assert_array_equal(data[1].u, [[NAN], [4.0]])


def test_wrong_frames():
    pd = pytest.importorskip("pandas")
    with pytest.raises(InvalidInputError, match="takes a data frame; found ndarray"):
        Dataset.from_dataframe(np.ones((2, 2)))
    with pytest.raises(InvalidInputError, match="data frame: only a header"):
        Dataset.from_dataframe(pd.DataFrame({"t": [], "x": []}))
    with pytest.raises(InvalidInputError, match="data frame, header: two columns are called 'x'"):
        Dataset.from_dataframe(pd.DataFrame([[0, 1, 2]], columns=["t", "x", "x"]))
    with pytest.raises(InvalidInputError, match="data frame, row 1: column 'x' has 'bad'"):
        Dataset.from_dataframe(pd.DataFrame({"t": [0, 1], "x": [1, "bad"]}))


# -- wrong calls -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Dataset([]), "Dataset is empty"),
        (lambda: Dataset(3), "Dataset takes trajectories; found int"),
        (lambda: Dataset([one(), U]), "entry 1 is a list: use Trajectory.from_arrays"),
        (lambda: Dataset([one(name="a"), one(name="a")]), "two trajectories are called 'a'"),
        (
            lambda: Dataset.from_arrays(T, [NAN, NAN, NAN], states="x"),
            "needs a trajectory with a measured value",
        ),
        (
            lambda: Dataset.from_arrays([T, T], [U], states=[x, y]),
            "u must have one entry for each of the 2 arrays in t; found 1",
        ),
        (
            lambda: Dataset.from_arrays([T, T], np.ones((2, 3, 2)), states=[x, y]),
            r"u must be a list of 2 arrays like t; found shape \(2, 3, 2\)",
        ),
        (
            lambda: Dataset.from_arrays([T, T], [U, U], states=[x, y], name=["a"]),
            "name must have one entry for each of the 2 arrays in t; found 1",
        ),
        (
            lambda: Dataset.from_arrays([T, T], [U, np.ones((2, 3))], states=[x, y]),
            r"experiment 1: u must have shape \(times, columns\)",
        ),
        (lambda: Dataset.from_arrays([0, None], [1, 2], states="x"), r"found t\[1\] = nan"),
        (
            lambda: Dataset.from_arrays(T, U, states=[x, y], u0=[1.0, None]),
            r"u0\['y'\] must be finite; found nan",
        ),
        (lambda: Dataset(one()).split_tail(1.0), "between 0 and 1; found 1.0"),
        (lambda: Dataset(one().truncated(1)).split_tail(0.5), "nothing to hold out"),
    ],
)
def test_wrong_calls(call, message):
    with pytest.raises(InvalidInputError, match=message):
        call()

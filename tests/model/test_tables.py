"""Tables of other people's shapes: each is read as its author meant it, or its ambiguity is named."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysymude.errors import InvalidInputError, TableWarning
from pysymude.model.dataset import Dataset
from pysymude.model.symbols import states
from pysymude.model.system import ODESystem
from pysymude.model.tables.delimited import parse_csv
from pysymude.model.tables.experiments import experiments
from pysymude.model.tables.roles import Asked

NAN = float("nan")
x, y = states("x y")


def read(tmp_path, text, **keywords):
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    return Dataset.from_csv(path, **keywords)


def quietly(tmp_path, text, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TableWarning)
        return read(tmp_path, text, **keywords)


# name: (text, keywords, columns, times, values), of the first experiment
ORDINARY = {
    "units in brackets": (
        "time [h],x [mg/l],y (µmol)\n0,1.5,2\n1,1.25,3\n",
        {}, "x y", [0, 1], [[1.5, 2], [1.25, 3]],
    ),
    "German spreadsheet": (
        "Zeit;x;y\n0;1,5;0,25\n0,5;1.234,5;0,3\n",
        {}, "x y", [0, 0.5], [[1.5, 0.25], [1234.5, 0.3]],
    ),
    "tabs": ("t\tx\ty\n0\t1\t2\n1\t3\t\n", {}, "x y", [0, 1], [[1, 2], [3, NAN]]),
    "tabs and decimal commas": ("t\tx\n0\t1,5\n1\t2,25\n", {}, "x", [0, 1], [[1.5], [2.25]]),
    "blanks": ("t   x  y\n0.0 1e0 2\n  1.0  3   4\n", {}, "x y", [0, 1], [[1, 2], [3, 4]]),
    "saved by numpy": ("# t x\n0.0 1.0\n1.0 2.0\n", {}, "x", [0, 1], [[1], [2]]),
    "saved by pandas": (",time,x\n0,0.0,1\n1,0.5,2\n", {}, "x", [0, 0.5], [[1], [2]]),
    "saved twice by pandas": (
        ",Unnamed: 1,t,x\n0,0,0.0,1\n1,1,0.5,2\n",
        {}, "x", [0, 0.5], [[1], [2]],
    ),
    "saved by pandas with a time index": (",x\n0.0,1\n0.5,2\n", {}, "x", [0, 0.5], [[1], [2]]),
    "saved by R": ('"","year","x"\n"1",1900,30\n"2",1901,47.2\n', {}, "x", [1900, 1901], [[30], [47.2]]),
    "row names of R": ('"t" "x"\n"a" 0 1\n"b" 1 2\n', {}, "x", [0, 1], [[1], [2]]),
    "dates": ("date,x\n2020-03-01,1\n2020-03-02,2\n2020-03-05,4\n", {}, "x", [0, 1, 4], [[1], [2], [4]]),
    "date-times": (
        "timestamp,x\n2021-06-01T10:00:00Z,1\n2021-06-01T11:30:00Z,2\n2021-06-01 13:00:00Z,4\n",
        {}, "x", [0, 1.5, 3], [[1], [2], [4]],
    ),
    "German dates": (
        "Datum;x\n01.02.2020;1,0\n03.02.2020 12:00;2,5\n",
        {"time_unit": "hours"}, "x", [0, 60], [[1], [2.5]],
    ),
    "American dates": (
        "Date,x\n1/31/2020 11:00 PM,1\n2/1/2020 1:00 AM,2\n", {}, "x", [0, 2], [[1], [2]],
    ),
    "clock times": ("time,x\n00:01:00,1\n00:02:30,2\n00:04:00,3\n", {}, "x", [1, 2.5, 4], [[1], [2], [3]]),
    "limits": (
        "t,x,y\n0,5,<0.1\n1,<LOQ,> 200\n2,≤0.5,3\n", {"loq": 0.2},
        "x y", [0, 1, 2], [[5, 0.1], [0.2, 200], [0.5, 3]],
    ),
    "many words for nothing": (
        "t,x,y\n0,.,1\n1,NA,-\n2,n/a,NULL\n3,4,#N/A\n", {}, "x y", [0, 1, 2, 3],
        [[NAN, 1], [NAN, NAN], [NAN, NAN], [4, NAN]],
    ),
    "a row of units": ("t,x,y\nh,mg/l,-\n0,1,2\n1,3,4\n", {}, "x y", [0, 1], [[1, 2], [3, 4]]),
    "comments of text": (
        "t,x,remark,operator\n0,1,fine,AB\n1,2,,CD\n", {}, "x", [0, 1], [[1], [2]],
    ),
    "thousands": ('t,x\n0,"1,234,567"\n1,"2,345.5"\n', {}, "x", [0, 1], [[1234567], [2345.5]]),
    "thousands of Switzerland and France": (
        "t;x\n0;1'234.5\n1;12 345.25\n", {}, "x", [0, 1], [[1234.5], [12345.25]],
    ),
    "a separator at each end": ("t,x,\n0,1,\n1,2,\n", {}, "x", [0, 1], [[1], [2]]),
    "what Excel is told": ("sep=;\nt;x\n0;1\n1;2\n", {}, "x", [0, 1], [[1], [2]]),
    "the mark and the ends of lines of Windows": ("\ufefft,x\r\n0,1\r\n1,2\r\n", {}, "x", [0, 1], [[1], [2]]),
    "repeated measurements": ("t,x\n0,1\n0,1.2\n1,2\n1,2.2\n", {}, "x", [0, 0, 1, 1], [[1], [1.2], [2], [2.2]]),
    "replicates beside each other": (
        "t,x_1,x_2,x_3\n0,1,1.5,\n1,2,2.5,3\n", {"states": {"x_1": x, "x_2": x, "x_3": x}}, "x",
        [0, 0, 1, 1, 1], [[1], [1.5], [2], [2.5], [3]],
    ),
    "a long table": (
        "time,variable,value\n0,x,1\n0,y,5\n1,x,2\n2,y,3\n", {}, "x y", [0, 1, 2], [[1, 5], [2, NAN], [NAN, 3]],
    ),
    "a long table, one variable after the other": (
        "variable;time;value\nx [g];0;1,5\nx [g];1;2,5\ny;0;5\ny;0;5,5\ny;2;<3\n", {}, "x y",
        [0, 0, 1, 2], [[1.5, 5], [NAN, 5.5], [2.5, NAN], [NAN, 3]],
    ),
    "PEtab": (
        "observableId\tsimulationConditionId\tmeasurement\ttime\tnoiseParameters\n"
        "x\tc1\t1\t0\t0.1\nx\tc1\t2\t5\t0.2\nx\tc2\t3\t0\t0.3\nx\tc2\t4\t5\t0.4\n",
        {}, "x", [0, 5], [[1], [2]],
    ),
    "pharmacokinetics": (
        'Subject,Time,conc,Form\n1,0,0.74,"oral"\n1,0.25,2.84,"oral"\n2,0,0,"oral"\n2,0.27,1.72,"oral"\n',
        {"states": {"conc": "x"}}, "x", [0, 0.25], [[0.74], [2.84]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_files_are_read(tmp_path, name):
    text, keywords, columns, times, values = ORDINARY[name]
    data = quietly(tmp_path, text, **keywords)
    assert data.columns == tuple(columns.split())
    np.testing.assert_allclose(data[0].t, times, rtol=1e-14)
    np.testing.assert_allclose(data[0].u, values, rtol=1e-14)


def test_limits_of_a_file_are_marked(tmp_path):
    data = read(tmp_path, ORDINARY["limits"][0], loq={"x": 0.2})
    np.testing.assert_array_equal(data[0].censored, [[0, -1], [-1, 1], [-1, 0]])
    data = read(tmp_path, "t,x,LLOQ\n0,5,0.1\n1,BLQ,0.3\n2,<LLOQ,0.2\n")
    assert data.columns == ("x",)
    np.testing.assert_array_equal(data[0].u[:, 0], [5, 0.3, 0.2])
    np.testing.assert_array_equal(data[0].censored[:, 0], [0, -1, -1])
    long = read(tmp_path, ORDINARY["a long table, one variable after the other"][0])
    np.testing.assert_array_equal(long[0].censored, [[0, 0], [0, 0], [0, 0], [0, -1]])


def test_noise_stands_beside_what_was_measured(tmp_path):
    text = "t,x,x_sd,y,sigma_y\n0,1,0.1,5,0.5\n1,2,0.2,,\n"
    expected = [[0.1, 0.5], [0.2, NAN]]
    np.testing.assert_array_equal(read(tmp_path, text)[0].noise_array(), expected)
    text = "t,x,ex,y,ey\n0,1,0.1,5,0.5\n1,2,0.2,,\n"
    data = read(tmp_path, text, states=["x", "y"], noise={"x": "ex", "y": "ey"})
    np.testing.assert_array_equal(data[0].noise_array(), expected)
    text = "t,x,x_sd,y\n0,1,0.1,5\n1,2,0.2,4\n"
    assert list(read(tmp_path, text)[0].noise) == ["x"]
    petab = read(tmp_path, ORDINARY["PEtab"][0])
    assert [tr.name for tr in petab] == ["c1", "c2"]
    np.testing.assert_array_equal(petab[1].noise_array(), [[0.3], [0.4]])
    text = "time,variable,value,error\n0,x,1,0.1\n1,x,2,0.2\n"
    data = quietly(tmp_path, text, noise="error")
    np.testing.assert_array_equal(data[0].noise_array(), [[0.1], [0.2]])
    assert data[0].n_measured == 2


def test_experiments_may_be_named_by_several_columns(tmp_path):
    text = "dose,rep,t,x\n1,a,0,1\n1,b,0,2\n1,a,1,3\n1,b,1,4\n"
    data = read(tmp_path, text, experiment=["dose", "rep"])
    assert [tr.name for tr in data] == ["1, a", "1, b"]
    np.testing.assert_array_equal(data[1].u, [[2], [4]])


def test_a_system_takes_its_own_columns_and_the_rest_is_named(tmp_path):
    system = ODESystem({x: -x}, observables={"total": 2 * x})
    with pytest.warns(TableWarning, match=r"left out: T, note \(the system has x, total\)"):
        data = read(tmp_path, "t,x,T,note,total\n0,1,20,a,2\n1,2,21,b,4\n", states=system)
    assert data.columns == ("x", "total")
    with pytest.warns(TableWarning, match="left out: z"):
        data = read(tmp_path, "t,variable,value\n0,x,1\n1,x,1\n0,z,2\n", states=system)
    assert data.columns == ("x",)


def test_what_was_understood_is_said(tmp_path):
    with pytest.warns(
        TableWarning,
        match="data.csv: time is in days since 2020-03-01, from column 'date'; time_unit=",
    ):
        read(tmp_path, ORDINARY["dates"][0])
    with pytest.warns(TableWarning, match="time is in hours since .*'Datum'$"):
        read(tmp_path, ORDINARY["German dates"][0], time_unit="hours")
    with pytest.warns(TableWarning, match=r"left out: remark, operator \(text") as caught:
        read(tmp_path, ORDINARY["comments of text"][0])
    assert caught[0].filename == __file__


def test_two_bytes_a_letter(tmp_path):
    (tmp_path / "data.csv").write_bytes("t\tx\n0\t1\n1\t2\n".encode("utf-16"))
    np.testing.assert_array_equal(Dataset.from_csv(tmp_path / "data.csv")[0].u, [[1], [2]])


AMBIGUOUS = [
    ("t;x\n0;1,234\n1;2,345\n", {}, "'1,234' may be a thousand or a decimal comma; say decimal="),
    ("t;x\n0;0,5\n1;0.25\n", {}, r"decimal comma \('0,5'\) and others a decimal point \('0.25'\)"),
    ("t,x\n0,5\n1,<LOQ\n", {}, "data.csv, line 3: column 'x' has '<LOQ', a limit without its number; say loq="),
    ("date,x\n1/2/2020,1\n3/4/2020,2\n", {}, "in an order that it hides: '1/2/2020'; write dates as"),
    ("date,x\n13/2/2020,1\n3/14/2020,2\n", {}, "both orders of day and month"),
    ("date,x\n2020-01-01,1\nsoon,2\n", {}, "line 3: column 'date' has 'soon', which is no date"),
    ("date,x\n2020-01-01,1\n12:30,2\n", {}, "mixes dates with clock times"),
    ("date,x\n2020-01-02,1\n2020-01-01,2\n", {}, "line 3: time 0.0 does not come after 1.0"),
    (",x,y\n0,1,2\n1,2,3\n", {}, "no name and counts the rows; which one is the time.* one of x, y"),
    ("t,x\n0,<\n1,2\n", {}, "line 2: column 'x' has '<'"),
    ("t,x\n<0,1\n1,2\n", {}, "line 2: column 't' has '<0', which is no finite number"),
    ("time,variable,value\n0,x,1\n1,x,2\n0,x,3\n", {}, "line 4: time 0.0 of 'x' does not come after 1.0"),
    ("time,variable,value\n0,x,1\n1,x,2\n", {"states": ["xx"]}, "states= asks for 'xx'; did you mean x"),
    ("time,variable,value\n0,x y,1\n1,x y,2\n", {}, "one name each; found 'x y'.*rename columns"),
    ("time,what,much\n0,x,1\n1,x,2\n", {"variable": "what"}, "value= is missing"),
    ("t,x,s\n0,1,1\n1,2,1\n", {"noise": "s"}, "in a wide table noise= says .* noise={'x': 's'}"),
    ("t,x\n0,1\n1,2\n", {"time_unit": "fortnights"}, "time_unit= is one of seconds"),
    ("t,x\n0,1\n1,2\n", {"decimal": ";"}, "decimal= is '.' or ','; found ';'"),
    ("t,x\n0,1\n1,2\n", {"delimiter": "::"}, "delimiter= is one character; found '::'"),
    ("t,x [a],x [b]\n0,1,1\n1,2,1\n", {"states": ["x"]}, "asks for column 'x'; found columns"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "keywords", "message"), AMBIGUOUS)
def test_what_may_be_meant_in_two_ways_is_asked(tmp_path, text, keywords, message):
    with pytest.raises(InvalidInputError, match=message):
        quietly(tmp_path, text, **keywords)


def test_a_given_decimal_sign_decides(tmp_path):
    text = "t;x\n0;1,234\n1;2,345\n"
    np.testing.assert_array_equal(read(tmp_path, text, decimal=",")[0].u, [[1.234], [2.345]])
    np.testing.assert_array_equal(read(tmp_path, text, decimal=".")[0].u, [[1234], [2345]])


# -- data frames -------------------------------------------------------------------------------


def frame_of(pd, index, **columns):
    return pd.DataFrame(columns, index=index)


def test_an_index_of_times_is_the_time():
    pd = pytest.importorskip("pandas")
    values = {"x": [1.0, 2.0], "y": [3.0, 4.0]}
    for index in ([0.0, 0.5], pd.Index([0.0, 0.5], name="hour"), pd.Index([0.0, 0.5], name="t")):
        data = Dataset.from_dataframe(frame_of(pd, index, **values))
        assert data.columns == ("x", "y")
        np.testing.assert_array_equal(data[0].t, [0, 0.5])
    days = pd.date_range("2020-01-01", periods=2, freq="D")
    with pytest.warns(TableWarning, match="time is in days since 2020-01-01"):
        data = Dataset.from_dataframe(frame_of(pd, days, **values))
    np.testing.assert_array_equal(data[0].t, [0, 1])
    with pytest.warns(TableWarning, match="time is in minutes"):
        data = Dataset.from_dataframe(frame_of(pd, pd.to_timedelta([0, 90], unit="s"), **values))
    np.testing.assert_array_equal(data[0].t, [0, 1.5])


def test_a_column_of_times_comes_before_an_index():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"time": [0.0, 1.0, 2.0], "x": [1.0, 2.0, 3.0]})
    for one in (frame, frame[frame.time != 1.0]):
        data = Dataset.from_dataframe(one)
        assert data.columns == ("x",)
        assert data[0].t[-1] == 2.0


def test_levels_of_an_index_tell_experiments_apart():
    pd = pytest.importorskip("pandas")
    index = pd.MultiIndex.from_product([["a", "b"], [0.0, 1.0]], names=["run", "time"])
    for names in (["run", "time"], [None, None], ["run", None]):
        data = Dataset.from_dataframe(frame_of(pd, index.set_names(names), x=[1.0, 2.0, 3.0, 4.0]))
        assert [tr.name for tr in data] == ["a", "b"]
        np.testing.assert_array_equal(data[1].u, [[3], [4]])


def test_a_long_frame_with_dates():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime(["2020-01-01", "2020-01-02"] * 2),
            "variable": ["x", "x", "y", "y"],
            "value": [1.0, None, "<3", 4],
        }
    )
    with pytest.warns(TableWarning):
        data = Dataset.from_dataframe(frame)
    np.testing.assert_array_equal(data[0].u, [[1, 3], [NAN, 4]])
    np.testing.assert_array_equal(data[0].censored, [[0, -1], [0, 0]])


# -- whatever the style, the numbers stay ------------------------------------------------------

NUMBERS = st.floats(-1e6, 1e6).map(lambda v: round(v, 3)) | st.floats(
    allow_nan=False, allow_infinity=False
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(NUMBERS, NUMBERS | st.none()), min_size=2, max_size=6),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    comma=st.booleans(),
    missing=st.sampled_from(["", "NA", ".", "n/a"]),
    long=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_numbers_come_through_every_style(rows, delimiter, comma, missing, long, end):
    decimal = "," if comma and delimiter != "," else "."

    def cell(value):
        return missing if value is None else repr(value).replace(".", decimal)

    lines = [["time", "variable", "value"] if long else ["time", "x", "y [mg/l]"]]
    for i, pair in enumerate(rows):
        when = cell(float(i))
        if long:
            lines += [[when, name, cell(value)] for name, value in zip("xy", pair, strict=True)]
        else:
            lines.append([when, *map(cell, pair)])
    text = end.join(delimiter.join(line) for line in lines) + end
    found = experiments(parse_csv(text, "f", decimal=decimal), Asked())
    expected = np.array([[NAN if v is None else v for v in pair] for pair in rows])
    u = np.full_like(expected, NAN)
    for j, name in enumerate(found.states):
        # a long table has no rows for what was not measured at all
        u[np.searchsorted(np.arange(float(len(rows))), found.t[0]), "xy".index(name)] = found.u[0][
            :, j
        ]
    np.testing.assert_array_equal(u, expected)


def test_columns_of_one_name_have_one_unit(tmp_path):
    file = tmp_path / "units.csv"
    file.write_text("t,x [mg],x [g]\n0,1,2\n1,2,3\n2,3,4\n")
    with pytest.raises(InvalidInputError, match="two columns are called 'x', in mg and in g"):
        Dataset.from_csv(file)
    assert Dataset.from_csv(file, states={"x [g]": "x"})[0].u[0, 0] == 2.0
    file.write_text("t,x (1),x (2)\n0,1,2\n1,2,3\n2,3,4\n")
    assert Dataset.from_csv(file)[0].n_measured == 6


NONMEM = """ID,TIME,AMT,DV
1,0,100,.
1,1,.,4.2
1,2,.,3.1
1,12,50,2.0
1,13,0,5.5
2,0,80,.
2,0,20,.
2,3,.,2.7
"""


def test_doses_stand_in_a_column_of_amounts(tmp_path):
    path = tmp_path / "pk.csv"
    path.write_text(NONMEM)
    data = Dataset.from_csv(path, states={"DV": "c"}, doses={"gut": "AMT"}, u0={"gut": 0, "c": 0})
    assert [tr.doses["gut"] for tr in data] == [((0.0, 100.0), (12.0, 50.0)), ((0.0, 100.0),)]
    assert [tr.columns for tr in data] == [("c",)] * 2
    assert [tr.n_measured for tr in data] == [4, 1]
    with pytest.raises(InvalidInputError, match="doses= says into which state a column goes"):
        Dataset.from_csv(path, states={"DV": "c"}, doses="AMT")
    with pytest.raises(InvalidInputError, match="'AMOUNT'"):
        Dataset.from_csv(path, states={"DV": "c"}, doses={"gut": "AMOUNT"})

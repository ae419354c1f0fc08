"""Units stand beside names, and change no number."""

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError, ModelFileError
from pysymude.plot import plot_fit, plot_residuals, plot_solution
from pysymude.solving.tabular import data_frame

UNITS = {"x": "mol / l", "k": "1 / h", "t": "h", "twice": "mol / l"}


def system(**changes):
    x, k = psu.states("x"), psu.parameters("k")
    given = {"trainable": {k: 0.5}, "observables": {"twice": 2 * x}, "units": UNITS} | changes
    return psu.ODESystem({x: -k * x}, **given)


def test_they_are_kept_and_change_nothing():
    with_units, without = system(), system(units={})
    assert dict(with_units.units) == UNITS
    assert with_units != without
    t = np.linspace(0, 1, 5)
    found = psu.solve(with_units, t=t, u0=[2.0], engine="native")
    np.testing.assert_array_equal(found.u, psu.solve(without, t=t, u0=[2.0], engine="native").u)
    assert found.units == UNITS
    assert psu.solve(without, t=t, u0=[2.0], engine="native").units == {}


def test_copies_keep_those_of_what_is_left():
    one = system()
    assert one.replace(bounds={"k": (0, 1)}).units == UNITS
    assert one.replace(observables={}).units == {k: v for k, v in UNITS.items() if k != "twice"}
    assert one.replace(units={"t": "min"}).units == {"t": "min"}
    assert one.units == UNITS


def test_model_files_have_them(tmp_path):
    system().to_toml(tmp_path / "model.toml")
    assert psu.ODESystem.from_toml(tmp_path / "model.toml") == system()
    (tmp_path / "wrong.toml").write_text('[equations]\nx = "-x"\n[units]\ny = "g"\n')
    with pytest.raises(ModelFileError, match=r"units= names 'y'.*known are x"):
        psu.ODESystem.from_toml(tmp_path / "wrong.toml")


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ({"y": "g"}, r"units= names 'y', which the system does not have; time is 't'"),
        ({"x": 3}, r"units\['x'\] is a line of text.*found 3"),
        ({"x": "a\nb"}, r"units\['x'\] is a line of text"),
        ("g", r"units= takes a mapping"),
    ],
)
def test_wrong_units(units, message):
    with pytest.raises(InvalidInputError, match=message):
        system(units=units)


@pytest.fixture(scope="module")
def fit():
    t = np.linspace(0, 3, 13)
    rng = np.random.default_rng(0)
    y = 2 * np.exp(-0.7 * t)[:, None] * np.array([1, 2]) + 0.02 * rng.standard_normal((13, 2))
    data = psu.Dataset.from_arrays(t, y, states=["x", "twice"], u0={"x": 2.0}, noise=0.02)
    return psu.fit(system(), data, stages=psu.LBFGS(20), progress=False, engine="native")


def test_tables_of_a_fit_show_them(fit):
    lines = fit.summary().splitlines()
    (learned,) = [line for line in lines if line.startswith("k = ")]
    assert learned.endswith(" [1 / h]")
    assert any(line.startswith("x [mol / l] ") for line in lines)
    assert "<td>k [1 / h]</td>" in fit._repr_html_()
    assert "x [mol / l]" in str(fit.residuals)
    solution = fit.predict(np.array([0.0, 1.0]))
    assert "<th>t [h]</th><th>x [mol / l]</th>" in solution._repr_html_()


def test_saved_fits_keep_them(fit, tmp_path):
    fit.save(tmp_path / "fit.npz")
    assert psu.FitResult.load(tmp_path / "fit.npz").system.units == UNITS


def test_data_frames_have_them_as_attributes(fit):
    pytest.importorskip("pandas")
    frame = fit.predict(np.array([0.0, 1.0])).to_dataframe()
    assert frame.attrs["units"] == UNITS
    assert list(frame.columns) == ["x", "twice"]
    assert fit.residuals.to_dataframe().attrs["units"] == UNITS
    many = psu.solve_ensemble(
        system(), t=[0.0, 1.0], u0=[[1.0], [2.0]], engine="native", parameters={"k": 1.0}
    )
    assert data_frame(many, "a test").attrs["units"] == UNITS
    assert many[1].units == UNITS


def test_data_sets_have_them_at_each_variable(fit):
    pytest.importorskip("xarray")
    found = fit.predict(np.array([0.0, 1.0])).to_xarray()
    assert found["x"].attrs["units"] == "mol / l"
    assert found["t"].attrs["units"] == "h"


def test_axes_are_labelled_with_them(fit):
    left = plot_fit(fit).axes[0]
    assert left.get_xlabel() == "time t [h]"
    assert left.get_ylabel() == "x, twice [mol / l]"
    assert plot_residuals(fit).axes[0].get_xlabel() == "time t [h]"
    one = psu.solve(system(units={"x": "g$"}), t=[0.0, 1.0], u0=[1.0], engine="native")
    (axes,) = plot_solution(one).axes
    assert axes.get_ylabel() == r"x [g\$], twice"
    assert axes.get_xlabel() == "time t"

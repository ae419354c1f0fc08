"""What a solve or an objective says to names and values that do not fit, and where its warnings point."""

import warnings

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError, ToleranceWarning, WrongCallError

x = psu.states("x")
CL, V, F = psu.parameters("CL V F", positive=True)
SYSTEM = psu.ODESystem({x: -CL / V * x * F}, parameters={F: 1.0}, trainable={CL: 1.0, V: 2.0})
USUAL = {"u0": [1.0], "t": [0.0, 1.0], "engine": "native"}


def test_an_unknown_parameter_meets_all_that_there_are():
    with pytest.raises(InvalidInputError, match=r"'CLX'; it has F, CL, V; did you mean CL\?"):
        psu.solve(SYSTEM, **USUAL, parameters={"CLX": 3.0})


def test_columns_are_those_of_the_user():
    s = psu.parameters("s", positive=True)
    noisy = psu.ODESystem(
        {x: -x}, trainable={s: 1.0}, observables={"conc": 2 * x}, noise={"conc": psu.Normal(s)}
    )
    for name in ("cnc", "conc_noise0"):
        data = psu.Dataset.from_arrays(np.arange(3.0), np.ones(3), states=[name], u0={x: 1.0})
        with pytest.raises(
            InvalidInputError, match=r"which has x, conc[;\s]*(did you mean conc\?)?$"
        ):
            psu.objective(noisy, data)


def test_what_comes_by_place_is_named_one_by_one():
    with pytest.raises(WrongCallError, match=r"write t=\.\.\., u0=\.\.\.$"):
        psu.solve(SYSTEM, [1.0], (0.0, 1.0))
    with pytest.raises(WrongCallError, match=r"write u0=\.\.\.$"):
        psu.solve(SYSTEM, [1.0], t=(0.0, 1.0))


@pytest.mark.parametrize("values", [[1.0, 2.0], (1.0, 2.0), np.array([1.0, 2.0])])
def test_several_values_lead_to_ensembles(values):
    with pytest.raises(InvalidInputError, match=r"one number; .*psu\.solve_ensemble"):
        psu.solve(SYSTEM, **USUAL, parameters={F: values})
    with pytest.raises(InvalidInputError, match=r"one number; .*psu\.solve_ensemble"):
        psu.solve(SYSTEM, **(USUAL | {"u0": {x: values}}))


def test_a_warning_points_at_the_line_that_called():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        psu.solve(SYSTEM, **(USUAL | {"u0": [1e-12]}), abstol=1e-6)
    (one,) = (w for w in seen if w.category is ToleranceWarning)
    assert one.filename == __file__

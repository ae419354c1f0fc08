"""`laws=` at the public door: what is refused, what is kept in files, what a fit says of its laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import CapabilityError, InvalidInputError

x, y, z = psu.states("x y z")
a, b, c = psu.parameters("a b c")
nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(3,))
CIRCLE = psu.ODESystem({x: y + nn[0], y: nn[1]})
T = np.linspace(0.0, 3.0, 10)
DATA = psu.Dataset.from_arrays(T, np.stack([np.sin(T), np.cos(T)], axis=1), states=[x, y])
STAGES = [psu.LawMatching(20), psu.GradientMatching(20), psu.LBFGS(5)]
ROTATION = psu.Generator(0, {x: -y, y: x})

REFUSED = [
    ({"conserve": "project"}, "needs laws="),
    ({"laws": x**2 + y**2, "conserve": "force"}, "conserve='force' is unknown"),
    ({"laws": x**2 + z**2}, "unknown symbols: z"),
    ({"laws": "energy"}, "no observable of the system"),
    ({"laws": x**2 + y**2, "conserve": "eliminate"}, "linear in the states"),
    ({"laws": x**2 + y**2, "law_weight": -1.0}, "law_weight must not be negative; found -1.0"),
    ({"equivariance": x}, "found Symbol"),
    ({"equivariance": [3]}, "takes a Generator or a list of them; found int"),
    ({"equivariance": psu.Generator(0, {z: z})}, "moves z, which is no state"),
]


@pytest.mark.parametrize(("keywords", "message"), REFUSED)
def test_wrong_calls(keywords: dict[str, object], message: str):
    with pytest.raises(InvalidInputError, match=message):
        psu.objective(CIRCLE, DATA, **keywords)


def test_a_coefficient_that_stands_nowhere_is_noticed():
    system = CIRCLE.replace(trainable={a: 1.0})
    with pytest.raises(InvalidInputError, match="'a' stands in no equation, observable or law"):
        psu.objective(system, DATA)
    assert psu.objective(system, DATA, laws=x**2 + a * y**2).layout.size == CIRCLE.layout.size + 1


def test_a_law_that_can_be_nothing_is_refused_as_a_penalty():
    system = CIRCLE.replace(trainable={a: 1.0, b: 1.0})
    law = a * x**2 + b * y**2
    with pytest.raises(InvalidInputError, match="satisfied by a, b = 0"):
        psu.objective(system, DATA, laws=law, conserve="penalty")
    assert psu.objective(system, DATA, laws=law, conserve="project").laws[0].expr == law


@pytest.fixture(scope="module")
def fitted() -> psu.FitResult:
    return psu.fit(
        CIRCLE.replace(trainable={a: 0.7}), DATA, laws=[x**2 + a * y**2], conserve="project",
        equivariance=ROTATION, equivariance_weight=0.01, stages=STAGES, engine="native",
        progress=False,
    )  # fmt: skip


def test_history_has_a_column_for_each_term(fitted: psu.FitResult):
    assert {"law_1", "data", "symmetry_1"} <= set(fitted.history)
    assert fitted.values["a"] == pytest.approx(1.0, abs=0.05)


def test_slopes_do_not_bend_what_the_data_have_told():
    """A network that is still wrong must not draw the coefficients of a law after it."""

    def learned(*stages: object) -> float:
        fit = psu.fit(
            CIRCLE.replace(trainable={a: 0.7}), DATA, laws=x**2 + a * y**2, conserve="project",
            stages=stages, engine="native", progress=False,
        )  # fmt: skip
        return fit.values["a"]

    told = learned(psu.LawMatching(20))
    assert told == pytest.approx(1.0, abs=0.01)
    part = psu.LBFGS(3, horizon=(0.5,))
    assert learned(psu.LawMatching(20), psu.GradientMatching(20), part) == told
    # without the first stage they are all that can be fitted, and on the whole span they are free
    assert learned(psu.GradientMatching(20)) != 0.7
    assert learned(psu.LawMatching(20), psu.LBFGS(3)) != told


def test_drift_and_values(fitted: psu.FitResult):
    t = np.linspace(0.0, 30.0, 301)
    values = fitted.law_values(t)["law_1"]
    sol = fitted.predict(t)
    expected = sol["x"] ** 2 + fitted.values["a"] * sol["y"] ** 2
    np.testing.assert_allclose(values, expected, rtol=1e-13)
    drift = np.abs(values - values[0]).max() / values[0]
    assert fitted.drift(t)["law_1"] == pytest.approx(drift, rel=1e-12)
    assert 1e-12 < drift < 1e-4
    assert "project, drift" in fitted.summary()


def test_a_saved_fit_has_its_laws(fitted: psu.FitResult, tmp_path: Path):
    fitted.save(tmp_path / "fit.psu")
    loaded = psu.FitResult.load(tmp_path / "fit.psu")
    assert loaded.system == fitted.system
    assert [law.expr for law in loaded.laws] == [law.expr for law in fitted.laws]
    assert loaded.objective.settings.equivariance[0].eta == ROTATION.eta
    assert loaded.objective.enforced.conserve == "project"
    found, expected = (f.objective.evaluate(f.theta, gradient=False) for f in (loaded, fitted))
    assert dict(found.terms) == pytest.approx(dict(expected.terms), rel=1e-12)
    np.testing.assert_array_equal(loaded.predictions[0].u, fitted.predictions[0].u)


def test_an_eliminated_state_is_found_again(tmp_path: Path):
    r = psu.MLP("r", inputs=[x], outputs=1, hidden=(2,))
    system = psu.ODESystem({x: -r[0], y: r[0]})
    data = psu.Dataset.from_arrays(
        T, np.stack([np.exp(-T), 1.5 - np.exp(-T)], axis=1), states=[x, y]
    )
    fit = psu.fit(
        system, data, laws=psu.first_integrals(system), conserve="eliminate", engine="native",
        stages=[psu.GradientMatching(40)], progress=False,
    )  # fmt: skip
    sol = fit.predict(T, u0={"x": 2.0, "y": 3.0})
    assert sol.states == ("x", "y")
    assert not sol.observables
    np.testing.assert_allclose(sol.u.sum(axis=1), 5.0, rtol=1e-15)
    assert fit.unknown_term([[0.5, 1.0]]) == pytest.approx(np.array([[-0.5, 0.5]]), rel=0.2)
    fit.save(tmp_path / "fit.psu")
    loaded = psu.FitResult.load(tmp_path / "fit.psu")
    np.testing.assert_array_equal(loaded.predict(T).u, fit.predict(T).u)
    with pytest.raises(CapabilityError, match="conserve='eliminate'"):
        fit.predict(T, events=[psu.Event(x - 0.5)])


def test_training_with_laws_resumes(tmp_path: Path):
    keywords = {
        "laws": sp.Integer(3) * (x**2 + y**2), "conserve": "project", "engine": "native",
        "stages": STAGES, "progress": False, "checkpoint": tmp_path / "state",
    }  # fmt: skip
    stopped = psu.fit(
        CIRCLE, DATA, callback=lambda step: step.iteration == 9, checkpoint_every=1, **keywords
    )
    assert stopped.stopped == "stopped by the callback"
    resumed = psu.fit(CIRCLE, DATA, resume=True, **keywords)
    whole = psu.fit(CIRCLE, DATA, **keywords)
    np.testing.assert_array_equal(resumed.theta, whole.theta)

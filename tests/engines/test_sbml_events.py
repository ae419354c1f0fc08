"""Events of SBML, at times that are known and at those that states decide."""

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import ModelFileError

pytest.importorskip("libsbml", reason="python-libsbml is not installed")

from tests.engines.petab_text import ONE, TWO, table, write
from tests.interchange import sbml_text as s

T = np.linspace(0.0, 3.0, 13)


def solved(engine, events, **more):
    parts = {
        "parameters": [s.parameter("x", 1.0, constant="false"), s.parameter("k", 1.0, constant="false")],
        "rules": [s.rate("x", "-k*x")],
    } | more  # fmt: skip
    system = psu.ODESystem.from_sbml(s.sbml(events=events, **parts))
    sol = psu.solve(system, t=T, engine=engine, reltol=1e-9, abstol=1e-11)
    assert sol.success
    return sol


def test_at_a_time_that_is_known(engine):
    sol = solved(engine, [s.event("kick", "time >= 1.1", {"x": "x + 2", "k": "0.5"})])
    after = (np.exp(-1.1) + 2) * np.exp(-0.5 * (T - 1.1))
    assert np.allclose(sol["x"], np.where(T < 1.1, np.exp(-T), after), rtol=1e-7)


def test_where_a_state_says_so(engine):
    sol = solved(engine, [s.event("refill", "0.5 > x", {"x": "1"})])
    assert np.allclose(sol["x"], np.exp(-(T % np.log(2))), rtol=1e-6)
    assert np.allclose(sol.events["refill"].t, np.log(2) * np.arange(1, 5), rtol=1e-7)


def test_a_volume_that_jumps_keeps_amounts(engine):
    sol = solved(
        engine, [s.event("grow", "time > 2.1", {"c": "2*c"})],
        compartments=[s.compartment("c", 2.0, constant="false")],
        species=[
            s.species("A", initialConcentration=3),
            s.species("B", initialAmount=1, hasOnlySubstanceUnits="true"),
        ],
        parameters=[s.parameter("z", 0.0, constant="false")], rules=[s.rate("z", "1")],
    )  # fmt: skip
    assert np.allclose(sol["A"], np.where(T > 2.1, 1.5, 3.0), rtol=1e-9)
    assert np.allclose(sol["B"], 1.0, rtol=1e-9)


def test_what_is_set_beside_a_volume_is_meant_in_the_one_before(engine):
    sol = solved(
        engine, [s.event("both", "time >= 1.1", {"c": "0.2", "A": "0.6"})],
        compartments=[s.compartment("c", 0.5, constant="false")], species=[s.species("A", initialConcentration=3)],
        parameters=[s.parameter("z", 0.0, constant="false")], rules=[s.rate("z", "1")],
    )  # fmt: skip
    assert np.allclose(sol["A"], np.where(T < 1.1, 3.0, 0.6 * 0.5 / 0.2), rtol=1e-9)


def test_two_events_with_one_trigger_see_the_same_values(engine):
    swap = [s.event("a", "time >= 1.1", {"x": "k"}), s.event("b", "time >= 1.1", {"k": "x"})]
    system = [s.parameter("x", 3.0, constant="false"), s.parameter("k", 2.0, constant="false")]
    sol = solved(engine, swap, rules=[s.rate("x", "0*x")], parameters=system)
    assert np.allclose(sol["x"], np.where(T < 1.1, 3.0, 2.0))
    assert np.allclose(sol["k"], np.where(T < 1.1, 2.0, 3.0))


def test_in_a_problem(engine, tmp_path):
    model = s.sbml(
        parameters=[
            s.parameter("x", None, constant="false"), s.parameter("k", 1.0), s.parameter("x0", 2.0),
            s.parameter("b", 0.0), s.parameter("low", 1.5),
        ],
        starts=[s.initial("x", "x0")], rules=[s.rate("x", "-k*x + b")],
        events=[s.event("halve", "time > 1.5", {"x": "x/2"}), s.event("refill", "x < low", {"x": "x + 1"})],
    )  # fmt: skip
    files = ONE | {
        "model_xml": model,
        "observables_tsv": table("observableId observableFormula noiseFormula", "obs x 0.3"),
        "conditions_tsv": table("conditionId b", "slow 0.0"),
        "parameters_tsv": table(
            "parameterId parameterScale lowerBound upperBound nominalValue estimate", "k log10 1e-3 1e3 0.5 1",
            "low lin 0 10 1.5 1",
        ),
        "measurements_tsv": table(
            "observableId simulationConditionId time measurement", "obs slow 1 2.0", "obs slow 2 1.0"
        ),
    }  # fmt: skip
    problem = psu.read_petab(write(tmp_path, **files))
    first = np.log(2.0 / 1.5) / 0.5
    at_one = 2.5 * np.exp(-0.5 * (1 - first))
    # halved at 1.5 it is below the limit, and rises by one at once
    half = 2.5 * np.exp(-0.5 * (1.5 - first)) / 2
    assert half < 1.5
    again = 1.5 + np.log((half + 1) / 1.5) / 0.5
    assert again < 2
    at_two = 2.5 * np.exp(-0.5 * (2 - again))
    assert np.allclose(problem.simulations(engine=engine), [at_one, at_two], rtol=1e-6)
    _, slopes = problem.log_likelihood(gradient=True, engine=engine)
    for key, value in problem.nominal.items():
        sides = [problem.log_likelihood({key: value + h}, engine=engine) for h in (1e-5, -1e-5)]
        assert slopes[key] == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-3)


@pytest.mark.parametrize(("added", "happens"), [(2.0, True), (0.5, False)])
def test_a_condition_that_makes_an_event_happen(engine, tmp_path, added, happens):
    model = s.sbml(
        parameters=[s.parameter("x", 1.0, constant="false"), s.parameter("k", 0.5)],
        rules=[s.rate("x", "-k*x")], events=[s.event("cut", "x > 2", {"x": "x/4"})],
    )  # fmt: skip
    files = TWO | {
        "model_xml": model,
        "parameters_tsv": table("parameterId lowerBound upperBound nominalValue estimate", "k 0 10 0.5 true"),
        "conditions_tsv": table("conditionId targetId targetValue", f"kick x x+{added}"),
        "experiments_tsv": table("experimentId time conditionId", "e 0 -", "e 1 kick"),
        "observables_tsv": table("observableId observableFormula noiseFormula", "obs x 0.3"),
        "measurements_tsv": table("observableId experimentId time measurement", "obs e 0 1", "obs e 2 1.0"),
    }  # fmt: skip
    problem = psu.read_petab(write(tmp_path, **files))
    after = (np.exp(-0.5) + added) * (0.25 if happens else 1.0) * np.exp(-0.5)
    assert problem.simulations(engine=engine)[1] == pytest.approx(after, rel=1e-7)
    _, slopes = problem.log_likelihood(gradient=True, engine=engine)
    sides = [problem.log_likelihood({"k": 0.5 + h}, engine=engine) for h in (1e-5, -1e-5)]
    assert slopes["k"] == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-4)


REFUSED = {
    "delay": (
        s.event("e", "time > 1", {"x": "1"}, extra=f"<delay>{s.math('1')}</delay>"), "'e': delays of events",
    ),
    "priority": (
        s.event("e", "time > 1", {"x": "1"}, extra=f"<priority>{s.math('1')}</priority>"), "'e': priorities",
    ),
    "equality": (s.event("e", "time == 1", {"x": "1"}), "'e': its trigger must be one comparison"),
    "two conditions": (s.event("e", "time > 1 && x > 2", {"x": "1"}), "'e': its trigger must be one comparison"),
    "at the start": (
        s.event("e", "x > 0.5", {"x": "1"}).replace('initialValue="true"', 'initialValue="false"'),
        "'e': it would happen at the very start",
    ),
    "at time 0": (
        s.event("e", "time >= 0", {"x": "1"}).replace('initialValue="true"', 'initialValue="false"'),
        "'e': it would happen at the very start",
    ),
    "called off": (
        s.event("e", "time > 1", {"x": "1"}).replace('persistent="true"', 'persistent="false"')
        + s.event("f", "time > 2", {"x": "1"}),
        "'e': it would be called off",
    ),
    "unknown": (s.event("e", "time > 1", {"q": "1"}), "'e': its variable 'q'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read(name):
    event, message = REFUSED[name]
    model = s.sbml(
        parameters=[s.parameter("x", 1.0, constant="false")],
        rules=[s.rate("x", "-x")],
        events=[event],
    )
    with pytest.raises(ModelFileError, match=message):
        psu.ODESystem.from_sbml(model)

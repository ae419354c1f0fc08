"""Experiments that change on the way: against closed forms, piecewise integration and central differences."""

import copy
import pickle

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import pysymude as psu
from pysymude.errors import CapabilityError, InvalidInputError

gut, c = psu.states("gut c")
ka, ke, V, lag, F = psu.parameters("ka ke V lag F")
nn = psu.MLP("nn", inputs=[c], outputs=1, hidden=3)
TIGHT = {"reltol": 1e-10, "abstol": 1e-12}
ONE = psu.ODESystem(
    {gut: -ka * gut, c: ka * gut / V - ke * c},
    trainable={ka: 1.2, ke: 0.3, lag: 0.37, F: 0.8},
    parameters={V: 2.0},
)
UDE = psu.ODESystem(
    {gut: -ka * gut, c: ka * gut / V - ke * c + 0.1 * nn[0]},
    trainable={ka: 1.2, ke: 0.3, lag: 0.37, F: 0.8},
    parameters={V: 2.0},
    initial={c: 0.0},
    observables={"read": F * c + lag},
)
T = np.array([0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0])
Y = np.random.default_rng(0).uniform(0.0, 3.0, T.size)


def bateman(t, doses, ka, ke, V):
    """One compartment with first-order absorption: Bateman, Proc. Cambridge Phil. Soc. 15 (1910), 423."""
    found = np.zeros_like(t)
    for time, amount in doses:
        s = np.maximum(t - time, 0.0)
        found += amount / V * ka / (ka - ke) * (np.exp(-ke * s) - np.exp(-ka * s))
    return found


def experiment(doses=None, periods=None, **more):
    given = {"u0": {gut: 0.0}, "t0": 0.0} | more
    return psu.Trajectory.from_arrays(T, Y, states=[c], doses=doses, periods=periods, **given)


def differences(obj, theta, h=1e-5):
    return np.array(
        [
            (obj.value(theta + h * e) - obj.value(theta - h * e)) / (2 * h)
            for e in np.eye(theta.size)
        ]
    )


CASES = {
    "doses": [experiment({gut: [(0.0, 3.0), (4.0, 2.0)]}), experiment({gut: [(0.0, 3.0)]})],
    "learned amounts": [
        experiment({gut: [(0.0, 3 * F), (4.0, 2 * F), (10.0, F)], c: [(4.0, 0.3)]}),
        experiment({gut: [(14.0, 3.0)]}),
    ],
    "learned times": [
        experiment({gut: [(lag, 3 * F), (4 + lag, 2 * F)]}),
        experiment({gut: [(lag / 2, 3.0)]}),
    ],
    "periods": [
        experiment(
            periods=[
                psu.Period(3.3, set={c: c / 2 + F, gut: gut + c}, parameters={ke: 2 * F, V: 1.5}),
                psu.Period(7 + lag, parameters={V: 3 * F}, set={c: c + psu.t / 10 + nn[0] / 5}),
            ]
        )
    ],
    "values by expressions": [
        experiment({gut: [(0.0, 3.0)]}, parameters={V: 2 * F, ka: 0.7}),
        experiment({gut: [(0.0, 3.0)]}, parameters={ka: 2 * ke}),
    ],
    "starts by expressions": [experiment(u0={gut: 3 * F, c: ke * V}, parameters={V: 2 * lag})],
    "learned starts": [
        psu.Trajectory.from_arrays(
            T,
            np.stack([Y, Y[::-1]], 1),
            states=[gut, c],
            trainable_u0=True,
            doses={gut: [(3.0, F)]},
        )
    ],
}


@pytest.mark.parametrize("sensealg", ["adjoint", "forward"])
@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_differences(engine: str, case: str, sensealg: str):
    obj = psu.objective(UDE, psu.Dataset(CASES[case]), engine=engine, sensealg=sensealg, **TIGHT)
    theta = obj.theta0(1) + 0.05
    value, gradient = obj.value_and_grad(theta)
    wanted = differences(obj, theta)
    assert value < 1e3
    np.testing.assert_allclose(gradient, wanted, rtol=2e-6, atol=1e-6 * np.abs(wanted).max())
    assert np.abs(gradient[: nn.n_weights]).max() > 1e-4


def test_residuals_have_exact_jacobians(engine: str):
    obj = psu.objective(UDE, psu.Dataset(CASES["periods"]), engine=engine, **TIGHT)
    theta = obj.theta0(1) + 0.05
    found = obj.jacobian(theta)
    wanted = np.stack(
        [
            (obj.residuals(theta + 1e-5 * e) - obj.residuals(theta - 1e-5 * e)) / 2e-5
            for e in np.eye(theta.size)
        ],
        axis=1,
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", ["auto", "Tsit5", "Rodas5P"])
def test_doses_are_those_of_the_closed_form(engine: str, method: str):
    doses = [(0.0, 100.0), (12.0, 50.0), (24.25, 70.0)]
    t = np.linspace(0.0, 48.0, 97)
    sol = psu.solve(
        ONE, t=t, u0={gut: 0, c: 0}, doses={gut: doses}, engine=engine, solver=method,
        reltol=1e-11, abstol=1e-11,
    )  # fmt: skip
    assert sol.retcode.name == "Success"
    np.testing.assert_allclose(sol["c"], bateman(t, doses, 1.2, 0.3, 2.0), atol=1e-8)
    # an output at a dose is after it, and between outputs nothing is interpolated
    assert sol["gut"][24] == pytest.approx(50.0 + 100 * np.exp(-1.2 * 12), rel=1e-9)
    between = np.array([0.1, 12.1, 24.3])
    np.testing.assert_allclose(
        sol(between)[:, 1], bateman(between, doses, 1.2, 0.3, 2.0), atol=1e-8
    )


def test_a_lag_and_an_amount_are_found(engine: str):
    t = np.linspace(0.5, 30.0, 60)
    truth = bateman(t, [(0.9, 60.0), (12.9, 45.0)], 1.1, 0.25, 2.0)
    y = truth * np.exp(0.02 * np.random.default_rng(3).normal(size=t.size))
    data = psu.Dataset.from_arrays(
        t, y[:, None], states=[c], u0={gut: 0, c: 0}, t0=0.0,
        doses={gut: [(lag, 100 * F), (12 + lag, 75 * F)]},
    )  # fmt: skip
    fit = psu.fit(ONE, data, engine=engine, progress=False)
    assert fit.success
    assert fit.parameters["lag"] == pytest.approx(0.9, abs=0.05)
    assert fit.parameters["F"] == pytest.approx(0.6, rel=0.03)
    assert fit.residuals.table[0].r2 > 0.99


def test_parameters_of_a_period_hold_in_it_alone(engine: str):
    periods = [psu.Period(1.0, parameters={V: 5.0}), psu.Period(2.0, set={gut: 7.0})]
    t = np.array([0.0, 1.0, 2.0, 3.0])
    sol = psu.solve(ONE, t=t, u0={gut: 1.0, c: 0.5}, periods=periods, engine=engine, **TIGHT)
    u = np.array([1.0, 0.5])
    for begin, volume in ((0.0, 2.0), (1.0, 5.0), (2.0, 2.0)):
        u[0] = 7.0 if begin == 2.0 else u[0]
        assert sol.u[int(begin)] == pytest.approx(u, rel=1e-8)
        u = solve_ivp(
            lambda t, s, v=volume: [-1.2 * s[0], 1.2 * s[0] / v - 0.3 * s[1]],
            (0, 1), u, rtol=1e-11, atol=1e-13,
        ).y[:, -1]  # fmt: skip


def test_observables_and_predictions_know_the_values_of_their_period(engine: str):
    system = psu.ODESystem(
        {c: -ke * c}, trainable={ke: 0.3}, parameters={V: 2.0}, observables={"amount": c * V}
    )
    periods = [psu.Period(1.0, parameters={V: 3.0}), psu.Period(2.0, parameters={V: 4.0, ke: 0.0})]
    t = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
    data = psu.Dataset.from_arrays(t, np.ones(6), states=["amount"], u0={c: 1.0}, periods=periods)
    fit = psu.fit(system, data, engine=engine, progress=False, stages=psu.LBFGS(1))
    found = fit.predict(t)
    volumes = np.array([2.0, 2.0, 3.0, 3.0, 4.0, 4.0])
    np.testing.assert_allclose(found["amount"], found["c"] * volumes, rtol=1e-12)
    assert found["c"][-1] == pytest.approx(found["c"][-2], rel=1e-12)
    np.testing.assert_allclose(
        fit.residuals.values[0][:, 0], 1.0 - found["amount"], rtol=1e-9, atol=1e-12
    )
    assert fit.predict(t, parameters={V: 9.0})["amount"][0] == pytest.approx(9.0, rel=1e-12)
    later = fit.predict(np.array([1.5, 3.0]), u0={c: 2.0})
    assert later["amount"][0] == pytest.approx(6.0, rel=1e-12)


def test_drift_is_of_each_period(engine: str):
    x, y = psu.states("x y")
    k = psu.parameters("k")
    system = psu.ODESystem({x: k * y, y: -k * x}, trainable={k: 1.0})
    data = psu.Dataset.from_arrays(
        np.linspace(0, 4, 9), np.random.default_rng(0).uniform(0, 1, (9, 2)), states=[x, y], u0={x: 1, y: 0},
        periods=[psu.Period(2.0, set={x: 3 * x})],
    )  # fmt: skip
    fit = psu.fit(
        system,
        data,
        laws=x**2 + y**2,
        engine=engine,
        progress=False,
        stages=psu.LBFGS(1),
        reltol=1e-9,
    )
    assert max(fit.drift().values()) < 1e-6
    values = next(iter(fit.law_values().values()))
    assert values.max() / values.min() > 1.2
    penal = psu.objective(
        system, data, laws=x**2 + y**2, conserve="penalty", engine=engine, reltol=1e-9
    )
    assert penal.evaluate(penal.theta0()).terms[fit.laws[0].name] < 1e-8


def test_every_solver_takes_doses(engine: str, solver: str):
    data = psu.Dataset(CASES["learned amounts"])
    obj = psu.objective(UDE, data, engine=engine, solver=solver, reltol=1e-9, abstol=1e-11)
    known = psu.objective(UDE, data, engine=engine, solver="Tsit5", **TIGHT)
    theta = known.theta0(1) + 0.05
    loose = 1e-3 if obj.runner.solvers[solver].order < 4 else 1e-5
    assert obj.value(theta) == pytest.approx(known.value(theta), rel=loose)


def test_what_nothing_depends_on_is_not_changed(engine: str):
    plain = experiment({}, u0={gut: 3.0, c: 0.1})
    dosed = experiment({gut: [(0.0, 3.0)]}, u0={gut: 0.0, c: 0.1})
    ours = [
        psu.objective(ONE.replace(trainable={ka: 1.2, ke: 0.3}), tr, engine=engine, **TIGHT)
        for tr in (plain, dosed)
    ]
    values = [obj.value_and_grad(obj.theta0()) for obj in ours]
    assert values[0][0] == pytest.approx(values[1][0], rel=1e-9)
    np.testing.assert_allclose(values[0][1], values[1][1], rtol=1e-7)


def test_multiple_shooting_knows_periods(engine: str):
    t = np.linspace(0.0, 20.0, 41)
    doses = [(0.0, 100.0), (7.0, 50.0), (13.0, 70.0)]
    u = psu.solve(ONE, t=t, u0={gut: 0, c: 0}, doses={gut: doses}, reltol=1e-9, engine=engine).u
    data = psu.Dataset.from_arrays(
        t, u, states=[gut, c], u0={gut: 0, c: 0}, doses={gut: doses}, noise=0.1
    )
    system = ONE.replace(trainable={ka: 0.8, ke: 0.5})
    fit = psu.fit(
        system, data, engine=engine, progress=False,
        stages=[psu.MultipleShooting(segments=4, iterations=60)],
    )  # fmt: skip
    assert fit.parameters["ka"] == pytest.approx(1.2, rel=1e-2)
    assert fit.parameters["ke"] == pytest.approx(0.3, rel=1e-2)


def test_horizons_and_held_out_parts_know_periods(engine: str):
    t = np.linspace(0.0, 20.0, 41)
    doses = {gut: [(0.0, 100.0), (7.0, 50.0), (13.0, 70.0)]}
    u = psu.solve(ONE, t=t, u0={gut: 0, c: 0}, doses=doses, reltol=1e-9, engine=engine).u
    data = psu.Dataset.from_arrays(t, u, states=[gut, c], u0={gut: 0, c: 0}, doses=doses)
    system = ONE.replace(trainable={ka: 0.8, ke: 0.5})
    fit = psu.fit(
        system, data, engine=engine, progress=False, validation=0.3,
        stages=[psu.Adam(10, horizon=(0.3, 1.0)), psu.LBFGS(60)],
    )  # fmt: skip
    assert fit.parameters["ka"] == pytest.approx(1.2, rel=1e-3)
    # the last dose lies in what was held out
    assert fit.validation_loss < 1e-2
    whole = psu.objective(system, data, engine=engine)
    part = whole.loss.with_horizon(0.3)
    found = whole.with_loss(part).evaluate(whole.theta0()).value
    short = psu.Dataset.from_arrays(t[:13], u[:13], states=[gut, c], u0={gut: 0, c: 0}, doses=doses)
    expected = psu.objective(system, short, engine=engine).value(whole.theta0())
    assert found == pytest.approx(expected, rel=1e-6)


def test_files_and_copies_keep_them(tmp_path):
    data = psu.Dataset(CASES["periods"] + CASES["learned times"])
    fit = psu.fit(UDE, data, engine="native", progress=False, stages=psu.LBFGS(2))
    fit.save(tmp_path / "fit.npz")
    for again in (
        psu.FitResult.load(tmp_path / "fit.npz"), pickle.loads(pickle.dumps(fit)),  # noqa: S301
        copy.deepcopy(fit),
    ):  # fmt: skip
        assert again.data.fingerprint == fit.data.fingerprint
        assert again.objective.value(again.theta) == pytest.approx(fit.loss, rel=1e-12)
    assert (
        psu.Dataset(CASES["doses"]).fingerprint
        != psu.Dataset([experiment(), experiment()]).fingerprint
    )


x = psu.states("x")
PLAIN = psu.ODESystem({c: -ke * c}, trainable={ke: 1.0})
AT_START = psu.Trajectory.from_arrays([0, 1], [5.0, 3.0], states=[c], doses={c: [(0.0, 5.0)]})
WRONG = [
    (lambda: psu.fit(PLAIN, AT_START, progress=False), "no initial value of state 'c'.*changes at t = 0"),
    (lambda: experiment({gut: [(-1.0, 3.0)]}), "a dose at -1, before the experiment starts at t0 = 0"),
    (lambda: experiment({gut: [(1.0, 3.0), (1, 4)]}), "two doses at 1; add their amounts"),
    (lambda: experiment({gut: (1.0, 3.0)}), "must be .time, amount. pairs"),
    (lambda: experiment({gut: [(1.0, 3.0, 4.0)]}), "must be .time, amount. pairs"),
    (lambda: experiment({gut: [(np.inf, 3.0)]}), "a time in doses.'gut'. must be finite"),
    (lambda: experiment({gut: [(1.0, np.nan)]}), "an amount in doses.'gut'. must be finite"),
    (lambda: experiment([(1.0, 3.0)]), r"doses= takes a mapping such as"),
    (lambda: experiment(periods=[1.0]), "periods= takes psu.Period"),
    (lambda: experiment(periods=[psu.Period(3.0), psu.Period(2.0)]), "must ascend; found one that starts at 2"),
    (lambda: experiment(periods=[psu.Period(3.0), psu.Period(3.0)]), "must ascend"),
    (lambda: experiment(periods=[psu.Period(-1.0)]), "begins before the experiment"),
    (lambda: experiment(periods=psu.Period(-np.inf)), "the last period begins at -inf"),
    (lambda: psu.Period(-np.inf, set={gut: 1}), "no instant at which set= could act"),
    (lambda: psu.Period("1"), "the start of a Period must be a number"),
    (lambda: psu.Period(psu.t), "is a time; found t"),
    (lambda: psu.Period(1.0, set={gut: "2"}), "must be a number"),
    (lambda: psu.Period(1.0, sets={gut: 2}), "set"),
    (lambda: psu.Period(1.0, parameters={V: np.inf}), "must be finite"),
    (lambda: of(experiment({x: [(1.0, 1.0)]})), "changes 'x', which is no state; the states are gut, c"),
    (lambda: of(experiment(periods=psu.Period(1.0, set={V: 1}))), "changes 'V', which is no state"),
    (lambda: of(experiment(periods=psu.Period(1.0, parameters={x: 1}))), "has no parameter 'x'"),
    (lambda: of(experiment(periods=psu.Period(1.0, parameters={c: 1 * F}))), "is a state; its start"),
    (lambda: of(experiment(parameters={V: x * F})), "contains 'x', which is neither a state"),
    (lambda: of(experiment(parameters={V: c * F})), "contains the state 'c'"),
    (lambda: of(experiment(u0={gut: c})), "contains the state 'c'"),
    (lambda: of(experiment({gut: [(c, 1.0)]})), "contains the state 'c'"),
    (lambda: of(experiment({gut: [(nn[0], 1.0)]})), "contains the state 'c'|contains a network"),
    (
        lambda: of(experiment({gut: [(1.0, psu.MLP("other", inputs=[c], outputs=1, hidden=2)[0])]})),
        "network 'other', which stands nowhere",
    ),
    (
        lambda: psu.solve(ONE, t=[0, 1], u0=[1, 1], doses={gut: [(0, 1)]}, events=psu.Event(c - 1)),
        "events= has no place beside",
    ),
    (lambda: psu.solve(ONE, t=[1, 2], u0=[1, 1], doses={gut: [(0.0, 1)]}), "before the experiment starts"),
    (
        lambda: of(
            experiment(periods=[psu.Period(-np.inf), psu.Period(0.0)]),
            psu.ODESystem({gut: -ka * gut, c: psu.t - c + 0 * V}, trainable={ka: 1.0}, initial={c: 0}),
        ),
        "the equation of c contains time",
    ),
]  # fmt: skip


def test_what_has_no_words_for_them_refuses(tmp_path):
    fit = psu.fit(
        UDE, psu.Dataset(CASES["periods"]), engine="native", progress=False, stages=psu.LBFGS(1)
    )
    with pytest.raises(CapabilityError, match="cannot be exported to Julia"):
        psu.export_julia(fit, tmp_path / "script.jl")
    with pytest.raises(CapabilityError, match="change on the way"):
        psu.recover(fit)
    with pytest.raises(CapabilityError, match="changes on the way"):
        fit.adjoint_drift()
    many = fit.predict(T, u0={gut: np.array([1.0, 2.0]), c: 0.0})
    assert many["c"].shape == (2, len(T))


def of(trajectory, system=UDE):
    obj = psu.objective(system, trajectory, engine="native")
    return obj.value(obj.theta0())


@pytest.mark.parametrize(("call", "message"), WRONG, ids=lambda v: v if type(v) is str else "")
def test_wrong_calls_say_what_is_wrong(call, message):
    with pytest.raises((InvalidInputError, CapabilityError, TypeError), match=message):
        call()

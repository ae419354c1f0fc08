"""`converged`, and the warning where there is more to gain than noise makes."""

import numpy as np
import pytest
from scipy.optimize import least_squares

import pysymude as psu

x, y = psu.states("x y", positive=True)
T = np.linspace(0.0, 8.0, 65)
PREY = psu.ODESystem({x: 1.3 * x - 0.9 * x * y, y: -1.8 * y + 0.8 * x * y})
QUICK = {"progress": False, "engine": "native"}


def hunters(noise: float, seed: int = 0) -> psu.Dataset:
    u = psu.solve(PREY, u0={x: 0.44, y: 4.6}, t=T, engine="native").u
    factor = 1 + noise * np.random.default_rng(seed).standard_normal(u.shape)
    return psu.Dataset.from_arrays(T, u * factor, states=[x, y])


def unknown() -> psu.ODESystem:
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(5, 5))
    return psu.ODESystem({x: 1.3 * x + nn[0], y: -1.8 * y + nn[1]})


def says_so(fit: psu.FitResult) -> bool:
    return any("not converged" in sentence for sentence in fit.warnings)


@pytest.mark.parametrize("noise", [0.03, 0.0])
def test_a_network_that_has_come_down_to_the_noise_is_not_scolded(noise):
    fit = psu.fit(unknown(), hunters(noise), **QUICK)
    assert min(c.r2 for c in fit.residuals.table) > 0.998
    assert not fit.converged
    assert not says_so(fit)
    assert "less than the noise" in fit.summary()
    # and rightly so: a long way on explains a thousandth more at most
    further = psu.fit(unknown(), hunters(noise), stages=psu.LBFGS(300), theta0=fit.theta, **QUICK)
    more = [b.r2 - a.r2 for a, b in zip(fit.residuals.table, further.residuals.table, strict=True)]
    assert max(more) < 1e-3


@pytest.mark.parametrize("stages", [psu.LBFGS(20), psu.Adam(50)], ids=["L-BFGS", "Adam"])
def test_a_training_that_was_too_short_is_told_so(stages):
    fit = psu.fit(unknown(), hunters(0.03), stages=stages, **QUICK)
    assert not fit.converged
    assert says_so(fit)
    further = psu.fit(unknown(), hunters(0.03), stages=psu.LBFGS(300), theta0=fit.theta, **QUICK)
    assert further.loss < 0.95 * fit.loss


def decay(**keywords) -> psu.FitResult:
    k, s = psu.states("s"), psu.parameters("k", positive=True)
    t = np.linspace(0.0, 3.0, 30)
    u = np.exp(-2 * t) + 0.02 * np.random.default_rng(2).standard_normal(30)
    data = psu.Dataset.from_arrays(t, u, states=[k], u0={k: 1.0}, noise={"s": 0.02})
    return psu.fit(psu.ODESystem({k: -s * k}, trainable={s: 0.3}), data, **QUICK | keywords)


def test_what_is_promised_is_what_comes():
    short, whole = decay(stages=psu.LBFGS(2)), decay(stages=psu.LBFGS(200))
    assert whole.converged
    assert whole.promised == 0.0
    assert not says_so(whole)
    assert says_so(short)
    assert 0.1 < short.promised / (short.loss - whole.loss) < 10


def test_a_converged_misfit_is_no_matter_of_convergence():
    z = psu.states("z")
    c = psu.parameters("c")
    t = np.linspace(0.0, 3.0, 30)
    data = psu.Dataset.from_arrays(t, np.sin(4 * t), states=[z], noise={"z": 0.01})
    fit = psu.fit(
        psu.ODESystem({z: c * z}, trainable={c: -1.0}), data, stages=psu.LBFGS(300), **QUICK
    )
    assert fit.converged
    assert not says_so(fit)
    assert any("times the noise that was given" in sentence for sentence in fit.warnings)


def test_a_promise_travels_with_the_file(tmp_path):
    fit = decay(stages=psu.LBFGS(2))
    fit.save(tmp_path / "fit.npz")
    loaded = psu.FitResult.load(tmp_path / "fit.npz")
    assert loaded.promised == fit.promised
    assert loaded.warnings == fit.warnings


def test_what_is_held_out_decides_by_itself():
    fit = psu.fit(unknown(), hunters(0.03), stages=psu.LBFGS(30), validation=0.2, **QUICK)
    assert not says_so(fit)


k, c = psu.parameters("k c", positive=True)
SPRING = psu.ODESystem({x: y - 1, y: -k * (x - 1) - c * (y - 1)}, trainable={k: 1.0, c: 1.0})


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize(
    "stages", [None, psu.LBFGS(50), psu.LBFGS(1), psu.GaussNewton(20)], ids=lambda s: str(s)[:9]
)
def test_a_fit_that_begins_at_its_optimum_is_converged(noise, stages):
    t = np.linspace(0.0, 5.0, 26)
    u = psu.solve(SPRING, u0=[2.0, 1.0], t=t, parameters={k: 2.0, c: 0.3}, engine="native").u
    u = u + noise * np.random.default_rng(0).standard_normal(u.shape)
    data = psu.Dataset.from_arrays(t, u, states=[x, y], u0={x: 2.0, y: 1.0})
    fit = psu.fit(SPRING, data, **QUICK)
    again = psu.fit(SPRING, data, stages=stages, theta0=fit.theta, **QUICK)
    assert again.converged
    assert again.promised == 0.0
    assert again.warnings == fit.warnings
    np.testing.assert_allclose(again.theta, fit.theta, rtol=1e-6, atol=1e-9)
    # and not anywhere: one iteration from the start does not do
    assert not psu.fit(SPRING, data, stages=psu.LBFGS(1), **QUICK).converged


def test_a_fit_whose_stages_all_find_nothing_to_do_says_so():
    data = psu.Dataset.from_arrays(np.arange(4.0), np.ones(4), states=[x], u0={x: 1.0, y: 1.0})
    fit = psu.fit(SPRING, data, stages=psu.GradientMatching(), **QUICK)
    assert not fit.converged
    assert fit.warnings[0].startswith("no stage could run")


@pytest.mark.parametrize("unit", [1e-12, 1e-6, 1e6])
@pytest.mark.parametrize(
    "stages", [None, psu.LBFGS(100), psu.GaussNewton(50), [psu.Adam(150), psu.LBFGS(100)]]
)
def test_a_fit_does_not_depend_on_the_unit_of_its_data(unit, stages):
    s, k = psu.states("s"), psu.parameters("k", positive=True)
    t = np.linspace(0.0, 4.0, 12)
    u = 2 * np.exp(-1.1 * t) * (1 + 0.05 * np.random.default_rng(0).standard_normal(12))
    data = psu.Dataset.from_arrays(t, unit * u, states=[s], u0={s: 2 * unit})
    fit = psu.fit(psu.ODESystem({s: -k * s}, trainable={k: 3.0}), data, stages=stages, **QUICK)
    # the closed form by another program
    best = least_squares(lambda z: 2 * np.exp(-z * t) - u, [1.0], xtol=1e-12)
    assert fit.converged
    assert abs(fit.parameters["k"] - best.x[0]) < 1e-5
    assert fit.loss == pytest.approx(2 * best.cost * unit**2, rel=1e-5)


@pytest.mark.parametrize("own", [False, True])
def test_a_start_far_above_all_data_is_no_measure_of_an_end(own):
    s, k = psu.states("s"), psu.parameters("k")
    t = np.linspace(0.0, 3.0, 13)
    u = np.exp(-t) + 0.02 * np.sin(40 * t)
    data = psu.Dataset.from_arrays(t, u, states=[s], u0={s: 1.0})

    def squares(predictions, data):
        return ((predictions[0]["s"] - data[0].u[:, 0]) ** 2).sum()

    system = psu.ODESystem({s: k * s}, trainable={k: 10.0})  # a first loss of 1e26
    fit = psu.fit(system, data, loss=squares if own else None, stages=psu.LBFGS(300), **QUICK)
    best = least_squares(lambda z: np.exp(z * t) - u, [-1.0], xtol=1e-12)
    assert fit.converged
    assert abs(fit.parameters["k"] - best.x[0]) < 1e-5


@pytest.mark.parametrize(("size", "time"), [(1e-15, 1.0), (1e-9, 1e9), (1e9, 1e-9)])
def test_what_is_estimated_of_data_goes_with_their_units(size, time):
    """Weights of columns and scalings of networks are those of unit 1, times the units."""

    def objective(size: float, time: float) -> psu.Objective:
        nn = psu.MLP(
            "nn", inputs=[x, x**2], outputs=1, hidden=3, input_scaling="data", output_scaling="data"
        )
        noise = 1 + 0.03 * np.random.default_rng(0).standard_normal((12, 2))
        t = np.linspace(0.0, 4.0, 12)
        u = np.stack([2 * np.exp(-t), 3 * (1 - np.exp(-0.5 * t)) + 0.1], axis=1) * noise
        data = psu.Dataset.from_arrays(time * t, size * u, states=[x, y])
        return psu.objective(
            psu.ODESystem({x: nn[0], y: -nn[0]}), data, weigh=True, engine="native"
        )

    one, other = objective(1.0, 1.0), objective(size, time)
    np.testing.assert_allclose(other.loss.weight, one.loss.weight, rtol=1e-6)
    found, known = (o.system.networks[0].fixed_scaling() for o in (other, one))
    units = np.array([size, size**2])
    np.testing.assert_allclose(found.input_scale, known.input_scale * units, rtol=1e-4)
    np.testing.assert_allclose(found.input_shift, known.input_shift * units, rtol=1e-4)
    np.testing.assert_allclose(found.output_scale, known.output_scale * size / time, rtol=1e-4)
    assert one.loss.weight[0, 0, 0] != pytest.approx(one.loss.weight[0, 0, 1], rel=0.1)

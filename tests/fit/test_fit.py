"""The training loop: what each stage does, what is kept, what happens when things go wrong."""

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError, SaveFileError

x, y = psu.states("x y", positive=True)
r, K = psu.parameters("r K")
T = np.linspace(0.0, 4.0, 17)


def logistic(start, rate=1.5, capacity=2.0, t=T):
    return capacity / (1 + (capacity / start - 1) * np.exp(-rate * t))


def known(**trainable):
    start = {r: 1.0, K: 1.5} | trainable
    return psu.ODESystem(
        {x: r * x * (1 - x / K)}, trainable=start, bounds={r: (0, 10), K: (0, None)}
    )


def unknown():
    nn = psu.MLP(
        "nn", inputs=[x], outputs=1, hidden=(4,), input_scaling="data", output_scaling="data"
    )
    return psu.ODESystem({x: nn[0]})


def data(start=0.2, **keywords):
    return psu.Dataset.from_arrays(T, logistic(start)[:, None], states=[x], **keywords)


def quick(system, dataset, **keywords):
    given = {"solver": "Tsit5", "progress": False, "stages": psu.LBFGS(60)} | keywords
    return psu.fit(system, dataset, **given)


def test_parameters_are_found():
    fit = quick(known(), data(), reltol=1e-9, abstol=1e-9)
    assert fit.success
    assert fit.parameters == pytest.approx({"r": 1.5, "K": 2.0}, rel=1e-6)
    assert fit.loss < 1e-12
    assert fit.stopped == "finished"
    # the check can fail: a wrong model does not reach this loss
    wrong = psu.ODESystem({x: r * x}, trainable={r: 1.0})
    assert quick(wrong, data()).loss > 1e-2


@pytest.mark.parametrize(
    "stages",
    [
        psu.GradientMatching(100),
        [psu.GradientMatching(50), psu.Adam(150, learning_rate=3e-2)],
        psu.Adam(2000, learning_rate=3e-2, horizon=(0.3, 1.0)),
        psu.LBFGS(80, horizon=(0.5, 1.0)),
        [psu.MultipleShooting(3, iterations=60), psu.LBFGS(30)],
    ],
    ids=["matching", "adam", "adam-horizon", "lbfgs-horizon", "shooting"],
)
def test_every_stage_leads_to_a_fit(stages):
    fit = quick(unknown(), data(), stages=stages)
    assert fit.success
    assert fit.loss < 5e-3
    u = np.array([[0.5], [1.0], [1.8]])
    np.testing.assert_allclose(fit.unknown_term(u), 1.5 * u * (1 - u / 2), atol=0.12)


def test_the_default_stages_fit_closely():
    fit = quick(unknown(), data(), stages=None)
    assert fit.loss < 1e-6
    assert set(fit.history["stage"]) == {
        "GradientMatching",
        "LBFGS (to 40%)",
        "LBFGS (to 70%)",
        "LBFGS",
        "Adam (attempt 2)",
        "LBFGS (attempt 2)",
        "GaussNewton (from the best)",
    }


def test_small_problems_leave_a_valley_in_which_l_bfgs_sees_no_more_to_gain():
    z, w = psu.states("z w")
    truth = psu.ODESystem({z: -0.1 * z**3 + 2 * w**3, w: -2 * z**3 - 0.1 * w**3})
    system = psu.neural_ode([z, w], hidden=16, inputs=[z**3, w**3])
    clean = psu.solve(truth, u0={z: 2.0, w: 0.0}, t=np.linspace(0, 6, 61), engine="native")
    noise = 0.01 * clean.u.std(axis=0) * np.random.default_rng(0).standard_normal(clean.u.shape)
    series = psu.Dataset.from_arrays(clean.t, clean.u + noise, states=[z, w])
    first = psu.GradientMatching(), psu.LBFGS(200, horizon=(0.4, 0.7)), psu.LBFGS(1000)
    alone = quick(system, series, stages=first)
    fit = quick(system, series, stages=None)
    assert alone.promised < 0.05 * alone.loss
    # the noise that was added leaves as much as this behind
    assert fit.loss < 1.2 * (noise**2).sum() < 0.2 * alone.loss


def test_shooting_ties_its_segments_together():
    fit = quick(known(), data(), stages=psu.MultipleShooting(4, iterations=90))
    assert fit.history["links"][-1] < 1e-6
    assert fit.parameters["r"] == pytest.approx(1.5, rel=1e-2)


def test_the_same_seed_gives_the_same_fit():
    one, two = (quick(unknown(), data(), seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.theta, two.theta)
    assert not np.array_equal(one.theta, quick(unknown(), data(), seed=4).theta)


def test_experiments_with_their_own_starts_times_and_parameters():
    short = T[:9]
    second = psu.Trajectory.from_arrays(
        short, logistic(0.9, capacity=1.0, t=short)[:, None], states=[x],
        u0={x: 0.8}, trainable_u0=True, parameters={K: 1.0},
    )  # fmt: skip
    first = psu.Trajectory.from_arrays(T, logistic(0.2)[:, None], states=[x], parameters={K: 2.0})
    system = psu.ODESystem({x: r * x * (1 - x / K)}, trainable={r: 1.0})
    fit = quick(system, psu.Dataset([first, second]), reltol=1e-9, abstol=1e-9)
    assert fit.parameters["r"] == pytest.approx(1.5, rel=1e-6)
    assert fit.u0(1) == pytest.approx([0.9], rel=1e-6)
    assert fit.values["u0[1].x"] == pytest.approx(0.9, rel=1e-6)
    assert fit.predict([0.0, 2.0], experiment=1)["x"][-1] == pytest.approx(
        logistic(0.9, capacity=1.0, t=2.0), rel=1e-6
    )


def test_observables_noise_scales_and_gaps():
    u = logistic(0.2)
    measured = np.stack([2 * u + 1, u], axis=1)
    measured[3:9, 0] = np.nan
    system = psu.ODESystem(
        {x: r * x * (1 - x / 2)}, trainable={r: 1.0}, observables={"signal": 2 * x + 1}
    )
    dataset = psu.Dataset.from_arrays(
        T, measured, states=["signal", x], noise={"signal": 0.1, "x": 0.01}, u0={x: 0.2}
    )
    obj = psu.objective(system, dataset, solver="Tsit5", reltol=1e-10, abstol=1e-10)
    assert obj.loss.n_measured == 2 * len(T) - 6
    # the value by hand, at a wrong rate
    model = logistic(0.2, rate=1.2)
    seen = np.isfinite(measured[:, 0])
    by_hand = np.sum(((2 * model + 1 - measured[:, 0])[seen] / 0.1) ** 2) + np.sum(
        ((model - u) / 0.01) ** 2
    )
    assert obj.value(obj.layout.pack({"r": 1.2})) == pytest.approx(by_hand, rel=1e-6)
    assert quick(system, dataset).parameters["r"] == pytest.approx(1.5, rel=1e-4)


def test_validation_stops_early_and_keeps_the_best():
    rng = np.random.default_rng(0)
    noisy = logistic(0.2)[:, None] + 0.05 * rng.standard_normal((len(T), 1))
    dataset = psu.Dataset.from_arrays(T, noisy, states=[x])
    fit = quick(unknown(), dataset, stages=psu.LBFGS(400), validation=0.3, patience=3)
    assert fit.stopped == "no further improvement in validation"
    seen = fit.history["validation"][np.isfinite(fit.history["validation"])]
    assert fit.validation_loss <= seen.min() * (1 + 1e-12)
    # the tail does not enter the training loss
    assert fit.objective.with_loss(fit.objective.loss).value(fit.theta) > fit.loss


def test_whole_experiments_can_be_held_out():
    dataset = psu.Dataset.from_arrays(
        [T, T], [logistic(0.2)[:, None], logistic(0.9)[:, None]], states=[x], trainable_u0=False
    )
    fit = quick(known(), dataset, validation=["1"])
    assert fit.validation_loss < 1e-8


def test_weight_decay_shrinks_weights_and_is_a_term_of_its_own():
    plain, decayed = (
        quick(unknown(), data(trainable_u0=False), weight_decay=w) for w in (0.0, 1e-2)
    )
    assert np.linalg.norm(decayed.theta) < 0.7 * np.linalg.norm(plain.theta)
    row = {k: v[-1] for k, v in decayed.history.items()}
    assert row["value"] == pytest.approx(row["data"] + row["weight_decay"], rel=1e-12)
    assert row["weight_decay"] == pytest.approx(1e-2 * np.sum(decayed.theta**2), rel=0.1)


def test_a_start_that_blows_up_is_drawn_back():
    nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=(4,))
    system = psu.ODESystem({x: x**2 * sp_exp(nn[0]) - x})
    theta = np.full(nn.n_weights, 1.5)
    obj = psu.objective(system, data(), solver="Tsit5")
    value, gradient = obj.value_and_grad(theta)
    assert value == 1e20
    assert not gradient.any()
    assert obj.evaluate(theta).retcode.name in ("DtLessThanMin", "MaxIters", "Unstable")
    fit = quick(system, data(), theta0=theta, stages=psu.Adam(20))
    assert fit.success
    assert fit.loss < 1e3


def sp_exp(expr):
    import sympy

    return sympy.exp(expr)


def test_ctrl_c_returns_the_best_so_far():
    def interrupt(step):
        if step.iteration == 7:
            raise KeyboardInterrupt

    fit = quick(unknown(), data(), callback=interrupt)
    assert fit.stopped == "interrupted"
    assert fit.retcode.name == "Interrupted"
    assert not fit.success
    assert len(fit.history["value"]) == 7
    assert fit.loss == pytest.approx(fit.history["value"].min(), rel=1e-6)


def test_a_callback_may_end_training():
    fit = quick(unknown(), data(), callback=lambda step: step.iteration >= 3)
    assert fit.stopped == "stopped by the callback"
    assert fit.history["iteration"][-1] == 3


def test_any_optimiser_can_use_the_objective():
    from scipy.optimize import minimize

    obj = psu.objective(known(), data(), solver="Tsit5", reltol=1e-9, abstol=1e-9)
    found = minimize(obj.value_and_grad, obj.theta0(seed=0), jac=True, method="L-BFGS-B")
    assert obj.layout.unpack(found.x)["r"] == pytest.approx(1.5, rel=1e-3)


def test_predictions_go_on_from_the_start():
    fit = quick(known(), data(), reltol=1e-9, abstol=1e-9)
    later = fit.predict([3.0, 8.0])
    assert later["x"] == pytest.approx(logistic(0.2, t=np.array([3.0, 8.0])), rel=1e-5)
    other = fit.predict([3.0, 8.0], u0={x: 1.0})
    assert other.u[0] == pytest.approx([1.0])
    with pytest.raises(InvalidInputError, match="before the experiment's start"):
        fit.predict([-1.0, 2.0])
    with pytest.raises(InvalidInputError, match="no experiment 3"):
        fit.predict([0.0, 2.0], experiment=3)


@pytest.fixture(scope="module")
def fit():
    return quick(unknown(), data(noise=0.1, trainable_u0=True), stages=psu.LBFGS(5))


class TestFiles:
    def test_a_saved_fit_comes_back(self, fit, tmp_path):
        fit.save(tmp_path / "fit.npz")
        again = psu.FitResult.load(tmp_path / "fit.npz")
        np.testing.assert_array_equal(again.theta, fit.theta)
        np.testing.assert_array_equal(again.predictions[0].u, fit.predictions[0].u)
        assert again.system == fit.system
        assert again.summary() == fit.summary()
        assert again.data.fingerprint == fit.data.fingerprint
        assert again.objective.value(again.theta) == fit.objective.value(fit.theta)

    def test_a_changed_byte_is_noticed(self, fit, tmp_path):
        path = tmp_path / "fit.npz"
        fit.save(path)
        content = path.read_bytes()
        rng = np.random.default_rng(0)
        unnoticed = []
        for at in rng.choice(len(content), 60, replace=False):
            damaged = bytearray(content)
            damaged[at] ^= 0x55
            path.write_bytes(damaged)
            try:
                again = psu.FitResult.load(path)
            except SaveFileError:
                continue
            unnoticed.append(not np.array_equal(again.theta, fit.theta))
        # bytes that mean nothing (zip time stamps) may change; a number may not
        assert not any(unnoticed)
        assert len(unnoticed) < 30

    def test_what_is_no_fit(self, fit, tmp_path):
        path = tmp_path / "fit.npz"
        with pytest.raises(SaveFileError, match="there is no such file"):
            psu.FitResult.load(path)
        path.write_text("hello")
        with pytest.raises(SaveFileError, match="is damaged or no pysymude file"):
            psu.FitResult.load(path)
        np.savez(path, a=1)
        with pytest.raises(SaveFileError, match="is no pysymude file"):
            psu.FitResult.load(path)
        with pytest.raises(SaveFileError, match="cannot be written"):
            fit.save(tmp_path / "nowhere" / "fit.npz")

    def test_a_checkpoint_of_another_fit_is_refused(self, tmp_path):
        path = tmp_path / "c.npz"
        quick(unknown(), data(), stages=psu.LBFGS(5), checkpoint=path)
        with pytest.raises(InvalidInputError, match="another fit: theta0 differ"):
            quick(unknown(), data(), stages=psu.LBFGS(5), seed=1, checkpoint=path, resume=True)
        with pytest.raises(SaveFileError, match="holds a checkpoint, not a fit"):
            psu.FitResult.load(path)


def test_wrong_settings_are_refused():
    cases = [
        ({"stages": []}, "stages= is empty"),
        ({"stages": ["adam"]}, "stages= takes LawMatching, GradientMatching"),
        ({"weight_decay": -1.0}, "weight_decay must not be negative"),
        ({"resume": True}, "resume=True needs checkpoint="),
        ({"checkpoint": "/no/such/folder/c.npz"}, "lies in a folder that does not exist"),
        ({"validation": 1.5}, "between 0 and 1"),
        ({"validation": ["b"]}, "names the experiment 'b'; the dataset has 0"),
        ({"validation": [0]}, "leaves 0 measurements for training"),
        ({"theta0": [1.0, 2.0]}, r"theta must have shape \(14,\)"),
        ({"solver": "Tsit4", "engine": "native"}, "solver 'Tsit4' is unknown to engine 'native'"),
        ({"reltol": 2}, "reltol must be a number between"),
        ({"engine": "matlab"}, "engine 'matlab' is unknown"),
        ({"sensealg": "magic"}, "sensealg 'magic' is unknown"),
    ]
    for keywords, message in cases:
        with pytest.raises(InvalidInputError, match=message):
            quick(unknown(), data(), **keywords)
    for make, message in [
        (lambda: psu.Adam(0), r"Adam\(iterations=\) must be a positive whole number; found 0"),
        (lambda: psu.LBFGS(horizon=(0.0,)), "horizon= takes parts"),
        (lambda: psu.MultipleShooting(2.5), "must be a positive whole number"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            make()

"""Losses of the user's own in `fit` and `objective`: NumPy, JAX and torch, on every engine."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import pysymude as psu
from pysymude.fit.loss.objective import Objective

S, I = psu.states("S I")  # noqa: E741
b, g = psu.parameters("b g", positive=True)
T = np.linspace(0.0, 30.0, 31)
TIGHT: dict[str, Any] = {"reltol": 1e-9, "abstol": 1e-9}
HEIGHT, WHEN, SHARP = 0.25, 12.0, 200.0


def epidemic() -> psu.ODESystem:
    return psu.ODESystem(
        {S: -b * S * I, I: b * S * I - g * I},
        trainable={b: 1.0, g: 0.4},
        observables={"cases": b * S * I},
    )


def times() -> psu.Dataset:
    """When predictions are wanted; next to nothing is measured."""
    nothing = np.full((len(T), 1), np.nan)
    nothing[0] = 0.01
    return psu.Dataset.from_arrays(T, nothing, states=[I], u0={S: 0.99, I: 0.01})


def peak_by_hand(predictions: Any, data: Any) -> tuple[float, Any]:
    """Smooth height and time of the peak of I, and slopes as a person would write them."""
    x = predictions[0]["I"]
    weights = np.exp(SHARP * (x - x.max()))
    height = x.max() + np.log(weights.sum()) / SHARP
    weights /= weights.sum()
    when = weights @ T
    value = ((height - HEIGHT) / 0.01) ** 2 + (when - WHEN) ** 2
    slopes = np.zeros((len(T), 3))
    slopes[:, predictions[0].columns.index("I")] = 2 * (height - HEIGHT) / 1e-4 * weights + 2 * (
        when - WHEN
    ) * SHARP * weights * (T - when)
    return value, slopes


def peak_alone(predictions: Any, data: Any) -> float:
    return peak_by_hand(predictions, data)[0]


def peak_in_jax(predictions: Any, data: Any) -> Any:
    import jax
    import jax.numpy as jnp

    x = predictions[0][I]
    height = jax.scipy.special.logsumexp(SHARP * x) / SHARP
    when = jax.nn.softmax(SHARP * x) @ T
    return ((height - HEIGHT) / 0.01) ** 2 + jnp.square(when - WHEN)


def peak_in_torch(predictions: Any, data: Any) -> Any:
    import torch

    x = predictions["0"]["I"]
    height = torch.logsumexp(SHARP * x, dim=0) / SHARP
    when = torch.softmax(SHARP * x, dim=0) @ torch.tensor(T)
    return ((height - HEIGHT) / 0.01) ** 2 + (when - WHEN) ** 2


def losses() -> dict[str, Any]:
    found = {"by hand": peak_by_hand, "differences": peak_alone}
    if jax_there():
        found |= {"jax": peak_in_jax, "marked jax": psu.jax_loss(peak_in_jax)}
    if torch_there():
        found |= {"torch": peak_in_torch, "marked torch": psu.torch_loss(peak_in_torch)}
    return found


def jax_there() -> bool:
    try:
        import jax
    except ImportError:
        return False
    jax.config.update("jax_enable_x64", True)
    return True


def torch_there() -> bool:
    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return True


def made(loss: Any, engine: str) -> Objective:
    return psu.objective(epidemic(), times(), loss=loss, engine=engine, **TIGHT)


def test_slopes_of_all_kinds_are_central_differences(engine: str):
    theta = np.log([1.1, 0.45])
    wanted = made(peak_by_hand, engine)
    h = 1e-5
    right = [
        (wanted.value(theta + h * e) - wanted.value(theta - h * e)) / (2 * h) for e in np.eye(2)
    ]
    for name, loss in losses().items():
        obj = made(loss, engine)
        value, gradient = obj.value_and_grad(theta)
        assert value == pytest.approx(peak_at(theta, engine), rel=1e-6), name
        np.testing.assert_allclose(gradient, right, rtol=1e-6, err_msg=name)


def peak_at(theta: np.ndarray, engine: str) -> float:
    """The loss at the solution that `solve` gives."""
    values = dict(zip((b, g), np.exp(theta), strict=True))
    sol = psu.solve(epidemic(), u0=[0.99, 0.01], t=T, parameters=values, engine=engine, **TIGHT)

    class One:
        columns = ("I", "S", "cases")

        def __getitem__(self, name: str) -> np.ndarray:
            return sol[name]

    return peak_by_hand([One()], None)[0]


def test_fits_of_all_kinds_end_at_one_optimum(engine: str):
    found: dict[str, Any] = {}
    for name, loss in losses().items():
        found[name] = psu.fit(
            epidemic(), times(), loss=loss, engine=engine, progress=False, **TIGHT
        )
    for name, fit in found.items():
        assert fit.success, name
        assert fit.converged, name
        assert fit.loss < 1e-10, name
        assert fit.parameters["b"] == pytest.approx(found["by hand"].parameters["b"], rel=1e-5)
        assert fit.parameters["g"] == pytest.approx(found["by hand"].parameters["g"], rel=1e-5)
    sol = found["by hand"].predict(T)
    assert sol["I"].max() == pytest.approx(HEIGHT, abs=0.02)
    assert T[sol["I"].argmax()] == pytest.approx(WHEN, abs=1.0)


def test_torch_is_there_or_said_to_be_absent():
    pytest.importorskip("torch", reason="PyTorch is not installed: its losses are not tried")
    assert "torch" in losses()


def test_several_experiments_beside_the_sum_of_squares(engine: str):
    """The plain loss written by hand: short experiments, gaps, learned starts, own parameters."""
    rng = np.random.default_rng(0)
    values = 0.1 + 0.1 * rng.random((7, 2))
    values[2, 0] = np.nan
    data = psu.Dataset.from_arrays(
        [T[:7], T[:4]], [values, values[:4]], states=[I, "cases"], u0={S: 0.9, I: 0.1},
        trainable_u0=[I],
    )  # fmt: skip

    def squares(predictions: Any, given: Any) -> Any:
        total, slopes = 0.0, []
        assert [p.name for p in predictions] == [tr.name for tr in given]
        for p, tr in zip(predictions, given, strict=True):
            seen = np.stack([p[name] for name in tr.columns], axis=1)
            r = np.nan_to_num(seen - tr.u)
            total += (r**2).sum()
            slope = np.zeros_like(p.u)
            slope[:, : len(tr.columns)] = 2 * r
            slopes.append(slope)
        return total, slopes

    plain = psu.objective(epidemic(), data, engine=engine, **TIGHT)
    own = psu.objective(epidemic(), data, engine=engine, loss=squares, **TIGHT)
    theta = plain.theta0() + 0.1
    assert own.value(theta) == pytest.approx(plain.value(theta), rel=1e-12)
    np.testing.assert_allclose(
        own.value_and_grad(theta)[1], plain.value_and_grad(theta)[1], rtol=1e-9
    )


def test_losses_may_be_negative_and_fail(engine: str):
    def negative(predictions: Any, data: Any) -> Any:
        x = predictions[0]["cases"]
        return -float(x.sum()), [np.stack([0 * x, 0 * x, -np.ones_like(x)], axis=1)]

    fit = psu.fit(
        psu.ODESystem(epidemic().rhs, trainable={b: 0.8}, parameters={g: 0.4}, bounds={b: (0.1, 2.0)},
                      observables=epidemic().observables),
        times(), loss=negative, engine=engine, stages=psu.LBFGS(30), progress=False,
    )  # fmt: skip
    assert fit.loss < -0.9
    assert "lies at its bound 2" in " ".join(fit.warnings)
    obj = made(lambda p, d: float("nan"), engine)
    found = obj.evaluate(obj.theta0())
    assert found.retcode is psu.ReturnCode.LossNotFinite
    assert "loss=" in found.message


def slope_of_one(predictions: Any, data: Any) -> Any:
    return 1.0, np.ones(3)


WRONG: list[tuple[Any, dict[str, Any], str]] = [
    (3.0, {}, "loss= takes a function of .predictions, data.; found float"),
    (lambda p, d: p[0]["I"], {}, "loss= must give one real number; found"),
    (lambda p, d: (1.0, None, 2.0), {}, "a pair .number, slopes.; found 3 entries"),
    (slope_of_one, {}, r"slopes by predictions\[e\].u, of its shape \(31, 3\)"),
    (lambda p, d: (1.0, [1, 2]), {}, "slopes for 2 experiments, and there are 1"),
    (lambda p, d: p[0]["R"].sum(), {}, "no prediction of 'R'; there are I, S, cases"),
    (lambda p, d: p["third"], {}, "no experiment 'third'"),
    (peak_alone, {"validation": 0.2}, "validation= takes measurements out"),
    (peak_alone, {"resample": 1}, "resample= takes measurements out"),
    (peak_alone, {"stages": psu.GradientMatching()}, "GradientMatching minimises a misfit of its own"),
    (peak_alone, {"stages": [psu.MultipleShooting()]}, "MultipleShooting minimises"),
    (peak_alone, {"stages": [psu.LBFGS(horizon=(0.5, 1.0))]}, r"LBFGS\(horizon=\) is for sums"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "keywords", "message"), WRONG)
def test_wrong_calls(loss: Any, keywords: dict[str, Any], message: str):
    with pytest.raises(psu.PySymUDEError, match=message):
        psu.fit(epidemic(), times(), loss=loss, progress=False, **keywords)


def test_what_a_function_does_not_have(tmp_path: Any):
    fit = psu.fit(epidemic(), times(), loss=peak_by_hand, stages=psu.LBFGS(2), progress=False)
    obj = fit.objective
    for call in (obj.log_likelihood, obj.log_posterior, obj.residuals, obj.jacobian):
        with pytest.raises(
            psu.PySymUDEError, match="loss= is a function of your own, which has no"
        ):
            call(fit.theta)
    with pytest.raises(psu.PySymUDEError, match="which no file holds"):
        fit.save(tmp_path / "fit.npz")
    noisy = epidemic().replace(noise={I: psu.Normal(0.1)})
    with pytest.raises(psu.PySymUDEError, match="the system has noise= for I"):
        psu.objective(noisy, times(), loss=peak_by_hand)
    with pytest.raises(psu.PySymUDEError, match="fit_ensemble keeps its members in files"):
        psu.fit_ensemble(epidemic(), times(), n=2, loss=peak_by_hand)


def test_an_error_of_the_function_is_its_own():
    def broken(predictions: Any, data: Any) -> float:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        psu.fit(epidemic(), times(), loss=broken, progress=False)


def test_detached_torch_is_said():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    assert "torch" in sys.modules

    def detached(predictions: Any, data: Any) -> Any:
        return torch.as_tensor(predictions[0]["I"]).detach().sum()

    with pytest.raises(psu.PySymUDEError, match="does not depend on the predictions"):
        psu.fit(epidemic(), times(), loss=detached, progress=False)


@pytest.mark.parametrize(
    "loss",
    [
        lambda p, d: (T[np.argmax(p[0]["I"])] - 20.0) ** 2,
        lambda p, d: 3,
        lambda p, d: int((p[0]["I"] > 0.1).sum()),
    ],
    ids=["argmax", "constant", "count"],
)
def test_a_loss_without_slopes_is_called_so(engine: str, loss: Any):
    fit = psu.fit(epidemic(), times(), loss=loss, progress=False, engine=engine)
    assert not fit.converged
    assert len(fit.warnings) == 1
    assert "does not depend on theta near the start" in fit.warnings[0]
    assert "1 experiment(s), 1 measurements," in fit.summary()
    assert "1 measurements" in repr(fit.objective)


def test_a_minimum_with_slopes_of_zero_is_not_called_so(engine: str):
    aim = psu.solve(epidemic(), u0={S: 0.99, I: 0.01}, t=T, engine=engine)["I"][-1]

    def at_the_end(predictions: Any, data: Any) -> tuple[float, Any]:
        off = predictions[0]["I"][-1] - float(aim)
        slopes = np.zeros_like(predictions[0].u)
        slopes[-1, predictions[0].columns.index("I")] = 2 * off if abs(off) > 1e-9 else 0.0
        return off**2 + 1.0, slopes

    fit = psu.fit(epidemic(), times(), loss=at_the_end, progress=False, engine=engine)
    assert fit.converged
    assert not any("does not depend" in sentence for sentence in fit.warnings)


def test_a_loss_that_is_nan_is_told_so(engine: str):
    fit = psu.fit(epidemic(), times(), loss=lambda p, d: np.nan, progress=False, engine=engine)
    assert fit.retcode is psu.ReturnCode.LossNotFinite
    (sentence,) = fit.warnings
    assert sentence.startswith("the loss cannot be computed")
    assert sentence.endswith("The function of loss= gave nan.")
    assert "prior" not in sentence


@pytest.mark.parametrize("key", ["I", I], ids=["text", "symbol"])
def test_a_column_without_its_experiment_is_answered_with_how_to_write_it(engine: str, key: Any):
    with pytest.raises(psu.errors.InvalidInputError, match=r"predictions\[0\]\['I'\]"):
        psu.fit(epidemic(), times(), loss=lambda p, d: p[key].sum(), progress=False, engine=engine)
    with pytest.raises(
        psu.errors.InvalidInputError, match="there is no experiment 'one'; there are 1"
    ):
        psu.fit(
            epidemic(), times(), loss=lambda p, d: p["one"].u.sum(), progress=False, engine=engine
        )

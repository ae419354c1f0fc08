"""Networks that stand in a system by their derivatives alone: a learned Hamiltonian."""

import numpy as np
import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.plan.compiled import compile_system
from pysymude.plan.numeric import network_weights

q, p = psu.states("q p")
energy = psu.MLP("H", inputs=[q, p], outputs=1, hidden=(6,))
system = psu.hamiltonian_system(energy[0], q, p)
t = np.linspace(0.0, 3.0, 20)


def objective(tolerance: float) -> psu.Objective:
    data = psu.Dataset.from_arrays(t, np.c_[np.cos(t), -np.sin(t)], states=[q, p])
    return psu.objective(system, data, reltol=tolerance, abstol=tolerance)


def test_the_gradient_agrees_with_central_differences():
    obj = objective(1e-10)
    theta = obj.theta0(0)
    value, gradient = obj.value_and_grad(theta)
    step = 1e-5 * np.eye(theta.size)
    central = [(obj.value(theta + h) - obj.value(theta - h)) / 2e-5 for h in step]
    assert value > 1.0
    assert np.abs(gradient - central).max() < 1e-6 * np.abs(gradient).max()


def test_solutions_stay_on_a_level_of_the_network():
    theta = objective(1e-6).theta0(0)
    drift = []
    for tolerance in (1e-4, 1e-8):
        sol = psu.solve(
            system, u0=[1.0, 0.0], t=np.linspace(0, 20, 50), theta=theta,
            reltol=tolerance, abstol=tolerance,
        )  # fmt: skip
        values = energy.forward(_by_layer(theta), sol.u)[:, 0]
        drift.append(np.ptp(values) / np.ptp(sol.u))
    assert drift[0] < 1e-3
    assert drift[1] < 1e-2 * drift[0]


def _by_layer(theta: np.ndarray) -> dict[str, np.ndarray]:
    return network_weights(compile_system(system).networks, theta)["H"]


def test_a_learned_energy_can_be_reported(tmp_path):
    q, p = psu.states("q p")
    H = psu.MLP("H", inputs=[q, p], outputs=1, hidden=4)
    system = psu.hamiltonian_system(H[0], [q], [p])
    t = np.linspace(0.0, 3.0, 9)
    data = psu.Dataset.from_arrays(t, np.stack([np.cos(t), -np.sin(t)], 1), states=[q, p])
    stages = [psu.GradientMatching(30), psu.LBFGS(5)]
    fit = psu.fit(
        system, data, laws=H[0], engine="native", progress=False, stages=stages, reltol=1e-9
    )
    assert fit.drift()["law_1"] < 1e-6
    values = fit.law_values()["law_1"]
    expected = fit.network(H, np.stack([fit.predictions[0]["q"], fit.predictions[0]["p"]], 1))
    np.testing.assert_allclose(values, expected[:, 0], rtol=1e-12)
    # the other coordinate is no law of it
    other = psu.fit(system, data, laws=q**2 + H[0], engine="native", progress=False, stages=stages)
    assert other.drift()["law_1"] > 1e-2
    fit.save(tmp_path / "fit.npz")
    assert psu.FitResult.load(tmp_path / "fit.npz").drift()["law_1"] < 1e-6
    with pytest.raises(InvalidInputError, match="such a law can only be reported"):
        psu.objective(system, data, laws=H[0], conserve="penalty", engine="native")
    nn = psu.MLP("other", inputs=[q], outputs=1, hidden=2)
    with pytest.raises(InvalidInputError, match="network 'other', which the system does not"):
        psu.objective(system, data, laws=nn[0], engine="native")

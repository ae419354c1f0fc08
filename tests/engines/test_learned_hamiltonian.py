"""Networks that stand in a system by their derivatives alone: a learned Hamiltonian."""

import numpy as np

import pysymude as psu
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

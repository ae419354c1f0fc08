"""Forward and backward laws of dz/dt = cos(w z + b), and what they can and cannot do for a fit.

The set-up is the toy of Hao, Symmetry-regularized neural ordinary differential equations,
arXiv:2311.16628: one hidden state with a cosine rate of change, laws derived from symmetries of the
forward and of the backward dynamics, and a loss with these laws in it. Run it with
``python cosine_toy.py``.
"""

from typing import Any

import numpy as np
import sympy as sp

import pysymude as psu

z = psu.states("z")
w, b = psu.parameters("w b")
TRUE = {w: 0.8, b: -0.3}
START = -1.2


# The derived law with squares in its logarithms, so that it is real where the cosine is negative too,
# and divided by w, or w = 0 would make it constant on any data.
FORWARD = psu.t - sp.log(((1 + sp.sin(w * z + b)) / sp.cos(w * z + b)) ** 2) / (2 * w)


def toy(guess: dict[Any, float]) -> psu.ODESystem:
    return psu.ODESystem({z: sp.cos(w * z + b)}, trainable=guess)


def measured(noise: float = 0.02, *, pair: bool = False) -> psu.Dataset:
    """Noisy values of z from a known start; the adjoint of the pair starts at 1 and is not measured."""
    t = np.linspace(0.0, 4.0, 21)
    true = psu.solve(toy(TRUE), u0={z: START}, t=t, reltol=1e-10, abstol=1e-12)
    u = true.u + noise * np.random.default_rng(0).standard_normal(true.u.shape)
    u0 = {"z": START, "a_z": 1.0} if pair else {"z": START}
    return psu.Dataset.from_arrays(t, u, states=[z], u0=u0)


def gradient_of_laws(guess: dict[Any, float]) -> tuple[float, float]:
    """The gradient of the data term, and what the penalties on both laws add to it."""
    data = measured(pair=True)
    adjoint = psu.adjoint_laws(toy(guess))
    laws = [FORWARD, *adjoint.laws]
    tight: dict[str, Any] = {"reltol": 1e-9, "abstol": 1e-11}
    plain = psu.objective(adjoint.system, data, **tight)
    both = psu.objective(adjoint.system, data, laws=laws, conserve="penalty", **tight)
    theta = plain.theta0()
    without, with_laws = plain.value_and_grad(theta)[1], both.value_and_grad(theta)[1]
    return float(np.linalg.norm(without)), float(np.linalg.norm(with_laws - without))


def learn(guess: dict[Any, float], way: str) -> dict[str, float]:
    """The values of w and b that a fit finds from a guess."""
    data, train = measured(), psu.LBFGS(60)
    if way == "data alone":
        found = psu.fit(toy(guess), data, stages=train, progress=False)
    elif way == "penalty on both laws of the pair":
        adjoint = psu.adjoint_laws(toy(guess))
        laws = [FORWARD, *adjoint.laws]
        found = psu.fit(
            adjoint.system, measured(pair=True), laws=laws, conserve="penalty", stages=train,
            progress=False,
        )  # fmt: skip
    else:
        stages = [psu.LawMatching(), train]
        found = psu.fit(toy(guess), data, laws=FORWARD, stages=stages, progress=False)
    return found.parameters


def off(found: dict[str, float]) -> float:
    """How far a field is from the true one where the data are; other w and b may be the same field."""
    at = np.linspace(-1.2, 2.2, 101)
    true = np.cos(TRUE[w] * at + TRUE[b])
    return float(np.sqrt(np.mean((np.cos(found["w"] * at + found["b"]) - true) ** 2)))


def backward_law_as_a_check(end: float = 4.0) -> tuple[float, float]:
    """dz(T)/dz(0) by the backward law, without a backward solve, and by the engine's gradient."""
    last = psu.Trajectory.from_arrays(
        [end], [[0.0]], states=[z], u0={"z": START}, t0=0.0, trainable_u0=True
    )
    obj = psu.objective(toy(TRUE), last, reltol=1e-9, abstol=1e-11)
    z_end = float(
        psu.solve(toy(TRUE), u0=[START], t=[0.0, end], reltol=1e-10, abstol=1e-12).u[-1, 0]
    )
    # the loss is z(T)^2, so a_z(T) = 2 z(T) and a_z(0) is the gradient
    numbers = TRUE[w], TRUE[b]
    rate = [np.cos(numbers[0] * value + numbers[1]) for value in (START, z_end)]
    by_law = 2 * z_end * rate[1] / rate[0]
    return float(by_law), float(obj.value_and_grad(obj.theta0())[1][-1])


WAYS = ("data alone", "penalty on both laws of the pair", "forward law on the data first")


def main(starts: int = 8) -> dict[str, float]:
    system = psu.ODESystem({z: sp.cos(w * z + b)})
    adjoint = psu.adjoint_laws(system)
    print("forward law: ", psu.first_integrals(system)[0].expr, "= const")
    print("the same with squares:", psu.is_first_integral(FORWARD, system).reason)
    print("backward law:", adjoint.laws[0].expr, "= const along", adjoint.adjoint_rhs)

    # Along a trajectory of the model itself, both laws hold at any w and b: no information.
    of_data, of_laws = gradient_of_laws({w: 1.3, b: 0.2})
    print(f"gradient at a wrong guess: data {of_data:.3g}; added by the two laws {of_laws:.1e}")

    # On the data alone the forward law does see w and b. The backward law reads a_z, which nobody
    # measures.
    rng = np.random.default_rng(1)
    guesses = [{w: rng.uniform(0.3, 1.8), b: rng.uniform(-1.0, 0.6)} for _ in range(starts)]
    figures: dict[str, float] = {"gradient of the laws": of_laws / of_data}
    for way in WAYS:
        found = [learn(guess, way) for guess in guesses]
        error = [off(f) for f in found]
        good = sum(e < 0.1 for e in error)
        print(f"{way:33s} median error {np.median(error):.2g}, {good} of {starts} starts below 0.1")
        figures[way] = float(np.median(error))

    # What the backward law is good for: it knows the gradient without a backward solve.
    by_law, by_engine = backward_law_as_a_check()
    figures["gradient"] = abs(by_engine / by_law - 1)
    print(f"dL/dz(0) by the law {by_law:.9f}, by the engine {by_engine:.9f}")
    return figures


if __name__ == "__main__":
    main()

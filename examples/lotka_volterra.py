"""A predator and its prey: half of the equations known, the other half learned from data.

The set-up is the Lotka-Volterra example of Rackauckas et al., Universal Differential Equations for
Scientific Machine Learning, arXiv:2001.04385.  Run it with ``python lotka_volterra.py``.
"""

import numpy as np

import pysymude as psu


def main() -> None:
    # Populations are positive; saying so lets pysymude work on a log scale where that helps.
    x, y = psu.states("x y", positive=True)
    alpha, beta, gamma, delta = psu.parameters("alpha beta gamma delta")

    # The truth, which stands for an experiment. A tight tolerance keeps the solver's own error far
    # below the noise.
    nature = psu.ODESystem({x: alpha * x - beta * x * y, y: -gamma * y + delta * x * y})
    t = np.linspace(0.0, 3.0, 31)
    true = psu.solve(
        nature,
        u0={x: 0.44249296, y: 4.6280594},
        t=t,
        parameters={alpha: 1.3, beta: 0.9, gamma: 1.8, delta: 0.8},
        reltol=1e-10,
        abstol=1e-10,
    )
    rng = np.random.default_rng(0)
    noise = 5e-3 * true.u.mean(axis=0) * rng.standard_normal(true.u.shape)
    data = psu.Dataset.from_arrays(t, true.u + noise, states=[x, y])

    # What we claim to know: the prey grows, the predator starves. A small network stands for the
    # rest; it does not know that the rest is a product of x and y.
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(5, 5, 5), activation="tanh")
    model = psu.ODESystem(
        {x: alpha * x + nn[0], y: -gamma * y + nn[1]}, parameters={alpha: 1.3, gamma: 1.8}
    )

    # Gradient matching, then L-BFGS on a growing part of the time span: the default stages.
    fit = psu.fit(model, data, seed=0)
    print(fit.summary())

    # Here the truth is known, so the learned term can be judged, which real data never allow.
    learned = fit.unknown_term(true.u)
    product = true.u[:, 0] * true.u[:, 1]
    missing = np.stack([-0.9 * product, 0.8 * product], axis=1)
    error = np.linalg.norm(learned - missing) / np.linalg.norm(missing)
    print(f"the missing term is off by {error:.1%} along the true trajectory")

    # Beyond the data, a network knows nothing: look before you believe such a forecast.
    later = fit.predict(np.linspace(0.0, 4.0, 5))
    print(f"at t = 4: x = {later['x'][-1]:.2f}, y = {later['y'][-1]:.3f} ({later.retcode.name})")

    fit.plot().savefig("lotka_volterra.png")
    print("figure: lotka_volterra.png")


if __name__ == "__main__":
    main()

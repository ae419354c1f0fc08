"""A learned energy: its slopes alone stand in the equations, so its constant is nobody's business."""

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.recover.library import Candidates, candidates

q1, q2, v1, v2 = psu.states("q1 q2 v1 v2")
R = sp.sqrt(q1**2 + q2**2)
W = psu.MLP("W", inputs=[R], outputs=1, hidden=(6,))


def test_a_central_potential_beside_a_known_one():
    energy = (v1**2 + v2**2) / 2 - 1 / R
    t, start = np.linspace(0.0, 6.0, 31), [1.0, 0.0, 0.0, 1.15]
    nature = psu.hamiltonian_system(energy - sp.Float(0.05) / R**3, [q1, q2], [v1, v2])
    seen = psu.solve(nature, u0=start, t=t, reltol=1e-10, abstol=1e-12, engine="native").u
    seen = seen + 1e-4 * np.random.default_rng(0).standard_normal(seen.shape)
    data = psu.Dataset.from_arrays(t, seen, states=[q1, q2, v1, v2], u0=start, noise=1e-4)
    model = psu.hamiltonian_system(energy + W[0], [q1, q2], [v1, v2])
    fit = psu.fit(
        model,
        data,
        stages=[psu.GradientMatching(), psu.LBFGS(200)],
        engine="native",
        progress=False,
    )
    # with the constant, which no data determine
    found = psu.recover(fit, library=["poly2", 1 / R**2, 1 / R**3], progress=False)
    assert [(c.output, c.term) for c in found.coefficients] == [("W[0]", R**-3)]
    assert found.coefficients[0].value == pytest.approx(-0.05, rel=1e-2)


def test_candidates_at_other_inputs_than_their_own():
    system = psu.hamiltonian_system((v1**2 + v2**2) / 2 + W[0], [q1, q2], [v1, v2])
    (poly,) = candidates(system, ["poly2", 1 / R**3, sp.log(R)])
    z = sp.Symbol("z", positive=True)
    assert poly.at([z]) == (1, z, z**2, z**-3, sp.log(z))
    with pytest.raises(InvalidInputError, match=r"q1 is no function of what W\[0\] reads"):
        Candidates(W, 0, (q1,)).at([z])

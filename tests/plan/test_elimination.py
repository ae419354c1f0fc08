"""Linear laws that eliminate states, and the coordinates that this makes."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.plan.enforcement import enforce
from pysymude.plan.law import read_laws

S, I, R = psu.states("S I R", positive=True)  # noqa: E741
A, B, C, D = psu.states("A B C D")
k, c = psu.parameters("k c")
nn = psu.MLP("nn", inputs=[S, I], outputs=1, hidden=(4,))
SIR = psu.ODESystem({S: -nn[0], I: nn[0] - k * I, R: k * I}, observables={"seen": 2 * R + I})
rate, back = psu.MLP("r", inputs=[A, B], outputs=2, hidden=(3,))
BINDING = psu.ODESystem({A: -rate, B: -rate - 2 * back, C: rate, D: back})


def eliminate(system: psu.ODESystem, *laws: object):
    return enforce(system, read_laws(system, list(laws)), "eliminate")


def test_the_state_that_no_equation_reads_goes_first():
    found = eliminate(SIR, S + I + R)
    assert [s.name for s in found.solved.states] == ["S", "I", "total_R"]
    total = found.solved.states[2]
    assert found.solved.rhs[total] == 0
    assert found.solved.observables["R"] == total - S - I
    assert sp.expand(found.solved.observables["seen"] - (2 * total - 2 * S - I)) == 0
    np.testing.assert_array_equal(found.mix @ found.unmix, np.eye(3))
    np.testing.assert_array_equal(found.mix @ [5, 2, 1], [5, 2, 8])


@pytest.mark.parametrize("laws", [(A + C,), (A + C, B + C + 2 * D), (2 * A + 2 * C, A - B - 2 * D)])
def test_the_solved_system_is_the_same_system(laws: tuple[sp.Expr, ...]):
    """Substituting the new coordinates gives back the old rates, exactly."""
    found = eliminate(BINDING, *laws)
    new = [
        sum(sp.Rational(m) * s for m, s in zip(row, BINDING.states, strict=True))
        for row in found.mix
    ]
    back_to = dict(zip(found.solved.states, new, strict=True))
    rates = [f.subs(back_to, simultaneous=True) for f in found.solved.rhs.values()]
    expected = [e.subs(dict(BINDING.rhs), simultaneous=True) for e in new]
    assert all(sp.expand(r - e) == 0 for r, e in zip(rates, expected, strict=True))
    assert sum(f == 0 for f in found.solved.rhs.values()) == len(laws)


def test_a_law_named_twice_in_other_words_eliminates_one_state():
    found = eliminate(BINDING, A + C, 3 * A + 3 * C)
    assert sum(f == 0 for f in found.solved.rhs.values()) == 1


REFUSED = [
    (SIR, S * I, "has I before S"),
    (SIR, S + I, "changes at the rate -I\\*k"),
    (SIR, S + k * I, "has k before I"),
]


@pytest.mark.parametrize(("system", "law", "message"), REFUSED)
def test_what_cannot_eliminate_is_named(system: psu.ODESystem, law: sp.Expr, message: str):
    with pytest.raises(InvalidInputError, match=message):
        eliminate(system, law)


def test_known_coefficients_may_be_parameters():
    system = psu.ODESystem({A: -c * B * rate, B: rate, C: A}, parameters={c: 2.0})
    with pytest.raises(InvalidInputError, match="changes at the rate"):
        eliminate(system, A + c * B)
    system = psu.ODESystem({A: -c * rate, B: rate, C: A}, parameters={c: 2.0})
    found = eliminate(system, A + c * B)
    assert sum(f == 0 for f in found.solved.rhs.values()) == 1


@pytest.mark.parametrize(
    ("laws", "conserve", "message"),
    [
        ((S + I + R,), "projekt", "conserve='projekt' is unknown. There are 'report'"),
        ((), "project", "conserve='project' needs laws="),
    ],
)
def test_wrong_words(laws: tuple[sp.Expr, ...], conserve: str, message: str):
    with pytest.raises(InvalidInputError, match=message):
        enforce(SIR, read_laws(SIR, laws), conserve)

"""A network is no expression, its outputs are: what is written without an index is told so."""

import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import InvalidInputError

x, y = psu.states("x y")
k = psu.parameters("k")
one = psu.MLP("nn", inputs=[x], outputs=1, hidden=(2,))
many = psu.MLP("many", inputs=[x], outputs=5, hidden=(2,))


@pytest.mark.parametrize(
    "use",
    [
        lambda: 2 * one,
        lambda: one * 2,
        lambda: k * one,
        lambda: one + x,
        lambda: x - one,
        lambda: -one,
        lambda: one / x,
        lambda: x / one,
        lambda: one**2,
        lambda: sp.Integer(2) ** one,
        lambda: psu.ODESystem({x: one}),
        lambda: psu.ODESystem({x: -x}, observables={"o": one}),
        lambda: psu.ODESystem({x: -x}, initial={x: one}),
    ],
)
def test_arithmetic_and_equations_ask_for_an_output(use):
    with pytest.raises(InvalidInputError, match=r"write nn\[0\]"):
        use()


def test_a_network_with_many_outputs_says_what_they_are():
    with pytest.raises(InvalidInputError, match=r"many\[0\], many\[1\], many\[2\], \.\.\.: write"):
        2 * many

"""Names that the language of expressions leaves: refused at the door, and nothing else is."""

import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError
from pysymude.model.language import FORMS, FUNCTIONS

WORDS = (*FUNCTIONS, *FORMS)


@pytest.mark.parametrize("name", WORDS)
def test_a_signal_with_the_name_of_a_function_is_refused_when_it_is_made(name):
    with pytest.raises(InvalidInputError, match=f"Write {name}_"):
        psu.Signal(name)
    assert psu.Signal(f"{name}_").name == f"{name}_"


@pytest.mark.parametrize("name", [*WORDS, "pi", "E"])
def test_every_other_kind_of_name_may_be_that_of_a_function_and_is_read_back(name, tmp_path):
    x, k = psu.states(name), psu.parameters("k")
    y, p = psu.states("y"), psu.parameters(name)
    nn = psu.MLP(name, inputs=[y], outputs=1, hidden=(2,))
    systems = [
        psu.ODESystem({x: -k * x}, trainable={k: 1.0}),
        psu.ODESystem({y: -p * y}, trainable={p: 1.0}),
        psu.ODESystem({y: -nn[0] * y}),
        psu.ODESystem({y: -nn(2 * y)[0]}),
        psu.ODESystem({y: -y}, observables={name: 2 * y}),
        psu.ODESystem({y: -y}, events=[psu.Event(y - 1, set={y: 2 * y}, name=name)]),
    ]
    for i, system in enumerate(systems):
        system.to_toml(tmp_path / f"{i}.toml")
        assert psu.ODESystem.from_toml(tmp_path / f"{i}.toml") == system


def test_time_is_no_name_for_anything_else():
    x = psu.states("x")
    with pytest.raises(InvalidInputError, match="t_"):
        psu.Signal("t")
    with pytest.raises(InvalidInputError, match="t_"):
        psu.MLP("t", inputs=[x], outputs=1, hidden=(2,))
    with pytest.raises(InvalidInputError, match="t_"):
        psu.ODESystem({x: -x}, observables={"t": x})

"""Systems, networks and laws as bytes and as files: what comes back is equal, and nothing is run."""

from __future__ import annotations

import copy
import pickle
import pickletools

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from pysymude.errors import ModelFileError, SaveFileError

x, y = psu.states("x y", positive=True)
a, b = psu.parameters("a b")
plain, whole = sp.Symbol("plain"), sp.Symbol("n", integer=True, positive=True)
w = sp.Function("w")
inner = psu.MLP("inner", inputs=[x, plain], outputs=1, hidden=3)
nn = psu.MLP(
    "nn", inputs=[inner[0], y + psu.t], outputs=2, hidden=(4, 2), activation="gelu", input_scaling="data",
    output_scaling=([0.0, 0.1], [1.0, 1 / 3]),
)  # fmt: skip

SYSTEMS = [
    psu.ODESystem({x: -x}),
    psu.ODESystem(
        {x: a * x - b * x * y + w(psu.t), y: sp.Piecewise((y, y > 1), (x / 3, True))},
        parameters={a: 1 / 3}, trainable={b: 0.1}, bounds={b: (0, 1)}, observables={"sum": x + y},
    ),
    psu.ODESystem({x: nn[0] * plain, y: nn[1] + inner[0] ** 2}, parameters={plain: 2.0}),
    psu.ODESystem({plain: -plain * whole}, trainable={whole: 2.0}),
    # symbols that stand in starts and noise models alone keep their assumptions, too
    psu.ODESystem(
        {x: -a * x, y: -y}, trainable={a: 1.0}, initial={x: 1 + plain},
        noise={x: psu.Normal(whole), y: 0.1 + 0.2 * y}, priors={a: psu.LogNormal(0, 1)},
    ),
]  # fmt: skip


def again(thing):
    content = pickle.dumps(thing)
    named = [str(arg) for op, arg, _ in pickletools.genops(content) if op.name == "GLOBAL"]
    assert not any("eval" in name or "sympify" in name for name in named)
    return pickle.loads(content)  # noqa: S301


@pytest.mark.parametrize("system", SYSTEMS)
def test_systems_come_back_equal(system):
    assert again(system) == system
    assert again(system).layout.size == system.layout.size
    assert copy.deepcopy(system) is system
    assert copy.copy(system) is system
    assert again([system, system])[0] == system


def test_systems_as_files(tmp_path):
    SYSTEMS[1].to_toml(tmp_path / "model.toml")
    assert psu.ODESystem.from_toml(tmp_path / "model.toml") == SYSTEMS[1]
    SYSTEMS[0].to_toml(str(tmp_path / "model.toml"))
    assert psu.ODESystem.from_toml(tmp_path / "model.toml") == SYSTEMS[0]
    with pytest.raises(SaveFileError, match=r"none/model.toml: cannot be written: No such file"):
        SYSTEMS[0].to_toml(tmp_path / "none" / "model.toml")


@pytest.mark.parametrize("network", [inner, nn], ids=str)
def test_networks_come_back_equal(network):
    found = again(network)
    assert found == network
    assert repr(found.output_scaling) == repr(network.output_scaling)
    np.testing.assert_array_equal(found.initial_weights(3), network.initial_weights(3))
    assert copy.deepcopy(network) == network
    assert again(network[0] + x) == network[0] + x
    assert again(network[0].diff(x)) == network[0].diff(x)


def test_laws_come_back_equal():
    for system in (
        psu.ODESystem({x: a * x - x * y, y: x * y - y}),
        psu.ODESystem({x: inner[0], y: -inner[0]}, parameters={plain: 1.0}),
    ):
        laws = psu.first_integrals(system)
        found = again(laws)
        assert [law.expr for law in found] == [law.expr for law in laws]
        assert found.complete == laws.complete
        assert all(law.certificate.check() for law in found)
        assert copy.deepcopy(laws) is laws
        assert again(laws[0]).expr == laws[0].expr


def test_a_text_that_was_changed_is_read_as_a_model_and_nothing_else():
    function, (text, facts) = SYSTEMS[0].__reduce__()
    with pytest.raises(ModelFileError):
        function(text.replace('"-x"', '"__import__(1)"'), facts)

"""The one flat vector that compiled code writes of a loss, and both sides' words for its places."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import pysymude as psu
from pysymude.engines.loss_layout import LossLayout
from pysymude.engines.outcomes import CODES, ReturnCode

LOSSES = Path(__file__).parents[2] / "julia" / "PySymUDE" / "src" / "losses.jl"


@pytest.mark.parametrize("laws", [(), ("energy",), ("energy", "momentum")])
@pytest.mark.parametrize("experiments", [1, 3])
def test_parts_follow_one_another(laws: tuple[str, ...], experiments: int):
    layout = LossLayout(laws, experiments, 5)
    parts = [slice(0, layout.HEAD), layout.law_terms, layout.codes, layout.gradient]
    assert [p.start for p in parts[1:]] == [p.stop for p in parts[:-1]]
    assert [p.stop - p.start for p in parts] == [4, len(laws), experiments, 5]


def test_what_is_read():
    layout = LossLayout(("energy",), 2, 3)
    unstable = CODES.index(ReturnCode.Unstable)
    out = np.array([10.0, 7.0, 2.0, 44.0, 1.0, 0.0, unstable, 0.1, 0.2, 0.3])
    found = layout.read(out, np.zeros(4), gradient=True)
    assert (found.value, found.steps) == (10.0, 44)
    assert found.terms == {"data": 7.0, "links": 2.0, "energy": 1.0}
    assert found.retcodes == (ReturnCode.Success, ReturnCode.Unstable)
    assert found.gradient is not None
    assert found.gradient.tolist() == [0.1, 0.2, 0.3, 0.0]
    # the vector is written anew by the next call
    out[:] = 0.0
    assert found.gradient.tolist() == [0.1, 0.2, 0.3, 0.0]
    assert layout.read(out, np.zeros(4), gradient=False).gradient is None
    out[layout.STEPS] = np.nan
    assert layout.read(out, np.zeros(4), gradient=False).steps == 0


def test_julia_has_the_same_places():
    found = re.search(
        r"const VALUE, DATA, LINKS, STEPS = (.*)\nconst HEAD = (.*)\n", LOSSES.read_text()
    )
    assert found is not None
    layout = LossLayout
    places = (layout.VALUE, layout.DATA, layout.LINKS, layout.STEPS)
    assert [int(k) - 1 for k in found[1].split(",")] == list(places)
    assert int(found[2]) == layout.HEAD


def test_unknown_starts_stand_behind_the_parameters_of_a_plan():
    x, k = psu.states("x"), psu.parameters("k")
    data = psu.Dataset.from_arrays([0, 1, 2], [[1], [2], [3]], states=[x], trainable_u0=True)
    obj = psu.objective(psu.ODESystem({x: -k * x}, trainable={k: 1.0}), data, engine="native")
    layout = LossLayout.of(obj.plan, obj.spec, obj.loss)
    assert layout == LossLayout((), 1, 2)

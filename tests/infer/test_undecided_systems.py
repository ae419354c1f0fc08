"""What identifiability says where symident does not: events that set states, networks without the package."""

from __future__ import annotations

from typing import Any

import pytest

import pysymude as psu
from pysymude.errors import MissingPackageError
from pysymude.infer import identifiability as module

x, y = psu.states("x y")
d, g, k = psu.parameters("d g k")
NN = psu.MLP("nn", inputs=[x], outputs=1, hidden=3)
LANDS = psu.Event(x, direction=-1, set={y: -k * y}, name="lands")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, what: str) -> Any:
        raise MissingPackageError(f"{what} needs {name}", name=name)

    monkeypatch.setattr(module, "package", missing)


def test_events_that_set_states_are_not_decided():
    found = psu.identifiability(psu.ODESystem({x: y, y: -g}, events=[LANDS]), [x])
    assert found.undecided == {"g", "k"}
    assert not found
    assert "events that set states are beyond symmetries: lands" in str(found)
    # the simulated ball has landed several times, and shows how much of its speed it keeps
    assert (found.rank, found.size, found.open_here) == (4, 4, frozenset())
    assert found.agrees is None
    assert "numerical rank at a point: 4 of 4, which leaves nothing open" in str(found)


def test_events_that_only_watch_change_nothing():
    pytest.importorskip("symident", reason="symident is not installed: nothing is decided")
    watched = psu.ODESystem({x: -k * x}, events=[psu.Event(x - 1, set={x: x / 2})])
    assert psu.identifiability(watched, [x]).undecided == {"k"}
    assert psu.identifiability(psu.ODESystem({x: -k * x}), [x]).identifiable == {"k"}


def test_what_a_network_makes_up_for_counts_with_events():
    def found(event: psu.Event) -> Any:
        return psu.identifiability(psu.ODESystem({x: NN[0] - d * x, y: x}, events=[event]), [x, y])

    half = found(psu.Event(y - 1, set={x: x / 2}))
    assert half.unidentifiable == {"d"}
    assert not half.undecided
    # what is set shows it
    shown = found(psu.Event(y - 1, set={x: d * x / 2}))
    assert (shown.unidentifiable, shown.undecided) == (set(), {"d"})
    assert found(psu.Event(y - d, set={x: x / 2})).undecided == {"d"}


@pytest.mark.usefixtures("without")
def test_networks_are_answered_without_the_package():
    found = psu.identifiability(psu.ODESystem({x: k * NN[0] - d * x, y: x - g * y}), [x, y])
    assert found.unidentifiable == {"d", "k"}
    assert found.absorbed == {"d": ("nn",), "k": ("nn",)}
    assert found.undecided == {"g"}
    assert "symident is not installed" in found.why
    inside = psu.MLP("nn", inputs=[g * x], outputs=1, hidden=3)
    assert psu.identifiability(psu.ODESystem({x: inside[0] - d * x}), [x]).undecided >= {"g"}


@pytest.mark.usefixtures("without")
def test_other_systems_need_it():
    with pytest.raises(MissingPackageError, match="identifiability needs symident"):
        psu.identifiability(psu.ODESystem({x: -k * x}), [x])

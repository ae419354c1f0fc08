"""Records of the Julia engine (`python -m tests.golden`) against every engine, on every machine."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import pysymude as psu
from problems.catalogue import UNIVERSAL, Universal
from tests.golden.record import (
    ALLOWED,
    CASES,
    HERE,
    SOURCES,
    Case,
    check,
    emitted,
    path_of,
    recorded,
    results,
)


def changed(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The record with one number at a time off by three times what is allowed."""
    found = [record | {"loss": record["loss"] * (1 + 3 * ALLOWED)}] if "loss" in record else []
    if "gradient" in record:
        size = np.abs(record["gradient"]).max()
        for k in range(record["gradient"].size):
            gradient = record["gradient"].copy()
            gradient[k] += 3 * ALLOWED * size
            found.append(record | {"gradient": gradient})
    for at in np.ndindex(record["states"].shape):
        states = record["states"].copy()
        states[at] += 3 * ALLOWED * np.abs(states[..., at[-1]]).max()
        found.append(record | {"states": states})
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_results_are_those_on_record(engine: str, case: Case):
    found = results(case, engine)
    # which implicit solver is taken is the engine's own affair
    record = recorded(case) | {"solver": found["solver"]}
    check(found, record)
    for wrong in changed(record):
        with pytest.raises(AssertionError):
            check(found, wrong)


def test_each_record_belongs_to_a_case_and_says_where_it_comes_from():
    assert sorted(map(path_of, CASES)) == sorted((HERE / "julia").iterdir())
    for case in CASES:
        record = json.loads(path_of(case).read_text())
        assert record["case"] == case.name
        assert record["versions"].keys() == {"julia", "packages", "pysymude"}
        assert record["versions"]["packages"]["SciMLSensitivity"]
        assert path_of(case).stat().st_size < 20_000


@pytest.mark.parametrize("case", UNIVERSAL, ids=lambda case: case.name)
def test_both_engines_give_the_same_loss_and_gradient(julia: str, case: Universal):
    ours, theirs = (results(case, engine) for engine in (julia, "native"))
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=ALLOWED)
    difference = np.linalg.norm(ours["gradient"] - theirs["gradient"])
    assert difference < ALLOWED * np.linalg.norm(theirs["gradient"])
    # a part of a system left out would be noticed: it is far from the system with other weights
    obj = psu.objective(*case.problem, engine="native")
    assert abs(obj.value(obj.theta0(2)) - theirs["loss"]) > ALLOWED * theirs["loss"]


@pytest.mark.parametrize("name", SOURCES)
def test_the_emitted_source_is_as_reviewed(name: str):
    """After a change on purpose: ``python -m tests.golden --sources``, and read the difference."""
    path = HERE / "julia_sources" / f"{name}.jl"
    assert emitted(name) == path.read_text()

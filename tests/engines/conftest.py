"""One suite, every engine: the fixtures `engine`, `solver` and `stiff_solver` run over the registry.

PYSYMUDE_TEST_ENGINES=native,julia narrows the run; an unknown name there, or in a mark
``lacking(engine, reason, but=solvers, strict=bool)``, is an error at collection, so that a slip cannot hide
a test.
PYSYMUDE_REQUIRE_JULIA=1 makes a failure of what would be skipped for want of Julia.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import pytest

import pysymude as psu
from pysymude.engines.registry import select_engine

ENGINES = {entry["name"]: entry for entry in psu.engines()}


def _known(names: Iterable[str], where: str) -> list[str]:
    found = list(names)
    for name in found:
        if name not in ENGINES:
            raise pytest.UsageError(f"{where}: there is no engine {name!r}, only {list(ENGINES)}")
    return found


def _wanted() -> list[str]:
    given = os.environ.get("PYSYMUDE_TEST_ENGINES")
    return _known(given.split(",") if given else ENGINES, "PYSYMUDE_TEST_ENGINES")


def _solvers(name: str, *, stiff_only: bool) -> list[str]:
    # an engine that cannot run here keeps one test, which is then reported as skipped
    if not ENGINES[name]["available"]:
        return [""]
    table = select_engine(name).solvers
    return [solver for solver, info in table.items() if info.stiff or not stiff_only]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "lacking(engine, reason, but=solvers, strict=bool): the engine does not do this yet",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture in ("solver", "stiff_solver"):
        if fixture in metafunc.fixturenames:
            pairs = [
                (name, solver)
                for name in _wanted()
                for solver in _solvers(name, stiff_only=fixture == "stiff_solver")
            ]
            metafunc.parametrize(("engine", fixture), pairs, indirect=["engine"])
            return
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", _wanted(), indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("lacking"):
            name, reason = _known([mark.args[0]], item.nodeid)[0], mark.args[1]
            given = item.callspec.params if getattr(item, "callspec", None) else {}
            but = mark.kwargs.get("but")  # solvers that do it; some of the others may by luck
            strict = mark.kwargs.get("strict", not but)
            if given.get("engine") != name or (but and given.get("solver", but[0]) in but):
                continue
            item.add_marker(pytest.mark.xfail(reason=reason, strict=strict))


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """An engine's name; skipped, with the reason, where it cannot run."""
    return _usable(request.param)


@pytest.fixture
def julia() -> str:
    """The name of the Julia engine; skipped, with the reason, where it cannot run."""
    return _usable("julia")


def _usable(name: str) -> str:
    entry = ENGINES[name]
    if not entry["available"]:
        required = entry["name"] == "julia" and os.environ.get("PYSYMUDE_REQUIRE_JULIA") == "1"
        (pytest.fail if required else pytest.skip)(f"engine {entry['name']}: {entry['reason']}")
    return entry["name"]

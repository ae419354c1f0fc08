"""Names to engines: which there are, which can run here, which one is taken."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from pysymude.engines.base import AbstractEngine, Capability
from pysymude.errors import CapabilityError, EngineUnavailableError, InvalidInputError
from pysymude.model.coerce import meant

__all__ = ["engine_names", "engines", "select_engine"]

log = logging.getLogger("pysymude")


@cache
def _all() -> dict[str, AbstractEngine]:
    from pysymude.engines.julia import JuliaEngine
    from pysymude.engines.native import NativeEngine

    # Julia comes first: it counts as usable only where somebody has set it up
    return {engine.name: engine for engine in (JuliaEngine(), NativeEngine())}


def engine_names() -> tuple[str, ...]:
    """What `engine=` accepts, besides ``"auto"``."""
    return tuple(_all())


def engines() -> list[dict[str, Any]]:
    """The engines: name, whether it is usable here and why not, solvers, capabilities.

    Returns
    -------
    list of dict
        Keys ``name``, ``available``, ``reason``, ``solvers``, ``capabilities``.
    """
    return [
        {
            "name": engine.name,
            "available": not engine.availability(),
            "reason": engine.availability(),
            "solvers": list(engine.solvers),
            "capabilities": sorted(c.name.lower() for c in engine.capabilities),
        }
        for engine in _all().values()
    ]


def select_engine(name: str, *needs: Capability) -> AbstractEngine:
    """The engine called `name`, or the one that ``"auto"`` stands for.

    ``"auto"`` takes the first usable engine in the order of `engines()`; an explicit name is final.

    Raises
    ------
    InvalidInputError
        There is no such engine.
    EngineUnavailableError
        It cannot run here; the message says what would change that.
    CapabilityError
        It does not do what is asked.
    """
    known = _all()
    if name != "auto" and name not in known:
        raise InvalidInputError(
            f"engine {name!r} is unknown; choose 'auto' or one of {', '.join(map(repr, known))}"
            f"{meant(str(name), known)}"
        )
    for engine in known.values() if name == "auto" else [known[name]]:
        reason = engine.availability()
        if reason and name != "auto":
            raise EngineUnavailableError(f"engine {name!r} cannot run here: {reason}", engine=name)
        if not reason:
            _check(engine, known, needs)
            if name == "auto":
                log.info("engine 'auto' is %s", engine.name)
            return engine
    raise EngineUnavailableError("no engine can run here; run: pysymude doctor", engine=name)


def _check(
    engine: AbstractEngine, known: dict[str, AbstractEngine], needs: tuple[Capability, ...]
) -> None:
    for need in needs:
        if need not in engine.capabilities:
            able = tuple(e.name for e in known.values() if need in e.capabilities)
            raise CapabilityError(
                f"engine {engine.name!r} cannot {need.value}; these can: {', '.join(able) or 'none'}",
                engine=engine.name,
                capability=need.name.lower(),
                engines_that_have_it=able,
            )

"""Names of solvers that a user made and an engine keeps."""

from __future__ import annotations

__all__ = ["AdoptedSolver"]


class AdoptedSolver(str):
    """The name of a solver that was given as an object: in this process the engine knows it by this name.

    So what was made with it can be made again, where a name that somebody typed would be unknown.
    """

    __slots__ = ()

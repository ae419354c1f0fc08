"""The trajectories of a dataset: each is one, is made with its number in errors, and has a name of its own."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import Any

from pysymude.errors import InvalidInputError
from pysymude.model.symbols import escaped
from pysymude.model.trajectory import Trajectory

__all__ = ["named", "one_of"]


def named(trajectories: tuple[Any, ...]) -> tuple[Trajectory, ...]:
    """The trajectories, checked, each with a name of its own."""
    for i, found in enumerate(trajectories):
        if not isinstance(found, Trajectory):
            raise InvalidInputError(
                f"Dataset takes trajectories; entry {i} is a {type(found).__name__}: "
                "use Trajectory.from_arrays(t, u, states=...)"
            )
    if not trajectories:
        raise InvalidInputError("Dataset is empty: give it at least one trajectory")
    if not any(trajectory.n_measured for trajectory in trajectories):
        raise InvalidInputError("a dataset needs a trajectory with a measured value; found none")
    given = Counter(trajectory.name for trajectory in trajectories if trajectory.name)
    if given and (twice := given.most_common(1)[0])[1] > 1:
        raise InvalidInputError(
            f"two trajectories are called {twice[0]!r}; rename one: trajectory.renamed('...')"
        )
    taken, named = set(given), list[Trajectory]()
    for i, trajectory in enumerate(trajectories):
        name = trajectory.name or next(str(n) for n in count(i) if str(n) not in taken)
        taken.add(name)
        named.append(trajectory if trajectory.name else trajectory.renamed(name))
    return tuple(named)


def one_of(index: int, n: int, row: tuple[Any, Any], keywords: Any) -> Trajectory:
    """Trajectory number `index` of `n`; errors say which."""
    try:
        return Trajectory.from_arrays(*row, **keywords)
    except InvalidInputError as error:
        if n == 1:
            raise
        label = escaped(str(keywords["name"])) or index
        raise InvalidInputError(f"experiment {label}: {error}") from error

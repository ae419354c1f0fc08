"""Programs of the machine before they are arrays: rows whose results have numbers, not yet slots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pysymude.engines.native import codes
from pysymude.model.network import MLP

__all__ = ["Call", "Collected", "Program", "Row", "Value"]


@dataclass(frozen=True)
class Value:
    """`factor` times the result number `at`, which is held through a solve or not."""

    at: int
    factor: float = 1.0


@dataclass(frozen=True, eq=False)
class Call:
    """A network's call: the order of the derivatives that it gives, and the numbers of its results."""

    network: MLP
    order: int
    results: list[int]


@dataclass(eq=False)
class Row:
    """One operation; `call` where that is a network's."""

    code: int
    args: tuple[int, ...]
    result: int
    x: float = 1.0
    y: float = 1.0
    call: Call | None = None

    @property
    def results(self) -> list[int]:
        """The numbers of its results."""
        return [self.result] if self.call is None else self.call.results

    @property
    def reads(self) -> tuple[int, ...]:
        """The numbers of what it reads: an exponent is none."""
        return self.args[:1] if self.code == codes.IPOW else self.args


@dataclass(eq=False)
class Program:
    """Rows of one program, and what it puts out."""

    rows: list[Row] = field(default_factory=list[Row])
    outputs: list[Value] = field(default_factory=list[Value])

    def ordered(self) -> list[Row]:
        """The rows that outputs depend on, as they are run: folding leaves some that nothing reads.

        Rows that need nothing of each other stand together, equal operations side by side: then a processor
        works on several at once, and sees which operation comes next.
        """
        needed = {v.at for v in self.outputs}
        kept: list[Row] = []
        for row in reversed(self.rows):
            if not needed.isdisjoint(row.results):
                needed.update(row.reads)
                kept.append(row)
        levels: dict[int, int] = {}
        places: list[tuple[int, int, int]] = []
        for k, row in enumerate(reversed(kept)):
            level = 1 + max((levels.get(a, 0) for a in row.reads), default=0)
            levels.update(dict.fromkeys(row.results, level))
            places.append((level, row.code, k))
        return [kept[-1 - k] for _, _, k in sorted(places)]


@dataclass(eq=False)
class Collected:
    """All programs of one bound problem.

    `start` is run once a solve; `held` are the numbers of what is held through it, in the order of slots;
    those of time, the states and the signs in `behind` follow. `count` numbers have been given away.
    `offsets` say where each network's weights begin in theta.
    """

    networks: Mapping[str, MLP]
    offsets: Mapping[str, int]
    start: Program = field(default_factory=Program)
    programs: list[Program] = field(default_factory=list[Program])
    held: list[int] = field(default_factory=list[int])
    behind: list[int] = field(default_factory=list[int])
    constants: dict[float, int] = field(default_factory=dict[float, int])
    count: int = 0

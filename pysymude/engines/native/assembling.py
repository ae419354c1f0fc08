"""Programs as arrays: slots of a block for all that they read and write."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pysymude.engines.native import codes
from pysymude.engines.native.network_calls import pack_call
from pysymude.engines.native.programs import Call, Collected, Program, Row

__all__ = ["Finished", "Outputs", "assemble"]

Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Outputs:
    """Where a program's outputs are: slots, and the factor of each."""

    slots: Int
    factors: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Finished:
    """Programs as arrays: `ranges[0]` is what is computed once a solve, `ranges[1 + k]` program k.

    `held` are the numbers of the held part; parameters and learned values are its first entries.
    Behind it come time, the states, the signs.
    """

    code: Int
    consts: NDArray[np.float64]
    net: Int
    ranges: Int
    outputs: tuple[Outputs, ...]
    held: NDArray[np.float64]
    size: int
    time: int
    has_networks: bool


def assemble(collected: Collected) -> Finished:
    """Slots for everything, rows as arrays."""
    rows = [collected.start.rows, *(p.ordered() for p in collected.programs)]
    slot, size = _slots(collected, rows[1:])
    code: list[int] = []
    consts: list[float] = []
    net: list[int] = []
    ranges: list[tuple[int, int]] = []
    for program in rows:
        first = len(code) // codes.ROW
        for row in program:
            code += _line(row, slot, len(net))
            consts += [row.x, row.y]
            if row.call is not None:
                net += _packed(collected, row.call, slot, slot[list(row.args)])
        ranges.append((first, len(code) // codes.ROW))
    held = np.zeros(len(collected.held))
    for number, one in collected.constants.items():
        held[slot[one]] = number
    return Finished(
        code=np.array(code, dtype=np.int64), consts=np.array(consts, dtype=np.float64),
        net=np.array(net or [0], dtype=np.int64), ranges=np.array(ranges, dtype=np.int64),
        outputs=tuple(_outputs(p, slot) for p in collected.programs), held=held, size=size,
        time=int(slot[collected.behind[0]]), has_networks=bool(net),
    )  # fmt: skip


def _slots(collected: Collected, programs: list[list[Row]]) -> tuple[Int, int]:
    """The slot of each number, -1 where it has none, and how many there are: programs share theirs."""
    slot = np.full(collected.count, -1, dtype=np.int64)
    first = [*collected.held, *collected.behind]
    slot[first] = np.arange(len(first))
    size = len(first)
    for rows in programs:
        results = [k for row in rows for k in row.results]
        slot[results] = np.arange(len(first), len(first) + len(results))
        size = max(size, len(first) + len(results))
    return slot, size


def _line(row: Row, slot: Int, network: int) -> list[int]:
    """A row of `code`; `network` is where its call would begin in `net`."""
    if row.call is not None:
        return [codes.NET, network, 0, 0, 0]
    if row.code == codes.IPOW:
        return [row.code, int(slot[row.args[0]]), row.args[1], 0, int(slot[row.result])]
    args = [int(slot[a]) for a in row.args]
    return [row.code, *args, *[0] * (3 - len(args)), int(slot[row.result])]


def _packed(collected: Collected, call: Call, slot: Int, inputs: Int) -> list[int]:
    nn, networks = call.network, collected.networks
    names = list(networks)
    before = [networks[name] for name in names[: names.index(nn.name)]]
    packed = pack_call(
        nn.widths, nn.activation, order=call.order, weights=collected.offsets[nn.name],
        scaling=sum(2 * (len(other.inputs) + other.outputs) for other in before),
        base=int(slot[call.results[0]]), inputs=inputs.tolist(),
    )  # fmt: skip
    return [int(k) for k in packed]


def _outputs(program: Program, slot: Int) -> Outputs:
    return Outputs(
        np.array([slot[v.at] for v in program.outputs], dtype=np.int64),
        np.array([v.factor for v in program.outputs], dtype=np.float64),
    )

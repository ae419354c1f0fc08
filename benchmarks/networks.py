"""Linear laws of random sparse reaction networks with planted moieties, from 250 to 4,000 species.

    python -m benchmarks.networks [--part ours|others|sympy|plot|all] [--rounds 9] [--json FILE]
                                  [--plot FILE]

Every time stands beside a proof that the laws found are all there are: see `proved`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import time
import tracemalloc
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any

import flint
import numpy as np
import sympy as sp
from matplotlib.figure import Figure

from benchmarks.harness import arguments, finish, interleaved, passed
from pysymude.symbolic.null_space.linear_laws import left_null_space, linear_laws

SECONDS, MEGABYTES = 0.5, 500  # limits at 2,000 species and 3,000 reactions
SIZES = (250, 500, 1000, 2000, 4000)
PRIME = 1_000_003  # not one that the search uses

Vector = dict[int, int]


@dataclass(frozen=True)
class Network:
    """Net stoichiometry by species, and the vectors that every reaction conserves by construction."""

    rows: list[Vector]
    n_reactions: int
    moieties: list[Vector]

    @property
    def n(self) -> int:
        return len(self.rows)

    def dense(self) -> np.ndarray:
        """The stoichiometric matrix, int64, shape (species, reactions)."""
        found = np.zeros((self.n, self.n_reactions), dtype=np.int64)
        for i, row in enumerate(self.rows):
            found[i, list(row.keys())] = list(row.values())
        return found


def binding(n: int, seed: int = 0) -> Network:
    """Complexes of n/20 moieties, up to 12 units large: each is formed once, and units are swapped.

    A complex has an integer number of each moiety. A formation joins two smaller ones; a swap is the
    difference of two formations, as AB + C -> AC + B is. The order of all is shuffled.
    """
    rng = np.random.default_rng(seed)
    m, d = 3 * n // 2, n // 20
    composition: list[Vector] = [{k: 1} for k in range(d)]
    formations: list[Vector] = []
    while len(composition) < n:
        a, b = (int(k) for k in rng.integers(0, len(composition), 2))
        joined = total(composition[a], composition[b])
        if sum(joined.values()) <= 12:
            formations.append(total(total({len(composition): 1}, {a: -1}), {b: -1}))
            composition.append(joined)
    reactions = list(formations)
    while len(reactions) < m:
        first, second = (formations[k] for k in rng.integers(0, len(formations), 2))
        swap = total(first, {i: -c for i, c in second.items()})
        if swap:
            reactions.append(swap)
    moieties = [{i: c[k] for i, c in enumerate(composition) if k in c} for k in range(d)]
    return shuffled(n, reactions, moieties, rng)


def exchange(n: int, seed: int = 0) -> Network:
    """Species in n/100 groups, with 1 to 3 units each: a reaction moves units in two groups at once.

    Each reaction has four random species, A + B -> C + D, which is what fills an elimination most.
    """
    rng = np.random.default_rng(seed)
    m, d = 3 * n // 2, n // 100
    group = rng.permutation(np.arange(n) % d)
    units = rng.integers(1, 4, n)
    members = [np.flatnonzero(group == k) for k in range(d)]
    unused = rng.permutation(n).tolist()
    reactions: list[Vector] = []
    while len(reactions) < m:
        reaction: Vector = {}
        for _ in range(2):
            i = unused.pop() if unused else int(rng.integers(n))
            j = int(rng.choice(members[group[i]][members[group[i]] != i]))
            common = gcd(int(units[i]), int(units[j])) * int(rng.choice([-1, 1]))
            move = {i: int(units[j]) // common, j: -int(units[i]) // common}
            reaction = total(reaction, move)
        reactions.append(reaction)
    moieties = [{int(i): int(units[i]) for i in part} for part in members]
    return shuffled(n, reactions, moieties, rng)


def total(a: Mapping[int, int], b: Mapping[int, int]) -> Vector:
    """The sum of two sparse vectors."""
    found = {i: a.get(i, 0) + b.get(i, 0) for i in [*a, *b]}
    return {i: c for i, c in found.items() if c}


def shuffled(n: int, reactions: list[Vector], moieties: list[Vector], rng: Any) -> Network:
    """The network with species and reactions in random order."""
    place = rng.permutation(n).tolist()
    rows: list[Vector] = [{} for _ in range(n)]
    for j, k in enumerate(rng.permutation(len(reactions)).tolist()):
        for i, c in reactions[k].items():
            rows[place[i]][j] = c
    return Network(rows, len(reactions), [{place[i]: c for i, c in v.items()} for v in moieties])


KINDS: dict[str, Callable[[int], Network]] = {"binding": binding, "exchange": exchange}


def proved(network: Network, laws: list[Vector]) -> bool:
    """Whether laws and planted moieties both span the left null space.

    Each vector is checked against every reaction in integers. Ranks modulo a prime are lower bounds:
    that of the matrix bounds the dimension from above, those of the vectors from below.
    """
    conserved = all(conserves(network, v) for v in [*laws, *network.moieties])
    dimension = network.n - rank(network.dense())
    return conserved and all(
        len(basis) == dimension == rank(as_array(basis, network.n))
        for basis in (laws, network.moieties)
    )


def conserves(network: Network, law: Vector) -> bool:
    """Whether c^T N = 0, in Python integers."""
    change: Vector = {}
    for i, c in law.items():
        for j, a in network.rows[i].items():
            change[j] = change.get(j, 0) + c * a
    return not any(change.values())


def rank(a: np.ndarray) -> int:
    """The rank mod PRIME."""
    return flint.nmod_mat(flint.fmpz_mat(*a.shape, a.ravel().tolist()), PRIME).rank()


def as_array(vectors: list[Vector], n: int) -> np.ndarray:
    """Vectors as rows."""
    found = np.zeros((len(vectors), n), dtype=np.int64)
    for k, v in enumerate(vectors):
        found[k, list(v.keys())] = list(v.values())
    return found


def memory(kind: str, n: int) -> tuple[float, float]:
    """MB in a fresh process: the peak of the whole process, and the peak of what the call allocates."""
    network = KINDS[kind](n)
    left_null_space(network.rows, network.n_reactions)
    process = peak()
    tracemalloc.start()
    left_null_space(network.rows, network.n_reactions)
    return process, tracemalloc.get_traced_memory()[1] / 2**20


def peak() -> float:
    """The peak of this process in MB."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # unlike ru_maxrss, this one knows nothing of the parent process
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def ours(kind: str, n: int, rounds: int) -> dict[str, Any]:
    """One row of the table."""
    network = KINDS[kind](n)
    laws = left_null_space(network.rows, network.n_reactions)
    timing = interleaved(
        {"ours": lambda: left_null_space(network.rows, network.n_reactions)}, rounds=rounds
    )["ours"]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        process, allocated = pool.submit(memory, kind, n).result()
    return {
        "network": kind,
        "species": n,
        "reactions": network.n_reactions,
        "entries": sum(map(len, network.rows)),
        "planted": len(network.moieties),
        "found": len(laws),
        "all, and no more": proved(network, laws),
        "negative": sum(min(v.values()) < 0 for v in laws),
        "largest": max(max(v.values()) for v in laws),
        "best s": timing.best,
        "median s": timing.median,
        "q3 s": timing.upper,
        "call MB": allocated,
        "process MB": process,
    }


def baselines(kind: str) -> list[dict[str, Any]]:
    """What one would reach for, each up to the size that it does in half a minute."""
    ladders: dict[str, tuple[tuple[int, ...], Callable[[np.ndarray], int]]] = {
        "sympy Matrix.nullspace": ((100, 250), matrix_nullspace),
        "sympy DomainMatrix": ((100, 250, 500), domain_matrix),
        "flint fmpz_mat.nullspace": ((100, 250, 500, 1000, 2000), fmpz_nullity),
        "numpy svd (floats)": ((250, 500, 1000), svd_nullity),
    }
    found: list[dict[str, Any]] = []
    for name, (sizes, nullity) in ladders.items():
        for n in sizes:
            network = KINDS[kind](n)
            # in a process of its own, where BLAS has one thread: several wait long on a busy machine
            with one_thread() as pool:
                d, seconds = pool.submit(timed, nullity, network.dense()).result()
            mine = interleaved(
                {"": lambda w=network: left_null_space(w.rows, w.n_reactions)}, rounds=5
            )[""].median
            found.append(
                {
                    "network": kind, "method": name, "species": n, "planted": len(network.moieties),
                    "found": d, "s": seconds, "ours s": mine, "times slower": seconds / mine,
                }
            )  # fmt: skip
    return found


def one_thread() -> ProcessPoolExecutor:
    """A fresh process with one thread for linear algebra."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def timed(nullity: Callable[[np.ndarray], int], a: np.ndarray) -> tuple[int, float]:
    """What a baseline finds, and the shorter of two times, or of one where it is long."""
    seconds: list[float] = []
    while len(seconds) < 2 and sum(seconds) < 5:
        start = time.perf_counter()
        d = nullity(a)
        seconds.append(time.perf_counter() - start)
    return d, min(seconds)


def matrix_nullspace(a: np.ndarray) -> int:
    """The nullity by SymPy's ordinary matrices."""
    return len(sp.Matrix(a.T).nullspace())


def domain_matrix(a: np.ndarray) -> int:
    """The nullity by SymPy's fast matrices, which are sparse."""
    matrix = sp.polys.matrices.DomainMatrix.from_list(a.T.tolist(), sp.QQ).to_sparse()
    return matrix.nullspace().shape[0]


def fmpz_nullity(a: np.ndarray) -> int:
    """The nullity by FLINT's dense integer matrices."""
    return flint.fmpz_mat(*a.T.shape, a.T.ravel().tolist()).nullspace()[1]


def svd_nullity(a: np.ndarray) -> int:
    """The numerical nullity, with vectors: floats, hence no proof."""
    values = np.linalg.svd(a.T.astype(float), full_matrices=True)[1]
    return int((values < values[0] * max(a.shape) * np.finfo(float).eps).sum())


def from_sympy(n: int) -> dict[str, Any]:
    """The time from SymPy right-hand sides, mass action with symbolic constants, to SymPy laws."""
    network = binding(n)
    states = sp.symbols(f"x:{n}")
    constants = sp.symbols(f"k:{network.n_reactions}")
    reactions: list[Vector] = [{} for _ in constants]
    for i, row in enumerate(network.rows):
        for j, c in row.items():
            reactions[j][i] = c
    rates = [
        k * sp.Mul(*(states[i] ** -c for i, c in reaction.items() if c < 0))
        for k, reaction in zip(constants, reactions, strict=True)
    ]
    rhs = {
        x: sp.Add(*(c * rates[j] for j, c in row.items()))
        for x, row in zip(states, network.rows, strict=True)
    }
    start = time.perf_counter()
    laws = linear_laws(rhs)
    seconds = time.perf_counter() - start
    return {"species": n, "reactions": len(constants), "laws": len(laws), "s": seconds}


def plot(rows: list[dict[str, Any]], others: list[dict[str, Any]], path: Path) -> None:
    """Seconds and memory against the number of species."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for kind, marker, colour in (("binding", "o", "#0072B2"), ("exchange", "s", "#D55E00")):
        mine = [row for row in rows if row["network"] == kind]
        n = [row["species"] for row in mine]
        low = [row["median s"] - row["best s"] for row in mine]
        high = [row["q3 s"] - row["median s"] for row in mine]
        left.errorbar(
            n, [r["median s"] for r in mine], [low, high],
            marker=marker, color=colour, capsize=3, label=f"pysymude, {kind}",
        )  # fmt: skip
        right.plot(
            n, [r["call MB"] for r in mine], marker=marker, color=colour, label=f"{kind}: call"
        )
        right.plot(
            n, [r["process MB"] for r in mine], marker=marker, color=colour, mfc="white", ls="--",
            label=f"{kind}: whole process",
        )  # fmt: skip
    methods = dict.fromkeys(row["method"] for row in others)
    for method, colour in zip(methods, ("#000000", "#666666", "#009E73", "#CC79A7"), strict=False):
        part = [r for r in others if r["method"] == method and r["network"] == "exchange"]
        left.plot(
            [r["species"] for r in part],
            [r["s"] for r in part],
            "^:",
            color=colour,
            label=f"{method}, exchange",
        )
    left.plot(2000, SECONDS, "_", color="red", ms=18, mew=2, label=f"limit {SECONDS:g} s")
    right.plot(2000, MEGABYTES, "_", color="red", ms=18, mew=2, label=f"limit {MEGABYTES} MB")
    for axes, label in ((left, "seconds"), (right, "MB, peak")):
        axes.set(
            xscale="log", yscale="log", xlabel="species (3 reactions for every 2)", ylabel=label
        )
        axes.set_xticks(ticks := (100, *SIZES), labels=[f"{n:,}" for n in ticks])
        axes.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, loc="lower right")
    figure.suptitle("All linear laws of random networks, exact, against size")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def verdicts(rows: list[dict[str, Any]]) -> None:
    """The figures that have a limit."""
    print(f"\nall proved: {all(row['all, and no more'] for row in rows)}")
    for kind in KINDS:
        mine = [row for row in rows if row["network"] == kind]
        order = np.polyfit(*np.log([[r["species"], r["median s"]] for r in mine]).T, 1)[0]
        print(f"{kind}: time grows like species^{order:.2f}")
        for row in mine:
            if row["species"] == 2000:
                print(f"  2,000 species, median seconds: {passed(row['median s'], SECONDS)}")
                print(f"  2,000 species, MB of the process: {passed(row['process MB'], MEGABYTES)}")


def main() -> None:
    options = arguments(str(__doc__).splitlines()[0], part="all", rounds=9, plot="")
    path = options.json or Path(__file__).parent / "results" / "networks.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    titles = {
        "ours": "Linear laws of random networks",
        "others": "Other ways to the left null space",
        "sympy": "From SymPy right-hand sides",
    }
    if options.part in ("ours", "all"):
        rows = [ours(kind, n, options.rounds) for kind in KINDS for n in SIZES]
        finish(titles["ours"], rows, path)
        verdicts(rows)
    if options.part in ("others", "all"):
        finish(titles["others"], [row for kind in KINDS for row in baselines(kind)], path)
    if options.part in ("sympy", "all"):
        finish(titles["sympy"], [from_sympy(n) for n in SIZES], path)
    if options.part in ("plot", "all") or options.plot:
        saved = json.loads(path.read_text()) if path.exists() else {}
        if titles["ours"] not in saved:
            raise SystemExit(f"{path} holds no times to plot; run with --part ours first")
        others = saved.get(titles["others"], {"rows": []})["rows"]
        figure = Path(options.plot or path.with_suffix(".png"))
        plot(saved[titles["ours"]]["rows"], others, figure)


if __name__ == "__main__":
    main()

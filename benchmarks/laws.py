"""First integrals of known systems, beside SymPy's `linsolve` on the same candidate functions.

    python -m benchmarks.laws [--repeats 3] [--patience 20] [--json FILE]

"as it comes" is a derivation with SymPy's cache as the ones before left it, "best s" and "median s" are
those with that cache emptied; `linsolve` runs in a process of its own, which ends after `--patience`
seconds (0 leaves it out). The limits are the times of a first prototype, as they came, on a machine of
the same size. All are processor time, so that a busy machine gives the same table.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.cache import clear_cache

import pysymude as psu
from benchmarks.harness import arguments, finish, passed
from problems.law_systems import SYSTEMS, Case
from pysymude.symbolic.exact.normal_form import normal_form
from pysymude.symbolic.exact.polynomials import ExactField
from pysymude.symbolic.laws.ansatz import Ansatz, factors_of, logarithms

WHOLE_TABLE = 4.0
_LEAST = 0.1  # seconds of a measurement
_PATIENCE = 60.0  # seconds of a search, which ends by itself


def ours(case: Case, repeats: int) -> tuple[list[float], psu.LawSet]:
    """Seconds of each derivation, the first half of them as they come; and what was found."""
    seconds: list[float] = []
    laws = psu.LawSet((), ())
    for k in range(2 * repeats):
        spent, times = 0.0, 0
        # the clock of a process ticks in steps of some milliseconds
        while spent < _LEAST:
            if k >= repeats:
                clear_cache()
            start = time.process_time()
            laws = psu.first_integrals(
                case.system,
                degree=case.degree,
                time_dependent=case.time_dependent,
                budget=_PATIENCE,
            )
            spent += time.process_time() - start
            times += 1
        seconds.append(spent / times)
    return seconds, laws


def by_linsolve(case: Case) -> None:
    """What one would write with SymPy alone: coefficients of d/dt of a general candidate, solved."""
    form = normal_form(case.system)
    exact = ExactField(form)
    ansatz = Ansatz(
        factors_of(form, exact, time=False), logarithms(form, exact, time=False), case.degree
    )
    terms = [ansatz.expression(term) for term in ansatz.terms()]
    unknown = sp.symbols(f"c:{len(terms)}")
    start = time.perf_counter()
    rate = sp.Add(*(k * form.total_rate(e) for k, e in zip(unknown, terms, strict=True)))
    top = sp.expand(sp.fraction(sp.together(rate))[0])
    moving = [z.symbol for z in form.coordinates.values() if z.kind != "parameter"]
    for atom in form.of_kind("root"):
        top = sp.rem(
            sp.Poly(top, atom.symbol), sp.Poly(atom.symbol**atom.order - atom.of, atom.symbol)
        )
        top = sp.expand(top.as_expr())
    for sine in form.of_kind("sin"):
        cosine = next(k.symbol for k in form.of_kind("cos") if k.of == sine.of)
        relation = sp.Poly(sine.symbol**2 + cosine**2 - 1, sine.symbol)
        top = sp.expand(sp.rem(sp.Poly(top, sine.symbol), relation).as_expr())
    equations = sp.Poly(top, *moving).coeffs()
    (solution,) = sp.linsolve(equations, unknown)
    free = {k for e in solution for k in e.free_symbols} & set(unknown)
    print(time.perf_counter() - start, len(free))


def linsolve(index: int, patience: float) -> str:
    """Its seconds, or that it was not done in time."""
    command = [sys.executable, "-m", "benchmarks.laws", "--linsolve", str(index)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience + 2)
    except subprocess.TimeoutExpired:
        return f"> {patience:g}"
    return f"{float(done.stdout.split()[0]):.3g}" if done.returncode == 0 else "failed"


def main() -> None:
    given = arguments(__doc__ or "", repeats=3, patience=20.0)
    # a system of another kind first: what is loaded once is not part of a derivation
    warm = psu.states("w")
    psu.first_integrals(psu.ODESystem({warm: -warm}))
    rows: list[dict[str, Any]] = []
    total, failed = 0.0, []
    for index, case in enumerate(SYSTEMS):
        seconds, laws = ours(case, given.repeats)
        comes, emptied = min(seconds[: given.repeats]), seconds[given.repeats :]
        total += min(emptied)
        good = (
            len(laws) == case.laws
            and laws.complete
            and laws.candidates >= case.candidates
            and comes <= case.limit
            and all(law.certificate.check() for law in laws)
        )
        failed += [] if good else [case.name]
        rows.append(
            {
                "system": case.name,
                "candidates": laws.candidates,
                "laws": f"{len(laws)} of {case.laws}",
                "as it comes": comes,
                "best s": min(emptied),
                "median s": float(np.median(emptied)),
                "limit s": case.limit,
                "comes/limit": comes / case.limit,
                "linsolve s": linsolve(index, given.patience) if given.patience else "-",
                "verdict": "pass" if good else "FAIL",
            }
        )
    finish("laws", rows, given.json)
    print(f"whole table: {total:.2f} s, {passed(total, WHOLE_TABLE)}; failed: {failed or 'none'}")
    if failed or total > WHOLE_TABLE:
        sys.exit(1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--linsolve"]:
        by_linsolve(SYSTEMS[int(sys.argv[2])])
    else:
        main()

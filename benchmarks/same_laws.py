"""Whether the same laws are found whatever the hash seed and the budget are.

    python -m benchmarks.same_laws [--seeds 0,1,2] [--budgets 5,10,20] [--only NAME] [--json FILE]

Each seed and budget is a process of its own. Laws must be the same, in the same order, wherever no span
was ended by the budget; where one was, the laws of the spans before it must be, span by span. On a busy
machine give larger budgets. Exit code 1 where two answers differ.
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.harness import arguments, finish
from problems.law_answers import CATALOGUE, answers, differences


def main() -> None:
    given = arguments(__doc__ or "", seeds="0,1,2", budgets="5,10,20", only="")
    names = [given.only] if given.only else list(CATALOGUE)
    runs = {
        (seed, budget): answers(names, seed, budget)
        for budget in map(float, given.budgets.split(","))
        for seed in map(int, given.seeds.split(","))
    }
    rows: list[dict[str, Any]] = []
    for name in names:
        found = [run[name] for run in runs.values()]
        wrong = [text for other in found[1:] if (text := differences(found[0], other))]
        for text in wrong:
            print(f"{name}: {text}", flush=True)
        ended = sum(any(s["ended"] == "budget" for s in f["spans"]) for f in found)
        rows.append({
            "system": name, "laws": "/".join(sorted({str(len(f["laws"])) for f in found})),
            "runs": len(found), "ended by budget": ended, "verdict": "FAIL" if wrong else "pass",
        })  # fmt: skip
    finish("same laws", rows, given.json)
    sys.exit(1 if any(row["verdict"] == "FAIL" for row in rows) else 0)


if __name__ == "__main__":
    main()

"""One real gradient on the Julia engine, timed by stage: a program for a process of its own.

`main` prints one line of JSON: the times and what Julia says of itself, or the error. `check` runs it
with a time limit, since a broken Julia may crash or hang.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

__all__ = ["CheckFailed", "check", "main"]

# a first use may have to precompile PySymUDE.jl
LIMIT = 600.0
_WRONG = 1e-4  # of the gradient; solved to 1e-8, central differences of the value are good to 1e-6


class CheckFailed(Exception):  # noqa: N818
    """The gradient was not computed; the text says how it ended."""


def check(env: Mapping[str, str] | None = None, *, limit: float = LIMIT) -> dict[str, Any]:
    """What the program printed.

    Raises
    ------
    CheckFailed
        It ended with an error, crashed, or took longer than `limit` seconds.
    """
    from pysymude.engines.julia.setup import end

    process = subprocess.Popen(
        [sys.executable, "-P", "-c", "from pysymude.cli.julia_check import main; main()"],
        env=None if env is None else dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise CheckFailed(
            f"a test gradient was not there after {limit:g} s; perhaps Julia was still compiling"
        ) from None
    finally:
        end(process)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    try:
        found = json.loads(out.strip().splitlines()[-1])
    except (IndexError, ValueError):
        code = process.returncode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise CheckFailed(f"a test gradient ended with {how}{_last_words(err)}") from None
    if "error" in found:
        # juliacall's own error may say no more than that there was one
        raise CheckFailed(f"{found['error']}{_last_words(err)}")
    return found


def _last_words(err: str) -> str:
    return "".join(f"\n{line}" for line in err.strip().splitlines()[-5:])


def main() -> None:
    """Prints the line of JSON."""
    try:
        found = _gradient()
    except Exception as error:  # whatever it is, the caller is to read it
        found = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(found), flush=True)


def _gradient() -> dict[str, Any]:
    stages: dict[str, float] = {}
    last = time.perf_counter()

    def stage(name: str) -> None:
        nonlocal last
        now = time.perf_counter()
        stages[name], last = now - last, now

    import numpy as np

    import pysymude as psu
    from pysymude.engines.julia import runtime
    from pysymude.fit.loss.make_objective import objective

    stage("import pysymude")
    runtime.start()
    stage("start Julia")
    runtime.package()
    stage("load PySymUDE.jl")
    x, y = psu.states("x y", positive=True)
    nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=(5, 5, 5))
    system = psu.ODESystem({x: 1.3 * x + nn[0], y: -1.8 * y + nn[1]})
    t = np.linspace(0.0, 1.0, 11)
    data = psu.Dataset.from_arrays(t, np.ones((11, 2)), states=[x, y])
    loss = objective(system, data, engine="julia", solver="Tsit5", reltol=1e-8, abstol=1e-8)
    theta = loss.theta0(seed=0)
    stage("write the model")
    _, gradient = loss.value_and_grad(theta)
    stage("first gradient")
    loss.value_and_grad(theta)
    stage("second gradient")
    step = 1e-5 * gradient / np.linalg.norm(gradient)
    slope = (loss.value(theta + step) - loss.value(theta - step)) / (2e-5)
    wrong = abs(slope / float(np.linalg.norm(gradient)) - 1.0)
    if not wrong < _WRONG:
        raise ArithmeticError(f"the test gradient differs from central differences by {wrong:.1g}")
    return {"stages": stages, "julia": runtime.facts()}

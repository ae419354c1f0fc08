"""symident in a process of its own, which can be ended: one that answers line by line, started when first asked.

Run as a program this file is that process, and needs nothing of pysymude.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
import warnings
from typing import Any

__all__ = ["Decider", "decide"]

_PART = 0.1  # of the seconds, for what may be set without loss in each set of directions


class Decider:
    """A process that answers questions; a new one after each that had to be ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def ask(self, question: dict[str, Any], seconds: float) -> dict[str, Any] | None:
        """The answer; None where there was none in time."""
        with self._lock:
            process = self._running()
            assert process.stdin is not None  # noqa: S101
            assert process.stdout is not None  # noqa: S101
            timer = threading.Timer(seconds, process.kill)
            timer.start()
            try:
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except BrokenPipeError:
                line = ""
            finally:
                timer.cancel()
            if line:
                return json.loads(line)
            self.close()
            return None

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(  # noqa: S603 - this file, by this Python
                [sys.executable, os.path.abspath(__file__)], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        return self._process

    def close(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


_DECIDER = Decider()
atexit.register(_DECIDER.close)


def decide(keywords: dict[str, Any], cores: int, seconds: float) -> dict[str, Any] | None:
    """What symident says of a model with these keywords; None where it has not said it in time.

    ``{"error": text}`` where it cannot treat the model.
    """
    question = {"keywords": keywords, "cores": cores, "seconds": _PART * seconds}
    return _DECIDER.ask(question, seconds)


# -- in the process ----------------------------------------------------------------------------------


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    import symident

    try:
        found = symident.detect(
            symident.Model(**question["keywords"]), reconstruct=True, cores=question["cores"]
        )
    except (ValueError, NotImplementedError) as error:
        return {"error": str(error)}
    return {
        "status": found.info["rank_status"]["status"],
        "symmetries": [
            {
                "support": [str(s) for s in symmetry.support],
                "generator": _texts(symmetry.generator),
                "input_change": _texts(symmetry.input_change),
                "state_components": _texts(symmetry.state_components),
                "type": symmetry.type,
                "level": symmetry.level,
            }
            for symmetry in found.symmetries
        ],
        **_reduced(found, question["seconds"]),
    }


def _texts(components: Any) -> dict[str, str] | None:
    return None if components is None else {str(k): str(v) for k, v in components.items()}


def _reduced(found: Any, seconds: float) -> dict[str, Any]:
    """What may be set without loss, and functions that stay, where symident finds them."""
    if not found.symmetries:
        return {"reduction": {}, "blocks": []}
    try:
        made = found.reduce(timeout=seconds)
    except (ValueError, RuntimeError, NotImplementedError):
        return {"reduction": {}, "blocks": []}
    return {
        "reduction": {
            str(k): str(v) for k, v in dict(made.trafo or {}).items() if str(v) != str(k)
        },
        "blocks": [
            {key: [str(v) for v in block.get(key) or ()] for key in ("support", "invariants")}
            for block in made.blocks or ()
        ],
    }


def _main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what else is printed is no answer
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        out.write(json.dumps(_answer(json.loads(line))) + "\n")
        out.flush()


if __name__ == "__main__":
    _main()

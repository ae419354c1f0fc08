"""A fit that is killed again and again ends where an undisturbed one ends."""

from __future__ import annotations

import json
import multiprocessing
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pysymude as psu
from pysymude.fit.files.save_file import read
from pysymude.fit.training.loop import Loop

KILLS = 10
LOADED = ["pysymude.fit.training.fitting", "scipy.interpolate", "scipy.optimize"]
EVERY = 7  # divides no number of iterations below, so that checkpoints fall anywhere in a leg

# the callback writes without a buffer: what it has said stays said when the process dies
FIT = """
import json, os, time
import numpy as np
import pysymude as psu

log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
x, r = psu.states("x"), psu.parameters("r")
nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=(3,))
system = psu.ODESystem({x: r * x + nn[0]}, trainable={r: 1.0})
t = np.linspace(0.0, 4.0, 13)
u = 3.0 / (1.0 + 14.0 * np.exp(-1.7 * t)) + 0.02 * np.cos(9.0 * t)

def say(step):
    line = json.dumps([step.stage, step.iteration, step.value])
    os.write(log, (line + "\\n").encode())
    time.sleep(pause)

found = psu.fit(
    system, psu.Dataset.from_arrays(t, u[:, None], states=[x]), seed=3, progress=False,
    stages=[psu.GradientMatching(25), psu.Adam(60, horizon=(0.5, 1.0)), psu.LBFGS(80)],
    checkpoint=checkpoint, checkpoint_every=EVERY, resume=True, callback=say,
)
rows = len(found.history["value"])
with open(result, "w") as file:
    json.dump([found.loss, found.theta.tolist(), rows, found.stopped], file)
""".replace("EVERY", str(EVERY))


class Fit:
    """One life of the fit, in a process of its own: a new one, or a fork of one that has loaded what it needs."""

    def __init__(
        self, folder: Path, name: str, *, method: str = "forkserver", pause: float = 0.0
    ) -> None:
        self.log, self.said = folder / f"{name}.log", folder / f"{name}.json"
        self.log.touch()
        given = {
            "checkpoint": str(folder / "fit.ckpt"), "log": str(self.log), "result": str(self.said),
            "pause": pause,
        }  # fmt: skip
        context = multiprocessing.get_context(method)
        context.set_forkserver_preload(["pysymude.engines.native.native_engine", *LOADED])
        self.process = context.Process(target=exec, args=(FIT, given))
        self.process.start()

    def steps(self) -> list[Any]:
        """What the callback has said so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def kill_after(self, number: int, delay: float) -> None:
        """SIGKILL `delay` seconds after so many iterations."""
        end = time.monotonic() + 60
        while len(self.steps()) < number and time.monotonic() < end:
            assert self.process.is_alive(), "it finished early"
            time.sleep(0.002)
        time.sleep(delay)
        self.process.kill()
        self.process.join()
        assert self.process.exitcode == -signal.SIGKILL

    def result(self) -> list[Any]:
        """Loss, theta, rows of the history, and why it stopped."""
        self.process.join(timeout=120)
        assert self.process.exitcode == 0, "what it said of that is in what was captured"
        return json.loads(self.said.read_text())


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_fit_killed_ten_times_ends_where_an_undisturbed_one_ends(tmp_path: Path):
    calm_place, place = tmp_path / "calm", tmp_path / "killed"
    calm_place.mkdir()
    place.mkdir()
    calm = Fit(calm_place, "calm", method="spawn")
    expected = calm.result()
    whole = calm.steps()
    assert expected[2:] == [len(whole), "finished"]

    moments = np.random.default_rng(20)
    lives: list[list[Any]] = []
    for k in range(KILLS):
        life = Fit(place, f"life{k}", pause=0.004)
        life.kill_after(int(moments.integers(0, 20)), float(moments.uniform(0.0, 0.03)))
        lives.append(life.steps())
        if (place / "fit.ckpt").exists():
            read(place / "fit.ckpt", "checkpoint")  # whole at any moment
    last = Fit(place, "last", method="spawn")  # knows nothing but what the files say
    found = last.result()
    lives.append(last.steps())

    assert sum(map(len, lives)) > len(whole)  # something was lost, or nothing was tested
    _check_lives(lives, whole)
    assert found[0] == pytest.approx(expected[0], rel=0.01)
    # better still: the same steps, to the last bit
    assert found == expected


def test_a_fit_killed_behind_its_last_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Between the checkpoint of the last stage and the one that says that it was the last."""
    x, r = psu.states("x"), psu.parameters("r")
    t = np.linspace(0.0, 1.0, 5)
    data = psu.Dataset.from_arrays(t, np.exp(-2.0 * t)[:, None], states=[x], u0={x: 1.0})
    system = psu.ODESystem({x: -r * x}, trainable={r: 1.0})

    def fit(**given: Any) -> psu.FitResult:
        return psu.fit(system, data, stages=psu.LBFGS(20), progress=False, **given)

    whole, checkpoint = fit(), Loop.checkpoint

    def killed(loop: Loop) -> None:
        if loop.state.finished:
            raise RuntimeError("killed")
        checkpoint(loop)

    monkeypatch.setattr(Loop, "checkpoint", killed)
    with pytest.raises(RuntimeError, match="killed"):
        fit(checkpoint=tmp_path / "fit.ckpt")
    monkeypatch.undo()
    again = fit(checkpoint=tmp_path / "fit.ckpt", resume=True)
    np.testing.assert_array_equal(again.theta, whole.theta)
    assert again.converged
    assert again.stopped == whole.stopped


def _check_lives(lives: list[list[Any]], whole: list[Any]) -> None:
    """Each life is a piece of the undisturbed run, and starts at most EVERY steps before the last end."""
    reached = 0
    for life in lives:
        if life:
            start = whole.index(life[0])
            assert life == whole[start : start + len(life)]
            # killed between checkpoint and callback, a step is kept that was never said
            assert -1 <= reached - start <= EVERY
            reached = max(reached, start + len(life))
    assert reached == len(whole)


def test_the_comparison_notices_a_life_that_starts_too_early():
    whole = [["Adam", k, 1.0 / k] for k in range(1, 40)]
    _check_lives([whole[:10], whole[3:]], whole)
    for wrong in ([whole[:10], whole[2:]], [whole[:10], whole[12:]], [whole[:10]]):
        with pytest.raises(AssertionError):
            _check_lives(wrong, whole)

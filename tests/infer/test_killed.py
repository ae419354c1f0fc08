"""Profiles and chains whose process was killed go on, and give what they give without that, bit by bit."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pysymude as psu

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")

x = psu.states("x", positive=True)
A, k = psu.parameters("A k", positive=True)
T = np.linspace(0.0, 3.0, 8)

SLOW_PROFILE = """
import time
import pysymude as psu
from pysymude.infer import held_number, held_prediction
refit = held_number.refit
def slow(*given):
    time.sleep(0.3)
    return refit(*given)
held_number.refit = held_prediction.refit = slow
fit = psu.FitResult.load(given[0])
if given[2] == "k":
    psu.profile(fit, "k", checkpoint=given[1])
else:
    psu.profile(fit, "x", 2.0, checkpoint=given[1])
"""

SLOW_CHAINS = """
import os, time
import pysymude as psu
from pysymude.infer import sample
chain, done = sample.nuts_chain, []
def slow(*given):
    if done:
        time.sleep(600)
    done.append(1)
    return chain(*given)
sample.nuts_chain, os.cpu_count = slow, lambda: 1
psu.sample(psu.FitResult.load(given[0]), draws=60, chains=3, warmup=60, seed=4, checkpoint=given[1])
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    values = 2.0 * np.exp(-0.8 * T) + 0.3 * np.random.default_rng(5).normal(size=T.size)
    data = psu.Dataset.from_arrays(T, values[:, None], states=[x], noise={x: 0.3})
    system = psu.ODESystem({x: -k * x}, trainable={A: 1.0, k: 1.0}, initial={x: A})
    fit = psu.fit(system, data, progress=False, engine="native")
    place = tmp_path_factory.mktemp("killed") / "fit.npz"
    fit.save(place)
    return place


def killed(code: str, arguments: list[Any], ready: Any) -> None:
    """Runs code in a process of its own, which is a fork, and kills it as soon as it is `ready`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["pysymude.engines.native.native_engine", "pysymude.infer.profile"]
    )
    child = context.Process(target=exec, args=(code, {"given": list(map(str, arguments))}))
    child.start()
    try:
        until = time.monotonic() + 120.0
        while not ready():
            assert child.is_alive(), "it ended before it was killed"
            assert time.monotonic() < until, "it never got there"
            time.sleep(0.02)
    finally:
        child.kill()
        child.join()
    assert child.exitcode == -signal.SIGKILL


def points(path: Path) -> int:
    """How many points a checkpoint of a profile holds; reading it is a test that it is whole."""
    from pysymude.fit.files.save_file import read

    return (
        0 if not path.exists() else sum(read(path, "profile")[1][f"{s}.loss"].size for s in (0, 1))
    )


@pytest.mark.parametrize("asked", ["k", "x"])
def test_a_profile(saved: Path, tmp_path: Path, asked: str):
    fit, path = psu.FitResult.load(saved), tmp_path / "points.npz"
    killed(SLOW_PROFILE, [saved, path, asked], lambda: points(path) >= 4)
    before = points(path)
    call: tuple[Any, ...] = ("k",) if asked == "k" else ("x", 2.0)
    resumed, whole = psu.profile(fit, *call, checkpoint=path), psu.profile(fit, *call)
    assert 4 <= before < len(whole.values)
    for name in ("values", "loss", "theta"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(whole, name))
    assert resumed.interval() == whole.interval()
    # what was left of a file that was being written is no checkpoint
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".npz"] == ["points.npz"]


def test_chains(saved: Path, tmp_path: Path):
    pytest.importorskip("nutpie", reason="nutpie is not installed: nothing is sampled")
    fit = psu.FitResult.load(saved)
    killed(SLOW_CHAINS, [saved, tmp_path], (tmp_path / "chain0.npz").exists)
    assert not (tmp_path / "chain1.npz").exists()
    stamp = (tmp_path / "chain0.npz").stat().st_mtime_ns
    resumed = psu.sample(fit, draws=60, chains=3, warmup=60, seed=4, checkpoint=tmp_path)
    whole = psu.sample(fit, draws=60, chains=3, warmup=60, seed=4)
    for name in ("A", "k"):
        np.testing.assert_array_equal(resumed.posterior[name], whole.posterior[name])
    assert (tmp_path / "chain0.npz").stat().st_mtime_ns == stamp

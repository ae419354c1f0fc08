"""Programs on disk: found again, never half read, and never in the way."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pysymude as psu
from pysymude.engines.diffrax import engine as embedded

CODE = """
import sys, pysymude as psu
x, k = psu.states("x"), psu.parameters("k")
chosen = {"solver": "Tsit5", "engine": "diffrax"}
sol = psu.solve(psu.ODESystem({x: -k*x}), u0=[1.0], t=[0.0, 1.0], parameters={k: 1.0}, **chosen)
print(repr(float(sol.u[-1, 0])), "diffrax" in sys.modules)
"""


def solve_in_new_process(folder, **environment):
    env = os.environ | {"PYSYMUDE_CACHE_DIR": str(folder)} | environment
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE], capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    value, loaded = done.stdout.split()
    return float(value), loaded == "True"


def programs(folder: Path):
    return sorted(folder.glob("program-*"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with one program, and the value that its solve gives."""
    folder = tmp_path_factory.mktemp("cache")
    value, built = solve_in_new_process(folder)
    assert built
    assert value == pytest.approx(np.exp(-1), rel=1e-5)
    return folder, value


def copied(filled, tmp_path):
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(filled[0], folder)
    return folder, filled[1]


def test_a_second_process_loads_the_program_and_not_diffrax(filled):
    folder, value = filled
    assert len(programs(folder)) == 1
    again, built = solve_in_new_process(folder)
    assert not built
    assert again == value


@pytest.mark.parametrize("name", ["program", "manifest.json", "xla"])
def test_a_damaged_entry_is_made_again(filled, tmp_path, name):
    folder, value = copied(filled, tmp_path)
    (entry,) = programs(folder)
    target = entry / name
    if target.is_dir():
        (target,) = target.iterdir()
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 0xFF
    target.write_bytes(content)
    again, built = solve_in_new_process(folder)
    assert built
    assert again == value
    (entry,) = programs(folder)
    assert json.loads((entry / "manifest.json").read_text())
    assert solve_in_new_process(folder) == (value, False)


def test_a_half_written_entry_is_made_again(filled, tmp_path):
    folder, value = copied(filled, tmp_path)
    (entry,) = programs(folder)
    (entry / "manifest.json").unlink()
    assert solve_in_new_process(folder) == (value, True)
    assert solve_in_new_process(folder) == (value, False)


def test_a_place_that_cannot_be_written_does_not_matter(filled, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert solve_in_new_process(blocked / "cache") == (filled[1], True)
    assert solve_in_new_process("/proc/no-such-place") == (filled[1], True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_does_not_matter(filled, tmp_path, monkeypatch):
    from pysymude.engines.diffrax import cache

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("PYSYMUDE_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(cache, "_publish", full)
    monkeypatch.setattr(embedded, "_PROGRAMS", {})
    x = psu.states("x")
    assert psu.solve(psu.ODESystem({x: -x}), u0=[1.0], t=[0, 1], solver="Tsit5").success
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_switched_off(filled, tmp_path):
    assert solve_in_new_process(tmp_path, PYSYMUDE_CACHE="off") == (filled[1], True)
    assert list(tmp_path.iterdir()) == []


def test_processes_that_build_the_same_program_do_not_meet(filled, tmp_path):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.map(solve_in_new_process, [tmp_path] * 3)
    assert {value for value, _ in found} == {filled[1]}
    assert len(programs(tmp_path)) == 1
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".new-")] == []


def test_new_values_compile_nothing():
    x, k = psu.states("x"), psu.parameters("k")
    system = psu.ODESystem({x: -k * x})
    psu.solve(system, u0=[1.0], t=[0, 1], parameters={k: 1.0}, solver="Tsit5", engine="diffrax")
    before = len(embedded._PROGRAMS)
    for value in (0.1, 2.0):
        psu.solve(
            system, u0=[value], t=np.linspace(0, 2, 7), parameters={k: value}, solver="Tsit5",
            reltol=value * 1e-5, abstol=value * 1e-9,
        )  # fmt: skip
    assert len(embedded._PROGRAMS) == before


def test_the_users_jax_settings_stay_as_they_are():
    code = """
import jax, jax.numpy as jnp
before = {k: getattr(jax.config, k, None) for k in jax.config.values}
import numpy as np, pysymude as psu
x = psu.states("x")
nn = psu.MLP("nn", inputs=[x], outputs=1, hidden=2)
data = psu.Dataset.from_arrays([0.0, 1.0], np.array([[1.0], [0.5]]), states=[x])
obj = psu.objective(psu.ODESystem({x: nn[0]}), data, solver="Tsit5")
value, grad = obj.value_and_grad(obj.theta0())
assert grad.dtype == np.float64 and isinstance(value, float) and grad.flags.owndata
after = {k: getattr(jax.config, k, None) for k in jax.config.values}
changed = {k for k in before if before[k] != after[k]}
assert not changed, changed
assert jnp.ones(1).dtype == jnp.float32
# checks of the user's own equinox code still raise
import equinox as eqx
@jax.jit
def checked(z):
    return eqx.error_if(z, z > 0, "the user's own check")
try:
    checked(jnp.ones(1)).block_until_ready()
except Exception as error:
    assert "the user's own check" in str(error)
else:
    raise SystemExit("the user's own check was silenced")
"""
    subprocess.run([sys.executable, "-c", code], check=True)

"""Compiled loops on disk: found again, never half read, never in the way, never another user's."""

import logging
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pysymude.engines.native import keeping

# a loop of its own, which is compiled within a second
CODE = """
import os
from pysymude.engines.native.entries import Entry
from pysymude.engines.native.records import Record

if FULL:
    def full(*_):
        raise OSError(28, "No space left on device")
    os.replace = full

class Number(Record):
    x: float

def twice(number, n):
    return n * int(number.x)

entry = Entry("__main__", "twice")
print(float(entry(Number(x=21.0), 2)), 1 - entry.compiled)
"""

SOLVE = """
import sys
import pysymude as psu
from pysymude.engines.native import desks
x, k = psu.states("x"), psu.parameters("k")
system = psu.ODESystem({x: -k*x})
sol = psu.solve(system, u0=[1.0], t=[0.0, 1.0], parameters={k: 1.0}, solver="Tsit5", engine="native")
print(repr(float(sol.u[-1, 0])), desks.drive.compiled, any(".native.compiler." in m for m in sys.modules))
"""


def run(code, folder, **environment):
    env = os.environ | {"PYSYMUDE_CACHE_DIR": str(folder)} | environment
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "process.py"  # loops are compiled from the text of their file
        file.write_text(code)
        command = [sys.executable, "-W", "error", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return done


def loaded(folder, *, full=False, **environment):
    """Whether a new process took the loop from the folder; it computes with it in any case."""
    done = run(CODE.replace("FULL", str(full)), folder, **environment)
    value, hits = done.stdout.split()
    assert value == "42.0"
    return hits == "1"


def kept(folder: Path):
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder with one loop."""
    folder = tmp_path_factory.mktemp("cache")
    assert not loaded(folder)
    assert [Path(name).suffix for name in kept(folder)] == [".kernel"]
    return folder


@pytest.fixture
def copy(filled, tmp_path):
    return Path(shutil.copytree(filled, tmp_path / "copy"))


def test_a_second_process_compiles_nothing(filled):
    assert loaded(filled)


def test_solvers_are_compiled_by_the_first_process_alone(tmp_path):
    # in the folder of the whole suite: to compile them costs seconds
    folder = keeping.cache_folder() or tmp_path
    first, second = run(SOLVE, folder), run(SOLVE, folder)
    value, compiled, compiler = second.stdout.split()
    assert value == first.stdout.split()[0]
    # nor is the compiler loaded, which takes as long as all the rest
    assert (compiled, compiler) == ("0", "False")
    assert second.stderr == ""


def test_it_says_what_takes_so_long(copy):
    (data,) = copy.glob("*/*.kernel")
    data.unlink()
    again = run(CODE.replace("FULL", "False"), copy)
    assert again.stderr == "compiling the solvers, once on this machine: some seconds\n"
    assert run(CODE.replace("FULL", "False"), copy).stderr == ""


@pytest.mark.parametrize("place", [0.0, 0.5, 1.0])
def test_a_damaged_file_is_made_again(copy, place):
    (target,) = copy.glob("*/*.kernel")
    content = bytearray(target.read_bytes())
    content[int(place * (len(content) - 1))] ^= 0xFF
    target.write_bytes(content)
    assert not loaded(copy)
    assert loaded(copy)


def test_a_half_written_file_is_made_again(copy):
    (target,) = copy.glob("*/*.kernel")
    target.write_bytes(target.read_bytes()[:-100])
    assert not loaded(copy)
    assert loaded(copy)


def test_a_place_that_cannot_be_written_does_not_matter(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert not loaded(blocked / "cache")
    assert not loaded("/proc/no-such-place")


def test_a_full_disk_does_not_matter(tmp_path):
    assert not loaded(tmp_path, full=True)
    assert kept(tmp_path) == []


@pytest.mark.parametrize("word", ["off", "false", "False", "0", "no"])
def test_it_can_be_switched_off(copy, word):
    assert not loaded(copy, PYSYMUDE_CACHE=word)


def test_switched_off_it_writes_nothing(tmp_path):
    assert not loaded(tmp_path, PYSYMUDE_CACHE="off")
    assert kept(tmp_path) == []


def test_a_tilde_is_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYSYMUDE_CACHE_DIR", "~/kept")
    monkeypatch.delenv("PYSYMUDE_CACHE", raising=False)
    assert keeping.cache_folder() == tmp_path / "kept"
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700


def test_processes_that_compile_the_same_do_not_meet(tmp_path):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        hits = pool.map(loaded, [tmp_path] * 3)
    assert hits.count(False) == 1  # the others waited for it
    assert [Path(name).suffix for name in kept(tmp_path)] == [".kernel"]
    assert loaded(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere it is a matter of time")
def test_who_died_while_compiling_holds_up_nobody(copy):
    (target,) = copy.glob("*/*.kernel")
    target.unlink()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    lock = target.with_suffix(".making")
    for left in (str(ended.pid), "9" * 30, "1"):
        lock.write_text(left)
        if left == "1":  # somebody who lives, though not for that
            os.utime(lock, (0, 0))
        assert not loaded(copy)
        assert kept(copy) == [target.name]
        target.unlink()


def test_what_another_made_since_one_looked_is_not_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("PYSYMUDE_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("PYSYMUDE_CACHE", raising=False)
    machine = keeping.Machine("loop", "kinds", "processor", "features")
    assert keeping.read_machine_code(machine) is None
    with keeping.making(machine) as is_made:
        assert not is_made
        keeping.write_machine_code(machine, keeping.MachineCode(b"code", "symbol", ()))
    # who looked before that, and found nothing, asks now
    with keeping.making(machine) as is_made:
        assert is_made


def test_waiting_for_another_has_an_end(tmp_path, monkeypatch):
    monkeypatch.setenv("PYSYMUDE_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("PYSYMUDE_CACHE", raising=False)
    monkeypatch.setattr(keeping, "_PATIENCE", 0.3)
    machine = keeping.Machine("loop", "kinds", "processor", "features")
    with keeping.making(machine) as first:
        assert not first
        (lock,) = tmp_path.glob("*/*.making")
        lock.write_text("1")  # another's, and it takes its time
        with keeping.making(machine) as second:
            assert not second
        assert lock.exists()
    assert kept(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="other systems keep rights in lists")
@pytest.mark.parametrize("right", [stat.S_IWGRP, stat.S_IWOTH])
def test_a_folder_that_others_may_write_to_is_not_used(copy, tmp_path, right):
    copy.chmod(0o700 | right)
    done = run(CODE.replace("FULL", "False"), copy)
    assert done.stdout.split() == ["42.0", "0"]
    assert f"chmod go-w {copy}" in done.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    empty.chmod(0o700 | right)
    assert not loaded(empty)
    assert kept(empty) == []


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such owners")
def test_a_folder_of_another_user_is_not_used(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("PYSYMUDE_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("PYSYMUDE_CACHE", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with caplog.at_level(logging.WARNING, "pysymude"):
        assert keeping.cache_folder() is None
    assert "belongs to another user" in caplog.text

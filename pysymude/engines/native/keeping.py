"""Where compiled kernels are kept on disk, so that only the first process of a machine compiles.

The folder is ``PYSYMUDE_CACHE_DIR``, else ``pysymude`` in the user's cache folder; ``PYSYMUDE_CACHE=off``
leaves the disk alone. What is read there is run: a folder that another user owns or may write to is not used.
Whatever goes wrong with the disk, kernels are compiled in memory.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import platformdirs

from pysymude.whole import lives

__all__ = [
    "Machine", "MachineCode", "cache_folder", "clear_cache", "kept_files", "making", "read_machine_code",
    "write_machine_code",
]  # fmt: skip

log = logging.getLogger("pysymude")

_SWITCHED_OFF = ("off", "0", "no", "false")
_PATIENCE = 120.0  # seconds, for another process that compiles on a busy machine


def cache_folder() -> Path | None:
    """Where kernels are kept, or None where they are not: switched off, or not safe."""
    if os.environ.get("PYSYMUDE_CACHE", "on").strip().lower() in _SWITCHED_OFF:
        return None
    given = os.environ.get("PYSYMUDE_CACHE_DIR")
    folder = (
        Path(given).expanduser()
        if given
        else Path(platformdirs.user_cache_dir("pysymude", appauthor=False))
    )
    return folder if _is_safe(folder) else None


@cache
def _is_safe(folder: Path) -> bool:
    """Whether the folder can be made or is there, is the user's own, and is written by nobody else."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.stat()
    except OSError as error:
        log.warning("compiled solvers are not kept: %s", error)
        return False
    if os.name != "posix":
        return True
    if facts.st_uid != os.getuid() or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        log.warning(
            "compiled solvers are neither read from nor kept in %s: it belongs to another user or others "
            "may write to it, and what is read there is run; run: chmod go-w %s", folder, folder,
        )  # fmt: skip
        return False
    return True


def kept_files() -> list[Path]:
    """The kernels on disk, those of other versions included."""
    folder = cache_folder()
    return list(folder.glob("*/*.kernel")) if folder else []


def clear_cache() -> int:
    """Removes all kernels from disk; how many files there were."""
    files = kept_files()
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)


@dataclass(frozen=True)
class Machine:
    """What machine code is for: a function, what it is called with, and a processor."""

    function: str
    arguments: str
    processor: str
    features: str

    @property
    def file_name(self) -> str:
        """Another for each of them."""
        text = "\n".join((self.arguments, self.processor, self.features))
        return f"{self.function}-{hashlib.sha256(text.encode()).hexdigest()[:24]}.kernel"


@dataclass(frozen=True)
class MachineCode:
    """An object file, the function's symbol in it, and what else it needs to be linked to."""

    code: bytes
    symbol: str
    needs: tuple[str, ...]


@cache
def _stamp() -> str:
    """A hash of all that a kernel is made of: an edited line must never meet an old kernel."""
    digest = hashlib.sha256(version("llvmlite").encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()


@cache
def _say_once(text: str) -> None:
    log.warning(text)


def _place(machine: Machine) -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / f"kernels-{_stamp()[:16]}" / machine.file_name


def read_machine_code(machine: Machine) -> MachineCode | None:
    """What was kept, or None after saying that it has to be made."""
    place = _place(machine)
    if place is None:
        _say_once("compiling the solvers; nothing is kept, so each process does: some seconds")
        return None
    try:
        content = place.read_bytes()
    except OSError:
        content = b""
    found = _unpacked(content)
    if content and found is None:
        log.warning("a kept solver is damaged and is made again")
        with suppress(OSError):
            place.unlink(missing_ok=True)
    if found is None:
        _say_once("compiling the solvers, once on this machine: some seconds")
    return found


@contextmanager
def making(machine: Machine) -> Generator[bool]:
    """While it is made here others wait; whether another has made it since this one looked.

    Waiting ends where the other does or takes too long: then it is made twice, which harms nobody.
    """
    place, lock = _place(machine), None
    end = time.monotonic() + _PATIENCE
    while place is not None and lock is None:
        wanted = place.with_suffix(".making")
        try:
            wanted.parent.mkdir(mode=0o700, exist_ok=True)
            wanted.open("x").close()
            wanted.write_text(str(os.getpid()))
            lock = wanted
        except FileExistsError:
            if place.exists() or time.monotonic() > end:
                break
            if _is_left(wanted):
                wanted.unlink(missing_ok=True)
            else:
                time.sleep(0.05)
        except OSError:
            break
    try:
        yield place is not None and place.exists()
    finally:
        if lock is not None:
            lock.unlink(missing_ok=True)


def _is_left(lock: Path) -> bool:
    """Whether who made it is no more."""
    try:
        text, age = lock.read_text(), time.time() - lock.stat().st_mtime
    except OSError:
        return False
    if age > _PATIENCE or text == str(os.getpid()):
        return True
    return os.name == "posix" and text.isdecimal() and not lives(int(text))


def write_machine_code(machine: Machine, made: MachineCode) -> None:
    """Keeps it, where the disk allows: whole or not at all."""
    place = _place(machine)
    if place is None:
        return
    content, name = _packed(made), ""
    try:
        place.parent.mkdir(mode=0o700, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, place)
    except OSError as error:
        log.warning("compiled solvers are not kept: %s", error)
        if name:
            Path(name).unlink(missing_ok=True)


def _packed(made: MachineCode) -> bytes:
    """A line of JSON, the object file, and a hash of both: damaged code is not run."""
    head = json.dumps({"symbol": made.symbol, "needs": made.needs}).encode() + b"\n"
    return head + made.code + hashlib.sha256(head + made.code).digest()


def _unpacked(content: bytes) -> MachineCode | None:
    size = hashlib.sha256().digest_size
    if len(content) <= size or hashlib.sha256(content[:-size]).digest() != content[-size:]:
        return None
    head, _, code = content[:-size].partition(b"\n")
    facts = json.loads(head)
    return MachineCode(code, facts["symbol"], tuple(facts["needs"]))

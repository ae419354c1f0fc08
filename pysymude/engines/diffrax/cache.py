"""Compiled programs on disk, so that a second process starts in a fraction of a second.

One folder a program: the exported program, the machine code as JAX's own compilation cache writes
it, and a manifest with the checksum of each file.  A folder is built under a temporary name and
appears by one rename, so a reader never sees half of it, and of two processes that build the same
program one simply wins.  Whatever goes wrong with the disk, the program is compiled in memory.

The folder is ``PYSYMUDE_CACHE_DIR``, else ``pysymude`` in the user's cache folder;
``PYSYMUDE_CACHE=off`` leaves the disk alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import platformdirs
from jax import export
from jax.experimental.compilation_cache import compilation_cache

from pysymude.engines.diffrax.loading import no_collection
from pysymude.engines.diffrax.tracing import without_callbacks

__all__ = ["cache_folder", "clear_cache", "environment_key", "obtain", "x64"]

log = logging.getLogger("pysymude")

_LOCK = threading.RLock()
_LIMIT = 400  # programs kept; the least recently written go first
_PACKAGES = ("jax", "jaxlib", "diffrax", "equinox", "optimistix", "lineax", "numpy")


@contextmanager
def x64() -> Generator[None]:
    """float64 and the CPU, for the calls inside only: the user's global settings stay as they are."""
    with jax.enable_x64(True), jax.default_device(_cpu()):
        yield


@cache
def _cpu() -> Any:
    return jax.local_devices(backend="cpu")[0]


def cache_folder() -> Path | None:
    """Where programs are kept, or None when the cache is switched off."""
    if os.environ.get("PYSYMUDE_CACHE", "on").lower() in ("off", "0", "no"):
        return None
    given = os.environ.get("PYSYMUDE_CACHE_DIR")
    return Path(given) if given else Path(platformdirs.user_cache_dir("pysymude", appauthor=False))


def clear_cache() -> int:
    """Removes all programs from disk; how many there were."""
    folder = cache_folder()
    entries = list(folder.glob("program-*")) if folder else []
    for entry in entries:
        shutil.rmtree(entry, ignore_errors=True)
    return len(entries)


@cache
def environment_key() -> str:
    """A hash of what decides the machine code beside the program: versions, sources, CPU, flags."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        digest.update(f"{package}={version(package)};".encode())
    here = Path(__file__).parent
    # our own sources too: an edited line must never meet an old program
    for folder in (here, here.parents[1] / "plan", here.parents[1] / "model"):
        for source in sorted(folder.glob("*.py")):
            digest.update(source.name.encode() + source.read_bytes())
    digest.update(_processor().encode())
    digest.update(os.environ.get("XLA_FLAGS", "").encode())
    return digest.hexdigest()


def _processor() -> str:
    """The processor's features: machine code made for one must not run on another."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        import platform

        return f"{platform.machine()} {platform.processor()} {platform.node()}"
    wanted = ("flags", "Features", "model name")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))


def obtain(key: str, build: Callable[[], Any], shapes: Sequence[Any]) -> Any:
    """The compiled program for `key`: from disk, or built, compiled and kept there.

    Parameters
    ----------
    key : str
        Everything about the program; `environment_key` is added here.
    build : callable
        Returns the JAX function; called only when the disk does not have it.
    shapes : sequence of jax.ShapeDtypeStruct
        Its arguments.
    """
    folder = cache_folder()
    name = "program-" + hashlib.sha256(f"{environment_key()}|{key}".encode()).hexdigest()[:40]
    with _LOCK, x64():
        if folder is not None:
            with no_collection():
                found = _load(folder / name, shapes)
            if found is not None:
                return found
        with without_callbacks():
            program = export.export(jax.jit(build()), platforms=["cpu"])(*shapes).serialize()
        return _compile_and_keep(folder, name, bytes(program), shapes)


def _load(entry: Path, shapes: Sequence[Any]) -> Any:
    """The compiled program of an entry, or None; a damaged entry is removed."""
    try:
        manifest = json.loads((entry / "manifest.json").read_text())
        for name, checksum in manifest.items():
            if hashlib.sha256((entry / name).read_bytes()).hexdigest() != checksum:
                raise ValueError(f"checksum of {name}")
        return _compile((entry / "program").read_bytes(), shapes, entry / "xla")
    except FileNotFoundError:
        if entry.exists():
            shutil.rmtree(entry, ignore_errors=True)
    except Exception as problem:  # a cache entry that cannot be used is never a reason to fail
        log.debug("cache entry %s is unusable (%s); it is made again", entry, problem)
        shutil.rmtree(entry, ignore_errors=True)
    return None


def _compile_and_keep(folder: Path | None, name: str, program: bytes, shapes: Sequence[Any]) -> Any:
    workshop: Path | None = None
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            workshop = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    except OSError as problem:
        log.debug("no cache on disk: %s", problem)
    compiled = _compile(program, shapes, None if workshop is None else workshop / "xla")
    if workshop is not None and folder is not None:
        try:
            _publish(workshop, folder / name, program)
            _prune(folder)
        except OSError as problem:
            log.debug("the program is not kept on disk: %s", problem)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)
    return compiled


def _publish(workshop: Path, entry: Path, program: bytes) -> None:
    (workshop / "program").write_bytes(program)
    manifest: dict[str, str] = {}
    for file in sorted(workshop.rglob("*")):
        if file.is_file():
            relative = file.relative_to(workshop).as_posix()
            manifest[relative] = hashlib.sha256(file.read_bytes()).hexdigest()
    (workshop / "manifest.json").write_text(json.dumps(manifest))
    try:
        workshop.rename(entry)
    except OSError:
        # another process has published the same program meanwhile
        if not (entry / "manifest.json").exists():
            raise


def _prune(folder: Path) -> None:
    entries = sorted(folder.glob("program-*"), key=lambda p: p.stat().st_mtime)
    for old in entries[: max(0, len(entries) - _LIMIT)]:
        shutil.rmtree(old, ignore_errors=True)


def _compile(program: bytes, shapes: Sequence[Any], xla: Path | None) -> Any:
    # the first process, too, compiles what it would read from disk: JAX's key is then the same
    lowered = jax.jit(export.deserialize(bytearray(program)).call).lower(*shapes)
    if xla is None:
        return lowered.compile()
    with _compilation_cache(xla):
        return lowered.compile()


@contextmanager
def _compilation_cache(folder: Path) -> Generator[None]:
    """JAX's own cache pointed at `folder` for one compilation, then back to the user's settings."""
    wanted = {
        "jax_compilation_cache_dir": str(folder),
        "jax_enable_compilation_cache": True,
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": 0,
        "jax_compilation_cache_max_size": -1,
        # XLA's own caches would write the folder's name into JAX's key
        "jax_persistent_cache_enable_xla_caches": "none",
    }
    before = {name: getattr(jax.config, name) for name in wanted}
    try:
        for name, value in wanted.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        with warnings.catch_warnings():
            # a full disk is not the user's concern here
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()

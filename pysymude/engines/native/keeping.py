"""Where compiled kernels are kept on disk, so that only the first process of a machine compiles.

The folder is ``PYSYMUDE_CACHE_DIR``, else ``pysymude`` in the user's cache folder; ``PYSYMUDE_CACHE=off``
leaves the disk alone. What is read there is run: a folder that another user owns or may write to is not used.
Whatever goes wrong with the disk, kernels are compiled in memory.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numba
import platformdirs
from numba.core import caching

__all__ = ["KernelCache", "NoCache", "cache_folder", "clear_cache"]

log = logging.getLogger("pysymude")

_SWITCHED_OFF = ("off", "0", "no", "false")


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


def clear_cache() -> int:
    """Removes all kernels from disk; how many files there were."""
    folder = cache_folder()
    files = list(folder.glob("*/*.nb[ic]")) if folder else []
    for file in files:
        file.unlink(missing_ok=True)
    return len(files)


@cache
def _stamp() -> str:
    """A hash of all that a kernel is made of: an edited line must never meet an old kernel."""
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()


class _Locator:
    """Numba's protocol for where a function's code is kept and what it depends on."""

    def __init__(self, function: Any, folder: Path) -> None:
        self.name = function.__qualname__
        self.folder = folder / f"kernels-{_stamp()[:16]}"

    def ensure_cache_path(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def get_cache_path(self) -> str:
        return str(self.folder)

    def get_source_stamp(self) -> str:
        return _stamp()

    def get_disambiguator(self) -> str:
        return self.name

    @classmethod
    def from_function(cls, function: Any, file: str) -> _Locator | None:
        folder = cache_folder()
        if folder is None:
            return None
        made = cls(function, folder)
        try:
            made.ensure_cache_path()
        except OSError as error:
            log.warning("compiled solvers are not kept: %s", error)
            return None
        return made


class _Implementation(caching.CompileResultCacheImpl):
    _locator_classes = [_Locator]  # noqa: RUF012 - Numba's own form


class _Signed:
    """A file that is being written, and a hash of what was."""

    def __init__(self, file: Any) -> None:
        self.file, self.hash = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.hash.update(data)
        return self.file.write(data)


class _Files(caching.IndexDataCacheFile):
    """Numba's files, each with a hash at its end: one that was damaged counts as none, and is not run."""

    @contextmanager
    def _open_for_write(self, filepath: str) -> Generator[Any]:
        with super()._open_for_write(filepath) as file:
            signed = _Signed(file)
            yield signed
            file.write(signed.hash.digest())

    def _load_index(self) -> dict[Any, str]:
        return super()._load_index() if _is_whole(self._index_path) else {}

    def _load_data(self, name: str) -> Any:
        if not _is_whole(self._data_path(name)):
            raise OSError(f"{name} is damaged")  # which Numba takes for a file that is not there
        return super()._load_data(name)


def _is_whole(path: str) -> bool:
    try:
        content = Path(path).read_bytes()
    except OSError:
        return False
    size = hashlib.sha256().digest_size
    return content[-size:] == hashlib.sha256(content[:-size]).digest()


@cache
def _say_once(text: str) -> None:
    log.warning(text)


class NoCache(caching.NullCache):
    """Where nothing is kept: it says when it has to compile."""

    def load_overload(self, sig: Any, target_context: Any) -> None:
        """Nothing, after saying so."""
        _say_once("compiling the solvers; nothing is kept, so each process does: half a minute")


class KernelCache(caching.FunctionCache):
    """Numba's cache of one function, in our folder; it says when it has to compile."""

    _impl_class = _Implementation

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = _Files(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=_stamp(),
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function, or None after saying so."""
        try:
            found = super().load_overload(sig, target_context)
        except Exception as error:  # a damaged file may raise anything
            log.warning("a kept solver could not be read and is made again: %s", error)
            found = None
        if found is None:
            _say_once("compiling the solvers, once on this machine: half a minute")
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keeps a compiled function, where the disk allows."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            log.warning("compiled solvers are not kept: %s", error)

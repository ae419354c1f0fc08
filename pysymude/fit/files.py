"""Save files: arrays and JSON in one file with a checksum, written atomically, read without executing."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pysymude.errors import SaveFileError

__all__ = ["read", "write", "write_whole"]

_VERSION = 1


def write(
    path: str | PathLike[str],
    kind: str,
    meta: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
) -> None:
    """Writes a save file of a `kind`; a reader sees the old one or the new one, never a part.

    Raises
    ------
    SaveFileError
        The folder does not exist or cannot be written.
    """
    target = Path(path)
    header = {"format": "pysymude", "version": _VERSION, "kind": kind, "meta": dict(meta)}
    text = json.dumps(header, sort_keys=True).encode()
    content = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
    content["header"] = np.frombuffer(text, dtype=np.uint8)
    content["checksum"] = np.frombuffer(_checksum(content), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **cast("dict[str, Any]", content))
    try:
        write_whole(target, buffer.getvalue())
    except OSError as problem:
        raise SaveFileError(f"cannot be written: {problem.strerror}", path=str(target)) from problem


def write_whole(target: Path, content: bytes) -> None:
    """A file with this content; a reader sees the old one or the new one, never a part."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read(path: str | PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The JSON part and the arrays of a save file of this `kind`.

    Raises
    ------
    SaveFileError
        The file is missing, damaged, of another kind or from a newer version.
    """
    try:
        # from memory: a damaged file would otherwise be left open
        with np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise SaveFileError("there is no such file", path=str(path)) from None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, NotImplementedError) as e:
        raise SaveFileError(
            f"is damaged or no pysymude file ({type(e).__name__}); it was not read", path=str(path)
        ) from None
    try:
        stored_checksum = arrays.pop("checksum").tobytes()
        if stored_checksum != _checksum(arrays):
            raise SaveFileError("is damaged: its checksum does not match", path=str(path))
        header = json.loads(arrays.pop("header").tobytes())
    except (KeyError, ValueError):
        raise SaveFileError("is no pysymude file", path=str(path)) from None
    if header.get("version", 0) > _VERSION:
        raise SaveFileError("comes from a newer pysymude; update this one", path=str(path))
    if header.get("kind") != kind:
        raise SaveFileError(f"holds a {header.get('kind')}, not a {kind}", path=str(path))
    return header["meta"], arrays


def _umask() -> int:
    """The user's mask for new files; a temporary file is readable by its owner only."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _checksum(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.digest()

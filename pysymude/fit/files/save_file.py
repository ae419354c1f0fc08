"""Save files: arrays and JSON in one file with a checksum, written atomically, read without executing."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import stat
import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from pysymude.errors import InvalidInputError, PySymUDEError, SaveFileError
from pysymude.whole import write_whole

__all__ = ["differing", "read", "understood", "write"]

_VERSION = 1
LARGEST_FILE = 4_000_000_000  # bytes
MOST_ARRAYS = 1_000_000


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


def read(path: str | PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The JSON part and the arrays of a save file of this `kind`.

    Raises
    ------
    SaveFileError
        The file is missing, damaged, larger than 4 GB, of another kind or from a newer version.
    """
    arrays = _arrays(_content(path), str(path))
    try:
        stored_checksum = arrays.pop("checksum").tobytes()
        if stored_checksum != _checksum(arrays):
            raise SaveFileError("is damaged: its checksum does not match", path=str(path))
        header = json.loads(arrays.pop("header").tobytes())
        version, found, meta = header["version"], header["kind"], header["meta"]
        newer = version > _VERSION
    except SaveFileError:
        raise
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise SaveFileError("is no pysymude file", path=str(path)) from None
    if newer:
        raise SaveFileError("comes from a newer pysymude; update this one", path=str(path))
    if found != kind:
        raise SaveFileError(f"holds a {str(found)[:40]}, not a {kind}", path=str(path))
    if not isinstance(meta, dict):
        raise SaveFileError("is no pysymude file", path=str(path))
    return cast("dict[str, Any]", meta), arrays


def differing(
    path: str | PathLike[str], kind: str, meta: Mapping[str, Any], key: Mapping[str, str]
) -> str:
    """What of the key in a file is another than here, in words; empty where it goes on the same work."""
    with understood(path, kind):
        return ", ".join(k for k in key if meta["key"].get(k) != key[k])


@contextmanager
def understood(path: str | PathLike[str], kind: str, *, by_user: bool = False) -> Generator[None]:
    """Turns what goes wrong with the content of a file, whose checksum may be right, into a SaveFileError.

    With `by_user`, where some of the input comes from elsewhere, an `InvalidInputError` stays what it is.
    """
    try:
        yield
    except SaveFileError:
        raise
    except InvalidInputError as error:
        if by_user:
            raise
        raise SaveFileError(f"holds what no {kind} has: {error}", path=str(path)) from error
    except PySymUDEError:
        raise
    except Exception as error:
        # whoever wrote it, the types in it may be any
        raise SaveFileError(
            f"holds what no {kind} has ({type(error).__name__}: {str(error)[:100]})", path=str(path)
        ) from error


def with_prefix(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin with this, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _content(path: str | PathLike[str]) -> bytes:
    """The bytes of a plain file that is not too large."""
    try:
        with Path(path).open("rb") as file:
            about = os.fstat(file.fileno())
            # a device has no end
            if not stat.S_ISREG(about.st_mode):
                raise SaveFileError("is no plain file", path=str(path))
            if about.st_size > LARGEST_FILE:
                raise SaveFileError(
                    "is larger than 4 GB, which no file of a fit is", path=str(path)
                )
            return file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise SaveFileError("there is no such file", path=str(path)) from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise SaveFileError(f"cannot be read: {reason}", path=str(path)) from None


def _arrays(content: bytes, path: str) -> dict[str, NDArray[Any]]:
    """The arrays in the bytes of an uncompressed archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            # ours are stored as they are: nothing can unpack to more than the file has
            if len(members) > MOST_ARRAYS or any(
                m.compress_type or m.flag_bits & 1 for m in members
            ):
                raise ValueError("packed otherwise than ours")
            if sum(member.file_size for member in members) > len(content):
                raise ValueError("larger inside than outside")
            return {m.filename.removesuffix(".npy"): _array(archive.read(m)) for m in members}
    except Exception as error:
        # damage may surface anywhere in the readers of archives and of arrays
        raise SaveFileError(
            f"is damaged or no pysymude file ({type(error).__name__}); it was not read", path=path
        ) from None


def _array(content: bytes) -> NDArray[Any]:
    """An array in NumPy's own format, whose header must say what is there."""
    stream = io.BytesIO(content)
    version = npy.read_magic(stream)
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = reader(stream)
    rest = content[stream.tell() :]
    if dtype.hasobject or len(rest) != math.prod(shape) * dtype.itemsize:
        raise ValueError("not the array that its header describes")
    flat = np.frombuffer(rest, dtype=dtype) if dtype.itemsize else np.empty(math.prod(shape), dtype)
    return flat.reshape(shape, order="F" if fortran else "C").copy()


def _checksum(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.digest()

"""Files that are written whole or not at all, and read whole where they are no larger than expected."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import get_ident

__all__ = ["lives", "read_whole", "write_whole"]


def read_whole(
    path: str | os.PathLike[str], largest: int, refuse: Callable[[str], Exception], too_large: str
) -> bytes:
    """The content of a file of at most so many bytes; what `refuse` makes of the reason is raised else."""
    try:
        if not Path(path).is_file() and Path(path).exists() and not Path(path).is_dir():
            # whoever opens a pipe or a device waits, perhaps for ever
            raise refuse("cannot be read: this is no file")
        with Path(path).open("rb") as file:
            content = file.read(largest + 1)
    except FileNotFoundError:
        raise refuse(f"no such file, seen from {Path.cwd()}") from None
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}") from error
    if len(content) > largest:
        raise refuse(too_large)
    return content


def write_whole(target: Path, content: bytes) -> None:
    """A file with this content; a reader sees the old one or the new one, never a part.

    What a process that was killed has left of an earlier attempt is removed.

    Raises
    ------
    OSError
        The folder does not exist or cannot be written.
    """
    host = re.sub(r"\W", "", platform.node())[:20]
    prefix = f".{target.name}-{host}-"
    # opened by name, unlike a temporary file, so that the user's file permissions apply
    workshop = target.with_name(f"{prefix}{os.getpid()}-{get_ident()}.part")
    _remove_left(target.parent, prefix)
    try:
        with workshop.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        workshop.replace(target)
    except BaseException:
        # where the folder is none, there is nothing to remove either
        with suppress(OSError):
            workshop.unlink()
        raise


def _remove_left(folder: Path, prefix: str) -> None:
    """Removes unfinished files of processes of this machine that are no more."""
    if sys.platform == "win32":
        return  # there a process cannot be asked whether it lives
    with suppress(OSError):
        for file in folder.iterdir():
            name = file.name
            if name.startswith(prefix) and name.endswith(".part"):
                number = name.removeprefix(prefix).partition("-")[0]
                if number.isdecimal() and not lives(int(number)):
                    with suppress(OSError):
                        file.unlink()


def lives(process: int) -> bool:
    """Whether there is a process of that number; not for Windows, where the question would end it."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True

"""The system image of a project: where it is, what it was made of, whether that still holds.

Beside the project's own files, in ``pysymude/``: ``sysimage.so`` and ``sysimage.json``, which says from
what it was made. An image is one with its Julia, its packages and its processor; started with others it
would give old code or end the process, so it is used only where all of them are the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

from pysymude.engines.julia.finding import Executable, Julia, ask, manifest_file, package_folder

__all__ = ["folder", "image_file", "make_note", "note_file", "origin", "usable"]

REMAKE = "run: pysymude setup-julia --sysimage"


def folder(project: str) -> Path:
    """The folder beside a project in which pysymude keeps its own files."""
    path = Path(project)
    return (path if path.is_dir() else path.parent) / "pysymude"


def image_file(project: str) -> Path:
    """Where the system image of a project is, or will be."""
    suffix = {"win32": "dll", "darwin": "dylib"}.get(sys.platform, "so")
    return folder(project) / f"sysimage.{suffix}"


def note_file(project: str) -> Path:
    """The small file that says of what the image was made."""
    return folder(project) / "sysimage.json"


def origin(julia: Julia, executable: Executable) -> dict[str, str]:
    """Of what an image made now would be made."""
    project = Path(julia.project)
    manifest = manifest_file(julia.project)
    beside = (project if project.is_dir() else project.parent) / "LocalPreferences.toml"
    return {
        "Julia": executable.version,
        "libjulia": _stamp(Path(executable.libjulia)),
        "processor": executable.cpu,
        "packages": _digest([file for file in (manifest, beside) if file and file.is_file()]),
        "PySymUDE.jl": package_digest(),
    }


def package_digest() -> str:
    """A digest of the source of PySymUDE.jl."""
    package = package_folder() / "PySymUDE"
    sources = [
        file for folder in ("src", "ext") for file in sorted((package / folder).glob("*.jl"))
    ]
    return _digest([package / "Project.toml", *sources])


def make_note(julia: Julia, made_of: dict[str, str]) -> None:
    """Writes down of what the image was made; until then it does not count."""
    file = note_file(julia.project)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(made_of, indent=2) + "\n")
    os.replace(fresh, file)


def usable(julia: Julia) -> tuple[Path | None, str]:
    """The image to start with, or none; and why an image that is there cannot be used, or ""."""
    image = image_file(julia.project)
    if not image.is_file():
        return None, ""
    try:
        made_of = json.loads(note_file(julia.project).read_text())
    except (OSError, ValueError):
        return None, f"the system image {image} was not finished; {REMAKE}"
    executable = ask(julia.exe)
    now = origin(julia, executable)
    changed = [name for name, value in now.items() if made_of.get(name) != value]
    if changed:
        return None, f"the system image {image} is for another {', '.join(changed)}; {REMAKE}"
    return image, ""


def _digest(files: list[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        total.update(f"{file.name} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()[:16]


def _stamp(library: Path) -> str:
    # the same version built anew has other addresses
    state = library.stat()
    return f"{library} {state.st_size} {state.st_mtime_ns}"

"""What the Julia engine needs, installed: each step in a process of its own that can be interrupted."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pysymude import __version__
from pysymude.engines.julia.finding import (
    Julia,
    ask,
    needed,
    package_folder,
    versions,
)
from pysymude.engines.julia.sysimage import folder, image_file, make_note, note_file, origin
from pysymude.errors import EngineUnavailableError

__all__ = [
    "build_sysimage",
    "end",
    "environment",
    "mark",
    "precompile",
    "resolve",
    "run",
    "up_to_date",
]

Tell = Callable[[str], None]

# after so many seconds without a line, one says that the work goes on
_SILENCE = 30.0
# what Python and Julia say where they cannot reach a server
_UNREACHED = re.compile(
    r"URLError|Could not resolve host|[Nn]ame resolution|Name or service not known|getaddrinfo"
    r"|Network is unreachable|Connection refused|Failed to connect"
)
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


# -- processes ---------------------------------------------------------------------------------


def run(command: Sequence[str], tell: Tell, env: Mapping[str, str]) -> int:
    """The exit code of a command whose output is told line by line; it ends when we are interrupted."""
    process = subprocess.Popen(  # noqa: S603
        list(command), env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
        # Ctrl-C comes here alone, and then ends the whole group: Julia precompiles in children
        start_new_session=True,
    )  # fmt: skip
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    begin, last = time.monotonic(), ""
    try:
        while True:
            try:
                line = lines.get(timeout=_SILENCE)
            except queue.Empty:
                tell(f"... still at work after {(time.monotonic() - begin) / 60:.1f} min")
                continue
            if line is None:
                return process.wait()
            if line and line != last:
                tell(line)
            last = line
    finally:
        end(process)
        reader.join(timeout=5)


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    if process.stdout is not None:
        with process.stdout as output:
            for line in output:
                lines.put(_ESCAPES.sub("", line).rstrip())
    lines.put(None)


def end(process: subprocess.Popen[str]) -> None:
    """Ends a process that still runs, and its children."""
    for how in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        if process.poll() is not None:
            break
        with suppress(ProcessLookupError):
            if os.name == "nt":
                process.kill()
            else:
                os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)


def environment(*, offline: bool, project: Path | None = None) -> dict[str, str]:
    """The environment of the steps."""
    env = dict(os.environ)
    # PythonCall would else install a Python of its own
    env.setdefault("JULIA_PYTHONCALL_EXE", sys.executable)
    if project is not None:
        env["PYTHON_JULIAPKG_PROJECT"] = str(project)
    if offline:
        env |= {"PYTHON_JULIAPKG_OFFLINE": "yes", "JULIA_PKG_OFFLINE": "true"}
    return env


def _failed(step: str, code: int, cure: str) -> EngineUnavailableError:
    how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
    return EngineUnavailableError(f"{step} {how}; {cure}", engine="julia")


# -- steps -------------------------------------------------------------------------------------


def resolve(tell: Tell, env: Mapping[str, str]) -> None:
    """juliapkg finds or installs Julia, and the packages of all juliapkg.json files."""
    script = (
        "import sys, juliapkg\n"
        "try:\n    juliapkg.resolve()\n"
        "except Exception as error:\n    sys.exit(f'{type(error).__name__}: {error}')"
    )
    # -P: a folder beside the script is no installed package, though juliapkg would look into it
    said: list[str] = []
    listen = _listening(said, tell)
    code = run([sys.executable, "-P", "-u", "-c", script], listen, env)
    if code and any(_UNREACHED.search(line) for line in said):
        raise EngineUnavailableError(
            "juliapkg wanted to fetch Julia or its packages, and there is no network; what can be done "
            "without one is said by: pysymude setup-julia --offline",
            engine="julia",
        )
    if code:
        raise _failed("juliapkg", code, "its last lines above say why; pysymude doctor says more")


def _listening(said: list[str], tell: Tell) -> Tell:
    def listen(line: str) -> None:
        said.append(line)
        tell(line)

    return listen


def precompile(julia: Julia, tell: Tell, env: Mapping[str, str]) -> None:
    """All that PySymUDE.jl loads, and itself, compiled into Julia's depot."""
    script = (
        "using Pkg; push!(LOAD_PATH, ARGS[1]); "
        # those that the project reaches only through others come with them
        "Pkg.precompile(filter(in(keys(Pkg.project().dependencies)), ARGS[2:end])); "
        # loaded together, since some of it may be in extensions
        "import PySymUDE; foreach(Base.require, filter(!isnothing, Base.identify_package.(ARGS[3:end])))"
    )
    # PythonCall is not loaded: it would start a Python
    names = ["PythonCall", *needed()]
    command = _julia(julia, julia.project, "-e", script, str(package_folder()), *names)
    code = run(command, tell, env)
    if code:
        raise _failed("precompiling", code, "Julia's own words are above")


def build_sysimage(
    julia: Julia, statements: Path, tell: Tell, env: Mapping[str, str], *, offline: bool
) -> Path:
    """A system image beside the project, put in its place when it is whole.

    `statements` lists what Julia compiled in a first run, which is compiled into the image too.
    """
    compiler = _compiler(julia, tell, env, offline=offline)
    made_of = origin(julia, ask(julia.exe))
    script = package_folder() / "PySymUDE" / "setup" / "sysimage.jl"
    image = image_file(julia.project)
    with tempfile.TemporaryDirectory(dir=image.parent, prefix="sysimage-") as place:
        fresh = Path(place) / image.name
        code = run(
            _julia(julia, compiler, str(script), str(fresh), julia.project, str(statements)),
            tell, env,
        )  # fmt: skip
        if code or not fresh.is_file():
            raise _failed("PackageCompiler", code, "the engine works without a system image too")
        # between these two lines there is an image without a note, which nobody uses
        note_file(julia.project).unlink(missing_ok=True)
        os.replace(fresh, image)
    make_note(julia, made_of)
    return image


def _compiler(julia: Julia, tell: Tell, env: Mapping[str, str], *, offline: bool) -> str:
    """A project that has PackageCompiler: the engine's own, or one beside it."""
    folder(julia.project).mkdir(exist_ok=True)
    if "PackageCompiler" in versions(julia.project):
        return julia.project
    beside = str(folder(julia.project) / "compiler")
    if "PackageCompiler" in versions(beside):
        return beside
    if offline:
        raise EngineUnavailableError(
            "a system image needs the Julia package PackageCompiler, which is not here; run once "
            "with a network: pysymude setup-julia --sysimage",
            engine="julia",
        )
    Path(beside).mkdir(exist_ok=True)
    code = run(_julia(julia, beside, "-e", 'using Pkg; Pkg.add("PackageCompiler")'), tell, env)
    if code:
        raise _failed("installing PackageCompiler", code, "Julia's own words are above")
    return beside


def _julia(julia: Julia, project: str, *arguments: str) -> list[str]:
    return [julia.exe, f"--project={project}", "--startup-file=no", *arguments]


# -- once is enough ----------------------------------------------------------------------------


def mark(julia: Julia) -> None:
    """Writes down what was set up, where the project can be written."""
    with suppress(OSError):
        folder(julia.project).mkdir(exist_ok=True)
        _mark_file(julia).write_text(json.dumps(_state(julia), indent=2) + "\n")


def up_to_date(julia: Julia) -> bool:
    """Whether the same was set up before."""
    try:
        return json.loads(_mark_file(julia).read_text()) == _state(julia)
    except (OSError, ValueError):
        return False


def _mark_file(julia: Julia) -> Path:
    return folder(julia.project) / "setup.json"


def _state(julia: Julia) -> dict[str, str]:
    return {"pysymude": __version__, "Python": sys.executable, **origin(julia, ask(julia.exe))}

"""What `pysymude doctor` says of Julia: what was found and where, and what stands in its way."""

from __future__ import annotations

import os
import shutil
import ssl
from pathlib import Path

__all__ = ["julia_rows"]

# the first OpenSSL that Julia 1.12 gets along with; juliapkg looks at Python's
_OPENSSL = (3, 5)


def julia_rows(problems: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Rows for the table; Julia is asked for its version with a time limit, and not started."""
    from pysymude.engines.julia.finding import ask, found, needed, versions

    julia = found()
    if not julia.exe and not julia.project:
        rows = [("Julia", "not set up")]
        _look_at_path(problems)
    else:
        executable = ask(julia.exe)
        listed = versions(julia.project)
        names = sorted(("PythonCall", *needed()))
        rows = [
            ("Julia", executable.problem or executable.version),
            ("executable", julia.exe or "none"),
            ("project", julia.project or "none"),
            ("named by", julia.source),
            ("packages", ", ".join(f"{name} {listed.get(name, 'missing')}" for name in names)),
        ]
        if not executable.problem and julia.project:
            rows.append(("system image", _sysimage(problems)))
    return [
        *rows,
        ("depot", os.environ.get("JULIA_DEPOT_PATH") or str(Path.home() / ".julia")),
        ("threads", _threads(problems)),
        ("OpenSSL of Python", _openssl()),
    ]


def _sysimage(problems: list[tuple[str, str]]) -> str:
    from pysymude.engines.julia.finding import found, option
    from pysymude.engines.julia.sysimage import usable

    given = option("sysimage")
    if given:
        return f"{given} (PYTHON_JULIACALL_SYSIMAGE)"
    image, refused = usable(found())
    if refused:
        what, _, cure = refused.partition("; ")
        problems.append((what, cure.removeprefix("run: ")))
        return "out of date, not used"
    return str(image) if image else "none; pysymude setup-julia --sysimage makes one"


def _threads(problems: list[tuple[str, str]]) -> str:
    from pysymude.engines.julia.finding import option

    threads, signals = option("threads") or "1", option("handle_signals") or "no"
    if threads != "1" and signals != "yes":
        problems.append(
            (
                f"Julia with {threads} threads and without signal handlers may crash; the engine "
                "itself runs on one thread",
                "unset PYTHON_JULIACALL_THREADS",
            )
        )
    lost = (
        "; Julia's signal handlers are on: Ctrl-C does not reach Python" if signals == "yes" else ""
    )
    return f"{threads}{lost}"


def _openssl() -> str:
    if ssl.OPENSSL_VERSION_INFO[:2] >= _OPENSSL:
        return ssl.OPENSSL_VERSION
    return (
        f"{_own_openssl()}: older than 3.5, so juliapkg takes Julia 1.10 or "
        "1.11. For Julia 1.12: a Python with OpenSSL 3.5 or newer, or a project of your own named by "
        "PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT"
    )


def _own_openssl() -> str:
    return " ".join(ssl.OPENSSL_VERSION.split()[:2])


def _look_at_path(problems: list[tuple[str, str]]) -> None:
    """A Julia on PATH that juliapkg would pass over because of OpenSSL."""
    from pysymude.engines.julia.finding import add_command, ask

    exe = shutil.which("julia")
    if not exe or ssl.OPENSSL_VERSION_INFO[:2] >= _OPENSSL:
        return
    version = ask(exe).version
    if version and tuple(map(int, version.split(".")[:2])) >= (1, 12):
        problems.append(
            (
                f"juliapkg will not take {exe}: Julia {version} brings OpenSSL 3.5 and this Python is "
                f"linked to {_own_openssl()}; it will download Julia 1.11. To "
                "use your Julia all the same, make a project DIR of your own",
                f"julia --project=DIR -e 'using Pkg; {add_command()}' && "
                f"export PYTHON_JULIACALL_EXE={exe} PYTHON_JULIACALL_PROJECT=DIR",
            )
        )

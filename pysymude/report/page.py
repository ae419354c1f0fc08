"""`write_report`: a fit as one page of HTML that needs nothing beside it."""

from __future__ import annotations

from html import escape
from os import PathLike, fspath
from pathlib import Path

from pysymude.errors import SaveFileError
from pysymude.fit.result.fit_result import FitResult
from pysymude.report.sections import SECTIONS, outcome
from pysymude.whole import write_whole

__all__ = ["page", "write_report"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem } h2 { font-size: 1.25rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd }
table { border-collapse: collapse; margin: 0.6rem 0 } th, td { padding: 0.2rem 0.9rem 0.2rem 0; text-align: left }
th { border-bottom: 1px solid #999; font-weight: 600 } td.number { font-variant-numeric: tabular-nums }
.equation { margin: 0.5rem 0; overflow-x: auto } math { font-size: 1.1rem }
.good { color: #00684a } .bad { color: #a23b00; font-weight: 600 }
.warning { background: #fff4e0; border-left: 4px solid #e69f00; padding: 0.4rem 0.8rem }
pre { background: #f5f5f5; padding: 0.8rem; overflow-x: auto } .figure svg { max-width: 100%; height: auto }
"""


def page(fit: FitResult, title: str) -> str:
    """The text of the page."""
    parts = [
        f"<section><h2>{name}</h2>{make(fit)}</section>"
        for name, make in SECTIONS
        if name != "Laws" or fit.laws
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{outcome(fit)}"
        f"{''.join(parts)}</body></html>\n"
    )


def write_report(fit: FitResult, folder: str | PathLike[str], title: str) -> Path:
    """The page and the fit in a folder, which is made where it is missing; the page's path.

    Raises
    ------
    SaveFileError
        The folder cannot be made or written.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        fit.save(place / "fit.npz")
        target = place / "report.html"
        write_whole(target, page(fit, title).encode())
    except OSError as problem:
        raise SaveFileError(
            f"cannot be written: {problem.strerror}", path=fspath(folder)
        ) from problem
    return target

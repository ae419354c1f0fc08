"""Members of an ensemble: fits of their own, in whatever process, each with a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pysymude.errors import InvalidInputError, PySymUDEError, SaveFileError
from pysymude.fit.files.save_file import differing, read, understood, write
from pysymude.fit.long_work.progress_bar import Reporter
from pysymude.fit.long_work.sharing import shared
from pysymude.fit.loss.objective_text import read_told
from pysymude.fit.result.saved import SavedFit
from pysymude.fit.result.stopped import INTERRUPTED
from pysymude.fit.training.fitting import fit
from pysymude.model.dataset import Dataset

__all__ = ["claim_folder", "run_members"]

_KIND = "ensemble"
_DONE = "fit.npz"


def run_members(
    calls: Sequence[tuple[Any, ...]], jobs: int | None, progress: bool
) -> dict[int, SavedFit | str]:
    """Every member's result, or the reason why there is none."""
    found: dict[int, SavedFit | str] = {}
    with Reporter(progress, len(calls), "members of the ensemble") as reporter:
        done = sum((Path(call[2]) / _DONE).exists() for call in calls)
        if done:
            reporter.says(f"resumed: {done} of {len(calls)} members were finished already")
        for k, answer in enumerate(shared(_member, calls, jobs)):
            failed = isinstance(answer, str)
            found[k] = answer if failed else SavedFit.from_content(*answer)
            reporter.advance(
                "members of the ensemble", None if failed else float(answer[0]["loss"])
            )
    return found


def _member(
    model: dict[str, Any],
    data: Dataset,
    folder: str,
    seed: int,
    resample: int | None,
    options: dict[str, Any],
) -> Any:
    """One member, in whatever process: the content of its file, or a sentence about its failure."""
    own = Path(folder)
    own.mkdir(parents=True, exist_ok=True)
    done = own / _DONE
    try:
        if not done.exists():
            system, settings = read_told(model)
            result = fit(
                system, data, seed=seed, resample=resample, progress=False,
                checkpoint=own / "checkpoint.npz", resume=True, **options, **settings.of_laws,
            )  # fmt: skip
            if result.stopped == INTERRUPTED:
                raise KeyboardInterrupt
            result.save(done)
        parts = read(done, "fit")
        with understood(done, "fit"):
            SavedFit.from_content(*parts)
        return parts
    except PySymUDEError as error:
        return str(error)


def claim_folder(place: Path, key: dict[str, str], resume: bool) -> None:
    """The folder, made or checked to belong to this ensemble."""
    mark = place / "ensemble.npz"
    if mark.exists():
        meta = read(mark, _KIND)[0]
        if different := differing(mark, _KIND, meta, key):
            raise InvalidInputError(
                f"folder={str(place)!r} belongs to another ensemble: {different} differ. "
                "Choose another folder"
            )
        if not resume:
            raise InvalidInputError(
                f"folder={str(place)!r} holds this ensemble already; write resume=True to go on, or "
                "choose another folder"
            )
        return
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveFileError(f"cannot be made: {error.strerror}", path=str(place)) from error
    write(mark, _KIND, {"key": key}, {})

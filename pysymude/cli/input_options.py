"""What the options of `pysymude simulate` say about inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pysymude.cli.fit_table import parse_doses, parse_signals
from pysymude.cli.input_table import InputTable
from pysymude.errors import InvalidInputError

if TYPE_CHECKING:
    from pysymude.model.system import ODESystem

__all__ = ["Inputs"]


@dataclass(frozen=True)
class Inputs:
    """The options --data, --signals, --doses and --experiment, as they were written."""

    data: Path | None
    signals: str | None
    doses: str | None
    experiment: str | None

    @property
    def file(self) -> Path | None:
        """Where inputs stand: --data, or the file that --signals names alone."""
        if self.data is None and self.signals is not None and "=" not in self.signals:
            return Path(self.signals)
        return self.data

    def read(self, system: ODESystem, reading: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords `signals` and `doses` of a solve; what was not said comes from ``[fit]``.

        Raises
        ------
        InvalidInputError
            Columns without a file, or a file that does not hold them.
        """
        if self.file is None:
            if self.signals is not None or self.doses is not None:
                option = "--doses" if self.signals is None else "--signals"
                raise InvalidInputError(
                    f"{option} names columns; of which file? Add --data FILE.csv"
                )
            return {}
        table = InputTable(self.file, reading, self.experiment)
        alone = self.data is None
        said = None if alone or self.signals is None else parse_signals(self.signals)
        named = _by_name(reading.get("signals") if said is None else said)
        doses = reading.get("doses") if self.doses is None else parse_doses(self.doses)
        found: dict[str, Any] = {}
        if named or alone:
            known = [signal.name for signal in system.signals]
            found["signals"] = table.signals(named, known)
        if doses and (self.doses is not None or not alone):
            found["doses"] = table.doses(doses)
        if not found:
            raise InvalidInputError(f"--data {self.file}: say which columns, --signals or --doses")
        return found


def _by_name(given: Any) -> dict[str, str] | None:
    """Columns by signal; a list names both."""
    if not given:
        return None
    return dict(given) if isinstance(given, Mapping) else {name: name for name in given}

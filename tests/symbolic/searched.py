"""What is found for the systems of a catalogue, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Searched"]


class Searched(dict[str, Any]):
    """Answers by name: each is looked for when it is first asked for, and once.

    A worker that runs a few tests of a catalogue does not search for the others.
    """

    def __init__(self, search: Callable[[str], Any]) -> None:
        super().__init__()
        self.search = search

    def __missing__(self, name: str) -> Any:
        self[name] = self.search(name)
        return self[name]

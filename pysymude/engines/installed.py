"""Whether packages are there."""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["is_installed"]

_seen: set[str] = set()


def is_installed(package: str) -> bool:
    """Whether a package can be imported; that of one that could is not asked again, of others it is."""
    if package not in _seen and find_spec(package) is not None:
        _seen.add(package)
    return package in _seen

"""What tells one fit from another: a short hash of each of its settings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["fit_key"]


def fit_key(parts: dict[str, Any]) -> dict[str, str]:
    """A short hash of each setting of a fit, so that a checkpoint can say what differs."""

    def short(value: Any) -> str:
        text = value.tobytes() if isinstance(value, np.ndarray) else _text(value).encode()
        return hashlib.sha256(text).hexdigest()[:16]

    return {name: short(value) for name, value in parts.items()}


def _text(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(repr, value)) + "]"
    return repr(value)

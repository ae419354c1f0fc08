"""Words for how a training ended."""

from __future__ import annotations

__all__ = ["FINISHED", "INTERRUPTED"]

FINISHED, INTERRUPTED = "finished", "interrupted"

"""Calls that processes share, answered in their order as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

__all__ = ["shared"]


def shared(
    function: Callable[..., Any], calls: Iterable[tuple[Any, ...]], jobs: int | None
) -> Iterable[Any]:
    """The answers of `function` to each of the calls, by so many processes of joblib's."""
    from joblib import Parallel, delayed

    try:
        pool = Parallel(n_jobs=jobs, return_as="generator")
    except ValueError:  # some clusters answer all at once
        pool = Parallel(n_jobs=jobs)
    return cast("Iterable[Any]", pool(delayed(function)(*call) for call in calls))

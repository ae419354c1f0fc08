"""Threads for compiled code, which holds no lock of Python's while it runs."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, TypeVar

__all__ = ["count_threads", "each"]

T = TypeVar("T")

_POOL: dict[str, Any] = {}


def _forget() -> None:
    # a child has none of its parent's threads
    _POOL.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def count_threads() -> int:
    """Threads to use: PYSYMUDE_NUM_THREADS, else one a core; one in a worker process of another's."""
    given = os.environ.get("PYSYMUDE_NUM_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    return 1 if multiprocessing.parent_process() is not None else os.cpu_count() or 1


def each(task: Callable[[int], T], numbers: Iterable[int], threads: int) -> list[T]:
    """The results of all tasks in order, on so many threads, of which the caller's is one."""
    numbers = list(numbers)
    if threads <= 1 or len(numbers) <= 1:
        return [task(k) for k in numbers]
    found: list[Any] = [None] * len(numbers)
    left = iter(range(len(numbers)))  # its `next` is atomic

    def work() -> None:
        for place in left:
            found[place] = task(numbers[place])

    helpers = [_helpers(threads - 1).submit(work) for _ in range(min(threads, len(numbers)) - 1)]
    try:
        work()
    finally:
        # after an error nobody begins another one; else there is nothing left
        deque(left, maxlen=0)
        # one that never began has nothing left to do: the helpers are busy with others, or wait in here
        wait([helper for helper in helpers if not helper.cancel()])
    for helper in helpers:
        if not helper.cancelled():
            helper.result()
    return found


def _helpers(count: int) -> ThreadPoolExecutor:
    if _POOL.get("count") != count:
        _POOL.update(count=count, pool=ThreadPoolExecutor(count, "pysymude"))
    return _POOL["pool"]

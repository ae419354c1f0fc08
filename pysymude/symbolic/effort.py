"""What a derivation may cost: seconds and memory, checked inside every loop that can grow.

The effort is that of the innermost ``with effort(...)``, so that arithmetic deep below need not be told
of it. A call of a C library cannot be interrupted, and one that finds no memory ends the process: what
it would cost is therefore estimated before (`afford`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time as clock
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FrameType

__all__ = [
    "BudgetEndedError",
    "EffortEndedError",
    "LimitReachedError",
    "afford",
    "check",
    "effort",
    "interrupting",
]

_EVERY = 0.02  # seconds between two looks at the memory
_HELD = 0.8  # of the memory: the rest is for what one step takes between two looks
_STEPS = 4e7  # elementary steps of exact arithmetic a second
_AGAIN = 0.05  # seconds
_OURS = ("pysymude.", "sympy.", "mpmath.")  # modules that may be left wherever they are
_TERM = 100.0  # bytes of a term of a polynomial


class EffortEndedError(TimeoutError):
    """What was begun would take too long or too much memory; `ended` says which."""

    ended = "budget"


class BudgetEndedError(EffortEndedError):
    """The seconds are over, or will be before the next step ends."""


class LimitReachedError(EffortEndedError):
    """The memory does not suffice, or a fixed limit of size is reached."""

    ended = "limit"


@dataclass
class _Effort:
    deadline: float
    memory: float
    looked: float = field(default=0.0)

    def check(self) -> None:
        now = clock.perf_counter()
        if now > self.deadline:
            raise BudgetEndedError("the budget ended")
        if now - self.looked > _EVERY:
            self.looked = now
            if _in_use() > self.memory:
                raise LimitReachedError("the memory bound is reached")


_CURRENT: ContextVar[_Effort | None] = ContextVar("effort", default=None)


@contextmanager
def effort(deadline: float, max_memory: float = float("inf")) -> Generator[None]:
    """Work until `deadline` (of `time.perf_counter`) within a process of at most `max_memory` bytes.

    Half of that is there in any case: a process may hold as much already of other things, such as Julia or
    data. Inside of another one, the stricter of the two bounds holds.
    """
    outer = _CURRENT.get()
    if outer is not None:
        deadline, max_memory = min(deadline, outer.deadline), min(max_memory, outer.memory)
    elif max_memory < float("inf"):
        max_memory = max(_HELD * max_memory, _in_use() + 0.5 * max_memory)
    token = _CURRENT.set(_Effort(deadline, max_memory, 0.0 if outer is None else outer.looked))
    try:
        yield
    finally:
        _CURRENT.reset(token)


def check() -> None:
    """Raises where the seconds or the memory are used up."""
    current = _CURRENT.get()
    if current is not None:
        current.check()


@contextmanager
def interrupting() -> Generator[None]:
    """Ends foreign Python code, too, which has no loops of ours, where the system has timers for that.

    What it leaves half done must not matter to anybody. Signals reach the main thread alone, and an alarm
    that somebody else has set is left alone.
    """
    current = _CURRENT.get()
    left = float("inf") if current is None else current.deadline - clock.perf_counter()
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not usable or left == float("inf") or any(signal.getitimer(signal.ITIMER_REAL)):
        yield
        return

    def ended(number: int, frame: FrameType | None) -> None:
        # what a finaliser or a callback of the garbage collector raises is lost, and said on stderr
        module = "" if frame is None else str(frame.f_globals.get("__name__", ""))
        if module.startswith(_OURS):
            raise BudgetEndedError("the budget ended")

    before = signal.signal(signal.SIGALRM, ended)
    # once more where what it interrupts swallows it
    signal.setitimer(signal.ITIMER_REAL, max(left, 1e-3), _AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def afford(steps: float, terms: float = 0.0) -> None:
    """Raises where so many steps, or a result of so many terms, would be beyond the bounds."""
    current = _CURRENT.get()
    if current is None:
        return
    current.check()
    if clock.perf_counter() + steps / _STEPS > current.deadline:
        raise BudgetEndedError("the next step would not end within the budget")
    if terms * _TERM > 1e6 and _in_use() + terms * _TERM > current.memory:
        raise LimitReachedError("the next step would not fit into the memory")


def _in_use() -> float:
    """Bytes of memory that the process holds; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0.0
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

"""What was searched: spans of candidate functions, each with how its search ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

__all__ = ["ENDS", "Span", "value_text"]

ENDS = ("exhausted", "budget", "limit")
_READABLE = 1000  # the largest denominator that tells a reader more than decimals


@dataclass(frozen=True)
class Span:
    """A span of candidate functions.

    Attributes
    ----------
    family : str
        The kind of candidates.
    candidates : int
        How many functions span it.
    ended : str
        ``"exhausted"``: all of it was searched, or no further independent law can exist;
        ``"budget"``: the time ended before that; ``"limit"``: it is too large for the memory, or for its
        family. The last two also name a span that was not begun, as what would come next.
    degree : int or None
        The highest degree; None for a family that has none.
    weights : mapping from name to int
        Which weights make up the degree; empty where every factor counts as one.
    laws : int
        How many independent laws it brought.
    complete : bool
        Whether these are provably all laws in it that are independent of the earlier ones.
    values : mapping from name to str
        Parameter values at which alone it was searched; empty for symbolic parameters.
    symbols : mapping from name to str
        Numbers for which symbols stood, such as fitted exponents.
    seconds : float
    left_out : str
        Laws of the span that cannot be written, in words; empty where there are none.
    """

    family: str
    candidates: int
    ended: str
    degree: int | None = None
    weights: Mapping[str, int] = field(default_factory=dict[str, int])
    laws: int = 0
    complete: bool = False
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    symbols: Mapping[str, str] = field(default_factory=dict[str, str])
    seconds: float = 0.0
    left_out: str = ""

    def __str__(self) -> str:
        if self.degree is None:
            to = ""
        elif self.weights:
            parts = ", ".join(f"{name}: {w}" for name, w in self.weights.items())
            to = f" to weight {self.degree} ({parts})"
        else:
            to = f" to degree {self.degree}"
        at = "".join(f", {p} = {value_text(v)}" for p, v in self.values.items())
        left = f"; left out: {self.left_out}" if self.left_out else ""
        return f"{self.family}{to}{at}: {self.candidates} candidates, {self.ended}{left}"


def value_text(value: object) -> str:
    """A parameter's exact value as a reader wants it: ``1/3``, but decimals where it was given as such.

    Examples
    --------
    >>> value_text("1/3"), value_text("-16855215008478597/50000000000000000")
    ('1/3', '-0.33710430016957194')
    """
    try:
        exact = Fraction(str(value))
    except ValueError:
        return str(value)
    return str(exact) if exact.denominator <= _READABLE else repr(float(exact))

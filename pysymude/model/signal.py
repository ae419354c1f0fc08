"""Measured inputs: functions of time known at points, which stand in expressions."""

from __future__ import annotations

from typing import Any, cast

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.calls import explained
from pysymude.model.language import check_called_name

__all__ = ["KINDS", "Signal", "SignalValue"]

KINDS = {"linear": 1, "previous": 0, "cubic": 3}
"""The kinds of signals, and the degree of their pieces."""


class Signal(sp.Atom):
    """A measured input, such as a temperature outside: ``T(psu.t)`` is its value at a time.

    It may stand in right-hand sides, observables, starts, noise models and inputs of networks. Its argument
    is an expression of time and parameters, so that ``T(psu.t - tau)`` with a learned lag `tau` is
    differentiable. The numbers come with the data (``Trajectory.from_arrays(..., signals={T: (times,
    values)})``), with a solve, or with the system, where they may contain what is learned.

    Parameters
    ----------
    name : str
        A plain identifier, unique in the system.
    kind : str
        ``"linear"`` between points; ``"previous"``: each value holds until the next point, and the last one
        for ever; ``"cubic"``: once continuously differentiable, and nowhere beyond its points (monotone
        pieces, as SciPy's ``PchipInterpolator``).
    extrapolate : bool
        Hold the first value before the first point and the last one behind the last point. Otherwise a solve
        that needs the signal there is refused.

    Notes
    -----
    A solver that steps over a kink loses its order, and one that steps over a pulse never sees it. So steps
    end at every jump, that is at each point of ``"previous"`` and where the slope of ``"linear"`` stands in a
    right-hand side. Where a signal has up to 256 points within a solve they end at its kinks, too. Beyond that,
    steps run through kinks, and one is accepted only where the solver's own quadrature of the signal, and
    that of its square, agrees with the exact integral as far as the tolerances ask: the difference is
    multiplied by how much the right-hand side depends on the signal. So 10^5 points cost what the tolerance
    asks for, and a pulse of a few points is not missed.

    References
    ----------
    .. [1] Fritsch and Butland, A method for constructing local monotone piecewise cubic interpolants,
       SIAM J. Sci. Stat. Comput. 5 (1984), 300-304.

    Examples
    --------
    >>> import numpy as np, pysymude as psu
    >>> x, k, T = psu.states("x"), psu.parameters("k"), psu.Signal("T")
    >>> room = psu.ODESystem({x: -k*(x - T(psu.t))}, parameters={k: 1.0})
    >>> sol = psu.solve(room, u0={x: 0.0}, t=[0.0, 1.0], signals={T: ([0.0, 1.0], [0.0, 1.0])})
    >>> bool(abs(sol["x"][-1] - np.exp(-1.0)) < 1e-5)
    True
    """

    is_commutative = True
    _iterable = False

    name: str
    kind: str  # pyright: ignore[reportIncompatibleVariableOverride, reportAssignmentType]
    extrapolate: bool

    @explained
    def __new__(cls, name: str, kind: str = "linear", extrapolate: bool = False) -> Signal:
        self = cast("Signal", super().__new__(cls))
        self.name = check_called_name(name, what="Signal(name)")
        if kind not in KINDS:
            raise InvalidInputError(
                f"Signal {name!r}: kind must be one of {', '.join(map(repr, KINDS))}; found {kind!r}"
            )
        if not isinstance(extrapolate, bool):
            raise InvalidInputError(
                f"Signal {name!r}: extrapolate must be True or False; found {extrapolate!r}"
            )
        self.kind, self.extrapolate = kind, extrapolate
        return self

    @property
    def degree(self) -> int:
        """The degree of its pieces."""
        return KINDS[self.kind]

    def _hashable_content(self) -> tuple[Any, ...]:
        return self.name, self.kind, self.extrapolate

    def __call__(self, argument: Any) -> SignalValue:
        """The value of the signal at an expression of time and parameters."""
        if isinstance(argument, bool) or not isinstance(argument, (sp.Expr, int, float)):
            raise InvalidInputError(
                f"{self.name}(...) takes an expression of psu.t and parameters; found {argument!r} of "
                f"type {type(argument).__name__}"
            )
        return SignalValue(self, sp.S.Zero, sp.sympify(argument, strict=True))

    def _needs_argument(self, *_: Any) -> Any:
        raise InvalidInputError(
            f"{self.name} is a signal, a function of time: write {self.name}(psu.t) for its value"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _needs_argument
    __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = _needs_argument

    def __reduce__(self) -> Any:
        return _signal, (self.name, self.kind, self.extrapolate)

    def _sympystr(self, printer: Any) -> str:
        return self.name

    def __repr__(self) -> str:
        more = ", extrapolate=True" if self.extrapolate else ""
        return f"Signal({self.name!r}, {self.kind!r}{more})"


def _signal(name: str, kind: str, extrapolate: bool) -> Signal:
    return Signal(name, kind, extrapolate)


class SignalValue(sp.Expr):
    """A signal, or a derivative of one by its argument, at an argument; made by ``T(psu.t)``."""

    is_commutative = True
    is_real = True

    def __new__(cls, signal: Signal, order: sp.Basic, argument: sp.Expr) -> SignalValue:
        return cast("SignalValue", sp.Expr.__new__(cls, signal, order, argument))

    @property
    def signal(self) -> Signal:
        """Which signal."""
        return cast("Signal", self.args[0])

    @property
    def order(self) -> int:
        """How often it is differentiated."""
        return int(cast("sp.Integer", self.args[1]))

    @property
    def argument(self) -> sp.Expr:
        """Where it is read."""
        return cast("sp.Expr", self.args[2])

    def _eval_derivative(self, s: sp.Symbol) -> sp.Expr:
        if self.order + 1 > self.signal.degree:
            return sp.S.Zero
        slope = SignalValue(self.signal, sp.Integer(self.order + 1), self.argument)
        return cast("sp.Expr", slope * self.argument.diff(s))

    def _sympystr(self, printer: Any) -> str:
        return f"{self.signal.name}{self.order * chr(39)}({printer.doprint(self.argument)})"

    def _latex(self, printer: Any) -> str:
        primes = self.order * "'"
        return (
            rf"\mathrm{{{self.signal.name}}}{primes}\left({printer.doprint(self.argument)}\right)"
        )

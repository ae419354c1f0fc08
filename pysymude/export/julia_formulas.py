"""SymPy expressions as readable Julia formulas with the user's names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

from pysymude.engines.julia.literals import identifier, number
from pysymude.engines.julia.names import INFIX, NAMED
from pysymude.errors import EmissionError
from pysymude.model.network import MLP, NetworkDerivative, NetworkOutput
from pysymude.plan.tape import FUNCTIONS

__all__ = ["BRANCHING", "RESERVED", "Formulas", "Names", "helpers", "imports"]

_WORDS = """
    baremodule begin break catch const continue do else elseif end export false finally for function
    global if import in isa let local macro module mutable new outer primitive public quote return
    struct true try type using where while abstract pi im Inf NaN missing nothing Base Core Main
    Float64 Int abs abstol acos acosh all any asin asinh atan atanh convert cos cosh du eltype erf exp
    experiments fixed gelu gradient heaviside identity ifelse inputs jacobian layer log log1p loss max
    internalnorm min misfit norm observe oftype pow predict println rbf relu reltol reshape isinteger
    rhs sensealg sigmoid sign sin sinh size softplus solve sqrt sum swish t tan tanh theta
    trainable_parameters u vcat zero zeros
    hcat reduce enumerate fill isnan abs2 abspath only successful_retcode AutoFiniteDiff GaussAdjoint
    ReverseDiffVJP ForwardDiff LinearAlgebra ODEProblem SciMLBase SciMLSensitivity
    SpecialFunctions Array Zygote
"""
RESERVED = frozenset(_WORDS.split())
"""Words of Julia and of the scripts, which no name of the user may hide."""

_GUARDED = {
    "log": "log(x) = x >= 0 ? Base.log(x) : NaN * x",
    "sqrt": "sqrt(x) = x >= 0 ? Base.sqrt(x) : NaN * x",
    "pow": "pow(x, y) = x >= 0 || isinteger(y) ? x^y : NaN * x",
    "asin": "asin(x) = abs(x) <= 1 ? Base.asin(x) : NaN * x",
    "acos": "acos(x) = abs(x) <= 1 ? Base.acos(x) : NaN * x",
    "acosh": "acosh(x) = x >= 1 ? Base.acosh(x) : NaN * x",
    "atanh": "atanh(x) = abs(x) <= 1 ? Base.atanh(x) : NaN * x",
}
_STEP = {"heaviside": "heaviside(x) = x > 0 ? 1.0 : x < 0 ? 0.0 : 0.5"}

BRANCHING = frozenset({*_GUARDED, *_STEP, "abs", "sign", "min", "max", "ifelse"})
"""Functions that do different things for different numbers: a recorded tape must not hold them."""

_EXACT = 2**53  # larger integers are no float64


@dataclass
class Names:
    """One word of the script for each name of the user, and further words that clash with none."""

    taken: dict[str, str] = field(default_factory=dict[str, str])

    def __getitem__(self, name: str) -> str:
        """The word for `name`: itself, with underscores behind it where it is reserved."""
        if name not in self.taken:
            self.taken[name] = self.fresh(name)
        return self.taken[name]

    def own(self, name: str) -> str:
        """The word for something of the script's own that is best called `name`."""
        # no identifier of the user's starts like this
        key = f" {name}"
        if key not in self.taken:
            self.taken[key] = self.fresh(name)
        return self.taken[key]

    def fresh(self, name: str) -> str:
        """`name`, with underscores behind it until it is neither reserved nor used."""
        name = identifier(name)
        while name in RESERVED or name in self.taken.values():
            name += "_"
        return name


class Formulas(StrPrinter):
    """Formulas of one function, and the lines before them that call networks.

    Parameters
    ----------
    names : Names
        The words for states, parameters and networks.

    Attributes
    ----------
    calls : list of str
        Lines that name the outputs and the Jacobians of networks, in the order they are needed.
    used : set of str
        Names of the user's that occurred, and the names of functions.
    """

    # SymPy asks a node for this method first, and networks have one for Python's form
    printmethod = "_pysymude_julia"

    def __init__(self, names: Names) -> None:
        super().__init__()
        self.names = names
        self.calls: list[str] = []
        self.used: set[str] = set()
        self._known: dict[tuple[Any, ...], str] = {}

    def __call__(self, expr: sp.Expr) -> str:
        """The formula of `expr`."""
        return self.doprint(expr)

    def _print(self, expr: Any, **kwargs: Any) -> str:
        printers = (f"_print_{kind.__name__}" for kind in type(expr).__mro__)
        printer = next((p for p in printers if hasattr(self, p)), "")
        own = hasattr(expr, self.printmethod) or printer in vars(Formulas)
        # those of SymPy's own write Python, and some of them names as they are
        if own or printer in ("_print_Add", "_print_Mul", "_print_Zero"):
            return super()._print(expr, **kwargs)
        return self.emptyPrinter(expr)

    # -- leaves -------------------------------------------------------------------------------

    def _print_Symbol(self, expr: Any) -> str:
        self.used.add(expr.name)
        return "t" if expr.name == "t" else self.names[expr.name]

    _print_Dummy = _print_Symbol

    def _print_Float(self, expr: Any) -> str:
        return number(float(expr))

    def _print_Integer(self, expr: Any) -> str:
        return str(int(expr)) if abs(int(expr)) <= _EXACT else number(float(expr))

    def _print_Rational(self, expr: Any) -> str:
        if max(abs(expr.p), expr.q) > _EXACT:
            return number(float(expr))
        return f"{expr.p}/{expr.q}"

    def _print_Exp1(self, expr: Any) -> Any:
        return "exp(1)"

    def _print_Pi(self, expr: Any) -> Any:
        return "pi"

    def _print_BooleanTrue(self, expr: Any) -> Any:
        return "true"

    def _print_BooleanFalse(self, expr: Any) -> Any:
        return "false"

    # -- powers and functions -----------------------------------------------------------------

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        base, exponent = expr.args
        if base == sp.E:
            return self._call("exp", [exponent])
        if isinstance(exponent, sp.Rational) and exponent.q == 2 and abs(exponent.p) <= 63:
            root = self._call("sqrt", [base])
            return root if exponent.p == 1 else f"{root}^{self._exponent(exponent.p)}"
        if isinstance(exponent, sp.Integer):
            return f"{self.parenthesize(base, PRECEDENCE['Pow'])}^{self._exponent(int(exponent))}"
        return self._call("pow", [base, exponent])

    def _exponent(self, n: int) -> str:
        return str(n) if n >= 0 else f"({n})"

    def _print_Heaviside(self, expr: Any) -> str:
        step = self._call("heaviside", expr.args[:1])
        if expr.args[1] == sp.S.Half:
            return step
        self.used.add("ifelse")
        x, at_zero = map(self._print, expr.args)
        return f"({x} == 0 ? {at_zero} : {step})"

    def _print_Piecewise(self, expr: Any) -> str:
        self.used.add("ifelse")
        text = self._print(expr.args[-1].expr)
        for piece in reversed(expr.args[:-1]):
            text = f"({self._print(piece.cond)} ? {self._print(piece.expr)} : {text})"
        return text

    def _print_Relational(self, expr: Any) -> str:
        sign = INFIX[FUNCTIONS[expr.func]]
        return f"({self._print(expr.lhs)} {sign} {self._print(expr.rhs)})"

    def _print_And(self, expr: Any, order: Any = None) -> str:
        sign = INFIX[FUNCTIONS[expr.func]]
        return f"({f' {sign} '.join(self._print(a) for a in sorted(expr.args, key=str))})"

    _print_Or = _print_And

    def _print_Not(self, expr: Any) -> str:
        return f"!{self._print(expr.args[0])}"

    def _print_Function(self, expr: Any) -> str:
        if expr.func not in FUNCTIONS:
            raise EmissionError(f"{expr} cannot be written in Julia", node=expr, target="Julia")
        return self._call(FUNCTIONS[expr.func], expr.args)

    # SymPy has printers of its own for these
    _print_Min = _print_Max = _print_Abs = _print_log = _print_sign = _print_Function  # pyright: ignore[reportAssignmentType]

    def _call(self, name: str, args: Iterable[Any]) -> str:
        # without the mark of PySymUDE's own: a script defines what it guards under Base's name
        name = NAMED[name].rstrip("_") if name != "pow" else name
        self.used.add(name)
        return f"{name}({', '.join(self._print(a) for a in args)})"

    # -- networks -----------------------------------------------------------------------------

    def _print_NetworkOutput(self, expr: NetworkOutput) -> str:
        return f"{self._network(expr.network, expr.inputs, '_out', '')}[{expr.index + 1}]"

    def _print_NetworkDerivative(self, expr: NetworkDerivative) -> str:
        by, *further = expr.by
        if further:
            raise EmissionError(
                f"the second derivative {expr} cannot be written in Julia",
                node=expr,
                target="Julia",
            )
        word = self._network(expr.network, expr.inputs, "_jac", "_jacobian")
        return f"{word}[{expr.output.index + 1}, {by + 1}]"

    def _network(self, network: MLP, inputs: tuple[sp.Expr, ...], ending: str, what: str) -> str:
        key = (network.name, inputs, ending)
        if key not in self._known:
            arguments = ", ".join(["theta", *map(self._print, inputs)])
            count = sum(k[0] == network.name and k[2] == ending for k in self._known)
            suffix = f"{ending}{count + 1 if count else ''}"
            word = self._known[key] = self.names.own(f"{network.name}{suffix}")
            called = self.names.own(network.name + what) if what else self.names[network.name]
            self.calls.append(f"{word} = {called}({arguments})")
            self.used.add(network.name + what)
        return self._known[key]

    def emptyPrinter(self, expr: Any) -> str:
        """Refuses what has no printer here, by name."""
        raise EmissionError(
            f"{type(expr).__name__} in {expr} cannot be written in Julia", node=expr, target="Julia"
        )


def imports(used: Iterable[str]) -> list[str]:
    """Lines that bring the functions in `used` that Base does not have."""
    return ["using SpecialFunctions: erf"] if "erf" in used else []


def helpers(used: Iterable[str], activations: Mapping[str, str]) -> list[str]:
    """Definitions of small functions in `used` that no package brings."""
    wanted = set(used)
    lines = [text for name, text in _GUARDED.items() if name in wanted]
    if lines:
        lines.insert(
            0, "# NaN outside the domain, where Base throws: a solver then takes a smaller step"
        )
    rest = _STEP | dict(activations)
    return [*lines, *(text for name, text in rest.items() if name in wanted)]

# SymPy annotates its classes in parts only
# pyright: reportArgumentType=false, reportReturnType=false, reportAttributeAccessIssue=false
"""`Recovered`: the sparse form of a trained network, how sure it is, and its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from os import PathLike
from typing import Any, cast

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pysymude.fit.files.save_file import read, understood, write
from pysymude.fit.result.fit_result import FitResult
from pysymude.fit.result.saved import SavedFit
from pysymude.model.calls import explained
from pysymude.model.expression_text import expression_to_text
from pysymude.model.expressions import parse_expression
from pysymude.model.formulas_shown import as_mathml, equation
from pysymude.model.html_table import html_table, sentence
from pysymude.model.signals_within import values_within
from pysymude.model.system import ODESystem
from pysymude.recover.front import FrontRow
from pysymude.recover.rounding import simple_rationals
from pysymude.symbolic.laws.derivation import first_integrals
from pysymude.symbolic.laws.law_set import LawSet

__all__ = ["Coefficient", "Curve", "Recovered"]

Float = NDArray[np.float64]
_KIND = "recovered"


@dataclass(frozen=True)
class Coefficient:
    """One term of a recovered form.

    Attributes
    ----------
    name : str
        The parameter of `Recovered.system` that it became.
    output : str
        The network output in which it stands, such as ``nn[0]``.
    term : SymPy expression
        The candidate that it multiplies.
    value, error : float
        Fitted through the ODE, and its standard error.
    inclusion : float
        How often the term is chosen when the measurements are resampled.
    exact : SymPy rational or None
        What it was rounded to, on request.
    """

    name: str
    output: str
    term: sp.Expr
    value: float
    error: float
    inclusion: float
    exact: sp.Rational | None = None


@dataclass(frozen=True, eq=False)
class Curve:
    """One output along one fitted trajectory: the network's value and the recovered one, shape (times,)."""

    output: str
    experiment: int
    t: Float
    network: Float
    form: Float


@dataclass(frozen=True, eq=False)
class Recovered:
    """Sparse symbolic forms of trained networks; made by `recover`.

    Attributes
    ----------
    refit : FitResult
        The network-free system fitted on the same data; its trainable parameters are the coefficients.
    coefficients : tuple of Coefficient
    outputs : tuple of str
        The network outputs that were replaced.
    front : tuple of FrontRow
        The best model for each number of terms, each refitted through the ODE.
    alternatives : tuple of FrontRow
        Other forms that the data hardly tell from this one: their criterion is within 6 of its own, or
        lower where they are this form with further terms.
    criterion : str
        Which information criterion chose from the front.
    candidates : int
        How many candidates there were, over all outputs.
    network_loss : float
        What the system with its networks leaves of the same data.
    variance : float
        Squared size of a residual: loss over degrees of freedom, not below the solver's tolerance.
    distance : mapping from output to float
        Of the form from the network along the trajectories, over the size of the network's output.
    warnings : tuple of str
        Why this form should not be trusted; empty when nothing speaks against it.
    imposed : tuple of laws
        What training imposed on the networks.
    """

    refit: FitResult
    coefficients: tuple[Coefficient, ...]
    outputs: tuple[str, ...]
    front: tuple[FrontRow, ...]
    alternatives: tuple[FrontRow, ...]
    criterion: str
    candidates: int
    network_loss: float
    variance: float
    distance: Mapping[str, float]
    warnings: tuple[str, ...]
    curves: tuple[Curve, ...] = field(repr=False)
    imposed: tuple[Any, ...] = ()

    @property
    def loss(self) -> float:
        """Weighted sum of squared residuals of the network-free system."""
        return self.refit.loss

    @property
    def error(self) -> float:
        """Square root of the loss per measurement."""
        return float(np.sqrt(self.loss / self.refit.objective.loss.n_measured))

    @property
    def network_error(self) -> float:
        """The same of the system with its networks."""
        return float(np.sqrt(self.network_loss / self.refit.objective.loss.n_measured))

    @cached_property
    def system(self) -> ODESystem:
        """The network-free system: coefficients are fixed parameters, or numbers where rounded."""
        fitted = self.refit.system
        exact = {fitted.symbol(c.name): c.exact for c in self.coefficients if c.exact is not None}
        values = {fitted.symbol(name): v for name, v in self.refit.parameters.items()}
        rhs = {x: f.xreplace(exact) for x, f in fitted.rhs.items()}
        observables = {name: g.xreplace(exact) for name, g in fitted.observables.items()}
        events = [event.mapped(lambda expr: expr.xreplace(exact)) for event in fitted.events]
        initial = {x: f.xreplace(exact) for x, f in fitted.initial.items()}
        kept = [*rhs.values(), *observables.values(), *initial.values()]
        kept += [f for event in events for f in event.expressions]
        signals = values_within(fitted, kept)
        # scales of noise are no part of it
        read = {s for f in kept for s in f.free_symbols}
        read |= {s for points in signals.values() for f in points.knots for s in f.free_symbols}
        return ODESystem(
            rhs,
            parameters={s: v for s, v in values.items() if s in read and s not in exact},
            observables=observables,
            initial=initial,
            events=events,
            signals=signals,
        )

    @property
    def expressions(self) -> dict[str, sp.Expr]:
        """What was found for each network output, with numbers as coefficients."""
        forms: dict[str, sp.Expr] = dict.fromkeys(self.outputs, sp.S.Zero)
        for c in self.coefficients:
            factor = sp.Float(c.value) if c.exact is None else c.exact
            forms[c.output] += factor * c.term
        return forms

    @property
    def expr(self) -> Any:
        """The form of the one network output; of several outputs a SymPy tuple in their order."""
        forms = list(self.expressions.values())
        return forms[0] if len(forms) == 1 else sp.Tuple(*forms)

    @property
    def trusted(self) -> bool:
        """Whether no warning speaks against the form."""
        return not self.warnings

    @explained
    def laws(self, **keywords: Any) -> LawSet:
        """The first integrals of `system`, derived exactly; keywords go to `first_integrals`."""
        return first_integrals(self.system, **keywords)

    @explained
    def rounded(self, max_denominator: int = 20) -> Recovered:
        """A copy with coefficients as simple rationals, where the data cannot tell the difference.

        A coefficient becomes the rational of the smallest denominator within two standard errors, if
        there is one; then the roundings together must not raise the loss by more than chance would
        (the 95 % point of chi squared), else the one that moves furthest is taken back, and so on.
        """
        exact = simple_rationals(
            self.refit, [(c.name, c.value, c.error) for c in self.coefficients], self.variance,
            max_denominator,
        )  # fmt: skip
        return replace(
            self, coefficients=tuple(replace(c, exact=exact[c.name]) for c in self.coefficients)
        )

    def plot(self) -> Any:
        """A matplotlib figure: the network and its form along the trajectories, and the front."""
        from pysymude.plot import plot_recovered

        return plot_recovered(self)

    @explained
    def save(self, path: str | PathLike[str]) -> None:
        """Writes everything to one file (arrays and JSON), atomically."""
        fit, arrays = self.refit.content()
        for k, curve in enumerate(self.curves):
            arrays |= {f"curve.{k}.{n}": getattr(curve, n) for n in ("t", "network", "form")}
        meta = {name: getattr(self, name) for name in _PLAIN}
        meta |= {
            "fit": fit,
            "distance": dict(self.distance),
            "coefficients": [_written(c) for c in self.coefficients],
            "curves": [{"output": c.output, "experiment": c.experiment} for c in self.curves],
            "front": [_row(r) for r in self.front],
            "alternatives": [_row(r) for r in self.alternatives],
        }
        write(path, _KIND, meta, arrays)

    @classmethod
    @explained
    def load(cls, path: str | PathLike[str], *, engine: str | None = None) -> Recovered:
        """A result from its file, on the engine that made it or on another one.

        Raises
        ------
        SaveFileError
            The file is missing, damaged, or holds something else.
        """
        meta, arrays = read(path, _KIND)
        with understood(path, _KIND, by_user=engine is not None):
            return cls._from_parts(meta, arrays, engine)

    @classmethod
    def _from_parts(
        cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]], engine: str | None
    ) -> Recovered:
        refit = FitResult.from_saved(SavedFit.from_content(meta["fit"], arrays), engine=engine)
        system = refit.system
        names: dict[str, Any] = {"t": sp.Symbol("t", real=True)}
        names |= {s.name: s for f in system.rhs.values() for s in f.free_symbols}
        names |= {s.name: s for s in system.states}
        curves = [
            Curve(
                c["output"],
                c["experiment"],
                *(arrays[f"curve.{k}.{n}"] for n in ("t", "network", "form")),
            )
            for k, c in enumerate(meta["curves"])
        ]
        plain: dict[str, Any] = {name: meta[name] for name in _PLAIN}
        for name in ("outputs", "warnings"):
            plain[name] = tuple(plain[name])
        return cls(
            refit=refit,
            coefficients=tuple(_read(c, names) for c in meta["coefficients"]),
            front=tuple(FrontRow(**r) for r in meta["front"]),
            alternatives=tuple(FrontRow(**r) for r in meta["alternatives"]),
            distance=meta["distance"],
            curves=tuple(curves),
            **plain,
        )

    def summary(self) -> str:
        """A few lines of text: the equations, the coefficients, the errors, and what to distrust."""
        lines = [f"d{x}/dt = {f}" for x, f in self.system.rhs.items()]
        for c in self.coefficients:
            exact = "" if c.exact is None else f" -> {c.exact}"
            lines.append(
                f"{c.name} = {number(c.value, c.error)}{exact}   {c.output}: {c.term}, chosen in "
                f"{c.inclusion:.0%} of resamples"
            )
        empty = [name for name, form in self.expressions.items() if form == 0]
        lines += [f"{name} = 0" for name in empty]
        lines += self._told
        lines += [f"warning: {text}" for text in self.warnings]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        found = [equation(x.name, f, rate=True) for x, f in self.system.rhs.items()]
        rows = [
            [
                c.name, number(c.value, c.error), "" if c.exact is None else str(c.exact), c.output,
                as_mathml(c.term), f"{c.inclusion:.0%}",
            ]
            for c in self.coefficients
        ]  # fmt: skip
        head = ("coefficient", "value", "rounded", "in", "term", "chosen in resamples")
        found += [html_table(head, rows)]
        found += [sentence(text, "warning") for text in self.warnings]
        return "".join([*found, *map(sentence, self._told)])

    @property
    def _told(self) -> list[str]:
        """How it was chosen, and how well it does."""
        return [
            f"{len(self.coefficients)} of {self.candidates} candidates, chosen by {self.criterion.upper()}",
            f"error per measurement {self.error:.3g}; with the network {self.network_error:.3g}",
        ]

    def __str__(self) -> str:
        return "Recovered\n  " + self.summary().replace("\n", "\n  ")

    __repr__ = __str__


_PLAIN = ("outputs", "criterion", "candidates", "network_loss", "variance", "warnings")


def number(value: float, error: float) -> str:
    """A number with its standard error, both to the digits that mean something."""
    if not np.isfinite(error) or error <= 0:
        return f"{value:.6g}"
    digits = max(1, int(np.floor(np.log10(max(abs(value), error)) - np.log10(error))) + 2)
    return f"{value:.{min(digits, 12)}g} ± {error:.1g}"


def _row(row: FrontRow) -> dict[str, Any]:
    return asdict(row) | {"forms": dict(row.forms)}


def _written(c: Coefficient) -> dict[str, Any]:
    content = {f.name: getattr(c, f.name) for f in fields(c)}
    exact = None if c.exact is None else [int(c.exact.p), int(c.exact.q)]
    return content | {"term": expression_to_text(c.term), "exact": exact}


def _read(content: dict[str, Any], names: Mapping[str, Any]) -> Coefficient:
    exact = content["exact"]
    return Coefficient(
        **content
        | {
            "term": parse_expression(content["term"], names, where="a recovered term"),
            "exact": None if exact is None else cast("sp.Rational", sp.Rational(*exact)),
        }
    )

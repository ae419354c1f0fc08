# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false
"""Candidate functions: what the unknown term may be made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, cast

import sympy as sp

from pysymude.errors import InvalidInputError
from pysymude.model.coerce import real_expression
from pysymude.model.network import MLP
from pysymude.model.symbols import t
from pysymude.model.system import ODESystem

__all__ = ["Candidates", "candidates"]

_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "sin": (sp.sin,), "cos": (sp.cos,), "exp": (sp.exp,), "log": (sp.log,), "tanh": (sp.tanh,),
    "trig": (sp.sin, sp.cos),
}  # fmt: skip
_POLY = re.compile(r"poly([0-9])")
_MOST = 500  # candidates for one output
_WORDS = f"'poly1' to 'poly9', {', '.join(map(repr, _FUNCTIONS))}, or SymPy expressions"


@dataclass(frozen=True)
class Candidates:
    """One output of one network, and the functions that a combination for it is made of.

    Attributes
    ----------
    network : MLP
    index : int
        Which output.
    terms : tuple of SymPy expressions
        Functions of what the network reads.
    """

    network: MLP
    index: int
    terms: tuple[sp.Expr, ...]

    @property
    def name(self) -> str:
        """As users write the output, such as ``nn[0]``."""
        return f"{self.network.name}[{self.index}]"

    def at(self, inputs: Sequence[sp.Expr]) -> tuple[sp.Expr, ...]:
        """The terms where the same network reads other inputs."""
        if tuple(inputs) == self.network.inputs:
            return self.terms
        held: dict[Any, Any] = {
            z: sp.Dummy(positive=True) if z.is_nonnegative else sp.Dummy(real=True)
            for z in self.network.inputs
        }
        moved = {held[z]: to for z, to in zip(self.network.inputs, inputs, strict=True)}
        return tuple(
            cast("sp.Expr", self._of_inputs(term, held).xreplace(moved)) for term in self.terms
        )

    def _of_inputs(self, term: sp.Expr, held: dict[Any, Any]) -> sp.Expr:
        """A term with symbols in place of the inputs, which may be expressions such as a distance."""
        # the square of a root has lost the root
        powers: Any = {z.base: h ** (1 / z.exp) for z, h in held.items() if z.is_Pow}
        found = cast("sp.Expr", term.subs(cast("Any", held)).subs(powers))
        left = found.free_symbols & {s for z in held for s in z.free_symbols}
        if left:
            raise InvalidInputError(
                f"library=: {term} is no function of what {self.name} reads, "
                f"{', '.join(map(str, held))}, whose slopes or values elsewhere the model needs; write "
                "candidates as expressions of these"
            )
        return found


def candidates(system: ODESystem, library: Any) -> tuple[Candidates, ...]:
    """The candidates of every output of every network.

    Parameters
    ----------
    system : ODESystem
    library : str, SymPy expression, sequence of them, or mapping from network or its name to such
        ``"poly3"``: all monomials of the network's inputs up to degree 3, the constant among them;
        ``"sin"``, ``"cos"``, ``"exp"``, ``"log"``, ``"tanh"``: of each input; ``"trig"``: sine and
        cosine; an expression stands for itself.

    Raises
    ------
    InvalidInputError
        A word that is none of these, or an expression of something that the network does not read.
    """
    networks = {nn.name: nn for nn in system.networks}
    if not networks:
        raise InvalidInputError(
            "recover: no network stands in the fitted system, so there is no unknown term to recover"
        )
    given = _by_network(networks, library)
    return tuple(
        Candidates(nn, k, terms)
        for name, nn in networks.items()
        for terms in [_terms(system, nn, given[name])]
        for k in range(nn.outputs)
    )


def _by_network(networks: Mapping[str, MLP], library: Any) -> dict[str, Any]:
    if not isinstance(library, Mapping):
        return dict.fromkeys(networks, library)
    given = {key.name if isinstance(key, MLP) else str(key): v for key, v in library.items()}
    if set(given) != set(networks):
        raise InvalidInputError(
            f"library= as a mapping names every network once, {', '.join(networks)}; found "
            f"{', '.join(given) or 'nothing'}"
        )
    return given


def _terms(system: ODESystem, nn: MLP, library: Any) -> tuple[sp.Expr, ...]:
    parts = [library] if isinstance(library, str | sp.Expr) else library
    if not isinstance(parts, Iterable):
        raise InvalidInputError(f"library= takes {_WORDS}; found {library!r}")
    found: dict[sp.Expr, None] = {}
    for part in cast("Iterable[Any]", parts):
        new = _word(nn, part) if isinstance(part, str) else [_own(system, nn, part)]
        found |= dict.fromkeys(new)
        if len(found) > _MOST:
            raise InvalidInputError(
                f"library= holds more than {_MOST} candidates for network {nn.name!r}; take a lower "
                "degree, or name the terms that may occur"
            )
    if not found:
        raise InvalidInputError(f"library= is empty; give {_WORDS}")
    return tuple(found)


def _word(nn: MLP, word: str) -> list[sp.Expr]:
    if match := _POLY.fullmatch(word):
        products = (
            sp.Mul(*chosen)
            for degree in range(int(match[1]) + 1)
            for chosen in combinations_with_replacement(nn.inputs, degree)
        )
        return list(products)
    if word in _FUNCTIONS:
        return [f(z) for z in nn.inputs for f in _FUNCTIONS[word]]
    raise InvalidInputError(
        f"library= does not know the word {word!r}; it takes {_WORDS}. A text is not read as a "
        "formula: write it with SymPy symbols"
    )


def _own(system: ODESystem, nn: MLP, part: Any) -> sp.Expr:
    """An expression of the user's, checked to be a function of what the network reads."""
    term = real_expression(part, "a candidate in library=")
    read = {s for z in nn.inputs for s in z.free_symbols}
    constant = {*system.parameters, *system.symbolic_parameters}
    for symbol in sorted(term.free_symbols - read - constant, key=str):
        reason = (
            "which the network does not read; add it to the network's inputs"
            if symbol in system.rhs or symbol == t
            else "which is no fixed parameter of the system; its factor is found in any case"
        )
        raise InvalidInputError(
            f"library= contains {term}, a function of {symbol}, {reason}. Network {nn.name!r} reads "
            f"{', '.join(map(str, nn.inputs))}"
        )
    return term

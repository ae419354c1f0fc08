"""What data determine of parameters that they leave open one by one: products, sums, other invariants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from pysymude.model.network import NetworkOutput

__all__ = ["Block", "combinations"]

Rates = Mapping[str, sp.Expr]


@dataclass(frozen=True)
class Block:
    """Names that move together, and functions of them that do not change, as symident writes them."""

    names: frozenset[str]
    invariants: tuple[str, ...]


def combinations(
    moves: Sequence[Rates],
    supports: Sequence[frozenset[str]],
    blocks: Sequence[Block],
    symbols: Mapping[str, Any],
    starts: Set[str],
    read: Callable[[str], sp.Expr],
) -> tuple[sp.Expr, ...]:
    """Functionally independent functions of `symbols` that no move changes, each of several.

    Parameters
    ----------
    moves : sequence of mappings from name to rate
        Empty where a move has no closed form.
    supports : sequence of sets of names
        What each moves.
    blocks : sequence of Block
        What is known where the moves are neither scalings nor translations.
    symbols : mapping from name to symbol
        Of all that may move: parameters, then starts.
    starts : set of str
        Which of them are starts: what does without them comes first.
    read : callable
        From texts in `blocks` to expressions.
    """
    found: list[sp.Expr] = []
    for names in _together(supports):
        own = [m for m, s in zip(moves, supports, strict=True) if s <= names]
        order = [name for name in symbols if name in names]
        if all(own) and len(order) == len(names):
            here = {n: symbols[n] for n in order}
            several = _straight(own, here, starts)
            if several is None:
                several = _listed(own, here, starts, blocks, read)
            found += _independent([e for e in several if _stays(e, own, here)], here)
    return tuple(found)


def _together(supports: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    """Sets of names, none of which shares a move with another."""
    found: list[frozenset[str]] = []
    for support in supports:
        touched = [names for names in found if names & support]
        found = [names for names in found if not names & support]
        found.append(support.union(*touched))
    return found


def _straight(
    moves: Sequence[Rates], symbols: Mapping[str, Any], starts: Set[str]
) -> list[sp.Expr] | None:
    """Of scalings and translations: products of powers, sums; None where some move is neither.

    In the logarithm of what is scaled every move is a translation, so that invariants are the null space of a
    matrix of numbers.
    """
    columns: list[list[sp.Expr]] = []
    scaled: list[bool] = []
    for name, symbol in symbols.items():
        rates = [move.get(name, sp.S.Zero) for move in moves]
        factors = [sp.cancel(rate / symbol) for rate in rates]
        scaled.append(all(f.is_number for f in factors))
        column = factors if scaled[-1] else rates
        if not all(c.is_number for c in column):
            return None
        columns.append(column)
    matrix = sp.Matrix(columns).T
    found: list[sp.Expr] = []
    for vector in _kernel(matrix, [name not in starts for name in symbols]):
        powers = list(zip(symbols.values(), vector, scaled, strict=True))
        product = sp.Mul(*(s**c for s, c, log in powers if log))
        added = sp.Add(*(c * s for s, c, log in powers if not log))
        found.append(added if product == 1 else product * sp.exp(added))
    return found


def _listed(
    moves: Sequence[Rates],
    symbols: Mapping[str, Any],
    starts: Set[str],
    blocks: Sequence[Block],
    read: Callable[[str], sp.Expr],
) -> list[sp.Expr]:
    """By what is known of the moves that are no scalings; the scalings make products of powers of that."""
    plain = [m for m in moves if not all(sp.cancel(r / symbols[n]).is_number for n, r in m.items())]
    touched = frozenset[str]().union(*plain)
    named = [block for block in blocks if any(block.names >= m.keys() for m in plain)]
    known = [read(text) for block in named for text in block.invariants]
    known += [symbol for name, symbol in symbols.items() if name not in touched]
    order = list(symbols.values())
    known.sort(
        key=lambda e: (max(map(order.index, e.free_symbols & set(order)), default=0), str(e))
    )
    weights = [[sp.simplify(_rate(e, move, symbols) / e) for move in moves] for e in known]
    kept = [(e, w) for e, w in zip(known, weights, strict=True) if all(c.is_number for c in w)]
    if not kept:
        return []
    matrix = sp.Matrix([w for _, w in kept]).T
    return [
        sp.Mul(*(e**c for (e, _), c in zip(kept, vector, strict=True)))
        for vector in _kernel(
            matrix, [not {str(s) for s in e.free_symbols} & starts for e, _ in kept]
        )
    ]


def _kernel(matrix: Any, alone: Sequence[bool]) -> list[list[sp.Expr]]:
    """Independent vectors that a matrix takes to 0, short ones in whole numbers where it is rational.

    First those of the columns that can stand `alone`, then those with others.
    """
    if not all(c.is_Rational for c in matrix):
        return [list(vector) for vector in matrix.nullspace()]
    whole = matrix * sp.ilcm(1, *(c.q for c in matrix))
    own = [k for k, here in enumerate(alone) if here]
    found: list[list[sp.Expr]] = []
    for columns in (own, list(range(len(alone)))):
        for short in _short(whole[:, columns]):
            vector: list[sp.Expr] = [sp.S.Zero] * len(alone)
            for k, c in zip(columns, short, strict=True):
                vector[k] = c
            if sp.Matrix([*found, vector]).rank() > len(found):
                found.append(vector)
    return found


def _short(matrix: Any) -> list[list[sp.Expr]]:
    """A reduced basis of the whole vectors that a matrix of whole numbers takes to 0.

    By lattice reduction of the unit vectors, each beside a large multiple of its image: those come first that have
    none.
    """
    columns = matrix.cols
    if not columns:
        return []
    large = 2**columns * (1 + sum(c**2 for c in matrix))
    lattice = sp.Matrix.hstack(sp.eye(columns), large * matrix.T)
    reduced = DomainMatrix.from_Matrix(lattice).convert_to(sp.ZZ).lll().to_Matrix()
    kernel = [list(reduced[k, :columns]) for k in range(columns) if not any(reduced[k, columns:])]
    assert len(kernel) == columns - matrix.rank()  # noqa: S101
    return [_positive(vector) for vector in kernel]


def _positive(vector: list[sp.Expr]) -> list[sp.Expr]:
    """The vector or its negative: rather positive entries, else a positive one first."""
    signs = [1 if c > 0 else -1 for c in vector if c != 0]
    sign = signs[0] if sum(signs) == 0 else sum(signs)
    return [c if sign > 0 else -c for c in vector]


def _independent(several: Sequence[sp.Expr], symbols: Mapping[str, Any]) -> list[sp.Expr]:
    """Those that are no functions of the ones before: by their gradients at a point."""
    point = {s: sp.Rational(sp.prime(k + 5), 7) for k, s in enumerate(symbols.values())}
    found: list[sp.Expr] = []
    rows: list[list[sp.Expr]] = []
    for expr in several:
        row = [expr.diff(s).subs(point) for s in symbols.values()]
        if sp.Matrix([*rows, row]).rank() > len(rows):
            found.append(expr)
            rows.append(row)
    return found


def _rate(expr: sp.Expr, move: Rates, symbols: Mapping[str, Any]) -> sp.Expr:
    """How an expression changes along a move."""
    return sp.Add(*(expr.diff(symbols[name]) * rate for name, rate in move.items()))


def _stays(expr: sp.Expr, moves: Sequence[Rates], symbols: Mapping[str, Any]) -> bool:
    """Whether it is one of several, and no move changes it: proved again."""
    if len(expr.free_symbols) < 2 or expr.has(NetworkOutput):
        return False
    return all(sp.simplify(_rate(expr, move, symbols)) == 0 for move in moves)

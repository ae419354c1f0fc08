"""Invariants of scalings, translations and others, from moves alone."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from pysymude.infer.identified_combinations import Block, combinations

a, b, c, d, x = sp.symbols("a b c d x", real=True)
SYMBOLS: dict[str, Any] = {s.name: s for s in (a, b, c, d, x)}


def found(*moves: Any, blocks: Any = (), starts: Any = frozenset({"x"})) -> tuple[sp.Expr, ...]:
    supports = [frozenset(move) for move in moves]
    return combinations(moves, supports, blocks, SYMBOLS, starts, lambda text: SYMBOLS[text])


CASES: dict[str, tuple[list[dict[str, Any]], list[Any]]] = {
    "product": ([{"a": a, "b": -b}], [a * b]),
    "quotient": ([{"a": a, "b": b}], [a / b]),
    "sum": ([{"a": sp.S(1), "b": sp.S(-1)}], [a + b]),
    "weighted sum": ([{"a": sp.S(2), "b": sp.S(-3)}], [3 * a + 2 * b]),
    "power": ([{"a": 2 * a, "b": -b}], [a * b**2]),
    "halves": ([{"a": a / 2, "b": -b / 3}], [a**2 * b**3]),
    "scaling and translation": ([{"a": a, "b": sp.S(-1)}], [a * sp.exp(b)]),
    "alone": ([{"a": a}], []),
    "two apart": ([{"a": a, "b": -b}, {"c": sp.S(1), "d": sp.S(1)}], [a * b, c - d]),
    "two of one set": ([{"a": a, "b": -b}, {"b": b, "c": -c}], [a * b * c]),
    # without starts first
    "starts": ([{"a": a, "b": b, "x": -x}], [a / b, a * x]),
    # all whole vectors, not only those that a basis of fractions gives when multiplied out
    "lattice": (
        [{"a": a, "b": b, "c": 4 * c, "d": -2 * d}],
        [a / b, a**2 * d, a**2 * b**2 / c],
    ),
    "irrational": ([{"a": a, "b": -sp.sqrt(2) * b}], [a ** sp.sqrt(2) * b]),
}


@pytest.mark.parametrize("name", CASES)
def test_kinds(name: str):
    moves, wanted = CASES[name]
    several = found(*moves)
    assert len(several) == len(wanted)
    rates = [{SYMBOLS[n]: r for n, r in move.items()} for move in moves]
    for expr in several:
        for move in rates:
            assert sp.simplify(sp.Add(*(sp.diff(expr, s) * r for s, r in move.items()))) == 0
    if name != "lattice":
        assert list(several) == wanted
        return
    # a basis of all whole vectors: what is wanted has whole coordinates
    powers = [[e.as_powers_dict()[s] for s in (a, b, c, d)] for e in several]
    for expr in wanted:
        own = [expr.as_powers_dict()[s] for s in (a, b, c, d)]
        weights = sp.Matrix(powers).T.gauss_jordan_solve(sp.Matrix(own))[0]
        assert all(w.is_integer for w in weights)


def test_what_is_listed_is_proved_again():
    turn = {"a": b, "b": -a}

    def read(text: str) -> sp.Expr:
        return {"good": a**2 + b**2, "bad": a * b, "again": 2 * a**2 + 2 * b**2}[text]

    blocks = [Block(frozenset("ab"), ("good", "bad", "again"))]
    supports = [frozenset(turn)]
    several = combinations([turn], supports, blocks, SYMBOLS, frozenset(), read)
    assert len(several) == 1
    assert sp.simplify(several[0] / (a**2 + b**2)).is_number


def test_a_move_without_a_form_leaves_its_names_out():
    supports = [frozenset("ab"), frozenset("bc")]
    moves: list[Any] = [{"a": a, "b": -b}, {}]
    assert combinations(moves, supports, (), SYMBOLS, frozenset(), lambda _: a) == ()

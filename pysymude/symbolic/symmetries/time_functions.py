# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportAssignmentType=false, reportArgumentType=false, reportReturnType=false, reportUnnecessaryCast=false
"""Functions of time that symmetries may contain: exponentials, sines and cosines of the linear part.

Where u' = A u + ... has the eigenvalues lambda, the symmetries of the linear equation contain
exp(lambda t), exp(-lambda t) and products of two of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import sympy as sp
from sympy.core.function import AppliedUndef

from pysymude.model.network import NetworkOutput
from pysymude.model.signal import SignalValue
from pysymude.model.symbols import t

__all__ = ["TimeFunction", "rationalised", "time_functions"]

_LARGEST = 8  # states, for eigenvalues
_MOST = 6  # exponents to begin with


@dataclass(frozen=True)
class TimeFunction:
    """exp(a t) cos(b t) or exp(a t) sin(b t).

    Attributes
    ----------
    weight : int
        How many exponents of the linear part its own is a sum of.
    shown : SymPy expression
        As people write it.
    expanded : SymPy expression
        The same in sines and cosines of independent angles.
    """

    weight: int
    shown: sp.Expr
    expanded: sp.Expr


ONE = TimeFunction(0, cast("sp.Expr", sp.S.One), cast("sp.Expr", sp.S.One))


def time_functions(rhs: Mapping[sp.Symbol, sp.Expr], *, squares: bool) -> list[TimeFunction]:
    """The functions of time for u' = rhs, the constant 1 first: of weight 2, or 3 where it is forced.

    With a particular solution s(t), symmetries of the homogeneous equation that are quadratic in u
    (`squares`) become quadratic in u - s(t).
    """
    base = _explicit(rhs)
    highest = 3 if base and squares else 2
    for root in _eigenvalues(rhs):
        base += [z for z in (root, sp.expand(-root)) if z not in base]
    base = [z for z in base if z != 0]
    if not base or len(base) > 2 * _MOST:
        return [ONE]
    layers: list[list[sp.Expr]] = [[sp.S.Zero]]
    seen: set[sp.Expr] = {sp.S.Zero}
    for _ in range(highest):
        sums = [sp.expand(z + w) for z in layers[-1] for w in base]
        layers.append([z for z in dict.fromkeys(sums) if z not in seen])
        seen |= set(layers[-1])
    units = _units([_imaginary(z) for z in base])
    found = [ONE]
    for weight, layer in enumerate(layers):
        for z in layer:
            found += [f for f in _real_forms(weight, z, units) if f not in found]
    return found


def _explicit(rhs: Mapping[sp.Symbol, sp.Expr]) -> list[sp.Expr]:
    """+-c of exp(c t) and +-i c of sin(c t), cos(c t) that stand in the equations."""
    found: list[sp.Expr] = []
    atoms = {a for f in rhs.values() for a in f.atoms(sp.exp, sp.sin, sp.cos)}
    for atom in sorted(atoms, key=sp.default_sort_key):
        c = atom.args[0].diff(t)
        if c != 0 and sp.expand(atom.args[0] - c * t) == 0:
            z = c if isinstance(atom, sp.exp) else sp.I * c
            found += [w for w in (sp.expand(z), sp.expand(-z)) if w not in found]
    return found


def rationalised(
    rhs: Mapping[sp.Symbol, sp.Expr],
) -> tuple[dict[sp.Symbol, sp.Expr], dict[sp.Symbol, sp.Expr]]:
    """The system with parameters in which its frequencies are rational, and what these stand for.

    q'' = -k q becomes q'' = -r^2 q with r = sqrt(k).
    """
    found: dict[sp.Symbol, sp.Expr] = {}
    changed = dict(rhs)
    for _ in range(_LARGEST // 2):
        discriminants = (_discriminant(f) for f in _characteristic_factors(changed))
        rooted = [d for d in discriminants if d is not None and _square_root(d) is None]
        steps = (_substitution(d, changed, found) for d in rooted)
        step = next((step for step in steps if step is not None), None)
        if step is None:
            break
        k, value, r, meaning = step
        changed = {x: cast("sp.Expr", f.xreplace({k: value})) for x, f in changed.items()}
        found[r] = meaning
    return changed, found


def _substitution(
    d: sp.Expr, rhs: Mapping[sp.Symbol, sp.Expr], found: Mapping[sp.Symbol, sp.Expr]
) -> tuple[sp.Symbol, sp.Expr, sp.Symbol, sp.Expr] | None:
    """A parameter k as a function of r with d = +-r^2, and r as a function of the parameters."""
    top, bottom = sp.fraction(d)
    free = top.free_symbols - bottom.free_symbols - set(found)
    names = {s.name for f in rhs.values() for s in f.free_symbols} | {x.name for x in rhs}
    name = "root"
    while name in names or any(r.name == name for r in found):
        name += "_"
    r = sp.Symbol(name, positive=True)
    for k in sorted(cast("set[sp.Symbol]", free), key=lambda s: s.name):
        poly = sp.Poly(top, k)
        if poly.degree() != 1:
            continue
        slope, rest = poly.all_coeffs()
        sign = -1 if slope.could_extract_minus_sign() else 1
        value = sp.cancel((sign * r**2 * bottom - rest) / slope)
        return (
            k,
            value,
            r,
            cast("sp.Expr", sp.sqrt(sp.factor(sp.Mul(sign, d.xreplace(dict(found)))))),
        )
    return None


def _eigenvalues(rhs: Mapping[sp.Symbol, sp.Expr]) -> list[sp.Expr]:
    """Eigenvalues a + i b of the linear part at the origin, a and b rational in the parameters."""
    return [z for factor in _characteristic_factors(rhs) for z in _roots(factor)]


def _characteristic_factors(rhs: Mapping[sp.Symbol, sp.Expr]) -> list[Any]:
    """Factors of the characteristic polynomial of the linear part; none where there is no such part."""
    states = list(rhs)
    if len(states) > _LARGEST:
        return []
    matrix: list[list[sp.Expr]] = []
    origin = dict.fromkeys(states, sp.S.Zero)
    for f in rhs.values():
        unknown = f.atoms(NetworkOutput, AppliedUndef, SignalValue)
        known = f.xreplace(dict.fromkeys(unknown, sp.S.Zero))
        row = [sp.expand(known.diff(x).xreplace(origin)) for x in states]
        row = [a.as_independent(t, as_Add=True)[0] for a in row]
        if any(a.has(sp.zoo, sp.oo, sp.nan) or not a.is_rational_function() for a in row):
            return []
        matrix.append(row)
    s = sp.Dummy("s")
    polynomial = sp.Poly(sp.Matrix(matrix).charpoly(s).all_coeffs(), s)
    return [factor for factor, _ in polynomial.factor_list()[1]]


def _discriminant(factor: Any) -> sp.Expr | None:
    """(b^2 - 4 a c) / (4 a^2) of a quadratic factor."""
    if factor.degree() != 2:
        return None
    a, b, c = factor.all_coeffs()
    return cast("sp.Expr", sp.cancel((b**2 - 4 * a * c) / (4 * a**2)))


def _roots(factor: Any) -> list[sp.Expr]:
    """Roots of a factor of degree one or two, where no square root is needed."""
    if factor.degree() == 1:
        a, b = factor.all_coeffs()
        return [sp.expand(sp.cancel(-b / a))]
    d = _discriminant(factor)
    root = None if d is None else _square_root(d)
    if root is None:
        return []
    a, b, _ = factor.all_coeffs()
    return [sp.expand(sp.cancel(-b / (2 * a)) + sign * root) for sign in (1, -1)]


def _square_root(d: sp.Expr) -> sp.Expr | None:
    """r or i r with r^2 = +-d, r rational in the parameters; None where there is none."""
    top, bottom = sp.fraction(d)
    root: sp.Expr = sp.S.One
    for part, sign in ((top, 1), (bottom, -1)):
        c, factors = sp.factor_list(part)
        outer = sp.sqrt(abs(c))
        if not outer.is_Rational or any(k % 2 for _, k in factors):
            return None
        root *= (outer * sp.Mul(*(g ** (k // 2) for g, k in factors))) ** sign
        if c < 0:
            root *= sp.I
    return root


def _imaginary(z: sp.Expr) -> sp.Expr:
    return cast("sp.Expr", sp.expand(z).coeff(sp.I))


def _parts(b: sp.Expr) -> list[tuple[sp.Rational, sp.Expr]]:
    """A frequency as pairs (rational factor, monomial in the parameters)."""
    terms = sp.Add.make_args(sp.expand(b))
    return [cast("Any", a).as_coeff_Mul(rational=True) for a in terms if a != 0]


def _units(frequencies: list[sp.Expr]) -> dict[sp.Expr, sp.Rational]:
    """For each monomial the largest rational of which all its factors are multiples."""
    units: dict[sp.Expr, sp.Rational] = {}
    for b in frequencies:
        for factor, monomial in _parts(b):
            unit = units.get(monomial, abs(factor))
            common = sp.igcd(unit.p * factor.q, factor.p * unit.q)
            units[monomial] = sp.Rational(common, unit.q * factor.q)
    return units


def _real_forms(
    weight: int, z: sp.Expr, units: Mapping[sp.Expr, sp.Rational]
) -> list[TimeFunction]:
    """The real and the imaginary part of exp(z t); the conjugate gives the same up to sign."""
    b = _imaginary(z)
    a = sp.expand(z - sp.I * b)
    growth = cast("sp.Expr", sp.exp(sp.expand(a * t)))
    if b == 0:
        return [TimeFunction(weight, growth, growth)]
    if b.could_extract_minus_sign():
        b = sp.expand(-b)
    wave: sp.Expr = sp.S.One
    for factor, monomial in _parts(b):
        unit = units[monomial]
        n, angle = int(factor / unit), unit * monomial * t
        wave *= (sp.cos(angle) + sp.sign(n) * sp.I * sp.sin(angle)) ** abs(n)
    wave = sp.expand(wave)
    imaginary = wave.coeff(sp.I)
    real = sp.expand(wave - sp.I * imaginary)
    # an argument that is a sum is shown to be one: what proves the result splits it there
    angle = sp.expand(b * t)
    return [
        TimeFunction(weight, growth * sp.cos(angle), growth * real),
        TimeFunction(weight, growth * sp.sin(angle), growth * imaginary),
    ]

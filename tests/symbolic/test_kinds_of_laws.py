"""One system after the other for each kind of mathematics that laws are found by, with the right answers."""

import functools

import pytest
import sympy as sp

import pysymude as psu
from problems.law_checks import Judge
from pysymude.symbolic.proof.certificate import lie_derivative_of, vanishes

x, y, z, v, w, p, q = psu.states("x y z v w p q")
r, phi, pr, th, pth, mass = psu.states("r phi pr th pth mass")
X, Y = psu.states("X Y", positive=True)
k, g, m, a, b, c = psu.parameters("k g m a b c")
K = psu.parameters("K", positive=True)
qs, ps, u = psu.states("q1:9"), psu.states("p1:9"), psu.states("u1:11")
nn = psu.MLP("nn", inputs=[x, y], outputs=2, hidden=3)
sin, cos, exp, log, sqrt, atan = sp.sin, sp.cos, sp.exp, sp.log, sp.sqrt, sp.atan
t = psu.t


def mechanical(energy, positions, momenta):
    """Hamilton's equations, and the energy as the law to be found."""
    rhs = {s: energy.diff(f) for s, f in zip(positions, momenta, strict=True)}
    rhs |= {f: -energy.diff(s) for s, f in zip(positions, momenta, strict=True)}
    return rhs, [energy]


def chain(n, bond):
    """Equal masses between two walls."""
    ends = [0, *qs[:n], 0]
    energy = sum(f**2 for f in ps[:n]) / 2 + sum(
        bond(one - other) for one, other in zip(ends[1:], ends[:-1], strict=True)
    )
    return mechanical(energy, qs[:n], ps[:n])


def lennard_jones(n):
    """Two bodies in n dimensions."""
    square = sum((qs[i] - qs[n + i]) ** 2 for i in range(n))
    energy = sum(f**2 for f in ps[: 2 * n]) / 2 + square**-6 - square**-3
    return mechanical(energy, qs[: 2 * n], ps[: 2 * n])


def bodies(potential):
    return mechanical(sum(f**2 for f in ps[:2]) / 2 + potential(*qs[:2]), qs[:2], ps[:2])


def sums_before_and_after(n):
    """x_i' = x_i (what comes later - what came before); n - 1 laws without time."""
    return {u[i]: u[i] * (sum(u[i + 1 : n]) - sum(u[:i])) for i in range(n)}


energy, radius = w**2 / 2 - cos(q), sqrt(x**2 + y**2)

# by kind: systems with laws that must follow from those that are found, or with the number of these
BY_WEIGHT = {
    "seventh power": ({x: v, v: -(x**7)}, [v**2 / 2 + x**8 / 8]),
    "tenth degree": mechanical(p**2 / 2 + q**10 - q**7, [q], [p]),
    "a strength": ({x: v, v: -k * x**9}, [v**2 / 2 + k * x**10 / 10]),
    "fput, quartic": chain(6, lambda d: d**2 / 2 + d**4 / 4),
    "fput, cubic": chain(6, lambda d: d**2 / 2 + d**3 / 12),
    "coupled": bodies(lambda s, d: s**4 * d**4 + s**6),
    "kinetic energy of degree four": mechanical(p**4 / 4 + q**6 / 6 - q**2, [q], [p]),
    "driven by a fifth power": ({x: -3 * x + y**5, y: -y}, [y * exp(t), 2 * x / y**3 + y**2]),
}
ONE_FORMS = {
    "lennard-jones": ({q: p, p: 12 / q**13 - 6 / q**7}, [p**2 / 2 + q**-12 - q**-6]),
    "lennard-jones, line": lennard_jones(1),
    "lennard-jones, plane": lennard_jones(2),
    "with parameters": (
        {q: p / m, p: 24 * k * (2 * a**12 / q**13 - a**6 / q**7)},
        [p**2 / (2 * m) + 4 * k * (a**12 / q**12 - a**6 / q**6)],
    ),
    "atan": ({q: p, p: -atan(q)}, [p**2 / 2 + q * atan(q) - log(1 + q**2) / 2]),
    "atan in a chain": (
        {q: p, p: -atan(q) - (q - z), z: w, w: -(z**9) + (q - z)},
        [p**2 + w**2 + 2 * q * atan(q) - log(1 + q**2) + (q - z) ** 2 + z**10 / 5],
    ),
    "x^2 atan x": ({x: v, v: -(x**2) * atan(x)},
                   [v**2 / 2 + x**3 * atan(x) / 3 - x**2 / 6 + log(1 + x**2) / 6]),
    "polynomial and exponential": ({q: p, p: -(q**3) * exp(-q)},
                                   [p**2 / 2 - (q**3 + 3 * q**2 + 6 * q + 6) * exp(-q)]),
    "gaussian well": bodies(lambda s, d: -exp(-(s**2) - d**2)),
    "morse": bodies(lambda s, d: (1 - exp(-s)) ** 2 + (1 - exp(-d)) ** 2 + s * d),
    "logarithmic": bodies(lambda s, d: log(1 + s**2 + 2 * d**2) / 2),
    "softened": bodies(lambda s, d: -1 / sqrt((s - d) ** 2 + 1) + (s - d) ** 8),
    "yukawa": mechanical(p**2 / 2 - exp(-q) / q, [q], [p]),
    "relativistic": mechanical(sqrt(1 + p**2) + q**8, [q], [p]),
    "magnetic": ({x: v, v: w * (1 + x**2) - x**3, y: w, w: -v * (1 + x**2) - y**5},
                 [v**2 / 2 + w**2 / 2 + x**4 / 4 + y**6 / 6]),
    "predator and prey": ({X: X * (a - b * Y**2), Y: Y * (-c + g * X**3)},
                          [a * log(Y) - b * Y**2 / 2 + c * log(X) - g * X**3 / 3]),
}  # fmt: skip
TIMED = {
    "sine": ({x: -x + sin(t)}, [(2 * x - sin(t) + cos(t)) * exp(t)]),
    "power": ({x: -2 * x + t**2}, [(4 * x - 2 * t**2 + 2 * t - 1) * exp(2 * t)]),
    "exponential": ({x: -k * x + a * exp(-g * t)}, [(a * exp(-g * t) + x * (g - k)) * exp(k * t)]),
    "symbols": ({x: -a * x + b * sin(k * t)},
                [((a**2 + k**2) * x - a * b * sin(k * t) + b * k * cos(k * t)) * exp(a * t)]),
    "damped and driven": ({x: v, v: -2 * v - 5 * x + sin(t)}, 2),
    "resonance": ({x: v, v: -x + sin(t)}, 2),
    "logarithm": ({X: -X * log(X) + X * cos(t)}, [(2 * log(X) - cos(t) - sin(t)) * exp(t)]),
    "two networks": ({x: nn[0] + sin(t) - x, y: -nn[0] - y + sin(t)},
                     [(x + y - sin(t) + cos(t)) * exp(t)]),
    "three of them": ({x: nn[0] + nn[1] - k * x + sin(t), y: -nn[0] - k * y, z: -nn[1] - k * z},
                      [((k**2 + 1) * (x + y + z) - k * sin(t) + cos(t)) * exp(k * t)]),
    "a rate that is a law": ({q: w, w: -sin(q), z: energy * z + 1},
                             [(energy * z + 1) * exp(-energy * t)]),
    "its square": ({q: w, w: -sin(q), z: energy**2 * (z - t * energy**2)},
                   [(z - t * energy**2 - 1) * exp(-(energy**2) * t)]),
    "two laws": ({q: w, w: -sin(q), z: energy**2 * (z - t * energy)}, 2),
}  # fmt: skip
QUADRATURES = {
    "reciprocal": ({x: -(x**2) * (1 / x - t)}, [(1 / x - t - 1) * exp(-t)]),
    "fall with drag": ({x: v, v: g - k * v**2}, 2),
    "throw with drag": (
        {x: -k * x * radius, y: -g - k * y * radius},
        [g / x**2 + k * y * radius / x**2 + k * log((y + radius) / x)],
    ),
    "tangent": ({x: x**2 + 1, y: x * y}, [t - atan(x), log(y) - log(x**2 + 1) / 2]),
    "cubic": ({x: x**3 - 2 * x + 1}, 1),
    "allee": ({X: X * (1 - X) * (X - a)}, 1),
    "saturation": ({x: -x / (1 + x), y: x / (1 + x)}, [x + y, t + x + log(x)]),
    "a turning phase": ({phi: 2 + cos(phi)}, [t - 2 / sqrt(3) * atan(sin(phi) / (1 + cos(phi)) / sqrt(3))]),
    "exponential": ({x: 1 / (1 + exp(x))}, [t - x - exp(x)]),
    "fall to a centre": ({x: v, v: -1 / x**2}, 2),
    "rocket": ({mass: -a, v: g / mass - k}, 2),
}  # fmt: skip
PLANE = {
    "quadratic": ({x: x**2 - 2 * x * y, y: y**2 + 3 * x * y},
                  [2 * log(x) - 3 * log(y) + 7 * log(2 * x + 3 * y)]),
    "a golden ratio": ({x: x**2 + x * y + 2 * y**2, y: 3 * x * y - y**2}, 1),
    "cubic": ({x: x * (x**2 - 2 * y**2), y: y * (2 * x**2 + y**2)},
              [2 * log(x) - 6 * log(y) + 5 * log(x**2 + 3 * y**2)]),
    "with symbols": ({x: a * x**2 + b * x * y, y: c * x * y + g * y**2}, 1),
    "weights": ({x: y, y: -x * y - x**3}, 1),
    "spiral": ({x: x - y - x * (x**2 + y**2), y: x + y - y * (x**2 + y**2)}, 2),
    "y' of y/t": ({y: y / t + (y / t) ** 2}, [log(t) + t / y]),
    "angle": ({y: (t + y) / (t - y)}, [log(t**2 + y**2) - 2 * atan(y / t)]),
    "riccati": ({y: -(y**2) + 6 / t**2}, [5 * log(t) + log(t * y - 3) - log(t * y + 2)]),
    "time as a function": ({y: y / (t + y**3)}, [2 * t / y - y**2]),
    "bernoulli": ({y: y / t - t * y**3}, 1),
}  # fmt: skip
MANY_SPECIES = {f"{n} sums": (sums_before_and_after(n), n) for n in (4, 5, 7, 10)}


def between_planes(factor, *planes):
    """Four states turn about the planes' laws: a sum of logarithms, and the sums that this leaves."""
    law = sum(weight * log(plane) for weight, plane in planes)
    turn = sp.Matrix([[0, 1, 2, -1], [-1, 0, 1, 3], [-2, -1, 0, 1], [1, -3, -1, 0]])
    whole = factor * sp.Mul(*(plane for _, plane in planes))
    rates = turn * sp.Matrix([law.diff(s) for s in u[:4]])
    return {s: sp.expand(sp.cancel(f * whole)) for s, f in zip(u[:4], rates, strict=True)}, [law]


one, two, three = u[0] + 2 * u[1] + 1, 3 * u[2] - u[3] - 2, u[0] - u[2] + u[3] + 5
PLANES = {
    "two planes": between_planes(1, (1, one), (-2, two)),
    "three planes": between_planes(1, (1, one), (3, two), (-1, three)),
    "and a factor": between_planes(1 + u[0] * u[2], (2, one), (5, three)),
    "two planes, three states": (
        {
            x: -(x + y - 1) * (3 * y + 2 * z),
            y: -(x + y - 1) * (z - 3 * x),
            z: (x + y - 1) * (2 * x + y),
        },
        2,
    ),
}
ANGLES = {
    "kepler": ({r: pr, pr: w**2 / r**3 - k / r**2, phi: w / r**2, w: sp.S.Zero},
               [w, pr**2 / 2 + w**2 / (2 * r**2) - k / r, (w**2 / r - k) * cos(phi) + pr * w * sin(phi)]),
    "sphere": ({th: pth, pth: w**2 * cos(th) / sin(th) ** 3, phi: w / sin(th) ** 2, w: sp.S.Zero},
               [pth * sin(phi) + w * cos(phi) * cos(th) / sin(th)]),
    "half angles": ({phi: 2 * sin(phi / 2), x: cos(phi)}, [t - x + 2 * cos(phi / 2)]),
    "wheel": ({x: a * cos(phi), y: a * sin(phi), phi: b}, [b * x - a * sin(phi), b * y + a * cos(phi)]),
    "four oscillators": (
        {one: K * sum(sin(other - one) for other in qs[:4] if other != one) for one in qs[:4]},
        [sum(qs[:4]), log(sin((qs[0] - qs[1]) / 2)) + log(sin((qs[2] - qs[3]) / 2))
         - log(sin((qs[0] - qs[2]) / 2)) - log(sin((qs[1] - qs[3]) / 2))],
    ),
}  # fmt: skip
KINDS = {
    "by weight": BY_WEIGHT,
    "one-forms": ONE_FORMS,
    "timed": TIMED,
    "quadratures": QUADRATURES,
    "plane": PLANE,
    "many species": MANY_SPECIES,
    "planes": PLANES,
    "angles": ANGLES,
}
CASES = {f"{kind}: {name}": case for kind, cases in KINDS.items() for name, case in cases.items()}


@functools.cache
def derived(name):
    """The system and its laws; most are found in a fraction of a second, on a busy machine too late for less."""
    system = psu.ODESystem({s: sp.sympify(f) for s, f in CASES[name][0].items()})
    return system, psu.first_integrals(system, budget=10)


@pytest.mark.parametrize("name", CASES)
def test_known_laws_are_found(name):
    system, laws = derived(name)
    known, judge = CASES[name][1], Judge(system)
    found = [law.expr for law in laws]
    assert judge.rank(found) == len(found)
    if isinstance(known, int):
        assert len(found) == known
        return
    for law in known:
        assert judge.keeps(law)
        assert judge.rank([*found, law]) == len(found)


@pytest.mark.parametrize("name", CASES)
def test_they_are_proved_and_changed_ones_are_not(name):
    system, laws = derived(name)
    judge = Judge(system)
    for law in laws:
        assert law.certificate.check()
        assert judge.holds(law)
        wrong = judge.spoilt(law.expr)
        if wrong is not None:
            assert not vanishes(lie_derivative_of(wrong, {t: 1, **system.rhs}))

# SymPy annotates its classes in parts only
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false, reportOperatorIssue=false, reportCallIssue=false, reportConstantRedefinition=false
"""Random systems with planted laws, and with networks or with terms that count as unknown."""

from __future__ import annotations

from random import Random

import sympy as sp

import pysymude as psu
from problems.planted import (
    RandomSystem,
    antisymmetric,
    casimirs,
    constant,
    gradient,
    made,
    network,
    number,
    polynomial,
    states,
)

__all__ = ["UNKNOWN"]

t = psu.t


def unknown_factor(rng: Random) -> RandomSystem:
    """A network or an unknown function of time sets the speed along the level sets."""
    n = rng.randint(2, 3)
    u, d = states(rng, n), rng.randint(2, 3)
    H, S = polynomial(rng, u, d, 4), constant(rng, u)
    factor = rng.choice([network(u, 1)[0], 1 + network(u, 1)[0] ** 2, sp.Function("w")(t)])
    return made(u, factor * S * gradient(H, u), [H, *casimirs(S, u)], d)


def unknown_structure(rng: Random) -> RandomSystem:
    """Every entry of S is a network, or a network and something known."""
    n = rng.randint(2, 4)
    u, d = states(rng, n), rng.randint(2, 3)
    H, nn = polynomial(rng, u, d, 4), network(u, n * (n - 1) // 2)
    outputs = iter(range(nn.outputs))
    S = antisymmetric(n, lambda: nn[next(outputs)] + rng.choice([0, 1, u[0]]))
    return made(u, S * gradient(H, u), [H], d)


def compatible(rng: Random) -> RandomSystem:
    """The known part conserves H, and the networks do not."""
    n = rng.randint(2, 3)
    u, d = states(rng, n), rng.randint(2, 3)
    H, S, nn = polynomial(rng, u, d, 4), constant(rng, u), network(u, n)
    pushes = sp.Matrix([rng.choice([0, nn[i], u[i] * nn[i]]) for i in range(n)])
    return made(u, (S * gradient(H, u)).expand() + pushes, [H], d, kind="compatible")


def balance(rng: Random) -> RandomSystem:
    """Networks push along the level sets of M, so that its rate is known."""
    n = rng.randint(2, 3)
    u, d = states(rng, n), rng.randint(1, 2)
    M, nn = polynomial(rng, u, d, 3), network(u, rng.randint(1, 2))
    known = [polynomial(rng, u, 2, 3) for _ in u]
    pairs = sp.eye(n * (n - 1) // 2).tolist()
    turns = [constant(rng, u), *(antisymmetric(n, iter(row).__next__) for row in pairs)]
    # the first one may lie along the gradient
    along = next(push for push in (S * gradient(M, u) for S in turns) if any(push))
    return made(u, sp.Matrix(known) + nn[rng.randrange(nn.outputs)] * along, [M], d, kind="balance")


def positive_rates(rng: Random) -> RandomSystem:
    """Functions of networks, as they keep a rate positive, are the speeds of reactions."""
    n = rng.randint(2, 4)
    u = states(rng, n, positive=True)
    nn = network(u, rng.randint(1, 2))

    def speed() -> sp.Expr:
        out = nn[rng.randrange(nn.outputs)]
        kept = [sp.exp(out), sp.log(1 + sp.exp(out)), out**2, sp.sqrt(1 + out**2), sp.tanh(out)]
        return rng.choice(kept) * rng.choice([1, *u])

    weights = [sp.Integer(rng.randint(1, 3)) for _ in u]
    total = sp.Add(*(k * z for k, z in zip(weights, u, strict=True)))
    f = [sp.S.Zero] * n
    for i in range(n):
        j, flow = (i + 1) % n, speed()
        f[i] -= flow / weights[i]
        f[j] += flow / weights[j]
    return made(u, f, [total], 1)


def opaque(rng: Random) -> RandomSystem:
    """Branches and other terms without exact treatment set the speed along the level sets."""
    n = rng.randint(2, 3)
    u, d = states(rng, n), rng.randint(1, 2)
    x, y = u[0], u[1]
    terms = [
        sp.Piecewise((x, y > 1), (2, True)),
        sp.Piecewise((sp.sin(x), x + y < 2), (y**2, x > 3), (1, True)),
        sp.Abs(x - y), sp.Max(x, 2 * y), sp.Min(x, 1, y), sp.sign(x - 1), sp.floor(x),
        sp.erf(x), sp.Abs(x) ** sp.Rational(3, 2),
    ]  # fmt: skip
    H = polynomial(rng, u, d, 4)
    S = antisymmetric(n, lambda: rng.choice(terms) + rng.choice([0, 0, 1, y]))
    return made(u, S * gradient(H, u), [H], d)


def learned_energy(rng: Random) -> RandomSystem:
    """A network is the energy, or a part of it; with a momentum where it does not see a position."""
    n = rng.choice([1, 1, 2])
    q, p = psu.states(f"q1:{n + 1}"), psu.states(f"p1:{n + 1}")
    H, planted = sp.Add(*(z**2 for z in p)) / 2, []
    match rng.choice(["whole", "potential", "added"] if n == 1 else ["central", "relative"]):
        case "whole":
            H = psu.MLP("nn", inputs=[*q, *p], outputs=1, hidden=3)[0]
        case "potential":
            H += psu.MLP("nn", inputs=[rng.choice([1, 2]) * q[0]], outputs=1, hidden=3)[0]
        case "added":
            H += number(rng) * q[0] ** 4
            H += psu.MLP("nn", inputs=[*q, *p], outputs=1, hidden=3)[0]
        case "central":
            H += psu.MLP("nn", inputs=[q[0] ** 2 + q[1] ** 2], outputs=1, hidden=3)[0]
            planted = [q[0] * p[1] - q[1] * p[0]]
        case _:
            H += psu.MLP("nn", inputs=[q[0] - q[1]], outputs=1, hidden=3)[0]
            planted = [p[0] + p[1]]
    system = psu.hamiltonian_system(H, list(q), list(p))
    return made(list(system.rhs), system.rhs.values(), [H, *planted], 2 if n > 1 else 4)


UNKNOWN = (
    unknown_factor, unknown_structure, compatible, balance, positive_rates, opaque, learned_energy,
)  # fmt: skip

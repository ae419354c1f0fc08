# SymPy annotates its classes in parts only
# pyright: reportMissingParameterType=false, reportArgumentType=false, reportAttributeAccessIssue=false, reportOperatorIssue=false, reportCallIssue=false, reportConstantRedefinition=false, reportOptionalSubscript=false, reportOptionalMemberAccess=false
"""Fifteen systems of the literature, chosen before the search was run on them, with their published laws.

What is found with default arguments is asserted, and so is what is not found.
"""

import pytest
import sympy as sp
from sympy import Rational, cos, exp, log, sin, sqrt

import pysymude as psu
from problems.law_checks import Judge
from problems.written_fields import cross, dot, equations, hamiltonian

t = psu.t
CASES = {}


def case(name, rhs, laws, values=None):
    """`values` are those parameter values at which alone the laws hold."""
    CASES[name] = (rhs, [sp.sympify(law) for law in laws], values or {})


# A. Clebsch, Ueber die Bewegung eines Koerpers in einer Fluessigkeit, Math. Ann. 3 (1871) 238-262:
# Kirchhoff's equations, where (c2 - c3)/a1 + (c3 - c1)/a2 + (c1 - c2)/a3 = 0
M, P, a = psu.states("M1:4"), psu.states("P1:4"), psu.parameters("a1:4")
turn = [i * j for i, j in zip(a, M, strict=True)]
push = [a[i - 1] * a[i - 2] * P[i] for i in range(3)]
torque = [i + j for i, j in zip(cross(M, turn), cross(P, push), strict=True)]
case(
    "clebsch",
    equations(M, torque) | equations(P, cross(P, turn)),
    [dot(turn, M) + dot(push, P), dot(M, P), dot(P, P), dot(M, M) - dot(a, [z**2 for z in P])],
)

# R. Garnier, Sur une classe de systemes differentiels abeliens deduits de la theorie des equations
# lineaires, Rend. Circ. Mat. Palermo 43 (1919) 155-191
q, p, w = psu.states("q1:4"), psu.states("p1:4"), psu.parameters("w1:4")
Q = dot(q, q)
case(
    "garnier",
    hamiltonian(dot(p, p) / 2 + dot(w, [z**2 for z in q]) / 2 + Q**2 / 2, q, p),
    [
        p[i] ** 2 + w[i] * q[i] ** 2 + q[i] ** 2 * Q
        - sum((q[i] * p[j] - q[j] * p[i]) ** 2 / (w[i] - w[j]) for j in range(3) if j != i)
        for i in range(3)
    ],
)  # fmt: skip

# C. R. Holt, Construction of new integrable Hamiltonians in two degrees of freedom, J. Math. Phys. 23
# (1982) 1037-1046
x, y, u, v = psu.states("x", positive=True), *psu.states("y u v")
delta = psu.parameters("delta")
root = x ** Rational(1, 3)
H = (u**2 + v**2) / 2 + 3 * root**4 / 4 + (y**2 + delta) / root**2
case(
    "holt",
    hamiltonian(H, (x, y), (u, v)),
    [H, 2 * v**3 + 3 * v * u**2 + 3 * v * (2 * (y**2 + delta) / root**2 - 3 * root**4) + 18 * root * y * u],
)  # fmt: skip

# D. Zwanziger, Exactly soluble nonrelativistic model of particles with both electric and magnetic
# charges, Phys. Rev. 176 (1968) 1480-1488;
# H. V. McIntosh, A. Cisneros, Degeneracy in the presence of a magnetic monopole, J. Math. Phys. 11
# (1970) 896-916
place, velocity = psu.states("x y z"), psu.states("vx vy vz")
k, mu = psu.parameters("k mu")
r = sqrt(dot(place, place))
swept = cross(place, velocity)
L = [i - mu * j / r for i, j in zip(swept, place, strict=True)]
force = [-mu * i / r**3 + (mu**2 / r - k) * j / r**3 for i, j in zip(swept, place, strict=True)]
case(
    "micz-kepler",
    equations(place, velocity) | equations(velocity, force),
    [
        dot(velocity, velocity) / 2 - k / r + mu**2 / (2 * r**2),
        *L,
        *(i - k * j / r for i, j in zip(cross(velocity, L), place, strict=True)),
    ],
)

# F. Calogero, The neatest many-body problem amenable to exact treatments (a "goldfish"?), Physica D
# 152-153 (2001) 78-84: the symmetric functions of the coordinates are linear in time
q, v = psu.states("q1:4"), psu.states("v1:4")
pull = [sum(2 * v[i] * v[j] / (q[i] - q[j]) for j in range(3) if j != i) for i in range(3)]
symmetric = [sum(q), q[0] * q[1] + q[1] * q[2] + q[2] * q[0], q[0] * q[1] * q[2]]
speeds = [dot([sp.diff(s, z) for z in q], v) for s in symmetric]
case(
    "goldfish",
    equations(q, v) | equations(v, pull),
    [*speeds, *(s - t * f for s, f in zip(symmetric, speeds, strict=True))],
)

# I. Mestschersky, Ein Specialfall des Gylden'schen Problems, Astron. Nachr. 132 (1893) 129-130
x, y, u, v = psu.states("x y u v")
mu, alpha = psu.parameters("mu alpha")
r, g, h = sqrt(x**2 + y**2), 1 + alpha * t, x * v - y * u
X, Y = g * u - alpha * x, g * v - alpha * y
case(
    "meshcherskii",
    {x: u, y: v, u: -mu * x / (g * r**3), v: -mu * y / (g * r**3)},
    [h, (X**2 + Y**2) / 2 - mu * g / r, Y * h - mu * x / r],
)

# S. Watanabe, S. H. Strogatz, Constants of motion for superconducting Josephson arrays, Physica D 74
# (1994) 197-253: four phases of Kuramoto's model. The cross ratio is squared here, which leaves whole angles
theta = psu.states("theta1:5")
omega, K = psu.parameters("omega K")
pairs = [(theta[i], theta[j]) for i, j in [(0, 1), (2, 3), (0, 2), (1, 3)]]
above, beyond, below, beside = (1 - cos(i - j) for i, j in pairs)
case(
    "kuramoto",
    {i: omega + K / 4 * sum(sin(j - i) for j in theta if j != i) for i in theta},
    [above * beyond / (below * beside), sum(theta) - 4 * omega * t],
)

# R. M. May, W. J. Leonard, Nonlinear aspects of competition between three species, SIAM J. Appl. Math. 29
# (1975) 243-253: the case alpha + beta = 2
x, y, z = psu.states("x y z", positive=True)
alpha, beta = psu.parameters("alpha beta")
N = x + y + z
case(
    "may-leonard",
    {
        x: x * (1 - x - alpha * y - beta * z),
        y: y * (1 - beta * x - y - alpha * z),
        z: z * (1 - alpha * x - beta * y - z),
    },
    [x * y * z / N**3, (1 - N) / N * exp(t)],
    {alpha: 0.8, beta: 1.2},
)

# M. Kac, P. van Moerbeke, On an explicitly soluble system of nonlinear differential equations related to
# certain Toda lattices, Adv. Math. 16 (1975) 160-169: five sites on a ring
n = psu.states("n1:6", positive=True)
case(
    "kac-van-moerbeke",
    {n[i]: n[i] * (n[i - 4] - n[i - 1]) for i in range(5)},
    [sum(n), sum(n[i] * n[i - 3] for i in range(5)), sp.prod(n)],
)

# B. Grammaticos, J. Moulin-Ollagnier, A. Ramani, J.-M. Strelcyn, S. Wojciechowski, Integrals of quadratic
# ordinary differential equations in R^3: the Lotka-Volterra system, Physica A 163 (1990) 683-722: the
# case ABC + 1 = 0
A, B, C = psu.parameters("A B C")
case(
    "lotka-volterra-abc",
    {x: x * (C * y + z), y: y * (x + A * z), z: z * (B * x + y)},
    [A * B * log(x) - B * log(y) + log(z), x - C * y + A * C * z],
    {A: 2, B: 0.25, C: -2},
)

# J. Hofbauer, Evolutionary dynamics for bimatrix games: a Hamiltonian system?, J. Math. Biol. 34 (1996)
# 675-688
a, b, c, d = psu.parameters("a b c d")
case(
    "bimatrix-game",
    {x: x * (1 - x) * (a - (a + b) * y), y: y * (1 - y) * (c - (c + d) * x)},
    [c * log(x) + d * log(1 - x) - a * log(y) - b * log(1 - y)],
)

# A. A. Frost, W. C. Schwemer, The kinetics of competitive consecutive second-order reactions: the
# saponification of ethyl adipate and of ethyl succinate, J. Am. Chem. Soc. 74 (1952) 1268-1273
a, b, c, d = psu.states("a b c d", positive=True)
k1, k2 = psu.parameters("k1 k2", positive=True)
kappa = k2 / k1
case(
    "consecutive-reactions",
    {a: -k1 * a * b - k2 * a * c, b: -k1 * a * b, c: k1 * a * b - k2 * a * c, d: k2 * a * c},
    [b + c + d, a - 2 * b - c, (c + b / (1 - kappa)) * b**-kappa],
)

# H. R. Lewis, Class of exact invariants for classical and quantum time-dependent harmonic oscillators,
# J. Math. Phys. 9 (1968) 1976-1986: the square of the frequency is a network
x, v, s = psu.states("x v s")
rho = psu.states("rho", positive=True)
squared = psu.MLP("squared", inputs=[t], outputs=1, hidden=4)[0]
case(
    "ermakov-network",
    {x: v, v: -squared * x, rho: s, s: -squared * rho + 1 / rho**3},
    [(x / rho) ** 2 + (x * s - rho * v) ** 2],
)

# V. K. Chandrasekar, M. Senthilvelan, M. Lakshmanan, New aspects of integrability of force-free
# Duffing-van der Pol oscillator and related nonlinear systems, J. Phys. A 37 (2004) 4527-4534: the case
# alpha = 4/beta, gamma = -3/beta^2
gamma = psu.parameters("gamma")
case(
    "duffing-van-der-pol",
    {x: v, v: -(alpha + beta * x**2) * v + gamma * x - x**3},
    [(v + x / beta + beta * x**3 / 3) * exp(3 * t / beta)],
    {alpha: 2, beta: 2, gamma: -0.75},
)

# V. K. Chandrasekar, M. Senthilvelan, M. Lakshmanan, On the complete integrability and linearization of
# certain second-order nonlinear ordinary differential equations, Proc. R. Soc. A 461 (2005) 2451-2477
W = v + k * x**2
case(
    "modified-emden",
    {x: v, v: -3 * k * x * v - k**2 * x**3},
    [t - x / W, 1 / W + k * t**2 / 2 - k * t * x / W],
)


def system_of(name):
    rhs, _, values = CASES[name]
    return psu.ODESystem(rhs, parameters=values)


def at_values(name, expr):
    return sp.sympify(expr).subs({z: Rational(str(v)) for z, v in CASES[name][2].items()})


def judge_of(name):
    return Judge(psu.ODESystem({z: at_values(name, f) for z, f in CASES[name][0].items()}))


def published(name):
    return [at_values(name, law) for law in CASES[name][1]]


def assert_true_laws(name, laws):
    judge = judge_of(name)
    found = [at_values(name, law.expr) for law in laws]
    assert judge.rank(found) == len(found)
    for law, expr in zip(laws, found, strict=True):
        assert law.certificate.check()
        assert judge.keeps(expr)
        assert judge.drifts(expr)[-1] < 1e-10


def missing(name, laws):
    judge, found = judge_of(name), [at_values(name, law.expr) for law in laws]
    return {i for i, law in enumerate(published(name)) if judge.rank([*found, law]) > len(found)}


@pytest.fixture(scope="module")
def laws_of():
    """Laws by name, with default arguments; each system is searched once."""
    found = {}

    def laws_of(name):
        if name not in found:
            found[name] = psu.first_integrals(system_of(name))
        return found[name]

    return laws_of


@pytest.mark.parametrize("name", CASES)
def test_published_laws_hold_and_wrong_ones_do_not(name):
    system, judge = system_of(name), judge_of(name)
    for law, given in zip(published(name), CASES[name][1], strict=True):
        assert judge.keeps(law)
        asserted = psu.is_first_integral(given, system)
        assert asserted.holds
        assert asserted.certificate.check()
    wrong = judge.spoilt(published(name)[-1])
    assert not psu.is_first_integral(wrong, system)
    assert judge.drifts(wrong)[-1] > 1e-6


def test_half_angles_beside_whole_ones():
    i, j = theta[:2]
    two = psu.ODESystem({i: K * sin(j - i) / 2, j: K * sin(i - j) / 2})
    law = sp.tan((i - j) / 2) * exp(K * t)
    assert Judge(two).keeps(law)
    assert psu.is_first_integral(law, two).holds
    assert not psu.is_first_integral(law * exp(t), two).holds


@pytest.mark.parametrize("name", CASES)
def test_found(laws_of, name):
    laws = laws_of(name)
    assert len(laws) == judge_of(name).rank(published(name))
    assert not missing(name, laws)
    assert_true_laws(name, laws)


@pytest.mark.parametrize("name", [name for name, given in CASES.items() if given[2]])
def test_laws_of_special_values_hold_at_these_values_alone(laws_of, name):
    rhs, laws, values = CASES[name]
    general = psu.ODESystem(rhs)
    assert all(
        law.values == {z: Rational(str(v)) for z, v in values.items()} for law in laws_of(name)
    )
    assert not psu.first_integrals(general)
    for law in laws:
        assert not psu.is_first_integral(law, general)


# F. M. Mahomed, P. G. L. Leach, The linear symmetries of a nonlinear differential equation, Quaest. Math. 8
# (1985) 241-274: eight of the modified Emden equation;
# M. Senthilvelan, M. Lakshmanan, Lie symmetries and infinite-dimensional Lie algebras of certain nonlinear
# dissipative systems, J. Phys. A 28 (1995) 1929-1942: two of the oscillator;
# time and rotations; of Kepler's problem those that Mestschersky's transformation carries over
@pytest.mark.parametrize(
    ("name", "count"),
    [("modified-emden", 8), ("duffing-van-der-pol", 2), ("micz-kepler", 4), ("meshcherskii", 3)],
)
def test_published_point_symmetries(name, count):
    system = psu.ODESystem({z: at_values(name, f) for z, f in CASES[name][0].items()})
    found = psu.symmetries(system, kind="point")
    assert len(found) == count
    for X in found:
        assert psu.is_symmetry(system, X)

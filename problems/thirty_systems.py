# SymPy annotates its classes in parts only
# pyright: reportMissingParameterType=false, reportArgumentType=false, reportAttributeAccessIssue=false, reportOperatorIssue=false, reportCallIssue=false, reportConstantRedefinition=false, reportReturnType=false
"""Thirty systems of the literature with their published laws, written down before the search was run on them.

`SYSTEMS` maps a name to the right-hand sides and the laws; a system without laws has none that is known,
and a source that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy import Rational, atan, cos, exp, log, sin, sqrt

import pysymude as psu
from problems.written_fields import cross, dot, equations, hamiltonian

__all__ = ["SYSTEMS"]

t = psu.t
SYSTEMS: dict[str, tuple[dict[sp.Symbol, sp.Expr], list[sp.Expr]]] = {}


def system(name: str, rhs: dict[Any, Any], laws: Sequence[Any]) -> None:
    SYSTEMS[name] = ({x: sp.sympify(f) for x, f in rhs.items()}, [sp.sympify(e) for e in laws])


x, y, z, u, v, w = psu.states("x y z u v w")
a, b, c, g, k, m = psu.parameters("a b c g k m")
q, p = psu.states("q1:4"), psu.states("p1:4")
M, G = psu.states("M1:4"), psu.states("G1:4")

# -- mechanics ---------------------------------------------------------------------------------

# T. Bountis, H. Segur, F. Vivaldi, Integrable Hamiltonian systems and the Painleve property, Phys. Rev.
# A 25 (1982) 1257-1264: the case of the fifth-order KdV equation
H = (u**2 + v**2 + a * x**2 + b * y**2) / 2 + x**2 * y + 2 * y**3
second = (
    x**4 + 4 * x**2 * y**2 - 4 * u * (u * y - v * x) + 4 * a * x**2 * y
    + (4 * a - b) * (u**2 + a * x**2)
)  # fmt: skip
system("henon-heiles, kdv5", hamiltonian(H, (x, y), (u, v)), [H, second])

# F. Calogero, Solution of the one-dimensional n-body problems with quadratic and/or inversely quadratic
# pair potentials, J. Math. Phys. 12 (1971) 419-436; J. Moser, Three integrable Hamiltonian systems
# connected with isospectral deformations, Adv. Math. 16 (1975) 197-220
pairs = [(0, 1), (1, 2), (0, 2)]
H = dot(p, p) / 2 + sum(k / (q[i] - q[j]) ** 2 for i, j in pairs)
third = sum(f**3 for f in p) / 3 + sum(k * (p[i] + p[j]) / (q[i] - q[j]) ** 2 for i, j in pairs)
system("calogero-moser", hamiltonian(H, q, p), [sum(p), H, third])

# J. L. Lagrange, Mecanique analytique (1788): the symmetric top; in E. Leimanis, The General Problem of
# the Motion of Coupled Rigid Bodies about a Fixed Point (1965), ch. I
turn = [M[0] / a, M[1] / a, M[2] / c]
torque = [i + j for i, j in zip(cross(M, turn), cross(G, [0, 0, k]), strict=True)]
system(
    "lagrange top",
    equations(M, torque) | equations(G, cross(G, turn)),
    [M[2], dot(M, G), dot(G, G), dot(M, turn) / 2 + k * G[2]],
)

# G. K. Suslov, Theoretical Mechanics (1946); Yu. N. Fedorov, A. J. Maciejewski, M. Przybylska, The Poisson
# equations in the nonholonomic Suslov problem, Nonlinearity 22 (2009) 2231-2259
slip = k * u + m * v
system(
    "suslov",
    {u: -slip * v / a, v: slip * u / b, **equations(G, cross(G, [u, v, 0]))},
    [a * u**2 + b * v**2, dot(G, G)],
)

# C. Neumann, De problemate quodam mechanico, J. reine angew. Math. 56 (1859) 46-63, as a flow on e*(3);
# A. M. Perelomov, Integrable Systems of Classical Mechanics and Lie Algebras (1990), sec. 2.7
A = psu.parameters("a1:4")
push = [i * j for i, j in zip(A, G, strict=True)]
system(
    "neumann",
    equations(M, cross(G, push)) | equations(G, cross(G, M)),
    [
        dot(G, G), dot(M, G), dot(M, M) + dot(G, push),
        sum(A[i] * M[i] ** 2 - A[i - 1] * A[i - 2] * G[i] ** 2 for i in range(3)),
    ],
)  # fmt: skip

# J. Fris, V. Mandrosov, Ya. A. Smorodinsky, M. Uhlir, P. Winternitz, On higher symmetries in quantum
# mechanics, Phys. Lett. 16 (1965) 354-356
one = u**2 / 2 + k**2 * x**2 / 2 + a / x**2
other = v**2 / 2 + k**2 * y**2 / 2 + b / y**2
turning = (x * v - y * u) ** 2 / 2 + a * y**2 / x**2 + b * x**2 / y**2
system("smorodinsky-winternitz", hamiltonian(one + other, (x, y), (u, v)), [one, other, turning])

# A. S. Fokas, P. A. Lagerstrom, Quadratic and cubic invariants in classical mechanics, J. Math. Anal.
# Appl. 74 (1980) 325-341
root = (x**2 - y**2) ** Rational(-2, 3)
H = (u**2 + v**2) / 2 + root
cubic = (u**2 - v**2) * (x * v - y * u) - 4 * (y * u + x * v) * root
system("fokas-lagerstrom", hamiltonian(H, (x, y), (u, v)), [H, cubic])

# H. Goldstein, Classical Mechanics (1980), sec. 10-7: Kepler's problem in spherical coordinates
r, theta, phi, pr, ptheta, pphi = psu.states("r theta phi pr ptheta pphi")
H = (pr**2 + ptheta**2 / r**2 + pphi**2 / (r**2 * sin(theta) ** 2)) / 2 - k / r
system(
    "kepler, spherical",
    hamiltonian(H, (r, theta, phi), (pr, ptheta, pphi)),
    [pphi, ptheta**2 + pphi**2 / sin(theta) ** 2, H],
)

# L. D. Landau, E. M. Lifshitz, The Classical Theory of Fields (1975), sec. 39: the relativistic Coulomb problem
H = sqrt(m**2 + u**2 + v**2) - k / sqrt(x**2 + y**2)
system("relativistic coulomb", hamiltonian(H, (x, y), (u, v)), [H, x * v - y * u])

# L. S. Brown, G. Gabrielse, Geonium theory, Rev. Mod. Phys. 58 (1986) 233-311: the Penning trap
c2 = k**2
system(
    "penning trap",
    {
        x: u, y: v, z: w, u: a * v + c2 * x / 2, v: -a * u + c2 * y / 2, w: -c2 * z,
    },
    [
        w**2 + c2 * z**2, u**2 + v**2 - c2 * (x**2 + y**2) / 2,
        x * v - y * u + a * (x**2 + y**2) / 2,
    ],
)  # fmt: skip

# J. R. Ray, J. L. Reid, More exact invariants for the time-dependent harmonic oscillator, Phys. Lett. A 71
# (1979) 317-318: a pair of Ermakov type, the square of the frequency is any function of time
square = sp.Function("omega2")(t)
system(
    "ray-reid",
    {x: u, y: v, u: -square * x + a / (x**2 * y), v: -square * y + b / (x * y**2)},
    [(x * v - y * u) ** 2 / 2 + a * y / x + b * x / y],
)

# -- ecology and games -------------------------------------------------------------------------

# V. Volterra, Lecons sur la theorie mathematique de la lutte pour la vie (1931): four species
n = psu.states("n1:5", positive=True)
grow = [
    n[0] * (1 - n[1] - n[2]), n[1] * (-1 + n[0] - 2 * n[3] + 2),
    n[2] * (-2 + n[0] - n[3] + 2), n[3] * (-3 + 2 * n[1] + n[2]),
]  # fmt: skip
system(
    "volterra, four species",
    equations(n, grow),
    [sum(n) - log(n[0]) - 2 * log(n[1]) + log(n[2]) - log(n[3])],
)

# J. Hofbauer, K. Sigmund, Evolutionary Games and Population Dynamics (1998), ch. 7: rock, paper, scissors
# with a zero sum
x, y, z = psu.states("x y z", positive=True)
system(
    "rock-paper-scissors",
    {x: x * (a * y - b * z), y: y * (c * z - a * x), z: z * (b * x - c * y)},
    [x + y + z, c * log(x) + b * log(y) + a * log(z)],
)

# Y. Itoh, Integrals of a Lotka-Volterra system of odd number of variables, Prog. Theor. Phys. 78 (1987)
# 507-510; O. I. Bogoyavlenskij, Phys. Lett. A 134 (1988) 34-38
s = psu.states("s0:5")
system(
    "bogoyavlenskij-itoh",
    {
        s[i]: s[i] * (s[(i + 1) % 5] + s[(i + 2) % 5] - s[i - 1] - s[i - 2])
        for i in range(5)
    },
    [sum(s), sum(s[i] * s[(i + 1) % 5] * s[(i + 3) % 5] for i in range(5)), sp.Mul(*s)],
)  # fmt: skip

# -- chemistry and epidemics -------------------------------------------------------------------

# A. Cornish-Bowden, Fundamentals of Enzyme Kinetics (2012), ch. 6: competitive inhibition
S, E, C, P, J, D = psu.states("S E C P J D")
k1, k2, k3, k4, k5 = psu.parameters("k1:6")
bind, part, make = k1 * S * E, k2 * C, k3 * C
stop = k4 * J * E - k5 * D
system(
    "competitive inhibition",
    {
        S: part - bind, E: part + make - bind - stop, C: bind - part - make,
        P: make, J: -stop, D: stop,
    },
    [E + C + D, S + C + P, J + D],
)  # fmt: skip

# R. J. Field, R. M. Noyes, Oscillations in chemical systems IV, J. Chem. Phys. 60 (1974) 1877-1884; no law
# is known of the Oregonator
X, Y, Z = psu.states("X Y Z")
system(
    "oregonator",
    {X: a * (Y - X * Y + X - g * X**2), Y: (-Y - X * Y + b * Z) / a, Z: k * (X - Z)},
    [],
)

# H. W. Hethcote, The mathematics of infectious diseases, SIAM Rev. 42 (2000) 599-653: with standard
# incidence, and with a loss of immunity
S, J, R = psu.states("S J R", positive=True)
N = S + J + R
system(
    "sir, standard incidence",
    {S: -b * S * J / N, J: b * S * J / N - g * J, R: g * J},
    [N, log(S) + b * R / (g * N)],
)
system("sirs", {S: -b * S * J + k * R, J: b * S * J - g * J, R: g * J - k * R}, [N])

# -- physics -----------------------------------------------------------------------------------

x, y, z, u, v, w = psu.states("x y z u v w")

# F. T. Arecchi, R. Bonifacio, Theory of optical maser amplifiers, IEEE J. Quantum Electron. 1 (1965)
# 169-178; D. D. Holm, G. Kovacic, Homoclinic chaos in a laser-matter system, Physica D 56 (1992) 270-300
system("maxwell-bloch", {x: y, y: x * z, z: -x * y}, [y**2 + z**2, x**2 / 2 + z])

# A. S. Pikovskii, M. I. Rabinovich, V. Yu. Trakhtengerts, Onset of stochasticity in decay confinement of
# parametric instability, Sov. Phys. JETP 47 (1978) 715-719; F. Xie, X. Cai, Phys. Lett. A 372 (2008):
# equal damping
system(
    "rabinovich",
    {x: k * y - a * x + y * z, y: k * x - a * y - x * z, z: x * y - a * z},
    [(x**2 - y**2 - 2 * z**2) * exp(2 * a * t)],
)

# J. A. Armstrong, N. Bloembergen, J. Ducuing, P. S. Pershan, Interactions between light waves in a
# nonlinear dielectric, Phys. Rev. 127 (1962) 1918-1939: three waves, real and imaginary parts, a mismatch
A1, B1, A2, B2, A3, B3 = psu.states("A1 B1 A2 B2 A3 B3")
# i a1' = a2* a3, i a2' = a1* a3, i a3' = a1 a2 + k a3
real23, imag23 = A2 * A3 + B2 * B3, A2 * B3 - B2 * A3
real13, imag13 = A1 * A3 + B1 * B3, A1 * B3 - B1 * A3
real12, imag12 = A1 * A2 - B1 * B2, A1 * B2 + B1 * A2
system(
    "three waves",
    {
        A1: imag23, B1: -real23, A2: imag13, B2: -real13,
        A3: imag12 + k * B3, B3: -real12 - k * A3,
    },
    [
        A1**2 + B1**2 + A3**2 + B3**2, A2**2 + B2**2 + A3**2 + B3**2,
        2 * (real12 * A3 + imag12 * B3) + k * (A3**2 + B3**2),
    ],
)  # fmt: skip

# T. Rikitake, Oscillations of a system of disk dynamos, Proc. Camb. Phil. Soc. 54 (1958) 89-105; J. Llibre,
# M. Messias, Global dynamics of the Rikitake system, Physica D 238 (2009) 241-252: without friction
system(
    "rikitake",
    {x: y * z, y: (z - a) * x, z: 1 - x * y},
    [(x**2 - y**2) / 2 - a * t + a * z],
)

# E. N. Lorenz, Irregularity: a fundamental property of the atmosphere, Tellus A 36 (1984) 98-110: the
# advective part
system(
    "lorenz 84, advection",
    {x: -(y**2) - z**2, y: x * y - b * x * z, z: b * x * y + x * z},
    [x**2 + y**2 + z**2, atan(z / y) - b * log(y**2 + z**2) / 2],
)

# G. Darboux (1878), G.-H. Halphen, C. R. Acad. Sci. 92 (1881) 1101-1103; A. J. Maciejewski, J.-M. Strelcyn,
# On the algebraic non-integrability of the Halphen system, Phys. Lett. A 201 (1995) 161-166
system(
    "darboux-halphen",
    {x: y * z - x * y - x * z, y: z * x - y * z - y * x, z: x * y - z * x - z * y},
    [],
)

# N. J. Hitchin, On the construction of monopoles, Commun. Math. Phys. 89 (1983) 145-190: Nahm's equations
# for su(2)
T1, T2, T3 = psu.states("T1_1:4"), psu.states("T2_1:4"), psu.states("T3_1:4")
system(
    "nahm",
    equations(T1, cross(T2, T3)) | equations(T2, cross(T3, T1)) | equations(T3, cross(T1, T2)),
    [
        dot(T1, T2), dot(T2, T3), dot(T1, T3),
        dot(T1, T1) - dot(T2, T2), dot(T2, T2) - dot(T3, T3),
    ],
)  # fmt: skip

# T. Dombre, U. Frisch, J. M. Greene, M. Henon, A. Mehr, A. M. Soward, Chaotic streamlines in the ABC flows,
# J. Fluid Mech. 167 (1986) 353-391: the case C = 0
system(
    "abc flow",
    {x: a * sin(z), y: b * sin(x) + a * cos(z), z: b * cos(x)},
    [a * cos(z) + b * sin(x), y - t * (a * cos(z) + b * sin(x))],
)

# A. Barone, G. Paterno, Physics and Applications of the Josephson Effect (1982): a junction without losses
system(
    "josephson junction",
    {phi: v / k, v: (g - a * sin(phi)) / c},
    [c * v**2 / (2 * k) - a * cos(phi) - g * phi],
)

# -- equations that contain time ----------------------------------------------------------------

# L. Euler, Institutionum calculi integralis II (1769): t^2 x'' + t x' + x = 0
system(
    "euler equation",
    {x: v, v: -v / t - x / t**2},
    [x * cos(log(t)) - t * v * sin(log(t)), x * sin(log(t)) + t * v * cos(log(t))],
)

# V. I. Gromak, I. Laine, S. Shimomura, Painleve Differential Equations in the Complex Plane (2002), ch. 5;
# NIST Digital Library of Mathematical Functions, sec. 32.9(ii): the third one with beta = delta = 0
system(
    "painleve III",
    {w: v, v: v**2 / w - v / t + a * w**2 / t + g * w**3},
    [t**2 * v**2 / w**2 + 2 * t * v / w - 2 * a * t * w - g * t**2 * w**2],
)

# S. Chandrasekhar, An Introduction to the Study of Stellar Structure (1939), ch. IV: Lane and Emden's
# equation with index five
system(
    "lane-emden",
    {x: v, v: -2 * v / t - x**5},
    [t**3 * (v**2 / 2 + x**6 / 6) + t**2 * x * v / 2],
)

"""Systems with known answers: what perfect data determine, what not, and what is not settled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy as sp

import pysymude as psu

pytest.importorskip("symident", reason="symident is not installed: nothing is decided")

x, y, z, w = psu.states("x y z w")
a, b, c, d, k, g, N, V, K, s = psu.parameters("a b c d k g N V K s")
P, Q = psu.states("P Q", positive=True)
k12, k21, k10 = psu.parameters("k12 k21 k10")
n = psu.parameters("n")


def system(*rhs: Any, states: Any = (x, y, z, w), **keywords: Any) -> psu.ODESystem:
    return psu.ODESystem(dict(zip(states, rhs, strict=False)), **keywords)


SIR = system(-b * x * y / N, b * x * y / N - g * y)
SEIR = system(-b * x * z, b * x * z - a * y, a * y - g * z)
PK2 = system(-(k10 + k12) * x + k21 * y, k12 * x - k21 * y)
ABSORBED = system(-a * x, a * x - k * y)
VIRUS = system(s - d * x - b * x * z, b * x * z - a * y, k * y - c * z)
GOODWIN = system(a / (b + z) - c * x, d * x - g * y, k * y - s * z)

# (system, what is seen, known starts, what is not identifiable; the rest is)
KNOWN: dict[str, tuple[psu.ODESystem, Any, Any, str]] = {
    "decay": (system(-k * x), [x], None, ""),
    "product": (system(-a * b * x), [x], None, "a b"),
    "sum": (system(-(a + b) * x), [x], None, "a b"),
    "scaled": (system(-k * x), [s * x], None, "s"),
    "scaled, known start": (system(-k * x), [s * x], {x: 2.0}, ""),
    "logistic": (system(a * x * (1 - x / K)), [x], None, ""),
    "michaelis and menten": (system(-V * x / (K + x)), [x], None, ""),
    "michaelis and menten, scaled": (system(-V * x / (K + x)), [s * x], None, "V K s"),
    "hill": (system(-V * P**n / (K**n + P**n), states=(P,)), [P], None, ""),
    "predator, prey seen": (system(a * x - b * x * y, c * x * y - d * y), [x], None, "b"),
    "predator, both seen": (system(a * x - b * x * y, c * x * y - d * y), [x, y], None, ""),
    "predator, predators seen": (system(a * x - b * x * y, c * x * y - d * y), [y], None, "c"),
    "epidemic, cases": (SIR, [y], None, "b N"),
    "epidemic, a part of cases": (SIR, [s * y], None, "b N s"),
    "epidemic, all susceptible": (SIR, [s * y], {x: N, y: 1}, ""),
    "epidemic with exposed": (SEIR, [z], None, "a b g"),
    "two compartments": (PK2, [x], None, "k10 k12 k21"),
    "two compartments, volume": (PK2, [x / V], None, "V k10 k12 k21"),
    "two compartments, volume and dose": (PK2, [x / V], {x: 100, y: 0}, ""),
    "absorption flips": (ABSORBED, [y / V], {x: 100, y: 0}, ""),
    "absorption, dose unknown": (ABSORBED, [y / V], None, "V"),
    "virus, load seen": (VIRUS, [z], None, "s k"),
    "virus, load and cells seen": (VIRUS, [z, x], None, ""),
    "feedback loop": (GOODWIN, [x], None, "a b d k"),
    "forced": (system(-k * x + a * sp.sin(psu.t)), [x], None, ""),
    "switched on": (system(-k * x + sp.Piecewise((a, psu.t > 1), (0, True))), [x], None, ""),
}  # fmt: skip

v = psu.states("v")
p1, p2, p3, p4, k13, k31, q, h, u, m, A, B, C = psu.parameters("p1 p2 p3 p4 k13 k31 q h u m A B C")
FIVE = (x, y, z, w, v)

# with doses: (system, what is seen, known starts, doses, what is not identifiable)
DOSED: dict[str, tuple[psu.ODESystem, Any, Any, Any, str]] = {
    # Godfrey, Compartmental Models (1983): exchange with the centre, one dose there; local, since peripheral
    # compartments change places
    "three compartments": (
        system(-(k10 + k12 + k13) * x + k21 * y + k31 * z, k12 * x - k21 * y, k13 * x - k31 * z),
        [x / V], {x: 0, y: 0, z: 0}, {x: [(0, 100)]}, "",
    ),
    # Bolie's glucose and insulin: Cobelli and DiStefano, Am. J. Physiol. 239 (1980), R7
    "glucose and insulin": (
        system(p1 * x - p2 * y, p3 * y + p4 * x), [x / V], {x: 0, y: 0}, {x: [(0, 100)]}, "p2 p4",
    ),
    "absorption, two doses": (
        system(-a * x, a * x - k * y), [y / V], {x: 0, y: 0}, {x: [(0, 100), (5, 50)]}, "",
    ),
    # HIV with two kinds of defence (Wodarz and Nowak 1999), as in SIAN's examples: by hand two scalings
    "virus, defences seen": (
        system(
            s - d * x - b * x * z, b * x * z - a * y, k * y - u * z,
            c * x * y * w - c * q * y * w - g * w, c * q * y * w - h * v, states=FIVE,
        ),
        [w, v], None, None, "s b c k q",
    ),
    # NF-kB, its message and its inhibitor: Krishna, Jensen and Sneppen, PNAS 103 (2006), 10840
    "nuclear factor, reduced": (
        system(A * (1 - x) / (K + z) - B * z * x / (m + x), x**2 - y, y - C * (1 - x) * z / (K + z)),
        [x], None, None, "",
    ),
    # deaths and births keep the scale
    "epidemic with births, a part of cases": (
        system(m - b * x * y - m * x, b * x * y - (g + m) * y), [k * y], None, None, "",
    ),
    "enzyme, product seen": (
        system(-V * x / (K + x), V * x / (K + x)), [y], {y: 0}, None, "",
    ),
    # a cascade whose scales are those of total amounts, with feedback
    "cascade": (
        system(
            a * (1 - x) - b * x * w / (c + w), k * x * (1 - y) - d * y, g * y * (1 - z) - h * z,
            m * z * (1 - w) - q * w,
        ),
        [w], None, None, "",
    ),
}  # fmt: skip

# exposed and infectious periods change places: two isolated answers, which are local ones
EXCHANGED = {"epidemic with exposed": ""}


@pytest.mark.parametrize("name", KNOWN)
def test_systems_with_known_answers(name: str):
    model, seen, u0, wanted = KNOWN[name]
    open_ones = set(EXCHANGED.get(name, wanted).split())
    found = psu.identifiability(model, seen, u0=u0)
    every = {q.name for q in model.symbolic_parameters}
    every |= {q.name for e in seen for q in e.free_symbols if q not in model.states}
    assert found.unidentifiable == open_ones
    assert found.identifiable == every - open_ones
    assert not found.undecided
    assert bool(found) == (not open_ones)
    assert found.is_proven
    # the derivatives of a simulated experiment say the same
    starts = [q for q in model.states if q.name in found.observable | found.unobservable]
    assert found.size == len(every) + len(starts)
    assert found.rank == found.size - len(found.directions)
    assert found.open_here == open_ones | found.unobservable
    assert found.agrees


@pytest.mark.parametrize("name", DOSED)
def test_systems_with_doses_and_published_ones(name: str):
    model, seen, u0, doses, wanted = DOSED[name]
    found = psu.identifiability(model, seen, u0=u0, doses=doses)
    assert found.unidentifiable == set(wanted.split())
    assert not found.undecided
    assert found.seconds > 0
    assert found.agrees
    assert found.rank == found.size - len(found.directions)


def test_a_dose_that_is_known_gives_the_volume():
    model = system(-k * x)
    assert psu.identifiability(model, [x / V], u0={x: 0}, doses={x: [(0, 10)]}).identifiable == {
        "k",
        "V",
    }
    assert psu.identifiability(model, [x / V]).unidentifiable == {"V"}


def test_an_answer_that_takes_too_long_is_none():
    found = psu.identifiability(SEIR, [z], timeout=1e-3)
    assert found.undecided == {"a", "b", "g"}
    assert not found
    assert "had not ended after 0.001 s" in str(found)
    # the next question is answered again
    assert psu.identifiability(SEIR, [z]).identifiable == {"a", "b", "g"}


def test_directions_leave_what_is_seen_as_it_is():
    """Along each direction the solutions give the same observations, to the first order."""
    model, seen, _, _ = KNOWN["epidemic, a part of cases"]
    found = psu.identifiability(model, seen)
    values = {"b": 1.3, "g": 0.4, "N": 10.0, "s": 0.3, "x": 8.0, "y": 0.5}
    point = {q: values[q.name] for q in (x, y, b, g, N, s)}
    times = np.linspace(0.0, 5.0, 6)

    def observed(at: dict[str, float]) -> np.ndarray:
        sol = psu.solve(
            model, u0=[at["x"], at["y"]], t=times, parameters={q: at[q] for q in "bgN"},
            reltol=1e-11, abstol=1e-12, engine="native",
        )  # fmt: skip
        return at["s"] * sol["y"]

    assert len(found.directions) == 2
    for move in found.directions:
        assert move.is_scaling
        assert move.is_proven
        h = 1e-4
        sides = [
            observed(
                values
                | {n: values[n] + e * float(rate.subs(point)) for n, rate in move.moves.items()}
            )
            for e in (h, -h)
        ]
        assert np.abs(sides[0] - sides[1]).max() / (2 * h) < 1e-6
    assert found.unobservable == {"x", "y"}
    assert "not identifiable: N, b, s" in str(found)


def test_what_may_be_set_without_loss():
    model, seen, _, _ = KNOWN["product"]
    found = psu.identifiability(model, seen)
    ((name, value),) = found.reduction.items()
    fixed = model.replace(parameters={name: float(value)})
    assert psu.identifiability(fixed, seen).identifiable == {"a", "b"} - {name}
    assert psu.identifiability(found.reduced, seen)
    learned = psu.ODESystem(model.rhs, trainable={a: 2.0, b: 3.0})
    reduced = psu.identifiability(learned, seen).reduced
    assert {s.name for s in reduced.trainable} == {"a", "b"} - {name}
    assert psu.identifiability(SEIR, [z]).reduced is None


def test_fixed_values_and_starts_are_known():
    learned = psu.ODESystem({x: -a * b * x}, trainable={a: 1.0}, parameters={b: 2.0})
    assert psu.identifiability(learned, [x]).identifiable == {"a"}
    grown = psu.ODESystem({x: -k * x}, initial={x: 3 * s}, observables={"seen": d * x})
    found = psu.identifiability(grown)
    assert found.unidentifiable == {"s", "d"}
    assert found.observable == found.unobservable == set()
    assert psu.identifiability(grown, u0=[x]).unidentifiable == set()


def test_what_stands_in_noise_alone_is_no_question():
    noisy = psu.ODESystem({x: -k * x}, trainable={k: 1.0, s: 0.1}, noise={x: psu.Normal(s)})
    assert psu.identifiability(noisy, [x]).identifiable == {"k"}


# -- what is identifiable together ----------------------------------------------------------------------

F = psu.parameters("F")
ORAL = system(-a * x, F * a * x - (k10 + k12) * y + k21 * z, k12 * y - k21 * z)
CASCADE = system(-a * x, b * x - c * y, d * y - k * z)
BOTH_CLEAR = system(-(V / (K + x) + c + d) * x)

# (system, what is seen, known starts, doses, identifiable, identifiable together)
TOGETHER: dict[str, tuple[psu.ODESystem, Any, Any, Any, str, list[Any]]] = {
    # a part F of a dose is taken up; the volume is known up to it
    "dose taken up in part": (
        ORAL, [y / V], {x: 0, y: 0, z: 0}, {x: [(0, 100)]}, "a k10 k12 k21", [F / V],
    ),
    "epidemic, a part of cases, of an unknown number": (
        SIR, [s * y], None, None, "g", [N * s / b, s * x, s * y],
    ),
    "cascade, the last seen": (CASCADE, [z], None, None, "a c k", [d * y, b * d * x]),
    "two ways out": (BOTH_CLEAR, [x], None, None, "K V", [c + d]),
    "powers": (system(-k * a * b**2 * x, -c * y * x), [x, y], None, None, "c", [b**2 * a * k]),
    # moves that are neither scalings nor translations, and one that is
    "exchange, volume": (
        PK2, [x / V], None, None, "",
        [k10 + k12 + k21, k10 * k21, V / x, V / (k21 * (x + y))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOGETHER)
def test_what_is_identifiable_together(name: str):
    model, seen, u0, doses, alone, wanted = TOGETHER[name]
    found = psu.identifiability(model, seen, u0=u0, doses=doses)
    assert found.identifiable == set(alone.split())
    differences = [e - w for e, w in zip(found.combinations, wanted, strict=True)]
    assert not any(sp.simplify(e) for e in differences)
    assert found.agrees
    assert f"identifiable together: {found.combinations[0]}" in str(found)
    assert "as the symmetries say" in str(found)
    # with what is identifiable together, as many as the rank
    touched = {n for move in found.directions for n in move.moves}
    assert len(found.combinations) + found.size - len(touched) == found.rank


def test_a_special_point_is_said():
    """Where both are equal nothing shows how x falls."""
    special = psu.ODESystem({x: -((a - b) ** 2) * x}, trainable={a: 1.0, b: 1.0})
    found = psu.identifiability(special, [x])
    assert (found.rank, found.size) == (1, 3)
    assert found.combinations == (a - b,)
    # one direction more than the symmetries know
    assert found.agrees is False
    assert "unlike the symmetries: these values are special" in str(found)
    elsewhere = special.replace(trainable={a: 1.0, b: 2.0})
    assert psu.identifiability(elsewhere, [x]).rank == 2
    off = psu.identifiability(elsewhere, [x], rank=False)
    assert off.rank is off.size is off.agrees is None


# -- networks ----------------------------------------------------------------------------------------


def network(*inputs: Any, outputs: int = 1, name: str = "nn") -> psu.MLP:
    return psu.MLP(name, inputs=list(inputs), outputs=outputs, hidden=3)


def test_a_network_takes_in_a_rate_of_its_own_inputs():
    nn = network(x)
    found = psu.identifiability(system(nn[0] - d * x, x - k * y), [x, y])
    assert found.unidentifiable == {"d"}
    assert found.identifiable == {"k"}
    (move,) = found.directions
    assert move.networks == {"nn[0]": d * x}
    assert move.is_certain


def test_a_network_of_time_and_of_two_states():
    of_time = network(psu.t)
    assert psu.identifiability(system(of_time[0] - d * x), [x]).unidentifiable == {"d"}
    nn = network(x, y)
    found = psu.identifiability(system(nn[0] - d * x * y, nn[0] - k * y), [x, y])
    # what one equation takes in, the other one shows
    assert found.identifiable == {"d", "k"} or found.unidentifiable | found.undecided


def test_the_second_output_is_free_as_well():
    nn = network(x, y, outputs=2)
    found = psu.identifiability(system(nn[0] - d * x, nn[1] - k * y), [x, y])
    assert found.unidentifiable == {"d", "k"}


def test_what_a_network_may_not_be_able_to_do_is_left_open():
    """Along one trajectory y may be a function of x, or not."""
    nn = network(x)
    found = psu.identifiability(system(nn[0] - d * y, x - k * y), [x, y])
    assert found.identifiable == {"k"}
    assert found.undecided == {"d"}
    assert not found
    assert "not decided: d" in str(found)


def test_parameters_inside_of_networks_are_left_open():
    found = psu.identifiability(system(network(c * x)[0] - k * y, x - k * y), [x, y])
    assert found.undecided == {"c"}
    assert found.identifiable == {"k"}


def test_a_signal_is_known():
    T = psu.Signal("T")
    found = psu.identifiability(system(-k * (x - a * T(psu.t))), [x])
    assert found.identifiable == {"k", "a"}


def test_scales_of_noise_are_no_part_of_the_rank():
    """Learned or fixed; what nothing but noise reads stands in no experiment that is simulated exactly."""
    plain = psu.ODESystem({P: -k * P}, trainable={k: 0.7}, observables={"seen": P / V})
    noisy = plain.replace(
        parameters={g: 0.2}, trainable={k: 0.7, s: 0.1}, noise={"seen": psu.Normal(s + g)}
    )
    found = psu.identifiability(noisy, u0={P: 2.0})
    assert (found.rank, found.size, found.agrees) == (2, 2, True)
    assert found.identifiable == psu.identifiability(plain, u0={P: 2.0}).identifiable == {"k", "V"}


def test_a_network_that_makes_up_for_a_factor_is_named():
    found = psu.identifiability(system(k * network(x)[0] - d * y, x - g * y), [x, y])
    assert "k" in found.unidentifiable
    assert found.absorbed == {"k": ("nn",)}
    assert "k is made up for by nn" in str(found)


def test_networks_that_stand_for_all_that_is_not_seen():
    nn, of_time = network(x), network(psu.t)
    found = psu.identifiability(system(k * nn[0] - a * x, b * x - c * y), [x, y])
    assert (found.identifiable, found.unidentifiable) == ({"b", "c"}, {"a", "k"})
    assert found.absorbed == {"a": ("nn",), "k": ("nn",)}
    assert not found.combinations
    assert found.rank is None
    driven = system(of_time[0] - a * x, b * x - c * y)
    assert psu.identifiability(driven, [x, y]).identifiable == {"b", "c"}
    # any course of y has a course of the network
    assert psu.identifiability(driven, [y]).unidentifiable == {"a", "b", "c"}


# -- wrong calls --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: psu.identifiability({x: -x}), "expected an ODESystem"),
        (lambda: psu.identifiability(SIR, ["q"]), "observables= takes states"),
        (lambda: psu.identifiability(SIR, [x], u0={"q": 1}), "u0 names 'q', which is no state"),
        (lambda: psu.identifiability(SIR, [x], cores=0), "cores must be a whole number"),
        (
            lambda: psu.identifiability(SIR, [x], doses={"q": [(0, 1)]}),
            "doses names 'q', which is no",
        ),
        (
            lambda: psu.identifiability(SIR, [x], doses={x: [(-1, 1)]}),
            "takes known times from 0 on",
        ),
        (lambda: psu.identifiability(SIR, [x], timeout=0), "timeout must be positive"),
        (lambda: psu.identifiability(SIR, [x], inputs=3), "identifiability has no inputs="),
        (
            lambda: psu.identifiability(system(-V * x**1.5), [x]),
            "symident cannot treat this system",
        ),
        (
            lambda: psu.identifiability(system(network(x)(y)[0] + network(x)[0] - k), [x]),
            "network 'nn' stands at several inputs",
        ),
    ],
)
def test_wrong_calls(call: Any, message: str):
    with pytest.raises(psu.PySymUDEError, match=message):
        call()

"""Large systems as loops: what shares a template, and that numbers and derivatives stay the same."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import sympy as sp

import pysymude as psu
from problems.large_systems import brusselator, networked_grid, random_system
from pysymude.errors import EmissionError
from pysymude.plan.compiled import LARGE, CompiledSystem, compile_system
from pysymude.plan.looped import Looped
from pysymude.plan.numeric import NumericModel
from pysymude.plan.sparse_derivatives import SparseJacobian
from pysymude.plan.stiffness import explicit_steps
from pysymude.plan.tape import Tape, build_tape

n = 120
x = psu.states(f"x0:{n}")
k = psu.parameters("k")


def ring(change: dict[int, Any] | None = None) -> dict[Any, Any]:
    """x_i' = 2 x_i^2 x_{i+1} - sin(k x_i), with some equations replaced."""
    rhs = {x[i]: 2 * x[i] ** 2 * x[(i + 1) % n] - sp.sin(k * x[i]) for i in range(n)}
    return rhs | {x[i]: f for i, f in (change or {}).items()}


def looped(rhs: dict[Any, Any]) -> Looped:
    return cast("Looped", compile_system(psu.ODESystem(rhs)).rhs)


def sizes(program: Looped) -> list[int]:
    return sorted(template.members for template in program.templates for _ in template.exprs)


def model_of(system: psu.ODESystem) -> NumericModel:
    plan = compile_system(system)
    theta = plan.layout.pack({s.name: v for s, v in system.trainable.items()} | _weights(plan))
    return NumericModel(plan, plan.default_parameters, theta)


def _weights(plan: CompiledSystem) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {s.name: rng.normal(size=s.shape) for s in plan.layout.of_kind("weight")}


def direct(model: NumericModel, t: float, u: Any, exprs: Any) -> Any:
    """The same expressions by SymPy's own printer."""
    system = model.plan.system
    trainable = list(system.trainable)
    values = [system.trainable[s] for s in trainable] + [*model.plan.system.parameters.values()]
    f = sp.lambdify([list(system.states), psu.t, [*trainable, *system.parameters]], exprs, "scipy")
    return np.array(f(u, t, values), dtype=float)


def differences(model: NumericModel, t: float, u: Any) -> Any:
    """The Jacobian by central differences."""
    steps = 1e-6 * np.eye(len(u))
    return np.stack([(model.rhs(t, u + h) - model.rhs(t, u - h)) / 2e-6 for h in steps], axis=-1)


def test_small_systems_keep_their_straight_lines():
    small = psu.ODESystem({s: -s for s in x[: LARGE - 1]})
    assert isinstance(compile_system(small).rhs, Tape)
    assert isinstance(compile_system(psu.ODESystem({s: -s for s in x[:LARGE]})).rhs, Looped)


def test_equal_shapes_share_one_template():
    program = looped(ring())
    assert sizes(program) == [n, n]
    # both read x_i, so they share a loop
    assert len(program.templates) == 1


def test_another_constant_factor_stays_in_the_template():
    program = looped(ring({5: 3 * x[5] ** 2 * x[6] - sp.sin(k * x[5])}))
    assert sizes(program) == [n, n]


def test_another_constant_inside_becomes_a_table():
    rhs = {s: sp.exp(-s / (2 if i != 7 else 5)) for i, s in enumerate(x)}
    (template,) = looped(rhs).templates
    tables = {slot.kind: slot.table for slot in template.slots}
    assert template.members == n
    assert sorted(set(tables["constant"])) == [-0.5, -0.2]
    assert int(np.argmax(tables["constant"])) == 7


def test_another_index_is_another_entry_of_the_table():
    program = looped(ring({9: 2 * x[9] ** 2 * x[77] - sp.sin(k * x[9])}))
    assert sizes(program) == [n, n]
    assert any(
        77 in slot.table[9:10] for t in program.templates for slot in t.slots if slot.table.ndim
    )


@pytest.mark.parametrize("odd", [sp.cos(k * x[3]), sp.sin(k * x[3] ** 2), sp.sin(psu.t * x[3])])
def test_another_function_power_or_kind_is_another_template(odd: sp.Expr):
    program = looped(ring({3: 2 * x[3] ** 2 * x[4] - odd}))
    assert sizes(program) == [1, n - 1, n]


def test_a_repeated_symbol_is_another_shape():
    # x_i * y^2 with y = x_i collapses in SymPy; sin(x_i) * x_j with j = i does not
    rhs = {x[i]: sp.sin(x[i]) * x[(i + 1) % n] for i in range(n)}
    rhs[x[4]] = sp.sin(x[4]) * x[4]
    assert sizes(looped(rhs)) == [1, n - 1]


def test_names_do_not_decide_the_order_of_operands():
    # x9*x10 and x10*x9 sort differently by name
    rhs = {
        x[i]: k * (x[i] - x[(i + 1) % n]) ** 3 + x[i] * x[(i + 1) % n] / (1 + x[i])
        for i in range(n)
    }
    assert sizes(looped(rhs)) == [n, n]


def test_a_shared_rate_is_one_term():
    rate = [k * x[i] * x[i + 1] for i in range(n - 1)]
    rhs: dict[Any, Any] = dict.fromkeys(x, sp.S.Zero)
    for i, r in enumerate(rate):
        rhs[x[i]] -= r
        rhs[x[i + 1]] += r
    assert looped(rhs).starts[-1] == n - 1


def test_bounds_and_assumptions_separate():
    p = psu.parameters("p", positive=True)
    q = psu.parameters("q")
    rhs = {s: (p if i % 2 else q) * sp.sin(s) for i, s in enumerate(x)}
    plan = compile_system(psu.ODESystem(rhs, trainable={p: 1.0, q: 1.0}))
    assert sizes(cast("Looped", plan.rhs)) == [n // 2, n // 2]


def test_every_difference_enters_the_fingerprint():
    systems = [
        ring(),
        ring({5: 3 * x[5] ** 2 * x[6] - sp.sin(k * x[5])}),
        ring({9: 2 * x[9] ** 2 * x[77] - sp.sin(k * x[9])}),
        ring({3: 2 * x[3] ** 2 * x[4] - sp.cos(k * x[3])}),
        ring({3: 1 + 2 * x[3] ** 2 * x[4] - sp.sin(k * x[3])}),
    ]
    assert len({compile_system(psu.ODESystem(rhs)).fingerprint for rhs in systems}) == len(systems)


def test_what_cannot_be_computed_is_refused_by_the_users_names():
    with pytest.raises(EmissionError, match=r"the unknown function w\(x17\)"):
        looped({s: sp.Function("w")(x[17]) if s == x[3] else -s for s in x})
    with pytest.raises(EmissionError, match=r"gamma in gamma\(x5\)"):
        looped({s: sp.gamma(s) if s == x[5] else -s for s in x})


@pytest.mark.parametrize("seed", range(3))
def test_random_systems_have_the_same_values_and_derivatives(seed: int):
    system = random_system(seed)
    model = model_of(system)
    rhs = list(system.rhs.values())
    u = np.random.default_rng(seed).uniform(-2, 2, len(system.states))
    exact = direct(model, 0.7, u, rhs)
    np.testing.assert_allclose(model.rhs(0.7, u), exact, rtol=1e-12, atol=1e-12)
    assert not np.allclose(model.rhs(0.7, u + 1e-6), exact, rtol=1e-12, atol=1e-12)
    states = {s: j for j, s in enumerate(system.states)}
    places = [(i, states[s]) for i, f in enumerate(rhs) for s in f.free_symbols & states.keys()]
    entries = [rhs[i].diff(system.states[j]) for i, j in places]
    dense = np.zeros((len(rhs), len(rhs)))
    dense[tuple(np.array(places).T)] = direct(model, 0.7, u, entries)
    found = model.jacobian(0.7, u)
    np.testing.assert_allclose(found, dense, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(found, differences(model, 0.7, u), rtol=1e-5, atol=1e-6)
    slope = direct(model, 0.7, u, [f.diff(psu.t) for f in rhs])
    gradient = model.evaluate(model.plan.time_gradient, 0.7, u)
    np.testing.assert_allclose(gradient, slope, rtol=1e-12, atol=1e-12)


def test_the_pattern_is_sparse_and_has_its_diagonal():
    system, _ = brusselator()
    pattern = cast("SparseJacobian", compile_system(system).jacobian)
    N = len(system.states)
    # five points of the stencil, and the other species
    assert len(pattern.rows) == 6 * N
    assert {(i, i) for i in range(N)} <= set(zip(pattern.rows, pattern.columns, strict=True))
    assert pattern.column_starts[-1] == len(pattern.rows)


def test_a_network_at_every_point():
    system, u = networked_grid()
    model = model_of(system)
    # one loop calls it for both equations
    (template,) = (t for t in cast("Looped", model.plan.rhs).templates if "net" in repr(t.tape))
    assert [op.name for op in template.tape.operations].count("net") == 1
    straight = build_tape(model.plan.inputs, list(system.rhs.values()))
    np.testing.assert_allclose(model.rhs(0.3, u), model.evaluate(straight, 0.3, u), rtol=1e-13)
    np.testing.assert_allclose(
        model.jacobian(0.3, u), differences(model, 0.3, u), rtol=1e-6, atol=1e-7
    )
    known = model.evaluate(model.plan.known_rhs, 0.3, u)
    assert np.abs(model.rhs(0.3, u) - known - model.unknown_term(0.3, u)).max() == 0.0


def test_many_points_at_once():
    model = model_of(random_system(1))
    u = np.random.default_rng(5).uniform(-1, 1, (3, 2, len(model.plan.states)))
    t = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    together = model.rhs(t, u)
    for i in np.ndindex(3, 2):
        # NumPy adds long rows in another order when there are several
        np.testing.assert_allclose(together[i], model.rhs(t[i], u[i]), rtol=1e-13, atol=1e-13)


def test_stiffness_of_a_large_system_equals_the_small_ones():
    # independent decays, of which one is fast
    rhs = {s: -(5000.0 if i == 50 else 1.0) * s for i, s in enumerate(x)}
    found = explicit_steps(model_of(psu.ODESystem(rhs)), np.ones(n), 0.0, 2.0)
    assert found == pytest.approx(5000 * 2 / 3.3, rel=1e-2)


def test_a_large_learned_hamiltonian_is_still_computed():
    q, p = x[: n // 2], x[n // 2 :]
    energy = psu.MLP("H", inputs=[q[0], p[0]], outputs=1, hidden=(2,))
    total = sum((a**2 + b**2) / 2 for a, b in zip(q, p, strict=True)) + energy[0]
    system = psu.hamiltonian_system(total, q, p)
    assert isinstance(compile_system(system).rhs, Tape)

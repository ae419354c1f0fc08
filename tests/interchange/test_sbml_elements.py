"""Every element of SBML that is read, against what it means written out by hand."""

import numpy as np
import pytest
import sympy as sp
from typer.testing import CliRunner

import pysymude as psu
from pysymude.cli import app
from pysymude.plot import plot_solution

pytest.importorskip("libsbml", reason="python-libsbml is not installed")

from tests.interchange import sbml_text as s

CELL = [s.compartment("c", 2.0)]
T = np.linspace(0.0, 2.0, 5)


def read(**parts):
    return psu.ODESystem.from_sbml(s.sbml(**parts))


def solved(system, **keywords):
    sol = psu.solve(system, t=T, engine="native", reltol=1e-10, abstol=1e-12, **keywords)
    assert sol.success
    return sol


def expressions(system):
    return {x.name: f for x, f in system.rhs.items()}


def symbols(names):
    return sp.symbols(names, real=True)


def test_a_reaction_in_a_volume_changes_concentrations():
    found = read(
        compartments=CELL, species=[s.species("A", initialConcentration=3), s.species("B", initialAmount=1)],
        parameters=[s.parameter("k", 0.5)], reactions=[s.reaction("r", {"A": 2}, {"B": 1}, "c*k*A")],
    )  # fmt: skip
    A, k, c = symbols("A k c")
    assert expressions(found) == {"A": -2 * k * A, "B": k * A}
    assert {x.name: e for x, e in found.initial.items()} == {"A": 3, "B": 1 / c}
    assert np.allclose(solved(found)["A"], 3 * np.exp(-T), rtol=1e-8)


def test_amounts_are_states_where_the_file_says_so():
    found = read(
        compartments=CELL,
        species=[
            s.species("A", initialConcentration=3, hasOnlySubstanceUnits="true"),
            s.species("B", initialConcentration=0),
        ],
        parameters=[s.parameter("k", 0.5)], reactions=[s.reaction("r", {"A": 1}, {"B": 1}, "k*A")],
    )  # fmt: skip
    sol = solved(found)
    # 3 per volume of 2; what leaves arrives in that volume
    assert np.allclose(sol["A"], 6 * np.exp(-0.5 * T), rtol=1e-8)
    assert np.allclose(sol["B"], 3 * (1 - np.exp(-0.5 * T)), rtol=1e-7, atol=1e-9)


def test_two_compartments_of_different_size():
    found = read(
        compartments=[s.compartment("c", 2.0), s.compartment("n", 0.5)],
        species=[s.species("A", initialConcentration=1), s.species("B", "n", initialConcentration=0)],
        parameters=[s.parameter("k", 1.0)], reactions=[s.reaction("r", {"A": 1}, {"B": 1}, "k*c*A")],
    )  # fmt: skip
    sol = solved(found)
    assert np.allclose(2.0 * sol["A"] + 0.5 * sol["B"], 2.0, rtol=1e-9)
    assert sol["B"][-1] == pytest.approx(4.0 * (1 - np.exp(-2.0)), rel=1e-7)


def test_a_growing_compartment_thins_what_is_in_it():
    found = read(
        compartments=[s.compartment("c", 2.0, constant="false")], species=[s.species("A", initialConcentration=3)],
        parameters=[s.parameter("g", 0.7)], rules=[s.rate("c", "g*c")],
    )  # fmt: skip
    sol = solved(found)
    assert np.allclose(sol["c"], 2 * np.exp(0.7 * T), rtol=1e-8)
    assert np.allclose(sol["A"] * sol["c"], 6.0, rtol=1e-8)


def test_a_compartment_whose_size_is_a_formula_of_time():
    found = read(
        compartments=[s.compartment("c", None, constant="false")],
        species=[s.species("A", initialAmount=6), s.species("B", initialAmount=1, boundaryCondition="true")],
        rules=[s.assignment("c", "2 + time")],
    )  # fmt: skip
    sol = solved(found)
    assert np.allclose(sol["A"], 6.0 / (2.0 + T), rtol=1e-7)
    assert np.allclose(sol["B"], 1.0 / (2.0 + T), rtol=1e-7)


def test_a_point_has_no_concentrations():
    found = read(
        compartments=[s.compartment("c", None, spatialDimensions=0)], species=[s.species("A", initialAmount=3)],
        parameters=[s.parameter("k", 0.5)], reactions=[s.reaction("r", {"A": 1}, {}, "k*A")],
    )  # fmt: skip
    assert np.allclose(solved(found)["A"], 3 * np.exp(-0.5 * T), rtol=1e-8)


def test_boundary_and_constant_species_are_left_as_they_are():
    found = read(
        compartments=CELL,
        species=[
            s.species("S", initialConcentration=2, boundaryCondition="true"),
            s.species("P", initialConcentration=0),
            s.species("K", initialConcentration=5, boundaryCondition="true", constant="true"),
        ],
        reactions=[s.reaction("r", {"S": 1, "K": 1}, {"P": 1}, "c*S*K")],
    )  # fmt: skip
    assert [x.name for x in found.states] == ["P"]
    assert {p.name: v for p, v in found.parameters.items()} == {"S": 2.0, "K": 5.0}


def test_a_boundary_species_may_have_a_rule():
    found = read(
        compartments=CELL, species=[s.species("S", initialConcentration=2, boundaryCondition="true")],
        rules=[s.rate("S", "-S")], reactions=[s.reaction("r", {"S": 1}, {}, "100*S")],
    )  # fmt: skip
    assert np.allclose(solved(found)["S"], 2 * np.exp(-T), rtol=1e-8)


@pytest.mark.parametrize("where", ["species", "model"])
def test_conversion_factors(where):
    of_model = 'conversionFactor="f"' if where == "model" else ""
    own = {"conversionFactor": "f"} if where == "species" else {}
    found = read(
        compartments=CELL, species=[s.species("A", initialConcentration=1, **own)],
        parameters=[s.parameter("f", 3.0)], reactions=[s.reaction("r", {"A": 1}, {}, "c*A")], model=of_model,
    )  # fmt: skip
    assert solved(found)["A"][-1] == pytest.approx(np.exp(-6.0), rel=1e-6)


def test_local_parameters_hide_those_of_the_model():
    found = read(
        compartments=CELL,
        species=[s.species("A", initialConcentration=1), s.species("B", initialConcentration=1)],
        parameters=[s.parameter("k", 1.0)],
        reactions=[
            s.reaction("r", {"A": 1}, {}, "c*k*A", local=[("k", 2.0)]), s.reaction("q", {"B": 1}, {}, "c*k*B"),
        ],
    )  # fmt: skip
    sol = solved(found)
    assert sol["A"][-1] == pytest.approx(np.exp(-4.0), rel=1e-6)
    assert sol["B"][-1] == pytest.approx(np.exp(-2.0), rel=1e-6)


def test_functions_rules_and_starts_need_each_other_in_any_order():
    found = read(
        functions=[s.function("twice", "lambda(x, 2*x)"), s.function("f", "lambda(x, y, twice(x) + y^2)")],
        parameters=[
            *(s.parameter(key, constant="false") for key in "xvw"),
            s.parameter("p"), s.parameter("q", 3.0),
        ],
        starts=[s.initial("x", "p + v"), s.initial("p", "2*q")],
        rules=[s.assignment("w", "f(v, x)"), s.assignment("v", "p + 1"), s.rate("x", "w - x^2 - x*v")],
    )  # fmt: skip
    # v = 7, x' = 2 v - v x, from 13
    sol = solved(found)
    assert np.allclose(sol["x"], 2 + 11 * np.exp(-7 * T), rtol=1e-7)
    assert np.allclose(sol.observables["w"], 14 + sol["x"] ** 2, rtol=1e-9)


def test_what_begins_with_something_learned_follows_it():
    text = s.sbml(
        parameters=[s.parameter("x", 1.0, constant="false"), s.parameter("p"), s.parameter("q", 3.0)],
        starts=[s.initial("p", "2*q")], rules=[s.rate("x", "-p*x")],
    )  # fmt: skip
    x, q, p = symbols("x q p")
    assert psu.ODESystem.from_sbml(text, trainable=["q"]).rhs[x] == -2 * q * x
    learned = psu.ODESystem.from_sbml(text, trainable={"p": 4.0})
    assert learned.rhs[x] == -p * x
    assert dict(learned.trainable) == {p: 4.0}


def test_piecewise_and_conditions():
    found = read(
        parameters=[s.parameter("x", 0.0, constant="false"), s.parameter("on", 0.5)],
        rules=[s.rate("x", "piecewise(2, and(time > on, not(time >= 1.5)), 1, xor(time < 0.25, time < 0), 0)")],
    )  # fmt: skip
    assert np.allclose(solved(found)["x"], [0.0, 0.25, 1.25, 2.25, 2.25], atol=1e-9)


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("root(3, 8)", 2.0), ("sqrt(4)", 2.0), ("log(100)", 2.0), ("log(2, 8)", 3.0), ("ln(exponentiale)", 1.0),
        ("abs(-3)", 3.0), ("min(3, x, 2)", 1.0), ("max(3, x, 2)", 3.0), ("sec(x)", 1 / np.cos(1.0)),
        ("csc(x)", 1 / np.sin(1.0)), ("cot(x)", 1 / np.tan(1.0)), ("sech(x)", 1 / np.cosh(1.0)),
        ("csch(x)", 1 / np.sinh(1.0)), ("coth(x)", 1 / np.tanh(1.0)), ("arcsec(x + 1)", np.arccos(0.5)),
        ("arccsc(x + 1)", np.arcsin(0.5)), ("arccot(x)", np.pi / 4), ("arcsinh(x)", np.arcsinh(1.0)),
        ("arccosh(x + 1)", np.arccosh(2.0)), ("arctanh(x/2)", np.arctanh(0.5)), ("arcsech(x/2)", np.arccosh(2.0)),
        ("arccsch(x)", np.arcsinh(1.0)), ("arccoth(x + 1)", np.arctanh(0.5)), ("pi*x", np.pi),
        ("avogadro/1e23", 6.02214179), ("-x^2", -1.0), ("2^-x", 0.5), ("x - 2 - 3", -4.0), ("x/2/4", 0.125),
        ("1e-3*x", 1e-3),
        ("(x > 0.5) + (x > 2)", 1.0), ("piecewise(2, x, 3)", 2.0),
        ("piecewise(1, implies(x > 2, false), 5)", 1.0), ("tanh(x)", np.tanh(1.0)),
    ],
)  # fmt: skip
def test_functions_of_mathml(formula, value):
    found = read(
        parameters=[s.parameter("x", 1.0, constant="false"), s.parameter("y", constant="false")],
        rules=[s.assignment("y", formula), s.rate("x", "0*x")],
    )
    assert solved(found).observables["y"][0] == pytest.approx(value, rel=1e-12)


def test_reactions_and_stoichiometries_are_names_in_formulas():
    found = read(
        compartments=CELL,
        species=[s.species("A", initialConcentration=1), s.species("B", initialConcentration=0)],
        parameters=[s.parameter("total", constant="false")],
        rules=[s.assignment("total", "r + n")],
        reactions=[s.reaction("r", {"A": 1}, {"B": ("n", 3)}, "c*A")],
    )  # fmt: skip
    sol = solved(found)
    assert np.allclose(sol.observables["total"], 2 * np.exp(-T) + 3, rtol=1e-8)
    assert np.allclose(sol["B"], 3 * (1 - np.exp(-T)), rtol=1e-7, atol=1e-9)


def test_ids_that_no_symbol_may_have_are_renamed():
    model = psu.read_sbml(
        s.sbml(
            parameters=[
                s.parameter("lambda", 2.0), s.parameter("t", 1.0, constant="false"), s.parameter("t_", 3.0),
                s.parameter("gamma", 1.0), s.parameter("E", 1.0), s.parameter("S", 1.0),
            ],
            rules=[s.rate("t", "-lambda*t*gamma*E*S + 0*t_")],
        )
    )  # fmt: skip
    assert model.names == {
        "lambda": "lambda_",
        "t": "t__",
        "t_": "t_",
        "gamma": "gamma",
        "E": "E",
        "S": "S",
    }
    assert np.allclose(solved(model.system)["t__"], np.exp(-2 * T), rtol=1e-8)


def test_level_1_and_level_2():
    one = """<sbml xmlns="http://www.sbml.org/sbml/level1" level="1" version="2"><model name="m">
      <listOfCompartments><compartment name="c" volume="2"/></listOfCompartments>
      <listOfSpecies><species name="A" compartment="c" initialAmount="6"/>
        <species name="B" compartment="c" initialAmount="0"/></listOfSpecies>
      <listOfReactions><reaction name="r" reversible="false">
        <listOfReactants><speciesReference species="A" stoichiometry="1" denominator="2"/></listOfReactants>
        <listOfProducts><speciesReference species="B"/></listOfProducts>
        <kineticLaw formula="c * k * A * log(2.718281828459045)"><listOfParameters><parameter name="k" value="2"/>
        </listOfParameters></kineticLaw></reaction></listOfReactions></model></sbml>"""
    sol = solved(psu.ODESystem.from_sbml(one))
    assert np.allclose(sol["A"], 3 * np.exp(-T), rtol=1e-8)
    two = s.sbml(
        version=(2, 4),
        parameters=[s.parameter("x", 1.0, constant="false")],
        rules=[s.rate("x", "-2*x + 0*time")],
    )
    assert np.allclose(solved(psu.ODESystem.from_sbml(two))["x"], np.exp(-2 * T), rtol=1e-8)


def test_units_are_kept_as_text():
    unit = (
        '<unitDefinition id="nM"><listOfUnits><unit kind="mole" exponent="1" scale="-9" multiplier="1"/>'
        '<unit kind="litre" exponent="-1" scale="0" multiplier="1"/></listOfUnits></unitDefinition>'
        '<unitDefinition id="per_s"><listOfUnits><unit kind="second" exponent="-1" scale="0" multiplier="1"/>'
        "</listOfUnits></unitDefinition>"
    )
    model = psu.read_sbml(
        s.sbml(
            units=[unit], compartments=[s.compartment("c", 1.0, units="litre")],
            species=[s.species("A", initialConcentration=1, substanceUnits="mole")],
            parameters=[s.parameter("k", 1.0, units="per_s"), s.parameter("d", 1.0, units="nM")],
            reactions=[s.reaction("r", {"A": 1}, {}, "c*k*A/d")],
        )
    )  # fmt: skip
    assert model.units == {
        "c": "litre",
        "A": "mole / litre",
        "k": "1 / second",
        "d": "1e-09 mole / litre",
    }


def test_units_of_the_system():
    """A species of concentration has another unit than one of amount; time has its own."""
    hour = (
        '<unitDefinition id="hour"><listOfUnits><unit kind="second" exponent="1" scale="0" '
        'multiplier="3600"/></listOfUnits></unitDefinition>'
    )
    text = s.sbml(
        units=[hour], compartments=[s.compartment("c", 2.0, units="litre")],
        species=[
            s.species("A", initialConcentration=1, substanceUnits="mole"),
            s.species("B", initialAmount=1, substanceUnits="mole", hasOnlySubstanceUnits="true"),
        ],
        parameters=[s.parameter("k", 0.5, units="hertz"), s.parameter("n", 1.0, units="dimensionless")],
        reactions=[s.reaction("r", {"A": 1}, {"B": 1}, "c*k*n*A")], model='timeUnits="hour"',
    )  # fmt: skip
    system = psu.ODESystem.from_sbml(text)
    assert dict(system.units) == {
        "A": "mole / litre",
        "B": "mole",
        "c": "litre",
        "k": "hertz",
        "t": "hour",
    }
    # hours stay hours: nothing is converted
    found = solved(system)
    np.testing.assert_allclose(found["A"], np.exp(-0.5 * T), rtol=1e-8)
    np.testing.assert_allclose(found["B"], 1 + 2 * (1 - np.exp(-0.5 * T)), rtol=1e-8)
    axes = plot_solution(found).axes
    assert axes[-1].get_xlabel() == "time t [hour]"
    assert [one.get_ylabel() for one in axes] == ["A [mole / litre]", "B [mole]"]


def test_units_that_level_two_has_by_itself():
    text = s.sbml(
        compartments=[s.compartment("c", 1.0)], species=[s.species("A", initialConcentration=1)],
        rules=[s.rate("A", "-A")], version=(2, 4),
    )  # fmt: skip
    assert dict(psu.ODESystem.from_sbml(text).units) == {"A": "mole / litre", "t": "second"}


def test_observables_and_trainable_parameters():
    text = s.sbml(
        parameters=[
            s.parameter("x", 1.0, constant="false"), s.parameter("y", constant="false"), s.parameter("k", 2.0),
        ],
        rules=[s.assignment("y", "3*x"), s.rate("x", "-k*x")],
    )  # fmt: skip
    x, k, y = symbols("x k y")
    found = psu.ODESystem.from_sbml(
        text, trainable=["k"], observables={"a": "x + y", "b": y**2, "c": "y"}
    )
    assert dict(found.observables) == {"a": 4 * x, "b": 9 * x**2, "c": 3 * x}
    assert dict(found.trainable) == {k: 2.0}
    assert dict(psu.ODESystem.from_sbml(text).observables) == {"y": 3 * x}
    with pytest.raises(psu.PySymUDEError, match="did you mean"):
        psu.ODESystem.from_sbml(text, trainable=["kk"])


def test_laws_of_a_model_with_compartments():
    found = read(
        compartments=[s.compartment("c", 2.0), s.compartment("n", 0.5)],
        species=[s.species("A", initialConcentration=1), s.species("B", "n", initialConcentration=0)],
        parameters=[s.parameter("k", 1.0), s.parameter("q", 1.0)],
        reactions=[s.reaction("r", {"A": 1}, {"B": 2}, "k*c*A"), s.reaction("b", {"B": 2}, {"A": 1}, "q*n*B^2")],
    )  # fmt: skip
    A, B, c, n = symbols("A B c n")
    laws = psu.first_integrals(found)
    assert any(sp.simplify(law.expr / (2 * c * A + n * B)).is_number for law in laws) or any(
        sp.simplify(law.expr - A - n * B / (2 * c)) == 0 for law in laws
    )


def test_a_large_model():
    n = 500
    found = psu.ODESystem.from_sbml(s.large(n))
    S = np.array([1 + i % 7 for i in range(n)], dtype=float)
    k = np.array([0.1 + i % 13 for i in range(n)])
    other = (7 * np.arange(n) + 3) % n
    flow = k * S * S[other] / (k + S)
    expected = np.zeros(n)
    np.add.at(expected, np.arange(n), -flow)
    np.add.at(expected, other, -flow)
    np.add.at(expected, (np.arange(n) + 1) % n, flow)
    values = dict(found.parameters) | {x: S[int(x.name[1:])] for x in found.states}
    assert [x.name for x in found.states] == [f"S{i}" for i in range(n)]
    seen = [float(f.xreplace(values)) for f in found.rhs.values()]
    assert np.allclose(seen, expected, rtol=1e-12)


def test_the_command_line_reads_models(tmp_path):
    path = tmp_path / "model.xml"
    path.write_text(s.large(3))
    done = CliRunner().invoke(app, ["simulate", str(path), "--t", "0:1:3"])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "t,S0,S1,S2"
    done = CliRunner().invoke(app, ["laws", str(path), "--degree", "1"])
    assert done.exit_code == 0, done.output


def test_rates_as_numbers():
    """rateOf: of a state, of what does not change, and of a parameter that only the reaction knows."""
    found = read(
        compartments=[s.compartment("c", 2.0)],
        species=[s.species("A", initialConcentration=3), s.species("B", initialConcentration=0)],
        parameters=[
            s.parameter("k", 0.5), s.parameter("y", constant="false"), s.parameter("z", 0.0, constant="false"),
        ],
        rules=[s.assignment("y", "rateOf(A)*2 + rateOf(k)"), s.rate("z", "rateOf(B) + y")],
        reactions=[s.reaction("r", {"A": 1}, {"B": 1}, "c*k*A + rateOf(k)", local=[("q", 1.0)])],
    )  # fmt: skip
    sol = solved(found)
    assert np.allclose(sol.observables["y"], -2 * 0.5 * 3 * np.exp(-0.5 * T), rtol=1e-8)
    # B' = -A', and y = 2 A'
    assert np.allclose(sol["z"], sol["A"] - 3.0, rtol=1e-7, atol=1e-8)

"""What is no SBML, or is not read: the message names file, line or id, and nothing is fetched or executed."""

import pytest

import pysymude as psu
from pysymude.errors import InvalidInputError, ModelFileError

pytest.importorskip("libsbml", reason="python-libsbml is not installed")

from tests.interchange import sbml_text as s

X = s.parameter("x", 1.0, constant="false")
MATHML = 'xmlns="http://www.w3.org/1998/Math/MathML"'
DELAY = (
    f'<rateRule variable="x"><math {MATHML}><apply><csymbol encoding="text" '
    'definitionURL="http://www.sbml.org/sbml/symbols/delay"> delay </csymbol><ci> x </ci><cn> 1 </cn></apply>'
    "</math></rateRule>"
)
COMP = "http://www.sbml.org/sbml/level3/version1/comp/version1"
SEVEN, HUGE = '<cn type="integer"> 7 </cn>', '<cn type="e-notation"> 9 <sep/> 99999999999 </cn>'
REFUSED = {
    "algebraic": (
        {"parameters": [X], "rules": [f"<algebraicRule>{s.math('x - 1')}</algebraicRule>"]},
        "algebraic rules",
    ),
    "delay": ({"parameters": [X], "rules": [DELAY]}, "'x': delays"),
    "fast": (
        {
            "compartments": [s.compartment("c")], "species": [s.species("A", initialConcentration=1)],
            "reactions": [s.reaction("hasty", {"A": 1}, {}, "A").replace("<reaction", '<reaction fast="true"')],
            "version": (3, 1),
        },
        "'hasty': a fast reaction",
    ),
    "stoichiometry": (
        {
            "compartments": [s.compartment("c")], "species": [s.species("A", initialConcentration=1)],
            "reactions": [
                '<reaction id="r"><listOfReactants><speciesReference species="A"><stoichiometryMath>'
                + s.math("2") + "</stoichiometryMath></speciesReference></listOfReactants><kineticLaw>"
                + s.math("A") + "</kineticLaw></reaction>"
            ],
            "version": (2, 4),
        },
        "stoichiometryMath",
    ),
    "no law": (
        {
            "compartments": [s.compartment("c")], "species": [s.species("A", initialConcentration=1)],
            "reactions": ['<reaction id="lawless" reversible="false"/>'],
        },
        "'lawless': it has no kinetic law",
    ),
    "unknown name": ({"parameters": [X], "rules": [s.rate("x", "x*nowhere")]}, "'x': .*'nowhere'"),
    "unknown function": ({"parameters": [X], "rules": [s.rate("x", "g(x)")]}, "'g', which is no function"),
    "unknown variable": ({"parameters": [X], "rules": [s.rate("y", "x")]}, "'y' is not there"),
    "compartment": ({"species": [s.species("A", "gone")]}, "'A': its compartment 'gone'"),
    "circle": (
        {
            "parameters": [X, s.parameter("a", constant="false"), s.parameter("b", constant="false")],
            "rules": [s.rate("x", "a"), s.assignment("a", "b + 1"), s.assignment("b", "a")],
        },
        "parameter '[ab]': its value is needed to find its value",
    ),
    "two rules": ({"parameters": [X], "rules": [s.rate("x", "1"), s.rate("x", "2")]}, "'x': a second rule"),
    "constant": ({"parameters": [s.parameter("x", 1.0)], "rules": [s.rate("x", "1")]}, "'x': it is constant"),
    "no otherwise": ({"parameters": [X], "rules": [s.rate("x", "piecewise(1, x > 2)")]}, "no otherwise"),
    "floor": ({"parameters": [X], "rules": [s.rate("x", "floor(x)")]}, "floor"),
    "choice in a condition": (
        {"parameters": [X], "rules": [s.rate("x", "piecewise(1, piecewise(1, x > 1, 2) > 1, 3)")]},
        "contains a piecewise",
    ),
    "towers": ({"parameters": [X], "rules": [s.rate("x", "x + 10^(10^(10^10))")]}, "exponent"),
    "huge": ({"parameters": [X], "rules": [s.rate("x", "x*7").replace(SEVEN, HUGE)]}, "line 7"),
    "division": ({"parameters": [X], "rules": [s.rate("x", "x/0")]}, "divides by zero"),
    "complex": ({"parameters": [X], "rules": [s.rate("x", "x*log(-1)")]}, "not real"),
    "infinite": ({"parameters": [s.parameter("p", "INF"), X], "rules": [s.rate("x", "p")]}, "'p': its value"),
    "nothing moves": ({"parameters": [s.parameter("p", 1)]}, "nothing in the model changes"),
    "package": (
        {"parameters": [X], "root": f'xmlns:comp="{COMP}" comp:required="true"'},
        "package 'comp'",
    ),
    "twice": ({"parameters": [X, X], "rules": [s.rate("x", "x")]}, "'x'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_refused_by_name(name):
    parts, message = REFUSED[name]
    with pytest.raises(ModelFileError, match=message):
        psu.ODESystem.from_sbml(s.sbml(**parts))


def test_errors_name_the_file_and_the_line(tmp_path):
    path = tmp_path / "model.xml"
    text = s.sbml(parameters=[X], rules=[s.rate("x", "x*nowhere")])
    path.write_text(text.replace("<listOfRules>", "\n\n<listOfRules>"))
    with pytest.raises(ModelFileError, match=r"model\.xml line \d+: rateRule 'x'"):
        psu.ODESystem.from_sbml(path)
    with pytest.raises(ModelFileError, match=r"gone\.xml: no such file"):
        psu.ODESystem.from_sbml(tmp_path / "gone.xml")
    with pytest.raises(InvalidInputError, match="found int"):
        psu.ODESystem.from_sbml(3)


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE sbml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n'
    '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="&b;"/></sbml>'
)
OUTSIDE = BOMB.replace('<!ENTITY a "ha">', '<!ENTITY a SYSTEM "file:///etc/hostname">')


@pytest.mark.parametrize("text", [BOMB, OUTSIDE], ids=["bomb", "outside"])
def test_entities_are_refused_unread(text):
    with pytest.raises(ModelFileError, match="line 2: a document type"):
        psu.ODESystem.from_sbml(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html></html>", "first element"), ("<sbml", "no XML"), ("<sbml></model>", "no SBML of level"),
        (s.sbml(parameters=[X])[:-20], "no XML"),
        ('<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"/>', "<model> element"),
    ],
)  # fmt: skip
def test_no_sbml(text, message):
    with pytest.raises(ModelFileError, match=message):
        psu.ODESystem.from_sbml(text)


def test_depth_is_bounded():
    deep = "<apply><plus/>" * 10_000 + "<ci> x </ci>" + "</apply>" * 10_000
    rule = f'<rateRule variable="x"><math {MATHML}>{deep}</math></rateRule>'
    with pytest.raises(ModelFileError, match="inside each other"):
        psu.ODESystem.from_sbml(s.sbml(parameters=[X], rules=[rule]))


def test_functions_and_rules_that_double_are_refused():
    twice = [s.function(f"f{k}", f"lambda(x, f{k - 1}(x)*f{k - 1}(x + 1))") for k in range(1, 60)]
    functions = [s.function("f0", "lambda(x, sin(x))"), *twice]
    with pytest.raises(ModelFileError, match="more than"):
        read_rules([s.rate("x", "f59(x)")], functions=functions)
    rules = [s.assignment(f"a{k}", f"sin(a{k - 1})*cos(a{k - 1} + x)") for k in range(1, 60)]
    with pytest.raises(ModelFileError, match="more than"):
        read_rules([s.rate("x", "a59"), s.assignment("a0", "sin(x)"), *rules])


def read_rules(rules, functions=()):
    names = [s.parameter(f"a{k}", constant="false") for k in range(60)]
    return psu.ODESystem.from_sbml(s.sbml(functions=functions, parameters=[X, *names], rules=rules))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('level="3"', 'level="2"'),
        ('version="2"', 'version="9"'),
        ("version2/core", "version1/core"),
        ('level="3"', ""),
    ],
)
def test_levels_that_there_are_not(old, new):
    text = s.sbml(parameters=[X], rules=[s.rate("x", "x")])
    assert old in text
    with pytest.raises(ModelFileError, match="line 2: there is no SBML of level"):
        psu.ODESystem.from_sbml(text.replace(old, new, 1))

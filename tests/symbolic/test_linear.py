"""Linear laws: exact left null spaces of sparse matrices, and their reading from right-hand sides."""

from __future__ import annotations

import random
import subprocess
import sys
from fractions import Fraction
from math import gcd

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.polys.matrices import DomainMatrix

from pysymude.errors import InvalidInputError
from pysymude.model.network import MLP
from pysymude.model.symbols import t
from pysymude.symbolic.null_space import integer_elimination, integer_lifting, null_space_mod_p
from pysymude.symbolic.null_space.linear_laws import left_null_space, linear_laws, rate_matrix


def dice(seed):
    return random.Random(seed)


def rank(vectors, n):
    rows = [[v.get(i, 0) for i in range(n)] for v in vectors]
    return DomainMatrix(rows, (len(rows), n), sp.ZZ).to_field().rank()


def rows_of(matrix):
    return [{j: a for j, a in enumerate(row) if a} for row in matrix]


def laws_of(matrix):
    return left_null_space(rows_of(matrix), len(matrix[0]))


def sparse(seed):
    """A sparse matrix with more rows than rank, as its rows and its number of columns."""
    rng = dice(seed)
    n, m = rng.randint(5, 25), rng.randint(3, 20)
    rows = [{} for _ in range(n)]
    for j in range(m):
        for i in rng.sample(range(n), min(n, rng.randint(1, 5))):
            rows[i][j] = rng.choice([-1, 1, 1, -1, 2, -3, 15, 35, 10**9])
    return rows, m


def violations(rows, vector):
    change = {}
    for i, c in vector.items():
        for j, a in rows[i].items():
            change[j] = change.get(j, 0) + c * a
    return {j: a for j, a in change.items() if a}


def assert_basis(matrix, vectors):
    """Exactly the left null space by SymPy, in the promised form."""
    n = len(matrix)
    rows = rows_of(matrix)
    assert not any(violations(rows, v) for v in vectors)
    expected = sp.Matrix(matrix).T.nullspace()
    assert len(vectors) == len(expected)
    if vectors:
        assert rank(vectors, n) == len(vectors)
    for v in vectors:
        assert list(v) == sorted(v)
        assert all(type(c) is int and c for c in v.values())
        assert gcd(*v.values()) == 1
        assert min(v.values()) > 0 or next(iter(v.values())) > 0
    assert vectors == sorted(vectors, key=lambda v: (len(v), list(v.items())))


def relations(rng, weights, n_columns):
    """Columns c with weights . c = 0, each on three coordinates, large where the weights are."""
    n = len(weights)
    rows = [{} for _ in range(n)]
    for j in range(n_columns):
        i, k, h = rng.sample(range(n), 3)
        a, b = rng.randint(-9, 9), rng.randint(1, 9)
        entries = {
            i: Fraction(a),
            k: Fraction(b),
            h: -Fraction(a * weights[i] + b * weights[k], weights[h]),
        }
        for species, c in entries.items():
            if c:
                rows[species][j] = c
    return rows


class TestLeftNullSpace:
    def test_enzyme(self):
        # E + S <-> C -> E + P, with rows E, S, C, P
        assert laws_of([[-1, 1, 1], [-1, 1, 0], [1, -1, -1], [0, 0, 1]]) == [
            {0: 1, 2: 1},
            {1: 1, 2: 1, 3: 1},
        ]

    def test_no_law(self):
        assert laws_of([[1, 0], [0, 1]]) == []
        assert laws_of([[1, 2, 3], [4, 5, 6], [7, 8, 10]]) == []

    def test_zero_matrix_and_unused_rows(self):
        assert left_null_space([{}, {}, {}], 4) == [{0: 1}, {1: 1}, {2: 1}]
        assert left_null_space([{}, {}], 0) == [{0: 1}, {1: 1}]
        assert left_null_space([], 3) == []
        assert left_null_space([{0: 1}, {}, {0: 0}], 1) == [{1: 1}, {2: 1}]

    def test_duplicated_rows(self):
        assert laws_of([[1, 2], [1, 2], [0, 1]]) == [{0: 1, 1: -1}]

    def test_opposite_rows_give_a_nonnegative_law(self):
        assert laws_of([[1, 2], [-1, -2], [0, 1]]) == [{0: 1, 1: 1}]

    def test_rational_stoichiometry(self):
        # 2/3 A <-> 1/2 B
        assert laws_of([[Fraction(-2, 3)], [Fraction(1, 2)]]) == [{0: 3, 1: 4}]

    def test_other_exact_numbers(self):
        given = [{0: np.int64(-2)}, {0: sp.Rational(1, 3)}, {0: True}]
        assert left_null_space(given, 1) == left_null_space([{0: -6}, {0: 1}, {0: 3}], 1)

    def test_factors_and_copies_of_columns_change_nothing(self):
        assert laws_of([[1, -2, 4], [-3, 6, -12], [2, -4, 8]]) == laws_of([[1], [-3], [2]])

    def test_phosphorylation_has_three_nonnegative_moieties(self):
        # A + ATP -> AP + ADP: A, AP, ATP, ADP
        laws = laws_of([[-1], [1], [-1], [1]])
        assert len(laws) == 3
        assert all(sorted(v.values()) == [1, 1] for v in laws)

    def test_parts_rather_than_complexes(self):
        # A + B <-> AB, AB + A <-> AAB: moieties A and B, though AB takes part most often
        laws = laws_of([[-1, -1], [-1, 0], [1, -1], [0, 1]])
        assert laws == [{0: 1, 2: 1, 3: 2}, {1: 1, 2: 1, 3: 1}]

    def test_cascade(self):
        # K tiers, each X_k + E_k <-> C_k -> Y_k + E_k, Y_k + F_k <-> D_k -> X_k + F_k, where the
        # enzyme of the next tier is Y_k
        tiers = 40
        names: dict[str, int] = {}
        columns: list[dict[int, int]] = []

        def reaction(**changes):
            columns.append({names.setdefault(x, len(names)): c for x, c in changes.items()})

        for k in range(1, tiers + 1):
            e, x, y = f"Y{k - 1}", f"X{k}", f"Y{k}"
            reaction(**{x: -1, e: -1, f"C{k}": 1})
            reaction(**{f"C{k}": -1, y: 1, e: 1})
            reaction(**{y: -1, f"F{k}": -1, f"D{k}": 1})
            reaction(**{f"D{k}": -1, x: 1, f"F{k}": 1})
        rows: list[dict[int, int]] = [{} for _ in names]
        for j, column in enumerate(columns):
            for i, c in column.items():
                rows[i][j] = c
        expected = [{"Y0", "C1"}] + [{f"F{k}", f"D{k}"} for k in range(1, tiers + 1)]
        for k in range(1, tiers + 1):
            expected.append(
                {f"X{k}", f"Y{k}", f"C{k}", f"D{k}"} | ({f"C{k + 1}"} if k < tiers else set())
            )
        laws = left_null_space(rows, len(columns))
        species = list(names)
        assert all(set(v.values()) == {1} for v in laws)
        assert {frozenset(species[i] for i in v) for v in laws} == set(map(frozenset, expected))

    @pytest.mark.parametrize("digits", [1, 5, 9, 30, 100])
    def test_entries_of_any_size(self, digits):
        rng = dice(digits)
        weights = [rng.randint(1, 10**digits) for _ in range(40)]
        [law] = left_null_space(relations(rng, weights, 80), 80)
        common = gcd(*weights)
        assert law == {i: w // common for i, w in enumerate(weights)}

    def test_fractions_beyond_one_prime_in_several_vectors(self):
        rng = dice(5)
        left = [[rng.randint(-(10**6), 10**6) for _ in range(9)] for _ in range(14)]
        right = [[rng.randint(-(10**6), 10**6) for _ in range(12)] for _ in range(9)]
        matrix = (sp.Matrix(left) * sp.Matrix(right)).tolist()
        vectors = laws_of([[int(a) for a in row] for row in matrix])
        assert_basis([[int(a) for a in row] for row in matrix], vectors)
        assert max(abs(c) for v in vectors for c in v.values()) > 2**31

    def test_a_pivot_that_the_first_primes_divide(self):
        p, q = 2**31 - 1, sp.prevprime(2**31 - 1)
        matrix = [[p * q, 1, 0], [1, p, 0], [0, q, 1], [5, 7, p], [p, 1, 1]]
        assert_basis(matrix, laws_of(matrix))

    def test_a_matrix_that_loses_rank_modulo_the_first_prime(self):
        # mod 2^31 - 1 the second column is twice the first, and one more vector shows
        p = 2**31 - 1
        matrix = [[1, 2], [1, 2 + p], [1, 2]]
        vectors = laws_of(matrix)
        assert vectors == [{0: 1, 2: -1}]
        assert_basis(matrix, vectors)

    def test_dense_matrices(self):
        rng = np.random.default_rng(0)
        matrix = (rng.integers(-3, 4, (60, 40)) @ rng.integers(-3, 4, (40, 70))).tolist()
        vectors = laws_of(matrix)
        rows = rows_of(matrix)
        assert len(vectors) == 20
        assert not any(violations(rows, v) for v in vectors)
        assert rank(vectors, 60) == 20

    def test_a_random_network_with_a_core_that_fills_up(self):
        rng = dice(3)
        weights = [rng.randint(1, 3) for _ in range(300)]
        rows: list[dict[int, int]] = [{} for _ in weights]
        for j in range(450):
            species = rng.sample(range(300), 4)
            for i, k in (species[:2], species[2:]):
                rows[i][j], rows[k][j] = weights[k], -weights[i]
        assert left_null_space(rows, 450) == [dict(enumerate(weights))]

    def test_negative_control(self):
        # one changed entry of a conserving network leaves no law, and the laws are no longer laws
        rng = dice(1)
        weights = [rng.randint(1, 9) for _ in range(30)]
        rows = relations(rng, weights, 60)
        [law] = left_null_space(rows, 60)
        assert not violations(rows, law)
        i = next(i for i, row in enumerate(rows) if row)
        j = next(iter(rows[i]))
        rows[i] = rows[i] | {j: rows[i][j] + 1}
        assert violations(rows, law)
        assert left_null_space(rows, 60) == []

    def test_what_is_no_exact_number_is_refused(self):
        with pytest.raises(InvalidInputError, match=r"integers or fractions; found 0\.5"):
            left_null_space([{0: 0.5}], 1)

    @pytest.mark.parametrize("column", [2, -1])
    def test_a_column_that_is_not_there_is_refused(self, column):
        with pytest.raises(InvalidInputError, match=f"row 0 has an entry in column {column} of 2"):
            left_null_space([{column: 1}], 2)

    def test_the_input_stays_as_it_was(self):
        rows = rows_of([[-1, 2], [1, -2], [3, 1]])
        before = [dict(row) for row in rows]
        left_null_space(rows, 2)
        assert rows == before


small = st.integers(-4, 4)
numbers = st.one_of(
    small,
    st.just(0),
    st.just(0),
    st.fractions(min_value=-3, max_value=3, max_denominator=6),
    st.integers(-(10**12), 10**12),
)


@st.composite
def matrices(draw):
    n, m = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    entries = draw(st.sampled_from([small, numbers]))
    matrix = [[draw(entries) for _ in range(m)] for _ in range(n)]
    # repeated and combined rows, or there would rarely be a law
    for _ in range(draw(st.integers(0, 4))):
        a, b = draw(small), draw(small)
        matrix.append([a * x + b * y for x, y in zip(matrix[0], matrix[-1], strict=True)])
    return matrix


class TestRandomMatrices:
    @settings(max_examples=200, deadline=None)
    @given(matrices())
    def test_same_span_as_sympy(self, matrix):
        vectors = laws_of(matrix)
        assert_basis(matrix, vectors)
        theirs = [v * sp.ilcm(1, *(a.q for a in v)) for v in sp.Matrix(matrix).T.nullspace()]
        both = [*vectors, *(dict(enumerate(map(int, v))) for v in theirs)]
        if both:
            assert rank(both, len(matrix)) == len(vectors)

    @settings(max_examples=100, deadline=None)
    @given(matrices(), st.randoms(use_true_random=False))
    def test_order_of_mappings_and_columns_does_not_matter(self, matrix, rng):
        rows = rows_of(matrix)
        place = list(range(len(matrix[0])))
        rng.shuffle(place)
        mixed = []
        for row in rows:
            items = [(place[j], a) for j, a in row.items()]
            rng.shuffle(items)
            mixed.append(dict(items))
        m = len(place)
        assert left_null_space(mixed, m) == left_null_space(rows, m)

    @pytest.mark.parametrize(("longest", "spare"), [(0, 0), (1, 32), (3, 0), (100, 0)])
    def test_sparse_and_dense_elimination_agree(self, monkeypatch, longest, spare):
        # the basis is defined by the matrix, not by the way to it
        for seed in range(60):
            rows, m = sparse(seed)
            with monkeypatch.context() as patch:
                patch.setattr(integer_elimination, "_LONGEST", longest)
                patch.setattr(null_space_mod_p, "_SPARE", spare)
                found = left_null_space(rows, m)
            assert found == left_null_space(rows, m)

    def test_unlucky_primes_change_no_span(self, monkeypatch):
        # modulo 3, 5, 7, ... pivots vanish and ranks fall all the time
        monkeypatch.setattr(integer_lifting, "_primes", lambda: sp.primerange(3, 10**6))
        for seed in range(60):
            rows, m = sparse(seed)
            assert_basis(
                [[row.get(j, 0) for j in range(m)] for row in rows], left_null_space(rows, m)
            )

    @pytest.mark.parametrize("seed", range(30))
    def test_planted_compositions_come_out_nonnegative(self, seed):
        # free units, and complexes that form from two parts: a nonnegative basis exists
        rng = dice(seed)
        units = 1 + seed % 6
        columns = []
        for species in range(units, 6 * units):
            column = {species: 1}
            for _ in range(2):
                part = rng.randrange(species)
                column[part] = column.get(part, 0) - 1
            columns.append(column)
        rows = [{} for _ in range(6 * units)]
        for j, column in enumerate(columns):
            for i, c in column.items():
                rows[i][j] = c
        laws = left_null_space(rows, len(columns))
        assert len(laws) == units
        assert all(min(v.values()) > 0 for v in laws)


def test_same_answer_in_every_process():
    # the order of sets of strings changes with the seed of the hash function
    code = (
        "import sympy as sp; from pysymude.symbolic.null_space.linear_laws import linear_laws;"
        "x = sp.symbols('x:12'); k = sp.symbols('k:11');"
        "r = [k[i] * x[i] * x[(5 * i) % 12] - x[i + 1] for i in range(11)];"
        "f = {x[i]: (r[i - 1] if i else 0) - (r[i] if i < 11 else 0) for i in range(12)};"
        "f[x[3]] = 0; f[x[7]] = -f[x[2]];"
        "print(linear_laws(f))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(outputs) == 1
    assert outputs != {"[]\n"}


class TestLinearLaws:
    def test_michaelis_menten_with_symbolic_rates(self):
        E, S, C, P, k1, k2, k3 = sp.symbols("E S C P k1 k2 k3")
        rhs = {
            E: -k1 * E * S + (k2 + k3) * C,
            S: -k1 * E * S + k2 * C,
            C: k1 * E * S - (k2 + k3) * C,
            P: k3 * C,
        }
        assert linear_laws(rhs) == [C + E, C + P + S]

    def test_robertson_with_floats(self):
        x, y, z = sp.symbols("x y z")
        rhs = {
            x: -0.04 * x + 1e4 * y * z,
            y: 0.04 * x - 1e4 * y * z - 3e7 * y**2,
            z: 3e7 * y**2,
        }
        assert linear_laws(rhs) == [x + y + z]

    def test_a_law_that_almost_holds_is_none(self):
        x, y = sp.symbols("x y")
        assert linear_laws({x: -0.1 * x, y: 0.1000000001 * x}) == [1000000001 * x + 1000000000 * y]
        assert linear_laws({x: -0.1 * x - 0.1 * y, y: 0.1000000001 * x + 0.1 * y}) == []

    def test_products_of_sums_are_multiplied_out(self):
        x, y, a, b = sp.symbols("x y a b")
        rhs = {x: a * (x - y) * (x + y) + 2 * (a + b) ** 2, y: a * y**2 - a * x**2 - 2 * a**2}
        rhs[y] += -4 * a * b - 2 * b**2
        assert linear_laws(rhs) == [x + y]

    def test_denominators_are_rates(self):
        S, P, v, k = sp.symbols("S P v k")
        assert linear_laws({S: -v * S / (k + S), P: v * S / (k + S)}) == [P + S]

    def test_rational_coefficients(self):
        x, y, k = sp.symbols("x y k")
        assert linear_laws({x: -2 * k * x**2 / 3, y: k * x**2 / 5}) == [3 * x + 10 * y]

    def test_explicit_time_and_unknown_functions(self):
        x, y = sp.symbols("x y")
        w = sp.Function("w")(t)
        assert linear_laws({x: sp.cos(t) * x + w, y: -sp.cos(t) * x - w}) == [x + y]
        assert linear_laws({x: sp.cos(t) * x + w, y: -sp.cos(t) * x}) == []

    def test_laws_linear_in_time(self):
        x, y = sp.symbols("x y")
        assert linear_laws({t: sp.S.One, x: 3 - y, y: y}) == [3 * t - x - y]

    def test_a_network_is_a_rate_like_any_other(self):
        S, J, R = sp.symbols("S J R")
        nn = MLP("nn", inputs=[S, J], outputs=2, hidden=3)
        rhs = {S: -nn[0], J: nn[0] - J / 4, R: J / 4}
        assert linear_laws(rhs) == [J + R + S]
        assert linear_laws(rhs | {R: J / 4 + nn[1]}) == []

    def test_only_some_rates_need_to_cancel(self):
        x, y, a = sp.symbols("x y a")
        nn = MLP("nn", inputs=[x], outputs=1, hidden=3)
        rhs = {x: a * x + nn[0], y: -a * x + nn[0]}
        assert linear_laws(rhs) == []
        assert linear_laws(rhs, keep=lambda rate: not rate.has(nn[0])) == [x + y]
        assert linear_laws(rhs, keep=lambda rate: rate.has(nn[0])) == [x - y]

    def test_states_that_stand_still(self):
        x, y = sp.symbols("x y")
        assert linear_laws({x: sp.S.Zero, y: y}) == [x]
        assert linear_laws({x: sp.S.Zero, y: sp.S.Zero}) == [x, y]

    def test_every_law_has_the_rate_zero(self):
        x = sp.symbols("x:6")
        k = sp.symbols("k:4")
        rates = [k[0] * x[0] * x[1], k[1] * x[2], k[2] * x[2] * x[3] ** 2, k[3] * x[4]]
        changes = [
            (-1, 0, 0, 1),
            (-1, 1, 0, 0),
            (1, -1, -1, 0),
            (0, 0, -2, 2),
            (0, 0, 1, -1),
            (0, 1, 0, 0),
        ]
        rhs = {
            state: sum(c * rate for c, rate in zip(change, rates, strict=True))
            for state, change in zip(x, changes, strict=True)
        }
        laws = linear_laws(rhs)
        assert len(laws) == len(x) - sp.Matrix(changes).rank()
        for law in laws:
            assert sp.expand(sum(law.coeff(state) * f for state, f in rhs.items())) == 0


class TestRateMatrix:
    def test_rows_times_rates_are_the_right_hand_sides(self):
        x, y, k = sp.symbols("x y k")
        rhs = {
            x: -k * (x + y) ** 2 / 3 + sp.Rational(1, 2),
            y: k * x * (y - 2) + sp.sin(x) * (k + 1),
        }
        rows, rates = rate_matrix(rhs)
        assert len(set(rates)) == len(rates)
        for row, f in zip(rows, rhs.values(), strict=True):
            total = sum(sp.Rational(a.numerator, a.denominator) * rates[j] for j, a in row.items())
            assert sp.expand(total - f) == 0

    def test_numbers_are_exact(self):
        x, y = sp.symbols("x y")
        assert rate_matrix({x: 0.1 * x, y: 3 * x, sp.Symbol("z"): x / 7})[0] == [
            {0: Fraction(1, 10)},
            {0: 3},
            {0: Fraction(1, 7)},
        ]

    def test_what_cancels_is_no_entry(self):
        x, y = sp.symbols("x y")
        assert rate_matrix({x: x * (y + 1) - x * y - x})[0] == [{}]

    def test_what_is_not_finite_is_refused(self):
        x = sp.Symbol("x")
        with pytest.raises(InvalidInputError, match="finite real numbers; found"):
            rate_matrix({x: sp.oo})

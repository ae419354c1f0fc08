"""The families, in the order in which they are asked."""

from __future__ import annotations

from pysymude.symbolic.laws.families.angle_functions import Angles
from pysymude.symbolic.laws.families.closed_states import ClosedStates
from pysymude.symbolic.laws.families.conjugate_lines import ConjugateLines
from pysymude.symbolic.laws.families.darboux_products import DarbouxProducts
from pysymude.symbolic.laws.families.exact_one_forms import ExactOneForms
from pysymude.symbolic.laws.families.exponentials import Exponentials
from pysymude.symbolic.laws.families.family import Family
from pysymude.symbolic.laws.families.function_space_laws import FunctionSpaces
from pysymude.symbolic.laws.families.integrating_factors import IntegratingFactors
from pysymude.symbolic.laws.families.invariant_sums import InvariantSums
from pysymude.symbolic.laws.families.level_set_laws import LevelSets
from pysymude.symbolic.laws.families.negative_powers import NegativePowers
from pysymude.symbolic.laws.families.products import Products
from pysymude.symbolic.laws.families.products_with_time import ProductsWithTime
from pysymude.symbolic.laws.families.quadratures import Antiderivatives
from pysymude.symbolic.laws.families.sums import Sums
from pysymude.symbolic.laws.families.weighted_products import WeightedProducts

__all__ = ["FAMILIES"]

FAMILIES: tuple[Family, ...] = (
    Sums(),
    Products(),
    ExactOneForms(),
    WeightedProducts(),
    DarbouxProducts(),
    InvariantSums(),
    IntegratingFactors(),
    NegativePowers(),
    Antiderivatives(),
    Exponentials(),
    FunctionSpaces(),
    ClosedStates(),
    ProductsWithTime(),
    ConjugateLines(),
    LevelSets(),
    Angles(),
)

"""The families, in the order in which they are asked."""

from __future__ import annotations

from pysymude.symbolic.laws.families.darboux_products import DarbouxProducts
from pysymude.symbolic.laws.families.exponentials import Exponentials
from pysymude.symbolic.laws.families.family import Family
from pysymude.symbolic.laws.families.products import Products
from pysymude.symbolic.laws.families.products_with_time import ProductsWithTime
from pysymude.symbolic.laws.families.quadratures import Antiderivatives
from pysymude.symbolic.laws.families.sums import Sums

__all__ = ["FAMILIES"]

FAMILIES: tuple[Family, ...] = (
    Sums(),
    Products(),
    DarbouxProducts(),
    Antiderivatives(),
    Exponentials(),
    ProductsWithTime(),
)

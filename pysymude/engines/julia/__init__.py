"""The Julia engine: SciML's solvers and adjoints through juliacall."""

from pysymude.engines.julia.julia_engine import JuliaEngine

__all__ = ["JuliaEngine"]

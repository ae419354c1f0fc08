"""The embedded engine: JAX and diffrax, from PyPI alone. Importing this package loads neither."""

from pysymude.engines.diffrax.engine import EmbeddedEngine

__all__ = ["EmbeddedEngine"]

"""The embedded engine, from PyPI alone. Importing this package loads no compiler."""

from pysymude.engines.native.native_engine import NativeEngine

__all__ = ["NativeEngine"]

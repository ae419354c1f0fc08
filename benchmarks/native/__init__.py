"""Gradients of universal differential equations: pysymude against the textbook ways."""

"""Exact arithmetic: normal forms of systems, fractions of polynomials, small matrices."""

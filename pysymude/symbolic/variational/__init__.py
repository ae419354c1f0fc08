"""Lagrangians and Hamiltonians: their systems, and the theorem of Noether."""

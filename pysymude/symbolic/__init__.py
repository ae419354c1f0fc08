"""Exact laws and symmetries of systems, with or without networks. Imports model, SymPy, python-flint."""

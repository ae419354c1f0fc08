"""What the user states: systems, networks, parameters and data. Imports SymPy and NumPy only."""

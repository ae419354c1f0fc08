"""Optimisers one step at a time, one a file."""

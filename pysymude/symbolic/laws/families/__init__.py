"""Families of candidate laws, one a file; `FAMILIES` in `registry` is the order in which they are asked."""

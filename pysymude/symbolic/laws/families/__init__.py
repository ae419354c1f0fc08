"""Families of candidate laws, one a file; `FAMILIES` in `family_order` is the order in which they are asked."""

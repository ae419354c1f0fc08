"""Stages of training, one a file, and what each of their legs minimises."""

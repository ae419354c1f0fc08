"""Lie symmetries, and the laws that they give."""

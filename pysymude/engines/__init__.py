"""Engines: they print a plan in their own language, compile once, and then only move arrays."""

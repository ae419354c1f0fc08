"""Losses of experiments that change on the way, leg by leg."""

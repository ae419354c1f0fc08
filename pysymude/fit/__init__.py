"""Losses, stages, the one training loop, and its result; the same for every engine."""

"""Objectives and fits written out for other programs."""

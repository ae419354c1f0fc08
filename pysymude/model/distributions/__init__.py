"""Densities, for noise models and priors: a file a family."""

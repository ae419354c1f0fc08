"""Figures: trajectories and data, unknown terms, histories of losses, laws, recovered equations."""

from pysymude.plot.band_figures import plot_band
from pysymude.plot.designs import plot_design
from pysymude.plot.figures import plot_fit, plot_solution, plot_trajectories, plot_unknown_term
from pysymude.plot.history import plot_history
from pysymude.plot.inference import plot_profile, plot_waterfall
from pysymude.plot.law_figures import plot_laws
from pysymude.plot.recovery_figures import plot_ensemble, plot_recovered
from pysymude.plot.residual_figures import plot_residuals

__all__ = [
    "plot_band",
    "plot_design",
    "plot_ensemble",
    "plot_fit",
    "plot_history",
    "plot_laws",
    "plot_profile",
    "plot_recovered",
    "plot_residuals",
    "plot_solution",
    "plot_trajectories",
    "plot_unknown_term",
    "plot_waterfall",
]

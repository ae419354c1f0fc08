"""Figures: data, trajectories, unknown terms, networks, histories, laws, recovered equations, uncertainty."""

from pysymude.plot.band_figures import plot_band
from pysymude.plot.data_figures import plot_data
from pysymude.plot.designs import plot_design
from pysymude.plot.figures import plot_fit, plot_unknown_term
from pysymude.plot.history import plot_history
from pysymude.plot.inference import plot_profile, plot_waterfall
from pysymude.plot.law_figures import plot_laws
from pysymude.plot.network_figures import plot_network
from pysymude.plot.recovery_figures import (
    plot_ensemble,
    plot_forms,
    plot_front,
    plot_members,
    plot_members_unknown,
    plot_recovered,
)
from pysymude.plot.residual_figures import (
    plot_quantiles,
    plot_residuals,
    plot_residuals_over_time,
)
from pysymude.plot.solution_figures import plot_solution, plot_sweep
from pysymude.plot.trajectory_figures import plot_trajectories

__all__ = [
    "plot_band",
    "plot_data",
    "plot_design",
    "plot_ensemble",
    "plot_fit",
    "plot_forms",
    "plot_front",
    "plot_history",
    "plot_laws",
    "plot_members",
    "plot_members_unknown",
    "plot_network",
    "plot_profile",
    "plot_quantiles",
    "plot_recovered",
    "plot_residuals",
    "plot_residuals_over_time",
    "plot_solution",
    "plot_sweep",
    "plot_trajectories",
    "plot_unknown_term",
    "plot_waterfall",
]

"""What a fit is asked for and other rooms answer: its errors, its figures, its report."""

from __future__ import annotations

from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pysymude.fit.result.experiments_of import experiment_number
from pysymude.model.calls import explained
from pysymude.model.event import event_list

__all__ = ["Answered"]

Float = NDArray[np.float64]


class Answered:
    """Questions to a `FitResult` whose answers lie above it; these are loaded when they are asked for."""

    @cached_property
    def resampled(self: Any) -> dict[tuple[int, int], Float]:
        """Refits of the bootstrap that were made so far, by how many and their seed."""
        return {}

    def banded(self: Any, t: Any, band: float | None, setting: Any, asked: dict[str, Any]) -> Any:
        """`predict` with a band."""
        from pysymude.infer.predicting import band_of

        experiment, u0, parameters, signals, events, doses = setting
        e = experiment_number(self.data, experiment)
        return band_of(
            self, t, band, e, u0, parameters, signals, event_list(events), doses, **asked
        )

    def banded_unknown(
        self: Any, u: Any, t: Any, experiment: Any, band: float | None, asked: dict[str, Any]
    ) -> Any:
        """`unknown_term` with a band."""
        from pysymude.infer.unknown import unknown_band

        return unknown_band(self, u, t, experiment_number(self.data, experiment), band, asked)

    def banded_network(self: Any, name: Any, z: Any, band: float | None, asked: Any) -> Any:
        """`network` with a band."""
        from pysymude.infer.unknown import network_band

        return network_band(self, name, z, band, asked)

    def covariance(self: Any) -> Any:
        """The covariance of parameters and learned starts, with correlations and what the data leave open.

        From Fisher's information of the data, by exact derivatives; with measurements that are only limits,
        or laws that are penalised, from the loss's second derivatives. Where no noise was given it is
        estimated from the residuals, chi2 / (n - p), and the result says so. Learned scales (logarithms of
        positive numbers, say) are taken into account by their derivatives. Weights of networks are accounted
        for.

        Returns
        -------
        pysymude.infer.covariance.Covariance
            With `matrix`, `standard_errors`, `correlations` and `undetermined`.

        Raises
        ------
        InvalidInputError
            The fitted system cannot be solved, or the loss is a function of your own.
        """
        from pysymude.infer.covariance import covariance_of

        return covariance_of(self)

    def standard_errors(self: Any) -> dict[str, float]:
        """Standard errors in natural units, by name; infinite where the data do not determine a number."""
        return dict(self.covariance().standard_errors)

    @explained
    def confidence_intervals(
        self: Any, level: float = 0.95, *, method: str = "wald", **keywords: Any
    ) -> dict[str, tuple[float, float]]:
        """Intervals for parameters and learned starts, by name: pairs in natural units.

        Parameters
        ----------
        level : float
        method : str
            ``"wald"``: symmetric on the scale on which a number is learned, so inside of its bounds; those of
            positive numbers are symmetric in their logarithms. ``"profile"``: where the best loss with that
            number held rises by as much as the level asks, see `profile`. ``"bootstrap"``: quantiles of refits
            on resampled measurements. Where no noise was given, quantiles are Student's.
        **keywords
            For ``"bootstrap"``: `draws` (200), `seed`, `jobs` and `progress`; for ``"profile"`` those of
            `profile`.

        Raises
        ------
        InvalidInputError
            As for `covariance`, or a level or a method that there is not.
        """
        from pysymude.infer.intervals import intervals_of

        return intervals_of(self, level, method, keywords)

    @explained
    def plot(self: Any, **keywords: Any) -> Any:
        """A matplotlib figure: fit, unknown term, history; keywords go to `pysymude.plot.plot_fit`."""
        from pysymude.plot import plot_fit

        return plot_fit(self, **keywords)

    @explained
    def report(self: Any, folder: str | PathLike[str], *, title: str = "Fit") -> Path:
        """Writes one page of HTML that needs nothing beside it, and the fit, into a folder.

        It shows the model, the data, the curves, residuals, parameters with their errors, laws, how it was
        computed, and the code that does it again.

        Parameters
        ----------
        folder : path
            Made where it is missing; ``report.html`` and ``fit.npz`` in it are overwritten.
        title : str

        Returns
        -------
        pathlib.Path
            Of the page.

        Raises
        ------
        SaveFileError
            The folder cannot be written.
        """
        from pysymude.report.page import write_report

        return write_report(self, folder, title)

    def _repr_html_(self: Any) -> str:
        from pysymude.report.sections import model, outcome, parameters, residual_table

        parts = [outcome(self), model(self), parameters(self)]
        return "".join(parts) + (residual_table(self) if self.success else "")

    @explained
    def plot_network(self: Any, network: Any = None, **keywords: Any) -> Any:
        """A matplotlib figure of a network against what it reads; see `pysymude.plot.plot_network`."""
        from pysymude.plot import plot_network

        return plot_network(self, network, **keywords)

    def plot_residuals(self: Any) -> Any:
        """A matplotlib figure of the residuals, see `pysymude.plot.plot_residuals`."""
        from pysymude.plot.residual_figures import plot_residuals

        return plot_residuals(self)

    @explained
    def plot_laws(self: Any, t: ArrayLike | None = None, **keywords: Any) -> Any:
        """A matplotlib figure of each law's drift; keywords go to `pysymude.plot.plot_laws`."""
        from pysymude.plot import plot_laws

        return plot_laws(self, t, **keywords)

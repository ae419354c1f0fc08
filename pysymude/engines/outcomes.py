"""How a solve ended: return codes, each with a sentence."""

from __future__ import annotations

from enum import Enum

__all__ = ["CODES", "ReturnCode"]


class ReturnCode(Enum):
    """How a solve ended; the value is the sentence for the user. Names follow SciMLBase."""

    Success = "The solve reached the end."
    MaxIters = (
        "The step limit was reached before the end. The system is probably stiff: use "
        "solver='Kvaerno5', or loosen reltol and abstol. A solution that blows up ends so too."
    )
    DtLessThanMin = (
        "The step size fell below the resolution of time. The solution probably blows up or the "
        "right-hand side has a singularity before the end."
    )
    Unstable = "The solution became infinite or not a number before the end."
    ConvergenceFailure = (
        "The implicit equations of a step could not be solved. Tighten reltol and abstol, or use "
        "another solver."
    )
    InitialFailure = (
        "No step could be taken: the right-hand side is infinite or not a number at the initial "
        "state."
    )
    Failure = "The solver stopped for another reason."
    Terminated = "A terminating event ended the solve, as asked."

    @property
    def successful(self) -> bool:
        """Whether the whole time span was covered, or the part before a terminating event."""
        return self in (ReturnCode.Success, ReturnCode.Terminated)


CODES = tuple(ReturnCode)
"""What compiled code returns is a position in this tuple; PySymUDE.jl has it too."""

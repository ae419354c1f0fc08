"""How a solve ended: return codes, each with a sentence."""

from __future__ import annotations

from enum import Enum

__all__ = ["CODES", "ReturnCode"]


class ReturnCode(Enum):
    """How a solve ended; the value is the sentence for the user. Names follow SciMLBase."""

    Success = "The solve reached the end."
    MaxIters = (
        "The step limit was reached before the end: raise max_steps=, loosen reltol and abstol, or "
        "shorten the time span. Where an explicit solver was asked for, the system may be stiff, and "
        "solver='auto' may help; a solution that blows up can end so too."
    )
    DtLessThanMin = (
        "The step size fell below the resolution of time: the solution blows up, the right-hand side has "
        "a singularity before the end, or times are so large that numbers cannot tell steps apart (then "
        "count time from a nearer origin)."
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
    Chattering = (
        "A condition in the right-hand side switches back and forth at one point: both sides of the "
        "switch lead back to it; or events follow each other without end, each called for by the one before. "
        "Smooth the switch, or state what the system does on it; let an event end in a state of rest."
    )
    GradientNotFinite = (
        "The loss is finite but its gradient is not: somewhere along the solution an expression has no "
        "finite derivative."
    )
    LossNotFinite = "Every experiment could be solved, but the loss is infinite or not a number."
    NoSteadyState = (
        "A period that begins at -inf did not come to rest at one state: it oscillates or grows, or a whole "
        "line of states is at rest and its place on it is not determined."
    )
    Interrupted = "Ctrl-C ended the training; this is the best that was found until then."

    @property
    def successful(self) -> bool:
        """Whether the whole time span was covered, or the part before a terminating event."""
        return self in (ReturnCode.Success, ReturnCode.Terminated)


CODES = tuple(code for code in ReturnCode if code is not ReturnCode.NoSteadyState)
"""What compiled code returns is a position in this tuple; PySymUDE.jl has it too."""

"""The exceptions of pysymude.

::

    PySymUDEError
    ├─ InvalidInputError(ValueError)         wrong shape, unknown symbol, NaN where a number is needed
    │  ├─ ModelFileError                     a TOML model or one of its expressions; .where
    │  ├─ SaveFileError                      a save file that is damaged or not ours; .path
    │  └─ WrongCallError(TypeError)          a keyword that there is not, or one that is missing
    ├─ DerivationError                       a derivation cannot finish, or a certificate fails
    ├─ EmissionError(NotImplementedError)    an expression that a target cannot express; .node, .target
    ├─ ProjectionError(ArithmeticError)      .index, .residual
    ├─ EngineError                           .engine
    │  ├─ EngineUnavailableError(ImportError)   with the command that would fix it
    │  ├─ CapabilityError(NotImplementedError)  .capability, .engines_that_have_it
    │  └─ JuliaRuntimeError                     .julia_exception, .julia_backtrace
    ├─ SolveFailedError(RuntimeError)        .solution, the partial solution with its retcode
    └─ MissingPackageError(ImportError)      a package that only this needs; .name
    ToleranceWarning(UserWarning)            a state lives below its absolute tolerance
    TableWarning(UserWarning)                how a table of measurements was understood

A message says what was asked, what was found, and what to write instead.  "No law" is an answer
and a failed solve is a return code: neither is an exception unless the user asks to raise.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "CapabilityError",
    "DerivationError",
    "EmissionError",
    "EngineError",
    "EngineUnavailableError",
    "InvalidInputError",
    "JuliaRuntimeError",
    "MissingPackageError",
    "ModelFileError",
    "ProjectionError",
    "PySymUDEError",
    "SaveFileError",
    "SolveFailedError",
    "TableWarning",
    "ToleranceWarning",
    "WrongCallError",
]


class ToleranceWarning(UserWarning):
    """A state lives below its absolute tolerance: what a solve says of it means nothing."""


class TableWarning(UserWarning):
    """How a table was understood where it could be meant otherwise: units of time, columns left out."""


class PySymUDEError(Exception):
    """Base of every exception that pysymude raises on purpose."""


class InvalidInputError(PySymUDEError, ValueError):
    """The input cannot mean what was asked: wrong shape, unknown name, NaN where a number is needed."""


class ModelFileError(InvalidInputError):
    """A model file says something that is not a model; `where` names the table and key."""

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where


class SaveFileError(InvalidInputError):
    """A save file is damaged, from a newer version, or not one of ours; `path` names it."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


class WrongCallError(InvalidInputError, TypeError):
    """A call that does not fit a function: an unknown keyword, or one that is needed and was left out."""


class DerivationError(PySymUDEError):
    """A symbolic derivation could not be finished, or its certificate does not hold."""


class EmissionError(PySymUDEError, NotImplementedError):
    """An expression contains a `node` that the `target` (NumPy, Julia) cannot express."""

    def __init__(self, message: str, *, node: Any = None, target: str = "") -> None:
        super().__init__(message)
        self.node = node
        self.target = target


class ProjectionError(PySymUDEError, ArithmeticError):
    """A projection onto a law's level set did not reach its tolerance."""

    def __init__(self, message: str, *, index: int = -1, residual: float = float("nan")) -> None:
        super().__init__(message)
        self.index = index
        self.residual = residual


class EngineError(PySymUDEError):
    """Something about an engine; `engine` is its name."""

    def __init__(self, message: str, *, engine: str = "") -> None:
        super().__init__(message)
        self.engine = engine


class EngineUnavailableError(EngineError, ImportError):
    """The engine cannot run on this machine; the message ends with the command that would change that."""


class CapabilityError(EngineError, NotImplementedError):
    """The engine exists but does not do this; `engines_that_have_it` do."""

    def __init__(
        self,
        message: str,
        *,
        engine: str = "",
        capability: str = "",
        engines_that_have_it: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, engine=engine)
        self.capability = capability
        self.engines_that_have_it = engines_that_have_it


class JuliaRuntimeError(EngineError):
    """An error raised inside Julia, with Julia's own exception text and backtrace."""

    def __init__(
        self, message: str, *, julia_exception: str = "", julia_backtrace: str = ""
    ) -> None:
        super().__init__(message, engine="julia")
        self.julia_exception = julia_exception
        self.julia_backtrace = julia_backtrace


class SolveFailedError(PySymUDEError, RuntimeError):
    """A solve did not succeed and the user asked to raise; `solution` holds what was reached."""

    def __init__(self, message: str, *, solution: Any = None) -> None:
        super().__init__(message)
        self.solution = solution


class MissingPackageError(PySymUDEError, ImportError):
    """A package that is only needed for this is not installed; `name` is its name."""

    def __init__(self, message: str, *, name: str = "") -> None:
        super().__init__(message)
        self.name = name

"""How the loops of this engine are compiled: once, for every model, and kept on disk.

Numba turns each function into machine code when it is compiled, together with all that it calls, and again as
a part of whatever calls it. Of a hundred small functions only a few are ever called from Python, so the
others stop at what the linker needs: that makes seconds of what took minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit
from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import LoweringPass, register_pass

from pysymude.engines.native.keeping import KernelCache, NoCache

__all__ = ["inlined", "inner", "kernel", "summed"]

F = TypeVar("F", bound=Callable[..., Any])

_COMMON: dict[str, Any] = {
    "error_model": "numpy",
    "boundscheck": False,
    "no_cfunc_wrapper": True,
    "nogil": True,
}


class _LinkedLibrary(JITCodeLibrary):
    """Code that is linked into that of its callers, and optimised there."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=False, analysis_only=True)
class _Offer(LoweringPass):
    """Makes a function known to its callers without an entry for Python."""

    _name = "offer_to_callers"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride]
        # what stands for the function in Numba's tables is a C function, each another; nobody calls it
        entry = list[None]().append
        state.targetctx.insert_user_function(entry, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(entry_point=entry)
        return True


class _InnerCompiler(CompilerBase):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        state = cast("Any", self.state)
        state.library = _LinkedLibrary(state.targetctx.codegen(), "inner")
        state.flags.no_compile = True

    def define_pipelines(self) -> list[Any]:
        """The usual passes, and the one above."""
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.add_pass(_Offer, "offer to callers")
        manager.finalize()
        return [manager]


def _decorator(**options: Any) -> Callable[[F], F]:
    # Without reference counts: they took nearly half of the time. What is decorated so allocates nothing
    # and returns numbers only. `_nrt` is not documented; a test compares both ways.
    compile_inner: Any = cast("Any", njit)(
        **_COMMON, no_cpython_wrapper=True, _nrt=False, pipeline_class=_InnerCompiler, **options
    )

    def decorate(function: F) -> F:
        made: Any = compile_inner(function)
        template = getattr(made, "get_call_template", None)
        if template is None:  # NUMBA_DISABLE_JIT
            return function

        def without_literals(args: Any, kws: Any) -> Any:
            # each literal would make a compilation of its own
            return template(
                tuple(types.unliteral(a) for a in args),
                {k: types.unliteral(a) for k, a in kws.items()},
            )

        made.get_call_template = without_literals
        return made

    return decorate


inner = _decorator()
"""For functions that only compiled code calls: they allocate nothing and return numbers."""

inlined = _decorator(forceinline=True)
"""An inner function that becomes part of its callers: for those where a call costs more than they do."""

summed = _decorator(fastmath={"reassoc", "nsz", "contract"}, forceinline=True)
"""An inner function that sums in any order, so in vectors: for dot products alone."""


def kernel(function: F) -> F:
    """For functions that Python calls: kept on disk."""
    made: Any = njit(**_COMMON)(function)
    if hasattr(made, "_cache"):  # not with NUMBA_DISABLE_JIT
        try:
            made._cache = KernelCache(function)
        except RuntimeError:  # no place to keep it
            made._cache = NoCache()
    return made

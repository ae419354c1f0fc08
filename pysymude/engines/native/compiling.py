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
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import LoweringPass, register_pass

from pysymude.engines.native.keeping import MachineCode
from pysymude.engines.native.record_types import record_type
from pysymude.engines.native.records import RecordKind

__all__ = ["compile_entry", "inlined", "inner", "summed"]

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


class _EntryLibrary(_LinkedLibrary):
    """Code that is optimised as a whole, and written to an object file: `entries` loads it."""

    def _optimize_final_module(self) -> None:
        JITCodeLibrary._optimize_final_module(self)


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
    library: type[JITCodeLibrary] = _LinkedLibrary

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        state = cast("Any", self.state)
        state.library = self.library(state.targetctx.codegen(), "inner")
        state.flags.no_compile = True

    def define_pipelines(self) -> list[Any]:
        """The usual passes, and the one above."""
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.add_pass(_Offer, "offer to callers")
        manager.finalize()
        return [manager]


class _EntryCompiler(_InnerCompiler):
    library = _EntryLibrary


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


def compile_entry(function: Any, kind: RecordKind, numbers: int) -> MachineCode:
    """Machine code of a function that Python calls with a record and so many integers.

    It has Numba's convention: a status is returned; the result, then where an error is told, come first.
    """
    made: Any = cast("Any", njit)(
        **_COMMON, no_cpython_wrapper=True, _nrt=False, pipeline_class=_EntryCompiler
    )(function)
    types_given = (record_type(kind), *[types.int64] * numbers)
    with global_compiler_lock:
        made.compile(types_given)
        result = made.overloads[types_given]
        result.library.finalize()
    module = result.library._final_module
    needs = [
        f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")
    ]
    return MachineCode(
        result.library._codegen._tm.emit_object(module), result.fndesc.llvm_func_name, tuple(needs)
    )

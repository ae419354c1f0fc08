"""Kernels that are forks of one process, which has loaded what notebooks need."""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import subprocess
import sys
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

__all__ = ["Manager"]

LOADED = (
    "ipykernel.zmqshell", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "scipy.stats",
    "pysymude.engines.native.native_engine", "pysymude.fit.ensemble.fit_ensemble",
    "pysymude.infer.profile", "pysymude.symbolic.laws.derivation",
)  # fmt: skip
# a line of input is a kernel to start, a line of output its number; children are waited for as they end
PARENT = """
import gc, importlib, json, os, sys
from ipykernel import kernelapp
for name in sys.argv[1:]:
    importlib.import_module(name)
gc.freeze()
for line in iter(sys.stdin.readline, ""):
    child = os.fork()
    if not child:
        arguments, environment, folder = json.loads(line)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        sys.argv[1:] = [*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
        kernelapp.launch_new_instance()
        os._exit(0)
    os.setpgid(child, child)
    print(child, flush=True)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
"""


@functools.cache
def _parent(folder: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, *LOADED],
        cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        # read by matplotlib as it is loaded; else a kernel sets it
        env={**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline"},
    )  # fmt: skip
    # without input it ends, and kernels end with it
    atexit.register(process.communicate)
    return process


class Fork:
    """A kernel as jupyter_client asks for one: the part of Popen that it uses."""

    stdin = stdout = stderr = None

    def __init__(self, arguments: list[str], environment: dict[str, str], folder: str) -> None:
        parent = _parent(folder)
        assert parent.stdin is not None
        assert parent.stdout is not None
        print(json.dumps([arguments, environment, folder]), file=parent.stdin, flush=True)
        self.pid = int(parent.stdout.readline())
        self._handle = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        return 0 if select.select([self._handle], [], [], 0)[0] else None

    def wait(self) -> int:
        select.select([self._handle], [], [])
        os.close(self._handle)
        return 0

    def send_signal(self, number: int) -> None:
        """Asked for only where its group could not be signalled, which has ended then."""


class Forked(LocalProvisioner):
    """Forks the kernel; all else, signals among it, is as for one that is started."""

    async def launch_kernel(self, cmd: list[str], **given: Any) -> Any:
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        self.process = Fork(arguments, given["env"], given["cwd"])  # pyright: ignore[reportAttributeAccessIssue]
        self.pid = self.pgid = self.process.pid  # pyright: ignore[reportAttributeAccessIssue]
        return self.connection_info


class Manager(AsyncKernelManager):
    """Of one kernel: a fork where the system tells of any process's end, else a process of its own."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        if hasattr(os, "pidfd_open"):
            self.provisioner = Forked(kernel_spec=self.kernel_spec, parent=self)

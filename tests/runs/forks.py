"""Work in processes that can be killed: a server that forks one for each line that it is sent.

Forking saves the imports. :func:`serve` is the server's side, :class:`Processes` the test's.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent


def serve(work: Callable[..., None]) -> None:
    """Answer each line, a JSON list of arguments, with a pid and, at its end, its exit status."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                work(*json.loads(line))
                status = 0
            finally:
                os._exit(status)
        _say(pid)
        _, ended = os.waitpid(pid, 0)
        _say(os.waitstatus_to_exitcode(ended))


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


class Processes:
    """Starts a script that calls :func:`serve`."""

    def __init__(self, script: Path) -> None:
        folders = [HERE.parents[1], HERE.parent, HERE, script.parent]
        path = os.pathsep.join([*map(str, folders), os.environ.get("PYTHONPATH", "")])
        self._server = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "2"},
        )

    def start(self, *arguments: Path) -> int:
        """The pid of a new process."""
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps([str(a) for a in arguments]) + "\n")
        self._server.stdin.flush()
        return self.answer()

    def answer(self) -> int:
        """The exit status of the process that was started last."""
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())

    def run_to_end(self, *arguments: Path) -> None:
        """Start a process and wait until it has done its work."""
        self.start(*arguments)
        assert self.answer() == 0

    def run_and_kill(self, wait: Callable[[int], object], *arguments: Path) -> bool:
        """Kill once ``wait(pid)`` is over; whether that was before it had finished."""
        pid = self.start(*arguments)
        with contextlib.suppress(ProcessLookupError):
            wait(pid)
            os.kill(pid, signal.SIGKILL)
        return self.answer() == -signal.SIGKILL

    def close(self) -> None:
        """End the server."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(30)
        assert self._server.stdout is not None
        self._server.stdout.close()

"""Predicts in processes that can be killed.

Reads ``PROJECT [WEIGHTS]`` lines (JSON lists), forks a process for each, which saves the imports,
and answers with its pid and, when it has ended, with its exit status.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import fakes

from labkit.runs.predict import predict
from labkit.store.project import ProjectStore


def work(folder: str, weights: str | None = None) -> None:
    with ProjectStore.open(folder) as project:
        if weights is not None:
            predict(project, Path(weights), part_size=2, progress=None)
        else:
            detector = fakes.FakeDetector(before=lambda frames: time.sleep(0.004))
            reader = fakes.GreyReader()
            predict(project, detector, part_size=3, batch=2, progress=None, reader=reader)


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                work(*json.loads(line))
                status = 0
            finally:
                os._exit(status)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, ended = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(ended)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

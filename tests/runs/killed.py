"""Predicts in processes that can be killed: a server of ``PROJECT [WEIGHTS]``."""

from __future__ import annotations

import time
from pathlib import Path

import fakes
from forks import serve
from waiting import predict

from labkit.store.project import ProjectStore


def work(folder: str, weights: str | None = None) -> None:
    with ProjectStore.open(folder) as project:
        if weights is not None:
            predict(project, Path(weights), part_size=2, progress=None)
        else:
            detector = fakes.FakeDetector(before=lambda frames: time.sleep(0.004))
            reader = fakes.GreyReader()
            predict(project, detector, part_size=3, batch=2, progress=None, reader=reader)


if __name__ == "__main__":
    serve(work)

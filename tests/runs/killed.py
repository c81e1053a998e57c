"""A process that predicts until it is killed: ``python killed.py PROJECT [WEIGHTS]``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import fakes

from labkit.runs.predict import predict
from labkit.store.project import ProjectStore


def main() -> None:
    project = ProjectStore.open(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if len(sys.argv) > 2:
        run = predict(project, Path(sys.argv[2]), part_size=2, progress=None)
    else:
        detector = fakes.FakeDetector(before=lambda frames: time.sleep(0.004))
        run = predict(
            project, detector, part_size=3, batch=2, progress=None, reader=fakes.GreyReader()
        )
    sys.stdout.write(run + "\n")


if __name__ == "__main__":
    main()

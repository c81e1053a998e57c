"""Tracks in processes that can be killed: a server of ``PROJECT LOG``.

The log gets every position that was stepped.
"""

from __future__ import annotations

import time
from pathlib import Path

import track_fakes as fakes
from forks import serve
from waiting import track

from labkit.store.project import ProjectStore

PART = 8
WAY_BACK = 3
"""Frames between the two keyframes that are cross-faded."""


def work(folder: str, log: str) -> None:
    def note(position: int) -> None:
        time.sleep(0.004)
        with Path(log).open("a") as file:
            file.write(f"{position}\n")

    keys = [
        fakes.key(0, 0),
        fakes.key(1, 11, "nut"),
        fakes.key(2, 5),
        fakes.key(2, 30, outside=True),
        fakes.key(2, 47),
        fakes.key(2, 51),
        fakes.key(3, 40),
    ]
    world = fakes.World(gone={0: {20, 21, 22}}, grown={1: {33}})
    with ProjectStore.open(folder) as project:
        track(
            project,
            keys,
            tracker=fakes.ColourTracker(note, sees_ahead=False),
            direction="both",
            part_size=PART,
            progress=None,
            source=world,
        )


if __name__ == "__main__":
    serve(work)

"""A message to the kernel and back: JupyterLab as installed, and as ``labkit lab`` starts it."""

from __future__ import annotations

import statistics
from contextlib import closing

from _ui.report import Row, spread
from _ui.rig import Lab, Rig
from labkit.cli.lab import PROMPT

TRIPS = 60


def run(rig: Rig) -> list[Row]:
    """Round trips to a handler that answers at once."""
    with rig.probe() as probe:
        probe.open(rig.plain())
        plain = probe.echoes(TRIPS)
    with closing(Lab(rig.folder / "prompt", PROMPT)) as lab, rig.probe(lab=lab) as probe:
        probe.open(rig.plain())
        prompt = probe.echoes(TRIPS)
    low, high = statistics.median(prompt), statistics.median(plain)
    return [
        Row("a message to the kernel and back, plain JupyterLab", "localhost", spread(plain)),
        Row("... started by labkit lab", "localhost", spread(prompt),
            "<= 1.0 x plain JupyterLab", low <= high),
    ]  # fmt: skip

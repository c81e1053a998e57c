"""How good is the small YOLO on scenes it was never trained on? Bars: mAP50 day and night.

python benchmarks/small_yolo.py [--scenes 300]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _table import show

sys.path.insert(0, str(Path(__file__).parents[1]))

from labkit.demo import DAY, NIGHT
from labkit.demo.embedded import SMALL_YOLO, embedded_weights
from training.evaluate_yolo import BARS, Figures, evaluate, rows


def row(name: str, f: Figures) -> tuple[object, ...]:
    """One line of the table."""
    facts = dict(rows(f))
    low, high = BARS[f.domain]
    bar = f"≥ {low}" if high == 1 else f"{low} to {high}"
    rest = [value for key, value in facts.items() if key != "mAP50"]
    return (name, f.domain, facts["mAP50"], bar, "met" if f.met else "MISSED", *rest)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=300)
    scenes = parser.parse_args().scenes
    table, names = [], []
    for name in (SMALL_YOLO, SMALL_YOLO.replace("safetensors", "onnx")):
        for domain in (DAY, NIGHT):
            figures = evaluate(embedded_weights(name), domain, scenes)
            names = [key for key, _ in rows(figures) if key != "mAP50"]
            table.append(row(name, figures))
    question = f"How good is the small YOLO on {scenes} scenes of each domain, never trained on?"
    show("small_yolo", question, ("weights", "domain", "mAP50", "bar", "", *names), table)


if __name__ == "__main__":
    main()

"""How long ``import labkit`` takes, beside libraries that everybody imports."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from _table import show

RUNS = 7
CODE = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def seconds(module: str) -> float:
    """Median time of importing a module in a fresh interpreter."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    command = [sys.executable, "-c", CODE.format(module)]
    times = [
        float(subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout)
        for _ in range(RUNS + 1)
    ]
    return statistics.median(times[1:])


def main() -> None:
    """Measure and print."""
    modules = ["labkit", "numpy", "pandas", "torch"]
    times = {module: seconds(module) for module in modules}
    rows = [
        [f"`import {m}`", f"{1000 * t:.0f} ms", f"{t / times['labkit']:.1f} x"]
        for m, t in times.items()
    ]
    show(
        "import_time",
        "How long does `import labkit` take? (bar: < 500 ms)",
        ["", "time", "of labkit's"],
        rows,
    )


if __name__ == "__main__":
    main()

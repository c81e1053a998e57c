"""What benchmarks share: a median of several runs, a Markdown table that names the machine."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """Processor, cores, memory, system and Python, in one line."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    memory = psutil.virtual_memory().total / 1024**3
    return (
        f"{name}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}"
    )


def median_s(work: Callable[[], object], runs: int = 5, warm_up: int = 1) -> float:
    """Median wall seconds of several calls, after some that do not count."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def show(name: str, question: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a benchmark's table as Markdown and keep it as ``results/<name>.md``."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    lines = [f"### {question}", ""]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in [header, ["---"] * len(header)]]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    lines += ["", f"{machine()}; load {load:.1f} a core."]
    text = "\n".join(lines)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text + "\n", encoding="utf-8")
    print(text)

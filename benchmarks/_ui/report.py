"""Figures against their bars."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Row", "percentile", "spread"]


@dataclass(frozen=True)
class Row:
    """A figure beside its bar; ``met`` is None where there is no bar, or nothing was measured."""

    question: str
    link: str
    figure: str
    bar: str = ""
    met: bool | None = None
    failed: bool = False

    @classmethod
    def broken(cls, question: str, link: str, why: BaseException) -> Row:
        """A part that could not be measured, and why."""
        lines = str(why).strip().splitlines() or [repr(why)]
        return cls(question, link, f"{type(why).__name__}: {lines[0][:200]}", failed=True)

    def cells(self) -> list[str]:
        """The row of a Markdown table."""
        word = "FAILED" if self.failed else {True: "met", False: "MISSED", None: ""}[self.met]
        return [self.question, self.link, self.figure.replace("|", "/"), self.bar, word]

    @property
    def bad(self) -> bool:
        """Whether its bar was missed, or it could not be measured."""
        return self.failed or self.met is False


def percentile(values: Sequence[float], q: float) -> float:
    """A percentile, or a plain error where nothing was measured."""
    if not len(values):
        raise ValueError("nothing was measured")
    return float(np.percentile(values, q))


def spread(values: Sequence[float], unit: str = "ms") -> str:
    """Median and 95th percentile."""
    middle, high = statistics.median(values), percentile(values, 95)
    return f"{middle:.1f} / {high:.1f} {unit} (n = {len(values)})"

"""What an export or import did, left out and could not hold, in values and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from labkit.core.errors import one_line
from labkit.core.types import FrameFailure

__all__ = ["ExportReport", "ImportAs", "ImportReport", "Problem"]

ImportAs = Literal["proposals", "decisions"]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote, left out and could not hold.

    Attributes
    ----------
    format : str
    out : Path
    files : tuple of str
        The entry points for a reader: ``data.yaml``, ``annotations.json``, relative to ``out``.
    task : str
        What kind of shapes was written, empty where the format holds every kind.
    frames, objects, backgrounds : int
        Written frames, objects on them, and frames without an object.
    splits : dict
        Split → number of frames.
    hand : tuple of str
        Ids of the frames on the hand-label list; not exported.
    failures : tuple of FrameFailure
        Frames whose image could not be read; not exported.
    notes : tuple of str
        One line each for everything the user should know: what was left out, marked or changed.
    """

    format: str
    out: Path
    files: tuple[str, ...] = ()
    task: str = ""
    frames: int = 0
    objects: int = 0
    backgrounds: int = 0
    splits: Mapping[str, int] = field(default_factory=dict)
    hand: tuple[str, ...] = ()
    failures: tuple[FrameFailure, ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The report in words, one line per fact."""
        head = f"{self.frames} frames with {self.objects} objects exported as {self.format}"
        head += f" ({self.task})" if self.task else ""
        head += f" to {self.out}; {self.backgrounds} of them are backgrounds"
        out = [head]
        if self.splits:
            out.append("splits: " + ", ".join(f"{k} {n}" for k, n in self.splits.items()))
        if self.hand:
            out.append(f"{len(self.hand)} frames on the hand-label list are not exported")
        out += self.notes
        if self.failures:
            out.append(f"{len(self.failures)} frames failed and are not exported")
            out += [f"failed: {f.uri}: {f.reason}" for f in self.failures]
        return [one_line(line) for line in out]

    def __str__(self) -> str:
        return "\n".join(self.lines())


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a dataset that could not be used; ``line`` counts from 1, 0: the whole file."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return " ".join(f"{where}: {self.reason}".split())


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import brought in, and all that it did not.

    Attributes
    ----------
    format, path : str, Path
    as_ : {'proposals', 'decisions'}
    run_id : str or None
        The new run of proposals.
    images : int
        Images in the dataset.
    frames, objects : int
        Frames that got something (backgrounds included), and the objects on them.
    matched : dict
        ``frame id``, ``content`` or ``name`` → images found by it.
    unmatched : tuple of FrameFailure
        Images that are not frames of the project, with the reason.
    problems : tuple of Problem
        Lines and entries that could not be read, with file and line.
    dropped : dict
        Dataset label → objects left out because the project lacks it or the map says so.
    left_alone : tuple of str
        Frames with decisions of their own, to which none were added.
    not_accepted : tuple of str
        Frames that got objects but were not accepted, since some of their labels are missing.
    notes : tuple of str
    """

    format: str
    path: Path
    as_: ImportAs
    run_id: str | None = None
    images: int = 0
    frames: int = 0
    objects: int = 0
    matched: Mapping[str, int] = field(default_factory=dict)
    unmatched: tuple[FrameFailure, ...] = ()
    problems: tuple[Problem, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    left_alone: tuple[str, ...] = ()
    not_accepted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The report in words, one line per fact."""
        head = f"{self.objects} objects on {self.frames} frames imported as {self.as_}"
        head += f" from {self.format} {self.path}" + (f", run {self.run_id}" if self.run_id else "")
        out = [head]
        if self.matched:
            found = ", ".join(f"{n} by {how}" for how, n in self.matched.items())
            out.append(f"{sum(self.matched.values())} of {self.images} images found: {found}")
        out += self.notes
        if self.dropped:
            listed = ", ".join(f"{label} {n}" for label, n in self.dropped.items())
            out.append(f"{sum(self.dropped.values())} objects dropped by label: {listed}")
        if self.left_alone:
            out.append(f"{len(self.left_alone)} frames have decisions already and were left alone")
        if self.not_accepted:
            out.append(f"{len(self.not_accepted)} frames lack some labels and were not accepted")
        out += [f"not found: {f.uri}: {f.reason}" for f in self.unmatched]
        out += [f"not read: {p}" for p in self.problems]
        return [one_line(line) for line in out]

    def __str__(self) -> str:
        return "\n".join(self.lines())

"""Whether an export format does what labkit relies on."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from labkit.core.errors import LabkitError
from labkit.exchange import (
    ExportReport,
    Format,
    ImportedDataset,
    export,
    import_annotations,
    read_dataset,
    read_labels,
)
from labkit.exchange.format import open_format
from labkit.exchange.matching import FrameMatcher
from labkit.exchange.options import options_of
from labkit.store import ProjectStore
from labkit.testing.expect import ConformanceError, expect
from labkit.testing.labelled import Box, boxes_by_frame, small_project, truth

__all__ = ["check_format"]

_COMMON: Final = {
    "write": set(inspect.signature(export).parameters),
    "read": set(inspect.signature(import_annotations).parameters),
}
_MARKER: Final = "labkit-export.json"


def check_format(
    format: str | Format | type[Format],
    *,
    write: Mapping[str, Any] | None = None,
    read: Mapping[str, Any] | None = None,
    tolerance: float = 0.5,
) -> None:
    """Check a format on a small project: out, in again, and what damaged files get.

    It is checked that every frame, box, label and background comes back, with and without splits
    and image files; that an export is the same each time and stays inside its folder; that a frame
    that cannot be read stops nothing; and that missing and damaged files end in one line. A format
    that only writes or only reads is checked for that.

    Parameters
    ----------
    format : str or Format
        A registered name, a format or its class.
    write, read : mapping, optional
        Options of the format with which it writes and reads.
    tolerance : float
        Pixels by which a coordinate of a box may differ when it comes back.

    Raises
    ------
    ConformanceError
        An ``AssertionError`` with one sentence.
    """
    name, chosen = open_format(format)
    check = _Check(name, chosen, dict(write or {}), dict(read or {}), tolerance)
    writes = type(chosen).write is not Format.write
    reads = type(chosen).read is not Format.read
    expect(writes or reads, f"{check.who} has neither a method write nor a method read.")
    check.options()
    with small_project() as project:
        if writes:
            check.writes(project)
        if writes and reads:
            check.comes_back(project)
            check.takes_damage(project)
        if writes:
            check.skips_what_cannot_be_read(project)
        if reads:
            check.refuses(project.root.parent / "nowhere", "a path that does not exist")
            (project.root.parent / "empty").mkdir()
            check.refuses(project.root.parent / "empty", "an empty folder")


@dataclass(frozen=True)
class _Check:
    """The checks of one format."""

    name: str
    format: Format
    write: dict[str, Any]
    read: dict[str, Any]
    tolerance: float

    @property
    def who(self) -> str:
        return f"The format {self.name!r}"

    def options(self) -> None:
        """Every option has a default and a help, and a name of its own."""
        for method, common in _COMMON.items():
            for option in options_of(getattr(self.format, method)).values():
                what = f"The option {option.name!r} of {self.name}.{method}"
                expect(not option.required, f"{what} has no default.")
                expect(option.help, f"{what} is not described under 'Parameters' in its docstring.")
                expect(
                    option.name not in common, f"{what} has the name of an argument of all formats."
                )

    def export(self, project: ProjectStore, out: Path, **how: Any) -> ExportReport:
        """Export the project; nothing in it gives the format a reason to refuse."""
        try:
            return export(project, self.format, out, **how, **self.write)
        except Exception as exc:
            raise ConformanceError(
                f"{self.who} raises {type(exc).__name__} on writing: {exc}"
            ) from exc

    def writes(self, project: ProjectStore) -> None:
        """All frames and objects, inside the folder, the same each time."""
        place = project.root.parent / "written"
        place.mkdir()
        outside = _tree(project.root.parent, but=place)
        report = self.export(project, place / "a")
        self.export(project, place / "b")
        total = len(project.frames())
        expect(
            report.frames == total,
            f"{self.who} wrote {report.frames} of {total} frames; it has to go through all of "
            "out.images().",
        )
        objects = sum(len(boxes) for boxes in truth(project).values())
        expect(
            report.objects == objects,
            f"{self.who} left out {objects - report.objects} of {objects} boxes.",
        )
        expect(
            {p.name for p in place.iterdir()} == {"a", "b"}
            and _tree(project.root.parent, but=place) == outside,
            f"{self.who} changed files outside of the folder of its export.",
        )
        links = [p.name for p in (place / "a").rglob("*") if p.is_symlink()]
        expect(not links, f"{self.who} wrote links where copies were asked for: {links}.")
        first, second = _tree(place / "a"), _tree(place / "b")
        differing = sorted(k for k in first.keys() | second.keys() if first.get(k) != second.get(k))
        expect(
            set(differing) <= {_MARKER},
            f"{self.who} wrote {differing} differently the second time.",
        )

    def comes_back(self, project: ProjectStore) -> None:
        """The same frames, boxes and backgrounds, with and without splits and images."""
        ways: list[dict[str, Any]] = [
            {},
            {"split": {"train": 0.5, "val": 0.5}, "by": "frame"},
            {"images": "none"},
        ]
        for number, how in enumerate(ways):
            out = project.root.parent / f"back{number}"
            self.export(project, out, **how)
            before = _tree(out)
            self._same(project, out, f" with {how}" if how else "")
            expect(_tree(out) == before, f"{self.who} changes the files that it reads.")

    def _same(self, project: ProjectStore, out: Path, how: str) -> None:
        dataset = self._read_own(project, out)
        expect(
            not dataset.problems,
            f"{self.who} cannot read its own export{how}: {[str(p) for p in dataset.problems]}.",
        )
        total = len(project.frames())
        expect(
            len(dataset.images) == total,
            f"{self.who} read {len(dataset.images)} images of an export of {total}{how}; a "
            "background has to be named, too.",
        )
        silent = [i.name for i in dataset.images if not (i.labelled and i.complete)]
        expect(not silent, f"{self.who} reads images as unlabelled or incomplete{how}: {silent}.")
        got = boxes_by_frame(project, read_labels(project, self.format, out, **self.read))
        for frame_id, boxes in truth(project).items():
            same = _close(sorted(boxes), sorted(got[frame_id]), self.tolerance)
            uri = project.frame(frame_id).uri
            expect(
                same,
                f"{self.who} gave other boxes back{how}: {got[frame_id]} in place of {boxes} on "
                f"{uri}.",
            )

    def skips_what_cannot_be_read(self, project: ProjectStore) -> None:
        """A frame whose image is gone is listed, and the others are written."""
        frame = next(project.iter_frames())
        path = project.path_of(frame)
        away = path.rename(path.with_suffix(".away"))
        out = project.root.parent / "skipped"
        try:
            report = self.export(project, out)
        finally:
            away.rename(path)
        expect(
            [f.frame_id for f in report.failures] == [frame.frame_id],
            f"{self.who} did not list the one frame whose image is missing.",
        )
        if type(self.format).read is not Format.read:
            count = len(self._read_own(project, out).images)
            expect(
                count == report.frames,
                f"{self.who} wrote {count} images to its files where {report.frames} could be "
                "read; write what out.images() gives, and nothing before.",
            )

    def takes_damage(self, project: ProjectStore) -> None:
        """Damaged files raise one line or are listed; they never end in another error."""
        whole = project.root.parent / "whole"
        report = self.export(project, whole)
        expect(report.files, f"{self.who} names no file to open first: use out.file(name).")
        for name in report.files:
            content = (whole / name).read_bytes()
            for kind, damaged in (
                ("half of a file", content[: len(content) // 2]),
                ("an empty file", b""),
                ("bytes that are no text", b"\xff\xfe\x00\xd8 no \x81\x8d text"),
            ):
                place = project.root.parent / "damaged"
                shutil.copytree(whole, place)
                (place / name).write_bytes(damaged)
                self._takes(project, place, f"{kind} in place of {name}", kind)
                shutil.rmtree(place)

    def _takes(self, project: ProjectStore, place: Path, what: str, kind: str) -> None:
        try:
            dataset = self._read(project, place)
        except LabkitError as exc:
            _one_line(self.who, what, exc)
            return
        expect(
            dataset.problems or kind != "bytes that are no text",
            f"{self.who} reads {what} without a word.",
        )

    def refuses(self, path: Path, what: str) -> None:
        """Where there is no dataset, a LabkitError says so."""
        try:
            dataset = read_dataset(self.format, path, **self.read)
        except LabkitError as exc:
            _one_line(self.who, what, exc)
        except Exception as exc:
            raise ConformanceError(f"{self.who} raises {type(exc).__name__} on {what}.") from exc
        else:
            raise ConformanceError(
                f"{self.who} reads {len(dataset.images)} images from {what} without an error."
            )

    def _read(self, project: ProjectStore, path: Path) -> ImportedDataset:
        size_of = FrameMatcher(project.frames()).size_of
        try:
            return read_dataset(self.format, path, size_of=size_of, **self.read)
        except LabkitError:
            raise
        except Exception as exc:
            raise ConformanceError(
                f"{self.who} raises {type(exc).__name__} on reading, which stops the whole import: "
                f"{exc}; read each entry inside source.attempt(...)."
            ) from exc

    def _read_own(self, project: ProjectStore, path: Path) -> ImportedDataset:
        try:
            return self._read(project, path)
        except LabkitError as exc:
            raise ConformanceError(f"{self.who} refuses its own export: {exc}") from exc


def _close(a: list[Box], b: list[Box], tolerance: float) -> bool:
    if [label for label, *_ in a] != [label for label, *_ in b]:
        return False
    first, second = (np.array([box[1:] for box in boxes], dtype=np.float64) for boxes in (a, b))
    return bool((np.abs(first - second) <= tolerance).all())


def _tree(folder: Path, but: Path | None = None) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
        and not p.name.startswith("ledger.db")  # a database may write when it is read
        and not (but is not None and p.is_relative_to(but))
    }


def _one_line(who: str, what: str, exc: LabkitError) -> None:
    expect("\n" not in str(exc), f"{who} says more than one line about {what}.")

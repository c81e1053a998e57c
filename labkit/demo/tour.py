"""The demo on the embedded world: frames drawn from a seed, the small YOLO, the exact truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from labkit.core.errors import InputError
from labkit.demo import masks
from labkit.demo.domain import DAY, LABELS, NIGHT
from labkit.demo.files import OnFrame, write_stills, write_video
from labkit.demo.flow import Demo
from labkit.demo.oracle import TRUTH, gather_truth, truth

if TYPE_CHECKING:
    from labkit.report.facts import Facts

__all__ = ["SEED", "Tour", "check_world"]

SEED = 2026
"""Of the demo's scenes; training and its evaluation use others."""

_NIGHT = "night.mp4"
_APART = 8
"""Frames of the video between two that a contact sheet shows, because neighbours look alike."""

_MISTAKES = {
    "added": "missed",
    "rejected": "false alarm",
    "relabelled": "wrong label",
    "edited": "loose box",
}


@dataclass
class Tour(Demo):
    """The flow on scenes that it draws, reviewed by a script that knows their truth."""

    def draw(
        self, day: int = 120, night: int = 120, on_frame: OnFrame | None = None
    ) -> tuple[list[Path], str]:
        """Draw day stills and a night video into the project, unless they are there.

        Parameters
        ----------
        day, night : int
            Frames of each.
        on_frame : callable, optional
            Told how many of a set are drawn, and of how many.

        Returns
        -------
        list of Path, str
            What to add to the project, and what was done.
        """
        folder = self.project.root / "frames"
        stills, video = folder / "day", folder / _NIGHT
        new = []
        if not (stills / TRUTH).exists():  # written last
            write_stills(stills, day, DAY, SEED, on_frame=on_frame)
            new.append(f"{day} stills by day")
        if not (video.exists() and (folder / f"{video.stem}.{TRUTH}").exists()):
            write_video(video, night, NIGHT, SEED, on_frame=on_frame)
            new.append(f"a video of {night} frames by night")
        summary = (
            f"drew {' and '.join(new)}, seed {SEED}" if new else "the scenes are there already"
        )
        return [stills, video], summary

    def truth(self) -> pd.DataFrame:
        """The objects that are really on the frames."""
        return truth(self.project)

    def masks(self) -> str:
        """Turn every box into a mask with the small SAM2; these are reviewed then."""
        self.run_id, summary = masks.refine(self.project, self.run_id)
        return summary

    def clicks(self) -> str:
        """Find parts by clicks, with the small SAM2."""
        return masks.click(self.project, self.truth())

    def track(self) -> str:
        """Follow reviewed parts of the night video, with the small SAM2."""
        frames = self.project.frames()
        video = frames.loc[frames["uri"].str.endswith(_NIGHT), "group"].iloc[0]
        return masks.track(self.project, self.truth(), video)

    def oracle(self) -> str:
        """Write the truth of all frames into one file in the project."""
        path = self.project.root / TRUTH
        return f"{path}: {gather_truth(self.project, path)} objects; labkit.demo.truth(project)"

    def mistakes(self) -> pd.DataFrame:
        """What the reviewer had to correct, by day and by night.

        Returns
        -------
        DataFrame
            A row for each domain: ``scenes``, ``frames`` reviewed, ``missed``, ``false alarm``,
            ``wrong label``, ``loose box`` (objects), and ``untouched`` (frames).
        """
        errors = _errors(self._facts())
        rows = []
        for domain, group in errors.groupby("domain", sort=True):
            sums = {word: int(group[kind].sum()) for kind, word in _MISTAKES.items()}
            untouched = int((group["errors"] == 0).sum())
            rows.append({"scenes": domain, "frames": len(group), **sums, "untouched": untouched})
        return pd.DataFrame(rows, columns=["scenes", "frames", *_MISTAKES.values(), "untouched"])

    def confusions(self) -> str:
        """Which labels were taken for which, the most frequent first."""
        from labkit.ledger.undo import standing_rows

        steps = standing_rows(self.project.decisions())
        steps = steps[steps["kind"] == "relabel"]
        pairs = steps["label_after"].astype(str) + " taken for " + steps["label_before"].astype(str)
        return ", ".join(f"{name} {n}" for name, n in pairs.value_counts(sort=True).items())

    def sheet(self, tiles: int = 12) -> Path:
        """Write a contact sheet of the most corrected frames, day and night in equal parts."""
        from labkit.report import contact_sheet, tiles_of
        from labkit.report.sheet import encode
        from labkit.store.files import write_atomic

        facts = self._facts()
        chosen = _worst(_errors(facts), tiles)
        reasons = {str(k): _corrected(row) for k, row in chosen.iterrows()}
        size = (384, 288)
        image = contact_sheet(
            tiles_of(facts, [str(k) for k in chosen.index], size, reasons),
            title="The most corrected frames: what the model said, what the reviewer made of it",
            tile_size=size,
        )
        path = self.project.root / "contact-sheet.jpg"
        data = encode(image, "JPEG", quality=90)
        write_atomic(path, lambda file: file.write(data))
        return path

    def _facts(self) -> Facts:
        from labkit.report.facts import Facts

        return Facts.of(self.project)


def check_world(project: Any) -> None:
    """Refuse a project that the world's demo has not made.

    Raises
    ------
    InputError
        Its labels are others.
    """
    if project.labels != list(LABELS):
        raise InputError(
            f"The demo's scenes do not belong into {str(project.root)!r}",
            "a project with other labels is there",
            "name another folder with --out, or frames with --frames",
        )


def _errors(facts: Facts) -> pd.DataFrame:
    """Corrections of each frame, with ``domain`` and the frame's ``index`` in its video."""
    uris = facts.frames["uri"].reindex(facts.errors.index).astype(str)
    domain = uris.str.endswith(_NIGHT).map({True: "night video", False: "day stills"})
    place = facts.frames["index"].reindex(facts.errors.index)
    return facts.errors.assign(domain=domain, place=place)


def _worst(errors: pd.DataFrame, n: int) -> pd.DataFrame:
    """The most corrected frames of each domain, ``n`` in all."""
    domains = errors["domain"].unique()
    keep: list[Any] = []
    for domain in sorted(domains):
        group = errors[errors["domain"] == domain]
        group = group.sort_values("errors", ascending=False, kind="stable")
        places: list[int] = []
        for frame_id, place in group["place"].items():
            if len(places) >= n // len(domains):
                break
            if domain == "day stills" or all(abs(place - p) >= _APART for p in places):
                places.append(int(place))
                keep.append(frame_id)
    return errors.loc[keep]


def _corrected(row: pd.Series[Any]) -> str:
    words = [f"{int(row[kind])} {word}" for kind, word in _MISTAKES.items() if row[kind]]
    return f"{row['domain']}: {', '.join(words) or 'nothing to correct'}"

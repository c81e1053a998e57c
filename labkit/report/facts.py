"""What a report is written from: a project's tables, each read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from labkit.core.types import FrameFailure, Manifest
from labkit.core.visibility import Thresholds
from labkit.frames.order import display_names
from labkit.ledger.fold import fold, frame_states
from labkit.metrics.book import Book
from labkit.queue import QUEUE_COLUMNS, rank
from labkit.store import ProjectStore

__all__ = ["Facts"]


@dataclass(frozen=True)
class Facts:
    """A project as it stood when the report was begun.

    Attributes
    ----------
    project : ProjectStore
    frames : DataFrame
        ``FRAMES`` columns and ``name``, indexed by ``frame_id``.
    runs : list of Manifest
        Oldest first.
    decisions : DataFrame
        The ledger.
    """

    project: ProjectStore
    frames: pd.DataFrame
    runs: list[Manifest]
    decisions: pd.DataFrame

    @classmethod
    def of(cls, project: ProjectStore) -> Facts:
        """Read a project."""
        frames = project.frames()
        frames["name"] = display_names(frames)
        frames = frames.set_index("frame_id", drop=False)
        return cls(project, frames, project.runs(), project.decisions())

    @cached_property
    def book(self) -> Book:
        """The ledger's tables, one row per object or frame."""
        return Book.of(self.decisions)

    @cached_property
    def states(self) -> pd.DataFrame:
        """What became of each frame, indexed by ``frame_id``."""
        return frame_states(self.decisions).set_index("frame_id", drop=False)

    @cached_property
    def proposals(self) -> pd.DataFrame:
        """All current proposals."""
        return self.project.proposals()

    @cached_property
    def annotations(self) -> pd.DataFrame:
        """All objects as they stand, with the threshold from which each is shown."""
        return fold(self.proposals, self.decisions, self.thresholds)

    @cached_property
    def thresholds(self) -> Thresholds:
        """From which score the proposals of each run are shown."""
        return self.project.thresholds()

    @cached_property
    def queue(self) -> pd.DataFrame:
        """Undecided frames of the newest finished run, ranked by four rules.

        As :func:`labkit.queue.rank` gives them; no row without a run.
        """
        if not any(m.status == "finished" for m in self.runs):
            return pd.DataFrame(columns=list(QUEUE_COLUMNS))
        run = self.project.run()
        frames = self.frames[self.frames["frame_id"].isin(run.frame_ids)].reset_index(drop=True)
        states = frame_states(self.decisions)
        conf = run.manifest.conf
        return rank(run.read(), frames, conf=conf, states=states, decided=False)

    @cached_property
    def failures(self) -> list[FrameFailure]:
        """Frames on which the newest run failed, newest run first."""
        seen: set[str] = set()
        out: list[FrameFailure] = []
        for run in reversed(self.runs):
            for failure in run.failures:
                key = failure.frame_id or failure.uri
                if key not in seen:
                    seen.add(key)
                    out.append(failure)
        return out

    @cached_property
    def scripted(self) -> int:
        """Decisions that a script made."""
        return int(self.decisions["scripted"].fillna(value=False).astype(bool).sum())

    @cached_property
    def hand(self) -> pd.DataFrame:
        """Frames on the hand-label list: sent there and not labelled yet."""
        return self.states[self.states["state"] == "hand"]

    @cached_property
    def done(self) -> int:
        """Frames that were accepted or sent to hand-labelling."""
        return int(self.states["state"].isin(["accepted", "hand"]).sum())

    @cached_property
    def errors(self) -> pd.DataFrame:
        """What was corrected on each reviewed frame, in the order of review.

        Indexed by ``frame_id``: ``edited``, ``relabelled``, ``rejected``, ``added``, and their sum
        ``errors``. What was drawn on hand-labelled frames is not a correction.
        """
        objects = self.book.objects
        objects = objects[~objects["by_hand"]]
        kinds = ["edited", "relabelled", "rejected", "added"]
        verdict = objects["verdict"].astype(object)
        table = pd.crosstab(objects["frame_id"].astype(object), verdict)
        reviewed = self.states[self.states["state"] != "skipped"].sort_values("seq")
        ids = reviewed["frame_id"].to_numpy()
        table = table.reindex(index=ids, columns=kinds, fill_value=0)
        table.index.name = "frame_id"
        return table.assign(errors=table.sum(axis=1))

    def name_of(self, frame_id: str) -> str:
        """The frame's name, or its id where the project lacks it."""
        return str(self.frames["name"].get(frame_id, frame_id))

"""Frames to export in one go: add, predict, queue, scripted review, metrics, report, export.

Each step checks what the project has already, so a second call continues from there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.types import FrameFailure

if TYPE_CHECKING:
    import pandas as pd

    from labkit.project import Project

__all__ = ["Demo", "Model", "labelled_dataset"]

REVIEWER = "script"


@dataclass(frozen=True)
class Model:
    """The weights, the score from which objects are shown, and whether a pickle may be opened."""

    weights: str | Path
    conf: float = 0.5
    trust: bool = False


@dataclass
class Demo:
    """The flow on one project; each step returns a line that says what it did.

    Parameters
    ----------
    project : Project
    model : Model
    """

    project: Project
    model: Model
    run_id: str = ""
    failures: list[FrameFailure] = field(default_factory=list)

    def add(self, frames: str | Path | Sequence[str | Path]) -> str:
        """Add frames; those that the project has already are not added again."""
        report = self.project.add_frames(frames)
        self.failures += report.failures
        return str(report)

    def predict(self, progress: Any = None) -> str:
        """Run the model; a run that exists already is not repeated."""
        model = self.model
        finished = {m.run_id for m in self.project.runs() if m.status == "finished"}
        start = time.perf_counter()
        self.run_id = self.project.predict(
            model.weights, conf=model.conf, trust=model.trust, progress=progress
        )
        if self.run_id in finished:
            return f"{self.run_id} exists already: {self._found()}"
        took = time.perf_counter() - start
        manifest = self.project.run(self.run_id).manifest
        self.failures += manifest.failures
        return (
            f"{self.run_id}: {self._found()}, {took:.1f} s including loading the model, "
            f"{manifest.frames / took:.1f} frames per second"
        )

    def _found(self) -> str:
        manifest = self.project.run(self.run_id).manifest
        shown = len(self.project.proposals(self.run_id, min_score=self.model.conf))
        return (
            f"{manifest.proposals} proposals on {manifest.frames} frames, {shown} of them "
            f"at or above {self.model.conf:g}"
        )

    def queue(self) -> pd.DataFrame:
        """The undecided frames, in the order of ``four-rules``."""
        return self.project.queue(self.run_id, order="four-rules", seed=0)

    def labels_of(self, dataset: Path) -> pd.DataFrame:
        """The labels of a YOLO dataset, as the truth for these frames."""
        return self.project.read_labels("yolo", dataset, label_map=self._class_ids())

    def review(self, queue: pd.DataFrame, truth: pd.DataFrame, source: str) -> str:
        """Play a reviewer who knows the truth, which comes from ``source``."""
        from labkit.review import ScriptedReviewer

        if not len(queue):
            return "every frame is decided already"
        start = time.perf_counter()
        session = self.project.review(queue, reviewer=REVIEWER, run=self.run_id, scripted=True)
        before = len(self.project.decisions())
        frames = ScriptedReviewer(truth, seed=0).play(session)
        made = len(self.project.decisions()) - before
        return (
            f"played by script from {source}: {frames} frames, "
            f"{made} decisions in {time.perf_counter() - start:.1f} s"
        )

    def _class_ids(self) -> dict[str, str | None]:
        """The model's classes by number, for a dataset without class names."""
        mapping = self.project.run(self.run_id).manifest.label_map
        return {str(k): label for k, label in enumerate(mapping.values())}

    def report(self) -> Path:
        """Write the HTML report into the project."""
        return self.project.report(self.project.root / "report.html")

    def export(self) -> str:
        """Write the YOLO dataset into the project, scripted decisions included."""
        out = self.project.root / "yolo"
        done = self.project.export("yolo", out, include="scripted")
        return f"{out}: {done.frames} frames with {done.objects} objects"


def labelled_dataset(frames: str | Path) -> Path | None:
    """The YOLO dataset that a folder ``images`` belongs to, if ``labels`` lies beside it."""
    folder = Path(frames)
    has_labels = folder.name == "images" and (folder.parent / "labels").is_dir()
    return folder.parent if has_labels else None

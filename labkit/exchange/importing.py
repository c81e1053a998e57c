"""Datasets into a project: as proposals (a run of kind ``import``) or as decisions.

Imported labels are somebody's work, but labkit did not see it done. As *decisions* they count as
a person's only where ``reviewer`` names the person who answers for them; without one they are
marked as scripted, and a plain export leaves them out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from labkit.core.errors import Argument, InputError
from labkit.core.registry import nearest, unknown
from labkit.core.types import (
    AnnotatedObject,
    Decision,
    FrameFailure,
    LabelChoice,
    Proposal,
)
from labkit.exchange.base import ImportedDataset, ImportedImage, LabelledObject
from labkit.exchange.matching import FrameMatcher, NoMatchError
from labkit.exchange.reports import ImportAs, ImportReport
from labkit.runs.engine import OpenRun, Part, Spec, new_manifest
from labkit.store.columns import proposals_table
from labkit.store.proposals import proposals_dataframe

if TYPE_CHECKING:
    import pandas as pd

    from labkit.store import ProjectStore

__all__ = ["Importer"]

_LABELS_RUN = "labels"  # the run_id of labels that belong to no run
_CHUNK = 256  # images a transaction


def _map_labels(
    labels: tuple[str, ...], known: list[str], label_map: Mapping[str, str | None] | None
) -> tuple[dict[str, str | None], list[str]]:
    """Dataset label → project label (None: dropped), and notes for what the map did not reach."""
    given = {str(k): v for k, v in (label_map or {}).items()}
    for value in given.values():
        if value is not None and value not in known:
            raise unknown("label of this project", value, known)
    notes: list[str] = []
    absent = [k for k in given if k not in labels]
    if absent:
        notes.append(f"the label map names labels that the dataset lacks: {', '.join(absent)}")
    out: dict[str, str | None] = {}
    for label in labels:
        out[label] = given.get(label, label if label in known else None)
    missing = [n for n in labels if n not in given and n not in known]
    for label in missing[:10]:
        near = nearest(label, known)
        if near:
            keeps = Argument("label_map", {label: near})
            notes.append(f"label {label!r} is unknown; " + keeps + " keeps it")
    return out, notes


class Importer:
    """One import: matches images and labels, then writes proposals or decisions.

    Parameters
    ----------
    project : ProjectStore
    dataset : ImportedDataset
    matcher : FrameMatcher
    label_map : Mapping, optional
        Dataset label → project label, or None to drop it. Labels it does not name keep theirs
        where the project has it, and are dropped, counted, where it has not.
    """

    def __init__(
        self,
        project: ProjectStore,
        dataset: ImportedDataset,
        matcher: FrameMatcher,
        label_map: Mapping[str, str | None] | None = None,
    ) -> None:
        self._project, self._dataset = project, dataset
        self._matched: Counter[str] = Counter()
        self._unmatched: list[FrameFailure] = []
        self._dropped: dict[str, Counter[str]] = {}
        self._images = self._match(matcher)
        notes = list(dataset.notes)
        known = list(project.labels)
        if not known:
            values = [(label_map or {}).get(n, n) for n in dataset.labels]
            known = list(dict.fromkeys(v for v in values if v is not None))
            notes.append(f"the project had no labels; it takes the dataset's {len(known)}")
        self._label_map, more = _map_labels(dataset.labels, known, label_map)
        self._notes = [*notes, *more]
        self._objects = {i: self._keep(i, image) for i, image in self._images.items()}
        self._check()
        self._new_labels = [] if project.labels else known

    def _match(self, matcher: FrameMatcher) -> dict[str, ImportedImage]:
        out: dict[str, ImportedImage] = {}
        for image in self._dataset.images:
            try:
                frame_id, how = matcher.match(image)
                if frame_id in out:
                    raise NoMatchError(f"{out[frame_id].name} is the same frame and came first")
            except NoMatchError as exc:
                self._unmatched.append(FrameFailure(image.name, str(exc)))
                continue
            out[frame_id] = image
            self._matched[how] += 1
        return out

    def _keep(self, frame_id: str, image: ImportedImage) -> list[tuple[str, LabelledObject]]:
        """The objects whose labels the project has, each with the project's label."""
        kept = []
        for item in image.objects:
            label = self._label_map.get(item.label)
            if label is None:
                self._dropped.setdefault(frame_id, Counter())[item.label] += 1
            else:
                kept.append((label, item))
        return kept

    def _total_dropped(self) -> dict[str, int]:
        return dict(sum(self._dropped.values(), Counter()).most_common())

    def _check(self) -> None:
        """Refuse an import that would bring nothing: a wrong folder or wrong labels."""
        where = f"Nothing was imported from this {self._dataset.format} dataset"
        if not self._images:
            first = next((f"{f.uri}: {f.reason}" for f in self._unmatched), "it holds no image")
            first = (
                first
                if self._unmatched or not self._dataset.problems
                else str(self._dataset.problems[0])
            )
            raise InputError(
                where, f"none of its {len(self._dataset.images)} images is a frame; {first}",
                "add the images with add_frames first",
            )  # fmt: skip
        if self._dropped and not any(self._objects.values()):
            listed = ", ".join(list(self._total_dropped())[:5])
            raise InputError(
                where, f"the project has none of its labels ({listed})", "give a label_map"
            )

    def _report(self, path: Path, as_: ImportAs, **more: object) -> ImportReport:
        return ImportReport(
            format=self._dataset.format,
            path=path,
            as_=as_,
            images=len(self._dataset.images),
            matched=dict(self._matched),
            unmatched=tuple(self._unmatched),
            problems=self._dataset.problems,
            dropped=self._total_dropped(),
            **more,  # type: ignore[arg-type]
        )

    def _add_labels(self) -> None:
        """Labels of a project that had none, and skeletons of labels that had none."""
        if self._new_labels:
            self._project.add_labels(self._new_labels)
        for name, skeleton in self._dataset.skeletons.items():
            label = self._label_map.get(name)
            if label is not None and label not in self._project.skeletons:
                self._project.set_skeleton(label, skeleton)

    def as_table(self) -> pd.DataFrame:
        """Every object with ``PROPOSAL_COLUMNS``; nothing is stored."""
        table = proposals_table([p for i in self._images for p in self._proposals(i)])
        frame_ids = table["frame_id"].cast(pa.string())
        index = table["index"].cast(pa.string())
        run = pa.array([_LABELS_RUN] * len(table), pa.string())
        ids = pc.binary_join_element_wise(run, frame_ids, index, "/")
        whole = table.add_column(0, "run_id", run.dictionary_encode()).add_column(
            0, "object_id", ids
        )
        return proposals_dataframe([whole])

    # ---- proposals

    def as_proposals(self, path: Path) -> ImportReport:
        """A finished run with every object as a proposal, score 1 where the dataset has none."""
        self._add_labels()
        manifest = new_manifest(
            f"import:{self._dataset.format}",
            "import",
            params={"path": str(path), "format": self._dataset.format},
            label_map=self._label_map,
            class_scores="none",
        )
        spec = Spec(manifest, tuple(self._images), slug=f"import-{self._dataset.format}")
        with OpenRun.create(self._project, spec) as run:
            for part in range(run.store.n_parts):
                ids = run.store.part_frames(part)
                dropped = sum((self._dropped.get(i, Counter()) for i in ids), Counter())
                proposals = [p for i in ids for p in self._proposals(i)]
                run.write(Part(part, proposals, dropped=dropped))
            done = run.close()
        return self._report(
            path, "proposals", run_id=done.run_id, frames=done.frames, objects=done.proposals,
            notes=tuple(self._notes),
        )  # fmt: skip

    def _proposals(self, frame_id: str) -> Iterator[Proposal]:
        for k, (label, item) in enumerate(self._objects[frame_id]):
            score = item.provenance.score
            score = 1.0 if score is None else min(max(score, 0.0), 1.0)
            yield Proposal(
                frame_id, k, label, score, item.shape,
                choices=(LabelChoice(item.label, score),),
                attributes=item.attributes,
                track_id=item.track_id,
            )  # fmt: skip

    # ---- decisions

    def as_decisions(self, path: Path, reviewer: str | None) -> ImportReport:
        """Every object as ``add``, then ``accept_frame``; frames with decisions are left alone.

        A frame of which the dataset says nothing gets nothing. One of whose labels some could not
        be read gets the others, and is not accepted.
        """
        self._add_labels()
        last = self._project.decisions().groupby("frame_id")["seq"].max()
        notes = list(self._notes)
        if reviewer is None:
            notes.append("no reviewer is named: these decisions are marked as scripted")
        silent = [i for i, image in self._images.items() if not image.labelled]
        if silent:
            notes.append(f"{len(silent)} images have no label file; nothing was decided on them")
        todo = [i for i in self._images if i not in last.index and i not in set(silent)]
        session = uuid4().hex
        for k in range(0, len(todo), _CHUNK):
            chunk = todo[k : k + _CHUNK]
            rows = [d for i in chunk for d in self._decisions(i, session, reviewer)]
            # seq 0: a decision made in the meantime stops the import
            self._project.ledger.append(rows, dict.fromkeys(chunk, 0))
        return self._report(
            path,
            "decisions",
            frames=len(todo),
            objects=sum(len(self._objects[i]) for i in todo),
            left_alone=tuple(i for i in self._images if i in last.index),
            not_accepted=tuple(i for i in todo if not self._images[i].complete),
            notes=tuple(notes),
        )

    def _decisions(self, frame_id: str, session: str, reviewer: str | None) -> Iterator[Decision]:
        step, now = uuid4().hex, datetime.now(UTC)
        common: dict[str, Any] = {
            "step": step,
            "frame_id": frame_id,
            "reviewer": reviewer or "import",
            "session_id": session,
            "time": now,
            "scripted": reviewer is None,
            "tool": f"import:{self._dataset.format}",
        }
        for label, item in self._objects[frame_id]:
            new = AnnotatedObject(
                object_id=uuid4().hex,
                frame_id=frame_id,
                label=label,
                shape=item.shape,
                attributes=item.attributes,
                track_id=item.track_id,
            )
            after = new.to_json()
            yield Decision(uuid4().hex, kind="add", object_id=new.object_id, after=after, **common)
        if self._images[frame_id].complete:
            yield Decision(uuid4().hex, kind="accept_frame", **common)

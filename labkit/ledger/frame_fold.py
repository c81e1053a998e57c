"""The fold for one frame, on objects: what a session shows. Equal to the fold on tables.

:func:`labkit.ledger.fold.fold` does the same for a whole project at once; a property test holds
the two equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from labkit.core.matching import match_boxes
from labkit.core.rows import attributes_from_json
from labkit.core.types import OBJECT_VERDICTS, AnnotatedObject, Decision, Shape, State

__all__ = ["effective", "fold_frame", "frame_state", "hide_covered"]

COVERED_IOU = 0.7
"""From this IoU on a proposal of the same label repeats what a person has decided already."""


def effective(decisions: Iterable[Decision]) -> list[Decision]:
    """Decisions less the undone steps and the undo and redo rows."""
    rows = list(decisions)
    last = {d.target: d.kind for d in rows if d.kind in ("undo", "redo")}
    return [d for d in rows if d.kind not in ("undo", "redo") and last.get(d.step) != "undo"]


def frame_state(decisions: Iterable[Decision]) -> str:
    """One of ``accepted``, ``hand``, ``skipped``, ``open`` (some objects decided), ``new``."""
    rows = [d for d in effective(decisions) if d.kind != "comment"]
    kinds = [d.kind for d in rows]
    for kind in reversed(kinds):
        if kind in ("accept_frame", "reject_frame"):
            return "accepted" if kind == "accept_frame" else "hand"
    if "skip" in kinds:
        return "skipped"
    return "open" if kinds else "new"


def _next_state(before: State, kind: str) -> State:
    if kind == "reject":
        return "rejected"
    if kind == "add":
        return "added"
    if before in ("added", "edited"):
        return before
    return "edited" if kind in ("edit", "relabel") else "accepted"


def fold_frame(
    proposals: Sequence[AnnotatedObject], decisions: Iterable[Decision]
) -> list[AnnotatedObject]:
    """The objects of one frame as they stand: proposals in their order, then others."""
    objects = {p.object_id: p for p in proposals}
    for d in effective(decisions):
        if d.kind not in OBJECT_VERDICTS or d.object_id is None:
            continue
        data = d.after or d.before
        assert data is not None  # every object verdict carries one of them
        known = objects.get(d.object_id)
        base = known or AnnotatedObject(
            d.object_id,
            d.frame_id,
            data["label"],
            Shape.from_json(data["shape"]),
            score=d.score,
            run_id=d.run_id,
        )
        objects[d.object_id] = base.with_(
            label=data["label"],
            shape=Shape.from_json(data["shape"]),
            attributes=attributes_from_json(data.get("attributes")),
            track_id=data.get("track_id"),
            state=_next_state(base.state, d.kind),
            reviewer=d.reviewer,
            revision=d.seq,
        )
    return list(objects.values())


def hide_covered(objects: Sequence[AnnotatedObject]) -> list[AnnotatedObject]:
    """Leave out undecided proposals that repeat what a person has decided under another run.

    A second run proposes again what was accepted, corrected, drawn or refused before. Where it
    has the same label and an IoU of at least ``COVERED_IOU`` with such an object, the person
    need not say it twice. The same holds where it is of the same track.
    """
    decided = [o for o in objects if o.state != "proposed"]
    fresh = [o for o in objects if o.state == "proposed"]
    if not decided or not fresh:
        return list(objects)
    tracks = {o.track_id for o in decided} - {None}
    names = {label: k for k, label in enumerate({o.label for o in objects})}
    runs = {run: k for k, run in enumerate({o.run_id for o in objects})}
    covered = {o.object_id for o in fresh if o.track_id in tracks}
    for run, code in runs.items():
        others = [o for o in decided if runs[o.run_id] != code]
        mine = [o for o in fresh if o.run_id == run]
        if not others or not mine:
            continue
        pairs = match_boxes(
            np.array([o.shape.box for o in mine]),
            np.array([o.shape.box for o in others]),
            COVERED_IOU,
            [names[o.label] for o in mine],
            [names[o.label] for o in others],
        )
        covered.update(mine[i].object_id for i in pairs.i)
    return [o for o in objects if o.object_id not in covered]

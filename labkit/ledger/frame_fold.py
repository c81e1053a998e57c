"""The fold for one frame, on objects: what a session shows. Equal to the fold on tables.

:func:`labkit.ledger.fold.fold` does the same for a whole project at once. Both walk through the
table of :mod:`labkit.ledger.transitions` and ask the same functions what is covered and from which
threshold an object is shown; a property test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.rows import attributes_from_json
from labkit.core.types import OBJECT_VERDICTS, AnnotatedObject, Decision, Shape
from labkit.core.visibility import (
    ALWAYS,
    NEVER,
    Thresholds,
    at_any_score,
    is_carried,
    shown_from,
)
from labkit.ledger.covering import covering
from labkit.ledger.transitions import FRAME_STATES, Status, decide, frame_weight
from labkit.ledger.undo import standing

__all__ = ["fold_frame", "frame_state"]


def frame_state(decisions: Iterable[Decision]) -> str:
    """One of ``accepted``, ``hand``, ``skipped``, ``open`` (some objects decided), ``new``."""
    kinds = [d.kind for d in standing(decisions)]
    weights = frame_weight(kinds).tolist()
    if max(weights, default=-1) < 0:
        return "new"
    made_by = max(range(len(kinds)), key=lambda k: (weights[k], k))
    return FRAME_STATES.get(kinds[made_by], "open")


def fold_frame(
    proposals: Sequence[AnnotatedObject],
    decisions: Sequence[Decision],
    thresholds: Thresholds | None = None,
) -> list[AnnotatedObject]:
    """The objects of one frame as they stand: proposals in their order, then others.

    Undecided proposals that repeat a decided object are among them, with ``covered_by``.
    """
    objects = {p.object_id: _undecided(p) for p in proposals}
    status: dict[str, Status] = {}
    drawn: set[str] = set()
    for d in standing(decisions):
        if d.kind not in OBJECT_VERDICTS or d.object_id is None:
            continue
        name = d.object_id
        if d.kind == "add":
            drawn.add(name)
        status[name] = decide(status.get(name, Status()), d.kind)
        objects[name] = _decided(objects.get(name), d, status[name], name in drawn)
    return _visible(list(objects.values()), frame_state(decisions), thresholds or Thresholds())


def _undecided(o: AnnotatedObject) -> AnnotatedObject:
    return o if o.model_label is not None else o.with_(model_label=o.label)


def _decided(
    o: AnnotatedObject | None, d: Decision, status: Status, drawn: bool
) -> AnnotatedObject:
    """The object after one decision on it."""
    data = d.after or d.before
    assert data is not None  # every object verdict carries one of them
    shape = Shape.from_json(data["shape"])
    if o is None:  # its run is gone, or a person added it
        named = d.before or data
        o = AnnotatedObject(
            str(d.object_id),
            d.frame_id,
            data["label"],
            shape,
            score=d.score,
            run_id=d.run_id,
            model_label=named["label"],
        )
    return o.with_(
        label=data["label"],
        shape=shape,
        attributes=attributes_from_json(data.get("attributes")),
        track_id=data.get("track_id"),
        state=status.state,
        edited=status.edited and not drawn,
        model_label=None if drawn else o.model_label,
        reviewer=d.reviewer,
        revision=d.seq,
        covered_by=None,
        shown_from=NEVER if status.state == "rejected" else ALWAYS,
    )


def _visible(
    objects: list[AnnotatedObject], state: str, thresholds: Thresholds
) -> list[AnnotatedObject]:
    """The objects with what covers them and from which threshold they are shown."""
    by = _covering(objects)
    conf, fixed = thresholds.of(o.run_id for o in objects)
    open_ = [o.state == "proposed" for o in objects]
    shown = shown_from(
        [np.nan if o.score is None else o.score for o in objects],
        conf,
        fixed,
        thresholds.base,
        always=[
            not free or at_any_score(o.attributes) for o, free in zip(objects, open_, strict=True)
        ],
        never=[
            o.state == "rejected" or (free and (state == "hand" or k >= 0))
            for o, free, k in zip(objects, open_, by.tolist(), strict=True)
        ],
    )
    names = [o.object_id for o in objects]
    out = []
    for o, k, value in zip(objects, by.tolist(), shown.tolist(), strict=True):
        covered_by = names[k] if k >= 0 else None
        same = (o.covered_by, o.shown_from) == (covered_by, value)
        out.append(o if same else o.with_(covered_by=covered_by, shown_from=value))
    return out


def _covering(objects: Sequence[AnnotatedObject]) -> NDArray[np.int64]:
    carried = [o.state == "proposed" and is_carried(o.attributes) for o in objects]
    if not any(carried) and not _can_cover(objects):
        return np.full(len(objects), -1, dtype=np.int64)
    return covering(
        frame=np.zeros(len(objects), dtype=np.int64),
        run=_codes([o.run_id for o in objects]),
        label=_codes([o.label for o in objects]),
        track=np.array([-1 if o.track_id is None else o.track_id for o in objects], dtype=np.int64),
        box=np.array([o.shape.box for o in objects], dtype=np.float64).reshape(-1, 4),
        revision=np.array([o.revision for o in objects], dtype=np.int64),
        carried=np.array(carried, dtype=bool),
    )


def _can_cover(objects: Sequence[AnnotatedObject]) -> bool:
    """Whether a decided object is of another run than a proposal, or of a track."""
    fresh = {o.run_id for o in objects if o.state == "proposed"}
    decided = [o for o in objects if o.state != "proposed"]
    return bool(fresh) and any(o.track_id is not None or fresh != {o.run_id} for o in decided)


def _codes(names: Sequence[Hashable]) -> NDArray[np.int64]:
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(n, len(numbers)) for n in names], dtype=np.int64)

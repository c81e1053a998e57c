"""Hand-made ledgers with known answers."""

from __future__ import annotations

from typing import Any

import pandas as pd
from factories import decision_row, decisions_frame, object_json, proposals_frame

BOX = (10.0, 10.0, 50.0, 50.0)
RUN = "r0001-test"


def proposal_id(frame: str, index: int) -> str:
    return f"{RUN}/{frame}/{index}"


def judged(
    kind: str,
    frame: str,
    index: int,
    label: str = "cat",
    to: str | None = None,
    box: tuple[float, float, float, float] = BOX,
    **given: Any,
) -> dict[str, Any]:
    """A decision on a proposal of ``label``; ``to`` is its label afterwards."""
    before, after = object_json(label, box), object_json(to or label, box)
    return decision_row(
        kind,
        frame,
        object_id=proposal_id(frame, index),
        run_id=RUN,
        before=None if kind == "accept" else before,
        after=None if kind == "reject" else after,
        **{"score": 0.9, "threshold": 0.5, **given},
    )


def added(
    frame: str,
    name: str,
    label: str = "cat",
    box: tuple[float, float, float, float] = BOX,
    **given: Any,
) -> dict[str, Any]:
    return decision_row("add", frame, object_id=name, after=object_json(label, box), **given)


def whole(kind: str, frame: str, **given: Any) -> dict[str, Any]:
    return decision_row(kind, frame, **{"threshold": 0.5, **given})


def story() -> pd.DataFrame:
    """Five frames: reviewed, with undone steps, drawn by hand, sent away, still open.

    f1 (accepted): cat/0 accepted then edited; cat/1 relabelled dog; cat/2 rejected; dog/3
    accepted; a dog added; a cat added and taken back. f2 (accepted): cat/0 rejected, undone, then
    accepted; cat/1 edited, undone (nothing stands). f3: sent away, two dogs drawn, accepted. f4:
    sent away. f5 (open): cat/0 accepted, a cat added.
    """
    rows = [
        judged("accept", "f1", 0),
        judged("edit", "f1", 0),
        judged("relabel", "f1", 1, to="dog"),
        judged("reject", "f1", 2),
        judged("accept", "f1", 3, "dog"),
        added("f1", "a1", "dog"),
        added("f1", "a2", "cat"),
        decision_row("reject", "f1", object_id="a2", before=object_json("cat", BOX)),
        whole("accept_frame", "f1"),
        judged("reject", "f2", 0, step="s-rej"),
        whole("undo", "f2", target="s-rej"),
        judged("accept", "f2", 0),
        judged("edit", "f2", 1, step="s-edit"),
        whole("undo", "f2", target="s-edit"),
        whole("accept_frame", "f2"),
        whole("reject_frame", "f3", active_s=3.0),
        added("f3", "h1", "dog", active_s=8.0, clicks=4),
        added("f3", "h2", "dog", active_s=12.0, clicks=4),
        whole("accept_frame", "f3", active_s=2.0),
        whole("reject_frame", "f4"),
        judged("accept", "f5", 0),
        added("f5", "a3", "cat"),
    ]
    return decisions_frame(rows)


def nothing() -> pd.DataFrame:
    return decisions_frame([])


def story_proposals() -> pd.DataFrame:
    labels = {"f1": ["cat", "cat", "cat", "dog"], "f2": ["cat", "cat"], "f5": ["cat"]}
    return proposals_frame(
        [{"frame_id": f, "box": BOX, "label": n} for f, names in labels.items() for n in names], RUN
    )

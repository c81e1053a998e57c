"""Which frames a contact sheet shows, and their pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

import pandas as pd

from labkit.core.errors import LabkitError
from labkit.core.rows import object_from_row
from labkit.core.types import AnnotatedObject
from labkit.core.visibility import is_shown
from labkit.frames import FrameReader
from labkit.report.blocks import Block, Card, Gallery, Section, Text, data_uri
from labkit.report.facts import Facts
from labkit.report.sheet import Tile, encode, render_tile, thumbnail

__all__ = ["annotated_objects", "choose_frames", "sheet_section", "tiles_of"]

_SIZE = (448, 336)
_MOST_OBJECTS = 80
_WORDS = {"accepted": "accepted", "hand": "sent to hand-labelling", "skipped": "skipped"}


def choose_frames(facts: Facts, n: int) -> dict[str, list[str]]:
    """The frames to look at, by heading; no frame is under two of them.

    First those that failed or were sent to hand-labelling (at most a quarter of ``n`` each), then
    the most corrected, with a quarter left for the first of the queue, then the rest.
    """
    failed = [f.frame_id for f in facts.failures if f.frame_id in facts.frames.index]
    errors = facts.errors
    worst = errors[errors["errors"] > 0].sort_values("errors", ascending=False, kind="stable")
    clean = errors[errors["errors"] == 0]
    open_frames = facts.frames.index.difference(facts.states.index, sort=False)
    groups: dict[str, tuple[Iterable[Any], int]] = {
        "Could not be used": (failed, -(-n // 4)),
        "Sent to hand-labelling": (facts.hand["frame_id"], -(-n // 4)),
        "Most corrected": (worst.index, n),
        "Next in the queue": (facts.queue["frame_id"], n),
        "Accepted as proposed": (clean.index, n),
        "Not decided yet": (open_frames, n),
    }
    out: dict[str, list[str]] = {}
    taken: set[str] = set()
    for title, (ids, most) in groups.items():
        fresh = [str(i) for i in ids if str(i) not in taken and str(i) in facts.frames.index]
        kept_free = min(len(facts.queue), n // 4) if title == "Most corrected" else 0
        chosen = fresh[: max(0, min(most, n - len(taken) - kept_free))]
        if chosen:
            out[title] = chosen
            taken.update(chosen)
    return out


def annotated_objects(annotations: pd.DataFrame) -> dict[str, list[AnnotatedObject]]:
    """Rows of ``Project.annotations()`` as objects, by frame."""
    out: dict[str, list[AnnotatedObject]] = {}
    for row in annotations.to_dict("records"):
        item = object_from_row(cast(dict[str, Any], row))
        out.setdefault(item.frame_id, []).append(item)
    return out


def tiles_of(
    facts: Facts, frame_ids: Sequence[str], size: tuple[int, int] = _SIZE, reasons: Any = None
) -> list[Tile]:
    """Tiles of frames: reduced picture, objects at the threshold shown, verdict in words.

    Undecided proposals are shown from the threshold of their run up. A frame whose file can no
    longer be read has the reason in place of a picture.

    Parameters
    ----------
    facts : Facts
    frame_ids : sequence of str
        Frames of the project, in the order wanted.
    size : (int, int)
        Greatest width and height of the pictures.
    reasons : mapping of str to str, optional
        Why each frame is here, such as ``reason`` of a queue by ``frame_id``.
    """
    annotations = facts.annotations
    here = annotations[annotations["frame_id"].isin(frame_ids)]
    shown = is_shown(here["shown_from"].to_numpy(), facts.thresholds.base)
    objects = annotated_objects(here[shown | (here["state"] == "rejected").to_numpy()])
    problems = {f.frame_id: f.reason for f in facts.failures if f.frame_id}
    tiles = []
    with FrameReader(facts.project.root) as reader:
        for frame in facts.project.iter_frames(frame_ids):
            tile = Tile(
                name=facts.name_of(frame.frame_id),
                picture=None,
                frame_size=(frame.width, frame.height),
                objects=objects.get(frame.frame_id, [])[:_MOST_OBJECTS],
                reason=(reasons or {}).get(frame.frame_id, ""),
                verdict=_verdict(facts, frame.frame_id),
                problem=problems.get(frame.frame_id, ""),
                skeletons=facts.project.skeletons,
            )
            try:
                encoded = reader.encoded(frame)
                picture = thumbnail(encoded.data, size, encoded.orientation)
                tiles.append(replace(tile, picture=picture))
            except LabkitError as exc:
                tiles.append(replace(tile, problem=tile.problem or str(exc)))
    return tiles


def _verdict(facts: Facts, frame_id: str) -> str:
    if frame_id not in facts.states.index:
        return "not decided yet"
    row = facts.states.loc[frame_id]
    word = _WORDS.get(str(row["state"]), "begun")
    script = " (script)" if row["scripted"] else ""
    return f"{word} by {row['reviewer']}{script}"


def _corrections(row: pd.Series[Any]) -> str:
    words = {
        "edited": "edited",
        "relabelled": "relabelled",
        "rejected": "removed",
        "added": "added",
    }
    return ", ".join(f"{int(row[kind])} {word}" for kind, word in words.items() if row[kind])


def sheet_section(facts: Facts, n: int) -> Section:
    """The contact sheet of ``n`` frames."""
    chosen = choose_frames(facts, n)
    if not chosen:
        text = "No frame to show." if n else "No contact sheet was asked for."
        return Section("sheet", "Contact sheet", [Text(text, "note")])
    errors = facts.errors
    reasons = {str(r.frame_id): f"{r.rule}: {r.reason}" for r in facts.queue.itertuples()}
    reasons |= {str(i): _corrections(r) for i, r in errors.iterrows() if r["errors"]}
    text = (
        "Proposed: dashed line and a circle. Accepted: solid line and a check. Edited: double line "
        "and a pencil. Removed: dotted and crossed out. Added: dashes and dots and a plus."
    )
    blocks: list[Block] = [Text(text)]
    for title, ids in chosen.items():
        blocks.append(
            Gallery(title, [_card(tile) for tile in tiles_of(facts, ids, _SIZE, reasons)])
        )
    return Section("sheet", "Contact sheet", blocks)


def _card(tile: Tile) -> Card:
    states = pd.Series(
        [o.state for o in tile.objects if isinstance(o, AnnotatedObject)], dtype=object
    )
    counts = ", ".join(f"{k} {state}" for state, k in states.value_counts().items())
    picture = encode(render_tile(tile, _SIZE), "JPEG")
    return Card(
        source=data_uri(picture, "image/jpeg"),
        alt=f"{tile.name}: {counts or 'no objects'}"
        if tile.picture
        else f"{tile.name}: no picture",
        name=tile.name,
        verdict=tile.verdict,
        reason=tile.reason,
        problem=tile.problem,
    )

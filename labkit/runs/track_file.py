"""``keyframes.json`` in a track run's folder: what it was asked to follow, and from where."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.core.errors import StoreError
from labkit.core.prompts import Prompts, Stroke
from labkit.core.tracks import Keyframe, Walked
from labkit.core.types import Rle, Shape
from labkit.runs.track_input import Seed
from labkit.runs.track_plan import Route
from labkit.store.files import write_atomic

__all__ = ["Record", "digest", "known_seq", "read_records", "record", "walked", "write_records"]

_FILE = "keyframes.json"
Stretch = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """One track of a run.

    Attributes
    ----------
    track_id : int
    label : str
    seeds : tuple of Seed
    forward : tuple of (first, last)
        Frames between which it was walked forward, inclusive.
    backward : (first, last) or None
        The same for backward.
    """

    track_id: int
    label: str
    seeds: tuple[Seed, ...]
    forward: tuple[Stretch, ...] = ()
    backward: Stretch | None = None


def record(track_id: int, label: str, way: Route) -> Record:
    """What is kept of a route."""
    ids = way.sequence.frame_ids
    return Record(
        track_id,
        label,
        tuple(way.seeds[p] for p in sorted(way.seeds)),
        tuple((ids[a], ids[b]) for a, b in way.forward),
        None if way.backward is None else (ids[way.backward[0]], ids[way.backward[1]]),
    )


def digest(records: Sequence[Record]) -> str:
    """SHA-256 of what is asked for."""
    text = json.dumps([_to_json(r) for r in records], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write_records(folder: Path, records: Sequence[Record], seq: int) -> None:
    """Write the file, whole or not at all; ``seq`` is the last decision that the run knows of."""
    text = json.dumps({"seq": seq, "tracks": [_to_json(r) for r in records]}).encode()
    write_atomic(folder / _FILE, lambda f: f.write(text))


def read_records(folder: Path) -> list[Record] | None:
    """The tracks of a run; None where the file is not there (yet)."""
    kept = _read(folder)
    return None if kept is None else kept[0]


def known_seq(folder: Path) -> int:
    """The last decision of the ledger when the run was asked for."""
    kept = _read(folder)
    return 0 if kept is None else kept[1]


def walked(folder: Path) -> dict[int, Walked]:
    """Where a track run has looked for each of its tracks; empty for other runs."""
    out = {}
    for item in read_records(folder) or ():
        stretches = (*item.forward, *((item.backward,) if item.backward is not None else ()))
        outside = {s.keyframe.frame_id for s in item.seeds if s.keyframe.outside}
        out[item.track_id] = Walked(stretches, frozenset(outside))
    return out


def _read(folder: Path) -> tuple[list[Record], int] | None:
    path = folder / _FILE
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_text("utf-8"))
        return [_from_json(r) for r in data["tracks"]], int(data["seq"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise StoreError(f"The keyframes of run {folder.name!r} cannot be read", str(exc)) from exc


def _to_json(item: Record) -> dict[str, Any]:
    return {
        "track_id": item.track_id,
        "label": item.label,
        "forward": [list(s) for s in item.forward],
        "backward": None if item.backward is None else list(item.backward),
        "keyframes": [_seed_to_json(s) for s in item.seeds],
    }


def _from_json(data: Mapping[str, Any]) -> Record:
    track, label = int(data["track_id"]), str(data["label"])
    return Record(
        track,
        label,
        tuple(_seed_from_json(s, track, label) for s in data["keyframes"]),
        tuple((a, b) for a, b in data["forward"]),
        None if data["backward"] is None else (data["backward"][0], data["backward"][1]),
    )


def _seed_to_json(seed: Seed) -> dict[str, Any]:
    keyframe = seed.keyframe
    return {
        "frame_id": keyframe.frame_id,
        "shape": None if keyframe.shape is None else keyframe.shape.to_json(),
        "prompts": None if keyframe.prompts is None else _prompts_to_json(keyframe.prompts),
        "outside": keyframe.outside,
        "score": seed.score,
        "decided": seed.decided,
        "object_id": seed.object_id,
    }


def _seed_from_json(data: Mapping[str, Any], track: int, label: str) -> Seed:
    shape, prompts = data["shape"], data["prompts"]
    keyframe = Keyframe(
        data["frame_id"],
        track,
        label,
        None if shape is None else Shape.from_json(shape),
        None if prompts is None else _prompts_from_json(prompts),
        bool(data["outside"]),
    )
    return Seed(keyframe, float(data["score"]), bool(data["decided"]), data["object_id"])


def _prompts_to_json(prompts: Prompts) -> dict[str, Any]:
    """All but the logits, which only the process that made them understands."""
    mask = prompts.mask
    return {
        "points": [list(p) for p in prompts.points],
        "labels": list(prompts.labels),
        "box": None if prompts.box is None else list(prompts.box),
        "mask": None if mask is None else [mask.height, mask.width, mask.counts],
        "strokes": [[[list(p) for p in s.points], s.positive, s.width] for s in prompts.strokes],
    }


def _prompts_from_json(data: Mapping[str, Any]) -> Prompts:
    box, mask = data["box"], data["mask"]
    return Prompts(
        tuple((x, y) for x, y in data["points"]),
        tuple(data["labels"]),
        None if box is None else (box[0], box[1], box[2], box[3]),
        None if mask is None else Rle(*mask),
        tuple(Stroke(tuple((x, y) for x, y in p), s, w) for p, s, w in data["strokes"]),
    )

"""What a track run keeps on disk, and tracks as a table that is read from it.

``keyframes.json`` says what the run was asked to follow, and from where.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core import drift
from labkit.core.errors import StoreError
from labkit.core.prompts import Prompts
from labkit.core.rows import attributes_from_json, shape_from_row
from labkit.core.tracks import Keyframe, Tracked, Walked
from labkit.core.types import Attribute, Proposal, Shape
from labkit.frames.order import in_order
from labkit.store.files import write_atomic
from labkit.store.project import ProjectStore
from labkit.store.proposals import RunStore
from labkit.tracking.keyframes import TrackKeyframe
from labkit.tracking.route import Route

__all__ = [
    "TRACK_COLUMNS",
    "Results",
    "TrackRecord",
    "as_stored",
    "digest",
    "known_seq",
    "proposal",
    "read_records",
    "record",
    "tracks_table",
    "walked",
    "write_records",
]

_FILE = "keyframes.json"
Stretch = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """One track of a run.

    Attributes
    ----------
    track_id : int
    label : str
    keyframes : tuple of TrackKeyframe
    forward : tuple of (first, last)
        Frames between which it was tracked forward, inclusive.
    backward : (first, last) or None
        The same for backward.
    """

    track_id: int
    label: str
    keyframes: tuple[TrackKeyframe, ...]
    forward: tuple[Stretch, ...] = ()
    backward: Stretch | None = None


def record(track_id: int, label: str, way: Route) -> TrackRecord:
    """What is kept of a route."""
    ids = way.sequence.frame_ids
    return TrackRecord(
        track_id,
        label,
        tuple(way.keyframes[p] for p in sorted(way.keyframes)),
        tuple((ids[a], ids[b]) for a, b in way.forward),
        None if way.backward is None else (ids[way.backward[0]], ids[way.backward[1]]),
    )


def digest(records: Sequence[TrackRecord]) -> str:
    """SHA-256 of what is asked for."""
    text = json.dumps([_to_json(r) for r in records], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write_records(folder: Path, records: Sequence[TrackRecord], seq: int) -> None:
    """Write the file, whole or not at all; ``seq`` is the last decision that the run knows of."""
    text = json.dumps({"seq": seq, "tracks": [_to_json(r) for r in records]}).encode()
    write_atomic(folder / _FILE, lambda f: f.write(text))


def read_records(folder: Path) -> list[TrackRecord] | None:
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
        outside = {s.keyframe.frame_id for s in item.keyframes if s.keyframe.outside}
        out[item.track_id] = Walked(stretches, frozenset(outside))
    return out


def _read(folder: Path) -> tuple[list[TrackRecord], int] | None:
    path = folder / _FILE
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_text("utf-8"))
        return [_from_json(r) for r in data["tracks"]], int(data["seq"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise StoreError(f"The keyframes of run {folder.name!r} cannot be read", str(exc)) from exc


def _to_json(item: TrackRecord) -> dict[str, Any]:
    return {
        "track_id": item.track_id,
        "label": item.label,
        "forward": [list(s) for s in item.forward],
        "backward": None if item.backward is None else list(item.backward),
        "keyframes": [_keyframe_to_json(s) for s in item.keyframes],
    }


def _from_json(data: Mapping[str, Any]) -> TrackRecord:
    track, label = int(data["track_id"]), str(data["label"])
    return TrackRecord(
        track,
        label,
        tuple(_keyframe_from_json(s, track, label) for s in data["keyframes"]),
        tuple((a, b) for a, b in data["forward"]),
        None if data["backward"] is None else (data["backward"][0], data["backward"][1]),
    )


def _keyframe_to_json(anchor: TrackKeyframe) -> dict[str, Any]:
    keyframe = anchor.keyframe
    return {
        "frame_id": keyframe.frame_id,
        "shape": None if keyframe.shape is None else keyframe.shape.to_json(),
        "prompts": None if keyframe.prompts is None else keyframe.prompts.to_record(),
        "outside": keyframe.outside,
        "score": anchor.score,
        "decided": anchor.decided,
        "object_id": anchor.object_id,
    }


def _keyframe_from_json(data: Mapping[str, Any], track: int, label: str) -> TrackKeyframe:
    shape, prompts = data["shape"], data["prompts"]
    keyframe = Keyframe(
        data["frame_id"],
        track,
        label,
        None if shape is None else Shape.from_json(shape),
        None if prompts is None else Prompts.from_record(prompts),
        bool(data["outside"]),
    )
    return TrackKeyframe(keyframe, float(data["score"]), bool(data["decided"]), data["object_id"])


# ---- proposals, out and in again

_KEYFRAME = "keyframe"


def as_stored(tracked: Tracked) -> Tracked:
    """The numbers as Parquet keeps them, so that a resumed run continues from the same ones."""
    shape = None if tracked.shape is None else _rounded(tracked.shape)
    signals = {name: float(value) for name, value in tracked.signals.items()}
    return Tracked(tracked.track_id, shape, float(np.float32(tracked.score)), signals)


def _rounded(shape: Shape) -> Shape:
    keypoints, polygons, rotated = shape.keypoints, shape.polygons, shape.rotated
    if keypoints is not None:
        keypoints = tuple((x, y, v) for x, y, v in _float32(keypoints).tolist())
    if polygons is not None:
        polygons = tuple(tuple(_float32(ring).tolist()) for ring in polygons)
    if rotated is not None:
        cx, cy, w, h, angle = _float32(rotated).tolist()
        rotated = (cx, cy, w, h, angle)
    x1, y1, x2, y2 = _float32(shape.box).tolist()
    return Shape((x1, y1, x2, y2), rotated, polygons, shape.mask, keypoints)


def _float32(values: Any) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)


def proposal(
    frame_id: str,
    index: int,
    label: str,
    tracked: Tracked,
    *,
    keyframe: bool,
    found: Mapping[str, float],
) -> Proposal:
    """One object of a frame as the run proposes it, with the tracker's signals as attributes."""
    assert tracked.shape is not None
    given = (Attribute(_KEYFRAME, value=True),) if keyframe else ()
    signals = tuple(Attribute(n, round(v, 5)) for n, v in sorted(tracked.signals.items()))
    return Proposal(
        frame_id,
        index,
        label,
        min(1.0, max(0.0, tracked.score)),
        tracked.shape,
        attributes=(*given, *signals, *drift.attributes(found)),
        track_id=tracked.track_id,
    )


def _tracked(row: Mapping[str, Any]) -> Tracked:
    signals = {
        a.name: float(a.value)
        for a in attributes_from_json(row["attributes"])
        if a.name != _KEYFRAME and not a.name.startswith("drift")
    }
    return Tracked(int(row["track_id"]), shape_from_row(row), float(row["score"]), signals)


class Results:
    """The tracked objects of earlier steps, by number of the step; None for a frame not read.

    Parameters
    ----------
    store : RunStore
        Its parts are those of earlier processes.
    frame_ids : sequence of str
        Of every step.
    """

    def __init__(self, store: RunStore, frame_ids: Sequence[str]) -> None:
        self._store, self._frame_ids = store, frame_ids
        self._size = store.manifest.part_size
        self._parts: dict[int, dict[int, list[Tracked] | None]] = {}

    def put(self, step: int, tracked: Iterable[Tracked] | None) -> None:
        """Note what this process found."""
        steps = self._parts.setdefault(step // self._size, {})
        steps[step] = None if tracked is None else list(tracked)

    def get(self, step: int) -> list[Tracked] | None:
        """What was found at an earlier step."""
        part = step // self._size
        if step not in self._parts.get(part, {}):
            self._parts[part] = self._read(part)
        return self._parts[part][step]

    def forget(self, before: int) -> None:
        """Keep no more than what is still needed: the parts from that of a step on."""
        for part in [k for k in self._parts if k < before // self._size]:
            del self._parts[part]

    def _read(self, part: int) -> dict[int, list[Tracked] | None]:
        df, failures = self._store.read_part(part)
        failed = {f.frame_id for f in failures}
        steps = range(part * self._size, min((part + 1) * self._size, len(self._frame_ids)))
        found: dict[int, list[Tracked] | None] = {
            k: None if self._frame_ids[k] in failed else [] for k in steps
        }
        # a frame that the run meets twice in one part has its tracks once each
        places: dict[str, list[int]] = {}
        for k in steps:
            places.setdefault(self._frame_ids[k], []).append(k)
        for row in df.to_dict("records"):
            for k in places[str(row["frame_id"])]:
                tracked = found[k]
                if tracked is not None:
                    tracked.append(_tracked({str(n): v for n, v in row.items()}))
        return found


# ---- tracks as a table

TRACK_COLUMNS = (
    "track_id",
    "label",
    "run",
    "first",
    "last",
    "frames",
    "keyframes",
    "outside",
    "drift",
    "score",
)


def tracks_table(project: ProjectStore, run: str | None = None) -> pd.DataFrame:
    """One row per track.

    Parameters
    ----------
    project : ProjectStore
    run : str, optional
        That run alone; without it, what counts now of all finished runs.

    Returns
    -------
    DataFrame
        ``track_id``; ``label`` and ``run``, those of its newest run; ``first`` and ``last``, ids of
        the frames between which it is known; ``frames`` on which it is; ``keyframes``, how many of
        them; ``outside``, frames in between on which it is not; ``drift``, frames to look at;
        ``score``, the mean over its proposals.
    """
    df = project.proposals(run)
    df = df[df["track_id"].notna()]
    frames = project.frames()
    order = _order(frames)
    keyframes = _keyframes(project, None if run is None else project.run(run).run_id)
    text = df["attributes"].astype(object).fillna("").astype(str)
    flags = text.str.contains('"drift"', regex=False).to_numpy(dtype=bool)
    given = text.str.contains('["keyframe"', regex=False).to_numpy(dtype=bool)
    df = df.assign(flagged=flags, given=given)
    rows = []
    for track_id, part in df.groupby("track_id", sort=True):
        newest = part.sort_values("run_id", key=lambda c: c.astype(str), kind="stable").iloc[-1]
        shown, outside = keyframes.get(int(str(track_id)), (set(), set()))
        shown = shown - outside
        there = set(part["frame_id"].astype(str)) | shown
        places = sorted(order[f] for f in there)
        ids = {order[f]: f for f in there}
        rows.append(
            {
                "track_id": int(str(track_id)),
                "label": str(newest["label"]),
                "run": str(newest["run_id"]),
                "first": ids[places[0]],
                "last": ids[places[-1]],
                "frames": len(there),
                "keyframes": len(shown | set(part.loc[part["given"], "frame_id"].astype(str))),
                "outside": places[-1] - places[0] + 1 - len(there),
                "drift": int(part.loc[part["flagged"], "frame_id"].nunique()),
                "score": float(part["score"].mean()),
            }
        )
    return pd.DataFrame(rows, columns=list(TRACK_COLUMNS))


def _order(frames: pd.DataFrame) -> dict[str, int]:
    """A place for each frame; neighbours in a sequence differ by 1."""
    return {f: k for k, f in enumerate(in_order(frames)["frame_id"].tolist())}


def _keyframes(project: ProjectStore, run: str | None) -> dict[int, tuple[set[str], set[str]]]:
    """By track, frames on which a person decided its shape, and those on which it is outside.

    Keyframes that are proposals are seen as such.
    """
    out: dict[int, tuple[set[str], set[str]]] = {}
    for manifest in project.runs():
        if manifest.kind != "tracker" or (manifest.status != "finished" and run is None):
            continue
        if run not in (None, manifest.run_id):
            continue
        records: list[TrackRecord] = read_records(project.run(manifest.run_id).folder) or []
        for item in records:
            shown, outside = out.setdefault(item.track_id, (set(), set()))
            for anchor in item.keyframes:
                if anchor.keyframe.outside:
                    outside.add(anchor.keyframe.frame_id)
                elif anchor.decided:
                    shown.add(anchor.keyframe.frame_id)
    return out

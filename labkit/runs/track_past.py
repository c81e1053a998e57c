"""What a track run has found so far: of this process in memory, of earlier ones from its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core import drift
from labkit.core.rows import attributes_from_json, shape_from_row
from labkit.core.tracks import Tracked
from labkit.core.types import Attribute, Proposal, Shape
from labkit.store.proposals import RunStore

__all__ = ["Past", "as_stored", "proposal"]

_KEYFRAME = "keyframe"


def as_stored(tracked: Tracked) -> Tracked:
    """The numbers as Parquet keeps them, so that a resumed run goes on from the very same ones."""
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


class Past:
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
        # a frame that the walk meets twice in one part has its tracks once each
        places: dict[str, list[int]] = {}
        for k in steps:
            places.setdefault(self._frame_ids[k], []).append(k)
        for row in df.to_dict("records"):
            for k in places[str(row["frame_id"])]:
                tracked = found[k]
                if tracked is not None:
                    tracked.append(_tracked({str(n): v for n, v in row.items()}))
        return found

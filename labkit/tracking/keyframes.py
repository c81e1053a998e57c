"""What a track run starts from: objects in any form become checked keyframes, by track."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from labkit.core.errors import InputError, NotFoundError
from labkit.core.geometry import shape_from_polygons
from labkit.core.prompts import Prompts
from labkit.core.registry import unknown
from labkit.core.rows import GEOMETRY_COLUMNS, shape_from_row
from labkit.core.tracks import Keyframe, Track
from labkit.core.types import AnnotatedObject, Frame, Shape
from labkit.store.project import ProjectStore

__all__ = [
    "MOST_TRACKS",
    "RequestedTrack",
    "TrackKeyframe",
    "check_keyframe",
    "read_objects",
    "requested_tracks",
]

MOST_TRACKS = 1000
"""Objects in one run; above it a choice is wanted."""

_DECIDED = ("accepted", "edited", "added")


@dataclass(frozen=True, slots=True)
class TrackKeyframe:
    """A keyframe, and where it comes from.

    Attributes
    ----------
    keyframe : Keyframe
        Its ``track_id`` counts only within the request.
    score : float
        What its proposal has in the run: 1 where a person drew it.
    decided : bool
        A person has decided this very object: it is an annotation, and not proposed again.
    object_id : str or None
        The object that it was; decisions on it are decisions on the track.
    """

    keyframe: Keyframe
    score: float = 1.0
    decided: bool = False
    object_id: str | None = None


@dataclass(frozen=True, slots=True)
class RequestedTrack:
    """One track that is asked for.

    Attributes
    ----------
    given : int or None
        The id that it has, or is to have.
    own : bool
        The id is the project's already: the track goes on. Otherwise it is had if it is free.
    keyframes : tuple of TrackKeyframe
    """

    given: int | None
    own: bool
    keyframes: tuple[TrackKeyframe, ...]

    @property
    def label(self) -> str:
        """The label of the last keyframe."""
        return self.keyframes[-1].keyframe.label


@dataclass(slots=True)
class _Item:
    """One object on its way in: ``group`` tells which belong together."""

    group: Any
    given: int | None
    own: bool
    anchor: TrackKeyframe


def requested_tracks(project: ProjectStore, objects: Any) -> list[RequestedTrack]:
    """Tracks out of whatever a caller has.

    Parameters
    ----------
    project : ProjectStore
    objects : object id, AnnotatedObject, Keyframe, Track, DataFrame, an iterable of these, or a
        mapping of a name to those that are one track.
        Rows of :meth:`labkit.Project.proposals` and :meth:`labkit.Project.annotations`. Those with
        one ``track_id`` are one track, the others one each. Rejected objects say that their track
        is outside there; without a track they are left out. A session's selection
        (``session.many(which)``) is an iterable of objects.

    Raises
    ------
    InputError
        Nothing is there to track, or something that cannot be.
    """
    items: list[_Item] = []
    if isinstance(objects, Mapping):
        for name, some in objects.items():
            for item in _items(project, some):
                item.group = ("named", name)
                items.append(item)
    else:
        items = list(_items(project, objects))
    if not items:
        raise InputError("There is nothing to track", "no object was given")
    groups: dict[Any, list[_Item]] = {}
    for number, item in enumerate(items):
        groups.setdefault(("single", number) if item.group is None else item.group, []).append(item)
    tracks = [_track(group) for group in groups.values()]
    if len(tracks) > MOST_TRACKS:
        raise InputError(
            f"{len(tracks)} objects cannot be tracked in one run",
            f"the most are {MOST_TRACKS}",
            "choose some, or track them in several runs",
        )
    _check(project, tracks)
    return tracks


def _track(items: Sequence[_Item]) -> RequestedTrack:
    ids = {item.given for item in items if item.given is not None}
    keyframes = tuple(item.anchor for item in items)
    given = min(ids) if ids else None
    own = any(item.own for item in items if item.given == given)
    label = keyframes[-1].keyframe.label
    track = given or 0
    keyframes = tuple(
        replace(s, keyframe=replace(s.keyframe, track_id=track, label=label)) for s in keyframes
    )
    Track(track, label, tuple(s.keyframe for s in keyframes))  # checks that no frame is there twice
    if all(s.keyframe.outside for s in keyframes):
        raise InputError("There is nothing to track", "the object is outside on every frame given")
    return RequestedTrack(given, own, keyframes)


def _items(project: ProjectStore, objects: Any) -> Iterable[_Item]:
    if isinstance(objects, str):
        yield from _by_id(project, [objects])
    elif isinstance(objects, pd.DataFrame):
        yield from (_from_row(row) for row in objects.to_dict("records") if _counts(row))
    elif isinstance(objects, AnnotatedObject):
        if objects.state != "rejected" or objects.track_id is not None:
            yield _from_object(objects)
    elif isinstance(objects, Keyframe):
        yield _Item(("key", objects.track_id), objects.track_id, False, TrackKeyframe(objects))
    elif isinstance(objects, Track):
        for keyframe in objects.keyframes:
            yield from _items(project, keyframe)
    elif isinstance(objects, Iterable):
        listed = list(objects)
        names = [x for x in listed if isinstance(x, str)]
        yield from _by_id(project, names)
        for item in listed:
            if not isinstance(item, str):
                yield from _items(project, item)
    else:
        raise InputError(
            f"{type(objects).__name__} cannot be tracked",
            "give object ids, objects, keyframes or rows of proposals or annotations",
        )


def _by_id(project: ProjectStore, names: Sequence[str]) -> Iterable[_Item]:
    if not names:
        return
    runs = {m.run_id for m in project.runs()}
    df = project.annotations(sorted({n.split("/")[0] for n in names} & runs))
    df = df.set_index("object_id", drop=False)
    for name in names:
        if name not in df.index:
            raise unknown("object", name, df.index.tolist())
        row = df.loc[name].to_dict()
        if not _counts(row):
            raise InputError(f"Object {name!r} cannot be tracked", "it has been rejected")
        yield _from_row(row)


def _counts(row: Mapping[Any, Any]) -> bool:
    return row.get("state") != "rejected" or _number(row.get("track_id")) is not None


def _number(value: Any) -> int | None:
    return None if value is None or value is pd.NA or value != value else int(value)


def _from_row(row: Mapping[Any, Any]) -> _Item:
    for name in ("frame_id", "label", "x1", "y1", "x2", "y2"):
        if name not in row:
            raise InputError("These rows cannot be tracked", f"there is no column {name!r}")
    given = {name: row.get(name) for name in GEOMETRY_COLUMNS}
    score, state = row.get("score"), str(row.get("state", "proposed"))
    return _item(
        str(row["frame_id"]),
        str(row["label"]),
        shape_from_row(given),
        _number(row.get("track_id")),
        state,
        None if score is None or score != score else float(score),
        None if row.get("object_id") is None else str(row["object_id"]),
    )


def _from_object(item: AnnotatedObject) -> _Item:
    state = item.state if item.revision > 0 or item.state == "rejected" else "proposed"
    name = item.object_id
    return _item(item.frame_id, item.label, item.shape, item.track_id, state, item.score, name)


def _item(
    frame_id: str,
    label: str,
    shape: Shape,
    track: int | None,
    state: str,
    score: float | None,
    object_id: str | None,
) -> _Item:
    outside = state == "rejected"
    keyframe = Keyframe(frame_id, track or 0, label, None if outside else shape, outside=outside)
    decided = state in _DECIDED
    anchor = TrackKeyframe(keyframe, 1.0 if decided or score is None else score, decided, object_id)
    return _Item(None if track is None else ("own", track), track, track is not None, anchor)


def _check(project: ProjectStore, tracks: Sequence[RequestedTrack]) -> None:
    keyframes = [s.keyframe for t in tracks for s in t.keyframes]
    ids = list(dict.fromkeys(k.frame_id for k in keyframes))
    frames = dict(zip(ids, project.iter_frames(ids), strict=True))
    for keyframe in keyframes:
        if keyframe.label not in project.labels:
            raise unknown("label", keyframe.label, project.labels)
        check_keyframe(keyframe, frames[keyframe.frame_id])


def check_keyframe(keyframe: Keyframe, frame: Frame) -> None:
    """Check that a keyframe's shape can be on its frame.

    Raises
    ------
    InputError
        NaN, a box beside the frame, a polygon without area, a mask of another size.
    """
    what = f"This object on frame {frame.frame_id!r} cannot be tracked"
    if keyframe.prompts is not None:
        keyframe.prompts.check(frame.width, frame.height)
    shape = keyframe.shape
    if shape is None:
        return
    numbers = [*(shape.rotated or ()), *(v for r in shape.polygons or () for v in r)]
    numbers += [v for point in shape.keypoints or () for v in point]
    if not all(math.isfinite(v) for v in numbers):
        raise InputError(what, "its geometry is not finite")
    x1, y1, x2, y2 = shape.box
    if x2 <= 0 or y2 <= 0 or x1 >= frame.width or y1 >= frame.height:
        raise InputError(what, f"its box is outside of the frame of {frame.width} x {frame.height}")
    mask = shape.mask
    if mask is not None and (mask.width, mask.height) != (frame.width, frame.height):
        raise InputError(
            what,
            f"its mask is {mask.width} x {mask.height}, the frame {frame.width} x {frame.height}",
        )
    for ring in shape.polygons or ():
        if len(ring) < 6 or len(ring) % 2:
            raise InputError(what, "its polygon needs at least three points")


# ---- objects in a file

_KEYS = {"label", "frame", "track", "box", "polygons", "points", "labels"}


def read_objects(path: str | Path, frame_ids: Sequence[str], at: int = 0) -> list[Keyframe]:
    """Keyframes out of a file of objects.

    Parameters
    ----------
    path : str or Path
        JSON: a list of mappings with ``label`` and a ``box`` (``[x1, y1, x2, y2]``), ``polygons``
        (a list of ``[x0, y0, x1, y1, ...]``) or ``points`` (a list of ``[x, y]``, with ``labels``
        of 1 or 0). ``frame``, from 0, says where, and ``track`` which of them are one object.
    frame_ids : sequence of str
        The frames that are counted.
    at : int
        The frame of objects that name none.

    Returns
    -------
    list of Keyframe
        Objects without ``track`` get numbers of their own, which mean nothing outside of the list.

    Raises
    ------
    NotFoundError
        There is no such file.
    InputError
        It holds something else; the message names the object.
    """
    try:
        items = json.loads(Path(path).read_text("utf-8"))
    except FileNotFoundError as exc:
        raise NotFoundError(f"There is no file {str(path)!r}") from exc
    except (OSError, ValueError) as exc:
        raise InputError(f"{str(path)!r} cannot be read as JSON", str(exc)) from exc
    if not isinstance(items, list) or not items:
        raise InputError(f"{str(path)!r} cannot be used", "it is not a list of objects")
    taken = [i["track"] for i in items if isinstance(i, dict) and isinstance(i.get("track"), int)]
    free = max(taken, default=0)
    out = []
    for k, item in enumerate(items):
        try:
            out.append(_keyframe(item, frame_ids, at, free + 1 + k))
        except (InputError, TypeError, ValueError) as exc:
            raise InputError(f"Object {k} of {str(path)!r} cannot be used", str(exc)) from exc
    return out


def _keyframe(item: Any, frame_ids: Sequence[str], at: int, number: int) -> Keyframe:
    if not isinstance(item, Mapping):
        raise InputError("it is no mapping with a label and a box, polygons or points")
    strange = sorted(set(item) - _KEYS)
    if strange:
        raise InputError(f"it has {strange[0]!r}", f"known are {', '.join(sorted(_KEYS))}")
    label = str(item.get("label") or "").strip()
    if not label:
        raise InputError("it has no label")
    place = item.get("frame", at)
    if not isinstance(place, int) or not 0 <= place < len(frame_ids):
        raise InputError(f"there is no frame {place!r}", f"frames are 0 to {len(frame_ids) - 1}")
    prompts = Prompts.from_json(item) if item.get("points") else None
    shape = None
    if item.get("polygons"):
        shape = shape_from_polygons(item["polygons"])
    elif item.get("box"):
        shape = Shape(tuple(item["box"]))
    if shape is None and prompts is None:
        raise InputError("it has no box, polygons or points")
    return Keyframe(frame_ids[place], int(item.get("track", number)), label, shape, prompts)

"""Objects to follow, out of a JSON file that a person or a script has written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit.core.errors import InputError, NotFoundError
from labkit.core.geometry import shape_from_polygons
from labkit.core.prompts import Prompts
from labkit.core.tracks import Keyframe
from labkit.core.types import Shape

__all__ = ["read_objects"]

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
        raise InputError(f"{str(path)!r} cannot be used", "it is no list of objects")
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

"""One entry of a COCO file to an object; what is unusable raises with the reason."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from labkit.core.errors import InputError
from labkit.core.geometry import (
    shape_from_keypoints,
    shape_from_mask,
    shape_from_polygons,
    xywh_to_xyxy,
)
from labkit.core.types import Attribute, Rle, Shape
from labkit.exchange.base import LabelledObject, Provenance
from labkit.exchange.keypoints import confidence

__all__ = ["read_object", "read_track", "rle_pixels"]


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{what} holds {value!r}, which is not a finite number")
    return float(value)


def _numbers(values: Any, what: str) -> list[float]:
    if not isinstance(values, list):
        raise InputError(f"{what} is not a list of numbers")
    return [_number(v, what) for v in values]


def rle_pixels(counts: str) -> int:
    """Pixels that a compressed RLE covers (pycocotools' ``rleFrString``: base 32, delta coded)."""
    runs: list[int] = []
    value = shift = 0
    for char in counts.encode("ascii"):
        code = char - 48
        if not 0 <= code < 64:
            raise InputError("the RLE holds a character that is not COCO's")
        value |= (code & 0x1F) << shift
        shift += 5
        if not code & 0x20:
            if code & 0x10:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift or any(r < 0 for r in runs):
        raise InputError("the RLE is cut off or damaged")
    return sum(runs)


def _rle(data: Mapping[str, Any], width: int, height: int) -> Rle:
    counts = data.get("counts")
    if list(data.get("size") or ()) != [height, width]:
        raise InputError(f"the RLE's size {data.get('size')!r} is not that of the image")
    if isinstance(counts, list):
        from pycocotools import mask as coco

        runs = [int(v) for v in _numbers(counts, "the RLE")]
        if min(runs, default=-1) < 0 or sum(runs) != width * height:
            raise InputError("the RLE does not cover its image")
        rle = coco.frPyObjects({"size": [height, width], "counts": runs}, height, width)
        return Rle(height, width, rle["counts"].decode("ascii"))
    if not isinstance(counts, str) or not counts.isascii() or rle_pixels(counts) != width * height:
        raise InputError("the RLE does not cover its image")
    return Rle(height, width, counts)


def _outline(segmentation: Any, width: int, height: int) -> Shape | None:
    """The shape of a segmentation, None where there is none."""
    if not segmentation:
        return None
    if isinstance(segmentation, dict):
        return shape_from_mask(_rle(segmentation, width, height))
    if not isinstance(segmentation, list):
        raise InputError("the segmentation is neither polygons nor RLE")
    return shape_from_polygons([_numbers(ring, "a polygon") for ring in segmentation])


def _keypoints(entry: Mapping[str, Any]) -> tuple[tuple[float, float, float], ...] | None:
    values = _numbers(entry.get("keypoints") or [], "keypoints")
    if len(values) % 3:
        raise InputError("the keypoints are not triples of x, y, v")
    points = [
        (x, y, confidence(v)) for x, y, v in zip(*(values[k::3] for k in range(3)), strict=True)
    ]
    return tuple(points) if any(v for _, _, v in points) else None


def _rotated(own: Mapping[str, Any]) -> tuple[float, float, float, float, float] | None:
    if own.get("rotated") is None:
        return None
    cx, cy, w, h, angle = _numbers(own["rotated"], "the rotated box")
    return cx, cy, w, h, angle


def _shape(entry: Mapping[str, Any], own: Mapping[str, Any], width: int, height: int) -> Shape:
    rotated, keypoints = _rotated(own), _keypoints(entry)
    # the corners of a rotated box are written as a polygon for readers that know no rotation
    outline = None if rotated else _outline(entry.get("segmentation"), width, height)
    if entry.get("bbox") is not None:
        numbers = _numbers(entry["bbox"], "bbox")
        if len(numbers) != 4:
            raise InputError(f"bbox has {len(numbers)} numbers")
        x1, y1, x2, y2 = (float(v) for v in xywh_to_xyxy(numbers))
        box = (x1, y1, x2, y2)
    elif outline is not None:
        box = outline.box
    elif keypoints:
        box = shape_from_keypoints(keypoints).box
    else:
        raise InputError("it has neither bbox nor segmentation nor keypoints")
    return Shape(
        box,
        rotated=rotated,
        polygons=outline.polygons if outline else None,
        mask=outline.mask if outline else None,
        keypoints=keypoints,
    )


def _attributes(entry: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[Attribute]:
    scores: dict[str, float | None] = {}
    if isinstance(own.get("attributes"), list):
        scores = {str(n): s for n, _, s in own["attributes"]}
    for name, value in _listed_attributes(entry).items():
        if name != "track_id" and isinstance(value, str | int | float | bool):
            yield Attribute(str(name), value, scores.get(str(name)))
    if entry.get("iscrowd") in (1, True):
        yield Attribute("iscrowd", True)


def _listed_attributes(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    listed = entry.get("attributes")
    return listed if isinstance(listed, dict) else {}


def read_track(entry: Mapping[str, Any]) -> int | None:
    """The number of the object's track; CVAT writes it among the attributes.

    Raises
    ------
    InputError
        It is not a whole number of 64 bits.
    """
    given = entry.get("track_id", _listed_attributes(entry).get("track_id"))
    if given is None:
        return None
    value = given
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value) if "." in value else int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not -(2**63) <= value < 2**63:
        raise InputError(f"its track_id {given!r:.40} is not a whole number of 64 bits")
    return int(value)


def read_object(entry: Mapping[str, Any], label: str, width: int, height: int) -> LabelledObject:
    """One entry of ``annotations`` on an image of ``width`` by ``height`` pixels.

    A track that cannot be used is left out; :func:`read_track` tells why.

    Raises
    ------
    InputError
        It has no usable geometry; the message says what is wrong.
    """
    own = entry.get("labkit")
    own = own if isinstance(own, dict) else {}
    score = own.get("score", entry.get("score"))
    track: int | None = None
    with suppress(InputError):
        track = read_track(entry)
    return LabelledObject(
        label=label,
        shape=_shape(entry, own, width, height),
        attributes=tuple(_attributes(entry, own)),
        track_id=track,
        provenance=Provenance(
            object_id=own.get("object_id"),
            run=own.get("run"),
            score=None if score is None else _number(score, "score"),
            reviewer=own.get("reviewer"),
            verdict=str(own.get("verdict", "none")),
            scripted=bool(own.get("scripted", False)),
            time=own.get("time"),
        ),
    )

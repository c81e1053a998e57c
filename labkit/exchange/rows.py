"""Rows of the annotations table to objects: the border between pandas and the formats."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.core.types import Attribute, Frame, Rle, Shape
from labkit.exchange.base import ExportBundle, ExportImage, LabelledObject, Provenance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["export_images", "frame_of", "labelled_object", "shape_of"]


def _there(value: Any) -> bool:
    """Whether a cell of an object column holds something (arrays count, None and NaN do not)."""
    if value is None:
        return False
    if np.ndim(value):
        return True
    return bool(value == value)  # NaN and NaT are not equal to themselves


def _flat(value: Any) -> tuple[float, ...]:
    return tuple(float(v) for v in np.asarray(value, dtype=np.float64).ravel())


def shape_of(row: Mapping[str, Any]) -> Shape:
    """The shape in ``GEOMETRY_COLUMNS`` of one row."""
    polygons, points = row["polygons"], row["keypoints"]
    mask = None
    if _there(row["mask_counts"]):
        mask = Rle(int(row["mask_h"]), int(row["mask_w"]), str(row["mask_counts"]))
    keypoints = None
    if _there(points):
        flat = _flat(points)
        keypoints = tuple(zip(flat[0::3], flat[1::3], flat[2::3], strict=True))
    rotated = _flat(row["rotated"]) if _there(row["rotated"]) else None
    return Shape(
        box=(float(row["x1"]), float(row["y1"]), float(row["x2"]), float(row["y2"])),
        rotated=None if rotated is None else (*rotated[:4], rotated[4]),  # type: ignore[arg-type]
        polygons=tuple(_flat(ring) for ring in polygons) if _there(polygons) else None,
        mask=mask,
        keypoints=keypoints,
    )


def _attributes(value: Any) -> tuple[Attribute, ...]:
    if not _there(value) or not value:
        return ()
    listed = json.loads(value) if isinstance(value, str) else value
    return tuple(Attribute(*item) for item in listed)


def _text(value: Any) -> str | None:
    return str(value) if _there(value) else None


def _iso(value: Any) -> str | None:
    return value.isoformat() if _there(value) else None


def labelled_object(row: Mapping[str, Any]) -> LabelledObject:
    """One row of ``ANNOTATION_COLUMNS`` as an object with its provenance."""
    state = str(row["state"])
    scripted = row["scripted"]
    return LabelledObject(
        label=str(row["label"]),
        shape=shape_of(row),
        attributes=_attributes(row["attributes"]),
        track_id=int(row["track_id"]) if _there(row["track_id"]) else None,
        provenance=Provenance(
            object_id=str(row["object_id"]),
            run=_text(row["run_id"]),
            score=float(row["score"]) if _there(row["score"]) else None,
            reviewer=_text(row["reviewer"]),
            verdict="none" if state == "proposed" else state,
            scripted=bool(scripted) if _there(scripted) else False,
            time=_iso(row["time"]),
        ),
    )


def frame_of(row: Mapping[str, Any]) -> Frame:
    """One row of ``FRAMES`` as a frame."""
    return Frame(
        frame_id=str(row["frame_id"]),
        source=str(row["source"]),
        uri=str(row["uri"]),
        index=int(row["index"]),
        width=int(row["width"]),
        height=int(row["height"]),
        time_s=float(row["time_s"]) if _there(row["time_s"]) else None,
        sha256=str(row["sha256"]),
        group=str(row["group"]),
        orientation=int(row["orientation"]),
    )


def _records(df: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries, without a copy of the whole table as Python objects."""
    names = list(df.columns)
    # pandas' own NA is no NaN: it has no truth value; None is what the readers above expect
    columns = [df[n].astype(object).where(df[n].notna(), None) for n in names]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def export_images(bundle: ExportBundle) -> Iterator[ExportImage]:
    """The bundle's frames with their objects, in the order of the frames table."""
    rows_of = bundle.annotations.groupby(
        bundle.annotations["frame_id"].astype(str), sort=False, observed=True
    ).indices
    total = len(bundle.frames)
    for done, row in enumerate(_records(bundle.frames)):
        if bundle.on_progress is not None:
            bundle.on_progress(done, total)
        where = rows_of.get(str(row["frame_id"]))
        part = bundle.annotations.iloc[[] if where is None else where]
        yield ExportImage(
            frame=frame_of(row),
            stem=str(row["stem"]),
            split=str(row["split"]),
            objects=tuple(labelled_object(r) for r in _records(part)),
            verdict=str(row["verdict"]),
            reviewer=_text(row["reviewer"]),
            time=_iso(row["time"]),
            scripted=bool(row["scripted"]),
        )
    if bundle.on_progress is not None:
        bundle.on_progress(total, total)

"""Rows of the annotations table to objects: the border between pandas and the formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.core.rows import frame_from_row, object_from_row
from labkit.exchange.base import ExportBundle, ExportImage, LabelledObject, Provenance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["export_images", "labelled_object", "records"]


def records(df: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Rows as dictionaries, every missing value (NaN, NaT, NA) as None."""
    names = list(df.columns)
    columns = [df[n].astype(object).where(df[n].notna(), None) for n in names]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _iso(value: Any) -> str | None:
    return None if value is None else value.isoformat()


def labelled_object(row: Mapping[str, Any]) -> LabelledObject:
    """One row of ``ANNOTATION_COLUMNS``, as :func:`records` gives it."""
    item = object_from_row(row)
    return LabelledObject(
        label=item.label,
        shape=item.shape,
        attributes=item.attributes,
        track_id=item.track_id,
        provenance=Provenance(
            object_id=item.object_id,
            run=item.run_id,
            score=item.score,
            reviewer=item.reviewer,
            verdict="none" if item.state == "proposed" else item.state,
            scripted=bool(row["scripted"]),
            time=_iso(row["time"]),
        ),
    )


def export_images(bundle: ExportBundle) -> Iterator[ExportImage]:
    """The bundle's frames with their objects, in the order of the frames table."""
    position = bundle.frames["frame_id"].reset_index(drop=True)
    place = position.reset_index().set_index("frame_id")["index"]
    of = bundle.annotations["frame_id"].astype(object).map(place).to_numpy(dtype=np.int64)
    counts = np.bincount(of, minlength=len(bundle.frames))
    objects = records(bundle.annotations.iloc[np.argsort(of, kind="stable")])
    total = len(bundle.frames)
    for done, (row, n) in enumerate(zip(records(bundle.frames), counts, strict=True)):
        if bundle.on_progress is not None:
            bundle.on_progress(done, total)
        yield ExportImage(
            frame=frame_from_row(row),
            stem=str(row["stem"]),
            split=str(row["split"]),
            objects=tuple(labelled_object(r) for r in islice(objects, int(n))),
            verdict=str(row["verdict"]),
            reviewer=_text(row["reviewer"]),
            time=_iso(row["time"]),
            scripted=bool(row["scripted"]),
        )
    if bundle.on_progress is not None:
        bundle.on_progress(total, total)

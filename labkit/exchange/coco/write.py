"""Writing COCO: one JSON file per split, or one for all."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import PurePosixPath
from typing import Any

from labkit._version import __version__
from labkit.core.geometry import polygon_area, rotated_corners, xyxy_to_xywh
from labkit.core.skeleton import Skeleton
from labkit.core.types import Shape
from labkit.exchange.base import ExportImage, LabelledObject, Provenance
from labkit.exchange.keypoints import coco_limbs, to_visible
from labkit.exchange.writer import DatasetWriter

__all__ = ["write_coco"]

_PROVENANCE = [f.name for f in fields(Provenance)]


def _segmentation(shape: Shape) -> tuple[Any, float]:
    """COCO's segmentation and area: polygons, else an RLE, else rotated corners, else nothing."""
    x1, y1, x2, y2 = shape.box
    if shape.polygons is not None:
        return [list(r) for r in shape.polygons], sum(polygon_area(r) for r in shape.polygons)
    if shape.mask is not None:
        from pycocotools import mask as coco

        size = [shape.mask.height, shape.mask.width]
        counts = shape.mask.counts
        area = coco.area({"size": size, "counts": counts.encode("ascii")})
        return {"size": size, "counts": counts}, float(area)
    if shape.rotated is not None:
        ring = rotated_corners(shape.rotated).ravel().tolist()
        return [ring], polygon_area(ring)
    return [], (x2 - x1) * (y2 - y1)


def _annotation(item: LabelledObject, keypoints: int) -> dict[str, Any]:
    shape = item.shape
    segmentation, area = _segmentation(shape)
    crowd = any(a.name == "iscrowd" and a.value is True for a in item.attributes)
    out: dict[str, Any] = {
        "bbox": xyxy_to_xywh(shape.box).tolist(),
        "area": area,
        "segmentation": segmentation,
        "iscrowd": int(crowd),
    }
    if keypoints:
        points: list[tuple[float, float, int]] = to_visible(shape.keypoints or ())
        out["num_keypoints"] = sum(flag > 0 for _, _, flag in points)
        points += [(0.0, 0.0, 0)] * (keypoints - len(points))
        out["keypoints"] = [v for point in points for v in point]
    if item.track_id is not None:
        out["track_id"] = item.track_id
    own: dict[str, Any] = {n: getattr(item.provenance, n) for n in _PROVENANCE}
    if shape.rotated is not None:
        own["rotated"] = list(shape.rotated)
    rest = [a for a in item.attributes if a.name != "iscrowd"]
    if rest:
        out["attributes"] = {a.name: a.value for a in rest}
        own["attributes"] = [[a.name, a.value, a.score] for a in rest]
    out["labkit"] = own
    return out


def _image(image: ExportImage) -> dict[str, Any]:
    frame = image.frame
    return {
        "file_name": PurePosixPath(image.file).name,
        "width": frame.width,
        "height": frame.height,
        "labkit": {
            "frame_id": frame.frame_id,
            "uri": frame.uri,
            "index": frame.index,
            "time_s": frame.time_s,
            "group": frame.group,
            "verdict": image.verdict,
            "reviewer": image.reviewer,
            "scripted": image.scripted,
            "time": image.time,
        },
    }


def _category(label: str, number: int, keypoints: int, skeleton: Skeleton | None) -> dict[str, Any]:
    out: dict[str, Any] = {"id": number, "name": label, "supercategory": ""}
    if keypoints:
        # COCO wants a name for each, also where the project names none
        names = skeleton.names if skeleton is not None else ()
        more = [f"keypoint_{k}" for k in range(len(names) + 1, keypoints + 1)]
        out["keypoints"] = [*names, *more]
        out["skeleton"] = coco_limbs(skeleton.limbs if skeleton is not None else ())
    return out


def _keypoints_of(out: DatasetWriter) -> dict[str, int]:
    """Label → the keypoints of its skeleton, or the most that one of its objects has."""
    rows = out.annotations.loc[out.annotations["keypoints"].notna(), ["label", "keypoints"]]
    most = {label: len(skeleton.names) for label, skeleton in out.skeletons.items()}
    for label, flat in rows.itertuples(index=False, name=None):
        most[str(label)] = max(most.get(str(label), 0), len(flat) // 3)
    return most


def write_coco(out: DatasetWriter) -> None:
    """See :meth:`labkit.exchange.coco.CocoFormat.write`."""
    keypoints = _keypoints_of(out)
    ids = {label: k for k, label in enumerate(out.labels, start=1)}
    tables: dict[str, dict[str, list[Any]]] = {
        split: {"images": [], "annotations": []} for split in out.splits
    }
    objects = both = 0
    for number, image in enumerate(out.images(), start=1):
        table = tables[image.split]
        table["images"].append({"id": number, **_image(image)})
        for item in image.objects:
            objects += 1
            head = {"id": objects, "image_id": number, "category_id": ids[item.label]}
            table["annotations"].append(head | _annotation(item, keypoints.get(item.label, 0)))
            both += item.shape.polygons is not None and item.shape.mask is not None
    categories = [
        _category(label, number, keypoints.get(label, 0), out.skeletons.get(label))
        for label, number in ids.items()
    ]
    for split, table in tables.items():
        _write_json(out, split, table, categories)
    if both:
        out.note(f"{both} objects have polygons and a mask; the polygons were written")


def _write_json(
    out: DatasetWriter, split: str, table: dict[str, list[Any]], categories: list[Any]
) -> None:
    info = {"description": out.project, "version": "", "contributor": f"labkit {__version__}"}
    data = {"info": info, "licenses": [], **table, "categories": categories}
    name = f"annotations/instances_{split}.json" if split else "annotations.json"
    # dumps, not dump: only the former runs in C
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    out.file(name).write_text(text, encoding="utf-8")

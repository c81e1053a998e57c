"""COCO JSON: boxes, polygons, RLE masks and keypoints, provenance under the key ``labkit``.

Without splits ``annotations.json`` and ``images/``; with splits COCO's own layout,
``annotations/instances_<split>.json`` and ``images/<split>/``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from labkit._version import __version__
from labkit.core.geometry import polygon_area, rotated_corners, xyxy_to_xywh
from labkit.core.skeleton import Skeleton
from labkit.core.types import FrameFailure, Shape
from labkit.exchange.base import (
    FORMATS,
    ExportBundle,
    ExportImage,
    ImageMode,
    ImportedDataset,
    LabelledObject,
    Provenance,
    SizeLookup,
)
from labkit.exchange.images import ImageWriter
from labkit.exchange.keypoints import coco_limbs, to_visible
from labkit.exchange.reports import ExportReport

__all__ = ["ALL_JSON", "CocoFormat"]

ALL_JSON = "annotations.json"
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


def _image(image: ExportImage, name: str) -> dict[str, Any]:
    frame = image.frame
    return {
        "file_name": name,
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


def _keypoints_of(bundle: ExportBundle) -> dict[str, int]:
    """Label → the keypoints of its skeleton, or the most that one of its objects has."""
    rows = bundle.annotations.loc[bundle.annotations["keypoints"].notna(), ["label", "keypoints"]]
    out = {label: len(skeleton.names) for label, skeleton in bundle.skeletons.items()}
    for label, flat in rows.itertuples(index=False, name=None):
        out[str(label)] = max(out.get(str(label), 0), len(flat) // 3)
    return out


class _Writer:
    """One export under way: the tables of each split's JSON."""

    def __init__(self, bundle: ExportBundle, out: Path, images: ImageMode) -> None:
        self._bundle, self._out = bundle, out
        self._keypoints = _keypoints_of(bundle)
        self._ids = {label: k for k, label in enumerate(bundle.labels, start=1)}
        self._images = ImageWriter(bundle, images)
        self._both = 0
        self.tables: dict[str, dict[str, list[Any]]] = {
            split: {"images": [], "annotations": []} for split in bundle.splits or ("",)
        }
        self.failures: list[FrameFailure] = []
        self.splits: Counter[str] = Counter()
        self.frames = self.objects = self.backgrounds = 0

    def write(self, image: ExportImage) -> None:
        name = self._images.write(image, self._out / "images" / image.split)
        if isinstance(name, FrameFailure):
            self.failures.append(name)
            return
        table = self.tables[image.split]
        self.frames += 1
        table["images"].append({"id": self.frames, **_image(image, name)})
        for item in image.objects:
            self.objects += 1
            ids = {"id": self.objects, "image_id": self.frames}
            body = _annotation(item, self._keypoints.get(item.label, 0))
            table["annotations"].append({**ids, "category_id": self._ids[item.label], **body})
            self._both += item.shape.polygons is not None and item.shape.mask is not None
        self.backgrounds += not image.objects
        self.splits[image.split] += 1

    def finish(self) -> tuple[str, ...]:
        """Write the JSON files; their names relative to the export."""
        skeletons = self._bundle.skeletons
        categories = [
            _category(n, k, self._keypoints.get(n, 0), skeletons.get(n))
            for n, k in self._ids.items()
        ]
        info = {
            "description": self._bundle.project,
            "version": "",
            "contributor": f"labkit {__version__}",
        }
        files = []
        for split, table in self.tables.items():
            name = f"annotations/instances_{split}.json" if split else ALL_JSON
            (self._out / name).parent.mkdir(exist_ok=True)
            data = {"info": info, "licenses": [], **table, "categories": categories}
            # dumps, not dump: only the former runs in C
            text = json.dumps(data, ensure_ascii=False, allow_nan=False)
            (self._out / name).write_text(text, encoding="utf-8")
            files.append(name)
        return tuple(files)

    def notes(self) -> list[str]:
        out = self._images.notes()
        if self._both:
            out.append(f"{self._both} objects have polygons and a mask; the polygons were written")
        return out


class CocoFormat:
    """COCO's JSON for detection, segmentation and keypoints."""

    name = "coco"

    def export(
        self, bundle: ExportBundle, out: Path, *, images: ImageMode = "copy"
    ) -> ExportReport:
        """Write the dataset into ``out``; floats keep all their digits.

        Parameters
        ----------
        images : {'copy', 'link', 'none'}
            See :class:`~labkit.exchange.images.ImageWriter`.
        """
        for split in bundle.splits or ("",):
            (out / "images" / split).mkdir(parents=True, exist_ok=True)
        writer = _Writer(bundle, out, images)
        for image in bundle.images():
            writer.write(image)
        files = writer.finish()
        return ExportReport(
            format=self.name,
            out=out,
            files=files,
            frames=writer.frames,
            objects=writer.objects,
            backgrounds=writer.backgrounds,
            splits={s: writer.splits[s] for s in bundle.splits},
            failures=tuple(writer.failures),
            notes=tuple(writer.notes()),
        )

    def read(
        self,
        path: Path,
        *,
        size_of: SizeLookup | None = None,
        images: str | Path | Sequence[str | Path] | None = None,
    ) -> ImportedDataset:
        """Read a COCO JSON file, or the folder of an export.

        Parameters
        ----------
        path : Path
            The JSON file, or a folder with one (in itself, in ``annotations/``, or one a split
            as labkit and Roboflow write them).
        size_of : callable, optional
            Sizes of images whose entry gives none and whose file is missing.
        images : path or sequence of paths, optional
            Where the images lie; by default beside the file and in ``images/``.
        """
        from labkit.exchange.coco_read import read_coco

        given = [images] if isinstance(images, str | Path) else list(images or ())
        return read_coco(Path(path), size_of=size_of, images=[Path(p) for p in given])


FORMATS.register("coco")(CocoFormat())

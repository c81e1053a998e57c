"""Projects to review: drawn frames, some with a thousand objects, and thousands of frames."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask

from labkit.demo import write_coco
from labkit.project import Project

SIZE = (720, 1280)
LABELS = ["bolt", "nut", "washer"]
CROWD = 1000
_COMMENT = b"\xff\xfe"


def draw(folder: Path, frames: int) -> Path:
    """Frames of 720p as a COCO dataset, with masks and keypoints; its JSON file.

    Scenes are drawn at three quarters of that, which is as large as they can be, and enlarged.
    """
    coco = write_coco(folder, frames, size=(SIZE[0] * 3 // 4, SIZE[1] * 3 // 4))
    data = json.loads(coco.read_text("utf-8"))
    for path in (folder / "images").glob("*.jpg"):
        with Image.open(path) as image:
            large = image.resize((SIZE[1], SIZE[0]), Image.Resampling.BICUBIC)
        large.save(path, quality=92)
    images = [{**i, "height": SIZE[0], "width": SIZE[1]} for i in data["images"]]
    return _write(folder, data, images, [_enlarged(a) for a in data["annotations"]])


def _enlarged(annotation: dict) -> dict:
    small = mask.decode(annotation["segmentation"])
    large = Image.fromarray(small).resize((SIZE[1], SIZE[0]), Image.Resampling.NEAREST)
    rle = mask.encode(np.asfortranarray(large))
    out = {**annotation, "bbox": mask.toBbox(rle).tolist(), "area": float(mask.area(rle))}
    out["segmentation"] = {"size": list(SIZE), "counts": rle["counts"].decode("ascii")}
    if "keypoints" in out:
        points = np.reshape(out["keypoints"], (-1, 3)) * [4 / 3, 4 / 3, 1]
        out["keypoints"] = points.ravel().tolist()
    return out


def make_project(folder: Path, coco: Path) -> Path:
    """A project of these frames, their truth as proposals."""
    with Project.create(folder, labels=LABELS) as p:
        p.add_frames(coco.parent / "images")
        p.import_annotations("coco", coco, as_="proposals")
    return folder


def repeat(coco: Path, folder: Path, frames: int) -> Path:
    """These images again and again, no two of the same bytes: JPEG files with a comment each."""
    data = json.loads(coco.read_text("utf-8"))
    (folder / "images").mkdir(parents=True)
    by_image: dict[int, list[dict]] = {}
    for annotation in data["annotations"]:
        by_image.setdefault(annotation["image_id"], []).append(annotation)
    images, annotations = [], []
    for number in range(1, frames + 1):
        old = data["images"][(number - 1) % len(data["images"])]
        encoded = (coco.parent / "images" / old["file_name"]).read_bytes()
        text = f"frame {number}".encode()
        segment = _COMMENT + (len(text) + 2).to_bytes(2, "big") + text
        name = f"{number:06}.jpg"
        (folder / "images" / name).write_bytes(encoded[:2] + segment + encoded[2:])
        size = {"height": old["height"], "width": old["width"]}
        images.append({"id": number, "file_name": name, **size})
        annotations += [{**a, "image_id": number} for a in by_image.get(old["id"], [])]
    return _write(folder, data, images, annotations)


def crowd(coco: Path, folder: Path, frames: int, objects: int = CROWD) -> Path:
    """Frames with this many objects each: four boxes to one polygon of twelve points."""
    data = json.loads(coco.read_text("utf-8"))
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    images = data["images"][:frames]
    annotations = []
    for image in images:
        name = image["file_name"]
        shutil.copy(coco.parent / "images" / name, folder / "images" / name)
        for k in range(objects):
            w, h = rng.uniform(12, 70, 2)
            x, y = rng.uniform((0, 0), (SIZE[1] - w, SIZE[0] - h))
            one = {"image_id": image["id"], "category_id": k % len(LABELS) + 1, "iscrowd": 0}
            one |= {"bbox": [x, y, w, h], "area": w * h}
            if k % 5 == 0:
                turn = np.arange(12) * np.pi / 6
                ring = np.c_[x + w / 2 * (1 + np.cos(turn)), y + h / 2 * (1 + np.sin(turn))]
                one["segmentation"] = [ring.ravel().tolist()]
            annotations.append(one)
    return _write(folder, data, images, annotations)


def _write(folder: Path, data: dict, images: list[dict], annotations: list[dict]) -> Path:
    out = folder / "annotations.json"
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
    out.write_text(json.dumps({**data, "images": images, "annotations": annotations}), "utf-8")
    return out


def boxes(coco: Path) -> list[tuple[str, list[dict]]]:
    """Each image with its boxes as jupyter-bbox-widget takes them, in the order of their names."""
    data = json.loads(coco.read_text("utf-8"))
    names = {c["id"]: c["name"] for c in data["categories"]}
    boxes_of: dict[int, list[dict]] = {i["id"]: [] for i in data["images"]}
    for a in data["annotations"]:
        box = dict(zip(("x", "y", "width", "height"), map(round, a["bbox"]), strict=True))
        boxes_of[a["image_id"]].append({**box, "label": names[a["category_id"]]})
    files = sorted(data["images"], key=lambda i: i["file_name"])
    return [(str(coco.parent / "images" / i["file_name"]), boxes_of[i["id"]]) for i in files]

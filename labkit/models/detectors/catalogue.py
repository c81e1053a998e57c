"""Detectors that are known by name: what each is, how fast, and under which licence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint

from labkit.core.errors import LabkitError

__all__ = ["KnownWeights", "catalogue"]

_DRAWN = EntryPoint("yolo-nano", "labkit.demo.embedded:embedded_weights", "labkit.weights")
_COCO = "80 everyday labels of COCO: person, car, dog, cup ..."
_AGPL = "AGPL-3.0, or Ultralytics' paid licence"
# docs.ultralytics.com/models/yolo11, 'Performance': ms an image at 640 px, CPU ONNX / T4 TensorRT
_SPEED = {"n": (56, 1.5), "s": (90, 2.5), "m": (183, 4.7), "l": (239, 6.2), "x": (463, 11.3)}
_SIZES = {"n": "nano", "s": "small", "m": "medium", "l": "large", "x": "extra large"}
_TASKS = {
    "": ("boxes", _COCO),
    "-seg": ("boxes and masks", _COCO),
    "-pose": ("people with 17 keypoints", "person"),
    "-obb": ("rotated boxes", "15 labels of aerial photos (DOTA): plane, ship, bridge ..."),
}


@dataclass(frozen=True, slots=True)
class KnownWeights:
    """A detector that needs no file of one's own.

    Attributes
    ----------
    weights : str
        What ``Project.predict`` takes.
    title, what, labels, speed, licence : str
        For people.
    """

    weights: str
    title: str
    what: str
    labels: str
    speed: str
    licence: str


def catalogue() -> Sequence[KnownWeights]:
    """Labkit's own small model, then Ultralytics' YOLO11."""
    out = []
    try:
        path = str(_DRAWN.load()())
    except (LabkitError, ImportError):
        path = ""
    if path:
        what = "A very small YOLO that knows only the scenes that labkit draws itself, for trying."
        labels, speed = "nut, bolt, washer", "a few ms an image on a CPU"
        out.append(KnownWeights(path, "drawn world", what, labels, speed, "AGPL-3.0"))
    for size, (cpu, card) in _SPEED.items():
        for suffix, (finds, labels) in _TASKS.items():
            if suffix and size not in "ns":
                continue
            name = f"yolo11{size}{suffix}.pt"
            what = f"Ultralytics' YOLO11, {_SIZES[size]}: finds {finds}. Fetched when first used."
            speed = f"{cpu} ms on a CPU, {card} ms on a T4 (published, 640 px"
            speed += ", for boxes)" if suffix else ")"
            out.append(KnownWeights(name, name, what, labels, speed, _AGPL))
    return out

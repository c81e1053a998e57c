"""The weights that Ultralytics publishes and fetches: what each finds, how fast, which licence."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.models.detectors.base import KnownWeights

__all__ = ["yolo11"]

_COCO = "80 everyday labels of COCO: person, car, dog, cup ..."
_AGPL = "AGPL-3.0, or Ultralytics' paid licence"
# docs.ultralytics.com/models/yolo11, 'Performance': ms per image at 640 px, CPU ONNX / T4 TensorRT
_SPEED = {"n": (56, 1.5), "s": (90, 2.5), "m": (183, 4.7), "l": (239, 6.2), "x": (463, 11.3)}
_SIZES = {"n": "nano", "s": "small", "m": "medium", "l": "large", "x": "extra large"}
_TASKS = {
    "": ("boxes", _COCO),
    "-seg": ("boxes and masks", _COCO),
    "-pose": ("people with 17 keypoints", "person"),
    "-obb": ("rotated boxes", "15 labels of aerial photos (DOTA): plane, ship, bridge ..."),
}


def yolo11() -> Sequence[KnownWeights]:
    """YOLO11 in all sizes; the small ones for masks, keypoints and rotated boxes, too."""
    out = []
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

"""Measure the small YOLO on scenes it was never trained on, and write its model card.

python -m training.evaluate_yolo [--log training-out/yolo/log.jsonl] [--scenes 300]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labkit.core.geometry import xyxy_to_xywh
from labkit.core.matching import match_boxes
from labkit.core.types import Frame, Proposal
from labkit.demo import DAY, LABELS, NIGHT, Domain
from labkit.demo.embedded import WEIGHTS
from labkit.demo.files import stills
from labkit.demo.scene import Scene
from labkit.models.detectors.base import DetectOptions
from labkit.models.detectors.ultralytics.load import load
from labkit.models.weights import resolve

SEEDS = {"day": 9_001, "night": 9_002}
"""Sets of stills that share no scene with those of training or of the demo."""

BARS = {"day": (0.85, 1.0), "night": (0.35, 0.75)}
SHOWN = 0.5
"""Score from which mistakes are counted, as the demo shows them."""


@dataclass(frozen=True)
class Figures:
    """Of one domain: COCO's average precision, and what a reviewer would have to correct."""

    domain: str
    scenes: int
    objects: int
    map50: float
    map: float
    by_label: dict[str, float]
    missed: int
    false_alarms: int
    confused: Counter[tuple[str, str]]

    @property
    def met(self) -> bool:
        """Whether mAP50 is within the bar."""
        low, high = BARS[self.domain]
        return low <= self.map50 <= high


def evaluate(weights: Path, domain: Domain, scenes: int = 300) -> Figures:
    """Run the weights as the package does, and compare with the truth."""
    detector = load(resolve(weights), DetectOptions(store_above=0.001, max_det=100, device="cpu"))
    pairs: list[tuple[Scene, list[Proposal]]] = []
    for k, scene in enumerate(stills(scenes, domain, SEEDS[domain.name])):
        height, width = scene.image.shape[:2]
        frame = Frame(f"{k:016x}", "", f"{k}", 0, width, height, None, "", "")
        pairs.append((scene, detector.detect([scene.image], [frame])[0]))
    average, by_label = _average_precision(pairs)
    missed, false_alarms, confused = 0, 0, Counter[tuple[str, str]]()
    for scene, proposals in pairs:
        shown = [p for p in proposals if p.score >= SHOWN]
        lost, false, wrong = _mistakes(scene, shown)
        missed, false_alarms = missed + lost, false_alarms + false
        confused.update(wrong)
    objects = sum(len(scene.objects) for scene, _ in pairs)
    return Figures(
        domain.name,
        scenes,
        objects,
        average[1],
        average[0],
        by_label,
        missed,
        false_alarms,
        confused,
    )


def _average_precision(
    pairs: list[tuple[Scene, list[Proposal]]],
) -> tuple[tuple[float, float], dict[str, float]]:
    """``(mAP50-95, mAP50)`` and AP50 by label, by pycocotools."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, detections = [], []
    for k, (scene, proposals) in enumerate(pairs, start=1):
        for o in scene.objects:
            x, y, w, h = xyxy_to_xywh(o.shape.box).tolist()
            row = {"id": len(truth) + 1, "image_id": k, "bbox": [x, y, w, h], "area": w * h}
            truth.append(row | {"category_id": LABELS.index(o.label) + 1, "iscrowd": 0})
        for p in proposals:
            row = {"image_id": k, "bbox": xyxy_to_xywh(p.shape.box).tolist(), "score": p.score}
            detections.append(row | {"category_id": LABELS.index(p.label) + 1})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": k} for k in range(1, len(pairs) + 1)],
            "annotations": truth,
            "categories": [{"id": k, "name": name} for k, name in enumerate(LABELS, 1)],
        }
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(detections), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    precision = run.eval["precision"][0, :, :, 0, 2]
    by_label = {label: float(precision[:, k].mean()) for k, label in enumerate(LABELS)}
    return (float(run.stats[0]), float(run.stats[1])), by_label


def _mistakes(scene: Scene, shown: list[Proposal]) -> tuple[int, int, list[tuple[str, str]]]:
    """Missed objects, false alarms, and (true, said) of those under a wrong label."""
    a = np.array([p.shape.box for p in shown], dtype=np.float32).reshape(-1, 4)
    b = np.array([o.shape.box for o in scene.objects], dtype=np.float32).reshape(-1, 4)
    la = [LABELS.index(p.label) for p in shown]
    lb = [LABELS.index(o.label) for o in scene.objects]
    same = match_boxes(a, b, 0.5, la, lb)
    rest_a = [k for k in range(len(a)) if k not in set(same.i.tolist())]
    rest_b = [k for k in range(len(b)) if k not in set(same.j.tolist())]
    other = match_boxes(a[rest_a], b[rest_b], 0.5)
    wrong = [
        (scene.objects[rest_b[j]].label, shown[rest_a[i]].label)
        for i, j in zip(other.i, other.j, strict=True)
    ]
    return len(rest_b) - len(wrong), len(rest_a) - len(wrong), wrong


def rows(figures: Figures) -> Iterator[tuple[str, str]]:
    """What the card and the benchmark say of a domain."""
    f = figures
    yield "mAP50", f"{f.map50:.3f}"
    yield "mAP50-95", f"{f.map:.3f}"
    yield "AP50 by label", ", ".join(f"{k} {v:.3f}" for k, v in f.by_label.items())
    yield f"missed at {SHOWN}", f"{f.missed} of {f.objects} ({f.missed / f.objects:.1%})"
    yield f"false alarms at {SHOWN}", f"{f.false_alarms} on {f.scenes} frames"
    mixed = f.confused["washer", "nut"], f.confused["nut", "washer"]
    rest = f.confused.total() - sum(mixed)
    yield "wrong label", f"washer as nut {mixed[0]}, nut as washer {mixed[1]}, others {rest}"


CARD = """# yolo_nano: the small YOLO of labkit's embedded world

It finds nuts, bolts and washers on the conveyor belt that `labkit.demo` draws. **It knows only its
own world**: on photos of real parts, or of anything else, its proposals mean nothing. Its mistakes
are real ones, so that reviewing them means something; it is no example of what YOLO can do.

- **Network**: `yolo11` of Ultralytics, built at width {width} and depth {depth} (half as wide as
  `yolo11n`), {parameters:,} parameters, input {imgsz} pixels.
- **Files**: `yolo_nano.safetensors` (half precision; `labkit` opens it by itself) and
  `yolo_nano.onnx` (half, computes in float32, fixed {imgsz} x {imgsz}, for ONNX Runtime). Neither
  is a pickle.
- **Data**: {images} drawn stills of the domain 'day' (512 x 384, seed {seed}), nothing of
  'night', no photo, no third-party data.
- **Training**: `python -m training.yolo`, from random weights, seed 0, {epochs} epochs, AdamW with
  a cosine schedule, {minutes:.0f} minutes of one core.
- **Licence**: made with Ultralytics, which is AGPL-3.0 and claims the same for models made with it;
  take these weights as AGPL-3.0. labkit's own code is Apache-2.0.

On {scenes} scenes of each domain that were never trained on (seeds {seeds}; `python -m
training.evaluate_yolo`):

| | day | night |
|---|---|---|
{table}
"""


def card(figures: list[Figures], log: Path) -> str:
    """The model card as Markdown."""
    from labkit.models.detectors.ultralytics.safetensors import open_yolo
    from training.yolo import DEPTH, IMGSZ, NAME, TRAIN_SEED, WIDTH

    epochs = [json.loads(line) for line in log.read_text().splitlines()]
    model = open_yolo(WEIGHTS / f"{NAME}.safetensors")
    table = [
        f"| {name} | {day} | {night} |"
        for (name, day), (_, night) in zip(*map(rows, figures), strict=True)
    ]
    return CARD.format(
        width=WIDTH,
        depth=DEPTH,
        imgsz=IMGSZ,
        seed=TRAIN_SEED,
        parameters=sum(p.numel() for p in model.parameters()),
        images=len(list((log.parent / "train" / "images").iterdir())),
        epochs=len(epochs),
        minutes=epochs[-1]["cpu_s"] / 60,
        scenes=figures[0].scenes,
        seeds=", ".join(str(SEEDS[f.domain]) for f in figures),
        table="\n".join(table),
    )


def main() -> None:
    """Print the figures and write the card."""
    from training.yolo import NAME

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log", type=Path, default=Path("training-out/yolo/log.jsonl"))
    parser.add_argument("--scenes", type=int, default=300)
    args = parser.parse_args()
    weights = WEIGHTS / f"{NAME}.safetensors"
    figures = [evaluate(weights, domain, args.scenes) for domain in (DAY, NIGHT)]
    text = card(figures, args.log)
    (WEIGHTS / f"{NAME}.md").write_text(text)
    print(text)
    if not all(f.met for f in figures):
        raise SystemExit("mAP50 misses its bar")


if __name__ == "__main__":
    main()

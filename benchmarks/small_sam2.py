"""How good and how fast is the small SAM2 on unseen scenes? The bars stand in the table.

python benchmarks/small_sam2.py [--stills 100] [--clips 24]

Stills have the seeds 90,000,000 and up, clips 91,000,000 and up, half day and half night; training
used 10,000,000 .. 29,999,999. Every object of the truth counts, hidden ones (15 % or more in
sight) and small ones too. Peers get the same box: OpenCV's GrabCut, and the filled box itself.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from _table import median_s, show
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from labkit.core.geometry import decode_mask, mask_iou, polygons_to_mask
from labkit.demo import DAY, clip
from labkit.demo.clicking import inner_point
from labkit.models.sam2.build import image_predictor, video_predictor
from training import evaluate_sam2 as judge

CONFIG = Path(__file__).parents[1] / "labkit" / "demo" / "weights" / "sam2_nano.yaml"
WEIGHTS = CONFIG.with_suffix(".safetensors")
DATA = Path(__file__).parents[2] / "shared" / "data"
Row = tuple[str, str, str, str, str]


def row(what: str, value: float, bar: float | None, *, most: bool = False, note: str = "") -> Row:
    """One line of the table."""
    if bar is None:
        return what, f"{value:.3f}", "", "", note
    met = value <= bar if most else value >= bar
    form = "{:.0f}" if most else "{:.3f}"
    sign = "≤" if most else "≥"
    return what, form.format(value), f"{sign} {bar}", "met" if met else "MISSED", note


def grab_cut(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """OpenCV's GrabCut, five rounds from a box."""
    height, width = image.shape[:2]
    x1, y1 = max(0, int(box[0])), max(0, int(box[1]))
    x2, y2 = min(width, int(np.ceil(box[2]))), min(height, int(np.ceil(box[3])))
    labels = np.zeros((height, width), np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(image, labels, (x1, y1, x2 - x1, y2 - y1), *models, 5, cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # no background or no foreground to learn from
        return np.zeros((height, width), bool)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def filled(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Everything in the box."""
    mask = np.zeros(image.shape[:2], bool)
    x1, y1, x2, y2 = np.round(box).astype(int).clip(0)
    mask[y1:y2, x1:x2] = True
    return mask


def peers(count: int) -> tuple[float, float]:
    """Mean IoU of GrabCut and of the filled box, on the same objects."""
    values = [
        (
            mask_iou(grab_cut(scene.image, s.box), s.mask),
            mask_iou(filled(scene.image, s.box), s.mask),
        )
        for scene, subjects in judge.test_stills(count)
        for s in subjects
    ]
    return tuple(np.mean(values, axis=0))


def stills_rows(count: int) -> list[Row]:
    """One click, three clicks, box, and the peers."""
    predictor = image_predictor(CONFIG, WEIGHTS)
    scores = judge.stills_scores(predictor, count)
    rows = []
    for name, bar in (("one click", 0.85), ("three clicks", 0.90), ("box", 0.90)):
        day, night = (np.mean(scores[f"{d} {name}"]) for d in ("day", "night"))
        note = f"day {day:.3f}, night {night:.3f}; {len(scores[name])} objects"
        rows.append(row(f"mean IoU, {name}", np.mean(scores[name]), bar, note=note))
    cut, box = peers(count)
    ratio = np.mean(scores["box"]) / cut
    return [
        *rows,
        row("peer: GrabCut from the box", cut, None, note=f"ours is {ratio:.2f} of it"),
        row("peer: the filled box", box, None),
    ]


def clip_rows(count: int) -> list[Row]:
    """Tracks over 20 frames."""
    predictor = video_predictor(CONFIG, WEIGHTS)
    rows, empty = [], []
    for prompt, bar in (("mask", 0.82), ("box", 0.78)):
        scores = judge.clip_scores(predictor, count, prompt)
        times = ", ".join(f"{np.mean(scores[f'iou at {t}']):.2f} at {t}" for t in (1, 5, 10, 19))
        note = f"{times}; {len(scores['iou'])} objects"
        rows.append(row(f"clips of 20, from a {prompt}", np.mean(scores["iou"]), bar, note=note))
        empty.append(
            row(
                f"left, from a {prompt}: predicted empty",
                np.mean(scores["empty"]),
                0.9,
                note=f"{len(scores['empty'])} frames; in sight {np.mean(scores['lost']):.3f}",
            )
        )
    return rows + empty


def photo_rows(data: Path, count: int) -> list[Row]:
    """Masks of real photos from true boxes; the small SAM2 knows nothing of photos."""
    predictor, values = image_predictor(CONFIG, WEIGHTS), []
    for path in sorted((data / "coco128" / "labels_seg").glob("*.txt"))[:count]:
        image = data / "coco128" / "images" / f"{path.stem}.jpg"
        if not image.exists():
            continue
        pixels = np.asarray(Image.open(image).convert("RGB"))
        height, width = pixels.shape[:2]
        predictor.set_image(pixels)
        for line in path.read_text().splitlines():
            ring = np.array(line.split()[1:], float).reshape(-1, 2) * (width, height)
            truth = decode_mask(polygons_to_mask([ring.ravel()], width, height))
            if truth.sum() < 100:
                continue
            box = np.concatenate([ring.min(0), ring.max(0)])
            predicted = predictor.predict(box=box, multimask_output=False)[0][0] > 0
            values.append((mask_iou(predicted, truth), mask_iou(filled(pixels, box), truth)))
    ours, peer = np.mean(values, axis=0)
    note = f"the filled box {peer:.3f}; {len(values)} objects"
    return [row("zero-shot on photos (coco128), box", ours, None, note=note)]


def speed_rows() -> list[Row]:
    """A click with the embedding computed already; a tracked frame of one object; two threads."""
    torch.set_num_threads(2)
    scenes = list(clip(judge.CLIP_SEED, DAY, judge.FRAMES))
    stills = image_predictor(CONFIG, WEIGHTS)
    stills.set_image(scenes[0].image)
    at = np.array([inner_point(scenes[0].ids == scenes[0].objects[0].track_id)])
    click = median_s(lambda: stills.predict(at, np.array([1])), runs=40, warm_up=5)
    embed = median_s(lambda: stills.set_image(scenes[0].image), runs=10, warm_up=2)
    video = video_predictor(CONFIG, WEIGHTS)
    number = judge.followed(scenes, 1)
    whole = median_s(lambda: judge.track(video, scenes, number, "mask"), runs=3)
    start = median_s(lambda: judge.track(video, scenes[:1], number, "mask"), runs=3)
    frame = (whole - start) / (len(scenes) - 1)
    return [
        row("click, embedding computed already (ms)", click * 1e3, 40, most=True),
        row(
            "tracked frame, one object (ms)",
            frame * 1e3,
            150,
            most=True,
            note="reading it included",
        ),
        row("embedding of a frame (ms)", embed * 1e3, None),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stills", type=int, default=100)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--data", type=Path, default=DATA, help="the shared test data")
    args = parser.parse_args()
    if not WEIGHTS.exists():
        print("The small SAM2 is not trained yet; `make weights` trains it.")
        return
    torch.set_num_threads(2)
    cv2.setNumThreads(2)
    rows = [*stills_rows(args.stills), *clip_rows(args.clips), *speed_rows()]
    if (args.data / "coco128").is_dir():
        rows += photo_rows(args.data, args.stills)
    show(
        "small_sam2",
        "How good and how fast is the small SAM2 on scenes it never saw?",
        ("what", "value", "bar", "", "note"),
        rows,
    )


if __name__ == "__main__":
    main()

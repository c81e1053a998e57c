"""Say how good the small SAM2 is on scenes that it was never trained on.

python -m training.evaluate_sam2 [--weights FILE] [--stills 60] [--clips 20]

``FILE`` is a .safetensors or a checkpoint of the training. The seeds begin at 90,000,000.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from labkit.core.geometry import mask_iou
from labkit.demo.clicking import inner_point, next_click
from labkit.demo.domain import DAY, NIGHT
from labkit.demo.scene import Scene
from labkit.demo.world import clip, still
from labkit.models.sam2.build import image_predictor, video_predictor
from training.sam2_common import CONFIG

STILL_SEED, CLIP_SEED = 90_000_000, 91_000_000
FRAMES = 20
"""Frames of a clip, the prompted one included."""

Mask = NDArray[np.bool_]
Scores = dict[str, list[float]]


@dataclass(frozen=True)
class Subject:
    """One object of a still: its mask and box."""

    mask: Mask
    box: NDArray[np.float32]


def test_stills(count: int) -> Iterator[tuple[Scene, list[Subject]]]:
    """Stills, day and night in turn, with all objects of their truth."""
    for k in range(count):
        scene = still(STILL_SEED + k, (DAY, NIGHT)[k % 2])
        yield (
            scene,
            [
                Subject(scene.ids == o.track_id, np.array(o.shape.box, np.float32))
                for o in scene.objects
            ],
        )


# --- stills -----------------------------------------------------------------------------------


def clicked(predictor: Any, truth: Mask, count: int, several: bool) -> list[Mask]:
    """Masks after 1 .. ``count`` clicks; the last mask's logits go with each further click."""
    points, labels, masks, hint = [inner_point(truth)], [1], [], None
    for number in range(count):
        found, quality, logits = predictor.predict(
            point_coords=np.array(points, np.float32),
            point_labels=np.array(labels, np.int32),
            mask_input=hint,
            multimask_output=several and number == 0,
        )
        best = int(quality.argmax())
        masks.append(found[best] > 0)
        hint = logits[best : best + 1]
        x, y, positive = next_click(truth, masks[-1])
        points.append((x, y))
        labels.append(int(positive))
    return masks


def stills_scores(predictor: Any, count: int, several: bool = True) -> Scores:
    """IoU of each object after one click, after three, and from its box; 'day box' and so on."""
    scores: Scores = defaultdict(list)
    for k, (scene, subjects) in enumerate(test_stills(count)):
        predictor.set_image(scene.image)
        domain = ("day", "night")[k % 2]
        for subject in subjects:
            masks = clicked(predictor, subject.mask, 3, several)
            boxed, _, _ = predictor.predict(box=subject.box, multimask_output=False)
            values = {
                "one click": mask_iou(masks[0], subject.mask),
                "three clicks": mask_iou(masks[2], subject.mask),
                "box": mask_iou(boxed[0] > 0, subject.mask),
            }
            for name, value in values.items():
                scores[name].append(value)
                scores[f"{domain} {name}"].append(value)
    return scores


# --- clips ------------------------------------------------------------------------------------


def followed(scenes: list[Scene], most: int) -> list[int]:
    """Tracks to follow: well in sight in the first frame, those that leave first."""
    visible_first = {o.track_id for o in scenes[0].objects if o.visible > 0.6}
    leaving = {k for k in visible_first if not (scenes[-1].ids == k).any()}
    return (sorted(leaving) + sorted(visible_first - leaving))[:most]


def track(predictor: Any, scenes: list[Scene], numbers: list[int], prompt: str) -> list[list[Mask]]:
    """Masks of each frame and each object, by ``propagate_in_video``."""
    with tempfile.TemporaryDirectory() as folder:
        for t, scene in enumerate(scenes):
            Image.fromarray(scene.image).save(Path(folder) / f"{t:04}.jpg", quality=97)
        state = predictor.init_state(folder)
    truth = {o.track_id: o for o in scenes[0].objects}
    for number in numbers:
        if prompt == "mask":
            predictor.add_new_mask(state, 0, number, scenes[0].ids == number)
        else:
            box = np.array(truth[number].shape.box, np.float32)
            predictor.add_new_points_or_box(state, 0, number, box=box)
    return [
        [mask[0].numpy() > 0 for mask in logits]
        for _, _, logits in predictor.propagate_in_video(state)
    ]


def clip_scores(predictor: Any, count: int, prompt: str, most: int = 4) -> Scores:
    """IoU in the frames after the prompt, and whether frames after an object left are empty.

    'iou': each object's mean over the frames in which the truth has it (15 % or more in sight).
    'empty': 1 or 0 for each frame after its last pixel was seen.
    """
    scores: Scores = defaultdict(list)
    for k in range(count):
        domain = (DAY, NIGHT)[k % 2]
        scenes = list(clip(CLIP_SEED + k, domain, FRAMES, leaves=1, enters=1))
        numbers = followed(scenes, most)
        if not numbers:
            continue
        masks = track(predictor, scenes, numbers, prompt)
        for j, number in enumerate(numbers):
            truths = [s.ids == number for s in scenes]
            listed = [any(o.track_id == number for o in s.objects) for s in scenes]
            last = max(t for t, m in enumerate(truths) if m.any())
            values = [mask_iou(masks[t][j], truths[t]) for t in range(1, FRAMES) if listed[t]]
            if values:
                scores["iou"].append(float(np.mean(values)))
                scores[f"{domain.name} iou"].append(float(np.mean(values)))
            for t in (1, 5, 10, 19):
                if listed[t]:
                    scores[f"iou at {t}"].append(mask_iou(masks[t][j], truths[t]))
            scores["empty"] += [float(not masks[t][j].any()) for t in range(last + 1, FRAMES)]
            scores["lost"] += [float(not masks[t][j].any()) for t in range(1, FRAMES) if listed[t]]
    return scores


def means(scores: Scores) -> dict[str, float]:
    """Mean of each list."""
    return {name: round(float(np.mean(values)), 4) for name, values in scores.items()}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=CONFIG.with_suffix(".safetensors"))
    parser.add_argument("--stills", type=int, default=60)
    parser.add_argument("--clips", type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    checkpoint = args.weights.suffix == ".pt"
    given = None if checkpoint else args.weights
    stills, video = image_predictor(CONFIG, given), video_predictor(CONFIG, given)
    if checkpoint:
        state = torch.load(args.weights, weights_only=True)["model"]
        stills.model.load_state_dict(state)
        video.load_state_dict(state)
    if args.stills:
        for several in (True, False):
            print(
                "several" if several else "single",
                means(stills_scores(stills, args.stills, several)),
            )
    if args.clips:
        for prompt in ("mask", "box"):
            print(prompt, means(clip_scores(video, args.clips, prompt)))


if __name__ == "__main__":
    main()

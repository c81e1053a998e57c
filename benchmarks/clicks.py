"""What labkit adds to a click, and what one call for many boxes saves.

Both sides use the same model on the same frame, whose embedding is computed already; rounds
alternate, and medians are compared. Run it on a machine that does nothing else; its figures are
provisional otherwise: ``python benchmarks/clicks.py [--model sam2-nano] [--boxes 200]``.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from _table import show

from labkit.core.geometry import mask_iou
from labkit.core.prompts import Prompts
from labkit.core.types import Frame
from labkit.demo import DAY, still
from labkit.models.detectors.base import Image
from labkit.models.interactors.segmenter import Segmenter
from labkit.models.sam2 import opened
from labkit.models.worker import worker

SIZE = (540, 960)


class One:
    """A source of one image."""

    def __init__(self, image: Image) -> None:
        self.image = image

    def read(self, frame: Frame) -> Image:
        """The image, whatever the frame."""
        return self.image


def boxes_of(ids: np.ndarray, count: int) -> np.ndarray:
    """Boxes around the drawn parts, each moved a little, as often as it takes."""
    rng = np.random.default_rng(0)
    corners = []
    for k in np.unique(ids[ids > 0]):
        y, x = np.nonzero(ids == k)
        if len(x) > 200:
            corners.append((x.min(), y.min(), x.max() + 1, y.max() + 1))
    chosen = np.array(corners, float)[rng.integers(len(corners), size=count)]
    moved = chosen + rng.uniform(-4, 4, chosen.shape)
    return np.clip(moved, 0, (ids.shape[1], ids.shape[0]) * 2)


def alternating(
    rounds: int, **work: Callable[[], object]
) -> tuple[dict[str, float], dict[str, float]]:
    """Median wall and processor seconds of each, in rounds that alternate."""
    wall: dict[str, list[float]] = {name: [] for name in work}
    cpu: dict[str, list[float]] = {name: [] for name in work}
    for call in work.values():
        call()
    for number in range(rounds):
        order = list(work.items())
        for name, call in order if number % 2 == 0 else order[::-1]:
            start, used = time.perf_counter(), time.process_time()
            call()
            cpu[name].append(time.process_time() - used)
            wall[name].append(time.perf_counter() - start)
    return (
        {name: statistics.median(v) for name, v in wall.items()},
        {name: statistics.median(v) for name, v in cpu.items()},
    )


def peer(segmenter: Segmenter, image: Image) -> Callable[..., tuple[np.ndarray, ...]]:
    """``SAM2ImagePredictor.predict`` of the same model, called in the same thread's mode."""
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    interactor = segmenter._interactor
    model = opened.image_model(interactor.files, interactor.info.device)
    predictor = SAM2ImagePredictor(model)
    predictor._bb_feat_sizes = [(model.image_size // s,) * 2 for s in (4, 8, 16)]
    with torch.inference_mode(), opened.precision(interactor.info.device):
        predictor.set_image(image)

    def predict(**given: object) -> tuple[np.ndarray, ...]:
        with torch.inference_mode(), opened.precision(interactor.info.device):
            return predictor.predict(**given)

    return predict


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="sam2-nano")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--boxes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clicks", type=int, default=30, help="clicks a round")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    scene = still(700, DAY, SIZE)
    frame = Frame("0" * 16, "0", "still", 0, SIZE[1], SIZE[0], None, "0", "g")
    with Segmenter.open(arguments.model, One(scene.image), arguments.device) as segmenter:
        segmenter.set_frame(frame).result()
        bare = worker().call(peer, segmenter, scene.image)
        rows = clicks(segmenter, bare, arguments) + boxes(segmenter, bare, scene.ids, arguments)
    show(
        "clicks",
        f"{arguments.model} on {SIZE[1]} x {SIZE[0]}, {arguments.threads} threads of torch: "
        "a click at "
        "most 1.15 x sam2's own, many boxes in one call at least 5 x faster",
        ["", "labkit ms", "sam2 ms", "ratio", "ratio of processor time", "same masks"],
        rows,
    )


def clicks(segmenter: Segmenter, bare: Callable, given: argparse.Namespace) -> list[list[str]]:
    """A click, asked for in this thread and answered by the inference thread."""
    places = np.random.default_rng(1).uniform((20, 20), (940, 520), (given.clicks, 2))

    def mine() -> list:
        return [segmenter.segment(Prompts.click(x, y)) for x, y in places]

    def theirs() -> list:
        label = np.array([1])
        return [bare(point_coords=p[None], point_labels=label) for p in places]

    wall, cpu = alternating(given.rounds, mine=mine, theirs=theirs)
    same = [
        mask_iou(m[0].mask, masks[scores.argmax()] > 0)
        for m, (masks, scores, _) in zip(mine(), theirs(), strict=True)
    ]
    return [_row("a click, three masks", wall, cpu, given.clicks, same)]


def boxes(
    segmenter: Segmenter, bare: Callable, ids: np.ndarray, given: argparse.Namespace
) -> list[list[str]]:
    """Every box of a frame in one call, against one call per box."""
    places = boxes_of(ids, given.boxes)
    prompts = [Prompts.boxed(b) for b in places]

    def mine() -> list:
        return segmenter.segment_many(prompts)

    def pixels() -> list:
        return [m.mask for m in segmenter.segment_many(prompts)]

    def theirs() -> list:
        return [bare(box=b, multimask_output=False)[0][0] for b in places]

    wall, cpu = alternating(given.rounds, mine=mine, pixels=pixels, theirs=theirs)
    same = [mask_iou(m.mask, t > 0) for m, t in zip(mine(), theirs(), strict=True)]
    rows = [_row(f"{given.boxes} boxes, masks as RLE", wall, cpu, 1, same)]
    second = {"theirs": wall["theirs"], "mine": wall["pixels"]}
    used = {"theirs": cpu["theirs"], "mine": cpu["pixels"]}
    return [*rows, _row(f"{given.boxes} boxes, every mask decoded", second, used, 1, same)]


def _row(
    what: str, wall: dict[str, float], cpu: dict[str, float], count: int, same: list[float]
) -> list[str]:
    labkit_ms, peer_ms = 1000 * wall["mine"] / count, 1000 * wall["theirs"] / count
    return [
        what,
        f"{labkit_ms:.1f}",
        f"{peer_ms:.1f}",
        f"{labkit_ms / peer_ms:.2f} (1 / {peer_ms / labkit_ms:.1f})",
        f"{cpu['mine'] / cpu['theirs']:.2f} (1 / {cpu['theirs'] / cpu['mine']:.1f})",
        f"mean IoU {statistics.mean(same):.4f}",
    ]


if __name__ == "__main__":
    main()

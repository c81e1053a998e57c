"""What both phases share: prompts, losses, the average of the weights, checkpoints, the clock."""

from __future__ import annotations

import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import distributed, multiprocessing, nn
from torch.nn import functional as nnf

from labkit.demo.clicking import inner_point

CONFIG = Path(__file__).parents[1] / "labkit" / "demo" / "weights" / "sam2_nano.yaml"
Masks = NDArray[np.bool_]
Rng = np.random.Generator


class Clock:
    """CPU minutes used, by all processes and earlier starts (a paused process uses none)."""

    def __init__(self, budget: float, before: float = 0.0, processes: int = 1) -> None:
        self.budget, self._before, self._processes = budget, before, processes
        self._start = time.process_time()

    @property
    def minutes(self) -> float:
        """Used so far."""
        spent = (time.process_time() - self._start) / 60
        return self._before + spent * self._processes

    @property
    def share(self) -> float:
        """Of the budget, 0..1."""
        return min(1.0, self.minutes / self.budget)


class Team:
    """Processes that train one model: each draws its own objects, gradients are averaged.

    Two processes use two cores better than two threads of one do where others compute too.
    """

    def __init__(self, rank: int, size: int, port: int) -> None:
        self.rank, self.size = rank, size
        if size > 1:
            address = f"tcp://127.0.0.1:{port}"
            distributed.init_process_group("gloo", address, rank=rank, world_size=size)

    @property
    def leads(self) -> bool:
        """Whether this process writes the log and the checkpoints."""
        return self.rank == 0

    def agree(self, *values: float) -> list[float]:
        """The leader's numbers, for everyone."""
        if self.size == 1:
            return list(values)
        said = torch.tensor(values, dtype=torch.float64)
        distributed.broadcast(said, 0)
        return said.tolist()

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Average the gradients."""
        if self.size == 1:
            return
        with_gradient = [p for p in parameters if p.requires_grad]
        for p in with_gradient:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        flat = torch.cat([p.grad.flatten() for p in with_gradient])
        distributed.all_reduce(flat)
        parts = (flat / self.size).split([p.numel() for p in with_gradient])
        for p, part in zip(with_gradient, parts, strict=True):
            p.grad.copy_(part.view_as(p))


def in_processes(work: Callable[[Team, Any], None], size: int, args: object) -> None:
    """Run ``work(team, args)`` in so many processes, one thread each."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    if size == 1:
        work(Team(0, 1, 0), args)
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    multiprocessing.start_processes(_member, (work, size, port, args), size, start_method="fork")


def _member(rank: int, work: Callable[[Team, Any], None], size: int, port: int, args: Any) -> None:
    torch.set_num_threads(1)
    work(Team(rank, size, port), args)


class Log:
    """Means of what was noted since the last line."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = defaultdict(list)

    def note(self, **values: float) -> None:
        """Add numbers."""
        for name, value in values.items():
            self._values[name].append(float(value))

    def line(self) -> str:
        """And start again."""
        text = " ".join(f"{k} {np.mean(v):.3f}" for k, v in sorted(self._values.items()))
        self._values.clear()
        return text


class Average:
    """Exponential moving average of a model's state."""

    def __init__(self, model: nn.Module, most: float) -> None:
        self.state = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self.most, self.steps = most, 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the model; fast at first."""
        decay = min(self.most, (1 + self.steps) / (20 + self.steps))
        self.steps += 1
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - decay)


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint; a kill leaves the one before."""
    temporary = path.with_suffix(".tmp")
    torch.save(dict(content), temporary)
    temporary.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint of :func:`save`."""
    content: dict[str, Any] = torch.load(path, weights_only=True)
    return content


def weights_of(path: Path) -> dict[str, torch.Tensor]:
    """The model's weights in a checkpoint (the averaged ones) or a .safetensors."""
    if path.suffix != ".safetensors":
        return dict(load(path)["model"])
    return {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}


def see_at(model: Any, side: int) -> None:
    """Let the encoder, the prompts and the decoder of phase 1 work at another side of the frame."""
    prompts, cells = model.sam_prompt_encoder, side // 16
    model.image_size, model.sam_image_embedding_size = side, cells
    prompts.input_image_size, prompts.image_embedding_size = (side, side), (cells, cells)
    prompts.mask_input_size = (4 * cells, 4 * cells)


def window_side(side: int, share: float) -> int:
    """About that share of a frame's side: a multiple of the coarsest stride."""
    return 32 * round(side * share / 32)


# --- prompts, in pixels of the model's input --------------------------------------------------


def some_point(rng: Rng, mask: Masks, deep: float) -> tuple[int, int]:
    """The deepest pixel with probability ``deep``, else any of the mask's."""
    if rng.random() < deep:
        return inner_point(mask)
    place = np.flatnonzero(mask)
    y, x = divmod(int(place[rng.integers(len(place))]), mask.shape[1])
    return x, y


def clicks(rng: Rng, masks: Masks, deep: float = 0.5) -> torch.Tensor:
    """One point in each mask, ``(n, 1, 2)``."""
    points = [[some_point(rng, m, deep)] for m in masks]
    return torch.tensor(points, dtype=torch.float32)


def boxes(rng: Rng, masks: Masks, jitter: float = 0.03) -> torch.Tensor:
    """Box corners of each mask, somewhat off, ``(n, 2, 2)``."""
    out = np.zeros((len(masks), 4), np.float32)
    for k, mask in enumerate(masks):
        x, y = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
        box = np.array([x[0], y[0], x[-1] + 1, y[-1] + 1], np.float32)
        sides = np.tile(box[2:] - box[:2], 2)
        out[k] = box + np.clip(rng.standard_normal(4) * jitter, -0.1, 0.1) * sides
    return torch.from_numpy(out).reshape(-1, 2, 2)


def corrections(
    rng: Rng, masks: Masks, guess: Masks, deep: float = 0.7
) -> tuple[torch.Tensor, torch.Tensor]:
    """A click where the guess is wrong: in the larger of the missing and the surplus part."""
    points, labels = [], []
    for mask, said in zip(masks, guess, strict=True):
        missing, surplus = mask & ~said, said & ~mask
        positive = missing.sum() >= surplus.sum()
        area = missing if positive else surplus
        points.append([some_point(rng, area if area.any() else mask, deep)])
        labels.append([int(positive)])
    return torch.tensor(points, dtype=torch.float32), torch.tensor(labels, dtype=torch.int32)


# --- losses -----------------------------------------------------------------------------------


NEAR = 32
"""Cells of the logits around an object that are compared pixel by pixel; the rest cell by cell."""


def mask_loss(
    logits: torch.Tensor, truth: torch.Tensor, gamma: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Focal loss over the object's size, plus dice, and the IoU of the masks; both ``(n, m)``.

    Around the object the logits are enlarged to the truth's pixels, as SAM2 enlarges them. Far from
    it there is nothing to be precise about: one value per cell does.

    Parameters
    ----------
    logits : tensor
        ``(n, m, h, w)``.
    truth : tensor
        Covered share of each pixel, ``(n, 1, s * h, s * w)``.
    gamma : float
        Focus on the cells that are wrong (Lin et al. 2017); 0 is plain cross entropy.
    """
    side, scale = logits.shape[-1], truth.shape[-1] // logits.shape[-1]
    if side <= NEAR:
        sums = _compared(larger(logits, truth.shape[-1]), truth, gamma, torch.ones(()))
    else:
        cells = nnf.avg_pool2d(truth, scale)
        at = _around(cells)
        apart = torch.ones_like(cells).flatten(2).scatter_(2, at[:, None], 0.0).view_as(cells)
        near = logits.flatten(2).gather(2, at[:, None].expand(-1, logits.shape[1], -1))
        near = larger(near.unflatten(2, (NEAR, NEAR)), NEAR * scale)
        corners = [divmod(int(k) * scale, side * scale) for k in at[:, 0]]
        pixels = [
            part[:, y * scale :, x:][:, : NEAR * scale, : NEAR * scale]
            for part, (y, x) in zip(truth, corners, strict=True)
        ]
        sums = _compared(near, torch.stack(pixels), gamma, torch.ones(()))
        sums = sums + _compared(logits, cells, gamma, apart * scale**2)
    wrong, both, said, real, shared, either = sums
    focal = wrong / (real + 0.004 * truth[0, 0].numel())
    dice = 1 - (2 * both + 1) / (said + real + 1)
    return focal + dice, (shared / either.clamp(min=1)).detach()


def _around(cells: torch.Tensor) -> torch.Tensor:
    """Flat places of the ``NEAR`` x ``NEAR`` cells around each object, ``(n, NEAR**2)``."""
    side, place, starts = cells.shape[-1], torch.arange(cells.shape[-1]), []
    for other in (3, 2):
        occupied = cells.amax((1, other)) > 0
        first = torch.where(occupied, place, side).amin(1)
        last = torch.where(occupied, place, -1).amax(1)
        starts.append(((first + last + 1 - NEAR) // 2).clamp(0, side - NEAR))
    rows, columns = (s[:, None] + torch.arange(NEAR) for s in starts)
    return (rows[:, :, None] * side + columns[:, None]).flatten(1)


def _compared(
    logits: torch.Tensor, truth: torch.Tensor, gamma: float, weight: torch.Tensor
) -> torch.Tensor:
    """Sums over the pixels, ``(6, n, m)``: error, products, squares, truth, shared, either."""
    chance = logits.sigmoid()
    target = truth.expand_as(logits)
    wrong = nnf.binary_cross_entropy_with_logits(logits, target, reduction="none")
    if gamma:
        wrong = wrong * (chance - truth).abs() ** gamma
    with torch.no_grad():
        said, real = logits > 0, truth > 0.5
        shared, either = (said & real) * weight, (said | real) * weight
    values = (wrong, chance * truth, chance**2)
    sums = [(v * weight).sum((2, 3)) if weight.ndim else v.sum((2, 3)) for v in values]
    covered = (truth * weight).sum((2, 3)).expand(-1, logits.shape[1])
    return torch.stack([*sums, covered, shared.sum((2, 3)), either.sum((2, 3))])


def larger(logits: torch.Tensor, side: int) -> torch.Tensor:
    """Logits resized as SAM2 resizes them."""
    return nnf.interpolate(logits, size=(side, side), mode="bilinear", align_corners=False)

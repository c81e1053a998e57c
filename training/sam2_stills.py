"""Phase 1 of the small SAM2: clicks, corrective clicks and boxes on stills.

python -m training.sam2_stills --data FOLDER --out phase1.pt [--minutes 40]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as nnf

from labkit.models.sam2.build import build
from training.sam2_common import (
    CONFIG,
    Average,
    Clock,
    Log,
    Rng,
    Team,
    boxes,
    clicks,
    corrections,
    in_processes,
    larger,
    load,
    mask_loss,
    save,
    see_at,
    weights_of,
    window_side,
)
from training.sam2_data import Frames
from training.sam2_windows import Batch, Drawer, Windows, closer, wake_up

LATE = (0.3, 0.1, 0.35, 0.25)
"""Odds of the plans of :func:`plan_of` from ``LATE_FROM`` on."""

LATE_FROM = 0.6
"""Share of the time after which whole frames dominate; with ``--init`` training begins there."""


def answer_loss(
    out: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    truth: torch.Tensor,
    several: bool,
    gamma: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss of one answer, and the IoU of its masks.

    After one click three masks compete, and the best learns most; the first token answers always.
    """
    logits, guess, score = out
    if not several:
        logits, guess = logits[:, :1], guess[:, :1]
    each, real = mask_loss(logits, truth, gamma)
    loss = each[:, 0].mean()
    if several:
        loss = 0.6 * loss + 0.5 * each[:, 1:].min(1)[0].mean() + 0.1 * each[:, 1:].mean()
    present = nnf.binary_cross_entropy_with_logits(score, torch.ones_like(score))
    return loss + (guess - real).abs().mean() + 0.1 * present, real


def chosen(out: tuple[torch.Tensor, torch.Tensor, torch.Tensor], several: bool) -> torch.Tensor:
    """The mask that a predictor would show, ``(n, 1, h, w)``, without gradient."""
    logits, guess = out[0].detach(), out[1].detach()
    if not several:
        return logits[:, :1]
    best = guess[:, 1:].argmax(1) + 1
    return logits[torch.arange(len(best)), best][:, None]


def prompts_loss(
    net: Windows, maps: list[torch.Tensor], batch: Batch, rng: Rng, share: float, log: Log
) -> torch.Tensor:
    """Half of the objects are clicked, and clicked again where that went wrong; half are boxed."""
    window = batch.x.shape[-1]
    gamma, fine = (2.0, 2) if share < 0.3 else (1.0, 1)
    truth = torch.from_numpy(batch.masks)[:, None].float()
    if fine > 1:
        truth = nnf.avg_pool2d(truth, fine)
    order = torch.from_numpy(rng.permutation(len(truth)))
    loss = torch.zeros(())
    for kind, rows in zip(("click", "box"), order.tensor_split(2), strict=True):
        of, masks, target = batch.of[rows], batch.masks[rows.numpy()], truth[rows]
        seen, corner = [m[of] for m in maps], batch.corner[of]
        if kind == "click":
            points, labels = clicks(rng, masks), torch.ones(len(rows), 1, dtype=torch.int32)
        else:
            points = boxes(rng, masks)
            labels = torch.tensor([[2, 3]] * len(rows), dtype=torch.int32)
        out = net.decode(seen, corner, points, labels)
        part, real = answer_loss(out, target, kind == "click", gamma)
        loss = loss + part
        log.note(**{kind: real[:, 0].mean()})
        if kind == "click":
            log.note(click_best=real[:, 1:].max(1)[0].mean())
        for again in range(2):
            if (
                share < 0.15
                or rng.random() > ((0.75, 0.55) if kind == "click" else (0.2, 0))[again]
            ):
                break
            before = chosen(out, kind == "click" and again == 0)
            predicted = (larger(before, window) > 0)[:, 0].numpy()
            more, sign = corrections(rng, masks, predicted)
            points, labels = torch.cat([points, more], 1), torch.cat([labels, sign], 1)
            hint = before.clamp(-32, 32) if rng.random() < 0.8 else None
            out = net.decode(seen, corner, points, labels, hint)
            part, real = answer_loss(out, target, False, gamma)
            loss = loss + 0.7 * part
            log.note(**{f"{kind}{again + 2}": real[:, 0].mean()})
    return loss


@dataclass(frozen=True)
class Plan:
    """One step: sides of what the encoder and the decoder see, objects in all and in a window."""

    side: int
    decoded: int
    objects: int
    per_window: int


def plan_of(share: float, rng: Rng, side: int) -> Plan:
    """Small windows first, whole frames for most of the time at the end."""
    third, half, most = (window_side(side, part) for part in (1 / 3, 1 / 2, 2 / 3))
    plans = (
        Plan(third, third, 40, 3),
        Plan(most, most, 16, 5),
        Plan(side, half, 24, 8),
        Plan(side, side, 12, 8),
    )
    odds = (1.0, 0, 0, 0) if share < 0.3 else (0.4, 0.2, 0.3, 0.1) if share < LATE_FROM else LATE
    return plans[int(rng.choice(4, p=odds))]


def rate(share: float, step: int, top: float) -> float:
    """A short rise, a plateau and a cosine down to 2 %."""
    fall = max(0.0, (share - 0.3) / 0.7)
    return float(top * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * fall))))


def groups(modules: nn.Module) -> list[dict[str, object]]:
    """Weights that decay, and those that do not: norms, biases, embeddings."""
    decay, keep = [], []
    for name, value in modules.named_parameters():
        plain = value.ndim < 2 or "embed" in name or "token" in name or "position" in name
        (keep if plain else decay).append(value)
    return [{"params": decay, "weight_decay": 0.05}, {"params": keep, "weight_decay": 0.0}]


def main() -> None:
    """Train until the CPU time is used up; started again, it continues from the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=90.0, help="of CPU time, of all processes")
    parser.add_argument("--side", type=int, help="of frames in pixels; as the model by default")
    parser.add_argument("--init", type=Path, help="continue from these weights, past the beginning")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    in_processes(train, args.processes, args)


def train(team: Team, args: argparse.Namespace) -> None:
    """What each process does."""
    torch.manual_seed(args.seed)
    model = build(CONFIG).train()
    if args.init:
        model.load_state_dict(weights_of(args.init))
    else:
        wake_up(model)
    see_at(model, args.side or model.image_size)
    model.image_encoder.trunk.to(memory_format=torch.channels_last)
    net, log = Windows(model), Log()
    optimizer = torch.optim.AdamW(groups(net), lr=args.rate, betas=(0.9, 0.98))
    average, step, before = Average(model, 0.998), 0, 0.0
    if args.out.exists():
        old = load(args.out)
        net.load_state_dict(old["net"])
        optimizer.load_state_dict(old["optimizer"])
        average.state, average.steps, step = old["model"], old["step"], old["step"]
        before = old["minutes"]
    own = np.random.default_rng([args.seed, step, team.rank])
    common = np.random.default_rng([args.seed, step])
    torch.manual_seed(args.seed + step)
    clock, saved = Clock(args.minutes, before, team.size), before
    drawer = Drawer(Frames.open(args.data), model.image_size, own)
    while True:
        share, minutes = team.agree(clock.share, clock.minutes)
        if share >= 1:
            break
        if args.init:
            share = LATE_FROM + (1 - LATE_FROM) * share
        for group in optimizer.param_groups:
            group["lr"] = rate(share, step, args.rate)
        plan = plan_of(share, common, model.image_size)
        batch = drawer.batch(plan.side, plan.objects, plan.per_window)
        maps = net.encode(batch)
        dense = torch.zeros(()) if args.init else net.dense_loss(maps, batch.dense)
        if plan.decoded < plan.side:
            maps, batch = closer(maps, batch, own, plan.decoded)
        loss = prompts_loss(net, maps, batch, own, share, log)
        loss = loss + dense * float(np.clip((0.95 - share) / 0.45, 0.1, 1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        team.average(net.parameters())
        norm = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        log.note(loss=loss.detach(), dense=dense.detach(), norm=norm)
        if not team.leads:
            continue
        average.update(model)
        if step % 50 == 0:
            print(f"step {step} cpu {minutes:.1f} min {log.line()}", flush=True)
        if minutes > saved + 3 or clock.share >= 1:
            saved = minutes
            state = {"net": net.state_dict(), "model": average.state, "step": step}
            save(args.out, {**state, "optimizer": optimizer.state_dict(), "minutes": clock.minutes})


if __name__ == "__main__":
    main()

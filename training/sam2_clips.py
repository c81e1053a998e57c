"""Phase 2 of the small SAM2: the memory, on clips that grow from 2 to 20 frames.

python -m training.sam2_clips --data FOLDER --init phase1.pt --out phase2.pt [--minutes 40]

The image encoder stays as phase 1 left it, so the features of all frames are computed once.
Everything else is trained through ``SAM2Base.track_step`` itself. Long clips are cheap: most of
their frames are tracked without gradient, the last few with. Objects leave, come back from under
others and from under the gantry: where they are out of sight, the object score has to say so.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    in_processes,
    load,
    mask_loss,
    save,
    weights_of,
    window_side,
)
from training.sam2_data import Frames
from training.sam2_stills import prompts_loss
from training.sam2_tracks import FeatureCache, Tracks, compute_features
from training.sam2_windows import Batch, Windows

LONGEST = 150
"""Frames between prompt and tracked frame that time codes are trained for."""


@dataclass(frozen=True)
class Plan:
    """One step: side of the window, tracks, frames, how many of the last ones with gradient."""

    side: int
    tracks: int
    length: int
    learned: int
    kind: str


def plan_of(share: float, rng: Rng, side: int) -> Plan:
    """Short tracks in small windows first, long ones in whole frames last."""
    kind = str(rng.choice(("mask", "box", "click"), p=(0.5, 0.3, 0.2)))
    small, middle = window_side(side, 1 / 2), window_side(side, 2 / 3)
    if share < 0.12:
        length = int(rng.integers(2, 4))
        return Plan(small, 12, length, length, kind)
    if share < 0.3:
        return Plan(middle, 7, int(rng.integers(3, 7)), 4, kind)
    if rng.random() < (0.5 if share < 0.55 else 0.25):
        return Plan(middle, 6, int(rng.integers(4, 17)), 3, kind)
    return Plan(side, 4, int(rng.integers(3, 21)), 2, kind)


@contextmanager
def seen_through(model: nn.Module, tracks: Tracks) -> Iterator[None]:
    """Let a model work on a window of its frame: sizes and position codes of the window."""
    prompts, side = model.sam_prompt_encoder, tracks.side
    x, y, n = tracks.corner[0] // 16, tracks.corner[1] // 16, side // 16
    full = prompts.get_dense_pe()[:, :, y : y + n, x : x + n]
    before = model.image_size, model.sam_image_embedding_size, prompts.image_embedding_size
    masks = prompts.mask_input_size
    model.image_size, model.sam_image_embedding_size = side, n
    prompts.image_embedding_size, prompts.mask_input_size = (n, n), (4 * n, 4 * n)
    prompts.get_dense_pe = lambda: full
    try:
        yield
    finally:
        model.image_size, model.sam_image_embedding_size, prompts.image_embedding_size = before
        prompts.mask_input_size = masks
        del prompts.get_dense_pe


class Follower:
    """Runs ``track_step`` over tracks and adds up the losses."""

    def __init__(self, model: nn.Module, cache: FeatureCache) -> None:
        self.model, self.cache = model, cache
        self._raw: tuple[torch.Tensor, ...] = ()
        model.sam_mask_decoder.register_forward_hook(self._keep)
        side, width = model.image_size // 16, model.hidden_dim
        with torch.no_grad():
            code = model.image_encoder.neck.position_encoding
            self._place = code(torch.zeros(1, width, side, side))
            code = model.memory_encoder.position_encoding
            self._memory_place = code(torch.zeros(1, model.mem_dim, side, side))

    def _keep(self, module: nn.Module, given: object, out: tuple[torch.Tensor, ...]) -> None:
        self._raw = out  # before the object score blanks the masks

    def loss(self, plan: Plan, tracks: Tracks, rng: Rng, log: Log) -> torch.Tensor:
        """Loss over the frames that are learned from, and the prompted one."""
        model, kept = self.model, {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
        points, mask = self._prompt(plan.kind, tracks, rng)
        later = int(rng.integers(1, LONGEST)) if rng.random() < 0.3 else 0
        losses = []
        with seen_through(model, tracks):
            for t in range(plan.length):
                index = t + (later if t else 0)
                learned = t == 0 or t >= plan.length - plan.learned
                with torch.set_grad_enabled(learned):
                    out = self._step(tracks, t, index, points, mask, kept, t < plan.length - 1)
                kept["non_cond_frame_outputs" if t else "cond_frame_outputs"][index] = out
                if learned and (t or mask is None):
                    part = self._frame_loss(tracks, t, log)
                    losses.append(part * (0.5 if t == 0 else 1.0))
        return torch.stack(losses).mean()

    def _prompt(
        self, kind: str, tracks: Tracks, rng: Rng
    ) -> tuple[dict[str, torch.Tensor] | None, torch.Tensor | None]:
        masks = self.cache.masks(tracks, 0)
        corner = torch.tensor(tracks.corner)
        if kind == "mask":
            return None, torch.from_numpy(masks)[:, None].float()
        if kind == "box":
            labels = torch.tensor([[2, 3]] * len(masks), dtype=torch.int32)
            return {"point_coords": boxes(rng, masks) + corner, "point_labels": labels}, None
        labels = torch.ones(len(masks), 1, dtype=torch.int32)
        return {"point_coords": clicks(rng, masks) + corner, "point_labels": labels}, None

    def _step(
        self,
        tracks: Tracks,
        t: int,
        index: int,
        points: dict[str, torch.Tensor] | None,
        mask: torch.Tensor | None,
        kept: dict[str, dict[int, Any]],
        remember: bool,
    ) -> dict[str, Any]:
        maps = self.cache.features(tracks.rows[:, t], tracks.corner, tracks.side)
        out: dict[str, Any] = self.model.track_step(
            frame_idx=index,
            is_init_cond_frame=t == 0,
            current_vision_feats=[m.flatten(2).permute(2, 0, 1) for m in maps],
            current_vision_pos_embeds=[
                self._window(self._place, tracks).flatten(2).permute(2, 0, 1)
            ],
            feat_sizes=[m.shape[-2:] for m in maps],
            point_inputs=points if t == 0 else None,
            mask_inputs=mask if t == 0 else None,
            output_dict=kept,
            num_frames=10_000,
            run_mem_encoder=remember,
        )
        if remember:
            out["maskmem_pos_enc"] = [self._window(self._memory_place, tracks)]
        return out

    @staticmethod
    def _window(full: torch.Tensor, tracks: Tracks) -> torch.Tensor:
        x, y, n = tracks.corner[0] // 16, tracks.corner[1] // 16, tracks.side // 16
        part = full[:, :, y : y + n, x : x + n]
        return part.expand(len(tracks.objects), -1, -1, -1)

    def _frame_loss(self, tracks: Tracks, t: int, log: Log) -> torch.Tensor:
        """Mask, its IoU and the object score; where hardly anything is in sight, nothing."""
        logits, guess, _, score = self._raw
        truth = torch.from_numpy(self.cache.masks(tracks, t))[:, None].float()
        area = truth.sum((1, 2, 3))
        there, gone = (area >= 24).float()[:, None], (area == 0).float()[:, None]
        total = there.sum().clamp(min=1)
        each, real = mask_loss(logits, truth, 1.0)
        best = each.min(1, keepdim=True)[0] + 0.2 * each.mean(1, keepdim=True)
        masks = ((best / 1.2 + (guess - real).abs().mean(1, keepdim=True)) * there).sum() / total
        wrong = nnf.binary_cross_entropy_with_logits(score, there, reduction="none")
        presence = (wrong * (there + 2 * gone)).sum() / (there + gone).sum().clamp(min=1)
        name = f"iou{t}" if t < 6 else "iou6+"
        log.note(**{name: (real.max(1)[0] * there[:, 0]).sum() / total})
        if t and gone.sum():
            log.note(empty=((score <= 0).float() * gone).sum() / gone.sum())
        if t:
            log.note(shown=((score > 0).float() * there).sum() / total)
        return masks + presence


def start_memory(model: nn.Module, maps: torch.Tensor) -> None:
    """Begin near the identity: attend to the same place in the memory, change nothing else."""
    with torch.no_grad():
        for layer in model.memory_attention.layers:
            for projection in (layer.self_attn.out_proj, layer.linear2):
                projection.weight.mul_(0.05)
                projection.bias.zero_()
            attention = layer.cross_attn_image
            same_place = torch.zeros(attention.internal_dim)
            same_place[0::2] = 2.6
            for projection in (attention.q_proj, attention.k_proj):
                projection.bias.copy_(same_place)
                projection.weight.mul_(0.5)
        norm = model.memory_attention.norm
        norm.weight.fill_(float(maps.std(1).mean()))
        norm.bias.copy_(model.no_mem_embed.flatten() + float(maps.mean()))


def still_batch(cache: FeatureCache, rng: Rng, side: int) -> tuple[list[torch.Tensor], Batch]:
    """Frames of the cache as phase 1 sees stills, so that clicks are not forgotten."""
    tracks = cache.draw(rng, 10, 1, side, leaving=0)
    maps = cache.features(tracks.rows[:, 0], tracks.corner, side)
    n = len(tracks.objects)
    corner = torch.tensor([tracks.corner] * n)
    seen = torch.empty(n, 3, side, side, device="meta")
    return maps, Batch(seen, corner, torch.arange(n), cache.masks(tracks, 0), {})


def groups(model: nn.Module, rate: float) -> list[dict[str, Any]]:
    """The memory learns fast; the decoder, which knows its trade, slowly; the encoder not."""
    fresh, trained = [], []
    fixed = ("image_encoder", "sam_mask_decoder.conv_s")
    for name, value in model.named_parameters():
        if name.startswith(fixed):
            value.requires_grad = False
        else:
            (trained if name.startswith(("sam_", "no_mem_embed")) else fresh).append(value)
    return [{"params": fresh, "top": rate}, {"params": trained, "top": 0.3 * rate}]


def main() -> None:
    """Train until the CPU time is used up; started again, it continues from the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--init", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30.0, help="of CPU time, of all processes")
    parser.add_argument("--go-on", action="store_true", help="keep the memory of --init")
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    model = build(CONFIG)
    model.load_state_dict(weights_of(args.init))
    features = args.data.with_name("features")
    compute_features(model, Frames.open(args.data), features, args.processes)
    in_processes(train, args.processes, args)


def train(team: Team, args: argparse.Namespace) -> None:
    """What each process does."""
    torch.manual_seed(args.seed)
    model = build(CONFIG)
    model.load_state_dict(weights_of(args.init))
    cache, log = FeatureCache(args.data.with_name("features")), Log()
    side = model.image_size
    if not args.go_on:
        some = np.linspace(0, len(cache.ids) - 1, 40).astype(int)
        start_memory(model, cache.features(some, (0, 0), side)[2])
    net, follower = Windows(model.train()), Follower(model, cache)
    optimizer = torch.optim.AdamW(groups(model, args.rate), betas=(0.9, 0.98), weight_decay=0.02)
    average, step, before = Average(model, 0.995), 0, 0.0
    if args.out.exists():
        old = load(args.out)
        model.load_state_dict(old["last"])
        optimizer.load_state_dict(old["optimizer"])
        average.state, average.steps, step = old["model"], old["step"], old["step"]
        before = old["minutes"]
    own = np.random.default_rng([args.seed, step, team.rank])
    common = np.random.default_rng([args.seed, step])
    clock, saved = Clock(args.minutes, before, team.size), before
    while True:
        share, minutes = team.agree(clock.share, clock.minutes)
        if share >= 1:
            break
        if args.go_on:
            share = 0.3 + 0.7 * share
        fall = max(0.0, (share - 0.3) / 0.7)
        for group in optimizer.param_groups:
            cosine = 0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * fall))
            group["lr"] = float(group["top"] * min(1, (step + 1) / 40) * cosine)
        if step % 4 == 3:
            maps, batch = still_batch(
                cache, own, int(common.choice((window_side(side, 2 / 3), side)))
            )
            maps[2] = maps[2] + model.no_mem_embed.reshape(1, -1, 1, 1)
            loss = prompts_loss(net, maps, batch, own, 1.0, log)
        else:
            plan = plan_of(share, common, side)
            tracks = cache.draw(own, plan.tracks, plan.length, plan.side)
            loss = follower.loss(plan, tracks, own, log)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        team.average(model.parameters())
        norm = nn.utils.clip_grad_norm_((p for p in model.parameters() if p.requires_grad), 1.0)
        optimizer.step()
        step += 1
        log.note(loss=loss.detach(), norm=norm)
        if not team.leads:
            continue
        average.update(model)
        if step % 25 == 0:
            print(f"step {step} cpu {minutes:.1f} min {log.line()}", flush=True)
        if minutes > saved + 3 or clock.share >= 1:
            saved = minutes
            state = {"last": model.state_dict(), "model": average.state, "step": step}
            save(args.out, {**state, "optimizer": optimizer.state_dict(), "minutes": clock.minutes})


if __name__ == "__main__":
    main()

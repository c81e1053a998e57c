"""Windows of stills with the objects in them, and the SAM2 model that works on windows.

Much of the training sees windows rather than frames: an object needs its surroundings only, and a
window of a third of each side costs a ninth. The position codes of a window are those of its
place in the frame, so the same weights work on whole frames, which the second half turns to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as nnf

from training.sam2_common import Masks, Rng
from training.sam2_data import OTHER, Frames, normalized, resized

WAVES = np.array(
    [[1, 0], [0, 1], [2, 0], [0, 2], [1.5, 1.5], [1.5, -1.5], [3, 1], [-1, 3], [6, 2], [-2, 6]],
    np.float32,
)
"""Cycles per image, in x and y, of the code that tells one object's centre from another's."""

CODES = 2 * len(WAVES)
DENSE = 2 + CODES + OTHER
"""Channels of the dense task: part or not, border or not, code of the centre, kind."""

LEAST = 60
"""Objects of fewer pixels (of the model's input) are not asked for."""


@dataclass(frozen=True)
class Batch:
    """Windows of frames and objects in them; sides in pixels of the model's input.

    ``x`` (n, 3, w, w); ``corner`` (n, 2) the windows' x and y; ``of`` (b,) the window of each
    object; ``masks`` (b, w, w); ``dense`` the dense task's targets by name.
    """

    x: torch.Tensor
    corner: torch.Tensor
    of: torch.Tensor
    masks: Masks
    dense: dict[str, torch.Tensor]


# --- data -------------------------------------------------------------------------------------


class Drawer:
    """Random windows of the stills."""

    def __init__(self, data: Frames, side: int, rng: Rng) -> None:
        self.data, self.side, self.rng = data, side, rng
        self._columns = ((np.arange(side) + 0.5) * data.ids.shape[2] / side).astype(int)
        self._rows = ((np.arange(side) + 0.5) * data.ids.shape[1] / side).astype(int)

    def batch(self, window: int, objects: int, per_window: int) -> Batch:
        """About ``objects`` objects, at most ``per_window`` in one window."""
        xs, corners, of, masks, dense = [], [], [], [], []
        while len(of) < objects:
            k = int(self.rng.integers(self.data.ready))
            x, ids, kinds = self._frame(k)
            for _ in range(1 if window == self.side else 3):
                corner = self._corner(ids, kinds, window)
                if corner is None:
                    break
                cut = np.s_[corner[1] : corner[1] + window, corner[0] : corner[0] + window]
                chosen = self._objects(ids, kinds, cut, per_window)
                if not chosen:
                    continue
                of += [len(xs)] * len(chosen)
                masks += [ids[cut] == o for o in chosen]
                xs.append(x[:, cut[0], cut[1]])
                corners.append(corner)
                dense.append(dense_targets(ids, kinds, cut))
        stacked = {n: torch.from_numpy(np.stack([d[n] for d in dense])) for n in dense[0]}
        return Batch(
            torch.stack(xs), torch.tensor(corners), torch.tensor(of), np.stack(masks), stacked
        )

    def _frame(self, k: int) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
        """A frame as the model sees it, mirrored and lit at random."""
        rng = self.rng
        x = resized(self.data.images[k][None], (self.side, self.side))[0]
        ids = self.data.ids[k][self._rows][:, self._columns]
        if rng.random() < 0.5:
            x, ids = x.flip(2), ids[:, ::-1]
        if rng.random() < 0.5:
            x, ids = x.flip(1), ids[::-1]
        if rng.random() < 0.5:
            x = (x - 0.5) * rng.uniform(0.8, 1.2) + 0.5 + rng.uniform(-0.1, 0.1)
            x = (x * torch.from_numpy(rng.uniform(0.92, 1.08, (3, 1, 1))).float()).clamp(0, 1)
        return normalized(x), np.ascontiguousarray(ids), self.data.kinds[k]

    def _corner(self, ids: np.ndarray, kinds: np.ndarray, window: int) -> tuple[int, int] | None:
        if window == self.side:
            return 0, 0
        parts = [k for k in np.flatnonzero(kinds) if kinds[k] < OTHER]
        if not parts:
            return None
        rows, columns = np.nonzero(ids == self.rng.choice(parts))
        if not len(rows):
            return None
        middle = np.array([columns.mean(), rows.mean()])
        corner = middle - self.rng.uniform(0.15, 0.85, 2) * window
        corner = np.clip(np.round(corner / 32) * 32, 0, self.side - window).astype(int)
        return int(corner[0]), int(corner[1])

    def _objects(
        self, ids: np.ndarray, kinds: np.ndarray, cut: tuple[slice, slice], most: int
    ) -> list[int]:
        """Parts in the window, now and then a distractor; what is mostly outside is left out."""
        whole, inside = (
            np.bincount(ids.ravel(), minlength=256),
            np.bincount(ids[cut].ravel(), minlength=256),
        )
        good = [
            k
            for k in np.flatnonzero(inside)
            if kinds[k]
            and inside[k] >= LEAST
            and inside[k] > 0.4 * whole[k]
            and (kinds[k] != OTHER or self.rng.random() < 0.2)
        ]
        return [int(k) for k in self.rng.permutation(good)[:most]]


def dense_targets(
    ids: np.ndarray, kinds: np.ndarray, cut: tuple[slice, slice]
) -> dict[str, np.ndarray]:
    """What the dense task asks for, at a quarter of the window's side."""
    side, most = ids.shape[0], 256
    count = np.maximum(np.bincount(ids.ravel(), minlength=most), 1)
    rows, columns = np.nonzero(ids)
    centre_x = np.bincount(ids[rows, columns], columns, most) / count / side
    centre_y = np.bincount(ids[rows, columns], rows, most) / count / side
    here = ids[cut]
    middle = here[2::4, 2::4]
    cells = here.reshape(len(here) // 4, 4, -1, 4)
    phase = (
        2 * np.pi * (WAVES[:, :1, None] * centre_x[middle] + WAVES[:, 1:, None] * centre_y[middle])
    )
    return {
        "part": (cells > 0).mean((1, 3)).astype(np.float32),
        "border": (cells.max((1, 3)) != cells.min((1, 3))).astype(np.float32),
        "code": np.concatenate([np.cos(phase), np.sin(phase)]).astype(np.float32),
        "kind": np.maximum(kinds[middle].astype(np.int64) - 1, 0),
        "on": (middle > 0).astype(np.float32),
    }


# --- the model, on windows --------------------------------------------------------------------


class Windows(nn.Module):
    """SAM2's image encoder, prompt encoder and mask decoder on windows of a frame."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.sam = model
        width = model.hidden_dim
        self.dense = nn.ModuleList(
            [
                nn.Conv2d(width // 8, DENSE, 1),
                nn.Conv2d(width // 4, DENSE * 4, 1),
                nn.Conv2d(width, DENSE * 16, 1),
            ]
        )

    def encode(self, batch: Batch) -> list[torch.Tensor]:
        """Features at the strides 4, 8 and 16; the trunk computes in bfloat16."""
        sam, window = self.sam, batch.x.shape[-1]
        trunk = sam.image_encoder.trunk
        full = trunk.position_map((sam.image_size // 4,) * 2)
        position = torch.cat([_cut(full, c, 4, window) for c in batch.corner.tolist()])
        x = batch.x.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            maps = trunk(x, position)
        maps, _ = sam.image_encoder.neck([m.float() for m in maps])
        decoder = sam.sam_mask_decoder
        image = maps[2] + sam.no_mem_embed.reshape(1, -1, 1, 1)
        return [decoder.conv_s0(maps[0]), decoder.conv_s1(maps[1]), image]

    def dense_loss(self, maps: list[torch.Tensor], target: dict[str, torch.Tensor]) -> torch.Tensor:
        """Loss of the dense task, which wakes the trunk up before the prompts are understood."""
        out = self.dense[0](maps[0])
        for k in (1, 2):
            out = out + nnf.pixel_shuffle(self.dense[k](maps[k]), 2**k)
        on = target["on"]
        total = on.sum().clamp(min=1)
        code = ((out[:, 2 : 2 + CODES] - target["code"]).abs() * on[:, None]).sum() / total / CODES
        kind = nnf.cross_entropy(out[:, 2 + CODES :], target["kind"], reduction="none")
        return (
            nnf.binary_cross_entropy_with_logits(out[:, 0], target["part"])
            + 0.5 * nnf.binary_cross_entropy_with_logits(out[:, 1], target["border"])
            + 2 * code
            + 0.3 * (kind * on).sum() / total
        )

    def decode(
        self,
        maps: list[torch.Tensor],
        corner: torch.Tensor,
        points: torch.Tensor,
        labels: torch.Tensor,
        before: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits of the four mask tokens (n, 4, w / 4, w / 4), their IoU (n, 4), object score."""
        sam, side = self.sam, maps[2].shape[-1]
        prompts = sam.sam_prompt_encoder
        sparse = prompts._embed_points(points + corner[:, None], labels, pad=True)
        if before is None:
            thick = prompts.no_mask_embed.weight.reshape(1, -1, 1, 1)
            thick = thick.expand(len(points), -1, side, side)
        else:
            thick = prompts._embed_masks(before)
        full = prompts.get_dense_pe()
        place = torch.cat([_cut(full, c, 16, side * 16) for c in corner.tolist()])
        return predict_masks(sam.sam_mask_decoder, maps[2], place, sparse, thick, maps[:2])


def _cut(full: torch.Tensor, corner: list[int], stride: int, window: int) -> torch.Tensor:
    x, y, side = corner[0] // stride, corner[1] // stride, window // stride
    return full[:, :, y : y + side, x : x + side]


def closer(
    maps: list[torch.Tensor], batch: Batch, rng: Rng, window: int
) -> tuple[list[torch.Tensor], Batch]:
    """Features and mask of each object in a window of its own.

    The encoder has seen the whole frame; the decoder is spared the far parts, where most of its
    time would go.
    """
    whole, objects = batch.x.shape[-1], torch.arange(len(batch.of))
    corners = np.zeros((len(objects), 2), int)
    for corner, mask in zip(corners, batch.masks, strict=True):
        for k in (0, 1):
            place = np.flatnonzero(mask.any(k))
            most = min(int(place[0]), whole - window) // 16
            least = min(max(0, -(-(int(place[-1]) + 1 - window) // 16)), most)
            corner[k] = 16 * rng.integers(least, most + 1)
    cuts = [np.s_[y : y + window, x : x + window] for x, y in corners.tolist()]
    masks = np.stack([m[cut] for m, cut in zip(batch.masks, cuts, strict=True)])
    places = list(zip(batch.of.tolist(), corners.tolist(), strict=True))
    near = [
        torch.cat([_cut(values[k : k + 1], corner, stride, window) for k, corner in places])
        for values, stride in zip(maps, (4, 8, 16), strict=True)
    ]
    at = batch.corner[batch.of] + torch.from_numpy(corners)
    seen = torch.empty(len(objects), 3, window, window, device="meta")
    return near, Batch(seen, at, objects, masks, {})


def predict_masks(
    decoder: nn.Module,
    image: torch.Tensor,
    place: torch.Tensor,
    sparse: torch.Tensor,
    thick: torch.Tensor,
    fine: list[torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``MaskDecoder.predict_masks``, but each object has position codes of its own."""
    tokens = torch.cat(
        [decoder.obj_score_token.weight, decoder.iou_token.weight, decoder.mask_tokens.weight]
    )
    tokens = torch.cat([tokens.expand(len(sparse), -1, -1), sparse], 1)
    n, c, h, w = image.shape
    out, src = decoder.transformer(image + thick, place, tokens)
    first, norm, act, second, last = decoder.output_upscaling
    src = src.transpose(1, 2).view(n, c, h, w)
    up = last(second(act(norm(first(src) + fine[1]))) + fine[0])
    many = decoder.num_mask_tokens
    heads = [decoder.output_hypernetworks_mlps[k](out[:, 2 + k]) for k in range(many)]
    masks = (torch.stack(heads, 1) @ up.flatten(2)).view(n, many, 4 * h, 4 * w)
    return masks, decoder.iou_prediction_head(out[:, 1]), decoder.pred_obj_score_head(out[:, 0])


def wake_up(model: nn.Module, strength: float = 1.4) -> None:
    """Start where a click is understood sooner.

    The cross attentions begin tied on the Fourier codes of the position, so that a click's token
    looks at, and is seen by, the pixels around it; and those codes get finer waves, up to what
    tells small parts apart.
    """
    codes = model.sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    half = codes.shape[1]
    codes *= torch.exp(torch.linspace(np.log(0.6), np.log(5.0), half))
    transformer = model.sam_mask_decoder.transformer
    attentions = [transformer.final_attn_token_to_image]
    for layer in transformer.layers:
        attentions += [layer.cross_attn_token_to_image, layer.cross_attn_image_to_token]
    for number, attention in enumerate(attentions):
        chosen = torch.randperm(half, generator=torch.Generator().manual_seed(number))
        for projection in (attention.q_proj, attention.k_proj):
            weight = 0.02 * torch.randn_like(projection.weight)
            for j, wave in enumerate(chosen[: len(weight) // 2].sort()[0]):
                weight[2 * j, wave] += strength
                weight[2 * j + 1, half + wave] += strength
            projection.weight.data.copy_(weight)
            projection.bias.data.zero_()

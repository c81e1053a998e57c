"""What the small SAM2's training compares, and what it shows to the decoder."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sam2")

from torch.nn import functional as nnf  # noqa: E402

from training.sam2_common import larger, mask_loss, window_side  # noqa: E402
from training.sam2_windows import Batch, closer  # noqa: E402


def squares(side: int, corners: list[tuple[int, int]]) -> torch.Tensor:
    """A square of 40 pixels at each corner, ``(n, 1, side, side)``."""
    truth = torch.zeros(len(corners), 1, side, side)
    for mask, (x, y) in zip(truth, corners, strict=True):
        mask[0, y : y + 40, x : x + 40] = 1
    return truth


def guesses(truth: torch.Tensor, many: int) -> torch.Tensor:
    """Smooth logits, at a quarter of the side, that are somewhat off."""
    torch.manual_seed(0)
    shifted = torch.cat([truth.roll((2 * k, 3 * k), (2, 3)) for k in range(many)], 1)
    soft = nnf.avg_pool2d(nnf.avg_pool2d(shifted, 9, 1, 4), 4)
    return (12 * soft - 6).requires_grad_()


def everywhere(logits: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss at all pixels with a focus of 1, and the IoU, by their definitions."""
    logits = larger(logits, truth.shape[-1])
    truth = truth.expand_as(logits)
    chance = logits.sigmoid()
    wrong = nnf.binary_cross_entropy(chance, truth, reduction="none") * (chance - truth).abs()
    focal = wrong.sum((2, 3)) / (truth.sum((2, 3)) + 0.004 * truth[0, 0].numel())
    dice = 1 - (2 * (chance * truth).sum((2, 3)) + 1) / ((chance**2 + truth**2).sum((2, 3)) + 1)
    said, real = logits > 0, truth > 0.5
    return focal + dice, (said & real).sum((2, 3)) / (said | real).sum((2, 3))


def test_the_loss_near_an_object_is_that_of_all_pixels():
    truth = squares(448, [(0, 0), (200, 190), (400, 400), (3, 300)])
    logits = guesses(truth, 3)
    loss, iou = mask_loss(logits, truth, 1.0)
    real_loss, real_iou = everywhere(logits, truth)
    torch.testing.assert_close(loss, real_loss, atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(iou, real_iou)
    (slope,) = torch.autograd.grad(loss.sum(), logits, retain_graph=True)
    (real_slope,) = torch.autograd.grad(real_loss.sum(), logits)
    assert float(nnf.cosine_similarity(slope.flatten(), real_slope.flatten(), 0)) > 0.999


def test_a_mask_far_from_the_object_costs():
    truth = squares(448, [(20, 20)])
    logits = guesses(truth, 1).detach()
    before, iou = mask_loss(logits, truth, 1.0)
    logits[0, 0, 90:100, 90:100] = 6  # 40 x 40 pixels where nothing is
    after, worse = mask_loss(logits, truth, 1.0)
    assert float(after - before) > 0.3
    assert float(worse) == pytest.approx(float(iou) / 2, abs=0.1)


def test_windows_of_features_hold_their_object():
    rng = np.random.default_rng(0)
    side, corners = 448, [(0, 0), (200, 190), (400, 400), (3, 300)]
    masks = squares(side, corners)[:, 0].numpy() > 0
    place = torch.arange(side * side).view(1, 1, side, side).float()
    maps = [place[:, :, ::s, ::s].clone() for s in (4, 8, 16)]
    batch = Batch(
        torch.zeros(1, 3, side, side), torch.tensor([[0, 0]]), torch.zeros(4, dtype=int), masks, {}
    )
    near, cut = closer(maps, batch, rng, 224)
    assert cut.masks.shape == (4, 224, 224)
    assert (cut.masks.sum((1, 2)) == 1600).all()
    for k, (x, y) in enumerate(cut.corner.tolist()):
        assert x % 16 == y % 16 == 0
        for values in near:
            assert values[k, 0, 0, 0] == y * side + x  # the map begins where the window does
        assert (cut.masks[k] == masks[k, y : y + 224, x : x + 224]).all()


@pytest.mark.parametrize("side", [384, 448])
def test_windows_fit_the_coarsest_stride(side):
    assert [window_side(side, part) % 32 for part in (1 / 3, 1 / 2, 2 / 3)] == [0, 0, 0]

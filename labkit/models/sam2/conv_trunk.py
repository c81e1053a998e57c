"""A small convolutional image trunk in place of SAM2's Hiera.

From scratch and with minutes of training it learns many times faster than a transformer does.
Named in ``labkit/demo/weights/sam2_nano.yaml`` by ``_target_``; the rest of that model is stock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as nnf

__all__ = ["ConvTrunk"]

_WAVES = ((0.5, 0), (0, 0.5), (1, 0), (0, 1), (1.5, 0), (0, 1.5), (1, 1), (1, -1))
"""Cycles per image, in x and y, that the position map starts from."""

_GRID = 16
"""Cells of the position map, each way."""


def _conv(inside: int, outside: int, stride: int = 1, *, act: bool = True) -> nn.Sequential:
    layers = [nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside)]
    return nn.Sequential(*layers, *([nn.SiLU(inplace=True)] if act else []))


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = _conv(channels, channels, act=False)
        norm = self.second[1]
        assert isinstance(norm, nn.BatchNorm2d)
        nn.init.constant_(norm.weight, 0.3)  # near the identity at the start

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nnf.silu(x + self.second(self.first(x)))


class ConvTrunk(nn.Module):
    """Residual stages with a top-down path, after U-Net; the contract of ``sam2``'s ``Hiera``.

    Parameters
    ----------
    embed_dim : int
        Channels of the finest map; each coarser one has twice as many.
    stages : sequence of int
        Residual blocks at the strides 4, 8, 16 and 32.

    Attributes
    ----------
    channel_list : list of int
        Channels of the maps, coarsest first, as ``FpnNeck`` wants them.
    """

    def __init__(self, embed_dim: int = 32, stages: Sequence[int] = (2, 2, 2, 1)) -> None:
        super().__init__()
        widths = [embed_dim * 2**k for k in range(4)]
        self.channel_list = widths[::-1]
        narrow = max(16, embed_dim // 2)
        self.stem = nn.Sequential(_conv(3, narrow, 2), _conv(narrow, embed_dim, 2))
        self.position = nn.Parameter(_waves(embed_dim))
        self.down = nn.ModuleList(
            [nn.Identity(), *(_conv(widths[k - 1], widths[k], 2) for k in (1, 2, 3))]
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(*(_Residual(width) for _ in range(count)))
            for width, count in zip(widths, stages, strict=True)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(widths[k + 1], widths[k], 1) for k in range(3))
        self.fuse = nn.ModuleList(
            [
                nn.Sequential(_conv(widths[0], widths[0]), _Residual(widths[0])),
                _conv(widths[1], widths[1]),
                _conv(widths[2], widths[2]),
            ]
        )

    def forward(self, x: torch.Tensor, position: torch.Tensor | None = None) -> list[torch.Tensor]:
        """Maps at the strides 4, 8, 16 and 32.

        Parameters
        ----------
        x : tensor
            Float ``(n, 3, h, w)``, both sides multiples of 32.
        position : tensor, optional
            Position map for windows of the image, ``(n, embed_dim, h / 4, w / 4)``; by default
            that of the whole image.
        """
        x = self.stem(x)
        x = x + (self.position_map(x.shape[-2:]) if position is None else position)
        maps = []
        for down, block in zip(self.down, self.blocks, strict=True):
            x = block(down(x))
            maps.append(x)
        for k in (2, 1, 0):
            above = nnf.interpolate(
                self.lateral[k](maps[k + 1]), scale_factor=2.0, mode="bilinear", align_corners=False
            )
            maps[k] = self.fuse[k](maps[k] + above)
        return maps

    def position_map(self, size: Sequence[int]) -> torch.Tensor:
        """The learned position map at a size, ``(1, embed_dim, *size)``."""
        return nnf.interpolate(
            self.position, size=tuple(size), mode="bilinear", align_corners=False
        )


def _waves(channels: int) -> torch.Tensor:
    """Low sines and cosines over the image, ``(1, channels, 16, 16)``."""
    place = (torch.arange(_GRID) + 0.5) / _GRID
    y, x = torch.meshgrid(place, place, indexing="ij")
    out = torch.zeros(1, channels, _GRID, _GRID)
    for k in range(channels):
        across, down = _WAVES[(k // 2) % len(_WAVES)]
        phase = 2 * math.pi * (across * x + down * y)
        out[0, k] = 0.3 * (phase.cos() if k % 2 else phase.sin())
    return out

"""Outlines, dashes and marks: the geometry of drawing, in pixels of the canvas."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from labkit.core.geometry import decode_mask, rotated_corners
from labkit.core.types import Rle, Shape

__all__ = ["dashes", "draw_mark", "polyline", "rings_of"]

Points = NDArray[np.floating[Any]]

_PATTERNS: dict[str, tuple[float, ...]] = {
    "dashed": (5, 3),
    "dotted": (1.2, 2),
    "dashdot": (9, 2.5, 1.5, 2.5),
}
"""On and off lengths, in line widths."""

_MOST_DASHES = 1000
"""A box that reaches far beyond its frame must not cost a million dashes."""


@lru_cache(maxsize=512)
def _contours(rle: Rle) -> tuple[Points, ...]:
    """Outlines of a mask, along the pixels' outer edges; remembered, as frames are drawn often."""
    from contourpy import contour_generator

    mask = decode_mask(rle)
    ys, xs = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(ys):
        return ()
    part = mask[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    tracer = contour_generator(z=np.pad(part, 1).astype(np.float32))
    # the centre of the first pixel, which lies at index 1 of the padded part, is at its 0.5 px
    shift = np.array([xs[0] - 0.5, ys[0] - 0.5])
    rings = [np.asarray(line) + shift for line in tracer.lines(0.5)]
    for ring in rings:
        ring.flags.writeable = False
    return tuple(ring for ring in rings if len(ring) > 2)


def rings_of(shape: Shape) -> list[Points]:
    """The closed outlines ``(n, 2)`` of a shape, in pixels of its frame; the finest there is."""
    if shape.mask is not None:
        return list(_contours(shape.mask))
    if shape.polygons is not None:
        return [np.asarray(ring, dtype=np.float64).reshape(-1, 2) for ring in shape.polygons]
    if shape.rotated is not None:
        return [rotated_corners(shape.rotated)]
    x1, y1, x2, y2 = shape.box
    return [np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], dtype=np.float64)]


def dashes(ring: Points, pattern: Sequence[float]) -> Iterator[Points]:
    """Cut a closed ring ``(n, 2)`` into the dashes of a pattern of on and off lengths (pixels).

    The pattern is stretched so that a whole number of periods goes round the ring.
    """
    closed = np.concatenate([ring, ring[:1]])
    steps = np.hypot(*np.diff(closed, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    total, period = along[-1], float(sum(pattern))
    if total <= 0 or period <= 0:
        return
    repeats = min(max(1, round(total / period)), _MOST_DASHES)
    stretch = total / (repeats * period)
    ends = np.cumsum(np.tile(np.asarray(pattern) * stretch, repeats))
    starts = np.concatenate([[0.0], ends[:-1]])
    for start, end in zip(starts[::2], ends[::2], strict=True):
        inner = along[(along > start) & (along < end)]
        at = np.concatenate([[start], inner, [end]])
        yield np.stack([np.interp(at, along, closed[:, k]) for k in (0, 1)], axis=1)


def polyline(
    draw: ImageDraw.ImageDraw,
    ring: Points,
    colour: tuple[int, ...],
    width: float,
    line: str = "solid",
    unit: float | None = None,
) -> None:
    """Draw a closed ring; ``unit`` is the width that the dashes' lengths are counted in."""
    whole = max(1, round(width))
    if line in _PATTERNS:
        pattern = [length * (unit or width) for length in _PATTERNS[line]]
        for dash in dashes(ring, pattern):
            draw.line([tuple(p) for p in dash], fill=colour, width=whole, joint="curve")
        return
    # starting in the middle of a side closes the ring without a notch at a corner
    middle = (ring[:1] + ring[-1:]) / 2
    points = np.concatenate([middle, ring, middle])
    draw.line([tuple(p) for p in points], fill=colour, width=whole, joint="curve")


def draw_mark(
    draw: ImageDraw.ImageDraw,
    mark: str,
    box: tuple[float, float, float, float],
    colour: tuple[int, ...],
    width: float,
) -> None:
    """Draw a state's sign into a square ``x1, y1, x2, y2``."""
    x1, y1, x2, y2 = box
    size = min(x2 - x1, y2 - y1)

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x1 + u * size, y1 + v * size) for u, v in points]

    whole = max(1, round(width))
    if mark == "check":
        draw.line(at((0.05, 0.55), (0.38, 0.88), (0.95, 0.15)), colour, whole, joint="curve")
    elif mark == "cross":
        draw.line(at((0.1, 0.1), (0.9, 0.9)), colour, whole)
        draw.line(at((0.9, 0.1), (0.1, 0.9)), colour, whole)
    elif mark == "plus":
        draw.line(at((0.5, 0.02), (0.5, 0.98)), colour, whole)
        draw.line(at((0.02, 0.5), (0.98, 0.5)), colour, whole)
    elif mark == "pencil":
        draw.polygon(at((0.28, 0.52), (0.72, 0.08), (0.94, 0.3), (0.5, 0.74)), colour)
        draw.polygon(at((0.2, 0.6), (0.42, 0.82), (0.05, 0.97)), colour)
    else:
        inset = math.ceil(whole / 2)
        outer = (x1 + inset, y1 + inset, x1 + size - inset, y1 + size - inset)
        draw.ellipse(outer, outline=colour, width=whole)

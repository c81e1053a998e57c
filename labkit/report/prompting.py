"""Draw what a person pointed at, and the mask that an interactor answered with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from labkit.core.geometry import shape_from_mask
from labkit.core.prompts import MaskProposal, Prompts
from labkit.report.drawing import draw_objects
from labkit.report.palette import INK, OKABE_ITO, STATES
from labkit.report.strokes import polyline, rings_of

__all__ = ["draw_answer", "draw_prompts"]

_OVER = 3
_FILL = 110
_COLOURS = {True: OKABE_ITO["green"], False: OKABE_ITO["vermillion"]}


Box = tuple[float, float, float, float]


def draw_prompts(
    image: Image.Image | NDArray[np.uint8], prompts: Prompts, *, around: Box | None = None
) -> Image.Image:
    """A copy of a frame with what was pointed at.

    Positive clicks are green discs with a plus, negative ones red discs with a minus, strokes
    lines of these colours, the box dashed. An earlier mask that is among the prompts is not drawn.

    Parameters
    ----------
    image : PIL image or (height, width, 3) uint8 array
        The frame, upright and of its own size.
    prompts : Prompts
    around : (x1, y1, x2, y2), optional
        Show only what lies around this box, enlarged.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, of the size and proportions of ``image``.
    """
    base = draw_objects(image, ())
    if around is not None:
        view = _view(around, base.size)
        base, prompts = _enlarged(base, view), _seen(prompts, view, base.size)
    return _prompts_on(base, prompts)


def _prompts_on(base: Image.Image, prompts: Prompts) -> Image.Image:
    overlay, draw = _canvas(base)
    line = max(1.6, 0.0035 * max(base.size)) * _OVER
    if prompts.box is not None:
        x1, y1, x2, y2 = np.asarray(prompts.box) * _OVER
        ring = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
        polyline(draw, ring, (*INK, 170), 1.9 * line)
        polyline(draw, ring, OKABE_ITO["yellow"], line, "dashed")
    for stroke in prompts.strokes:
        points = [(x * _OVER, y * _OVER) for x, y in stroke.points]
        width = max(1, round(stroke.width * _OVER))
        draw.line(points, (*_COLOURS[stroke.positive], 200), width, joint="curve")
    for (x, y), label in zip(prompts.points, prompts.labels, strict=True):
        _click(draw, x * _OVER, y * _OVER, 3.2 * line, bool(label))
    return _onto(base, overlay)


def draw_answer(
    image: Image.Image | NDArray[np.uint8], answer: MaskProposal, *, around: Box | None = None
) -> Image.Image:
    """A copy of a frame with an interactor's mask and, over it, the prompts that made it.

    Parameters
    ----------
    image : PIL image or (height, width, 3) uint8 array
        The frame, upright and of its own size.
    answer : MaskProposal
        With an empty mask only the prompts are drawn.
    around : (x1, y1, x2, y2), optional
        Show only what lies around this box, enlarged.
    """
    base = draw_objects(image, ())
    mask, prompts = answer.mask, answer.prompts
    if around is not None:
        view = _view(around, base.size)
        pixels = _enlarged(Image.fromarray(mask.astype(np.uint8) * 255), view)
        mask = np.asarray(pixels) > 127
        base, prompts = _enlarged(base, view), _seen(prompts, view, base.size)
    if mask.any():
        overlay, draw = _canvas(base)
        colour = STATES["added"].colour
        pixels = Image.fromarray(mask.astype(np.uint8) * 255)
        draw.bitmap(
            (0, 0),
            pixels.resize(overlay.size, Image.Resampling.NEAREST),
            fill=(*colour, _FILL),
        )
        line = max(1.4, 0.0025 * max(base.size)) * _OVER
        rings = [ring * _OVER for ring in rings_of(shape_from_mask(mask))]
        for width, ink in ((2.2 * line, (*INK, 170)), (line, colour)):
            for ring in rings:
                polyline(draw, ring, ink, width)
        base = _onto(base, overlay)
    return _prompts_on(base, prompts)


def _view(around: Box, size: tuple[int, int]) -> Box:
    """A part of a frame with a box in its middle, of the frame's proportions."""
    width, height = size
    x1, y1, x2, y2 = around
    share = min(1.0, 1.7 * max((x2 - x1) / width, (y2 - y1) / height, 0.05))
    w, h = share * width, share * height
    left = min(max(0.0, (x1 + x2 - w) / 2), width - w)
    top = min(max(0.0, (y1 + y2 - h) / 2), height - h)
    return left, top, left + w, top + h


def _enlarged(image: Image.Image, view: Box) -> Image.Image:
    return image.resize(image.size, Image.Resampling.BICUBIC, box=view)


def _seen(prompts: Prompts, view: Box, size: tuple[int, int]) -> Prompts:
    """The prompts in pixels of the enlarged part, whose size is that of the frame."""
    ratio = size[0] / (view[2] - view[0])

    def moved(point: tuple[float, float]) -> tuple[float, float]:
        return (point[0] - view[0]) * ratio, (point[1] - view[1]) * ratio

    box = prompts.box
    return Prompts(
        tuple(map(moved, prompts.points)),
        prompts.labels,
        None if box is None else (*moved(box[:2]), *moved(box[2:])),
        strokes=tuple(
            replace(s, points=tuple(map(moved, s.points)), width=s.width * ratio)
            for s in prompts.strokes
        ),
    )


def _click(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, positive: bool) -> None:
    for r, colour in ((1.35, INK), (1.2, (255, 255, 255)), (1.0, _COLOURS[positive])):
        r *= radius
        draw.ellipse((x - r, y - r, x + r, y + r), colour)
    arm, width = 0.55 * radius, max(1, round(0.3 * radius))
    draw.line((x - arm, y, x + arm, y), (255, 255, 255), width)
    if positive:
        draw.line((x, y - arm, x, y + arm), (255, 255, 255), width)


def _canvas(base: Image.Image) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    overlay = Image.new("RGBA", (base.width * _OVER, base.height * _OVER), (0, 0, 0, 0))
    return overlay, ImageDraw.Draw(overlay)


def _onto(base: Image.Image, overlay: Image.Image) -> Image.Image:
    small = overlay.reduce(_OVER)
    base.paste(small.convert("RGB"), (0, 0), small.getchannel("A"))
    return base

"""Draw objects on a frame: outlines, masks, keypoints and tags, by Pillow only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask
from labkit.core.skeleton import Limbs, Skeleton, limbs_of
from labkit.core.types import AnnotatedObject, Proposal, Shape, State
from labkit.report.fonts import clean, font_for, shorten
from labkit.report.palette import INK, STATES, StateStyle, ink_on
from labkit.report.strokes import Points, draw_mark, polyline, rings_of

__all__ = ["caption", "draw_objects"]

_CASING = (*INK, 150)
_FILL_ALPHA = 56
_MOST_TAGS = 0.08
"""Share of the picture that tags may cover before those wider than their object lose their text."""


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One object, ready to draw: everything in pixels of the canvas."""

    style: StateStyle
    shape: Shape
    rings: list[Points]
    box: tuple[float, float, float, float]
    keypoints: NDArray[np.float64]
    limbs: Limbs
    text: str


def caption(obj: AnnotatedObject | Proposal) -> str:
    """What a tag says: label, track and score, on one printable line."""
    track = "" if obj.track_id is None else f" #{obj.track_id}"
    score = "" if obj.score is None else f" {obj.score:.2f}"
    return clean(obj.label) + track + score


def draw_objects(
    image: Image.Image | NDArray[np.uint8],
    objects: Iterable[AnnotatedObject | Proposal],
    *,
    frame_size: tuple[int, int] | None = None,
    tags: bool = True,
    skeletons: Mapping[str, Skeleton] | None = None,
) -> Image.Image:
    """A copy of a frame with its objects drawn on it.

    The state of an object shows in colour, in line style and in the mark of its tag: proposed
    dashed with a circle, accepted solid with a check, edited double with a pencil, rejected dotted
    and crossed out, added dash-dotted with a plus. Line and text sizes follow the image's size.

    Parameters
    ----------
    image : PIL image or (height, width, 3) uint8 array
        The frame, or a reduced picture of it.
    objects : iterable of AnnotatedObject or Proposal
        Proposals are drawn as proposed. Parts beyond the frame are cut off.
    frame_size : (int, int), optional
        Width and height of the frame that the objects' pixels refer to; by default the image's.
    tags : bool, default True
        Whether labels and scores are written; the marks are drawn either way. A text that would
        cover another one is left out, and only its mark is drawn.
    skeletons : mapping, optional
        Label → the limbs between its keypoints: a project's ``skeletons``.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, of the size of ``image``.
    """
    base = _as_rgb(image)
    over = 4 if max(base.size) <= 480 else 2 if max(base.size) <= 4096 else 1
    width, height = frame_size or base.size
    scale = np.array([base.width / width, base.height / height]) * over
    drawn = [_prepare(obj, scale, (skeletons or {}).get(obj.label)) for obj in objects]
    if not drawn:
        return base
    overlay = Image.new("RGBA", (base.width * over, base.height * over), (0, 0, 0, 0))
    draw = ImageDraw.Draw(overlay)
    line = max(1.6, 0.9 + 0.0018 * max(base.size)) * over
    # layer by layer, so that no object's casing cuts another one's line
    for one in drawn:
        _fill(draw, one, overlay.size)
    for one in drawn:
        _stroke(draw, one, line, casing=True)
    for one in drawn:
        _stroke(draw, one, line, casing=False)
        _keypoints(draw, one, line)
    _tags(draw, drawn, over, overlay.size, tags)
    base.paste(*_flatten(overlay, over))
    return base


def _flatten(overlay: Image.Image, over: int) -> tuple[Image.Image, tuple[int, int], Image.Image]:
    small = overlay.reduce(over) if over > 1 else overlay
    return small.convert("RGB"), (0, 0), small.getchannel("A")


def _as_rgb(image: Image.Image | NDArray[np.uint8]) -> Image.Image:
    if isinstance(image, Image.Image):
        return image.copy() if image.mode == "RGB" else image.convert("RGB")
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise InputError(
            "This picture cannot be drawn on",
            f"it is {array.dtype} of shape {array.shape}",
            "give uint8 RGB of shape (height, width, 3)",
        )
    return Image.fromarray(array)


def _prepare(
    obj: AnnotatedObject | Proposal, scale: NDArray[np.float64], skeleton: Skeleton | None
) -> _Drawn:
    shape: Shape = obj.shape
    state = cast(State, getattr(obj, "state", "proposed"))
    box = np.asarray(shape.box, dtype=np.float64) * np.tile(scale, 2)
    points = np.array(shape.keypoints or np.zeros((0, 3)), dtype=np.float64).reshape(-1, 3)
    points[:, :2] *= scale
    return _Drawn(
        style=STATES[state],
        shape=shape,
        rings=[ring * scale for ring in rings_of(shape)],
        box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        keypoints=points,
        limbs=limbs_of(skeleton, len(points)),
        text=caption(obj),
    )


def _fill(draw: ImageDraw.ImageDraw, one: _Drawn, canvas: tuple[int, int]) -> None:
    if one.style.mark == "cross":
        return  # what was removed keeps its picture clear
    colour = (*one.style.colour, _FILL_ALPHA)
    if one.shape.mask is not None:
        pixels = Image.fromarray(decode_mask(one.shape.mask).astype(np.uint8) * 255)
        draw.bitmap((0, 0), pixels.resize(canvas, Image.Resampling.NEAREST), fill=colour)
    elif one.shape.polygons is not None:
        for ring in one.rings:
            draw.polygon([tuple(p) for p in ring], fill=colour)


def _stroke(draw: ImageDraw.ImageDraw, one: _Drawn, line: float, *, casing: bool) -> None:
    style = one.style
    double = style.line == "double"
    for ring in one.rings:
        if casing:
            polyline(draw, ring, _CASING, line * (3.6 if double else 2.0))
        elif double:
            polyline(draw, ring, style.colour, line * 2.6)
            polyline(draw, ring, (*INK, 255), line * 0.9)
        else:
            polyline(draw, ring, style.colour, line, style.line)
    if style.mark == "cross":
        x1, y1, x2, y2 = one.box
        colour = _CASING if casing else style.colour
        for ends in ((x1, y1, x2, y2), (x2, y1, x1, y2)):
            draw.line(ends, fill=colour, width=max(1, round(line * (1.6 if casing else 0.8))))


def _keypoints(draw: ImageDraw.ImageDraw, one: _Drawn, line: float) -> None:
    points, colour = one.keypoints, one.style.colour
    for a, b in one.limbs:
        if points[a, 2] > 0 and points[b, 2] > 0:
            ends = [tuple(points[a, :2]), tuple(points[b, :2])]
            draw.line(ends, fill=colour, width=max(1, round(line * 0.7)))
    radius = line * 1.8
    for x, y, seen in points:
        if seen > 0:
            dot = (x - radius, y - radius, x + radius, y + radius)
            # a hollow point is one that the model is less than half sure of
            fill = colour if seen >= 0.5 else (255, 255, 255)
            draw.ellipse(dot, fill=fill, outline=INK, width=max(1, round(line * 0.5)))


def _tags(
    draw: ImageDraw.ImageDraw,
    drawn: Sequence[_Drawn],
    over: int,
    canvas: tuple[int, int],
    texts: bool,
) -> None:
    size = max(10.5, 6.7 + 0.012 * max(canvas) / over) * over
    pad, height, mark = 0.32 * size, 1.4 * size, 0.78 * size
    fonts = [font_for(one.text, size) for one in drawn]
    words = [shorten(d.text, f, 0.6 * canvas[0]) for d, f in zip(drawn, fonts, strict=True)]
    widths = [2 * pad + mark + f.getlength(w) + pad for w, f in zip(words, fonts, strict=True)]
    crowded = sum(widths) * height > _MOST_TAGS * canvas[0] * canvas[1]
    taken: list[tuple[float, float, float, float]] = []
    # small objects first: a large one has more places where its tag can go
    for k in sorted(range(len(drawn)), key=lambda k: _area(drawn[k].box)):
        one = drawn[k]
        wider = widths[k] > one.box[2] - one.box[0]
        text = words[k] if texts and not (crowded and wider) else ""
        place = _place(one.box, widths[k], height, canvas, taken) if text else None
        if place is None:
            text, short = "", 2 * pad + mark
            place = _place(one.box, short, height, canvas, taken)
            place = place or _corners(one.box, short, height, canvas)[0]
        taken.append(place)
        x1, y1, _, y2 = place
        ink, outline = ink_on(one.style.colour), max(1, round(size * 0.07))
        draw.rounded_rectangle(place, size * 0.25, one.style.colour, (*INK, 255), outline)
        top = y1 + (height - mark) / 2
        sign = (x1 + pad, top, x1 + pad + mark, top + mark)
        draw_mark(draw, one.style.mark, sign, ink, size * 0.15)
        if text:
            at = (x1 + 2 * pad + mark, (y1 + y2) / 2)
            draw.text(at, text, ink, fonts[k], anchor="lm")


def _area(box: Sequence[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _corners(
    box: Sequence[float], width: float, height: float, canvas: tuple[int, int]
) -> list[tuple[float, float, float, float]]:
    """Places for a tag at a box's corners, the best first, each moved onto the canvas."""
    x1, y1, x2, y2 = box
    corners = [(x1, y1 - height), (x1, y1), (x2 - width, y1 - height), (x2 - width, y1)]
    corners += [(x1, y2), (x1, y2 - height), (x2 - width, y2), (x2 - width, y2 - height)]
    places = []
    for x, y in corners:
        left = min(max(0.0, x), max(0.0, canvas[0] - width))
        top = min(max(0.0, y), max(0.0, canvas[1] - height))
        places.append((left, top, left + width, top + height))
    return places


def _place(
    box: Sequence[float],
    width: float,
    height: float,
    canvas: tuple[int, int],
    taken: Sequence[tuple[float, float, float, float]],
) -> tuple[float, float, float, float] | None:
    """The first place for a tag where none is yet."""
    for a in _corners(box, width, height, canvas):
        if not any(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for b in taken):
            return a
    return None

"""Objects on an ipycanvas, as ``extensions/labkit-stage/src/paint.ts`` paints them on the glass.

Both have to give the same picture, or it jumps when the glass lets go. Colours, lines, marks and
the font come from :mod:`labkit.widgets.looks`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from ipycanvas import canvas as ipycanvas_canvas
from numpy.typing import NDArray

from labkit.core.skeleton import Skeleton, limbs_of
from labkit.core.types import AnnotatedObject
from labkit.report.strokes import rings_of
from labkit.widgets.looks import FONT, LOOKS, MANY, ORDER, Look
from labkit.widgets.messages import ViewRequest

__all__ = ["Transform", "held", "paint_frame", "paint_mark", "paint_objects"]

INK = "#1b1f24"
_TURN = threading.RLock()


@contextmanager
def held() -> Iterator[None]:
    """Collect drawing commands and send them at once; an exception drops them.

    ipycanvas's own ``hold_canvas`` has no ``finally``: after an exception in it nothing is drawn
    any more. Each batch starts by naming its canvas, because a page that was loaded again does
    not know which one was drawn on last. All canvases of a kernel share one manager, and each
    bench paints on a thread of its own: they take turns.
    """
    manager = ipycanvas_canvas._CANVAS_MANAGER
    with _TURN:
        caching = manager._caching
        manager._caching, manager._current_canvas = True, None
        try:
            yield
            manager.flush()
        finally:
            manager._commands_cache, manager._buffers_cache = [], []
            manager._caching = caching


@dataclass(frozen=True, slots=True)
class Transform:
    """From pixels of the frame to CSS pixels of the stage: ``p * k + (tx, ty)``."""

    k: float
    tx: float
    ty: float

    @classmethod
    def of(cls, request: ViewRequest) -> Transform:
        """The transform of a view."""
        return cls(float(request["k"]), float(request["tx"]), float(request["ty"]))

    def points(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Points ``(n, 2)`` on the stage."""
        out: NDArray[np.float64] = np.asarray(points, dtype=np.float64) * self.k
        out += np.array([self.tx, self.ty])
        return out

    def box(self, box: Sequence[float]) -> tuple[float, float, float, float]:
        """A box as x, y, width, height on the stage."""
        x1, y1, x2, y2 = box
        return (
            x1 * self.k + self.tx,
            y1 * self.k + self.ty,
            (x2 - x1) * self.k,
            (y2 - y1) * self.k,
        )


def paint_frame(canvas: Any, picture: Any, size: tuple[int, int], request: ViewRequest) -> None:
    """The ground and the frame's picture."""
    at = Transform.of(request)
    _start(canvas, request)
    canvas.fill_style = request["ground"] or INK
    canvas.fill_rect(0, 0, request["width"], request["height"])
    if picture is not None:
        canvas.image_smoothing_enabled = at.k < 3
        canvas.draw_image(picture, at.tx, at.ty, size[0] * at.k, size[1] * at.k)


def paint_objects(
    canvas: Any,
    objects: Sequence[AnnotatedObject],
    request: ViewRequest,
    skeletons: Mapping[str, Skeleton],
    followed_by: Mapping[int, str],
) -> None:
    """All objects: fills, casings, outlines by state, keypoints, tags.

    Parameters
    ----------
    canvas : Canvas
    objects : sequence of AnnotatedObject
    request : ViewRequest
        What is seen of the frame.
    skeletons : mapping
        Label → the limbs between its keypoints.
    followed_by : mapping
        Track that is followed → its tracker's name, which the tag shows.
    """
    at = Transform.of(request)
    _start(canvas, request)
    canvas.line_join = "round"
    for o in objects:
        if o.state != "rejected" and (o.shape.mask or o.shape.polygons):
            canvas.global_alpha, canvas.fill_style = 0.2, LOOKS[o.state].color
            for ring in rings_of(o.shape):
                canvas.fill_polygon(at.points(ring))
    canvas.global_alpha = 1
    canvas.stroke_style = "rgba(0, 0, 0, 0.55)"
    for double, width in ((False, 4), (True, 5.5)):
        canvas.line_width = width
        _outlines(canvas, [o for o in objects if LOOKS[o.state].double is double], at)
    for state in ORDER:
        ours = [o for o in objects if o.state == state]
        _paint_state(canvas, ours, LOOKS[state], at, skeletons)
    _tags(canvas, objects, at, followed_by)


def paint_mark(canvas: Any, mark: int) -> None:
    """The pixel from which the glass reads that all before it has been painted."""
    canvas.reset_transform()
    canvas.global_alpha = 1
    canvas.fill_style = f"#{mark:06x}"
    canvas.fill_rect(0, 0, 1, 1)


def _start(canvas: Any, request: ViewRequest) -> None:
    ratio = request["ratio"]
    canvas.reset_transform()
    canvas.clear()
    canvas.set_transform(ratio, 0, 0, ratio, 0, 0)
    canvas.global_alpha = 1


def _is_box(o: AnnotatedObject) -> bool:
    shape = o.shape
    return shape.mask is None and shape.polygons is None and shape.rotated is None


def _outlines(canvas: Any, objects: Sequence[AnnotatedObject], at: Transform) -> None:
    boxes = np.array([at.box(o.shape.box) for o in objects if _is_box(o)])
    if len(boxes):
        canvas.stroke_rects(*boxes.T)
    for o in objects:
        if not _is_box(o):
            for ring in rings_of(o.shape):
                canvas.stroke_polygon(at.points(ring))


def _paint_state(
    canvas: Any,
    objects: Sequence[AnnotatedObject],
    look: Look,
    at: Transform,
    skeletons: Mapping[str, Skeleton],
) -> None:
    if not objects:
        return
    canvas.stroke_style, canvas.line_width = look.color, 4.5 if look.double else 2
    canvas.set_line_dash(look.dash)
    _outlines(canvas, objects, at)
    canvas.set_line_dash([])
    if look.double:
        canvas.stroke_style, canvas.line_width = INK, 1.5
        _outlines(canvas, objects, at)
    for o in objects:
        if o.state == "rejected":
            x, y, w, h = at.box(o.shape.box)
            canvas.stroke_style, canvas.line_width = look.color, 1.25
            canvas.stroke_line(x, y, x + w, y + h)
            canvas.stroke_line(x + w, y, x, y + h)
        _keypoints(canvas, o, look, at, skeletons.get(o.label))


def _keypoints(
    canvas: Any, o: AnnotatedObject, look: Look, at: Transform, skeleton: Skeleton | None
) -> None:
    points = o.shape.keypoints or ()
    if not points:
        return
    on = at.points(np.array([p[:2] for p in points]))
    canvas.stroke_style, canvas.line_width = look.color, 1.5
    for a, b in limbs_of(skeleton, len(points)):
        if points[a][2] > 0 and points[b][2] > 0:
            canvas.stroke_line(*on[a], *on[b])
    for (x, y), (_, _, v) in zip(on, points, strict=True):
        if v > 0:
            canvas.fill_style = look.color if v >= 0.5 else "#ffffff"
            canvas.fill_circle(x, y, 4)
            canvas.stroke_style, canvas.line_width = INK, 1
            canvas.stroke_circle(x, y, 4)


def _caption(o: AnnotatedObject, followed_by: Mapping[int, str]) -> str:
    track = "" if o.track_id is None else f" #{o.track_id}"
    by = "" if o.track_id is None else followed_by.get(o.track_id, "")
    score = "" if o.score is None else f" {o.score:.2f}"
    return f"{o.label}{track}{score}" + (f" \u25b8 {by}" if by else "")


def _tags(
    canvas: Any, objects: Sequence[AnnotatedObject], at: Transform, followed_by: Mapping[int, str]
) -> None:
    canvas.font, canvas.text_baseline = FONT, "alphabetic"
    canvas.line_width, canvas.stroke_style = 3, "rgba(0, 0, 0, 0.85)"
    many = len(objects) > MANY
    for o in objects:
        x, y, width, _ = at.box(o.shape.box)
        if many and width < 40:
            continue
        x, y = x + 1, y + 14 if y < 16 else y - 5
        look = LOOKS[o.state]
        canvas.stroke_text(look.mark, x, y)
        canvas.fill_style = look.color
        canvas.fill_text(look.mark, x, y)
        caption = _caption(o, followed_by)
        canvas.stroke_text(caption, x + 14, y)
        canvas.fill_style = "#ffffff"
        canvas.fill_text(caption, x + 14, y)

"""The live wire: a line that follows edges from anchor to anchor (Mortensen & Barrett, 1995)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.rings import Ring
from labkit.models.contours import mask_polygons
from labkit.models.detectors.base import Image

__all__ = ["THRESHOLD", "ClosedWire", "LiveWire"]

THRESHOLD = 64.0
"""Pixels around the last anchor in which the wire follows the cursor."""

_CANNY = (32.0, 100.0)
"""Hysteresis thresholds of the edges, 0..255; CVAT's choice for the same tool."""

Path = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ClosedWire:
    """A finished outline.

    Attributes
    ----------
    mask : ndarray of bool, (height, width)
    polygons : tuple of Ring
        Outer rings of the mask, largest first, thinned by half a pixel.
    """

    mask: NDArray[np.bool_]
    polygons: tuple[Ring, ...]


@dataclass(slots=True)
class _Map:
    """OpenCV's cheapest paths from one pixel to all others of a window ``x1, y1, x2, y2``."""

    scissors: Any
    window: tuple[int, int, int, int]

    def holds(self, x: int, y: int) -> bool:
        x1, y1, x2, y2 = self.window
        return x1 <= x < x2 and y1 <= y < y2

    def path(self, x: int, y: int) -> NDArray[np.int64]:
        """Pixels from the source to here, both included, ``(n, 2)``."""
        corner = np.array(self.window[:2])
        path = self.scissors.getContour((int(x - corner[0]), int(y - corner[1])))
        # (n, 1, 2) in OpenCV 4, (n, 2) in 5
        return np.asarray(np.reshape(path, (-1, 2)) + corner, dtype=np.int64)


class LiveWire:
    """Outline an object by anchors on its rim; between them the wire finds the edge.

    Parameters
    ----------
    image : ndarray of uint8, (height, width, 3)
        RGB. It is kept, and never changed.
    threshold : float
        The threshold of action, pixels from 8: half the side of the square around the last anchor
        in which the wire follows the cursor. Paths are searched only in that square, so that the
        work grows with its area. A cursor further away leaves the wire where it was. It can be
        changed at any time.

    Notes
    -----
    CVAT draws the same square around the cursor; the wire follows while the last anchor is in it.
    An anchor may be set outside of it, by a script or a second click: the square is widened once.
    """

    def __init__(self, image: Image, threshold: float = THRESHOLD) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise InputError(
                "This image cannot be used",
                f"it is {image.dtype} of shape {image.shape}, not uint8 (height, width, 3)",
            )
        self._image = image
        self._pixels: list[tuple[int, int]] = []
        self._legs: list[NDArray[np.int64]] = []
        self._held: tuple[int, int] | None = None
        self._map: _Map | None = None
        self.threshold = threshold

    @property
    def threshold(self) -> float:
        """The threshold of action, pixels."""
        return self._threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        if not np.isfinite(value) or value < 8:
            raise InputError(f"The threshold {value!r} cannot be used", "it is 8 pixels or more")
        self._threshold = float(value)
        self._map = None

    @property
    def anchors(self) -> list[tuple[float, float]]:
        """Centres of the pixels where anchors are set, in order."""
        return [(x + 0.5, y + 0.5) for x, y in self._pixels]

    @property
    def path(self) -> Path:
        """The wire from the first anchor to the last, ``(n, 2)``; empty without anchors."""
        return _centres(np.concatenate([self._start(), *(leg[1:] for leg in self._legs)]))

    def add_anchor(self, x: float, y: float) -> Path:
        """Set an anchor; the wire from the anchor before it, ``(n, 2)``, stays.

        Raises
        ------
        InputError
            The point is not on the image, or the last anchor is the same pixel.
        """
        pixel = self._pixel(x, y)
        if not self._pixels:
            self._pixels.append(pixel)
            return _centres(self._start())
        if pixel == self._pixels[-1]:
            raise InputError("This anchor cannot be set", "the last one is at the same place")
        leg = self._leg(self._pixels[-1], pixel)
        self._pixels.append(pixel)
        self._legs.append(leg)
        self._map = self._held = None
        return _centres(leg)

    def preview(self, x: float, y: float) -> Path:
        """The wire from the last anchor to the cursor, ``(n, 2)``; empty without anchors.

        The anchor that a click sets here gets this very wire. Beyond the threshold of action, and
        outside of the image, it is the wire as it was before.
        """
        if not self._pixels:
            return _centres(self._start())
        last = self._pixels[-1]
        height, width = self._image.shape[:2]
        if np.isfinite([x, y]).all() and 0 <= x <= width and 0 <= y <= height:
            pixel = self._pixel(x, y)
            if self._window(last, last, self._threshold).holds(*pixel):
                self._held = pixel
        return _centres(self._leg(last, self._held or last))

    def undo(self) -> bool:
        """Remove the last anchor and the wire to it; False if there is none."""
        if not self._pixels:
            return False
        self._pixels.pop()
        if self._legs:
            self._legs.pop()
        self._map = self._held = None
        return True

    def closes(self, x: float, y: float, reach: float = 8.0) -> bool:
        """Whether a click here means the first anchor: within ``reach`` pixels of it, of three."""
        if len(self._pixels) < 3:
            return False
        first = self.anchors[0]
        return bool(np.hypot(x - first[0], y - first[1]) <= reach)

    def close(self) -> ClosedWire:
        """Draw the wire from the last anchor to the first, and fill what it encloses.

        Raises
        ------
        InputError
            Fewer than three anchors.
        """
        import cv2

        if len(self._pixels) < 3:
            raise InputError(
                "This outline cannot be closed",
                f"it has {len(self._pixels)} anchors, and needs three",
            )
        legs = [*self._legs, self._leg(self._pixels[-1], self._pixels[0])]
        ring = np.concatenate([leg[:-1] for leg in legs]).astype(np.int32)
        filled = np.zeros(self._image.shape[:2], dtype=np.uint8)
        cv2.fillPoly(filled, [ring], 1)
        mask = filled.astype(bool)
        return ClosedWire(mask, mask_polygons(mask).polygons)

    def _start(self) -> NDArray[np.int64]:
        return np.array(self._pixels[:1], dtype=np.int64).reshape(-1, 2)

    def _pixel(self, x: float, y: float) -> tuple[int, int]:
        """The pixel of a point; the far edges belong to the last ones."""
        height, width = self._image.shape[:2]
        if not (np.isfinite([x, y]).all() and 0 <= x <= width and 0 <= y <= height):
            raise InputError(
                "This anchor cannot be set",
                f"({x:g}, {y:g}) is not on the image of {width} x {height}",
            )
        return min(int(x), width - 1), min(int(y), height - 1)

    def _leg(self, source: tuple[int, int], target: tuple[int, int]) -> NDArray[np.int64]:
        if self._map is None:
            self._map = self._window(source, source, self._threshold)
        paths = self._map
        if source != self._pixels[-1] or not paths.holds(*target):
            paths = self._window(source, target, self._threshold)
        if paths.scissors is None:
            self._build(paths, source)
        return paths.path(*target)

    def _window(self, a: tuple[int, int], b: tuple[int, int], reach: float) -> _Map:
        """The square around ``a``, widened to take in ``b`` and some room around it."""
        height, width = self._image.shape[:2]
        far, room = int(np.ceil(reach)), 0 if a == b else 16
        x1, y1 = min(a[0] - far, b[0] - room), min(a[1] - far, b[1] - room)
        x2, y2 = max(a[0] + far, b[0] + room) + 1, max(a[1] + far, b[1] + room) + 1
        return _Map(None, (max(0, x1), max(0, y1), min(width, x2), min(height, y2)))

    def _build(self, paths: _Map, source: tuple[int, int]) -> None:
        import cv2

        x1, y1, x2, y2 = paths.window
        scissors = cv2.segmentation.IntelligentScissorsMB()
        scissors.setEdgeFeatureCannyParameters(*_CANNY)
        # OpenCV works on BGR
        scissors.applyImage(np.ascontiguousarray(self._image[y1:y2, x1:x2, ::-1]))
        scissors.buildMap((source[0] - x1, source[1] - y1))
        paths.scissors = scissors


def _centres(pixels: NDArray[np.int64]) -> Path:
    """Pixels to the points in their middle."""
    return np.asarray(pixels + 0.5, dtype=np.float64)

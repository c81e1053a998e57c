"""Trackers that follow each object by itself, from the last frame on which it is known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from labkit.core.errors import InputError
from labkit.core.geometry import shape_from_mask
from labkit.core.tracks import Keyframe, Tracked
from labkit.core.types import Shape
from labkit.models.detectors.base import Image

__all__ = ["EachSession", "Known", "start_shape"]

S = TypeVar("S")


class Known(Generic[S]):
    """What is known about objects, by position, in a pass in one direction.

    A later position waits until the pass reaches it; of the earlier ones, the last one counts.
    """

    def __init__(self, *, backward: bool) -> None:
        self._sign = -1 if backward else 1
        self._states: dict[int, dict[int, S]] = {}

    def put(self, position: int, track_id: int, state: S) -> None:
        """Note an object's state at a position."""
        self._states.setdefault(track_id, {})[position] = state

    def at(self, position: int) -> dict[int, tuple[int, S]]:
        """Each object's last known position up to this one, and its state; drops older ones."""
        out: dict[int, tuple[int, S]] = {}
        for track_id, states in self._states.items():
            behind = [p for p in states if p * self._sign <= position * self._sign]
            if behind:
                last = max(behind, key=lambda p: p * self._sign)
                out[track_id] = (last, states[last])
                for old in behind:
                    if old != last:
                        del states[old]
        return out

    def drop(self, track_id: int) -> None:
        """Forget an object."""
        self._states.pop(track_id, None)

    def clear(self) -> None:
        """Forget all of them."""
        self._states.clear()


def start_shape(keyframe: Keyframe, name: str, width: int, height: int) -> Shape | None:
    """The shape that a keyframe starts from; None where the object is outside.

    Raises
    ------
    InputError
        It has only clicks, a mask of another size, or a shape that is not finite or outside the
        frame.
    """
    shape, prompts = keyframe.shape, keyframe.prompts
    if keyframe.outside:
        return None
    if prompts is not None and prompts.box is not None:
        shape = Shape(prompts.box)
    elif prompts is not None and prompts.mask is not None:
        shape = shape_from_mask(prompts.mask)
    what = f"The keyframe of track {keyframe.track_id} cannot be used"
    if shape is None:
        raise InputError(
            what, f"the tracker {name!r} cannot start from clicks", "give it a box or a mask"
        )
    mask = shape.mask
    if mask is not None and (mask.width, mask.height) != (width, height):
        raise InputError(
            what, f"its mask is {mask.width} x {mask.height}, the frame {width} x {height}"
        )
    numbers = [v for ring in shape.polygons or () for v in ring] + list(shape.rotated or ())
    if not np.isfinite(numbers).all():
        raise InputError(what, "its polygon is not finite")
    x1, y1, x2, y2 = shape.box
    if x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
        raise InputError(what, f"its box is outside of the frame of {width} x {height}")
    return shape


class EachSession(ABC, Generic[S]):
    """A session that holds one state for each object, see :class:`TrackSession`.

    An object that was lost stays lost until a keyframe shows it again.

    Parameters
    ----------
    name : str
        The tracker's, for messages.
    width, height : int
        Of the frames.
    backward : bool
        Whether positions fall.
    """

    def __init__(self, name: str, width: int, height: int, *, backward: bool = False) -> None:
        self.name, self.width, self.height = name, width, height
        self._known: Known[S | None] = Known(backward=backward)

    def prompt(self, position: int, image: Image, keyframes: Sequence[Keyframe]) -> list[Tracked]:
        """Start from keyframes; their shapes are the answer."""
        self._check(image)
        shapes = [start_shape(k, self.name, self.width, self.height) for k in keyframes]
        pixels = self.look(image)
        for keyframe, shape in zip(keyframes, shapes, strict=True):
            self._put(position, keyframe.track_id, pixels, shape)
        return [Tracked(k.track_id, s, 1.0) for k, s in zip(keyframes, shapes, strict=True)]

    def recall(self, position: int, image: Image, tracked: Sequence[Tracked]) -> None:
        """Go on from an earlier result."""
        self._check(image)
        pixels = self.look(image)
        for one in tracked:
            self._put(position, one.track_id, pixels, one.shape)

    def step(self, position: int, image: Image) -> list[Tracked]:
        """Follow all objects but those that are known on this very frame."""
        self._check(image)
        known = self._known.at(position)
        behind = {i: (at, state) for i, (at, state) in known.items() if at != position}
        if not behind:
            return []
        held = {i: state for i, (_, state) in behind.items() if state is not None}
        done = self.follow(self.look(image), held) if held else {}
        out = []
        for track_id in behind:
            tracked, state = done.get(track_id, (Tracked(track_id, None, 0.0), None))
            self._known.put(position, track_id, state)
            out.append(tracked)
        self._known.at(position)  # drops the older states and their images
        return out

    def drop(self, track_id: int) -> None:
        """Stop following one object."""
        self._known.drop(track_id)

    def close(self) -> None:
        """Free the memory."""
        self._known.clear()

    def _put(self, position: int, track_id: int, pixels: Any, shape: Shape | None) -> None:
        state = None if shape is None else self.begin(track_id, pixels, shape)
        self._known.put(position, track_id, state)

    def _check(self, image: Image) -> None:
        if image.shape[:2] != (self.height, self.width):
            raise InputError(
                "This frame cannot be tracked on",
                f"it is {image.shape[1]} x {image.shape[0]}, the pass {self.width} x {self.height}",
            )

    @abstractmethod
    def look(self, image: Image) -> Any:
        """What the tracker needs of an image, made once for all objects."""

    @abstractmethod
    def begin(self, track_id: int, pixels: Any, shape: Shape) -> S | None:
        """The state of an object whose shape is known on this image."""

    @abstractmethod
    def follow(self, pixels: Any, held: Mapping[int, S]) -> dict[int, tuple[Tracked, S | None]]:
        """Objects on the next image. An object is lost if its state is None or it is left out."""

"""What a conformance check raises: one sentence that says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from labkit.core.geometry import decode_mask
from labkit.core.types import Shape

__all__ = ["ConformanceError", "attempt", "expect", "expect_described", "expect_shape"]

T = TypeVar("T")

_EPS = 0.01
"""Pixels by which a coordinate may be beyond the frame: rounding."""


class ConformanceError(AssertionError):
    """A plug-in does something that labkit cannot use; the message is one sentence."""


def expect(condition: object, sentence: str) -> None:
    """Raise :class:`ConformanceError` unless a condition holds."""
    if not condition:
        raise ConformanceError(sentence)


def attempt(what: str, function: Callable[..., T], *arguments: Any) -> T:
    """Call a plug-in; an exception becomes a sentence, with the exception as its cause."""
    try:
        return function(*arguments)
    except ConformanceError:
        raise
    except Exception as exc:
        first = next((line for line in str(exc).splitlines() if line.strip()), "")
        raise ConformanceError(f"{what} raises {type(exc).__name__}: {first}") from exc


def expect_described(kind: str, info: Any) -> str:
    """Check what every model says about itself; gives how to call it in sentences."""
    name = getattr(info, "name", None)
    expect(isinstance(name, str) and name, f"The {kind} has no name: its info.name is {name!r}.")
    who = f"The {kind} {name!r}"
    digest = info.weights_sha256
    expect(
        digest is None or (isinstance(digest, str) and len(digest) == 64),
        f"{who} says weights_sha256={digest!r}; it is None, or 64 hexadecimal digits.",
    )
    expect(isinstance(info.licence, str), f"{who} says licence={info.licence!r}; it is a text.")
    for field in ("versions", "params"):
        value = getattr(info, field, {})
        expect(isinstance(value, Mapping), f"{who} says {field}={value!r}; it is a mapping.")
        try:
            json.dumps(dict(value))
        except (TypeError, ValueError) as exc:
            raise ConformanceError(
                f"{who} cannot be noted in a run's manifest, because info.{field} is not JSON: "
                f"{exc}."
            ) from exc
    return who


def expect_shape(what: str, shape: Any, width: int, height: int) -> None:
    """Check that a shape lies in a frame of this size, with all its parts."""
    expect(isinstance(shape, Shape), f"{what} is {type(shape).__name__}, not a labkit Shape.")
    x1, y1, x2, y2 = shape.box
    expect(
        x1 >= -_EPS and y1 >= -_EPS and x2 <= width + _EPS and y2 <= height + _EPS,
        f"{what} has the box ({x1:g}, {y1:g}, {x2:g}, {y2:g}), which is outside of the frame of "
        f"{width} x {height}.",
    )
    if shape.mask is not None:
        size = shape.mask.width, shape.mask.height
        expect(
            size == (width, height),
            f"{what} has a mask of {size[0]} x {size[1]} on a frame of {width} x {height}.",
        )
        expect(decode_mask(shape.mask).any(), f"{what} has an empty mask.")
    for ring in shape.polygons or ():
        expect(
            len(ring) >= 6 and len(ring) % 2 == 0 and np.isfinite(ring).all(),
            f"{what} has a polygon that is not a list of at least three points x, y, x, y ...",
        )
    if shape.rotated is not None:
        expect(
            len(shape.rotated) == 5 and np.isfinite(shape.rotated).all(),
            f"{what} has the rotated box {shape.rotated}; it is cx, cy, width, height, angle.",
        )
    for point in shape.keypoints or ():
        expect(len(point) == 3, f"{what} has the keypoint {point}; it is x, y, visibility.")

"""Image filters that people and models look through; the stored image is never touched."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from labkit.core.errors import InputError
from labkit.core.registry import Registry
from labkit.core.types import Frame
from labkit.models.detectors.base import Image

__all__ = ["FILTERS", "FilterChain", "FilterStep", "FilterSwitch", "FilteredSource"]

FILTERS: Registry[Callable[..., Image]] = Registry("image filter", "filters")
"""Name → ``filter(image, **numbers) -> image``: uint8 RGB in and out, of the same shape. The
numbers' defaults stand in its signature; one that it cannot take is an ``InputError``."""


class _Reader(Protocol):
    def read(self, frame: Frame) -> Image: ...


@FILTERS.register("equalize")
def equalize(image: Image) -> Image:
    """Spread the luma over its whole range (histogram equalisation); colours stay."""
    import cv2

    return _on_luma(image, cv2.equalizeHist)


@FILTERS.register("clahe")
def clahe(image: Image, clip: float = 2.0, tiles: float = 8) -> Image:
    """Equalise the luma tile by tile, contrast limited.

    Parameters
    ----------
    clip : float
        Limit of the contrast, above 0 up to 40; more is stronger.
    tiles : int
        Tiles along each side, 1..64.
    """
    import cv2

    _within("clahe", "clip", clip, 0.01, 40)
    _within("clahe", "tiles", tiles, 1, 64)
    if tiles != int(tiles):
        raise InputError(
            "The filter 'clahe' cannot be used", f"tiles={tiles:g} is not a whole number"
        )
    size = (int(tiles), int(tiles))
    return _on_luma(image, cv2.createCLAHE(clipLimit=clip, tileGridSize=size).apply)


@FILTERS.register("gamma")
def gamma(image: Image, gamma: float = 1.0) -> Image:
    """Raise brightness 0..1 to a power.

    Parameters
    ----------
    gamma : float
        0.1..10; below 1 brightens the dark parts, above 1 darkens them.
    """
    import cv2

    _within("gamma", "gamma", gamma, 0.1, 10)
    table = np.round(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table), dtype=np.uint8)


def _on_luma(image: Image, change: Callable[[Any], Any]) -> Image:
    import cv2

    parts = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    parts[..., 0] = change(np.ascontiguousarray(parts[..., 0]))
    return np.asarray(cv2.cvtColor(parts, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def _within(name: str, what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # NaN, too
        raise InputError(
            f"The filter {name!r} cannot be used",
            f"{what}={value:g} is not between {low:g} and {high:g}",
        )


@dataclass(frozen=True, slots=True)
class FilterStep:
    """One filter with all its numbers, those of its defaults included.

    :meth:`of` makes one and checks it.
    """

    name: str
    numbers: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(cls, name: str, *values: float, **named: float) -> FilterStep:
        """A step by name and numbers, in the filter's own order or by name.

        Raises
        ------
        InputError
            There is no such filter or parameter, or a value is not a number or out of range.
        """
        filter_ = FILTERS[name]
        signature = inspect.signature(filter_)
        try:
            bound = signature.bind(None, *values, **named)
        except TypeError as exc:
            known = ", ".join(list(signature.parameters)[1:]) or "none"
            raise InputError(
                f"The filter {name!r} cannot be used", str(exc), f"its parameters: {known}"
            ) from exc
        bound.apply_defaults()
        parameters = list(bound.arguments.items())[1:]
        try:
            # as many digits as the key shows: equal keys are equal pixels
            numbers = tuple((key, float(f"{float(value):g}")) for key, value in parameters)
        except (TypeError, ValueError) as exc:
            raise InputError(
                f"The filter {name!r} cannot be used", f"a parameter is not a number: {exc}"
            ) from exc
        step = cls(name, numbers)
        step(np.zeros((2, 2, 3), dtype=np.uint8))  # raises here, and not at the next frame
        return step

    def __call__(self, image: Image) -> Image:
        """The filtered image; the input stays as it is."""
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise InputError(
                "This image cannot be filtered",
                f"it is {image.dtype} of shape {image.shape}, not uint8 (height, width, 3)",
            )
        return FILTERS[self.name](image, **dict(self.numbers))

    def __str__(self) -> str:
        inner = ",".join(f"{key}={value:g}" for key, value in self.numbers)
        return f"{self.name}({inner})" if inner else self.name


@dataclass(frozen=True, slots=True)
class FilterChain:
    """Filters one after the other; equal chains are equal keys.

    ``FilterChain.parse("clahe(clip=2)|gamma(0.8)")`` reads what :attr:`key` and ``str`` write.
    """

    steps: tuple[FilterStep, ...] = ()

    @classmethod
    def parse(cls, text: str) -> FilterChain:
        """A chain from text; empty text is the empty chain.

        Raises
        ------
        InputError
            The text cannot be read as a chain, or a filter or number cannot be used.
        """
        return cls(tuple(_parsed(part.strip()) for part in text.split("|") if text.strip()))

    @property
    def key(self) -> str:
        """The chain as text with all numbers; empty where nothing is filtered."""
        return "|".join(map(str, self.steps))

    def __str__(self) -> str:
        return self.key

    def __bool__(self) -> bool:
        return bool(self.steps)

    def __call__(self, image: Image) -> Image:
        """The filtered image, a new one unless the chain is empty; the input stays as it is."""
        for step in self.steps:
            image = step(image)
        return image


def _parsed(text: str) -> FilterStep:
    match = re.fullmatch(r"([\w-]+)\s*(?:\((.*)\))?", text)
    if match is None:
        raise InputError(
            f"{text!r} is not an image filter", remedy="write it like 'clahe(clip=2.0)|gamma(0.8)'"
        )
    values: list[Any] = []
    named: dict[str, Any] = {}
    for part in (p.strip() for p in (match[2] or "").split(",") if p.strip()):
        name, equals, value = (p.strip() for p in part.partition("="))
        if equals:
            named[name] = value
        else:
            values.append(name)
    return FilterStep.of(match[1], *values, **named)


class FilterSwitch:
    """The filters that are on in a session, for this frame and the following ones.

    Any thread may switch; filters apply in the order in which they were first switched on.
    """

    def __init__(self, chain: FilterChain | None = None) -> None:
        self._chain = chain or FilterChain()
        self._lock = threading.Lock()
        self._listeners: dict[object, Callable[[], None]] = {}

    @property
    def chain(self) -> FilterChain:
        """What is on now."""
        return self._chain

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each switch, on the thread that switches; the result ends it."""
        ticket = object()
        self._listeners[ticket] = listener

        def end() -> None:
            self._listeners.pop(ticket, None)

        return end

    def on(self, name: str, **numbers: float) -> FilterChain:
        """Switch a filter on, or give one that is on other numbers."""
        step = FilterStep.of(name, **numbers)
        with self._lock:
            steps = self._chain.steps
            if any(s.name == name for s in steps):
                self._set(step if s.name == name else s for s in steps)
            else:
                self._set((*steps, step))
            return self._chain

    def off(self, name: str) -> FilterChain:
        """Switch a filter off; one that is not on stays off, one that is unknown is an error."""
        FILTERS[name]
        with self._lock:
            self._set(s for s in self._chain.steps if s.name != name)
            return self._chain

    def clear(self) -> FilterChain:
        """Switch all filters off."""
        with self._lock:
            self._set(())
            return self._chain

    def _set(self, steps: Iterable[FilterStep]) -> None:
        """With the lock held; listeners must not switch, and return at once."""
        before, self._chain = self._chain, FilterChain(tuple(steps))
        if self._chain != before:
            for listener in tuple(self._listeners.values()):
                listener()


class FilteredSource:
    """A source of pixels with filters over it.

    Parameters
    ----------
    source : ImageSource
        A ``FrameReader``, for instance.
    filters : FilterChain or FilterSwitch
        A switch is looked at whenever a frame is read; :meth:`now` holds on to what is on, so
        that pixels and :attr:`key` belong together.
    """

    def __init__(self, source: _Reader, filters: FilterChain | FilterSwitch) -> None:
        self.source, self._filters = source, filters

    @property
    def chain(self) -> FilterChain:
        """The filters that the next frame is seen through."""
        filters = self._filters
        return filters.chain if isinstance(filters, FilterSwitch) else filters

    @property
    def key(self) -> str:
        """The chain's key: a part of the key of whatever is computed from these pixels."""
        return self.chain.key

    def now(self) -> FilteredSource:
        """The same source with the filters that are on now, whatever is switched later."""
        return FilteredSource(self.source, self.chain)

    def read(self, frame: Frame) -> Image:
        """RGB, upright, filtered."""
        return self.chain(self.source.read(frame))

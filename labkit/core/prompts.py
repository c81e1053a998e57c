"""What a person points at to get an object, and what an interactor answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import decode_mask, encode_mask, shape_from_mask
from labkit.core.types import Rle, Shape

__all__ = ["MaskProposal", "Prompts", "Stroke"]


@dataclass(frozen=True, slots=True)
class Stroke:
    """A brush stroke that says 'object' or 'background'.

    Attributes
    ----------
    points : tuple of (x, y)
        Its line, pixels of the upright frame.
    positive : bool
        True on the object, False on the background.
    width : float
        Of the brush, pixels.
    """

    points: tuple[tuple[float, float], ...]
    positive: bool = True
    width: float = 5.0


@dataclass(frozen=True, slots=True)
class Prompts:
    """What a person points at on one frame, for one object; all in pixels of the upright frame.

    Attributes
    ----------
    points : tuple of (x, y)
        Clicks, in the order in which they were made.
    labels : tuple of int
        1 positive or 0 negative, one for each point.
    box : (x1, y1, x2, y2) or None
    mask : Rle or None
        An earlier mask of the object, of the frame's size.
    strokes : tuple of Stroke
    logits : ndarray or None
        An earlier answer's low-resolution logits, ``(1, h, w)`` float32; only the interactor that
        gave them understands them. They say the same as ``mask``, in more detail.

    Examples
    --------
    >>> prompts = lk.Prompts.click(120, 80).with_click(60, 40, positive=False)
    >>> prompts.points, prompts.labels
    (((120.0, 80.0), (60.0, 40.0)), (1, 0))
    """

    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: Rle | None = None
    strokes: tuple[Stroke, ...] = ()
    logits: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.points) != len(self.labels):
            raise InputError(
                "These points cannot be used",
                f"{len(self.points)} points have {len(self.labels)} labels",
            )
        if any(label not in (0, 1) for label in self.labels):
            raise InputError(
                "These points cannot be used", "a label is 1 (positive) or 0 (negative)"
            )

    @classmethod
    def click(cls, x: float, y: float, *, positive: bool = True) -> Prompts:
        """One click."""
        return cls().with_click(x, y, positive=positive)

    @classmethod
    def boxed(cls, box: Sequence[float]) -> Prompts:
        """One box ``x1, y1, x2, y2``."""
        x1, y1, x2, y2 = (float(v) for v in box)
        return cls(box=(x1, y1, x2, y2))

    @classmethod
    def clicks(
        cls, points: Sequence[Sequence[float]], labels: Sequence[int] | None = None
    ) -> Prompts:
        """Several clicks, positive ones where nothing else is said."""
        pairs = tuple((float(x), float(y)) for x, y in points)
        return cls(
            pairs, tuple(int(v) for v in labels) if labels is not None else (1,) * len(pairs)
        )

    def to_record(self) -> dict[str, Any]:
        """All but the logits, which only the process that made them understands; for files."""
        mask = self.mask
        return {
            "points": [list(p) for p in self.points],
            "labels": list(self.labels),
            "box": None if self.box is None else list(self.box),
            "mask": None if mask is None else [mask.height, mask.width, mask.counts],
            "strokes": [[[list(p) for p in s.points], s.positive, s.width] for s in self.strokes],
        }

    @classmethod
    def from_record(cls, data: Mapping[str, Any]) -> Prompts:
        """The inverse of :meth:`to_record`."""
        box, mask = data["box"], data["mask"]
        return cls(
            tuple((x, y) for x, y in data["points"]),
            tuple(data["labels"]),
            None if box is None else (box[0], box[1], box[2], box[3]),
            None if mask is None else Rle(*mask),
            tuple(Stroke(tuple((x, y) for x, y in p), s, w) for p, s, w in data["strokes"]),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any], takes: Collection[str] | None = None) -> Prompts:
        """Points, labels, a box and strokes as a file or a notebook's parameters hold them.

        Parameters
        ----------
        data : mapping
            ``points``: a list of ``[x, y]``; ``labels``: 1 or 0 for each, all 1 where they are
            missing; ``box``: ``[x1, y1, x2, y2]``; ``strokes``: a list of mappings with ``points``,
            ``positive`` and ``width``. Other keys are passed over.
        takes : collection of str, optional
            What the interactor understands (its ``info.takes``): a box or strokes that it does not
            are left out.

        Raises
        ------
        InputError
            None of these is there, or one of them holds something else.
        """
        box = data.get("box") if takes is None or "box" in takes else None
        strokes = data.get("strokes") if takes is None or "strokes" in takes else None
        try:
            out = replace(
                cls.clicks(data.get("points") or (), data.get("labels")),
                box=cls.boxed(box).box if box else None,
                strokes=tuple(_stroke(s) for s in strokes or ()),
            )
        except (KeyError, TypeError, ValueError) as exc:
            raise InputError(
                "These prompts cannot be used",
                str(exc),
                "points are a list of [x, y], labels of 1 or 0, a box is [x1, y1, x2, y2]",
            ) from exc
        if out.empty:
            raise InputError("There is nothing to segment", "no points, box or strokes are given")
        return out

    def with_click(self, x: float, y: float, *, positive: bool = True) -> Prompts:
        """With one more click."""
        return replace(
            self,
            points=(*self.points, (float(x), float(y))),
            labels=(*self.labels, int(positive)),
        )

    def refining(self, answer: MaskProposal) -> Prompts:
        """These prompts with an earlier answer as their mask prompt."""
        return replace(self, mask=answer.rle, logits=answer.logits)

    @property
    def empty(self) -> bool:
        """Whether nothing was pointed at."""
        return not (self.points or self.strokes) and self.box is None and self.mask is None

    def check(self, width: int, height: int) -> None:
        """Check that everything lies on a frame of this size.

        Raises
        ------
        InputError
            NaN, a point outside of the frame, a box without area or beside the frame, a mask of
            another size, or nothing at all.
        """
        if self.empty:
            raise InputError(
                "There is nothing to segment", "no point, box, stroke or mask was given"
            )
        for x, y in (*self.points, *(p for s in self.strokes for p in s.points)):
            if not (np.isfinite(x) and np.isfinite(y)):
                raise InputError("This point cannot be used", f"({x}, {y}) is not finite")
            if not (0 <= x <= width and 0 <= y <= height):
                raise InputError(
                    "This point cannot be used",
                    f"({x:g}, {y:g}) is outside of the frame of {width} x {height}",
                )
        if self.box is not None:
            _check_box(self.box, width, height)
        if self.mask is not None and (self.mask.width, self.mask.height) != (width, height):
            raise InputError(
                "This mask cannot be used",
                f"it is {self.mask.width} x {self.mask.height}, the frame {width} x {height}",
            )


def _stroke(data: Mapping[str, Any]) -> Stroke:
    points = tuple((float(x), float(y)) for x, y in data["points"])
    return Stroke(points, bool(data.get("positive", True)), float(data.get("width", 5.0)))


def _check_box(box: tuple[float, float, float, float], width: int, height: int) -> None:
    x1, y1, x2, y2 = box
    if not np.isfinite(box).all() or x2 <= x1 or y2 <= y1:
        raise InputError("This box cannot be used", f"{box!r} has no finite area as x1, y1, x2, y2")
    if x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
        raise InputError(
            "This box cannot be used",
            f"{box!r} is outside of the frame of {width} x {height}",
        )


class MaskProposal:
    """An interactor's answer: one mask for one object.

    Thousands of them can be held at once: a mask given as RLE is decoded when it is looked at.

    Parameters
    ----------
    mask : ndarray of bool or Rle
        ``(height, width)`` of the frame; may be empty.
    score : float
        The model's own idea of the mask's IoU with the object, 0..1; 1 for interactors that have
        none.
    prompts : Prompts
        What made it.
    logits : ndarray, optional
        See :attr:`Prompts.logits`.
    """

    __slots__ = ("_mask", "logits", "prompts", "score")

    def __init__(
        self,
        mask: NDArray[np.bool_] | Rle,
        score: float,
        prompts: Prompts,
        logits: NDArray[np.float32] | None = None,
    ) -> None:
        self._mask, self.score, self.prompts, self.logits = mask, score, prompts, logits

    def __repr__(self) -> str:
        return f"MaskProposal(score={self.score:.3f}, prompts={self.prompts!r})"

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The mask, ``(height, width)`` of the frame."""
        return decode_mask(self._mask) if isinstance(self._mask, Rle) else self._mask

    @property
    def empty(self) -> bool:
        """Whether no pixel is set."""
        return not bool(self.mask.any())

    @property
    def rle(self) -> Rle:
        """The mask as COCO RLE."""
        return self._mask if isinstance(self._mask, Rle) else encode_mask(self._mask)

    def with_prompts(self, prompts: Prompts) -> MaskProposal:
        """The same answer to other prompts, which stand for those that the model was given."""
        return MaskProposal(self._mask, self.score, prompts, self.logits)

    def shape(self) -> Shape:
        """The mask with its box, as a shape; an empty one is an error."""
        return shape_from_mask(self._mask)

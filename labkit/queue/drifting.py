"""Tracks that a person should look at: those that a track run has flagged, and those that end."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.queue.context import ScoreContext

__all__ = ["Drifts", "drift_counts", "flags_of"]

Ints = NDArray[np.intp]
_EDGE = 2.0
"""Pixels from the frame's edge at which an object is leaving."""
_WORDS = {
    "score": "its score fell{number}",
    "iou": "its mask is uncertain{number}",
    "jump": "it jumped",
    "return": "its points are not found again when tracked back",
    "keypoints": "a keypoint is uncertain{number}",
    "agreement": "the passes from the two keyframes disagree{number}",
    "size": "the frames change their size here",
    "unread": "its keyframe could not be read",
}


class Drifts(NamedTuple):
    """By frame: how many reasons there are to look, and what they are."""

    counts: NDArray[np.float64]
    reasons: dict[int, list[str]]


def flags_of(attributes: Any) -> NDArray[Any]:
    """From a column of attributes as JSON: the text where it holds a drift flag, else None."""
    out = np.full(len(attributes), None, dtype=object)
    for k, text in enumerate(attributes):
        if isinstance(text, str) and '"drift"' in text:
            out[k] = text
    return out


def drift_counts(ctx: ScoreContext) -> Drifts:
    """Flags of tracked objects, and tracks that were on the frame before and are on none now.

    A track that is gone counts on the first frame without it, in the direction in which it was
    followed and as far as it was; one that left at the frame's edge does not. Where it is back on
    the next one, a person may have decided the frame between: that counts for nothing.
    """
    counts = np.zeros(ctx.n_frames)
    reasons: dict[int, list[str]] = {}

    def add(frame: int, text: str) -> None:
        counts[frame] += 1
        reasons.setdefault(frame, []).append(text)

    if ctx.track is None:
        return Drifts(counts, reasons)
    if ctx.flags is not None:
        for k in np.flatnonzero([text is not None for text in ctx.flags]).tolist():
            who = f"track {ctx.track[k]} ({ctx.names[ctx.label[k]]})"
            for words in _words(str(ctx.flags[k])):
                add(int(ctx.frame[k]), f"{who}: {words}")
    for frame, track, label in _lost(ctx):
        add(frame, f"track {track} ({ctx.names[label]}) is lost from here on")
    return Drifts(counts, reasons)


def _words(text: str) -> list[str]:
    rows = [(str(name), value) for name, value, _ in json.loads(text)]
    numbers = dict(rows)
    out = []
    for name, reason in rows:
        if name != "drift":
            continue
        number = numbers.get(f"drift_{reason}")
        if reason == "area":
            out.append(_area(float(number) if number is not None else np.inf))
        else:
            number_text = f" ({float(number):.2f})" if number is not None else ""
            out.append(_WORDS.get(str(reason), str(reason)).format(number=number_text))
    return out


def _area(ratio: float) -> str:
    for low, high, words in ((0.35, 0.5, "halved"), (2.0, 2.85, "doubled")):
        if low <= ratio <= high:
            return f"its area {words}"
    if ratio < 1:
        return f"its area fell to {100 * ratio:.0f} %"
    return f"its area is {ratio:.1f} times the usual" if np.isfinite(ratio) else "its area grew"


def _lost(ctx: ScoreContext) -> list[tuple[int, int, int]]:
    """First frames, in the direction of walking, without a track: frame, track, label.

    What was at the frame's edge has left, and is not lost.
    """
    assert ctx.track is not None
    at = {int(m): k for k, m in enumerate(ctx.moment.tolist())}
    shown: dict[int, dict[int, int]] = {}
    for k in np.flatnonzero(ctx.track >= 0).tolist():
        moments = shown.setdefault(int(ctx.track[k]), {})
        moments[int(ctx.moment[ctx.frame[k]])] = k
    place = {str(name): int(m) for name, m in zip(ctx.frame_ids, ctx.moment, strict=True)}
    out: set[tuple[int, int, int]] = set()
    for track, moments in shown.items():
        for first, last, outside in _stretches(ctx, track, place, at):
            sign = 1 if last >= first else -1
            for moment, row in moments.items():
                if not first * sign <= moment * sign < last * sign:
                    continue
                after, later = moment + sign, moment + 2 * sign
                gone = after in at and after not in moments and later not in moments
                if gone and after not in outside and not _at_edge(ctx, row, moments, sign):
                    out.add((at[after], track, int(ctx.label[row])))
    return sorted(out)


def _stretches(
    ctx: ScoreContext, track: int, place: Mapping[str, int], at: Collection[int]
) -> list[tuple[int, int, set[int]]]:
    """Moments between which a track was looked for, and those where a person says: not there."""
    walked = None if ctx.walked is None else ctx.walked.get(track)
    if walked is None:
        return [(min(at), max(at), set())]
    outside = {place[f] for f in walked.outside if f in place}
    pairs = [(a, b) for a, b in walked.stretches if a in place and b in place]
    return [(place[a], place[b], outside) for a, b in pairs]


def _at_edge(ctx: ScoreContext, row: int, moments: Mapping[int, int], sign: int) -> bool:
    """Whether an object that goes on as it came is cut by the frame's edge on the next frame."""
    if ctx.sizes is None:
        return False
    box, (width, height) = ctx.boxes[row], ctx.sizes[ctx.frame[row]]
    before = moments.get(int(ctx.moment[ctx.frame[row]]) - sign)
    last = box if before is None else ctx.boxes[before]
    ahead = box + (box - last)
    low, high = np.minimum(box[:2], ahead[:2]), np.maximum(box[2:], ahead[2:])
    return bool((low <= _EDGE).any() or (high >= np.array([width, height]) - _EDGE).any())

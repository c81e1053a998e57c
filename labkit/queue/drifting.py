"""Tracks that a person should look at: what a track run has flagged, and tracks that end."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labkit.queue.context import ScoreContext

__all__ = ["Drifts", "drift_counts", "flags_of"]

Ints = NDArray[np.intp]
_WORDS = {
    "score": "its score fell{number}",
    "iou": "its mask is uncertain{number}",
    "jump": "it jumped",
    "return": "its points do not find their way back",
    "keypoints": "a keypoint is uncertain{number}",
    "agreement": "the ways from the keyframes on either side disagree{number}",
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

    A track that is gone counts on the first frame without it, if the run covers that frame. Where
    it is back on the next one, a person may have decided the frame between: that counts for
    nothing.
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
            given = f" ({float(number):.2f})" if number is not None else ""
            out.append(_WORDS.get(str(reason), str(reason)).format(number=given))
    return out


def _area(ratio: float) -> str:
    for low, high, words in ((0.35, 0.5, "halved"), (2.0, 2.85, "doubled")):
        if low <= ratio <= high:
            return f"its area {words}"
    if ratio < 1:
        return f"its area fell to {100 * ratio:.0f} %"
    return f"its area is {ratio:.1f} times the usual" if np.isfinite(ratio) else "its area grew"


def _lost(ctx: ScoreContext) -> list[tuple[int, int, int]]:
    """First frames without a track that the frame before had: frame, track, label."""
    assert ctx.track is not None
    at = {int(m): k for k, m in enumerate(ctx.moment.tolist())}
    shown: dict[int, dict[int, int]] = {}
    for k in np.flatnonzero(ctx.track >= 0).tolist():
        moments = shown.setdefault(int(ctx.track[k]), {})
        moments[int(ctx.moment[ctx.frame[k]])] = int(ctx.label[k])
    out = []
    for track, moments in shown.items():
        for moment, label in moments.items():
            after, later = moment + 1, moment + 2
            if after in at and after not in moments and later not in moments:
                out.append((at[after], track, label))
    return out

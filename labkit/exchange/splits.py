"""Train, val and test: frames of one video or folder never straddle.

Groups are shuffled by the seed, then placed from the largest down, each into the split that still
misses most frames (longest-processing-time greedy). So no split exceeds its share by more than the
largest group, and none stays empty while there are as many groups as splits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from labkit.core.errors import Argument, InputError
from labkit.frames.order import video_mask

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SplitBy", "SplitPlan", "assign_splits", "place_groups"]

SplitBy = Literal["auto", "group", "frame"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_FAR = 0.05  # a share this far from what was asked for is worth a line


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """Which split each frame goes to.

    Attributes
    ----------
    of : dict
        frame_id → split; empty without splits.
    names : tuple of str
        The splits in the order given.
    notes : tuple of str
        What the user should know: how it was split, and what could not be.
    """

    of: Mapping[str, str]
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _check(split: Mapping[str, float]) -> None:
    for name, share in split.items():
        if not _NAME.fullmatch(str(name)):
            raise InputError(
                f"The split {name!r} cannot be used as a folder", "", "use letters, digits, - and _"
            )
        if not isinstance(share, int | float) or not math.isfinite(share) or not 0 < share <= 1:
            raise InputError(f"The share of split {name!r} cannot be {share!r}", "it is in (0, 1]")
    if len({str(n).casefold() for n in split}) < len(split):
        raise InputError("Two splits have the same name but for their case")
    if not math.isclose(sum(split.values()), 1.0, abs_tol=1e-6):
        raise InputError("The shares of the splits do not add up to 1", f"{dict(split)!r}")


def place_groups(sizes: Sequence[int], shares: Sequence[float], seed: int = 0) -> list[int]:
    """The split (its position in ``shares``) of each group.

    Parameters
    ----------
    sizes : sequence of int
        Frames in each group, at least 1.
    shares : sequence of float
        Share of each split, adding up to 1.
    seed : int
        Decides which of equally large groups comes first.
    """
    total = sum(sizes)
    missing = [share * total for share in shares]
    empty = set(range(len(shares)))
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = sorted(shuffled.tolist(), key=lambda g: -sizes[g])
    out = [0] * len(sizes)
    for left, g in zip(range(len(sizes), 0, -1), order, strict=True):
        # the last groups are kept for splits that have none yet
        open_to = sorted(empty) if left <= len(empty) else range(len(shares))
        best = max(open_to, key=lambda s: (missing[s], -s))
        out[g] = best
        missing[best] -= sizes[g]
        empty.discard(best)
    return out


def _units(frames: pd.DataFrame, by: SplitBy, n_splits: int) -> tuple[pd.Series, list[str]]:
    """The key of the unit that each frame moves with, and how that was decided."""
    group = "g:" + frames["group"].astype(str)
    single = "f:" + frames["frame_id"].astype(str)
    if by == "frame":
        notes = []
        if bool((group.value_counts() > 1).any()):
            notes.append("split by frame, as asked: frames of one video or folder may straddle")
        return single, notes
    if by == "group" or group.nunique() >= n_splits:
        return group, ["split by group: no video or folder straddles"]
    video = video_mask(frames)
    units = group.where(video, single)
    if bool(video.all()):
        return units, []
    return units, [
        f"split by image: {group.nunique()} folders or videos do not suffice for {n_splits} "
        "splits; near-duplicates in one folder may straddle (by='group' forbids it)"
    ]


def assign_splits(
    frames: pd.DataFrame,
    split: Mapping[str, float] | None,
    seed: int = 0,
    by: SplitBy = "auto",
) -> SplitPlan:
    """Split frames by group.

    Parameters
    ----------
    frames : DataFrame
        ``FRAMES`` columns.
    split : dict or None
        Split → share, adding up to 1; None for no split.
    seed : int
        The same frames and seed give the same splits, in any order of the frames.
    by : {'auto', 'group', 'frame'}
        ``group``: videos and folders stay together. ``frame``: each frame by itself. ``auto``:
        by group if there are as many groups as splits; otherwise videos stay together and images
        are split one by one, and the notes say so.
    """
    if by not in get_args(SplitBy):
        raise InputError(
            f"Splits cannot be made by {by!r}", f"known are {', '.join(get_args(SplitBy))}"
        )
    if split is None:
        return SplitPlan({})
    if not split or not isinstance(split, Mapping):
        raise InputError(
            "No split with its shares is given",
            "",
            "for example " + Argument("split", {"train": 0.8, "val": 0.2}),
        )
    _check(split)
    names = tuple(str(n) for n in split)
    if frames.empty:
        return SplitPlan({}, names)
    units, notes = _units(frames, by, len(names))
    counts = (
        units.value_counts().sort_index()
    )  # by name, so that the order of frames does not matter
    place = place_groups([int(n) for n in counts], list(split.values()), seed)
    split_of = {unit: names[k] for unit, k in zip(counts.index, place, strict=True)}
    chosen = units.map(split_of)
    if len(counts) < len(names):
        word = "one group" if len(counts) == 1 else f"{len(counts)} groups"
        filled = ", ".join(n for n in names if n in set(split_of.values()))
        notes.append(
            f"{word} cannot be split {len(names)} ways: all frames are in {filled} "
            "(by='frame' splits it)"
        )
    elif any(abs(float((chosen == n).mean()) - s) > _FAR for n, s in split.items()):
        got = ", ".join(f"{n} {float((chosen == n).mean()):.0%}" for n in names)
        notes.append(f"the groups are too large for the shares asked for: {got}")
    ids = frames["frame_id"].astype(str)
    return SplitPlan(dict(zip(ids, chosen, strict=True)), names, tuple(notes))

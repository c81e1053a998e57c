"""How good masks and tracks are, where the truth is known; and a person who clicks by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.geometry import box_iou, decode_mask, mask_iou
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.types import AnnotatedObject
from labkit.store.columns import object_from_row

__all__ = ["clicked", "inner_point", "next_click", "track_ious"]

Mask = NDArray[np.bool_]

_SAME = 0.3
"""IoU of boxes from which a track's first shape is about a true object."""


class Answers(Protocol):
    """Whoever is clicked at: :class:`labkit.models.interactors.segmenter.Segmenter`."""

    def segment(self, prompts: Prompts) -> list[MaskProposal]:
        """Masks of one object, best first."""
        ...


def inner_point(mask: Mask) -> tuple[int, int]:
    """The pixel that lies deepest in a mask: x, y."""
    import cv2

    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), mask.shape)
    return int(x), int(y)


def next_click(truth: Mask, said: Mask) -> tuple[int, int, bool]:
    """Where a careful person clicks next, and whether the click is positive.

    The deepest pixel of the larger of the missing and the surplus part, as interactive
    segmentation is commonly evaluated (Sofiiuk et al. 2021, RITM).
    """
    missing, surplus = truth & ~said, said & ~truth
    if not missing.any() and not surplus.any():
        return (*inner_point(truth), True)
    positive = int(missing.sum()) >= int(surplus.sum())
    return (*inner_point(missing if positive else surplus), positive)


def clicked(answers: Answers, truth: Mask, clicks: int) -> list[MaskProposal]:
    """The best masks after 1 .. ``clicks`` clicks at one object of the frame that is set."""
    prompts = Prompts.click(*inner_point(truth))
    out: list[MaskProposal] = []
    while True:
        out.append(answers.segment(prompts)[0])
        if len(out) == clicks:
            return out
        x, y, positive = next_click(truth, out[-1].mask)
        prompts = prompts.with_click(x, y, positive=positive).refining(out[-1])


def track_ious(tracks: pd.DataFrame, truth: pd.DataFrame, frame_ids: Sequence[str]) -> pd.DataFrame:
    """IoU of tracks with the true objects that they began on, frame by frame.

    Parameters
    ----------
    tracks : DataFrame
        Proposals of a tracker's run (``PROPOSAL_COLUMNS``).
    truth : DataFrame
        :func:`labkit.demo.truth` of these frames.
    frame_ids : sequence of str
        The run's frames in the order of walking; each track counts from its second frame on.

    Returns
    -------
    DataFrame
        ``track_id``, ``true_id``, ``frame_id`` and ``iou`` of the masks (of the boxes where the
        track has none), 0 where the track has lost its object. Frames on which the true object is
        out of sight are left out.
    """
    place = {f: k for k, f in enumerate(frame_ids)}
    said = _by_frame_and_track(tracks)
    true = _by_frame_and_track(truth[truth["frame_id"].isin(place)])
    rows = []
    for track in sorted({k for _, k in said}):
        first = min((f for f, k in said if k == track), key=place.__getitem__)
        there = {k: o for (f, k), o in true.items() if f == first}
        ious = {
            k: float(box_iou(said[first, track].shape.box, o.shape.box)[0, 0])
            for k, o in there.items()
        }
        own = max(ious, key=ious.__getitem__, default=None)
        if own is None or ious[own] < _SAME:
            continue
        rows += [
            (track, own, frame, _iou(said.get((frame, track)), true[frame, own]))
            for frame in frame_ids[place[first] + 1 :]
            if (frame, own) in true
        ]
    return pd.DataFrame(rows, columns=["track_id", "true_id", "frame_id", "iou"])


def _by_frame_and_track(rows: pd.DataFrame) -> dict[tuple[str, int], AnnotatedObject]:
    rows = rows[rows["track_id"].notna()]
    objects = [object_from_row(row) for row in rows.to_dict("records")]
    return {(o.frame_id, int(o.track_id)): o for o in objects if o.track_id is not None}


def _iou(said: AnnotatedObject | None, real: AnnotatedObject) -> float:
    if said is None:
        return 0.0
    if said.shape.mask is None or real.shape.mask is None:
        return float(box_iou(said.shape.box, real.shape.box)[0, 0])
    return mask_iou(decode_mask(said.shape.mask), decode_mask(real.shape.mask))

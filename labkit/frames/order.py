"""What a video is, in which order its frames come, and what people call a frame.

Every other module asks here: the page, the queue, trackers, reports, exports and the command line.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.types import Frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "display_name",
    "display_names",
    "in_order",
    "is_video",
    "sequence_of",
    "time_line",
    "video_mask",
]


def is_video(frame: Frame) -> bool:
    """Whether a frame belongs to a video.

    The hash of such a frame is made from its file and its index, so it differs from the file's
    own. The time does not tell: some videos have no timestamps.
    """
    return frame.sha256 != frame.source


def video_mask(frames: pd.DataFrame) -> pd.Series[bool]:
    """Which rows of a frames table belong to videos; :func:`is_video` for a table."""
    return frames["sha256"] != frames["source"]


def display_name(frame: Frame) -> str:
    """What people call a frame: ``street.jpg``, or ``clip.mp4 · 12`` for a frame of a video."""
    return _name(frame.uri, frame.index, is_video(frame))


def display_names(frames: pd.DataFrame) -> list[str]:
    """:func:`display_name` of each row of a frames table."""
    columns = frames["uri"], frames["index"], video_mask(frames)
    return [_name(str(u), int(k), bool(v)) for u, k, v in zip(*columns, strict=True)]


def in_order(frames: pd.DataFrame) -> pd.DataFrame:
    """The rows group by group; in a video by index, in a folder as they were added.

    Groups come as their first frames were added.
    """
    index = frames["index"].to_numpy(dtype=np.int64)  # 0 for every image
    return frames.iloc[_sorted(_group_codes(frames), index)]


def sequence_of(frames: pd.DataFrame, group: str) -> list[str]:
    """Ids of the frames of one video or folder, in order."""
    return [str(i) for i in in_order(frames[frames["group"] == group])["frame_id"]]


def time_line(frames: pd.DataFrame, sequences: Collection[str] = ()) -> NDArray[np.intp]:
    """A place on one long time line for each row of a frames table.

    Parameters
    ----------
    frames : DataFrame
        Without the columns ``group`` and ``index`` no frame has a neighbour.
    sequences : collection of str
        Groups whose images follow each other in time, in the order of the table.

    Returns
    -------
    ndarray of int (n,)
        A frame and the next one of its video in the table differ by 1, all others by 2 or more.
    """
    n = len(frames)
    if "group" not in frames or "index" not in frames:
        return np.arange(n, dtype=np.intp) * 2
    group = _group_codes(frames)
    listed = frames["group"].isin(list(sequences)).to_numpy(dtype=bool)
    index = np.where(listed, np.arange(n), frames["index"].to_numpy(dtype=np.int64))
    order = _sorted(group, index)
    apart = (np.diff(group[order]) != 0) | (np.diff(index[order]) == 0) | (group[order][1:] < 0)
    out = np.empty(n, dtype=np.intp)
    out[order] = np.concatenate([[0], np.cumsum(1 + apart)])[:n]
    return out


def _name(uri: str, index: int, video: bool) -> str:
    name = uri.replace("\\", "/").rsplit("/", 1)[-1]
    return f"{name} · {index}" if video else name


def _group_codes(frames: pd.DataFrame) -> NDArray[Any]:
    """Numbers of the groups by first appearance, -1 where a frame has none."""
    import pandas as pd

    return pd.factorize(frames["group"])[0]


def _sorted(group: NDArray[Any], index: NDArray[Any]) -> NDArray[np.intp]:
    """Positions of the rows by group, then index, then as they stand."""
    return np.lexsort((np.arange(len(group)), index, group))

"""The contact sheet of a track run: every so many frames, and where a person should look."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import pandas as pd
from PIL import Image

from labkit.core.errors import InputError, LabkitError
from labkit.core.types import AnnotatedObject, Frame
from labkit.frames import FrameReader
from labkit.frames.order import display_name, in_order, is_video
from labkit.queue import rank
from labkit.report.gallery import annotated_objects
from labkit.report.sheet import Tile, contact_sheet, thumbnail
from labkit.store.project import ProjectStore

__all__ = ["flagged_frames", "track_sheet"]

_MOST = 200
"""Tiles on one sheet."""


def flagged_frames(project: ProjectStore, run: str | None = None) -> dict[str, str]:
    """Frames on which tracks drift, most reasons first, each with its reasons in words.

    Parameters
    ----------
    project : ProjectStore
    run : str, optional
        What that run flagged; by default what counts now of all tracks, so that a stretch that was
        tracked again is judged by its newest run.
    """
    df = project.proposals(run)
    df = df[df["track_id"].notna()]
    if not len(df):
        return {}
    frames = project.frames()
    covered = {f for name in df["run_id"].unique() for f in project.run(str(name)).frame_ids}
    frames = frames[frames["frame_id"].isin(covered)]
    queue = rank(df, frames, order="drift", decided=None, conf=0.0)
    queue = queue[queue["score"] > 0]
    return dict(zip(queue["frame_id"], queue["reason"], strict=True))


def track_sheet(
    project: ProjectStore,
    run: str | None = None,
    *,
    every: int = 10,
    flagged: int = 4,
    frames: Sequence[str] | None = None,
    tracks: Collection[int] | None = None,
    columns: int = 4,
    tile_size: tuple[int, int] = (320, 240),
    title: str = "",
) -> Image.Image:
    """Tracked frames as a contact sheet; those that a person should look at are framed.

    Objects are shown as they stand: keyframes that a person drew or corrected as such, the rest as
    proposed.

    Parameters
    ----------
    project : ProjectStore
    run : str, optional
        Only the tracks of that run; by default all current ones.
    every : int
        Show one frame in this many, from the first on, and the last.
    flagged : int
        How many flagged frames are shown between them at most, the most doubtful ones first.
    frames : sequence of str, optional
        Show these frames instead, in this order.
    tracks : collection of int, optional
        Only these tracks; by default all.
    columns, tile_size, title
        See :func:`labkit.report.contact_sheet`.

    Raises
    ------
    InputError
        There are no tracks, ``every`` is below 1, or more than 200 frames would be shown.
    """
    if every < 1:
        raise InputError("This contact sheet cannot be drawn", f"every is {every}", "from 1 up")
    df = project.annotations(run)
    df = df[df["track_id"].notna()]
    if tracks is not None:
        df = df[df["track_id"].isin(list(tracks))]
    if not len(df):
        raise InputError("This contact sheet cannot be drawn", "no object here has a track")
    walked = _walked(project, df)
    flags = flagged_frames(project, run)
    if frames is not None:
        chosen = list(frames)
    else:
        shown = {*_every(walked, every), *list(flags)[: max(0, flagged)]}
        chosen = [f for f in walked if f in shown]
    if len(chosen) > _MOST:
        raise InputError(
            f"A contact sheet of {len(chosen)} frames cannot be drawn",
            f"the most are {_MOST}",
            "show fewer of them, with a greater 'every'",
        )
    objects = annotated_objects(df[df["frame_id"].isin(chosen)])
    place = {f: k for k, f in enumerate(walked)}
    tiles = []
    with FrameReader(project.root) as reader:
        for frame in [project.frame(f) for f in chosen]:
            tile = Tile(
                name=_name(frame, place.get(frame.frame_id)),
                picture=None,
                frame_size=(frame.width, frame.height),
                objects=objects.get(frame.frame_id, []),
                verdict=_said(objects.get(frame.frame_id, [])),
                reason=flags.get(frame.frame_id, ""),
                flagged=frame.frame_id in flags,
                skeletons=project.skeletons,
            )
            tiles.append(_with_picture(tile, frame, reader, tile_size))
    return contact_sheet(tiles, title=title, columns=columns, tile_size=tile_size)


def _walked(project: ProjectStore, df: pd.DataFrame) -> list[str]:
    """The frames of the sequence from the first to the last that were tracked."""
    frames = project.frames()
    here = set(df["frame_id"].astype(str))
    for name in df["run_id"].dropna().unique():
        store = project.run(str(name))
        here |= set(store.frame_ids) if store.manifest.kind == "tracker" else set()
    groups = frames.loc[frames["frame_id"].isin(here), "group"].unique()
    frames = in_order(frames[frames["group"].isin(groups)])
    ids = frames["frame_id"].astype(str).tolist()
    places = [k for k, f in enumerate(ids) if f in here]
    return ids[places[0] : places[-1] + 1]


def _every(walked: Sequence[str], every: int) -> list[str]:
    chosen = list(walked[::every])
    return chosen if chosen[-1] == walked[-1] else [*chosen, walked[-1]]


def _name(frame: Frame, place: int | None) -> str:
    name = display_name(frame)
    return name if place is None or is_video(frame) else f"{place}: {name}"


def _said(objects: Sequence[AnnotatedObject]) -> str:
    """What a person did on a frame, in words."""
    words = {"added": "drawn", "edited": "corrected", "rejected": "removed", "accepted": "accepted"}
    phrases = [f"#{o.track_id} {words[o.state]}" for o in objects if o.state in words]
    return ", ".join(phrases) if objects else "nothing in sight"


def _with_picture(tile: Tile, frame: Frame, reader: FrameReader, size: tuple[int, int]) -> Tile:
    try:
        encoded = reader.encoded(frame)
        return replace(tile, picture=thumbnail(encoded.data, size, encoded.orientation))
    except LabkitError as exc:
        return replace(tile, problem=str(exc))

"""``Project.tracks``: one row a track, out of proposals and keyframes."""

from __future__ import annotations

import pandas as pd

from labkit.runs.track_file import Record, read_records
from labkit.store.project import ProjectStore

__all__ = ["TRACK_COLUMNS", "tracks_table"]

TRACK_COLUMNS = (
    "track_id",
    "label",
    "run",
    "first",
    "last",
    "frames",
    "keyframes",
    "outside",
    "drift",
    "score",
)


def tracks_table(project: ProjectStore, run: str | None = None) -> pd.DataFrame:
    """One row a track.

    Parameters
    ----------
    project : ProjectStore
    run : str, optional
        That run alone; without it, what counts now of all finished runs.

    Returns
    -------
    DataFrame
        ``track_id``; ``label`` and ``run``, those of its newest run; ``first`` and ``last``, ids of
        the frames between which it is known; ``frames`` on which it is; ``keyframes``, how many of
        them; ``outside``, frames in between on which it is not; ``drift``, frames to look at;
        ``score``, the mean over its proposals.
    """
    df = project.proposals(run)
    df = df[df["track_id"].notna()]
    frames = project.frames()
    order = _order(frames)
    keyframes = _keyframes(project, None if run is None else project.run(run).run_id)
    text = df["attributes"].astype(object).fillna("").astype(str)
    flags = text.str.contains('"drift"', regex=False).to_numpy(dtype=bool)
    given = text.str.contains('["keyframe"', regex=False).to_numpy(dtype=bool)
    df = df.assign(flagged=flags, given=given)
    rows = []
    for track_id, part in df.groupby("track_id", sort=True):
        newest = part.sort_values("run_id", key=lambda c: c.astype(str), kind="stable").iloc[-1]
        shown, outside = keyframes.get(int(str(track_id)), (set(), set()))
        shown = shown - outside
        there = set(part["frame_id"].astype(str)) | shown
        places = sorted(order[f] for f in there)
        ids = {order[f]: f for f in there}
        rows.append(
            {
                "track_id": int(str(track_id)),
                "label": str(newest["label"]),
                "run": str(newest["run_id"]),
                "first": ids[places[0]],
                "last": ids[places[-1]],
                "frames": len(there),
                "keyframes": len(shown | set(part.loc[part["given"], "frame_id"].astype(str))),
                "outside": places[-1] - places[0] + 1 - len(there),
                "drift": int(part.loc[part["flagged"], "frame_id"].nunique()),
                "score": float(part["score"].mean()),
            }
        )
    return pd.DataFrame(rows, columns=list(TRACK_COLUMNS))


def _order(frames: pd.DataFrame) -> dict[str, int]:
    """A place for each frame; neighbours in a sequence differ by 1."""
    ordered = frames.sort_values(["group", "index"], kind="stable")
    return {f: k for k, f in enumerate(ordered["frame_id"].tolist())}


def _keyframes(project: ProjectStore, run: str | None) -> dict[int, tuple[set[str], set[str]]]:
    """By track, frames on which a person decided its shape, and those on which it is outside.

    Keyframes that are proposals are seen as such.
    """
    out: dict[int, tuple[set[str], set[str]]] = {}
    for manifest in project.runs():
        if manifest.kind != "tracker" or (manifest.status != "finished" and run is None):
            continue
        if run not in (None, manifest.run_id):
            continue
        records: list[Record] = read_records(project.run(manifest.run_id).folder) or []
        for item in records:
            shown, outside = out.setdefault(item.track_id, (set(), set()))
            for seed in item.seeds:
                if seed.keyframe.outside:
                    outside.add(seed.keyframe.frame_id)
                elif seed.decided:
                    shown.add(seed.keyframe.frame_id)
    return out

"""From the table of proposals to the arrays that scores are computed from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labkit.core.errors import InputError
from labkit.core.tracks import Walked
from labkit.frames.order import time_line
from labkit.queue.context import Codes, Floats, Ints, ScoreContext
from labkit.queue.drifting import flags_of

__all__ = ["build_context"]

_BOX = ["x1", "y1", "x2", "y2"]
_NEEDED = ("frame_id", "label", "score", *_BOX)


def _codes(column: pd.Series[Any]) -> tuple[Codes, NDArray[Any]]:
    """Codes (-1 where missing) and the names that they stand for."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("category")
    return np.asarray(column.cat.codes, dtype=np.int32), column.cat.categories.to_numpy(
        dtype=object
    )


def _recode(codes: Codes, table: list[int]) -> Codes:
    """``table[codes]``, and -1 where the code is -1."""
    return np.asarray([*table, -1], dtype=np.int32)[codes]


class _Names:
    """One numbering for all labels."""

    def __init__(self, names: Collection[str] = ()) -> None:
        self.index: dict[str, int] = {name: k for k, name in enumerate(names)}

    def __call__(self, name: Any) -> int:
        return self.index.setdefault(str(name), len(self.index))


def _seen_map(
    label: Codes, labels: NDArray[Any], model: Codes, models: NDArray[Any]
) -> dict[str, str | None]:
    """Which project label each model label was given in these proposals."""
    both = (label >= 0) & (model >= 0)
    pairs_seen = np.flatnonzero(
        np.bincount(model[both].astype(np.int64) * len(labels) + label[both])
    )
    return {
        str(models[k // len(labels)]): str(labels[k % len(labels)]) for k in pairs_seen.tolist()
    }


def _choices(
    df: pd.DataFrame, label: Codes, to_project: Mapping[str, str | None], names: _Names
) -> tuple[Codes, Floats, NDArray[np.bool_]]:
    """The best class that means another project label: code, score, and whether any was told."""
    runner, value = np.full(len(df), -1, np.int32), np.zeros(len(df), np.float32)
    has_choices = np.zeros(len(df), bool)
    for k in (2, 3):
        if f"label_{k}" not in df or f"score_{k}" not in df:
            continue
        codes, models = _codes(df[f"label_{k}"])
        score = df[f"score_{k}"].to_numpy(dtype=np.float32, na_value=np.nan)
        # a class that the map drops is still another class than the object's
        project = _recode(codes, [names(to_project.get(str(m), m) or m) for m in models])
        has_class = (codes >= 0) & np.isfinite(score)
        new = has_class & (runner < 0) & (project != label)
        runner, value = np.where(new, project, runner), np.where(new, score, value)
        has_choices |= has_class
    return runner, value, has_choices


def _numbers_of_frames(df: pd.DataFrame, frames: pd.DataFrame) -> tuple[NDArray[Any], Codes]:
    ids = np.asarray(frames["frame_id"], dtype=object)
    index = pd.Index(ids, dtype=object)
    if not index.is_unique:
        raise InputError("These frames cannot be ranked", "the table holds a frame twice")
    codes, frame_names = _codes(df["frame_id"])
    frame_numbers = index.get_indexer(pd.Index(frame_names, dtype=object))
    return ids, _recode(codes, frame_numbers.tolist())


def _in_order(df: pd.DataFrame, frame: Codes) -> Ints | None:
    """The order by frame, run and index, or None where the rows are in it already."""
    index = df["index"].to_numpy() if "index" in df else np.arange(len(df))
    run = _codes(df["run_id"])[0] if "run_id" in df else np.zeros(len(df), np.int32)
    step, inside = np.diff(frame), np.diff(index)
    if (run == run[:1]).all() and ((step > 0) | ((step == 0) & (inside >= 0))).all():
        return None
    return np.lexsort((index, run, frame))


def build_context(
    proposals: pd.DataFrame,
    frames: pd.DataFrame,
    *,
    conf: float = 0.5,
    borderline: tuple[float, float] = (0.4, 0.6),
    seed: int = 0,
    label_map: Mapping[str, str | None] | None = None,
    other: pd.DataFrame | None = None,
    sequences: Collection[str] = (),
    names: Collection[str] = (),
    walked: Mapping[int, Walked] | None = None,
) -> ScoreContext:
    """Arrays from a table of proposals, sorted by frame.

    Parameters
    ----------
    proposals : DataFrame
        Columns of :data:`labkit.store.schema.PROPOSALS`; those beyond ``frame_id``, ``label``,
        ``score`` and the box may be missing. Rows of frames that are not in ``frames``, and rows
        without a label or a finite score, are left out.
    frames : DataFrame
        The frames of the run: ``frame_id``, and ``group`` and ``index`` for the flicker score.
    label_map : mapping, optional
        Model label to project label (None: dropped). Without it, what the proposals show of it.
    other : DataFrame, optional
        Proposals of a second run.
    sequences : collection of str
        Groups of single images that follow each other in time, in the order of ``frames``.
    names : collection of str
        Labels to number first.
    walked : mapping, optional
        Track id to where a track run has looked for it.

    Raises
    ------
    InputError
        A column is missing, or a frame is there twice.
    """
    missing = [c for c in _NEEDED if c not in proposals]
    if missing or "frame_id" not in frames:
        raise InputError(
            "These proposals cannot be ranked", f"no column {(missing or ['frame_id'])[0]!r}"
        )
    ids, frame = _numbers_of_frames(proposals, frames)
    score = proposals["score"].to_numpy(dtype=np.float32, na_value=np.nan)
    df, good = proposals, (frame >= 0) & np.isfinite(score) & proposals["label"].notna().to_numpy()
    if not good.all():
        df, frame, score = df[good], frame[good], score[good]
    label, labels = _codes(df["label"])
    numbering = _Names(names)
    project = _recode(label, [numbering(name) for name in labels])
    to_project: dict[str, str | None] = {}
    if "model_label" in df:
        to_project |= _seen_map(label, labels, *_codes(df["model_label"]))
    to_project |= dict(label_map or {})
    runner, runner_score, told = _choices(df, project, to_project, numbering)
    context = ScoreContext(
        frame_ids=ids,
        frame=frame.astype(np.intp),
        score=score,
        boxes=np.ascontiguousarray(df[_BOX].to_numpy(dtype=np.float32, na_value=np.nan)),
        label=project,
        names=(),
        runner_up=runner,
        runner_up_score=runner_score,
        has_choices=told,
        moment=time_line(frames, sequences),
        conf=conf,
        borderline=borderline,
        seed=seed,
        sizes=_sizes(frames),
        walked=walked,
        **_tracks(df),
    )
    context = _sorted(context, _in_order(df, frame))
    if other is not None:
        second = build_context(
            other, frames, conf=conf, label_map=label_map, names=tuple(numbering.index)
        )
        return replace(context, other=second, names=second.names)
    return replace(context, names=tuple(numbering.index))


def _sizes(frames: pd.DataFrame) -> Floats | None:
    if "width" not in frames or "height" not in frames:
        return None
    return frames[["width", "height"]].to_numpy(dtype=np.float32)


def _tracks(df: pd.DataFrame) -> dict[str, Any]:
    """Track ids and drift flags, where the run has tracks at all."""
    if "track_id" not in df or not df["track_id"].notna().any():
        return {}
    track = pd.to_numeric(df["track_id"], errors="coerce").astype("Float64")
    ids = track.to_numpy(dtype=np.float64, na_value=-1).astype(np.int64)
    flags = flags_of(df["attributes"].tolist()) if "attributes" in df else None
    return {"track": ids, "flags": flags}


def _sorted(c: ScoreContext, order: Ints | None) -> ScoreContext:
    if order is None:
        return c
    return replace(
        c,
        frame=c.frame[order],
        score=c.score[order],
        boxes=c.boxes[order],
        label=c.label[order],
        runner_up=c.runner_up[order],
        runner_up_score=c.runner_up_score[order],
        has_choices=c.has_choices[order],
        track=None if c.track is None else c.track[order],
        flags=None if c.flags is None else c.flags[order],
    )

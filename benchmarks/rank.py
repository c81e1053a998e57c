"""How fast is ranking: labkit's scores against the same scores by ``groupby().apply``.

    python benchmarks/rank.py [--frames 50000] [--plain-frames 2000]

1,000,000 synthetic proposals of 50,000 frames (500 videos): objects that drift, with scores skewed
low, near-duplicates that suppression kept, three class scores each, and a second run. The plain
version is timed on the first frames and scaled by the number of frames, for it is linear in them;
on those its values are compared with labkit's.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import pandas as pd
from _table import median_s, show

from labkit.queue import build_context, rank, score_table

LABELS = np.array(["person", "car", "truck", "bus", "bicycle", "dog", "cat", "sign", "bag", "cup"])
BOX = ["x1", "y1", "x2", "y2"]


def synthetic(n_frames: int, length: int = 100, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames of videos and about 20 proposals per frame, as a project's store returns them."""
    rng = np.random.default_rng(seed)
    n_videos = -(-n_frames // length)
    ids = np.array([f"{k:016x}" for k in rng.permutation(n_frames)])
    video = np.arange(n_frames) // length
    frames = pd.DataFrame({"frame_id": ids, "group": [f"v{v:04d}.mp4" for v in video]}).assign(
        index=np.arange(n_frames) % length
    )

    # 8 objects a video, found in four of five frames; 1.7 leftovers around each of them
    tracks = 8
    start = rng.uniform(0, 1100, (n_videos, tracks, 2)) * (1, 0.55)
    speed = rng.normal(0, 2, (n_videos, tracks, 2))
    size = rng.uniform(40, 220, (n_videos, tracks, 2))
    kind = rng.integers(0, len(LABELS), (n_videos, tracks))
    quality = rng.beta(2, 1.5, (n_videos, tracks))
    f, t = np.divmod(np.arange(n_frames * tracks), tracks)
    seen = rng.random(len(f)) < 0.8
    f, t = f[seen], t[seen]
    copies = 1 + rng.poisson(2.13, len(f))
    first = np.repeat(np.cumsum(copies) - copies, copies) == np.arange(copies.sum())
    f, t = np.repeat(f, copies), np.repeat(t, copies)
    v, at = video[f], (f % length)[:, None]
    jitter = np.where(first, 0.02, 0.22)[:, None]
    wide = size[v, t]
    corner = start[v, t] + speed[v, t] * at + rng.normal(0, 1, (len(f), 2)) * jitter * wide
    wide = wide * np.exp(rng.normal(0, 1, (len(f), 2)) * jitter)
    score = np.where(first, np.clip(quality[v, t] + rng.normal(0, 0.12, len(f)), 0.05, 0.97), 0)
    score = np.where(first, score, 0.05 + 0.5 * rng.beta(0.8, 5, len(f)))
    label = np.where(rng.random(len(f)) < 0.93, kind[v, t], rng.integers(0, len(LABELS), len(f)))
    second = score * rng.beta(1, 5, len(f))
    return frames, _table(ids, f, label, score, second, np.hstack([corner, corner + wide]), rng)


def _table(
    ids: Any, f: Any, label: Any, score: Any, second: Any, box: Any, rng: Any
) -> pd.DataFrame:
    order = np.lexsort((-score, f))
    f, label, score, second, box = f[order], label[order], score[order], second[order], box[order]
    n = len(LABELS)
    name = pd.CategoricalDtype(LABELS)
    start = np.searchsorted(f, f)
    out = pd.DataFrame(
        {
            "frame_id": pd.Categorical.from_codes(f, dtype=pd.CategoricalDtype(ids)),
            "index": (np.arange(len(f)) - start).astype(np.int32),
            "label": pd.Categorical.from_codes(label, dtype=name),
            "model_label": pd.Categorical.from_codes(label, dtype=name),
            "score": score.astype(np.float32),
        }
    )
    for k, shift, part in ((2, rng.integers(1, n, len(f)), 1.0), (3, 0, 0.6)):
        other = (label + np.maximum(shift, 1)) % n
        out[f"label_{k}"] = pd.Categorical.from_codes(other, dtype=name)
        out[f"score_{k}"] = (second * part).astype(np.float32)
    for k, column in enumerate(BOX):
        out[column] = box[:, k].astype(np.float32)
    return out


def second_run(proposals: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """Another model's view: a tenth is missing, scores and boxes differ a little."""
    rng = np.random.default_rng(seed)
    out = proposals[rng.random(len(proposals)) < 0.9].copy()
    out["score"] = np.clip(out["score"] + rng.normal(0, 0.06, len(out)), 0.05, 0.99).astype("f4")
    moved = rng.normal(0, 3, (len(out), 4)).astype("f4")
    return out.assign(**{c: out[c] + moved[:, k] for k, c in enumerate(BOX)})


# ---- the same scores as one writes them with pandas, one frame at a time --------------------


def iou_matrix(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of every box of ``a`` with every box of ``b``."""
    low, high = (
        np.maximum(a[:, None, :2], b[None, :, :2]),
        np.minimum(a[:, None, 2:], b[None, :, 2:]),
    )
    inter = np.clip(high - low, 0, None).prod(-1)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(-1), (b[:, 2:] - b[:, :2]).prod(-1)
    return inter / (area_a[:, None] + area_b[None] - inter)


def plain_counts(g: pd.DataFrame) -> pd.Series:
    """All scores that need one frame only."""
    p = g["score"]
    labels = g["label"].to_numpy(dtype=object)
    iou = np.triu(iou_matrix(g[BOX].to_numpy(), g[BOX].to_numpy()), 1)
    pressure = iou[(iou > 0.3) & (labels[:, None] == labels[None])].sum()
    close = g[(g["score_2"] >= 0.5 * p) & (p >= 0.25) & (g["label_2"].astype(object) != labels)]
    weight = 2 * close["score"] * close["score_2"] / (close["score"] + close["score_2"])
    q = p.clip(1e-7, 1 - 1e-7)
    return pd.Series(
        {
            "borderline": float(p.between(np.float32(0.4), np.float32(0.6)).sum()),
            "crowding": (p >= 0.5).sum() + pressure,
            "nms-pressure": pressure,
            "ambiguity": weight.sum(),
            "entropy": -(q * np.log2(q) + (1 - q) * np.log2(1 - q)).sum(),
            "expected-errors": np.where(p >= 0.5, 1 - p, p).sum(),
        }
    )


def plain_flicker(video: pd.DataFrame) -> pd.Series:
    """Blips and gaps of one video's shown boxes (with a column ``at``), by ``at``."""
    by_frame = {
        at: (g[BOX].to_numpy(), g["label"].to_numpy(dtype=object)) for at, g in video.groupby("at")
    }
    nothing = (np.empty((0, 4)), np.empty(0, dtype=object))
    length = int(video["length"].iloc[0])

    def same(a: int, b: int) -> np.ndarray:
        (boxes_a, labels_a), (boxes_b, labels_b) = (
            by_frame.get(a, nothing),
            by_frame.get(b, nothing),
        )
        return (iou_matrix(boxes_a, boxes_b) > 0.3) & (labels_a[:, None] == labels_b[None])

    counts = np.zeros(length)
    for at in range(1, length - 1):
        before, after, across = same(at, at - 1), same(at, at + 1), same(at - 1, at + 1)
        blips = (~before.any(1) & ~after.any(1)).sum()
        gone = ~before.any(0)
        new = ~after.any(0)
        counts[at] = blips + (across & gone[:, None] & new[None]).any(1).sum()
    return pd.Series(counts)


def plain_disagreement(g: pd.DataFrame) -> float:
    """Greedy matching of two runs' shown boxes of one frame, equal labels first."""
    a, b = g[g["run"] == 0], g[g["run"] == 1]
    iou = iou_matrix(a[BOX].to_numpy(), b[BOX].to_numpy())
    same = a["label"].to_numpy(dtype=object)[:, None] == b["label"].to_numpy(dtype=object)[None]
    weight = np.where(iou > 0.5, iou + same, 0)
    matched = unlike = 0
    while weight.size and weight.max() > 0:
        i, j = np.unravel_index(weight.argmax(), weight.shape)
        matched, unlike = matched + 1, unlike + (not same[i, j])
        weight[i], weight[:, j] = 0, 0
    return len(a) + len(b) - 2 * matched + unlike


def plain_scores(
    proposals: pd.DataFrame, frames: pd.DataFrame, other: pd.DataFrame
) -> pd.DataFrame:
    """Every score by ``groupby().apply``, indexed by ``frame_id``."""
    ids = frames["frame_id"]
    out = proposals.groupby("frame_id", observed=True)[proposals.columns].apply(plain_counts)
    shown = proposals[proposals["score"] >= 0.5]
    both = pd.concat([shown.assign(run=0), other[other["score"] >= 0.5].assign(run=1)])
    unlike = both.groupby("frame_id", observed=True)[both.columns].apply(plain_disagreement)
    place = frames.set_index("frame_id")
    length = frames.groupby("group").size()
    shown = shown.assign(
        group=shown["frame_id"].astype(object).map(place["group"]),
        at=shown["frame_id"].astype(object).map(place["index"]),
    )
    shown = shown.assign(length=shown["group"].map(length))
    flicker = shown.groupby("group")[shown.columns].apply(plain_flicker)
    if isinstance(flicker, pd.DataFrame):  # videos of one length come back as a wide table
        flicker = flicker.stack()
    keys = pd.MultiIndex.from_frame(frames[["group", "index"]])
    out.index, unlike.index = out.index.astype(object), unlike.index.astype(object)
    out = out.reindex(ids).fillna(0.0)
    out["flicker"] = flicker.reindex(keys).fillna(0.0).to_numpy()
    out["disagreement"] = unlike.reindex(ids).fillna(0.0).to_numpy()
    out["drift"] = 0.0  # nothing was tracked here
    rng = np.random.default_rng(0)
    out["random"] = rng.random(len(out))
    return out


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=50_000)
    parser.add_argument(
        "--plain-frames", type=int, default=2_000, help="whole videos of 100 frames"
    )
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    frames, proposals = synthetic(arguments.frames)
    other = second_run(proposals)
    head = frames.head(arguments.plain_frames)
    few = proposals[proposals["frame_id"].isin(head["frame_id"])]
    few_other = other[other["frame_id"].isin(head["frame_id"])]

    def ours() -> pd.DataFrame:
        table = score_table(build_context(proposals, frames, other=other))
        return table.rank(ascending=False, method="first")

    seconds = median_s(ours, arguments.repeats)
    full = median_s(lambda: rank(proposals, frames, order="four-rules"), arguments.repeats)
    start = time.perf_counter()
    table = plain_scores(few, head, few_other)
    table.rank(ascending=False, method="first")
    plain = time.perf_counter() - start
    scaled = plain * len(frames) / len(head)

    labkit_scores = score_table(build_context(few, head, other=few_other))
    differing = [
        name
        for name in labkit_scores
        if name != "random"
        and not np.allclose(labkit_scores[name], table[name], rtol=1e-3, atol=1e-3)
    ]
    assert not differing, f"not the same scores: {differing}"
    good = seconds < 2 and scaled / seconds >= 20
    show(
        "rank",
        f"Rank {len(proposals):,} proposals over {len(frames):,} frames "
        f"with {len(labkit_scores.columns)} "
        "scores",
        ("what", "seconds", "ratio"),
        [
            ("labkit: every score and its ranks", f"{seconds:.2f}", "1.0"),
            (
                f"pandas groupby().apply, scaled from {len(head):,} frames (equal scores there)",
                f"{scaled:.0f}",
                f"{scaled / seconds:.0f}",
            ),
            (
                "labkit: `rank(order='four-rules')` with its reasons",
                f"{full:.2f}",
                f"{full / seconds:.1f}",
            ),
            ("bar: under 2 s and at least 20 x faster", "", "met" if good else "MISSED"),
        ],
    )


if __name__ == "__main__":
    main()

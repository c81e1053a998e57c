"""Fold and summary metrics over a million decisions: seconds, peak memory, and against pandas.

The bar: ``fold`` and ``metrics.summary`` over 1,000,000 decisions in 5 s or less, 2 GB or less.
The peer is what one would write first, ``groupby().apply`` an object, on a subset of the frames
and compared there in the same run.

    python benchmarks/metrics.py [--decisions 1000000] [--repeats 3]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from _table import show

from labkit import metrics
from labkit.ledger.fold import fold
from labkit.ledger.schema import DECISION_COLUMNS
from labkit.ledger.undo import standing_rows
from labkit.store.schema import PROPOSAL_COLUMNS

LABELS = np.array(["person", "car", "truck", "bus", "bicycle", "dog", "cat", "chair"])
PER_FRAME = 16


def ledger(n: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Proposals and ``n`` decisions or so: 3 reviewers, 2 % of steps undone, 2 % hand frames."""
    rng = np.random.default_rng(seed)
    frames = n // (PER_FRAME + 1)
    frame = np.repeat(np.arange(frames), PER_FRAME)
    index = np.tile(np.arange(PER_FRAME), frames)
    frame_id = np.array([f"{k:016x}" for k in range(frames)])
    label = rng.choice(LABELS, len(frame))
    corner = rng.uniform(0, 500, (len(frame), 2)).round(1)
    box = np.concatenate([corner, corner + rng.uniform(10, 100, corner.shape).round(1)], axis=1)
    object_id = np.array(
        [f"r0001-bench/{frame_id[f]}/{k}" for f, k in zip(frame, index, strict=True)]
    )
    proposals = pd.DataFrame(
        {"object_id": object_id, "run_id": "r0001-bench", "frame_id": frame_id[frame]}
    ).assign(index=index, label=label, model_label=label, score=rng.beta(4, 2, len(frame)))
    proposals[["x1", "y1", "x2", "y2"]] = box
    proposals = proposals.reindex(columns=list(PROPOSAL_COLUMNS))
    for name in ("rotated", "polygons", "mask_counts", "keypoints", "attributes"):
        proposals[name] = None
    for name in ("frame_id", "run_id", "label", "model_label"):
        proposals[name] = proposals[name].astype("category")
    for name in ("score", "x1", "y1", "x2", "y2"):
        proposals[name] = proposals[name].astype("float32")
    return proposals, _decisions(rng, proposals, frame, frame_id, box)


def _decisions(
    rng: np.random.Generator,
    proposals: pd.DataFrame,
    frame: np.ndarray,
    frame_id: np.ndarray,
    box: np.ndarray,
) -> pd.DataFrame:
    kind = rng.choice(
        ["accept", "edit", "relabel", "reject", "add"], len(frame), p=[0.7, 0.12, 0.05, 0.1, 0.03]
    )
    last = np.append(frame[1:] != frame[:-1], True)
    label = proposals["label"].astype(object).to_numpy()
    after = np.where(kind == "relabel", rng.choice(LABELS, len(frame)), label)
    text = np.array(
        [
            f'{{"label": "{name}", "shape": {{"box": [{a}, {b}, {c}, {d}]}}}}'
            for name, (a, b, c, d) in zip(after, box.round(1).tolist(), strict=True)
        ],
        dtype=object,
    )
    drawn = kind == "add"
    rows = pd.DataFrame({"kind": kind, "frame_id": frame_id[frame]})
    rows["object_id"] = np.where(
        drawn, [f"{k:032x}" for k in range(len(rows))], proposals.object_id
    )
    rows["run_id"] = np.where(drawn, None, "r0001-bench")
    rows["score"] = np.where(drawn, np.nan, proposals["score"])
    rows["after"] = np.where(kind == "reject", None, text)
    rows["before"] = np.where(np.isin(kind, ["edit", "relabel", "reject"]), text, None)
    rows["label_after"] = np.where(kind == "reject", None, after)
    rows["label_before"] = np.where(np.isin(kind, ["edit", "relabel", "reject"]), label, None)
    rows["order"] = np.arange(len(rows), dtype=float)
    rows["step"] = [f"s{k}" for k in range(len(rows))]
    whole = rows.loc[last, ["frame_id", "order"]].assign(kind="accept_frame")
    whole["order"] += 0.5
    whole["kind"] = np.where(rng.random(len(whole)) < 0.02, "reject_frame", whole["kind"])
    whole["step"] = [f"f{k}" for k in range(len(whole))]
    undone = rows.sample(frac=0.02, random_state=1)[["frame_id", "order", "step"]]
    undone = undone.rename(columns={"step": "target"}).assign(kind="undo")
    undone["order"] += 0.25
    undone["step"] = [f"u{k}" for k in range(len(undone))]
    out = pd.concat([rows, whole, undone]).sort_values("order", kind="stable")
    n = len(out)
    out = out.assign(
        seq=np.arange(1, n + 1),
        decision_id=[f"{k:032x}" for k in range(n)],
        reviewer=rng.choice(["ana", "bo", "cy"], len(frame_id))[
            pd.factorize(out["frame_id"])[0] % len(frame_id)
        ],
        session_id="s1",
        time=pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(np.arange(n), unit="s"),
        scripted=False,
        threshold=0.5,
        tool="key",
        active_s=rng.gamma(2, 0.6, n),
        clicks=1,
        comment="",
    )
    return out.reindex(columns=list(DECISION_COLUMNS)).reset_index(drop=True)


def peer(decisions: pd.DataFrame) -> pd.DataFrame:
    """Verdicts and rates by label as one would write them first: a function applied an object."""
    undone = set(decisions.loc[decisions["kind"] == "undo", "target"])
    rows = decisions[~decisions["step"].isin(undone) & (decisions["kind"] != "undo")]
    rows = rows[rows["object_id"].notna()]

    def verdict(group: pd.DataFrame) -> pd.Series[Any]:
        kinds = list(group["kind"])
        last = group.iloc[-1]
        name = last["label_before"] if last["label_before"] else last["label_after"]
        state = "added" if "add" in kinds else last["kind"]
        return pd.Series({"label": name, "verdict": state})

    table = rows.groupby("object_id", sort=False)[list(rows.columns)].apply(verdict)
    counts = table.groupby(["label", "verdict"]).size().unstack(fill_value=0)
    judged = counts.drop(columns="add", errors="ignore").sum(axis=1)
    seconds = decisions.groupby("frame_id")["active_s"].sum()
    return counts.div(judged, axis=0).assign(seconds=seconds.median())


def measured(function: Callable[[], Any], repeats: int) -> float:
    """Median seconds of several runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak_gb() -> float:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    proposals, decisions = ledger(arguments.decisions)
    _, decisions_small = ledger(20_000, seed=1)
    base = peak_gb()
    n = len(decisions)
    rows = [
        ("undo", measured(lambda: standing_rows(decisions), arguments.repeats)),
        ("metrics.summary", measured(lambda: metrics.summary(decisions), arguments.repeats)),
        ("fold", measured(lambda: fold(proposals, decisions), arguments.repeats)),
        (
            "rates by reviewer, label",
            measured(lambda: metrics.rates(decisions, ["reviewer", "label"]), 1),
        ),
        ("edit_drift", measured(lambda: metrics.edit_drift(decisions), 1)),
        ("agreement", measured(lambda: metrics.agreement(proposals, decisions), 1)),
        ("advise_threshold", measured(lambda: metrics.advise_threshold(proposals, decisions), 1)),
        ("roi", measured(lambda: metrics.roi(decisions), 1)),
    ]
    both = dict(rows)["metrics.summary"] + dict(rows)["fold"]
    labkit_s = measured(lambda: metrics.summary(decisions_small), arguments.repeats)
    peer_s = measured(lambda: peer(decisions_small), 1)
    table = [[name, f"{seconds:.2f} s"] for name, seconds in rows]
    table += [
        ["**fold + summary**, bar 5 s", f"{both:.2f} s"],
        ["peak memory, bar 2 GB", f"{peak_gb():.2f} GB (the inputs alone {base:.2f})"],
        [
            f"`groupby().apply` over summary, {len(decisions_small):,} decisions",
            f"{peer_s:.1f} s over {labkit_s:.3f} s, {peer_s / labkit_s:.0f} x",
        ],
    ]
    show("metrics", f"Metrics of {n:,} decisions, {len(proposals):,} proposals", ["", ""], table)


if __name__ == "__main__":
    main()

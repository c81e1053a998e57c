"""How early does a queue meet the model's errors, with real photos and real ground truth.

    python benchmarks/errors_met.py [--data ../shared/data] [--seeds 50]

YOLOv8n (int8) on coco128: shown from 0.5, NMS at IoU 0.6. Errors are counted against the ground
truth at IoU 0.5: false alarms, missed objects, wrong classes. The area under 'share of errors met'
against 'share of frames reviewed' (trapezoids, from the origin) is given as it is and as a share
of the perfect order's. The frames' own errors are never seen by an order.
"""

from __future__ import annotations

import argparse
import ast
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _table import show

from labkit.core.matching import match_boxes
from labkit.queue import rank, scores

BOX = ["x1", "y1", "x2", "y2"]
CONF = 0.5
MIX = {"entropy": 1.0, "expected-errors": 1.0}


def names_of(weights: Path) -> list[str]:
    """Class names from the metadata of an Ultralytics ONNX file."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    return list(ast.literal_eval(session.get_modelmeta().custom_metadata_map["names"]).values())


def predict(data: Path, names: list[str], root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Proposals and frames of a new project."""
    import labkit as lk

    project = lk.Project.create(root / "project", labels=names)
    project.add_frames(data / "coco128" / "images")
    run = project.predict(data / "weights" / "yolov8n_int8.onnx", conf=CONF, iou=0.6)
    return project.proposals(run), project.frames()


def ground_truth(folder: Path, frames: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Objects of the YOLO text files, by the number of the frame.

    Two of the photos (250 and 508) hold no object and have no file; ``labels_seg`` has empty ones.
    """
    rows = []
    for k, frame in enumerate(frames.itertuples()):
        path = folder / f"{Path(frame.uri).stem}.txt"
        size = np.array([frame.width, frame.height])
        for line in path.read_text().splitlines() if path.exists() else ():
            kind, *values = (float(v) for v in line.split())
            centre, half = np.array(values[:2]) * size, np.array(values[2:]) * size / 2
            rows.append((k, names[int(kind)], *(centre - half), *(centre + half)))
    return pd.DataFrame(rows, columns=["frame", "label", *BOX])


def errors_of(proposals: pd.DataFrame, truth: pd.DataFrame, frames: pd.DataFrame) -> np.ndarray:
    """False alarms, missed objects and wrong classes by frame, ``(n, 3)``."""
    shown = proposals[proposals["score"] >= CONF]
    number = pd.Index(frames["frame_id"]).get_indexer(shown["frame_id"].astype(object))
    at = truth["frame"].to_numpy()
    pairs = match_boxes(
        shown[BOX], truth[BOX], 0.5, group_a=number, group_b=at, priority=shown["score"]
    )
    said = shown["label"].to_numpy(dtype=object)[pairs.i]
    wrong = said != truth["label"].to_numpy(dtype=object)[pairs.j]
    counts = (np.delete(number, pairs.i), np.delete(at, pairs.j), number[pairs.i][wrong])
    return np.stack([np.bincount(c, minlength=len(frames)) for c in counts], axis=1)


def area(errors: np.ndarray, order: np.ndarray) -> float:
    """Area under the share of errors met against the share of frames reviewed, 0..1."""
    met = np.concatenate([[0], np.cumsum(errors[order])]) / errors.sum()
    return float(((met[1:] + met[:-1]) / 2).mean())


def evaluate(
    proposals: pd.DataFrame, frames: pd.DataFrame, errors: np.ndarray, seeds: int
) -> pd.DataFrame:
    """Areas of all orders: mean, least and greatest over the seeds."""
    place = pd.Index(frames["frame_id"])
    perfect = area(errors, np.argsort(-errors, kind="stable"))

    def areas(order: str | Mapping[str, float]) -> list[float]:
        areas_found = []
        for seed in range(seeds):
            queue = rank(proposals, frames, order=order, conf=CONF, seed=seed)
            areas_found.append(area(errors, place.get_indexer(queue["frame_id"].astype(object))))
        return areas_found

    # neighbouring frames and a second run are not in this data
    orders: list[Any] = ["four-rules", *(s for s in scores if s not in ("flicker", "disagreement"))]
    rows = [("perfect", perfect, 1.0, 1.0, 1.0)]
    for order in [*orders, MIX]:
        found = np.array(areas(order))
        name = order if isinstance(order, str) else " + ".join(order)
        share = found / perfect
        rows.append((name, found.mean(), share.mean(), share.min(), share.max()))
    return pd.DataFrame(rows, columns=["order", "area", "share", "least", "greatest"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=beside)
    parser.add_argument("--seeds", type=int, default=50)
    arguments = parser.parse_args()
    names = names_of(arguments.data / "weights" / "yolov8n_int8.onnx")
    with tempfile.TemporaryDirectory() as root:
        proposals, frames = predict(arguments.data, names, Path(root))
    truth = ground_truth(arguments.data / "coco128" / "labels", frames, names)
    errors = errors_of(proposals, truth, frames)
    report(
        evaluate(proposals, frames, errors.sum(axis=1), arguments.seeds), errors, arguments.seeds
    )


def report(table: pd.DataFrame, errors: np.ndarray, seeds: int) -> None:
    """Show counts, areas and the bars."""
    false, missed, wrong = errors.sum(axis=0)
    share = table.set_index("order")["share"]
    best = share.drop("perfect").idxmax()
    bars = {"four-rules": 0.85, best: 0.92}
    rows = [
        (r.order, f"{r.area:.3f}", f"{r.share:.3f}", f"{r.least:.3f} to {r.greatest:.3f}", "")
        for r in table.itertuples()
    ]
    for k, row in enumerate(rows):
        if row[0] in bars:
            bar = bars[row[0]]
            rows[k] = (*row[:4], f">= {bar}: {'met' if share[row[0]] >= bar else 'MISSED'}")
    show(
        "errors_met",
        f"Errors met against frames reviewed: {len(errors)} photos with {false} false alarms, "
        f"{missed} missed objects, {wrong} wrong classes; mean of {seeds} seeds",
        ("order", "area", "share of perfect", "over the seeds", "bar"),
        rows,
    )


if __name__ == "__main__":
    main()

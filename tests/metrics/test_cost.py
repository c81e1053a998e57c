import json

import numpy as np
import pandas as pd
import pytest
from factories import decisions_frame, object_json, proposals_frame
from metrics.ledgers import RUN, added, judged, nothing, whole

from labkit.core.errors import InputError
from labkit.core.matching import match_boxes
from labkit.metrics import ClickCosts, advise_threshold
from labkit.metrics.cost import CURVE_COLUMNS

A, B, C = (0.0, 0.0, 10.0, 10.0), (20.0, 20.0, 30.0, 30.0), (40.0, 40.0, 50.0, 50.0)
COSTS = ClickCosts(reject=1, add=3, edit=2, relabel=2, frame=1)


def case(frames: int = 5) -> tuple[pd.DataFrame, pd.DataFrame]:
    """On every frame: A at 0.9 is right, B at 0.6 has the wrong label, C at 0.3 is nothing; an
    object lies at D, which nobody proposed."""
    d = (60.0, 60.0, 70.0, 70.0)
    proposals, rows = [], []
    for k in range(frames):
        f = f"f{k:02d}"
        for box, score in ((A, 0.9), (B, 0.6), (C, 0.3)):
            proposals.append({"frame_id": f, "box": box, "score": score, "label": "cat"})
        rows += [
            judged("accept", f, 0, box=A, score=0.9, threshold=0.5),
            judged("relabel", f, 1, box=B, to="dog", score=0.6, threshold=0.5),
            added(f, f"x{k}", box=d),
            whole("accept_frame", f),
        ]
    return proposals_frame(proposals, RUN), decisions_frame(rows)


def test_clicks_at_each_threshold_counted_by_hand() -> None:
    proposals, ledger = case()
    advice = advise_threshold(proposals, ledger, costs=COSTS, thresholds=[0.2, 0.5, 0.7, 0.95])
    assert advice.curve.columns.tolist() == list(CURVE_COLUMNS)
    curve = advice.curve.set_index("threshold")
    each = curve[["shown", "false_alarms", "misses", "edits", "relabels"]] / 5
    assert each.loc[0.2].tolist() == [3, 1, 1, 0, 1]
    assert each.loc[0.5].tolist() == [2, 0, 1, 0, 1]
    assert each.loc[0.7].tolist() == [1, 0, 2, 0, 0]
    assert each.loc[0.95].tolist() == [0, 0, 3, 0, 0]
    assert curve["clicks_per_frame"].tolist() == [1 + 1 + 3 + 2, 1 + 3 + 2, 1 + 6, 1 + 9]
    assert advice.recommended == 0.5
    assert (advice.lo, advice.hi) == (0.5, 0.5)  # all frames are alike
    assert curve["seen"].tolist() == [False, True, True, True]
    assert "Show proposals from 0.50 up" in advice.sentence
    assert "not seen" in advice.sentence


def test_a_tie_is_answered_by_its_middle() -> None:
    advice = advise_threshold(*case(), costs=COSTS)
    assert advice.recommended == pytest.approx(0.46, abs=0.02)  # 0.31 .. 0.60 cost the same


def test_dear_rejects_raise_the_threshold_and_dear_adds_lower_it() -> None:
    rng = np.random.default_rng(0)
    proposals, rows = [], []
    for k in range(30):
        f = f"f{k:02d}"
        for x in range(10):
            box, score = (x * 20.0, 0.0, x * 20.0 + 10, 10.0), float(rng.random() * 0.9 + 0.05)
            proposals.append({"frame_id": f, "box": box, "score": score, "label": "cat"})
            real = rng.random() < score
            rows.append(judged("accept" if real else "reject", f, x, box=box, threshold=0.05))
        rows.append(whole("accept_frame", f, threshold=0.05))
    args = proposals_frame(proposals, RUN), decisions_frame(rows)
    dear_rejects = advise_threshold(*args, costs=ClickCosts(reject=5, add=1))
    dear_adds = advise_threshold(*args, costs=ClickCosts(reject=1, add=5))
    assert dear_rejects.recommended > 0.6 > 0.4 > dear_adds.recommended
    assert dear_adds.lo <= dear_adds.recommended <= dear_adds.hi


def test_an_edited_box_costs_an_edit_and_a_far_one_a_reject_and_an_add() -> None:
    near, far = (0.0, 0.0, 10.0, 8.0), (0.0, 0.0, 10.0, 4.0)
    rows = [judged("edit", "f0", 0, box=near), whole("accept_frame", "f0")]
    rows += [judged("edit", "f1", 0, box=far), whole("accept_frame", "f1")]
    proposals = proposals_frame([{"frame_id": f, "box": A, "label": "cat"} for f in ("f0", "f1")])
    curve = advise_threshold(
        proposals, decisions_frame(rows), thresholds=[0.5], at_least=1
    ).curve.iloc[0]
    assert curve[["edits", "false_alarms", "misses"]].tolist() == [1, 1, 1]


def test_pairs_at_a_threshold_are_those_of_the_lowest_cut_off_there() -> None:
    """What lets the adviser pair once: brute force at every threshold gives the same counts."""
    rng = np.random.default_rng(7)

    def boxes(n: int) -> np.ndarray:
        corner = rng.uniform(0, 40, (n, 2))
        return np.concatenate([corner, corner + rng.uniform(10, 30, (n, 2))], axis=1)

    proposals, rows, truth = [], [], {}
    for k in range(8):
        f, truth[k] = f"f{k}", boxes(6)
        scores = rng.random(12).astype(np.float32)
        for box, score in zip(boxes(12), scores, strict=True):
            proposals.append({"frame_id": f, "box": box, "score": score, "label": "cat"})
        rows += [added(f, f"x{k}{i}", box=tuple(b)) for i, b in enumerate(truth[k])]
        rows += [whole("accept_frame", f)]
    table = proposals_frame(proposals, RUN)
    curve = advise_threshold(table, decisions_frame(rows), min_iou=0.3).curve
    for t, misses in zip(curve["threshold"], curve["misses"], strict=True):
        matched = 0
        for k in range(8):
            shown = table[(table["frame_id"] == f"f{k}") & (table["score"] >= np.float32(t))]
            box = shown[["x1", "y1", "x2", "y2"]].to_numpy()
            matched += len(match_boxes(box, truth[k], 0.3, priority=shown["score"]).i)
        assert misses == 48 - matched


def test_the_sample_is_seeded_and_bounded() -> None:
    proposals, ledger = case(40)
    first = advise_threshold(proposals, ledger, seed=1)
    assert len(first.frames) == 20
    assert first.frames == advise_threshold(proposals, ledger, seed=1).frames
    assert first.frames != advise_threshold(proposals, ledger, seed=2).frames
    assert len(advise_threshold(proposals, ledger, frames=7).frames) == 7
    assert len(advise_threshold(*case(6)).frames) == 6


def test_undone_frames_do_not_count_and_too_few_are_an_error() -> None:
    proposals, ledger = case(5)
    rows = ledger.to_dict("records")
    target = ledger.loc[ledger["kind"] == "accept_frame", "step"].iloc[0]
    rows.append(whole("undo", "f00", target=target))
    with pytest.raises(InputError, match="4 frames are accepted and 5 are needed"):
        advise_threshold(proposals, decisions_frame(rows))
    with pytest.raises(InputError, match="0 frames"):
        advise_threshold(proposals, nothing())


def test_bad_arguments() -> None:
    proposals, ledger = case()
    two = proposals.assign(run_id=["r1", "r2", "r1"] * 5)
    with pytest.raises(InputError, match="one run"):
        advise_threshold(two, ledger)
    for thresholds in ([], [1.5], [float("nan")], [-0.1]):
        with pytest.raises(InputError, match="thresholds"):
            advise_threshold(proposals, ledger, thresholds=thresholds)
    with pytest.raises(InputError, match="Click costs"):
        ClickCosts(add=-1)


def test_costs_are_measured_where_there_are_enough() -> None:
    rows = [added("f", f"x{k}", clicks=4 + k % 2) for k in range(30)]
    rows += [judged("reject", "f", k, clicks=9) for k in range(3)]
    measured = ClickCosts.measured(decisions_frame(rows))
    assert measured.add == 4.5
    assert measured.reject == ClickCosts().reject
    assert ClickCosts.measured(nothing()) == ClickCosts()


def test_shapes_come_from_the_ledger_where_they_were_changed() -> None:
    rows = [judged("edit", f"f{k}", 0, box=B) for k in range(5)]
    for row in rows:
        row["before"] = object_json("cat", A)
        assert json.loads(row["after"])["shape"]["box"] == list(B)
    rows += [whole("accept_frame", f"f{k}") for k in range(5)]
    table = proposals_frame([{"frame_id": f"f{k}", "box": A, "label": "cat"} for k in range(5)])
    curve = advise_threshold(table, decisions_frame(rows), thresholds=[0.5]).curve
    assert curve.iloc[0][["false_alarms", "misses"]].tolist() == [5, 5]

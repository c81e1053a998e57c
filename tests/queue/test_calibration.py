"""A queue learns from decisions: done frames stay, doubtful labels move up."""

from __future__ import annotations

import pandas as pd
import pytest
from factories import decision_row, decisions_frame, frames_frame, object_json, proposals_frame

from labkit.core.errors import NotFoundError
from labkit.ledger.fold import frame_states
from labkit.queue import build_context, calibrate, rank, rerank

BOX = (0, 0, 100, 100)


def verdict(kind: str, frame: str, label: str, score: float | None, index: int = 0, **more) -> dict:
    thing = object_json(label, BOX)
    sides = {"accept": {"after": thing}, "reject": {"before": thing}, "add": {"after": thing}}
    given = {
        "object_id": f"r0001-test/{frame}/{index}",
        "run_id": None if kind == "add" else "r0001-test",
        "score": score,
        **sides.get(kind, {}),
        **more,
    }
    return decision_row(kind, frame, **given)


def done(frame: str) -> dict:
    return decision_row("accept_frame", frame, threshold=0.5)


@pytest.fixture
def reviewed() -> tuple[pd.DataFrame, pd.DataFrame, list[dict]]:
    """Five reviewed frames where every bus was wrong and every car right, and four open ones."""
    rows, log = [], []
    for k in range(5):
        for label, kind, at in (("bus", "reject", 0), ("car", "accept", 200)):
            rows.append(
                {
                    "frame_id": f"done{k}",
                    "box": (at, 0, at + 100, 100),
                    "label": label,
                    "score": 0.8,
                }
            )
            log += [verdict(kind, f"done{k}", label, 0.8, index=at // 200)]
        log.append(done(f"done{k}"))
    rows += [
        {"frame_id": f"{label}{k}", "box": BOX, "label": label, "score": score}
        for label, score in (("bus", 0.8), ("car", 0.75))
        for k in range(2)
    ]
    frames = frames_frame([*(f"done{k}" for k in range(5)), "bus0", "bus1", "car0", "car1"])
    return proposals_frame(rows), frames, log


def again(queue, proposals, frames, log, **options) -> pd.DataFrame:
    decisions = decisions_frame(log)
    states = frame_states(decisions)
    return rerank(queue, proposals, frames, decisions=decisions, states=states, **options)


@pytest.mark.parametrize("order", ["expected-errors", "entropy", "four-rules"])
def test_labels_that_were_wrong_more_often_than_promised_move_up(reviewed, order):
    proposals, frames, log = reviewed
    queue = rank(proposals, frames, order=order, quotas={"borderline": 1})
    left = [f for f in queue["frame_id"] if not f.startswith("done")]
    assert [f[:3] for f in left] == ["car", "car", "bus", "bus"]
    later = again(queue, proposals, frames, log, order=order, quotas={"borderline": 1})
    left = [f for f in later["frame_id"] if not f.startswith("done")]
    assert [f[:3] for f in left] == ["bus", "bus", "car", "car"]


def test_done_frames_keep_their_rank_and_row_and_nothing_is_lost(reviewed):
    proposals, frames, log = reviewed
    queue = rank(proposals, frames, order="expected-errors")
    log = [*log[:6], decision_row("skip", "car1")]  # two accepted, one skipped
    later = again(queue, proposals, frames, log, order="expected-errors")
    finished = ["done0", "done1", "car1"]
    before, after = (q[q["frame_id"].isin(finished)] for q in (queue, later))
    pd.testing.assert_frame_equal(before, after)
    assert sorted(later["frame_id"]) == sorted(queue["frame_id"])
    assert later["rank"].tolist() == list(range(1, 10))


def test_without_decisions_nothing_changes(reviewed):
    proposals, frames, _ = reviewed
    queue = rank(proposals, frames, seed=4)
    pd.testing.assert_frame_equal(again(queue, proposals, frames, [], seed=4), queue)


def test_undone_decisions_teach_nothing(reviewed):
    proposals, frames, log = reviewed
    queue = rank(proposals, frames, order="expected-errors")
    log = [row for row in log if row["kind"] != "accept_frame"]
    log += [decision_row("undo", row["frame_id"], target=row["step"]) for row in log]
    later = again(queue, proposals, frames, log, order="expected-errors")
    pd.testing.assert_frame_equal(later, queue)


def test_decisions_do_not_change_the_random_order(reviewed):
    proposals, frames, log = reviewed
    queue = rank(proposals, frames, order="random")
    later = again(queue, proposals, frames, log, order="random")
    assert later["frame_id"].tolist() == queue["frame_id"].tolist()


def test_a_queue_of_other_frames_is_refused(reviewed):
    proposals, frames, log = reviewed
    queue = rank(proposals, frames)
    with pytest.raises(NotFoundError, match="No frame is called 'bus0'"):
        again(queue, proposals, frames[frames["frame_id"] != "bus0"], log)


def test_ratios_are_errors_seen_over_errors_expected_with_a_prior(reviewed):
    proposals, frames, log = reviewed
    found = calibrate(build_context(proposals, frames), decisions_frame(log))
    # 5 wrong, 5 x 0.2 expected, 2 of each to begin with
    assert found.label["bus"] == pytest.approx((5 + 2) / (1 + 2))
    assert found.label["car"] == pytest.approx((0 + 2) / (1 + 2))
    assert found.shown["bus", 8] == pytest.approx((5 + 2 * found.label["bus"]) / (1 + 2))


def test_relabelled_objects_are_errors_and_moved_boxes_are_not(reviewed):
    proposals, frames, _ = reviewed
    bus, car = object_json("bus", BOX), object_json("car", BOX)
    moved = object_json("car", (5, 0, 100, 100))
    log = [
        verdict("relabel", "done0", "bus", 0.8, before=bus, after=car),
        verdict("edit", "done0", "car", 0.8, index=1, before=car, after=moved),
    ]
    found = calibrate(build_context(proposals, frames), decisions_frame(log))
    assert found.label["bus"] > 1 > found.label["car"]


def test_added_objects_make_hidden_proposals_of_their_label_more_likely():
    rows = [
        {"frame_id": f, "box": BOX, "label": label, "score": 0.2}
        for f in ("a", "b")
        for label in ("bus", "car")
    ]
    proposals, frames = proposals_frame(rows), frames_frame(["a", "b"])
    log = [verdict("add", "a", "bus", None, object_id=f"new{k}") for k in range(3)]
    ctx = build_context(proposals, frames)
    assert calibrate(ctx, decisions_frame(log)).hidden == {}  # the frame is not finished
    found = calibrate(ctx, decisions_frame([*log, done("a")]))
    assert found.hidden["bus"] == pytest.approx((3 + 2) / (0.2 + 2))
    assert found.hidden["car"] == pytest.approx(2 / (0.2 + 2))
    factor = dict(zip([ctx.names[k] for k in ctx.label], found.factors(ctx), strict=True))
    assert factor["bus"] > 2 > 1 > factor["car"]


def test_no_expected_error_is_ever_above_one():
    rows = [{"frame_id": "a", "box": BOX, "label": "bus", "score": 0.55}]
    log = [verdict("reject", "a", "bus", 0.95, object_id=f"x{k}") for k in range(30)]
    proposals, frames = proposals_frame(rows), frames_frame(["a"])
    later = again(rank(proposals, frames), proposals, frames, log, order="expected-errors")
    assert later["score"].tolist() == [1.0]


def test_verdicts_on_other_models_say_nothing_about_this_ones_scores(reviewed):
    proposals, frames, log = reviewed
    # another model's buses were wrong, and a tracker's
    other = [{**row, "run_id": "r0002-other"} if row.get("object_id") else row for row in log]
    queue = rank(proposals, frames, order="expected-errors")
    later = again(queue, proposals, frames, other, order="expected-errors")
    pd.testing.assert_frame_equal(later, queue)
    found = calibrate(build_context(proposals, frames), decisions_frame(other), ["r0001-test"])
    assert (found.shown, found.label) == ({}, {})


def test_a_score_at_the_threshold_is_held_against_it_as_it_is_stored(reviewed):
    proposals, frames, _ = reviewed
    score = float(pd.Series([0.7], dtype="float32")[0])  # 0.699999988 as float64
    log = [verdict("reject", "done0", "bus", score), done("done0")]
    found = calibrate(build_context(proposals, frames, conf=0.7), decisions_frame(log))
    assert found.label["bus"] > 1  # an error among what was shown, not a hidden object

"""Gestures in, decisions and answers out; no browser."""

import pytest

from labkit.core.errors import StoreError
from labkit.core.types import AnnotatedObject, Shape


def kinds(session):
    return [d for d in session.project.decisions()["kind"] if d != "accept"]


def test_a_verdict_is_answered_after_the_commit_and_moves_on(bench, session):
    order = session.order
    act = bench.act("accept_frame", then=order[1], threshold=0.5)
    assert bench.out.answer["ok"]
    assert bench.out.answer["id"] == act["id"]
    assert session.frame_id == order[1]
    rows = session.project.decisions()
    assert (rows["kind"] == "accept").sum() == 2
    status = bench.out.of("status")[-1]
    assert (status["done"], status["changed"]) == (1, [(0, "a")])


def test_the_threshold_under_which_it_was_accepted_is_the_one_that_was_shown(bench, session):
    bench.act("accept_frame", threshold=0.2)
    assert set(session.project.decisions()["threshold"]) == {0.2}
    assert (session.project.decisions()["kind"] == "accept").sum() == 3


def test_a_gesture_sent_twice_is_done_once(bench, session):
    act = bench.act("reject_frame")
    bench.tell(act)
    assert kinds(session) == ["reject_frame"]
    assert bench.out.of("answer")[-1] == bench.out.of("answer")[-2]


def test_gestures_faster_than_answers_are_not_stale(bench, session):
    frame = bench.frames()[session.frame_id]
    first = frame["objects"][0]["id"]
    shape = {"box": [5, 5, 21, 25]}
    bench.act("edit", frame, edits=[{"object_id": first, "shape": shape}])
    bench.act("relabel", frame, object_ids=[first], label="nut")
    bench.act("accept_frame", frame)
    assert [a["ok"] for a in bench.out.of("answer")] == [True] * 3


def test_what_was_made_on_an_older_revision_than_anothers_decision_is_refused(bench, session):
    frame = bench.frames()[session.frame_id]
    with session.project.review(session.queue, "ben") as other:
        other.goto(frame["frame_id"])
        other.reject(other.objects()[0].object_id)
    bench.act("accept_frame", frame, then=session.order[1])
    answer = bench.out.answer
    assert not answer["ok"]
    assert "saved" in answer["message"]
    assert answer["frame_id"] == frame["frame_id"] == session.frame_id
    assert bench.frames()[frame["frame_id"]]["revision"] == answer["revision"] > 0
    assert kinds(session) == ["reject"]
    # two pages on one session: the second one's old frame is refused as well
    bench.act("accept_frame", frame, client="another", revision=0)
    assert not bench.out.answer["ok"]
    bench.act("accept_frame")
    assert bench.out.answer["ok"]


def test_what_was_sent_before_a_refusal_was_heard_of_is_refused_too(bench, session):
    frame = bench.frames()[session.frame_id]
    bench.act("reject", object_ids=[frame["objects"][0]["id"]])
    nonsense = [{"id": "new-1", "label": "cat", "shape": {"box": [1, 1, 9, 9]}}]
    bench.act("add", objects=nonsense, page={"refusals": 0})
    bench.act("accept_frame", then=session.order[1], page={"refusals": 0})
    assert "an earlier change to this frame was not" in bench.out.answer["message"]
    bench.act("undo", then="", page={"refusals": 1})
    assert [a["ok"] for a in bench.out.of("answer")] == [True, False, False, False]
    assert kinds(session) == ["reject"]
    # on other frames it goes on, and here as well once the page has heard of all
    other = bench.frames()[session.order[1]]
    bench.act("reject_frame", other, page={"refusals": 0})
    assert bench.out.answer["ok"]
    bench.act("accept_frame", frame, revision=99, page={"refusals": 3})
    assert bench.out.answer["ok"]


def test_what_was_proposed_since_the_frame_was_sent_is_not_accepted_unseen(bench, session):
    frame = bench.frames()[session.frame_id]
    seen = {"threshold": 0.5, "proposals": frame["proposals"]}
    late = AnnotatedObject("late", frame["frame_id"], "nut", Shape((1, 1, 9, 9)), score=0.9)
    session.add_proposals(frame["frame_id"], [late])
    bench.act("accept_frame", frame, then=session.order[1], **seen)
    assert "proposed on this frame in the meantime" in bench.out.answer["message"]
    assert not len(session.project.decisions())
    again = bench.frames()[frame["frame_id"]]
    assert "late" in [o["id"] for o in again["objects"]]
    bench.act("accept_frame", again, **{**seen, "proposals": again["proposals"]})
    assert bench.out.answer["ok"]


def test_a_gesture_is_answered_when_the_ledger_cannot_be_reached_at_all(
    bench, session, monkeypatch
):
    def gone(*_args, **_kwargs):
        raise StoreError("The ledger cannot be reached")

    ledger = type(session.project.ledger)
    with monkeypatch.context() as away:
        for name in ("append", "_reading"):
            away.setattr(ledger, name, gone)
        bench.act("accept_frame", then=session.order[1])
        answer = bench.out.answer
        assert not answer["ok"]
        assert answer["message"] == "The ledger cannot be reached"
    bench.act("accept_frame", then=session.order[1])
    assert bench.out.answer["ok"]


def test_what_was_drawn_has_its_name_in_later_gestures(bench, session):
    new = {"id": "new-1", "label": "nut", "shape": {"box": [1, 1, 9, 9]}}
    bench.act("add", objects=[new])
    made = bench.out.answer["made"]["new-1"]
    bench.act("relabel", object_ids=["new-1"], label="bolt")
    assert session.view.object(made).label == "bolt"


def test_many_objects_in_one_gesture_are_one_step(bench, session):
    ids = [o["id"] for o in bench.frames()[session.frame_id]["objects"][:2]]
    bench.act("reject", object_ids=ids)
    assert session.project.decisions()["step"].nunique() == 1
    bench.act("undo", then="")
    assert {o.state for o in session.view.objects} == {"proposed"}


def test_undo_goes_to_its_frame_and_says_so(bench, session):
    order = session.order
    bench.act("accept_frame", then=order[1])
    bench.act("reject_frame", then=order[2])
    bench.act("undo", then="")
    assert bench.out.of("at")[-1]["frame_id"] == order[1] == session.frame_id
    assert bench.out.answer["message"] == "Undone on frame 2"
    bench.act("undo", then="")
    bench.act("undo", then="")
    assert "nothing" in bench.out.answer["message"]
    bench.act("redo", then="")
    assert bench.out.answer["message"] == "Redone on frame 1"


@pytest.mark.parametrize(
    ("action", "args"),
    [
        ("edit", {"edits": [{"object_id": "?", "shape": {"box": [1, 1, 2, 2]}}]}),
        ("edit", {}),
        ("add", {"objects": [{"id": "n", "label": "nut", "shape": {"box": [9, 9, 9, 9]}}]}),
        ("add", {"objects": [{"id": "n", "label": "cat", "shape": {"box": [1, 1, 9, 9]}}]}),
        ("add", {"objects": [{"id": "n", "label": "nut", "shape": {"polygons": [[1, 2]]}}]}),
        ("relabel", {"object_ids": ["?"], "label": "nut"}),
        ("format_disk", {}),
    ],
)
def test_nonsense_is_refused_with_a_line_and_changes_nothing(bench, session, action, args):
    bench.act(action, **args)
    assert not bench.out.answer["ok"]
    assert "\n" not in bench.out.answer["message"]
    assert session.project.decisions().empty
    assert bench.out.of("frame")[-1]["frame_id"] == session.frame_id


def test_a_mask_from_the_browser_has_its_box_worked_out(bench, session):
    import numpy as np

    from labkit.core.geometry import encode_mask

    mask = np.zeros((48, 64), bool)
    mask[10:20, 30:45] = True
    rle = encode_mask(mask)
    shape = {"box": [0, 0, 64, 48], "mask": {"size": [48, 64], "counts": rle.counts}}
    bench.act("add", objects=[{"id": "n", "label": "nut", "shape": shape}])
    added = session.view.objects[-1]
    assert added.shape.box == (30, 10, 45, 20)
    sent = bench.frames()[session.frame_id]["objects"][-1]
    assert len(sent["rings"]) == 1

"""A reviewer's verbs: what is shown, what is saved, what comes back, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from review.conftest import queue_of, write_run

from labkit.core.errors import InputError, NotFoundError, StaleDecisionError, StoreError
from labkit.core.geometry import shape_from_keypoints, shape_from_mask, shape_from_polygons
from labkit.core.types import Attribute, Proposal, Rle, Shape
from labkit.project import Project
from labkit.review import ReviewSession


def by_state(session: ReviewSession) -> dict[str, str]:
    return {o.object_id: o.state for o in session.view.objects}


def test_the_threshold_moves_what_is_shown_and_decides_nothing(session, project) -> None:
    assert session.threshold == 0.5
    assert len(session.objects()) == 3
    assert len(session.objects(0.05)) == 4
    session.threshold = 0.7
    assert len(session.objects()) == 2
    assert not len(project.decisions())


@pytest.mark.parametrize("score", [0.1, 0.3, 0.7, 0.9])
def test_a_proposal_whose_score_is_the_threshold_is_shown(project, score) -> None:
    frame_id = project.frames()["frame_id"][0]
    run = write_run(project, "one", [Proposal(frame_id, 0, "car", score, Shape((1, 1, 9, 9)))])
    with ReviewSession(
        project, queue_of(project, run), project.proposals(run), threshold=score
    ) as session:
        assert len(session.objects()) == 1
        assert len(session.many()) == 1
        session.threshold = score + 1e-4
        assert not session.objects()


def test_a_track_that_drifts_is_shown_however_low_its_score(project) -> None:
    frame_id = project.frames()["frame_id"][0]
    lost = Attribute("drift", "score"), Attribute("drift_score", 0.1)
    boxes = [
        Proposal(frame_id, 0, "bolt", 0.1, Shape((1, 1, 9, 9)), attributes=lost, track_id=1),
        Proposal(frame_id, 1, "bolt", 0.1, Shape((11, 1, 19, 9)), track_id=2),
    ]
    run = write_run(project, "tracks", boxes)
    with ReviewSession(
        project, queue_of(project, run), project.proposals(run), threshold=0.5
    ) as session:
        assert [o.track_id for o in session.objects()] == [1]
        session.reject_frame()  # and by hand nobody is led by it either
        assert not session.objects()


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan"), "high", None])
def test_thresholds_outside_0_to_1_are_refused(session, bad) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        session.objects(bad) if bad is not None else setattr(session, "threshold", bad)


def test_accepting_a_frame_accepts_what_is_shown_and_says_so(session, project) -> None:
    first = session.objects()[0]
    session.reject(first.object_id)
    saved = session.accept_frame()
    assert [d.kind for d in saved] == ["accept_frame", "accept", "accept"]
    assert len({d.step for d in saved}) == 1
    assert {d.threshold for d in saved} == {0.5}
    states = project.annotations(project.seen_run).query("frame_id == @session.frame_id")["state"]
    assert sorted(states) == ["accepted", "accepted", "proposed", "rejected"]


def test_every_kind_of_edit_lands_in_the_annotations(session, project) -> None:
    o = session.objects()[0]
    mask = Rle(480, 640, shape_from_mask_counts())
    for shape in (
        Shape((10, 10, 50.5, 60)),
        shape_from_polygons([(10, 10, 50, 10, 50, 60), (100, 100, 120, 100, 120, 120)]),
        shape_from_mask(mask),
        shape_from_keypoints([(10, 20, 1.0), (30, 40, 0.0)], (5, 15, 35, 45)),
    ):
        assert session.edit(o.object_id, shape)
        assert session.view.object(o.object_id).shape == shape
        session.reload()
        assert session.view.object(o.object_id).shape == shape
        assert session.view.object(o.object_id).state == "edited"
    attributes = [Attribute("colour", "red"), Attribute("hidden", value=True)]
    session.edit(o.object_id, attributes=attributes)
    last = project.ledger.frame(session.frame_id)[-1]
    assert last.before is not None
    assert "attributes" not in last.before
    assert last.after["attributes"] == [["colour", "red", None], ["hidden", True, None]]
    assert session.edit(o.object_id, shape) == []  # nothing changed, nothing written


def shape_from_mask_counts() -> str:
    import numpy as np

    from labkit.core.geometry import encode_mask

    mask = np.zeros((480, 640), bool)
    mask[100:200, 50:90] = True
    return encode_mask(mask).counts


def test_relabel_add_and_reject(session) -> None:
    o = session.objects()[0]
    session.relabel(o.object_id, "nut")
    (added,) = session.add("bolt", Shape((-20, 5, 30, 5000)))
    session.reject(session.objects()[1].object_id)
    assert session.view.object(o.object_id).label == "nut"
    assert session.view.object(added.object_id).shape.box == (0, 5, 30, 480)
    assert sorted(by_state(session).values()) == [
        "added",
        "edited",
        "proposed",
        "proposed",
        "rejected",
    ]
    with pytest.raises(NotFoundError, match="did you mean 'bolt'"):
        session.add("bolts", Shape((0, 0, 5, 5)))
    with pytest.raises(InputError, match="outside of the frame"):
        session.add("bolt", Shape((700, 0, 800, 5)))
    with pytest.raises(InputError, match="the frame 640 x 480"):
        session.edit(o.object_id, Shape((0, 0, 5, 5), mask=Rle(10, 10, "d3")))
    with pytest.raises(NotFoundError, match="No object"):
        session.accept("r0009/nothing/1")


def test_a_rejected_object_can_come_back(session) -> None:
    o = session.objects()[0]
    session.reject(o.object_id)
    assert session.reject(o.object_id) == []
    session.accept(o.object_id)
    assert session.view.object(o.object_id).state == "accepted"


def test_undo_and_redo_cross_frames_and_restarts(project) -> None:
    q = queue_of(project, project.seen_run)
    first = project.review(q, "ana")
    a = first.frame_id
    first.reject(first.objects()[0].object_id)
    first.accept_frame()
    b = first.next()
    first.reject_frame("blurred")
    assert first.progress() == (2, 4)

    again = project.review(q, "ana")
    assert again.frame_id not in (a, b)  # it goes on where nothing is decided
    assert again.undo() == b
    assert again.view.state == "new"
    assert again.undo() == a
    assert sorted(by_state(again).values()) == ["proposed", "proposed", "proposed", "rejected"]
    assert again.undo() == a
    assert set(by_state(again).values()) == {"proposed"}
    assert again.undo() is None

    third = project.review(q, "ana")
    assert [third.redo(), third.redo(), third.redo(), third.redo()] == [a, a, b, None]
    assert third.progress() == (2, 4)
    third.undo()
    third.skip()
    assert third.redo() is None  # something new was done
    assert len(project.decisions()) == 1 + 3 + 1 + 3 + 3 + 1 + 1  # nothing was taken out


def test_nobody_undoes_another_persons_step(project) -> None:
    q = queue_of(project, project.seen_run)
    project.review(q, "ana").accept_frame()
    assert project.review(q, "ben").undo() is None


def test_hand_list_until_somebody_labels_it(session, project) -> None:
    session.reject_frame("too dark")
    listed = project.hand_list()
    assert listed[["frame_id", "reviewer", "why"]].to_numpy().tolist() == [
        [session.frame_id, "ana", "too dark"]
    ]
    assert session.objects() == []  # nothing of the model's leads the hand
    session.add("bolt", Shape((0, 0, 9, 9)))
    session.accept_frame()
    assert not len(project.hand_list())
    kept = project.annotations(project.seen_run).query("frame_id == @session.frame_id")
    assert sorted(kept["state"].unique()) == ["added", "proposed"]


def test_skip_leaves_the_frame_undecided(session) -> None:
    session.skip()
    assert session.view.state == "skipped"
    assert session.progress() == (0, 4)


def test_moving_through_the_queue(session) -> None:
    start = session.frame_id
    assert session.previous() is None
    assert session.next() == session.frame_id != start
    session.accept_frame()
    session.goto(start)
    assert session.next(undecided=True) == session.queue["frame_id"][2]
    session.goto(session.queue["frame_id"][3])
    assert session.next() is None
    with pytest.raises(NotFoundError, match="No frame of this queue"):
        session.goto("nowhere")


def test_comments_are_kept_and_decide_nothing(session, project) -> None:
    session.comment('why "two"?\n<b>', session.objects()[0].object_id)
    assert project.decisions()["comment"][0] == 'why "two"?\n<b>'
    assert session.view.state == "new"
    with pytest.raises(InputError, match="some text"):
        session.comment("  ")


def test_a_decision_on_an_outdated_view_is_refused(project) -> None:
    q = queue_of(project, project.seen_run)
    ana, ben = project.review(q, "ana"), project.review(q, "ben")
    ben.accept_frame()
    with pytest.raises(StaleDecisionError, match="ben has decided"):
        ana.reject(ana.objects()[0].object_id)
    assert ana.view.state == "accepted"  # it was read again, so the second try holds
    ana.reject(ana.objects()[0].object_id)
    assert set(project.decisions()["reviewer"]) == {"ana", "ben"}


def test_own_scope_keeps_two_reviewers_apart(project) -> None:
    q = queue_of(project, project.seen_run)
    ana = project.review(q, "ana", scope="own")
    ben = project.review(q, "ben", scope="own")
    ana.accept_frame()
    ben.reject_frame()
    ben.goto(ana.frame_id)
    ben.reload()
    assert (ana.view.state, ben.view.state) == ("accepted", "hand")
    kept = project.annotations(project.seen_run, reviewer="ana")
    assert (kept["state"] == "accepted").sum() == 3


def test_a_new_run_does_not_ask_again_what_was_decided(project) -> None:
    q = queue_of(project, project.seen_run)
    session = project.review(q, "ana")
    kept, gone = session.objects()[0], session.objects()[-1]
    session.reject(gone.object_id)
    session.accept_frame()
    x1, y1, x2, y2 = kept.shape.box
    again = [
        Proposal(session.frame_id, 0, kept.label, 0.9, Shape((x1 + 1, y1, x2 + 1, y2))),
        Proposal(session.frame_id, 1, gone.label, 0.9, gone.shape),
        Proposal(session.frame_id, 2, "bolt", 0.9, Shape((300, 300, 340, 340))),
    ]
    new = write_run(project, "better", again, replaces=[project.seen_run])
    later = project.review(queue_of(project, new), "ana")
    later.goto(session.frame_id)
    fresh = [o for o in later.objects() if o.state == "proposed"]
    assert [o.shape.box[0] for o in fresh] == [300]
    assert later.view.object(kept.object_id).state == "accepted"


def test_read_only_projects_cannot_be_reviewed(project) -> None:
    q = queue_of(project, project.seen_run)
    with (
        Project.open(project.root, read_only=True) as p,
        pytest.raises(StoreError, match="read-only"),
    ):
        p.review(q)


def test_a_failed_write_changes_nothing_and_keeps_the_time(session, project, monkeypatch) -> None:
    now = [0.0]
    session.timer.clock = lambda: now[0]
    session.timer.touch()
    now[0] += 7

    def full(*_: object) -> None:
        raise StoreError("This decision was not saved", "the disk is full")

    with monkeypatch.context() as m:
        m.setattr(project.ledger, "append", full)
        with pytest.raises(StoreError):
            session.accept_frame()
    assert session.view.state == "new"
    session.accept_frame()
    assert project.decisions()["active_s"][0] == pytest.approx(7)


def test_idle_time_is_left_out(project) -> None:
    now = [0.0]
    session = project.review(queue_of(project, project.seen_run), "ana", idle_after=30)
    session.timer.clock = lambda: now[0]
    session.timer._last = 0.0
    for gap in (5, 10, 3600, 4):
        now[0] += gap
        session.timer.touch()
    session.accept_frame()
    session.next()
    now[0] += 2
    session.accept_frame()
    times = project.decisions().query("kind == 'accept_frame'")["active_s"].tolist()
    assert times == pytest.approx([19, 2])


def test_an_empty_queue_is_said_so(project) -> None:
    with pytest.raises(InputError, match="queue is empty"):
        project.review(queue_of(project, project.seen_run).iloc[:0])


def test_a_lost_track_is_drawn_again_once_and_keeps_its_number(session, project) -> None:
    (saved,) = session.add("bolt", Shape((300, 300, 340, 350)), track_id=7)
    drawn = session.view.of_track(7)
    assert drawn.object_id == saved.object_id
    rows = project.annotations(project.seen_run).query("state == 'added'")
    assert rows["track_id"].tolist() == [7]
    with pytest.raises(InputError, match="Track 7 cannot be drawn"):
        session.add("bolt", Shape((310, 300, 340, 350)), track_id=7)
    session.reject(drawn.object_id)
    assert session.view.of_track(7) is None
    assert session.add("bolt", Shape((310, 300, 340, 350)), track_id=7)


def test_add_and_edit_take_boxes_outlines_and_masks_as_people_have_them(session) -> None:
    (row,) = session.add("bolt", (10, 10, 50, 80))
    assert session.view.object(row.object_id).shape == Shape((10, 10, 50, 80))
    session.edit(row.object_id, np.array([(10, 10), (60, 10), (60, 90)]))
    assert session.view.object(row.object_id).shape.polygons == ((10, 10, 60, 10, 60, 90),)
    mask = np.zeros((480, 640), dtype=bool)
    mask[100:200, 300:350] = True
    session.edit(row.object_id, mask)
    assert session.view.object(row.object_id).shape.box == (300, 100, 350, 200)
    before = len(session.project.decisions())
    with pytest.raises(InputError, match="it is 10 x 10, the frame 640 x 480"):
        session.edit(row.object_id, np.ones((10, 10), dtype=bool))
    with pytest.raises(InputError, match="it has the shape"):
        session.add("bolt", (1, 2, 3))
    assert len(session.project.decisions()) == before

"""Actions on many objects: one step over frames, taken back everywhere, refused as a whole."""

from __future__ import annotations

import numpy as np
import pytest
from review.conftest import frame_ids, queue_of, write_run

from labkit.core.errors import InputError, NotFoundError, StaleDecisionError
from labkit.core.geometry import decode_mask, shape_from_mask, shape_from_polygons
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.types import Attribute, Frame, Proposal, Shape
from labkit.frames.errors import FrameError
from labkit.project import Project
from labkit.review import ReviewSession, Which


def states(session: ReviewSession) -> list[str]:
    views = [session.peek(k) for k in range(len(session.order))]
    return [o.state for v in views for o in v.objects]


def test_relabel_over_the_queue_is_one_step_and_undo_takes_it_back_everywhere(
    session, project
) -> None:
    many = session.many(Which(frames="queue", labels=["bolt"]))
    before = [session.peek(k).objects for k in range(4)]
    report = many.relabel("nut")
    assert (report.changed, report.frames, report.unchanged) == (len(many), 4, ())
    assert report.changed >= 4
    assert len({d.step for d in report.decisions}) == 1
    assert not [o for k in range(4) for o in session.peek(k).shown(0.5) if o.label == "bolt"]
    here = session.frame_id
    assert session.undo() == here  # rather than elsewhere
    assert [session.peek(k).objects for k in range(4)] == before
    assert session.redo() == here
    assert not [o for k in range(4) for o in session.peek(k).shown(0.5) if o.label == "bolt"]
    kept = project.annotations(project.seen_run)
    assert (kept["state"] == "edited").sum() == report.changed


def test_all_of_the_current_frame_by_default_as_it_is_shown(session) -> None:
    shown = session.objects()
    assert [o.object_id for o in session.many()] == [o.object_id for o in shown]
    assert session.many().reject().changed == len(shown)
    assert session.objects() == []
    assert session.many().reject().changed == 0


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (Which(score=(0.2, 0.5)), [0.3]),
        (Which(score=(0.0, 0.6)), [0.3, 0.6]),
        (Which(labels=["bolt"], score=(0.0, 1.0)), [0.3, 0.8, 0.8]),
        (Which(states=["proposed"]), [0.6, 0.8, 0.8]),
        (Which(states=["rejected"]), []),
        (Which(runs=["r0009-none"]), []),
        (Which(track_ids=[1]), []),
    ],
)
def test_filters(session, which, expected) -> None:
    assert sorted(round(o.score, 2) for o in session.many(which)) == expected


def test_what_stays_as_it_was_is_listed_with_its_reason(session) -> None:
    nuts = [o.object_id for o in session.objects() if o.label == "nut"]
    report = session.many().relabel("nut")
    assert [(u.object_id, u.reason) for u in report.unchanged] == [
        (n, "it is 'nut' already") for n in nuts
    ]
    assert (
        str(report)
        == f"{report.changed} objects changed on 1 frames, {len(nuts)} stayed as they were"
    )


def test_accept_by_state_and_ids_at_any_score(session) -> None:
    low = next(o for o in session.view.objects if o.score < 0.5)
    assert session.many(Which(ids=[low.object_id])).accept().changed == 1
    first = session.objects()[0]
    session.reject(first.object_id)
    assert session.many(Which(states=["rejected"])).accept().changed == 1
    assert session.view.object(first.object_id).state == "accepted"


def test_unknown_names_are_refused(session) -> None:
    with pytest.raises(NotFoundError, match="object of these frames"):
        session.many(Which(ids=["nothing"]))
    with pytest.raises(NotFoundError, match="frame of this queue"):
        session.many(Which(frames=["nowhere"]))
    with pytest.raises(NotFoundError, match="did you mean 'bolt'"):
        session.many().relabel("bolts")
    with pytest.raises(NotFoundError, match="form"):
        session.many().convert("cube")
    with pytest.raises(InputError, match="low to high"):
        Which(score=(0.9, 0.1))
    with pytest.raises(InputError, match="list of names"):
        Which(labels="bolt")


def test_one_stale_frame_refuses_all_and_writes_nothing(project) -> None:
    q = queue_of(project, project.seen_run)
    ana, ben = project.review(q, "ana"), project.review(q, "ben")
    many = ana.many(Which(frames="queue"))
    ben.goto(frame_ids(4)[2])
    ben.accept_frame()
    rows = len(project.decisions())
    with pytest.raises(StaleDecisionError, match="ben has decided"):
        many.reject()
    assert len(project.decisions()) == rows
    assert "rejected" not in states(ana)


def test_ones_own_change_in_the_meantime_refuses_all(session, project) -> None:
    many = session.many(Which(frames="queue"))
    session.next()
    session.relabel(session.objects()[0].object_id, "nut") or session.relabel(
        session.objects()[0].object_id, "bolt"
    )
    rows = len(project.decisions())
    with pytest.raises(StaleDecisionError, match="changed in the meantime"):
        many.reject()
    assert len(project.decisions()) == rows


def test_a_skip_in_the_meantime_changes_no_object(session) -> None:
    many = session.many(Which(frames="queue"))
    session.skip()
    assert many.reject().changed == len(many)


def ring_mask() -> np.ndarray:
    mask = np.zeros((480, 640), bool)
    mask[100:200, 100:220] = True
    mask[130:160, 130:160] = False
    return mask


def test_masks_become_polygons_and_back_and_boxes(session) -> None:
    o = session.objects()[0]
    session.edit(o.object_id, shape_from_mask(ring_mask()))
    which = Which(ids=[o.object_id])
    report = session.many(which).convert("polygon", tolerance=1.0, budget=40)
    shape = session.view.object(o.object_id).shape
    assert shape.mask is None
    assert sum(map(len, shape.polygons)) <= 80
    assert [n.object_id for n in report.notes] == [o.object_id]
    assert "1 holes" in report.notes[0].reason
    session.many(which).convert("mask")
    filled = decode_mask(session.view.object(o.object_id).shape.mask)
    assert filled.sum() == pytest.approx(100 * 120, rel=0.03)
    session.many(which).convert("box")
    assert session.view.object(o.object_id).shape == Shape((100, 100, 220, 200))
    for _ in range(3):
        session.undo()
    assert session.view.object(o.object_id).shape == shape_from_mask(ring_mask())


def test_an_object_that_cannot_be_converted_is_listed_and_the_others_are(session) -> None:
    a, b = session.objects()[:2]
    session.edit(a.object_id, shape_from_polygons([(10, 10, 10.2, 10, 10.1, 10.2)]))
    report = session.many(Which(ids=[a.object_id, b.object_id])).convert("mask")
    assert report.changed == 1
    (left,) = report.unchanged
    assert left.object_id == a.object_id
    assert "mask" in left.reason


class Ellipses:
    """Fills an ellipse into every box: what an interactor would do on round things."""

    def __init__(self, unreadable: str = "", empty_below: float = 0.0) -> None:
        self.unreadable, self.empty_below = unreadable, empty_below
        self.frame: Frame | None = None
        self.calls: list[int] = []

    def set_frame(self, frame: Frame) -> None:
        if frame.frame_id == self.unreadable:
            raise FrameError("0.jpg cannot be read", "it is gone")
        self.frame = frame

    def segment_many(self, prompts: list[Prompts]) -> list[MaskProposal]:
        self.calls.append(len(prompts))
        ys, xs = np.mgrid[: self.frame.height, : self.frame.width] + 0.5
        out = []
        for p in prompts:
            x1, y1, x2, y2 = p.box
            inside = ((2 * xs - x1 - x2) / (x2 - x1)) ** 2 + ((2 * ys - y1 - y2) / (y2 - y1)) ** 2
            mask = (inside <= 1) & (x2 - x1 > self.empty_below)
            out.append(MaskProposal(mask, 0.9 if x2 - x1 > 40 else 0.4, p))
        return out


def test_refining_all_boxes_of_the_queue_is_one_step(session) -> None:
    tool, told = Ellipses(), []
    report = session.many(Which(frames="queue")).refine(
        tool, progress=lambda done, all_: told.append((done, all_))
    )
    assert tool.calls == [3, 3, 3, 3]  # every frame's boxes in one call
    assert (report.changed, report.frames) == (12, 4)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert {d.tool for d in report.decisions} == {"refine"}
    assert all(o.shape.mask is not None for o in session.objects())
    session.undo()
    assert not [o for k in range(4) for o in session.peek(k).objects if o.shape.mask]


def test_what_cannot_be_refined_stays_and_is_listed(session) -> None:
    broken = frame_ids(4)[1]
    boxes = {o.object_id: o.shape for k in range(4) for o in session.peek(k).objects}
    report = session.many(Which(frames="queue")).refine(Ellipses(broken, 40), min_score=0.5)
    reasons = {u.object_id: u.reason for u in report.unchanged}
    small = [o.object_id for o in session.objects() if o.shape.box[2] - o.shape.box[0] <= 40]
    assert [reasons[i] for i in small] == ["the interactor found nothing there"]
    assert [u.reason for u in report.unchanged if u.frame_id == broken] == [
        "0.jpg cannot be read: it is gone"
    ] * 3
    assert (report.changed, report.frames) == (6, 3)
    for name in reasons:
        now = [o for k in range(4) for o in session.peek(k).objects if o.object_id == name]
        assert now[0].shape == boxes[name]
    low = session.many(Which(ids=small)).refine(Ellipses(), min_score=0.5)
    assert [u.reason for u in low.unchanged] == ["the mask has a score of 0.40"]


def test_a_refinement_that_is_cancelled_writes_nothing(session, project) -> None:
    def stop(done: int, _all: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        session.many(Which(frames="queue")).refine(Ellipses(), progress=stop)
    assert not len(project.decisions())


def test_copying_to_the_next_frame_adds(session, project: Project) -> None:
    here, there = frame_ids(4)[:2]
    o = session.objects()[0]
    session.edit(o.object_id, attributes=[Attribute("colour", "red"), Attribute("drift", "area")])
    chosen = [x.object_id for x in session.objects()]
    report = session.copy_to(there, chosen)
    assert (report.changed, report.frames) == (3, 1)
    assert session.frame_id == here
    copies = [x for x in session.peek(1).objects if x.state == "added"]
    assert [c.shape for c in copies] == [session.view.object(i).shape for i in chosen]
    assert [a.name for c in copies for a in c.attributes] == ["colour"]
    assert session.undo() == there
    assert "added" not in states(session)
    assert [
        u.reason for u in session.copy_to(there, [session.objects()[0].object_id]).unchanged
    ] == ["it is of this frame"]


def test_a_track_is_copied_once(project) -> None:
    first, second = frame_ids(4)[:2]
    run = write_run(
        project, "tracked", [Proposal(first, 0, "bolt", 0.9, Shape((5, 5, 50, 50)), track_id=4)]
    )
    session = project.review(queue_of(project, run), "ana")
    (o,) = session.objects()
    assert session.copy_to(second, [o.object_id]).decisions[0].after["track_id"] == 4
    (left,) = session.copy_to(second, [o.object_id]).unchanged
    assert left.reason == "its track is there"

"""What the page is told of an object is what the session decides by."""

import json

import numpy as np
import pytest

from labkit.core.types import AnnotatedObject, Frame, Shape
from labkit.core.visibility import NEVER, is_shown
from labkit.review import FrameView
from labkit.widgets.describe import frame_message, painted

FRAME = Frame("f", "street.jpg", "street.jpg", 0, 640, 480, None, "street.jpg", "")
THRESHOLDS = [k / 100 for k in range(101)]


def scored(k, score):
    shape = Shape((10 * k, 10, 10 * k + 8, 20))
    return AnnotatedObject(f"o{k}", "f", "nut", shape, score=score, run_id="r0001")


def shown_on_the_page(message, threshold):
    """As ``visibility.ts`` does it, from what has gone through JSON."""
    objects = json.loads(json.dumps(message))["objects"]
    return [o["id"] for o in objects if float(np.float32(threshold)) <= o["shown_from"]]


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_what_the_page_shows_is_what_accepting_the_frame_accepts(threshold):
    near = np.float32(threshold)
    below, above = np.nextafter(near, np.float32(-1)), np.nextafter(near, np.float32(2))
    scores = [float(s) for s in (near, below, above, near - 0.00004, near + 0.00004) if 0 <= s <= 1]
    view = FrameView.build(FRAME, [scored(k, s) for k, s in enumerate(scores)], [])
    kernel = [o.object_id for o in view.shown(threshold)]
    assert shown_on_the_page(frame_message(view, 0, ""), threshold) == kernel
    assert [o.object_id for o in painted(view.objects, threshold)] == kernel


def test_what_is_seen_is_decided(project):
    """0.49996 was shown at 0.50 and painted as accepted, though no decision was written."""
    view = FrameView.build(FRAME, [scored(0, float(np.float32(0.49996)))], [])
    message = frame_message(view, 0, "")
    assert shown_on_the_page(message, 0.5) == [o.object_id for o in view.shown(0.5)] == []
    assert message["objects"][0]["score"] == 0.5  # to be read


def test_what_was_rejected_stays_painted_and_is_not_shown(bench, session):
    first = bench.frames()[session.frame_id]["objects"][0]["id"]
    bench.act("reject", object_ids=[first])
    o = bench.frames()[session.frame_id]["objects"][0]
    assert (o["state"], o["shown_from"]) == ("rejected", NEVER)
    assert not is_shown(o["shown_from"], 0)
    assert first in [p.object_id for p in painted(session.view.objects, 0.5)]


def test_on_a_frame_that_is_labelled_by_hand_no_proposal_is_shown(bench, session):
    bench.act("reject_frame")
    objects = bench.frames()[session.frame_id]["objects"]
    assert {o["shown_from"] for o in objects} == {NEVER}

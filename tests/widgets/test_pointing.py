"""Clicks in, masks out; with a fake interactor, no model and no browser."""

import time

import numpy as np
import pytest

from labkit.core.errors import ModelUnavailableError
from labkit.core.prompts import MaskProposal
from labkit.models.interactors.base import InteractorInfo
from labkit.models.interactors.segmenter import Segmenter
from labkit.models.worker import InferenceWorker
from labkit.widgets.pointing import Pointing


class Square:
    """Answers each prompt with a square about its last point."""

    info = InteractorInfo(
        "square", frozenset({"points", "negative points"}), help="Click on something."
    )

    def set_frame(self, frame):
        self.frame = frame

    def segment(self, prompts):
        x, y = (int(v) for v in prompts.points[-1])
        mask = np.zeros((self.frame.height, self.frame.width), bool)
        if prompts.labels[-1]:
            mask[max(0, y - 5) : y + 5, max(0, x - 5) : x + 5] = True
        return [MaskProposal(mask, 0.8, prompts)]

    def segment_many(self, prompts):
        return [self.segment(p)[0] for p in prompts]


@pytest.fixture
def sent():
    return []


@pytest.fixture
def pointing(session, sent, monkeypatch):
    def opened(name, source, *, project):
        if name == "lost":
            raise ModelUnavailableError("No weights of 'lost' can be had", "no network")
        return Segmenter(Square(), session.source, InferenceWorker())

    monkeypatch.setattr(Segmenter, "open", staticmethod(opened))
    pointing = Pointing(session, sent.append, lambda work: work(), "square")
    yield pointing
    pointing.close()


def until(check):
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end, "this has not come true"
        time.sleep(0.01)


def take_up(pointing, sent, name=""):
    pointing.on_pointing({"on": True, "name": name})
    until(lambda: any(m.get("state") in ("ready", "failed") for m in sent))


def ask(pointing, sent, session, x, y, **more):
    message = {
        "id": f"id-{len(sent)}", "preview": False, "frame_id": session.frame_id,
        "points": [[x, y]], "labels": [1], "box": None, "vertices": 0, **more,
    }  # fmt: skip
    pointing.on_prompt(message)
    until(lambda: any(m["type"] == "mask" and m["id"] == message["id"] for m in sent))
    return next(m for m in sent if m.get("id") == message["id"])


def test_a_click_is_answered_with_a_mask(pointing, sent, session):
    take_up(pointing, sent)
    assert [m["state"] for m in sent] == ["opening", "ready"]
    assert "sam2-nano" in sent[-1]["names"]
    assert sent[-1]["text"] == "Click on something."
    answer = ask(pointing, sent, session, 20, 20)
    assert answer["shape"]["box"] == [15, 15, 25, 25]
    assert (answer["score"], answer["error"], len(answer["rings"])) == (0.8, "", 1)


def test_a_polygon_has_no_more_points_than_asked_for(pointing, sent, session):
    take_up(pointing, sent)
    answer = ask(pointing, sent, session, 20, 20, vertices=4)
    assert "mask" not in answer["shape"]
    assert sum(len(ring) for ring in answer["shape"]["polygons"]) <= 8


def test_what_is_asked_before_the_model_is_open_is_answered_then(pointing, sent, session):
    pointing._waiting = None
    message = {
        "id": "early", "preview": False, "frame_id": session.frame_id, "points": [[9, 9]],
        "labels": [1], "box": None, "vertices": 0,
    }  # fmt: skip
    pointing.on_prompt(message)
    take_up(pointing, sent, "square")
    pointing.on_prompt(message)
    until(lambda: any(m.get("id") == "early" for m in sent))


def test_what_makes_no_sense_or_finds_nothing_says_so(pointing, sent, session):
    take_up(pointing, sent)
    assert "Nothing" in ask(pointing, sent, session, 20, 20, labels=[0])["error"]
    assert "outside" in ask(pointing, sent, session, 999, 20)["error"]
    assert "takes no box" in ask(pointing, sent, session, 9, 9, box=[1, 1, 9, 9])["error"]
    assert "cannot be understood" in ask(pointing, sent, session, 9, 9, points=7)["error"]


def test_a_model_that_cannot_be_had_says_why(pointing, sent):
    take_up(pointing, sent, "lost")
    assert sent[-1]["state"] == "failed"
    assert "no network" in sent[-1]["text"]


def test_another_frame_is_looked_at_when_the_session_moves(pointing, sent, session):
    take_up(pointing, sent)
    session.next()
    pointing.moved()
    answer = ask(pointing, sent, session, 20, 20)
    assert answer["frame_id"] == session.order[1]
    assert pointing._segmenter.frame.frame_id == session.order[1]

"""Messages from a page, and who handles them; no browser."""

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image
from widgets.conftest import AtOnce, Bench, Now, Written

from labkit.core.types import FRAME_VERDICTS
from labkit.frames import FrameReader
from labkit.models.filters import FilterChain, FilterStep
from labkit.widgets.controller import Controller
from labkit.widgets.pictures import Pictures


def test_a_move_says_what_has_been_worked_off(bench, session):
    bench.act("skip", then=session.order[1], page={"number": 4})
    bench.tell({"type": "goto", "client": "another", "place": 3, "then": "", "number": 9})
    assert bench.out.of("at")[-1]["done"] == {"me": 4, "another": 9}


def test_every_threshold_is_acknowledged_also_one_that_cannot_be(bench, session):
    for value in (0.4, 7):
        bench.tell({"type": "threshold", "client": "me", "value": value})
    assert bench.out.of("threshold") == [{"type": "threshold", "by": "me"}] * 2
    assert session.threshold == 0.4
    assert bench.out.of("notice")[-1]["level"] == "error"


def test_a_handler_returns_at_once_and_one_thread_does_the_work(session):

    out, threads = Written(), set()
    send = out.send
    out.send = lambda m: (threads.add(threading.current_thread().name), send(m))
    controller = Controller(session, out.send, out, Pictures(FrameReader(session.project.root)))
    frame = session.frame_id
    message = {
        "type": "act", "id": "1", "client": "me", "action": "accept_frame", "frame_id": frame,
        "revision": 0, "then": "", "tool": "key", "clicks": 1, "args": {},
    }  # fmt: skip
    senders = [
        threading.Thread(target=controller.post, args=({"type": "ready", "client": "me"},)),
        threading.Thread(target=controller.post, args=(message,)),
    ]
    for sender in senders:
        sender.start()
        sender.join()
    end = time.monotonic() + 20
    while not out.of("answer") and time.monotonic() < end:
        time.sleep(0.01)
    controller.close()
    assert out.answer["ok"]
    assert threads == {"labkit-inbox"}
    assert session.project.decisions()["kind"].iloc[0] in FRAME_VERDICTS


@pytest.mark.parametrize("hub", [False, True])
def test_a_message_is_taken_while_the_session_is_busy(session, monkeypatch, hub):
    if hub:  # where a gesture names who made it
        monkeypatch.setenv("JUPYTERHUB_USER", "owner")
    out = Written()
    controller = Controller(session, out.send, out, Pictures(FrameReader(session.project.root)))
    busy, go = threading.Event(), threading.Event()

    def work():
        with session.moving, session.lock:
            busy.set()
            go.wait(30)

    other = threading.Thread(target=work)
    other.start()
    busy.wait(30)
    frame = session.frame_id
    act = {
        "type": "act", "id": "1", "client": "me", "action": "accept_frame", "frame_id": frame,
        "revision": 0, "then": "", "tool": "key", "clicks": 1, "args": {},
    }  # fmt: skip
    messages = [
        act,
        {"type": "ready", "client": "me"},
        {"type": "goto", "place": 1, "then": ""},
        {"type": "threshold", "value": 0.4},
        {"type": "life"},
        {"type": "want", "frame_id": frame},
        {"type": "prompt", "stamp": 1, "frame_id": frame, "prompts": {}},
    ]

    def post():
        for message in messages:
            controller.post(message)

    sender = threading.Thread(target=post)
    sender.start()
    sender.join(10)
    taken = not sender.is_alive()
    decided = len(session.project.decisions())
    go.set()
    other.join(30)
    controller.close()
    assert taken
    assert decided == 0  # nothing was done before the session was free
    assert (session.project.decisions()["kind"] == "accept_frame").sum() == 1


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB"))


@pytest.fixture
def filtered(session):
    filtered = Bench(session)
    filtered.controller.close()
    filtered.controller = Controller(
        session,
        filtered.out.send,
        filtered.out,
        Now(Pictures(FrameReader(session.project.root), session.filters)),
        inbox=AtOnce(),
    )
    filtered.tell({"type": "ready", "client": "me"})
    yield filtered
    filtered.controller.close()


def shown(filtered):
    return pixels(filtered.out.images[filtered.session.frame_id])


def test_the_key_shows_what_models_see_and_the_file_again(filtered, session):
    with FrameReader(session.project.root) as reader:
        plain = reader.read(session.view.frame)
    assert (shown(filtered) == plain).all()
    filtered.tell({"type": "contrast", "client": "me"})
    seen = session.source.read(session.view.frame)
    assert (shown(filtered) == seen).all()  # without loss
    assert (seen != plain).any()
    assert "contrast" in filtered.out.of("notice")[-1]["text"]
    filtered.tell({"type": "contrast", "client": "me"})
    assert (shown(filtered) == plain).all()
    assert session.filters.chain == FilterChain()


def test_a_filter_that_a_cell_switches_on_is_shown_on_every_frame_of_the_window(filtered, session):
    session.filters.on("gamma", gamma=0.5)
    for place, frame_id in enumerate(session.order[:6]):
        frame = session.peek(place).frame
        assert (pixels(filtered.out.images[frame_id]) == session.source.read(frame)).all()
    session.next()
    assert session.filters.chain == FilterChain((FilterStep.of("gamma", gamma=0.5),))
    assert session.project.decisions().empty


def test_a_closed_bench_listens_no_more(filtered, session):
    filtered.controller.close()
    before = len(filtered.out.messages)
    session.filters.on("clahe")
    assert len(filtered.out.messages) == before

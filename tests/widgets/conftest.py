"""A session on small pictures, and a page that writes down what it would get."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from labkit.core.types import Manifest, Proposal, Shape
from labkit.frames import FrameReader
from labkit.project import Project
from labkit.store import RunStore
from labkit.widgets.controller import Controller
from labkit.widgets.inbox import Inbox, Rank
from labkit.widgets.pictures import Pictures

LABELS = ["bolt", "nut"]


class Written:
    """A page that keeps what it is sent."""

    def __init__(self):
        self.messages, self.images, self.painted = [], {}, []

    def send(self, message):
        self.messages.append(message)

    def image(self, frame_id, picture):
        self.images[frame_id] = picture
        return f"image-{frame_id}"

    def drop(self, frame_ids):
        for frame_id in frame_ids:
            self.images.pop(frame_id, None)

    def paint(self, frame, objects, request, followed_by):
        self.painted.append((frame.frame_id, [o.object_id for o in objects], dict(followed_by)))
        return 7

    def of(self, kind):
        return [m for m in self.messages if m["type"] == kind]

    @property
    def answer(self):
        return self.of("answer")[-1]


class AtOnce(Inbox):
    """An inbox whose work is done at once, on the thread that brings it."""

    def put(self, work, rank=Rank.GESTURE):
        work()


class Now:
    """Pictures that are there at once, on the same thread."""

    def __init__(self, pictures):
        self._pictures = pictures

    def request(self, frame, done, *, full=False):
        try:
            done(self._pictures.load(frame, full=full))
        except Exception as exc:  # noqa: BLE001 - as the real one gives it
            done(exc)

    def close(self):
        self._pictures.close()


class Bench:
    """A client: it keeps the frames that it is sent, and acts on them."""

    def __init__(self, session):
        self.session, self.out = session, Written()
        pictures = Now(Pictures(FrameReader(session.project.root)))
        self.controller = Controller(session, self.out.send, self.out, pictures, inbox=AtOnce())
        self.count = 0
        self.tell({"type": "ready", "client": "me"})

    def tell(self, message):
        self.controller.handle(message)

    def frames(self):
        return {m["frame_id"]: m for m in self.out.of("frame")}

    def act(self, action, frame=None, *, then=None, client="me", revision=None, page=None, **args):
        """Act on a frame; ``page`` has what a page counts: its refusals, its own number."""
        frame = frame or self.frames()[self.session.frame_id]
        self.count += 1
        act = {
            "type": "act", "id": f"{client}-{self.count}", "client": client, "action": action,
            "frame_id": frame["frame_id"],
            "revision": frame["revision"] if revision is None else revision,
            "then": frame["frame_id"] if then is None else then,
            "tool": "key", "clicks": 1, "args": args, **(page or {}),
        }  # fmt: skip
        self.tell(act)
        return act


@pytest.fixture
def project(tmp_path):
    rng = np.random.default_rng(1)
    for k in range(12):
        pixels = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{k:02}.png")
    with Project.create(tmp_path / "p", labels=LABELS) as p:
        p.add_frames(tmp_path / "*.png")
        ids = [f.frame_id for f in p.iter_frames()]
        run = RunStore.create(p.root, Manifest("", "m", part_size=len(ids), conf=0.5), ids)
        run.write_part(
            0,
            [
                Proposal(i, k, LABELS[k % 2], score, Shape((4 + 20 * k, 4, 20 + 20 * k, 24)))
                for i in ids
                for k, score in enumerate((0.9, 0.6, 0.3))
            ],
        )
        run.finish()
        yield p


@pytest.fixture
def session(project):
    queue = project.frames()[["frame_id"]].assign(rule="order", reason="as added")
    queue.attrs["runs"] = [project.runs()[0].run_id]
    with project.review(queue, "ana") as session:
        yield session


@pytest.fixture
def bench(session):
    bench = Bench(session)
    yield bench
    bench.controller.close()

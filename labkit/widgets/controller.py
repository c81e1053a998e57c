"""Gestures in, decisions out: one thread between the browser's messages and the session.

Messages arrive on whichever thread ipykernel chooses; they are put on a queue and the handler
returns at once. One thread works the queue off, so gestures are decided in the order in which
they were made, and everything that the browser gets is sent from there.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, cast

from labkit.core.errors import InputError, LabkitError, StaleDecisionError
from labkit.core.types import AnnotatedObject, Frame
from labkit.review import ReviewSession
from labkit.widgets.describe import frame_message
from labkit.widgets.following import Following
from labkit.widgets.gestures import Names, object_ids, perform
from labkit.widgets.messages import Act, Answer, Notice, StatusMessage, ViewRequest, Where
from labkit.widgets.pictures import Picture, Pictures
from labkit.widgets.pointing import Pointing
from labkit.widgets.visitor import clicker

__all__ = ["Controller", "Outlet"]

log = logging.getLogger(__name__)

BEFORE: Final = 2
AFTER: Final = 5
_REMEMBERED: Final = 500
_GESTURE, _PICTURE, _LOOK = 0, 1, 2
_LETTERS: Final = {"accepted": "a", "hand": "h", "skipped": "s", "open": "o"}
"""State of a frame → its letter in the line of the queue; ``n`` for the rest."""


class Outlet(Protocol):
    """Where messages, pictures and paint go: the surface, or a test."""

    def send(self, message: Any) -> None:
        """Send a message to the browser."""

    def image(self, frame_id: str, picture: Picture) -> str:
        """Give it a picture; the id under which a message can name it."""

    def drop(self, frame_ids: Iterable[str]) -> None:
        """Forget the pictures of these frames."""

    def paint(
        self,
        frame: Frame,
        objects: Sequence[AnnotatedObject],
        request: ViewRequest,
        followed_by: Mapping[int, str],
    ) -> int:
        """Paint the canvas below; the colour of the pixel painted last."""


class Controller:
    """Works off what the browser says.

    Parameters
    ----------
    session : ReviewSession
    outlet : Outlet
    pictures : Pictures
        Closed by :meth:`close`.
    interactor : str
        What segments by clicks, at first.
    tracker : str
        What follows objects, at first.
    """

    def __init__(
        self,
        session: ReviewSession,
        outlet: Outlet,
        pictures: Pictures,
        interactor: str = "sam2-nano",
        tracker: str = "flow",
    ) -> None:
        self.session, self._outlet, self._pictures = session, outlet, pictures
        self._inbox: queue.PriorityQueue[tuple[int, int, Any]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._known: dict[tuple[str, str], int] = {}
        self._refusals: Counter[str] = Counter()
        self._broken: dict[tuple[str, str], int] = {}
        self._done: dict[str, int] = {}
        self._names = Names()
        self._images: dict[str, tuple[str, bool]] = {}
        self._errors: dict[str, str] = {}
        self._asked: set[tuple[str, bool]] = set()
        self._sent: dict[str, int] = {}
        self._letters = ""
        self._thread: threading.Thread | None = None
        self._guard = threading.Lock()
        self._pointing = Pointing(
            session, outlet.send, lambda work: self._put(_GESTURE, work), interactor
        )
        self.following = Following(session, self._follow_later, tracker)
        self._messages: dict[str, Callable[[Any], None]] = {
            "ready": self._on_ready,
            "act": self._on_act,
            "goto": self._on_goto,
            "threshold": self._on_threshold,
            "view": self._on_view,
            "want": self._on_want,
            "pointing": self._pointing.on_pointing,
            "prompt": self._pointing.on_prompt,
            "contrast": self._on_contrast,
            "life": lambda _message: self.session.timer.touch(),
        }

        self._end_watch = session.filters.on_change(lambda: self._put(_GESTURE, self._refiltered))

    # ---- the queue

    def post(self, message: dict[str, Any]) -> None:
        """Take a message from the browser, on any thread; returns at once."""
        rank = _LOOK if message.get("type") in ("view", "want") else _GESTURE
        if message.get("type") == "act":  # who clicks is known on this thread alone
            message = {**message, "by": clicker(self.session)}
        self._put(rank, message)

    def _put(self, rank: int, item: Any) -> None:
        with self._guard:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="labkit-inbox", daemon=True)
                self._thread.start()
        self._inbox.put((rank, next(self._order), item))

    def _run(self) -> None:
        while True:
            item = self._inbox.get()[2]
            if item is None:
                return
            try:
                if callable(item):
                    item()
                else:
                    self.handle(item)
            except Exception:
                log.exception("the bench could not work off a message")

    def run(self, work: Callable[[], None]) -> None:
        """Do work on the session between two gestures, and show what came of it; any thread."""

        def inside() -> None:
            try:
                work()
            except LabkitError as exc:
                self._outlet.send({"type": "notice", "level": "error", "text": str(exc)})
            self._sent.clear()  # objects may have changed on every frame of the window
            self._moved("")

        self._put(_GESTURE, inside)

    def tell(self, text: str) -> None:
        """Say something to the person, between two gestures; any thread."""
        self._put(
            _GESTURE, lambda: self._outlet.send(Notice(type="notice", level="info", text=text))
        )

    def close(self) -> None:
        """Work off what has arrived and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._inbox.put((_LOOK + 1, next(self._order), None))
            if thread is not threading.current_thread():
                thread.join(10)
        self._end_watch()
        self._pointing.close()
        self._pictures.close()

    def handle(self, message: dict[str, Any]) -> None:
        """Work off one message now, on this thread."""
        handler = self._messages.get(str(message.get("type")))
        if handler is None:
            log.debug("a message of type %r means nothing here", message.get("type"))
            return
        if "number" in message:
            self._done[str(message["client"])] = int(message["number"])
        try:
            handler(message)
        except LabkitError as exc:
            self._outlet.send({"type": "notice", "level": "error", "text": str(exc)})

    # ---- messages

    def _on_ready(self, _message: dict[str, Any]) -> None:
        self._sent.clear()
        self._letters = ""
        self._send_window()
        self._send_status()
        self._send_place("")

    def _on_goto(self, message: dict[str, Any]) -> None:
        place = int(message["place"])
        if not 0 <= place < len(self.session.order):
            raise InputError("There is no such frame", f"place {place + 1} of the queue")
        self.session.goto(self.session.order[place])
        known = message.get("then") == self.session.frame_id
        self._moved(str(message["client"]) if known else "")

    def _on_threshold(self, message: dict[str, Any]) -> None:
        try:
            self.session.threshold = float(message["value"])
        finally:
            self._outlet.send({"type": "threshold", "by": str(message["client"])})

    def _on_contrast(self, _message: dict[str, Any]) -> None:
        """See more in dark and flat frames, people and models alike; or no longer."""
        filters = self.session.filters
        if filters.chain.steps:
            filters.clear()
            text = "The picture as it is in the file"
        else:
            filters.on("clahe")
            text = "More contrast (CLAHE), for models as well"
        self._outlet.send(Notice(type="notice", level="info", text=text))

    def _refiltered(self) -> None:
        """Show every frame of the window through the filters that are on now."""
        for store in (self._images, self._errors, self._asked, self._sent):
            store.clear()
        self._send_window()
        self._pointing.look_again()

    def _on_act(self, message: dict[str, Any]) -> None:
        act = cast(Act, message)
        if act["id"] in self._answers:  # sent twice: done once
            self._outlet.send(self._answers[act["id"]])
            return
        try:
            with self.session.moving:  # no cell moves the session meanwhile
                answer = self._decide(act)
        except LabkitError as exc:
            answer = self._refuse(act, str(exc))
        except Exception as exc:  # whatever it is, the frame has to come back
            log.exception("a gesture failed")
            answer = self._refuse(act, f"This could not be done: {exc!r}")
        self._answers[act["id"]] = answer
        while len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)

    def _decide(self, act: Act) -> Answer:
        session, made, text = self.session, {}, ""
        client = act["client"]
        known = act.get("refusals", self._refusals[client])
        if known < self._broken.get((client, act["frame_id"]), 0):
            raise StaleDecisionError(
                "This was not saved", "what came before it was not", "look at the frame again"
            )
        if by := act.get("by"):
            session.sign(by)
        if act["action"] in ("undo", "redo"):
            text = self._turn_back(act["action"])
        elif act["action"] == "follow":
            self._enter(act)
            text = self.following.toggle(object_ids(act["args"], self._names))
        else:
            self._enter(act)
            made = perform(
                session,
                act["action"],
                act["args"],
                self._names,
                tool=str(act["tool"]),
                clicks=int(act["clicks"]),
            )
        frame_id = session.frame_id
        self._known[act["client"], frame_id] = session.view.last_seq
        answer = self._answer(act, frame_id, text=text, made=made)
        self._outlet.send(answer)
        self._send_frame(session.position)
        self._follow(act)
        return answer

    def _enter(self, act: Act) -> None:
        """Go to the frame of a gesture, and see that nobody else has decided there since."""
        session = self.session
        if session.frame_id != act["frame_id"]:
            session.goto(act["frame_id"])
        own = self._known.get((act["client"], act["frame_id"]), 0)
        if session.view.last_seq > max(int(act["revision"]), own):
            session.reload()
        if session.view.last_seq > max(int(act["revision"]), own) and session.scope == "shared":
            raise StaleDecisionError(
                "This was not saved",
                "somebody else has decided on this frame meanwhile",
                "look at it again",
            )

    def _turn_back(self, kind: str) -> str:
        frame_id = self.session.undo() if kind == "undo" else self.session.redo()
        word = "undone" if kind == "undo" else "done again"
        if frame_id is None:
            return f"There is nothing to be {word}"
        if frame_id != self.session.frame_id:
            return f"{word.capitalize()}, on a frame outside of this queue"
        return f"{word.capitalize()} on frame {self.session.position + 1}"

    def _refuse(self, act: Act, why: str) -> Answer:
        frame_id, client = act["frame_id"], act["client"]
        # what the page has sent before it hears of this was meant for another picture
        self._refusals[client] += 1
        self._broken[client, frame_id] = self._refusals[client]
        try:
            if frame_id in self.session.order:
                self.session.goto(frame_id)
        except Exception:
            log.exception("the frame of a refused gesture cannot be read")
            self._sent.pop(frame_id, None)  # it is sent with the next window
            answer = self._answer(act, frame_id, ok=False, text=why, revision=act["revision"])
            self._outlet.send(answer)
            return answer
        answer = self._answer(act, self.session.frame_id, ok=False, text=why)
        self._outlet.send(answer)
        self._send_frame(self.session.position)
        self._moved("")
        return answer

    def _answer(
        self,
        act: Act,
        frame_id: str,
        *,
        ok: bool = True,
        text: str = "",
        made: dict[str, str] | None = None,
        revision: int | None = None,
    ) -> Answer:
        return Answer(
            type="answer",
            id=act["id"],
            ok=ok,
            frame_id=frame_id,
            revision=self.session.view.last_seq if revision is None else revision,
            message=text,
            made=made or {},
        )

    def _follow(self, act: Act) -> None:
        """Go where the browser is after a gesture, or where it has to go."""
        session, then = self.session, act["then"]
        if then:
            if then != session.frame_id:
                session.goto(then)
            self._moved(act["client"])
            return
        if act["action"] in ("accept_frame", "reject_frame", "skip"):
            session.next()
        self._moved("")

    def _follow_later(self, work: Callable[[], str]) -> None:
        """Follow once the tracker is open; what it does is no gesture that could be refused."""

        def then() -> None:
            text = work()
            here = self.session.frame_id
            for client, frame_id in list(self._known):
                if frame_id == here:
                    self._known[client, here] = self.session.view.last_seq
            self._outlet.send(Notice(type="notice", level="info", text=text))

        self.run(then)

    def _moved(self, by: str) -> None:
        if news := self.following.said():
            self._outlet.send(Notice(type="notice", level="error", text=news))
        self._send_window()
        # moving may have carried objects here, and somebody else may have decided
        session = self.session
        if session.followed or self._sent.get(session.frame_id) != session.view.last_seq:
            self._send_frame(session.position)
        self._send_place(by)
        self._send_status()
        self._pointing.moved()

    # ---- what the browser gets

    def _send_place(self, by: str) -> None:
        where = Where(type="at", frame_id=self.session.frame_id, by=by, done=dict(self._done))
        self._outlet.send(where)

    def _send_status(self) -> None:
        session, before = self.session, self._letters
        self._letters = "".join(_LETTERS.get(state, "n") for state in session.states())
        pairs = zip(before, self._letters, strict=False)
        full = len(before) != len(self._letters)
        done, total = session.progress()
        self._outlet.send(
            StatusMessage(
                type="status",
                place=session.position,
                done=done,
                total=total,
                states=self._letters if full else "",
                changed=[] if full else [(k, b) for k, (a, b) in enumerate(pairs) if a != b],
                threshold=session.threshold,
                active_s=round(session.statistics().active_s, 1),
            )
        )

    def _window(self) -> range:
        here, total = self.session.position, len(self.session.order)
        return range(max(0, here - BEFORE), min(total, here + AFTER + 1))

    def _send_window(self) -> None:
        window = self._window()
        here = self.session.position
        ids = self.session.order[window.start : window.stop]
        gone = [f for f in self._sent if f not in ids]
        if gone:
            for frame_id in gone:
                del self._sent[frame_id]
                self._images.pop(frame_id, None)
                self._errors.pop(frame_id, None)
            self._asked = {(f, full) for f, full in self._asked if f not in gone}
            self._outlet.send({"type": "drop", "frame_ids": gone})
            self._outlet.drop(gone)
        # this frame first, then the next ones, then those before
        for place in sorted(window, key=lambda k: (k < here, abs(k - here))):
            if ids[place - window.start] not in self._sent:
                self._send_frame(place)

    def _send_frame(self, place: int) -> None:
        session = self.session
        view = session.view if place == session.position else session.peek(place)
        frame_id = view.frame.frame_id
        image, _full = self._images.get(frame_id, ("", False))
        error = self._errors.get(frame_id, "")
        self._sent[frame_id] = view.last_seq
        why = session.why_at(place)
        followed_by = self.following.followed_by
        self._outlet.send(frame_message(view, place, why, image, error, followed_by))
        if not image and not error:
            self._ask(view.frame, full=False)

    def _ask(self, frame: Frame, *, full: bool) -> None:
        wish = (frame.frame_id, full)
        if wish in self._asked:
            return
        self._asked.add(wish)

        def done(result: Picture | LabkitError) -> None:
            self._put(_PICTURE, lambda: self._arrived(frame, result, full=full))

        self._pictures.request(frame, done, full=full)

    def _arrived(self, frame: Frame, result: Picture | LabkitError, *, full: bool) -> None:
        frame_id = frame.frame_id
        if (frame_id, full) not in self._asked:
            return  # it has left the window meanwhile
        if isinstance(result, Picture):
            full = full or not result.reduced
            self._images[frame_id] = (self._outlet.image(frame_id, result), full)
        else:
            self._errors[frame_id] = str(result)
        window = self._window()
        ids = self.session.order[window.start : window.stop]
        if frame_id in ids:
            self._send_frame(window.start + ids.index(frame_id))

    def _on_want(self, message: dict[str, Any]) -> None:
        """All pixels of a frame that is shown reduced."""
        frame_id = str(message["frame_id"])
        image = self._images.get(frame_id)
        if image is not None and not image[1]:
            self._ask(self.session.project.frame(frame_id), full=True)

    def _on_view(self, message: dict[str, Any]) -> None:
        """Paint the canvas below as a view shows its frame; only the newest wish counts."""
        request = cast(ViewRequest, message)
        session = self.session
        if request["frame_id"] != session.frame_id or request["frame_id"] not in self._images:
            return
        threshold = session.threshold
        rejected = [o for o in session.view.objects if o.state == "rejected"]
        shown = {o.object_id for o in [*session.objects(threshold), *rejected]}
        objects = [o for o in session.view.objects if o.object_id in shown]
        self._outlet.send({"type": "cover"})
        mark = self._outlet.paint(session.view.frame, objects, request, self.following.followed_by)
        self._outlet.send(
            {"type": "show", "view": request["view"], "stamp": request["stamp"], "mark": mark}
        )

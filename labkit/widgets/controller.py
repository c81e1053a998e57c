"""Who does what the pages ask for: the parts of a reviewer, wired together around one session.

A message arrives at :meth:`Controller.post` and is handled on the thread of
:mod:`labkit.widgets.inbox`: gestures by :mod:`labkit.widgets.acts`, frames and pictures by
:mod:`labkit.widgets.window`, clicks by :mod:`labkit.widgets.pointing`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from labkit.core.errors import InputError, LabkitError
from labkit.review import ReviewSession
from labkit.widgets.acts import Acts
from labkit.widgets.follow_key import FollowKey
from labkit.widgets.inbox import Inbox, Rank
from labkit.widgets.messages import Goto, MoveThreshold, Notice, ThresholdTaken
from labkit.widgets.pictures import Pictures
from labkit.widgets.pointing import Pointing
from labkit.widgets.visitor import clicker
from labkit.widgets.window import Canvas, Window

__all__ = ["Controller"]

log = logging.getLogger(__name__)

_RANKS: Final = {"view": Rank.LOOK, "want": Rank.LOOK}


class Controller:
    """Handles the messages of the pages.

    Parameters
    ----------
    session : ReviewSession
    send : callable
        Sends a message to the pages.
    canvas : Canvas
        Shows pictures and paint below them.
    pictures : Pictures
        Closed by :meth:`close`.
    interactor : str
        What segments by clicks, at first.
    tracker : str
        What follows objects, at first.
    inbox : Inbox, optional
        Where the work is done; a thread of its own by default.
    """

    def __init__(
        self,
        session: ReviewSession,
        send: Callable[[Any], None],
        canvas: Canvas,
        pictures: Pictures,
        interactor: str = "sam2-nano",
        tracker: str = "flow",
        inbox: Inbox | None = None,
    ) -> None:
        self.session, self._send, self._pictures = session, send, pictures
        self.inbox = inbox or Inbox()
        self.follow_key = FollowKey(session, self._follow_later, tracker)
        self.window = Window(
            session, send, canvas, pictures, self.inbox.put, lambda: self.follow_key.followed_by
        )
        self.acts = Acts(session, send, self.window, self.follow_key, self._moved)
        self.pointing = Pointing(session, send, self.inbox.put, interactor)
        self._handlers: dict[str, Callable[[Any], None]] = {
            "ready": lambda _message: self.window.send_all(),
            "act": self.acts.on_act,
            "goto": self._on_goto,
            "threshold": self._on_threshold,
            "view": self.window.on_view,
            "want": self.window.on_want,
            "pointing": self.pointing.on_pointing,
            "prompt": self.pointing.on_prompt,
            "contrast": lambda _message: self._switch_contrast(),
            "life": lambda _message: self.session.timer.touch(),
        }
        self._end_watch = session.filters.on_change(lambda: self.inbox.put(self._refiltered))

    # ---- from any thread

    def post(self, message: Mapping[str, Any]) -> None:
        """Take a message from a page; returns at once."""
        kind = str(message.get("type"))
        if kind == "act":  # who clicks is known on this thread alone
            message = {**message, "by": clicker(self.session)}
        self.inbox.put(lambda: self.handle(message), _RANKS.get(kind, Rank.GESTURE))

    def run(self, work: Callable[[], None]) -> None:
        """Do work on the session between two gestures, and show its result."""

        def inside() -> None:
            try:
                work()
            except LabkitError as exc:
                self._notice(str(exc), "error")
            self.window.send_again()
            self._moved("")

        self.inbox.put(inside)

    def tell(self, text: str) -> None:
        """Say something to the person, between two gestures."""
        self.inbox.put(lambda: self._notice(text))

    def close(self) -> None:
        """Handle what has arrived and end; what comes later is dropped."""
        self.inbox.close()
        self._end_watch()
        self.pointing.close()
        self._pictures.close()

    # ---- on the inbox's thread

    def handle(self, message: Mapping[str, Any]) -> None:
        """Handle one message now."""
        handler = self._handlers.get(str(message.get("type")))
        if handler is None:
            log.debug("an unknown type of message: %r", message.get("type"))
            return
        if "number" in message:
            self.window.done[str(message["client"])] = int(message["number"])
        try:
            handler(message)
        except LabkitError as exc:
            self._notice(str(exc), "error")

    def _notice(self, text: str, level: Literal["info", "error"] = "info") -> None:
        self._send(Notice(type="notice", level=level, text=text))

    def _moved(self, by: str) -> None:
        if news := self.follow_key.said():
            self._notice(news, "error")
        self.window.move(by)
        self.pointing.moved()

    def _on_goto(self, message: Goto) -> None:
        session, place = self.session, int(message["place"])
        if not 0 <= place < len(session.order):
            raise InputError("There is no such frame", f"place {place + 1} of the queue")
        session.goto(session.order[place])
        known = message.get("then") == session.frame_id
        self._moved(str(message["client"]) if known else "")

    def _on_threshold(self, message: MoveThreshold) -> None:
        try:
            self.session.threshold = float(message["value"])
        finally:
            self._send(ThresholdTaken(type="threshold", by=str(message["client"])))

    def _switch_contrast(self) -> None:
        """Switch more contrast on or off, for people and models alike."""
        filters = self.session.filters
        if filters.chain.steps:
            filters.clear()
            self._notice("The picture as it is in the file")
        else:
            filters.on("clahe")
            self._notice("More contrast (CLAHE), for models as well")

    def _refiltered(self) -> None:
        self.window.refilter()
        self.pointing.look_again()

    def _follow_later(self, work: Callable[[], str]) -> None:
        """Follow once the tracker is open; this is not a gesture, so it cannot be refused."""

        def then() -> None:
            text = work()
            self.acts.take_as_seen()
            self._notice(text)

        self.run(then)

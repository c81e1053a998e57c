"""What the pages hold of a session: some frames around its place, their pictures, its status."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from labkit.core.types import AnnotatedObject, Frame
from labkit.review import ReviewSession
from labkit.widgets.describe import frame_message, painted
from labkit.widgets.inbox import Rank, Work
from labkit.widgets.messages import Cover, Drop, Show, StatusMessage, ViewRequest, Want, Where
from labkit.widgets.pictures import Picture, Pictures

__all__ = ["AFTER", "BEFORE", "Canvas", "Window"]

BEFORE: Final = 2
AFTER: Final = 5
"""Frames before and after the session's own that a page holds."""

_LETTERS: Final = {"accepted": "a", "hand": "h", "skipped": "s", "open": "o"}
"""State of a frame → its letter in the line of the queue; ``n`` for the rest."""


class Canvas(Protocol):
    """Where pictures and paint go: the surface, or a test."""

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


class Window:
    """Sends frames, pictures, place and status, each when it has changed; on the inbox's thread.

    Parameters
    ----------
    session : ReviewSession
    send : callable
        Sends a message to the pages.
    canvas : Canvas
    pictures : Pictures
    later : callable
        Puts work of a rank into the inbox.
    followed_by : callable
        Gives the tracks that are followed, and by which tracker.

    Attributes
    ----------
    done : dict of str to int
        Page → the number of its last act or move that was handled.
    """

    def __init__(
        self,
        session: ReviewSession,
        send: Callable[[Any], None],
        canvas: Canvas,
        pictures: Pictures,
        later: Callable[[Work, Rank], None],
        followed_by: Callable[[], Mapping[int, str]],
    ) -> None:
        self._session, self._send = session, send
        self._canvas, self._pictures = canvas, pictures
        self._later, self._followed_by = later, followed_by
        self.done: dict[str, int] = {}
        self._sent: dict[str, int] = {}
        """Frame → the revision that was sent last."""
        self._images: dict[str, tuple[str, bool]] = {}
        """Frame → the id of its picture, and whether that has all pixels."""
        self._errors: dict[str, str] = {}
        self._asked: set[tuple[str, bool]] = set()
        self._letters = ""

    # ---- sending

    def send_all(self) -> None:
        """A page has come that knows nothing."""
        self._sent.clear()
        self._letters = ""
        self._send_frames()
        self._send_status()
        self._send_place("")

    def send_again(self) -> None:
        """Objects may have changed on every frame: send them with the next move."""
        self._sent.clear()

    def forget(self, frame_id: str) -> None:
        """Send this frame with the next window."""
        self._sent.pop(frame_id, None)

    def refilter(self) -> None:
        """The pixels of all frames have changed: other filters are on."""
        for store in (self._images, self._errors, self._asked, self._sent):
            store.clear()
        self._send_frames()

    def move(self, by: str) -> None:
        """The session may have moved or changed; the page named by ``by`` knows of it."""
        self._send_frames()
        session = self._session
        # moving may have carried objects here, and somebody else may have decided
        if session.followed or self._sent.get(session.frame_id) != session.view.last_seq:
            self.send_frame(session.position)
        self._send_place(by)
        self._send_status()

    def _send_place(self, by: str) -> None:
        place = Where(type="at", frame_id=self._session.frame_id, by=by, done=dict(self.done))
        self._send(place)

    def _send_status(self) -> None:
        session, before = self._session, self._letters
        self._letters = "".join(_LETTERS.get(state, "n") for state in session.states())
        pairs = zip(before, self._letters, strict=False)
        full = len(before) != len(self._letters)
        done, total = session.progress()
        self._send(
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

    # ---- frames

    def _places(self) -> range:
        here, total = self._session.position, len(self._session.order)
        return range(max(0, here - BEFORE), min(total, here + AFTER + 1))

    def _send_frames(self) -> None:
        """Drop the frames that have left the window, and send those that have come into it."""
        places = self._places()
        here = self._session.position
        ids = self._session.order[places.start : places.stop]
        self._drop([f for f in self._sent if f not in ids])
        # this frame first, then the next ones, then those before
        for place in sorted(places, key=lambda k: (k < here, abs(k - here))):
            if ids[place - places.start] not in self._sent:
                self.send_frame(place)

    def _drop(self, gone: Sequence[str]) -> None:
        if not gone:
            return
        for frame_id in gone:
            del self._sent[frame_id]
            self._images.pop(frame_id, None)
            self._errors.pop(frame_id, None)
        self._asked = {(f, full) for f, full in self._asked if f not in gone}
        self._send(Drop(type="drop", frame_ids=list(gone)))
        self._canvas.drop(gone)

    def send_frame(self, place: int) -> None:
        """Send the frame at a place of the queue, and read its picture where that is new."""
        session = self._session
        view = session.view if place == session.position else session.peek(place)
        frame_id = view.frame.frame_id
        image, _full = self._images.get(frame_id, ("", False))
        error = self._errors.get(frame_id, "")
        self._sent[frame_id] = view.last_seq
        why = session.why_at(place)
        self._send(frame_message(view, place, why, image, error, self._followed_by()))
        if not image and not error:
            self._ask(view.frame, full=False)

    # ---- pictures

    def _ask(self, frame: Frame, *, full: bool) -> None:
        wish = (frame.frame_id, full)
        if wish in self._asked:
            return
        self._asked.add(wish)

        def done(result: Picture | Exception) -> None:
            self._later(lambda: self._arrived(frame, result, full=full), Rank.PICTURE)

        self._pictures.request(frame, done, full=full)

    def _arrived(self, frame: Frame, result: Picture | Exception, *, full: bool) -> None:
        frame_id = frame.frame_id
        if (frame_id, full) not in self._asked:
            return  # it has left the window meanwhile
        if isinstance(result, Picture):
            full = full or not result.reduced
            self._images[frame_id] = (self._canvas.image(frame_id, result), full)
        else:
            self._errors[frame_id] = str(result) or repr(result)
        places = self._places()
        ids = self._session.order[places.start : places.stop]
        if frame_id in ids:
            self.send_frame(places.start + ids.index(frame_id))

    def on_want(self, message: Want) -> None:
        """A page asks for all pixels of a frame that is shown reduced."""
        frame_id = str(message["frame_id"])
        image = self._images.get(frame_id)
        if image is not None and not image[1]:
            self._ask(self._session.project.frame(frame_id), full=True)

    # ---- the canvas below

    def on_view(self, request: ViewRequest) -> None:
        """Paint the canvas below as a view shows its frame; only the newest wish counts."""
        session = self._session
        if request["frame_id"] != session.frame_id or request["frame_id"] not in self._images:
            return
        objects = painted(session.view.objects, session.threshold)
        self._send(Cover(type="cover"))
        mark = self._canvas.paint(session.view.frame, objects, request, self._followed_by())
        self._send(Show(type="show", view=request["view"], stamp=request["stamp"], mark=mark))

"""Clicks in, masks out: between the glass and an interactor. Nothing waits for a model here.

Everything but the opening of models runs on the inbox's thread; answers of the inference
thread are put back on it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Any, Final

from labkit.core.errors import InputError, LabkitError
from labkit.core.geometry import shape_from_polygons
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.types import Frame, Shape
from labkit.models.contours import mask_polygons
from labkit.models.interactors import interactor_names
from labkit.models.interactors.segmenter import Segmenter
from labkit.report.strokes import rings_of
from labkit.review import ReviewSession
from labkit.widgets.describe import shape_json
from labkit.widgets.messages import MaskMessage, PointingMessage, PromptsMessage, SwitchPointing

__all__ = ["Pointing"]

_AHEAD: Final = 2
"""Frames of the queue that are looked at before anybody points there."""


class Pointing:
    """What one session points with.

    Parameters
    ----------
    session : ReviewSession
    send : callable
        Sends a message to the browser; called on the inbox's thread.
    later : callable
        Puts work on the inbox's thread; any thread.
    name : str
        The interactor to begin with, a name of :func:`labkit.models.interactors.interactor_names`.
    """

    def __init__(
        self,
        session: ReviewSession,
        send: Callable[[Any], None],
        later: Callable[[Callable[[], None]], None],
        name: str = "sam2-nano",
    ) -> None:
        self._session, self._send, self._later = session, send, later
        self.name = name
        self._names = list(dict.fromkeys([name, *interactor_names()]))
        self._segmenter: Segmenter | None = None
        self._opening: str | None = None
        self._looked: Future[None] | None = None
        self._waiting: PromptsMessage | None = None
        self._on = self._closed = False

    # ---- messages

    def on_pointing(self, message: SwitchPointing) -> None:
        """The tool was taken up or laid down, or another interactor was chosen."""
        self._on = bool(message["on"])
        if not self._on:
            return None
        name = str(message.get("name") or self.name)
        if self._segmenter is not None and name == self.name:
            self._tell("ready")
            return self.moved()
        self.name = name
        self._waiting = None
        self._tell("opening")
        self._open(name)
        return None

    def on_prompt(self, message: PromptsMessage) -> None:
        """Somebody has pointed; the answer is sent when the model has given it."""
        if self._segmenter is None:
            if not message["preview"]:
                self._waiting = message
            return
        try:
            self._ask(self._segmenter, message)
        except LabkitError as exc:
            self._answer(message, error=str(exc))

    def moved(self) -> None:
        """The session is on another frame: look at it, and at the next ones after it."""
        if not self._on or self._segmenter is None:
            return
        session = self._session
        self._look(self._segmenter, session.view.frame)
        here = session.position
        ahead = session.order[here + 1 : here + 1 + _AHEAD]
        self._segmenter.prefetch([session.project.frame(f) for f in ahead])

    def look_again(self) -> None:
        """The pixels of the frame have changed: other filters are on."""
        if self._segmenter is not None:
            self._looked = self._segmenter.set_frame(self._session.view.frame)

    def close(self) -> None:
        """Close the interactor."""
        self._closed = True
        segmenter, self._segmenter = self._segmenter, None
        if segmenter is not None:
            segmenter.close()

    # ---- opening

    def _open(self, name: str) -> None:
        self._opening = name
        session, old, self._segmenter = self._session, self._segmenter, None
        if old is not None:
            old.close()

        def work() -> None:
            try:
                opened = Segmenter.open(name, session.source, project=session.project.root)
            except Exception as exc:  # noqa: BLE001  the person is told, whatever it is
                text = str(exc) or repr(exc)
                self._later(lambda: self._failed(name, text))
            else:
                self._later(lambda: self._opened(name, opened))

        threading.Thread(target=work, name="labkit-open", daemon=True).start()

    def _opened(self, name: str, segmenter: Segmenter) -> None:
        if self._closed or name != self._opening:
            segmenter.close()
            return
        self._opening, self._segmenter = None, segmenter
        self._tell("ready")
        self.moved()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.on_prompt(waiting)

    def _failed(self, name: str, text: str) -> None:
        if name == self._opening:
            self._opening = None
            self._tell("failed", text)

    def _tell(self, state: Any, text: str = "") -> None:
        info = self._segmenter.info if self._segmenter is not None else None
        self._send(
            PointingMessage(
                type="pointing",
                state=state,
                name=self.name,
                names=self._names,
                takes=sorted(info.takes) if info else [],
                min_points=info.min_points if info else 0,
                text=text or (info.help if info else ""),
            )
        )

    # ---- asking

    def _look(self, segmenter: Segmenter, frame: Frame) -> None:
        if segmenter.frame is None or segmenter.frame.frame_id != frame.frame_id:
            self._looked = segmenter.set_frame(frame)

    def _ask(self, segmenter: Segmenter, message: PromptsMessage) -> None:
        self._look(segmenter, self._session.project.frame(str(message["frame_id"])))
        prompts = _prompts(message)
        known = self._looked is None or self._looked.done()
        asked = time.perf_counter()
        ask = segmenter.preview if message["preview"] else segmenter.submit
        future = ask(prompts)

        def done(answer: Future[list[MaskProposal]]) -> None:
            took = 1000 * (time.perf_counter() - asked) if known else 0.0
            self._later(lambda: self._arrived(message, answer, took))

        future.add_done_callback(done)

    def _arrived(
        self, message: PromptsMessage, future: Future[list[MaskProposal]], took: float
    ) -> None:
        try:
            found = [m for m in future.result() if not m.empty]
            if not found:
                return self._answer(message, error="Nothing was found here", ms=took)
            shape = _shape(found[0], int(message.get("vertices", 0)))
            self._answer(message, shape, score=found[0].score, ms=took)
        except CancelledError:
            pass  # a newer one has taken its place
        except Exception as exc:  # noqa: BLE001  models raise whatever they like
            self._answer(message, error=str(exc) or repr(exc))
        return None

    def _answer(
        self,
        message: PromptsMessage,
        shape: Shape | None = None,
        *,
        score: float = 0.0,
        ms: float = 0.0,
        error: str = "",
    ) -> None:
        rings = [] if shape is None else rings_of(shape)
        self._send(
            MaskMessage(
                type="mask",
                id=str(message["id"]),
                frame_id=str(message["frame_id"]),
                preview=bool(message["preview"]),
                shape=None if shape is None else shape_json(shape),
                rings=[ring.ravel().round(1).tolist() for ring in rings],
                score=round(float(score), 3),
                ms=round(ms, 1),
                error=error,
            )
        )


def _prompts(message: PromptsMessage) -> Prompts:
    try:
        points = [(float(x), float(y)) for x, y in message["points"]]
        prompts = Prompts.clicks(points, [int(v) for v in message["labels"]])
        box = message.get("box")
        if box is None:
            return prompts
        return Prompts(prompts.points, prompts.labels, Prompts.boxed(box).box)
    except (TypeError, ValueError, KeyError) as exc:
        raise InputError("This gesture cannot be understood", str(exc)) from exc


def _shape(found: MaskProposal, vertices: int) -> Shape:
    """The mask, or its polygon with at most so many points."""
    if vertices < 3:
        return found.shape()
    return shape_from_polygons(mask_polygons(found.rle, budget=vertices).polygons)

"""A gesture becomes a verb of the session, and an answer: it is saved, or why it is not.

A gesture is done once, even where its message arrives twice. A refused gesture brings its frame
back; gestures on that frame that the page sent before it heard of the refusal are refused too.
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from labkit.core.errors import InputError, LabkitError, StaleDecisionError
from labkit.core.registry import unknown
from labkit.review import ReviewSession, commands
from labkit.widgets.describe import checksum, shape_from_browser
from labkit.widgets.follow_key import FollowKey
from labkit.widgets.messages import Act, Answer
from labkit.widgets.window import Window

__all__ = ["Acts", "Names", "perform"]

log = logging.getLogger(__name__)

_REMEMBERED: Final = 500
"""Answers that are kept, for gestures that arrive twice."""


class Acts:
    """Does the gestures of all pages of one session, on the inbox's thread.

    Parameters
    ----------
    session : ReviewSession
    send : callable
        Sends a message to the pages.
    window : Window
        Sends the frame after it has changed.
    follow_key : FollowKey
    moved : callable
        Called when the session may have moved, with the id of the page that knows it already or ''.
    """

    def __init__(
        self,
        session: ReviewSession,
        send: Callable[[Any], None],
        window: Window,
        follow_key: FollowKey,
        moved: Callable[[str], None],
    ) -> None:
        self._session, self._send, self._window = session, send, window
        self._follow_key, self._moved = follow_key, moved
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._names = Names()
        self._own: dict[tuple[str, str], int] = {}
        """(Page, frame) → the revision that the page's own last gesture made."""
        self._refusals: Counter[str] = Counter()
        self._broken: dict[tuple[str, str], int] = {}
        """(Page, frame) → how many refusals a page has to know of to be heard again there."""

    def on_act(self, act: Act) -> None:
        """Do a gesture, answer, and go where the page is."""
        if act["id"] in self._answers:  # sent twice: done once
            self._send(self._answers[act["id"]])
            return
        try:
            with self._session.moving:  # no cell moves the session meanwhile
                answer = self._decide(act)
        except LabkitError as exc:
            answer = self._refuse(act, str(exc))
        except Exception as exc:  # whatever it is, the frame has to come back
            log.exception("a gesture failed")
            answer = self._refuse(act, f"This could not be done: {exc!r}")
        self._answers[act["id"]] = answer
        while len(self._answers) > _REMEMBERED:
            self._answers.popitem(last=False)

    def take_as_seen(self) -> None:
        """Count a change of the frame that no gesture made as seen by all pages."""
        here = self._session.frame_id
        for client, frame_id in list(self._own):
            if frame_id == here:
                self._own[client, here] = self._session.view.last_seq

    # ---- doing

    def _decide(self, act: Act) -> Answer:
        session, made, text = self._session, {}, ""
        self._check_refusals(act)
        if by := act.get("by"):
            session.sign(by)
        if act["action"] in ("undo", "redo"):
            text = self._turn_back(act["action"])
        elif act["action"] == "follow":
            self._enter(act)
            text = self._follow_key.toggle(_object_ids(act["args"], self._names))
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
        self._own[act["client"], frame_id] = session.view.last_seq
        answer = self._answer(act, frame_id, text=text, made=made)
        self._send(answer)
        self._window.send_frame(session.position)
        self._go_on(act)
        return answer

    def _check_refusals(self, act: Act) -> None:
        """Refuse what the page sent on this frame before it heard of a refusal there."""
        client = act["client"]
        known = act.get("refusals", self._refusals[client])
        if known < self._broken.get((client, act["frame_id"]), 0):
            raise StaleDecisionError(
                "This was not saved",
                "an earlier change to this frame was not",
                "look at the frame again",
            )

    def _enter(self, act: Act) -> None:
        """Go to the frame of a gesture; refuse it where somebody else has decided there since."""
        session, frame_id = self._session, act["frame_id"]
        if session.frame_id != frame_id:
            session.goto(frame_id)
        seen = max(int(act["revision"]), self._own.get((act["client"], frame_id), 0))
        if session.view.last_seq > seen:
            session.reload()
        if session.view.last_seq > seen and session.scope == "shared":
            raise StaleDecisionError(
                "This was not saved",
                "somebody else has decided on this frame in the meantime",
                "look at it again",
            )

    def _turn_back(self, kind: str) -> str:
        session = self._session
        frame_id = session.undo() if kind == "undo" else session.redo()
        done = "Undone" if kind == "undo" else "Redone"
        if frame_id is None:
            return f"There is nothing to {kind}"
        if frame_id != session.frame_id:
            return f"{done} on a frame that is not in this queue"
        return f"{done} on frame {session.position + 1}"

    def _go_on(self, act: Act) -> None:
        """Go where the page is after a gesture, or where it has to go."""
        session, then = self._session, act["then"]
        if then:
            if then != session.frame_id:
                session.goto(then)
            self._moved(act["client"])
            return
        if act["action"] in ("accept_frame", "reject_frame", "skip"):
            session.next()
        self._moved("")

    # ---- answering

    def _refuse(self, act: Act, why: str) -> Answer:
        session, frame_id, client = self._session, act["frame_id"], act["client"]
        self._refusals[client] += 1
        self._broken[client, frame_id] = self._refusals[client]
        try:
            if frame_id in session.order:
                session.goto(frame_id)
        except Exception:
            log.exception("the frame of a refused gesture cannot be read")
            self._window.forget(frame_id)  # it is sent with the next window
            answer = self._answer(act, frame_id, ok=False, text=why, revision=act["revision"])
            self._send(answer)
            return answer
        answer = self._answer(act, session.frame_id, ok=False, text=why)
        self._send(answer)
        self._window.send_frame(session.position)
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
            revision=self._session.view.last_seq if revision is None else revision,
            message=text,
            made=made or {},
        )


class Names:
    """The ids of objects drawn in the browser, and the ids that the ledger gave them."""

    def __init__(self) -> None:
        self._real: dict[str, str] = {}

    def real(self, name: Any) -> str:
        """The ledger's name of an object."""
        return self._real.get(str(name), str(name))

    def note(self, drawn: Sequence[str], made: Sequence[str]) -> dict[str, str]:
        """Remember the names of new objects."""
        pairs = dict(zip(drawn, made, strict=True))
        self._real.update(pairs)
        return pairs


def perform(
    session: ReviewSession,
    action: str,
    args: Mapping[str, Any],
    names: Names,
    *,
    tool: str,
    clicks: int,
) -> dict[str, str]:
    """Do one gesture on the session's frame, as one step; names of the objects it made.

    Raises
    ------
    LabkitError
        It was refused, or made no sense; nothing has changed.
    """
    how: dict[str, Any] = {"tool": tool, "clicks": clicks}
    if action == "accept_frame":
        _accept_frame(session, args, how)
    elif action == "reject_frame":
        session.reject_frame(**how)
    elif action == "skip":
        session.skip(**how)
    elif action == "add":
        new, labels = _listed(args, "objects"), session.project.labels
        drafts = [
            commands.add(session.view, str(o["label"]), shape_from_browser(o["shape"]), labels)
            for o in new
        ]
        rows = session.commit(list(chain(*drafts)), **how)
        return names.note([str(o["id"]) for o in new], [str(d.object_id) for d in rows])
    elif action in _ON_OBJECTS:
        session.commit(list(chain(*_ON_OBJECTS[action](session, args, names))), **how)
    else:
        raise unknown("gesture", action, ["accept_frame", "reject_frame", "skip", *_ON_OBJECTS])
    return {}


def _accept_frame(session: ReviewSession, args: Mapping[str, Any], how: dict[str, Any]) -> None:
    """Accept what the page showed: from its threshold, and with the proposals that it had."""
    if "proposals" in args and args["proposals"] != checksum(session.view):
        raise StaleDecisionError(
            "This was not saved",
            "more objects have been proposed on this frame in the meantime",
            "look at the frame again",
        )
    if "threshold" in args and args["threshold"] != session.threshold:
        session.threshold = args["threshold"]
    session.accept_frame(**how)


def _listed(args: Mapping[str, Any], name: str) -> list[Any]:
    values = args.get(name)
    if not isinstance(values, list) or not values:
        raise InputError("This gesture cannot be understood", f"it names no {name}")
    return values


def _object_ids(args: Mapping[str, Any], names: Names) -> list[str]:
    """The ledger's names of the objects that a gesture is about."""
    return [names.real(name) for name in _listed(args, "object_ids")]


_ON_OBJECTS: dict[str, Callable[[ReviewSession, Mapping[str, Any], Names], Any]] = {
    "accept": lambda s, args, names: [commands.accept(s.view, k) for k in _object_ids(args, names)],
    "reject": lambda s, args, names: [commands.reject(s.view, k) for k in _object_ids(args, names)],
    "relabel": lambda s, args, names: [
        commands.relabel(s.view, k, str(args.get("label")), s.project.labels)
        for k in _object_ids(args, names)
    ],
    "edit": lambda s, args, names: [
        commands.edit(s.view, names.real(e["object_id"]), shape_from_browser(e["shape"]))
        for e in _listed(args, "edits")
    ],
}

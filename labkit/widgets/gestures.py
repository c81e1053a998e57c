"""What a gesture means: verbs of the session, called by name with the arguments of a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.core.errors import InputError, StaleDecisionError
from labkit.core.registry import unknown
from labkit.core.types import Decision
from labkit.review import ReviewSession, commands
from labkit.widgets.describe import checksum, shape_from_browser

__all__ = ["Names", "object_ids", "perform"]


class Names:
    """Objects drawn in the browser have a name there before the ledger gives them theirs."""

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
        if "proposals" in args and args["proposals"] != checksum(session.view):
            raise StaleDecisionError(
                "This was not saved",
                "objects have been proposed here meanwhile",
                "look at the frame again",
            )
        if "threshold" in args and args["threshold"] != session.threshold:
            session.threshold = args["threshold"]
        session.accept_frame(**how)
    elif action == "reject_frame":
        session.reject_frame(**how)
    elif action == "skip":
        session.skip(**how)
    elif action == "add":
        return _add(session, args, names, how)
    elif action in _ON_OBJECTS:
        drafts = [d for one in _ON_OBJECTS[action](session, args, names) for d in one]
        session.commit(drafts, **how)
    else:
        raise unknown("gesture", action, ["accept_frame", "reject_frame", "skip", *_ON_OBJECTS])
    return {}


def _add(
    session: ReviewSession, args: Mapping[str, Any], names: Names, how: dict[str, Any]
) -> dict[str, str]:
    new = _listed(args, "objects")
    drafts = [
        d
        for o in new
        for d in commands.add(
            session.view, str(o["label"]), shape_from_browser(o["shape"]), session.project.labels
        )
    ]
    rows: list[Decision] = session.commit(drafts, **how)
    return names.note([str(o["id"]) for o in new], [str(d.object_id) for d in rows])


def _listed(args: Mapping[str, Any], name: str) -> list[Any]:
    values = args.get(name)
    if not isinstance(values, list) or not values:
        raise InputError("This gesture cannot be understood", f"it names no {name}")
    return values


def object_ids(args: Mapping[str, Any], names: Names) -> list[str]:
    """The ledger's names of the objects that a gesture is about.

    Raises
    ------
    InputError
        It names none.
    """
    return [names.real(name) for name in _listed(args, "object_ids")]


_ON_OBJECTS: dict[str, Any] = {
    "accept": lambda s, args, names: [commands.accept(s.view, k) for k in object_ids(args, names)],
    "reject": lambda s, args, names: [commands.reject(s.view, k) for k in object_ids(args, names)],
    "relabel": lambda s, args, names: [
        commands.relabel(s.view, k, str(args.get("label")), s.project.labels)
        for k in object_ids(args, names)
    ],
    "edit": lambda s, args, names: [
        commands.edit(s.view, names.real(e["object_id"]), shape_from_browser(e["shape"]))
        for e in _listed(args, "edits")
    ],
}

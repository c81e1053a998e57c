"""What passes between the kernel and the browser, as ``labkit-stage/src/types.ts`` has it too.

Pictures travel as ``ipywidgets.Image`` models, once for the glass and the canvas alike; a frame
message names its model.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "Act",
    "Answer",
    "Drop",
    "FrameMessage",
    "MaskMessage",
    "Notice",
    "ObjectJson",
    "PointingMessage",
    "Show",
    "StatusMessage",
    "ViewRequest",
    "Where",
]


class ObjectJson(TypedDict):
    """One object of a frame; ``rings`` are the outlines of a mask, in pixels of the frame.

    ``followed_by`` names the tracker that carries it to the next frame; ``always``: it is shown at
    any threshold.
    """

    id: str
    label: str
    state: str
    score: float | None
    shape: dict[str, Any]
    rings: NotRequired[list[list[float]]]
    track: int | None
    followed_by: NotRequired[str]
    always: NotRequired[bool]
    hidden: bool


class FrameMessage(TypedDict):
    """A frame of the window: ``image`` is a model's id, empty until the picture is read.

    ``proposals`` is a checksum of those that it was made of.
    """

    type: Literal["frame"]
    frame_id: str
    place: int
    revision: int
    proposals: int
    name: str
    width: int
    height: int
    state: str
    why: str
    objects: list[ObjectJson]
    image: str
    error: str


class Drop(TypedDict):
    """Frames that have left the window: their bitmaps can be closed."""

    type: Literal["drop"]
    frame_ids: list[str]


class Answer(TypedDict):
    """After the commit, or its refusal; ``made`` has the ids of objects drawn in the browser."""

    type: Literal["answer"]
    id: str
    ok: bool
    frame_id: str
    revision: int
    message: str
    made: dict[str, str]


class Where(TypedDict):
    """The session has moved; the client named by ``by`` knows it already.

    ``done`` has the number of each client's last act or move that was worked off.
    """

    type: Literal["at"]
    frame_id: str
    by: str
    done: dict[str, int]


class StatusMessage(TypedDict):
    """Progress; ``states`` has a letter a frame or is empty where ``changed`` says all."""

    type: Literal["status"]
    place: int
    done: int
    total: int
    states: str
    changed: list[tuple[int, str]]
    threshold: float
    active_s: float


class Show(TypedDict):
    """The canvas will show what a view asked for once its first pixel has the colour ``mark``."""

    type: Literal["show"]
    view: str
    stamp: int
    mark: int


class Notice(TypedDict):
    """A line for the person."""

    type: Literal["notice"]
    level: Literal["info", "error"]
    text: str


class PointingMessage(TypedDict):
    """What the interactor is and takes; ``text`` says how it is used, or why it cannot be."""

    type: Literal["pointing"]
    state: Literal["opening", "ready", "failed"]
    name: str
    names: list[str]
    takes: list[str]
    min_points: int
    text: str


class MaskMessage(TypedDict):
    """An interactor's answer; ``ms`` is the time it took, 0 where it had to look at the frame."""

    type: Literal["mask"]
    id: str
    frame_id: str
    preview: bool
    shape: dict[str, Any] | None
    rings: list[list[float]]
    score: float
    ms: float
    error: str


class Act(TypedDict):
    """One gesture, made on a revision of a frame; ``then`` is the frame shown after it."""

    type: Literal["act"]
    id: str
    client: str
    action: str
    frame_id: str
    revision: int
    then: str
    tool: str
    clicks: int
    args: dict[str, Any]
    refusals: NotRequired[int]  # those that the page knows of
    number: NotRequired[int]  # of the page's acts and moves
    by: NotRequired[str | None]  # put in by the kernel: who clicked, in a shared server


class ViewRequest(TypedDict):
    """A view has come to rest: paint the canvas below with ``stage = frame * k + (tx, ty)``."""

    type: Literal["view"]
    client: str
    view: str
    stamp: int
    frame_id: str
    k: float
    tx: float
    ty: float
    width: float
    height: float
    ratio: float
    ground: str

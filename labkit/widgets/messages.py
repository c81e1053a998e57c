"""What passes between the kernel and the pages, in JSON.

``extensions/labkit-stage/src/messages.ts`` is made from this module by
``extensions/generate_messages.py``: a type has the same name there, but for ``Json`` at its end,
which only tells a class of :mod:`labkit.core` from its JSON here.

Pictures travel as ``ipywidgets.Image`` models, once for the glass and the canvas below alike; a
frame message names its model.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict

from labkit.core.types import State

__all__ = [
    "Act",
    "AnnotatedObjectJson",
    "Answer",
    "Arguments",
    "Box",
    "Config",
    "Contrast",
    "Cover",
    "Drop",
    "FrameMessage",
    "FrameState",
    "FromKernel",
    "FromPage",
    "Gesture",
    "Goto",
    "Keypoint",
    "KeysOf",
    "Life",
    "Limb",
    "LookJson",
    "MaskMessage",
    "MoveThreshold",
    "NewObject",
    "NewShape",
    "Notice",
    "PointingMessage",
    "PromptsMessage",
    "Ready",
    "RleJson",
    "Rotated",
    "ShapeJson",
    "Show",
    "SkeletonJson",
    "State",
    "StatusMessage",
    "SwitchPointing",
    "ThresholdTaken",
    "ViewRequest",
    "Want",
    "Where",
]

# ---- shapes

Box: TypeAlias = tuple[float, float, float, float]
"""x1, y1, x2, y2."""

Rotated: TypeAlias = tuple[float, float, float, float, float]
"""cx, cy, width, height, and the angle in radians from the x axis to the width."""

Keypoint: TypeAlias = tuple[float, float, float]
"""x, y, and how sure it is that it can be seen: 0 where it is not labelled."""

Limb: TypeAlias = tuple[int, int]
"""The places of two keypoints that are joined."""


class RleJson(TypedDict):
    """A mask in COCO's run-length encoding; ``size`` is height, width."""

    size: tuple[int, int]
    counts: str


class ShapeJson(TypedDict):
    """A shape in pixels of the frame."""

    box: Box
    rotated: NotRequired[Rotated]
    polygons: NotRequired[list[list[float]]]
    mask: NotRequired[RleJson]
    keypoints: NotRequired[list[Keypoint]]


class SkeletonJson(TypedDict):
    """The names of a label's keypoints in order, and which of them are joined."""

    names: list[str]
    limbs: list[Limb]


# ---- a frame and its objects

FrameState: TypeAlias = Literal["new", "open", "accepted", "hand", "skipped"]
"""What has been decided on a frame as a whole."""


class AnnotatedObjectJson(TypedDict):
    """One object of a frame.

    ``rings`` are the outlines of a mask, for drawing and hitting; ``followed_by`` names the tracker
    that carries it to the next frame. ``shown_from`` is the highest threshold at which it is shown,
    see :mod:`labkit.core.visibility`; ``score`` is there to be read.
    """

    id: str
    label: str
    state: State
    score: float | None
    shape: ShapeJson
    rings: NotRequired[list[list[float]]]
    track: int | None
    followed_by: NotRequired[str]
    shown_from: float


class FrameMessage(TypedDict):
    """A frame of the window.

    ``revision`` is the ledger's number up to which it knows the frame, ``proposals`` a checksum of
    the proposals that it was made of. ``image`` is the id of the model with the encoded picture,
    empty until that is read.
    """

    type: Literal["frame"]
    frame_id: str
    place: int
    revision: int
    proposals: int
    name: str
    width: int
    height: int
    state: FrameState
    why: str
    objects: list[AnnotatedObjectJson]
    image: str
    error: str


# ---- what a page is told once


class LookJson(TypedDict):
    """How the objects of one state look; ``dash`` in CSS pixels, empty for a solid line."""

    color: str
    dash: list[int]
    double: bool
    mark: str
    word: str


class KeysOf(TypedDict):
    """One group of the cheat sheet: rows of (keys, what they do)."""

    title: str
    rows: list[tuple[str, str]]


class Config(TypedDict):
    """What a page has to know of its reviewer.

    ``id`` is unique in the kernel. ``keys`` has the action of each key, ``skeletons`` those of the
    labels that have one, ``skeleton`` the limbs of 17 keypoints whose label has none. On a frame
    with more objects than ``many``, only those wide enough are named.
    """

    id: str
    labels: list[str]
    keys: dict[str, str]
    sheet: list[KeysOf]
    looks: dict[State, LookJson]
    skeleton: list[Limb]
    skeletons: dict[str, SkeletonJson]
    many: int
    height: int


# ---- from the kernel


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
    """The session has moved; the page named by ``by`` knows it already.

    ``done`` has the number of each page's last act or move that was handled.
    """

    type: Literal["at"]
    frame_id: str
    by: str
    done: dict[str, int]


class ThresholdTaken(TypedDict):
    """The threshold that the page named by ``by`` asked for has been taken in, or refused."""

    type: Literal["threshold"]
    by: str


class StatusMessage(TypedDict):
    """Progress.

    ``states`` has a letter per frame in the order of the queue, or is empty where ``changed``, the
    places whose letter has changed, says all.
    """

    type: Literal["status"]
    place: int
    done: int
    total: int
    states: str
    changed: list[tuple[int, str]]
    threshold: float
    active_s: float


class Cover(TypedDict):
    """The canvas below is about to change: the stage covers it."""

    type: Literal["cover"]


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
    shape: ShapeJson | None
    rings: list[list[float]]
    score: float
    ms: float
    error: str


FromKernel: TypeAlias = (
    FrameMessage
    | Drop
    | Answer
    | Where
    | ThresholdTaken
    | StatusMessage
    | Cover
    | Show
    | Notice
    | PointingMessage
    | MaskMessage
)
"""All messages that a page gets."""

# ---- from a page; ``client`` is its id, a new one after a reload


class Ready(TypedDict):
    """A page has been loaded and knows nothing yet."""

    type: Literal["ready"]
    client: str


Gesture: TypeAlias = Literal[
    "accept_frame",
    "reject_frame",
    "skip",
    "accept",
    "reject",
    "relabel",
    "edit",
    "add",
    "follow",
    "undo",
    "redo",
]
"""What a person can decide."""


class NewShape(TypedDict):
    """Another shape of an object."""

    object_id: str
    shape: ShapeJson


class NewObject(TypedDict):
    """An object drawn in the browser; ``id`` is its name until the ledger gives it one."""

    id: str
    label: str
    shape: ShapeJson


class Arguments(TypedDict, total=False):
    """What a gesture is about; which of them there are depends on the gesture.

    A verdict on the frame says from which ``threshold``, and of which ``proposals`` (a checksum),
    it was made.
    """

    object_ids: list[str]
    label: str
    edits: list[NewShape]
    objects: list[NewObject]
    threshold: float
    proposals: int


class Act(TypedDict):
    """One gesture, made on a revision of a frame; ``then`` is the frame shown after it.

    ``refusals`` are those that the page knows of; ``number`` counts its acts and moves. ``by`` is
    put in by the kernel: who clicked, in a shared server.
    """

    type: Literal["act"]
    id: str
    client: str
    action: Gesture
    frame_id: str
    revision: int
    then: str
    tool: str
    clicks: int
    args: Arguments
    refusals: NotRequired[int]
    number: NotRequired[int]
    by: NotRequired[str | None]


class Goto(TypedDict):
    """Go to a place of the queue; ``then`` is the frame that is shown already."""

    type: Literal["goto"]
    client: str
    place: int
    then: str
    number: NotRequired[int]


class MoveThreshold(TypedDict):
    """Show from another score on."""

    type: Literal["threshold"]
    client: str
    value: float


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


class Want(TypedDict):
    """Ask for all pixels of a frame that is shown reduced."""

    type: Literal["want"]
    client: str
    frame_id: str


class SwitchPointing(TypedDict):
    """The tool that segments by clicks was taken up or laid down, or another model was chosen."""

    type: Literal["pointing"]
    client: str
    on: bool
    name: NotRequired[str]


class PromptsMessage(TypedDict):
    """Clicks, and a box, for the interactor; ``vertices`` of a polygon at most, 0 for a mask."""

    type: Literal["prompt"]
    client: str
    id: str
    preview: bool
    frame_id: str
    points: list[tuple[float, float]]
    labels: list[int]
    box: NotRequired[Box | None]
    vertices: NotRequired[int]


class Contrast(TypedDict):
    """Switch more contrast on or off, for dark and flat frames."""

    type: Literal["contrast"]
    client: str


class Life(TypedDict):
    """A sign of life, for the timer of active seconds."""

    type: Literal["life"]
    client: str


FromPage: TypeAlias = (
    Ready
    | Act
    | Goto
    | MoveThreshold
    | ViewRequest
    | Want
    | SwitchPointing
    | PromptsMessage
    | Contrast
    | Life
)
"""All messages that a page sends."""

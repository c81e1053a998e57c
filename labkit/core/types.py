"""The types that pass between the packages. Frozen; geometry in pixels of the upright frame.

Conventions that hold everywhere inside labkit:

* boxes are ``(x1, y1, x2, y2)`` in pixels of the original, upright image (EXIF and video rotation
  applied), origin at the top left corner, x to the right, y down, ``x2``/``y2`` exclusive;
* rotated boxes are ``(cx, cy, w, h, angle)``, angle in radians, clockwise on the screen
  (Ultralytics' ``xywhr``);
* polygons are rings ``(x0, y0, x1, y1, ...)``; several rings are several parts of one object;
* keypoints are ``(x, y, v)``: ``v`` is a confidence 0..1 in a proposal, and COCO's visibility
  (0 not labelled, 1 hidden, 2 visible) is derived from it at the border;
* masks are COCO RLE (:class:`Rle`), times are UTC, durations seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, get_args

import numpy as np

from labkit.core.errors import InputError

__all__ = [
    "FRAME_VERDICTS",
    "KINDS",
    "OBJECT_VERDICTS",
    "AnnotatedObject",
    "Attribute",
    "Decision",
    "Frame",
    "FrameFailure",
    "Kind",
    "LabelChoice",
    "Manifest",
    "Proposal",
    "Rle",
    "Shape",
    "State",
]

Kind = Literal[
    "accept",
    "edit",
    "relabel",
    "reject",
    "add",
    "accept_frame",
    "reject_frame",
    "skip",
    "comment",
    "undo",
    "redo",
]
"""What a ledger row says. ``reject_frame`` sends the frame to hand-labelling."""

KINDS: tuple[str, ...] = get_args(Kind)
OBJECT_VERDICTS = ("accept", "edit", "relabel", "reject", "add")
FRAME_VERDICTS = ("accept_frame", "reject_frame", "skip")

State = Literal["proposed", "accepted", "edited", "rejected", "added"]
"""State of an object after folding decisions over proposals."""


@dataclass(frozen=True, slots=True)
class Rle:
    """A mask as COCO run-length encoding.

    Attributes
    ----------
    height, width : int
        Size of the mask in pixels, which is the size of its frame.
    counts : str
        COCO's compressed counts (ASCII).
    """

    height: int
    width: int
    counts: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """A named property of an object, such as ``color = 'red'`` with the model's score (0..1)."""

    name: str
    value: str | float | bool
    score: float | None = None


@dataclass(frozen=True, slots=True)
class LabelChoice:
    """One of a model's best classes for an object, with its score 0..1."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Frame:
    """One image, or one frame of a video.

    Attributes
    ----------
    frame_id : str
        16 hex digits; a hash of the source's content and the index, so that it survives moves.
    source : str
        SHA-256 of the file that holds the frame.
    uri : str
        Path of that file; relative to the project's folder when it lies inside it.
    index : int
        0 for images; the frame's number in presentation order for videos.
    width, height : int
        Size in pixels, upright.
    time_s : float or None
        Presentation time in a video, seconds.
    sha256 : str
        SHA-256 of the encoded image; for a frame of a video, of source and index.
    group : str
        The video, or the folder of the image; frames of one group belong together in splits.
    orientation : int
        EXIF orientation 1..8 that makes the stored pixels upright (videos: the one that equals
        their rotation flag).
    """

    frame_id: str
    source: str
    uri: str
    index: int
    width: int
    height: int
    time_s: float | None
    sha256: str
    group: str
    orientation: int = 1


@dataclass(frozen=True, slots=True)
class FrameFailure:
    """A file or frame that could not be used, and the reason in one line.

    ``frame_id`` is None for a file that never became a frame.
    """

    uri: str
    reason: str
    frame_id: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """The geometry of one object. ``box`` is always there and encloses the rest.

    :mod:`labkit.core.geometry` builds shapes whose box has to be computed from their parts.

    Parameters
    ----------
    box : (x1, y1, x2, y2)
        Pixels of the upright frame.
    rotated : (cx, cy, w, h, angle), optional
        Angle in radians, clockwise on the screen.
    polygons : tuple of rings, optional
        Each ring is ``(x0, y0, x1, y1, ...)``; several are parts of one object.
    mask : Rle, optional
    keypoints : tuple of (x, y, v), optional

    Examples
    --------
    >>> lk.Shape((10, 20, 50, 80)).box
    (10.0, 20.0, 50.0, 80.0)
    """

    box: tuple[float, float, float, float]
    rotated: tuple[float, float, float, float, float] | None = None
    polygons: tuple[tuple[float, ...], ...] | None = None
    mask: Rle | None = None
    keypoints: tuple[tuple[float, float, float], ...] | None = None

    def __post_init__(self) -> None:
        box = tuple(float(v) for v in self.box)
        if len(box) != 4 or not all(np.isfinite(box)):
            raise InputError("This box cannot be used", f"{self.box!r} is not four finite numbers")
        if box[2] <= box[0] or box[3] <= box[1]:
            raise InputError(
                "This box cannot be used", f"{self.box!r} has no area as x1, y1, x2, y2"
            )
        object.__setattr__(self, "box", box)

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dictionary; absent parts are left out."""
        out: dict[str, Any] = {"box": list(self.box)}
        if self.rotated is not None:
            out["rotated"] = list(self.rotated)
        if self.polygons is not None:
            out["polygons"] = [list(ring) for ring in self.polygons]
        if self.mask is not None:
            out["mask"] = {"size": [self.mask.height, self.mask.width], "counts": self.mask.counts}
        if self.keypoints is not None:
            out["keypoints"] = [list(p) for p in self.keypoints]
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Shape:
        """The inverse of :meth:`to_json`."""
        mask, rotated = data.get("mask"), data.get("rotated")
        polygons, keypoints = data.get("polygons"), data.get("keypoints")
        return cls(
            box=tuple(data["box"]),
            rotated=None if rotated is None else tuple(rotated),
            polygons=None if polygons is None else tuple(tuple(r) for r in polygons),
            mask=None if mask is None else Rle(mask["size"][0], mask["size"][1], mask["counts"]),
            keypoints=None
            if keypoints is None
            else tuple((float(x), float(y), float(v)) for x, y, v in keypoints),
        )


@dataclass(frozen=True, slots=True)
class Proposal:
    """One object that a run says is there.

    ``choices`` holds the model's up to three best classes under the *model's* names, best first;
    ``label`` is the project's label that the label map made of the first one.
    """

    frame_id: str
    index: int
    label: str
    score: float
    shape: Shape
    choices: tuple[LabelChoice, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    track_id: int | None = None


@dataclass(frozen=True, slots=True)
class AnnotatedObject:
    """The state of one object on a frame: proposals folded with decisions.

    ``object_id`` is the proposal's (``run_id/frame_id/index``) or, for an object that a person
    added, a random one. ``revision`` is the ledger's ``seq`` of the last decision on it, 0 where
    there is none.

    ``model_label`` is the label under which it was proposed, None for an added object. ``edited``
    says that its shape or attributes were changed and kept. ``covered_by`` is the id of the object,
    decided or carried along by a tracker, that this proposal repeats, if any. ``shown_from``
    is the highest threshold at which it is shown, see :mod:`labkit.core.visibility`.
    """

    object_id: str
    frame_id: str
    label: str
    shape: Shape
    state: State = "proposed"
    score: float | None = None
    run_id: str | None = None
    choices: tuple[LabelChoice, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    track_id: int | None = None
    reviewer: str | None = None
    revision: int = 0
    model_label: str | None = None
    edited: bool = False
    covered_by: str | None = None
    shown_from: float = 1.0

    @property
    def relabelled(self) -> bool:
        """Whether it was kept under another label than the one it was proposed with."""
        return self.state != "rejected" and self.model_label not in (None, self.label)

    def with_(self, **changes: Any) -> AnnotatedObject:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """What the ledger stores as ``before`` and ``after``."""
        out: dict[str, Any] = {"label": self.label, "shape": self.shape.to_json()}
        if self.attributes:
            out["attributes"] = [[a.name, a.value, a.score] for a in self.attributes]
        if self.track_id is not None:
            out["track_id"] = self.track_id
        return out


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the ledger: who decided what, on which object, when, how, how long.

    Attributes
    ----------
    decision_id : str
        Unique, made by the caller: writing the same decision twice writes it once.
    step : str
        Decisions that belong to one gesture share it; undo takes back a whole step.
    kind : Kind
        What was decided.
    frame_id : str
    object_id : str or None
        None for decisions on the whole frame.
    run_id : str or None
        Run of the proposal, None for added objects.
    reviewer : str
    session_id : str
    time : datetime
        UTC, timezone-aware.
    scripted : bool
        True where a script decided, not a person.
    before, after : dict or None
        The object as JSON (label, shape, attributes) before and after; None where there was none
        or is none any more. For ``accept`` both are equal, and ``after`` alone is stored.
    score : float or None
        The proposal's score.
    threshold : float or None
        The score from which objects were shown.
    tool : str
        With what it was done: ``key``, ``mouse``, ``box``, ``sam2``, ``api`` ...
    active_s : float
        Active seconds spent on the frame since the last decision there; idle time left out.
    clicks : int
        Number of clicks and keys.
    target : str or None
        For ``undo`` and ``redo``: the step taken back or done again.
    comment : str
    seq : int
        Given by the ledger; the order of all decisions. 0 until written.
    """

    decision_id: str
    step: str
    kind: Kind
    frame_id: str
    reviewer: str
    session_id: str
    time: datetime
    object_id: str | None = None
    run_id: str | None = None
    scripted: bool = False
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    score: float | None = None
    threshold: float | None = None
    tool: str = "api"
    active_s: float = 0.0
    clicks: int = 0
    target: str | None = None
    comment: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a run was and did: the content of ``run.json``.

    Attributes
    ----------
    status : str
        ``running``, ``finished``, ``cancelled``, ``failed`` or ``discarded`` (finished, and not
        wanted).
    kind : str
        ``detector``, ``interactor``, ``tracker`` or ``import``.
    conf : float
        The score from which a reviewer is shown its proposals.
    part_size : int
        Frames per Parquet part.
    label_map : dict
        Model label → project label; None where the label was dropped.
    label_rules : dict
        Model label → the rule by which it was mapped (``exact``, ``synonym``, ``user`` ...).
    dropped : dict
        Model label → number of proposals that the label map dropped.
    replaces : sequence of str
        Runs whose proposals on this run's frames no longer count.
    tracks : sequence of int
        Where there are any, only the proposals of these tracks are replaced.
    counts : dict
        What else was counted, by name, such as ``detections without track``.
    """

    run_id: str
    model: str
    kind: str = "detector"
    weights_sha256: str | None = None
    task: str = "detect"
    conf: float = 0.5
    store_above: float = 0.05
    params: Mapping[str, Any] = field(default_factory=dict)
    label_map: Mapping[str, str | None] = field(default_factory=dict)
    label_rules: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    replaces: Sequence[str] = ()
    part_size: int = 64
    frames: int = 0
    proposals: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    failures: Sequence[FrameFailure] = ()
    status: str = "running"
    created: str = ""
    finished: str | None = None
    class_scores: str = "full"
    tracks: Sequence[int] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether it followed a reviewer, and nobody asked for it as a run."""
        return bool(self.params.get("follow"))

"""Actions on many objects at once: one gesture, one step of the ledger, one undo."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, Protocol
from uuid import uuid4

from labkit.core.errors import LabkitError
from labkit.core.prompts import MaskProposal, Prompts
from labkit.core.registry import unknown
from labkit.core.shapes import fit_shape
from labkit.core.types import AnnotatedObject, Decision, Frame, Shape
from labkit.core.visibility import TRACKED_BY
from labkit.models.contours import shape_to_box, shape_to_mask, shape_to_polygons
from labkit.review import commands
from labkit.review.commands import Draft
from labkit.review.view import FrameView
from labkit.review.walk import QueueWalk
from labkit.review.which import ManyReport, Unchanged, Which
from labkit.review.writer import DecisionWriter

__all__ = ["Many", "Refiner", "copy_objects"]

Form = Literal["polygon", "mask", "box"]
Progress = Callable[[int, int], object]

_PIECE = 256
"""Objects that are asked for in one call."""

_OF_THE_TRACKER = (TRACKED_BY, "keyframe", "drift")
"""How attributes begin that say how a tracker came to an object; a copy was not tracked."""


class Refiner(Protocol):
    """Boxes of one frame become masks: an interactor behind the inference thread."""

    def set_frame(self, frame: Frame) -> object:
        """Look at a frame."""
        ...

    def segment_many(self, prompts: Sequence[Prompts]) -> list[MaskProposal]:
        """The best mask of each of many objects of the frame."""
        ...


class Many:
    """Objects as they stood when they were asked for; each verb is one step that undo takes back.

    A verb that comes too late is refused as a whole: if somebody else has decided on one of
    the frames since, or one of the objects is different now, nothing is written.
    """

    def __init__(self, writer: DecisionWriter, which: Which) -> None:
        self._writer, walk = writer, writer.walk
        with walk.lock:
            self._since = writer.writes
            frames = _frames(walk, which.frames)
            self._views = {f: walk.view_of(f) for f in frames}
        found = {f: which.of(v, walk.threshold) for f, v in self._views.items()}
        self._objects = {f: objects for f, objects in found.items() if objects}
        missing = set(which.ids or ()) - {o.object_id for o in self}
        if missing:
            known = [o.object_id for v in self._views.values() for o in v.objects]
            name = sorted(missing)[0]
            if name not in known:
                raise unknown("object of these frames", name, known)

    def __iter__(self) -> Iterator[AnnotatedObject]:
        return (o for objects in self._objects.values() for o in objects)

    def __len__(self) -> int:
        return sum(map(len, self._objects.values()))

    @property
    def objects(self) -> list[AnnotatedObject]:
        """The objects themselves, to be given to what acts on objects.

        ``project.track(session.many(which).objects)`` follows them all, as one action. It writes a
        run and no decision, so what takes it back is ``project.discard(run)``, and not undo.
        """
        return list(self)

    def relabel(self, label: str, *, tool: str = "api", clicks: int = 1) -> ManyReport:
        """Give all of them a label."""
        labels = self._writer.walk.project.labels
        if label not in labels:
            raise unknown("label", label, list(labels))
        return self._each(
            lambda v, o: commands.relabel(v, o.object_id, label, labels),
            f"it is {label!r} already",
            tool,
            clicks,
        )

    def reject(self, *, tool: str = "api", clicks: int = 1) -> ManyReport:
        """Say that none of them is there."""
        return self._each(
            lambda v, o: commands.reject(v, o.object_id), "it is rejected already", tool, clicks
        )

    def accept(self, *, tool: str = "api", clicks: int = 1) -> ManyReport:
        """Say that all of them are right as they stand."""
        return self._each(
            lambda v, o: commands.accept(v, o.object_id), "it is decided already", tool, clicks
        )

    def convert(
        self,
        to: Form,
        *,
        tolerance: float | None = None,
        budget: int | None = None,
        tool: str = "api",
        clicks: int = 1,
    ) -> ManyReport:
        """Give their shapes another form; keypoints are kept.

        Parameters
        ----------
        to : {'polygon', 'mask', 'box'}
        tolerance, budget
            For polygons: see :func:`labkit.models.contours.shape_to_polygons`.
        """
        if to not in ("polygon", "mask", "box"):
            raise unknown("form", to, ["polygon", "mask", "box"])
        notes: list[Unchanged] = []
        options = {} if tolerance is None else {"tolerance": tolerance}

        def converted(view: FrameView, o: AnnotatedObject) -> list[Draft]:
            size = (view.frame.width, view.frame.height)
            if to == "polygon":
                shape, report = shape_to_polygons(o.shape, size, budget=budget, **options)
                if report.holes or report.dropped:
                    reason = f"{report.holes} holes and {report.dropped} parts cannot be held"
                    notes.append(Unchanged(o.object_id, o.frame_id, reason))
            else:
                shape = shape_to_mask(o.shape, size) if to == "mask" else shape_to_box(o.shape)
            return commands.edit(view, o.object_id, shape)

        report = self._each(converted, f"it is a {to} already", tool, clicks)
        return replace(report, notes=tuple(notes))

    def refine(
        self,
        interactor: Refiner,
        *,
        min_score: float = 0.0,
        progress: Progress | None = None,
        tool: str = "refine",
        clicks: int = 1,
    ) -> ManyReport:
        """Turn their boxes into masks; nothing is written before all frames are done.

        Parameters
        ----------
        interactor : Refiner
            For instance a :class:`labkit.models.interactors.segmenter.Segmenter`.
        min_score : float
            A mask that the interactor itself rates lower, 0..1, is not taken.
        progress : callable, optional
            Told the frames that are done and all of them; what it raises cancels everything.
        """
        drafts: list[Draft] = []
        left: list[Unchanged] = []
        for done, (frame_id, objects) in enumerate(self._objects.items(), start=1):
            view = self._views[frame_id]
            for o, shape in zip(
                objects, _refined(interactor, view.frame, objects, min_score), strict=True
            ):
                if isinstance(shape, str):
                    left.append(Unchanged(o.object_id, frame_id, shape))
                    continue
                made = commands.edit(view, o.object_id, shape)
                drafts += made
                if not made:
                    left.append(Unchanged(o.object_id, frame_id, "it has this mask already"))
            if progress is not None:
                progress(done, len(self._objects))
        return self._commit(drafts, left, tool, clicks)

    def _each(
        self,
        action: Callable[[FrameView, AnnotatedObject], list[Draft]],
        nothing: str,
        tool: str,
        clicks: int,
    ) -> ManyReport:
        drafts: list[Draft] = []
        left: list[Unchanged] = []
        for frame_id, objects in self._objects.items():
            # a view of these objects alone: looking one up walks over all that it has
            for o in objects:
                view = replace(self._views[frame_id], objects=(o,))
                try:
                    made, reason = action(view, o), nothing
                except LabkitError as exc:
                    made, reason = [], str(exc)
                drafts += made
                if not made:
                    left.append(Unchanged(o.object_id, frame_id, reason))
        return self._commit(drafts, left, tool, clicks)

    def _commit(
        self, drafts: list[Draft], left: list[Unchanged], tool: str, clicks: int
    ) -> ManyReport:
        saved = self._writer.commit_all(
            drafts, self._views, tool=tool, clicks=clicks, since=self._since
        )
        return _report(saved, left)


def _report(saved: Sequence[Decision], left: Iterable[Unchanged]) -> ManyReport:
    frames = {d.frame_id for d in saved}
    return ManyReport(len(saved), len(frames), tuple(left), (), tuple(saved))


def _frames(walk: QueueWalk, frames: str | Collection[str]) -> list[str]:
    if isinstance(frames, str):
        if frames not in ("current", "queue"):
            raise unknown("choice of frames", frames, ["current", "queue"])
        return [walk.frame_id] if frames == "current" else walk.order
    order = walk.order
    for frame_id in set(frames) - set(order):
        raise unknown("frame of this queue", frame_id, order)
    wanted = set(frames)
    return [f for f in order if f in wanted]


def _refined(
    interactor: Refiner, frame: Frame, objects: Sequence[AnnotatedObject], min_score: float
) -> list[Shape | str]:
    """For each object its new shape, or the reason why there is none."""
    out: list[Shape | str] = []
    asked: list[Prompts] = []
    for o in objects:
        prompts = Prompts.boxed(o.shape.box)
        try:
            prompts.check(frame.width, frame.height)
            asked.append(prompts)
            out.append("")
        except LabkitError as exc:
            out.append(str(exc))
    if not asked:
        return out
    try:
        interactor.set_frame(frame)
        answers = iter(_answers(interactor, asked, min_score))
        for k, o in enumerate(objects):
            if not out[k]:
                answer = next(answers)
                out[k] = (
                    answer
                    if isinstance(answer, str)
                    else replace(answer, keypoints=o.shape.keypoints)
                )
    except LabkitError as exc:  # the frame cannot be read, or does not fit the model
        return [reason or str(exc) for reason in out]
    return out


def _answers(
    interactor: Refiner, asked: Sequence[Prompts], min_score: float
) -> Iterator[Shape | str]:
    """Shapes or reasons; of 5,000 full-size masks only a piece is in memory at a time."""
    for k in range(0, len(asked), _PIECE):
        for answer in interactor.segment_many(asked[k : k + _PIECE]):
            if answer.empty:
                yield "the interactor found nothing there"
            elif answer.score < min_score:
                yield f"the mask has a score of {answer.score:.2f}"
            else:
                yield answer.shape()


def copy_objects(
    writer: DecisionWriter, frame_id: str, object_ids: Sequence[str], tool: str = "copy"
) -> ManyReport:
    """Add copies of objects of the current frame to another frame of the queue.

    A copy keeps label, shape, attributes and track. What does not fit the other frame, or is of a
    track that is there already, is listed and left.
    """
    walk = writer.walk
    (target,) = _frames(walk, [frame_id])
    goal = walk.view_of(target)
    there = {o.track_id for o in goal.objects if o.state != "rejected"} - {None}
    drafts: list[Draft] = []
    left: list[Unchanged] = []
    for o in map(walk.view.object, dict.fromkeys(object_ids)):
        if frame_id == o.frame_id or o.track_id in there:
            reason = "it is of this frame" if frame_id == o.frame_id else "its track is there"
            left.append(Unchanged(o.object_id, o.frame_id, reason))
            continue
        try:
            copy = AnnotatedObject(
                uuid4().hex,
                target,
                o.label,
                fit_shape(o.shape, goal.frame),
                attributes=tuple(a for a in o.attributes if not a.name.startswith(_OF_THE_TRACKER)),
                track_id=o.track_id,
            )
            drafts.append(Draft("add", target, None, copy))
        except LabkitError as exc:
            left.append(Unchanged(o.object_id, o.frame_id, str(exc)))
    saved = writer.commit_all(drafts, {target: goal}, tool=tool, clicks=1)
    return _report(saved, left)

"""Bidirectional interpolation: between two keyframes, a forward and a backward pass are blended.

::

    keyframes   K1 . . . . . K2
    forward        > > > > >        counts less, the farther it is from K1
    backward       < < < < <        made when the forward pass is past K1; counts more

For trackers that do not see ahead. The shapes of the backward pass are held while the forward pass
is inside the interval. The session continues from its own shapes, not from the blended ones, so the
last of them are kept beside each part (``walk-<part>.json``), for a resumed run to recall; the
backward pass is made again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import LabkitError, StoreError
from labkit.core.tracks import Tracked
from labkit.core.types import FrameFailure, Shape
from labkit.models.detectors.base import OutOfMemoryError
from labkit.models.trackers.blend import blend, share
from labkit.store.files import write_atomic
from labkit.store.proposals import RunStore
from labkit.tracking.route import Interval
from labkit.tracking.sessions import Plan

if TYPE_CHECKING:
    from labkit.tracking.propagate import ReadAhead

__all__ = ["Bidirectional"]

_log = logging.getLogger("labkit")


class Bidirectional:
    """Bidirectional interpolation in one run.

    Parameters
    ----------
    plan : Plan
    store : RunStore
        Its folder keeps what a resumed run needs.
    memory : int
        Steps whose own shapes a session may be asked to recall.
    """

    def __init__(self, plan: Plan, store: RunStore, memory: int) -> None:
        self._plan, self._store, self._memory = plan, store, memory
        self._active = not plan.tracker.info.sees_ahead
        self._back: dict[tuple[int, int], dict[int, Tracked]] = {}
        self._own: dict[int, dict[int, Tracked]] = {}

    def mix(
        self,
        k: int,
        live: Mapping[int, Interval],
        results: Sequence[Tracked],
        images: ReadAhead,
        check: Callable[[], None],
    ) -> list[Tracked]:
        """The results of a step, those between two keyframes mixed with the way back.

        Parameters
        ----------
        k : int
            The step.
        live : mapping
            What the session has followed to this frame, by number of the track.
        results : sequence of Tracked
            As the session gave them.
        images : ReadAhead
        check : callable
            Raises where the run was cancelled; called at every frame of a way back.
        """
        for key in [key for key in self._back if key[1] <= k]:
            del self._back[key]
        gaps = (
            {n: self._plan.gap(k, interval) for n, interval in live.items()} if self._active else {}
        )
        inside = {n: gap for n, gap in gaps.items() if gap is not None}
        if not inside:
            return list(results)
        self._find(k, inside, live, images, check)
        found = {t.track_id: t for t in results}
        own = self._own[k] = {}
        for number, (first, last) in inside.items():
            track_id = self._plan.tracks[number].track_id
            lost = Tracked(track_id, None, 0.0)
            forward = own[track_id] = found.get(track_id, lost)
            back = self._back[number, last].pop(k, lost)
            found[track_id] = blend(forward, back, share(k, first, last))
        return list(found.values())

    def own(self, step: int) -> Mapping[int, Tracked]:
        """What the session itself had found at an earlier step, where that was mixed; by id."""
        return self._own.get(step, {})

    def clear(self) -> None:
        """Forget the ways back."""
        self._back.clear()

    # ---- the way back

    def _find(
        self,
        k: int,
        inside: Mapping[int, tuple[int, int]],
        live: Mapping[int, Interval],
        images: ReadAhead,
        check: Callable[[], None],
    ) -> None:
        """Make the backward pass from each keyframe whose interval has just begun."""
        ends: dict[int, list[int]] = {}
        for number, (_, last) in inside.items():
            if (number, last) not in self._back:
                ends.setdefault(last, []).append(number)
        for last, numbers in ends.items():
            for number in numbers:
                self._back[number, last] = {}
            self._pass_back(k, last, [live[n] for n in numbers], images, check)

    def _pass_back(
        self,
        k: int,
        last: int,
        intervals: Iterable[Interval],
        images: ReadAhead,
        check: Callable[[], None],
    ) -> None:
        plan, end = self._plan, self._plan.steps[last]
        image = images.read(plan.frame(end))
        if isinstance(image, FrameFailure):
            return  # the forward pass lists it
        session = plan.session(end, backward=not end.pass_.backward)
        try:
            keyframes = [plan.keyframe(interval, end.position) for interval in intervals]
            plan.infer(session.prompt, end.position, image, keyframes)
            for j in range(last - 1, k - 1, -1):
                check()
                step = plan.steps[j]
                image = images.read(plan.frame(step))
                if isinstance(image, FrameFailure):
                    continue
                for tracked in plan.infer(session.step, step.position, image):
                    self._back[plan.numbers[tracked.track_id], last][j] = tracked
        except (LabkitError, MemoryError, OutOfMemoryError):
            raise
        except Exception as exc:  # noqa: BLE001  the forward pass continues
            _log.warning("tracking back from frame %s failed", end.frame_id, exc_info=exc)
        finally:
            plan.infer(session.close)

    # ---- for a resumed run

    def keep(self, part: int, until: int) -> None:
        """Write down the session's own shapes before the part is written; ``until`` is its end."""
        for old in [j for j in self._own if j < until - self._memory]:
            del self._own[old]
        if self._own:
            kept = {str(j): [_to_json(t) for t in at.values()] for j, at in self._own.items()}
            write_atomic(self._path(part), lambda f: f.write(json.dumps(kept).encode()))

    def forget(self, part: int) -> None:
        """Drop what was kept for a part, as a later one has been written."""
        self._path(part).unlink(missing_ok=True)

    def done(self) -> None:
        """Drop all that was kept, as the run is whole."""
        for path in self._store.folder.glob("walk-*.json"):
            path.unlink(missing_ok=True)

    def load(self, part: int) -> None:
        """Read what an earlier process kept beside its last part."""
        path = self._path(part)
        if not path.exists():
            return
        try:
            kept = json.loads(path.read_text("utf-8"))
            for j, at in kept.items():
                self._own[int(j)] = {t.track_id: t for t in map(_from_json, at)}
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise StoreError(f"{path.name!r} cannot be read", str(exc), "delete it") from exc

    def _path(self, part: int) -> Path:
        return self._store.folder / f"walk-{part:05d}.json"


def _to_json(tracked: Tracked) -> dict[str, Any]:
    shape = None if tracked.shape is None else tracked.shape.to_json()
    return {"track_id": tracked.track_id, "shape": shape, "score": tracked.score}


def _from_json(data: Mapping[str, Any]) -> Tracked:
    shape = None if data["shape"] is None else Shape.from_json(data["shape"])
    return Tracked(int(data["track_id"]), shape, float(data["score"]))

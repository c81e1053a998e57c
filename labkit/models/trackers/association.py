"""ByteTrack and BoT-SORT (Ultralytics' own): which detections on many frames are one object."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labkit.core.errors import InputError
from labkit.core.geometry import box_area
from labkit.core.registry import unknown
from labkit.models.detectors.base import Image
from labkit.models.ultralytics import ultralytics

__all__ = ["ASSOCIATORS", "Associator", "AssociatorInfo", "associator_info"]

ASSOCIATORS = ("bytetrack", "botsort")

_CLASSES = {"bytetrack": ("byte_tracker", "BYTETracker"), "botsort": ("bot_sort", "BOTSORT")}
_GMC = ("sparseOptFlow", "orb", "sift", "ecc", "none")
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class AssociatorInfo:
    """What an association is.

    Attributes
    ----------
    name : str
        One of :data:`ASSOCIATORS`.
    params : mapping
        Ultralytics' defaults, overridden by those that were given.
    needs_images : bool
        Whether it looks at pixels (BoT-SORT, for the camera's motion).
    versions : mapping
        Package → version.
    """

    name: str
    params: Mapping[str, Any]
    needs_images: bool
    versions: Mapping[str, str]


def associator_info(name: str, params: Mapping[str, Any] | None = None) -> AssociatorInfo:
    """Look up an association and check its parameters.

    Parameters
    ----------
    name : str
        ``bytetrack`` or ``botsort``.
    params : mapping, optional
        Over the defaults of Ultralytics' YAML file of that name: ``track_high_thresh``,
        ``track_low_thresh``, ``new_track_thresh``, ``track_buffer``, ``match_thresh``,
        ``fuse_score``; BoT-SORT also takes ``gmc_method`` and ``proximity_thresh``.

    Raises
    ------
    InputError
        An unknown name or parameter, a value of another kind or out of range, or ``with_reid``: a
        run keeps no features of what it saw.
    """
    if name not in ASSOCIATORS:
        raise unknown("association", name, list(ASSOCIATORS))
    utils = ultralytics("utils")
    defaults = dict(utils.YAML.load(utils.ROOT / "cfg" / "trackers" / f"{name}.yaml"))
    out = dict(defaults)
    for key, value in (params or {}).items():
        if key not in defaults or key == "tracker_type":
            raise unknown(f"parameter of {name}", key, [k for k in defaults if k != "tracker_type"])
        out[key] = _checked(key, value, defaults[key])
    if out.get("with_reid"):
        raise InputError(
            "with_reid cannot be used", "a run keeps no features of what it saw", "leave it out"
        )
    needs = name == "botsort" and out["gmc_method"] not in ("none", "None", None)
    return AssociatorInfo(name, out, needs, {"ultralytics": str(ultralytics().__version__)})


def _checked(key: str, value: Any, default: Any) -> Any:
    what = f"{key}={value!r} is not usable"
    if key == "gmc_method":
        if value not in _GMC:
            raise InputError(what, f"it is one of {', '.join(_GMC)}")
        return value
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise InputError(what, "it is True or False")
        return value
    if isinstance(default, str):
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise InputError(what, "it is not a finite number")
    if isinstance(default, int):
        if value < 0 or value != int(value):
            raise InputError(what, "it has to be a whole number from 0")
        return int(value)
    if not 0 <= value <= 1:
        raise InputError(what, "it has to be from 0 to 1")
    return float(value)


class Associator:
    """One sequence of frames; give it the detections frame by frame, in order.

    Called in the inference thread. Detections of all labels compete for the same tracks, as in
    Ultralytics.

    Parameters
    ----------
    info : AssociatorInfo
        From :func:`associator_info`.
    """

    def __init__(self, info: AssociatorInfo) -> None:
        module, name = _CLASSES[info.name]
        args = ultralytics("utils").IterableSimpleNamespace(**info.params)
        self._tracker = getattr(_trackers(module), name)(args)
        self._confirmed: set[int] = set()

    @property
    def confirmed(self) -> frozenset[int]:
        """Tracks that were found on a second frame (on the sequence's first frame: at once).

        The others are single detections, which Ultralytics would not have shown.
        """
        return frozenset(self._confirmed)

    def update(
        self, boxes: ArrayLike, scores: ArrayLike, classes: ArrayLike, image: Image | None = None
    ) -> NDArray[np.int64]:
        """The track of each detection on the next frame, from 1 up; 0 where it has none.

        Tracks that are not :attr:`confirmed` by the end of the sequence do not count.

        Parameters
        ----------
        boxes : array, (n, 4)
            ``xyxy`` in pixels.
        scores : array, (n,)
            0..1.
        classes : array, (n,)
            Numbers of the labels.
        image : ndarray, optional
            RGB ``(h, w, 3)``; needed where the info says so. Without it the camera stands still.
        """
        detections = _Detections(
            np.asarray(boxes, np.float32).reshape(-1, 4),
            np.asarray(scores, np.float32).reshape(-1),
            np.asarray(classes, np.float32).reshape(-1),
        )
        bgr = None if image is None else np.ascontiguousarray(image[..., ::-1])
        self._tracker.update(detections, bgr)
        out = np.zeros(len(detections), np.int64)
        for track in self._tracker.tracked_stracks:
            # a new track is shown from its second frame on; what it was on its first is known here
            if track.frame_id == self._tracker.frame_id and track.idx is not None:
                out[int(track.idx)] = track.track_id
                if track.is_activated:
                    self._confirmed.add(int(track.track_id))
        return out


@dataclass(frozen=True)
class _Detections:
    """What Ultralytics' trackers ask of its ``Boxes``."""

    xyxy: NDArray[np.float32]
    conf: NDArray[np.float32]
    cls: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.conf)

    def __getitem__(self, which: Any) -> _Detections:
        return _Detections(self.xyxy[which], self.conf[which], self.cls[which])

    @property
    def xywh(self) -> NDArray[np.float32]:
        """Centre and size."""
        size = self.xyxy[:, 2:] - self.xyxy[:, :2]
        out = np.concatenate([(self.xyxy[:, :2] + self.xyxy[:, 2:]) / 2, size], axis=1)
        return np.where(box_area(self.xyxy)[:, None] > 0, out, np.float32(0))


def _trackers(module: str) -> ModuleType:
    """Import Ultralytics' trackers; scipy stands in for the package ``lap`` that they need."""
    with _lock, _lap():
        return ultralytics(f"trackers.{module}")


@contextlib.contextmanager
def _lap() -> Iterator[None]:
    """If ``lap`` is not installed, stand in for it while Ultralytics imports it."""
    if "lap" in sys.modules or importlib.util.find_spec("lap") is not None:
        yield
        return
    module = ModuleType("lap")
    module.__dict__.update(__version__="0.5.12", lapjv=_lapjv)
    sys.modules["lap"] = module
    try:
        yield
    finally:
        del sys.modules["lap"]


def _lapjv(
    cost: NDArray[Any], extend_cost: bool = True, cost_limit: float = np.inf
) -> tuple[float, NDArray[np.int64], NDArray[np.int64]]:
    """``lap.lapjv``: the cheapest assignment in which a pair costs at most ``cost_limit``.

    A row or column without a partner costs half the limit, as in lap: the matrix is bordered by
    squares of that cost, so that leaving both sides of a pair unassigned costs as much as the
    limit.
    """
    from scipy.optimize import linear_sum_assignment

    n, m = cost.shape
    full = np.full((n + m, n + m), cost_limit / 2, np.float64)
    full[n:, m:] = 0
    full[:n, :m] = cost
    rows, columns = linear_sum_assignment(full)
    x, y = np.full(n, -1, np.int64), np.full(m, -1, np.int64)
    pairs = (rows < n) & (columns < m)
    x[rows[pairs]], y[columns[pairs]] = columns[pairs], rows[pairs]
    return float(full[rows, columns].sum()), x, y

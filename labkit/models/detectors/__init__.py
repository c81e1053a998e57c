"""Detectors: an image becomes proposals.

A new detector is one module, here or in a package of its own, and one registration; see
``docs/how-to/add-a-detector.md``.
"""

from __future__ import annotations

from pathlib import Path

from labkit.core.errors import InputError, ModelUnavailableError, NotFoundError
from labkit.models.adapters import find_plugin, known_names, open_plugin
from labkit.models.detectors import ultralytics as _ultralytics
from labkit.models.detectors.base import DETECTORS, DetectOptions, Detector
from labkit.models.detectors.classes import only
from labkit.models.worker import Priority

__all__ = ["DETECTORS", "detector_names", "open_detector"]

del _ultralytics  # imported only to be registered


def open_detector(
    what: Detector | str | Path,
    options: DetectOptions | None = None,
    *,
    trust: bool = False,
    project: Path | None = None,
    priority: Priority = Priority.BATCH,
) -> Detector:
    """Open a detector; any thread.

    Parameters
    ----------
    what : Detector, str or Path
        A detector, the name of a registered one or of an entry point of the group
        ``labkit.detectors``, or a name or path that one of the adapters can open
        (``yolo11n.pt``, ``runs/train/weights/best.pt``).
    options : DetectOptions, optional
        What the caller decides. A choice of classes holds for every detector; the others for those
        that are opened here.
    trust, project
        For files that can run code when they are opened, as for
        :func:`labkit.models.weights.resolve`.
    priority : Priority
        How urgently the inference thread opens it.

    Raises
    ------
    ModelUnavailableError
        No detector has this name (the message lists the known and the nearest), or the weights
        are not there, are not trusted, or cannot be opened by any adapter.
    InputError
        The detector cannot be used with these options.
    """
    options = options or DetectOptions()
    if isinstance(what, str | Path):
        try:
            plugin = find_plugin(DETECTORS, what)
        except NotFoundError as exc:
            # exit code 3, as for weights that are not there
            raise ModelUnavailableError(exc.what, exc.why, exc.remedy) from exc
        detector = open_plugin(
            plugin, what, options, trust=trust, project=project, priority=priority
        )
        if not isinstance(detector, Detector):
            raise InputError(f"{str(what)!r} opened {detector!r}", "it is not a detector")
    elif isinstance(what, Detector):
        detector = what
    else:
        raise InputError(f"{what!r} is neither weights nor a detector")
    return detector if options.classes is None else only(detector, options.classes)


def detector_names() -> list[str]:
    """Names that :func:`open_detector` knows, files aside."""
    return known_names(DETECTORS)

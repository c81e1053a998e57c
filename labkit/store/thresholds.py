"""Which runs propose detections, and from which score each run's proposals are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from labkit.core.types import Manifest
from labkit.core.visibility import Thresholds

__all__ = ["proposes_detections", "thresholds_of"]


def proposes_detections(manifest: Manifest, by_id: Mapping[str, Manifest]) -> bool:
    """Whether a reviewer's threshold moves a run's proposals: their scores are a detector's.

    This holds for detectors and imports, for runs refined from them, and for detections that
    were joined into tracks. The scores of trackers that follow objects mean something else.
    """
    seen: set[str] = set()
    while manifest.kind == "interactor" and manifest.run_id not in seen:
        seen.add(manifest.run_id)
        manifest = by_id.get(str(manifest.params.get("source")), manifest)
    return manifest.kind != "tracker" or "source" in manifest.params


def thresholds_of(
    manifests: Sequence[Manifest], runs: Iterable[str] | None = None, threshold: float | None = None
) -> Thresholds:
    """From which score the proposals of each run are shown.

    Parameters
    ----------
    manifests : sequence of Manifest
        All runs of the project, oldest first.
    runs : iterable of str, optional
        Those that are shown; all by default, or where none is known. The newest of them that
        proposes detections gives the threshold with which a review begins.
    threshold : float, optional
        One threshold for all runs that propose detections, in place of each one's own.
    """
    by_id = {m.run_id: m for m in manifests}
    run_ids = None if runs is None else set(runs)
    shown = [m for m in manifests if run_ids is None or m.run_id in run_ids]
    shown = shown or list(manifests)
    detections = [m for m in shown if proposes_detections(m, by_id)]
    moved = {m.run_id: m.conf if threshold is None else threshold for m in detections}
    fixed = {m.run_id: m.conf for m in shown if m.run_id not in moved}
    if threshold is not None:
        return Thresholds(threshold, moved, fixed)
    # an import holds what people labelled, so it has no threshold to begin with
    finished = [m for m in detections if m.status == "finished"]
    leading = [m for m in finished if m.kind != "import"] or finished or shown[-1:]
    return Thresholds(leading[-1].conf if leading else 0.5, moved, fixed)

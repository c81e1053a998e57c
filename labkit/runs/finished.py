"""Whether a run has been made already, so that a batch that is run again does not make it twice."""

from __future__ import annotations

from pathlib import Path

from labkit.models.weights import resolve
from labkit.store.project import ProjectStore

__all__ = ["finished_run"]


def finished_run(
    project: ProjectStore, weights: str | Path, *, conf: float = 0.5, trust: bool = False
) -> str | None:
    """The newest finished run of these weights over all frames of the project, or None.

    Parameters
    ----------
    project : ProjectStore
    weights : str or Path
        As in ``Project.predict``; they are told by their content, not their name.
    conf : float
        The score from which its proposals are shown.
    trust : bool
        As in ``Project.predict``.
    """
    digest = resolve(weights, trust=trust, project=project.root).sha256
    frames = set(project.frames()["frame_id"])
    for manifest in reversed(project.runs()):
        same = (manifest.weights_sha256, manifest.conf) == (digest, float(conf))
        if not same or manifest.status != "finished":
            continue
        if frames <= set(project.run(manifest.run_id).frame_ids):
            return manifest.run_id
    return None

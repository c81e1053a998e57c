"""``labkit doctor``: whether this environment and a project are sound."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labkit.cli.checks import Check, disk_space, environment, network_disk
from labkit.cli.common import AsJson
from labkit.cli.text import table
from labkit.core.errors import LabkitError

if TYPE_CHECKING:
    from labkit.store.project import ProjectStore

__all__ = ["command", "project_checks"]


def command(
    project: Annotated[
        Path | None, typer.Argument(help="A project's folder, to check that as well.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Check packages, device, video codecs and a project; the exit code is 2 where one fails."""
    checks = list(environment())
    if project is not None:
        checks += project_checks(project)
    failed = [c for c in checks if c.status == "fail"]
    if as_json:
        print(json.dumps({"ok": not failed, "checks": [asdict(c) for c in checks]}, indent=2))
    else:
        print(table([(c.status, c.name, c.detail) for c in checks], ("", "check", "found")))
        for check in (c for c in checks if c.remedy):
            print(f"{check.name}: {check.remedy}")
    return 2 if failed else 0


def project_checks(folder: Path) -> Iterator[Check]:
    """Whether a project's folder can be read and written, and is complete."""
    from labkit.store.project import ProjectStore

    try:
        with ProjectStore.open(folder, read_only=True) as project:
            yield from _contents(project)
            yield from _trusted(project)
            yield from _disk(project)
    except LabkitError as exc:
        yield Check("project", "fail", f"{exc.what}: {exc.why}", exc.remedy)


def _contents(project: ProjectStore) -> Iterator[Check]:
    frames = list(project.iter_frames())
    decisions = len(project.decisions())
    yield Check(
        "project",
        "ok",
        f"{project.name}: {len(project.labels)} labels, {len(frames)} frames, "
        f"{len(project.runs())} runs, {decisions} decisions",
    )
    sources = {project.path_of(frame) for frame in frames}
    lost = sorted(str(path) for path in sources if not path.exists())
    if lost:
        yield Check(
            "frame files",
            "fail",
            f"{len(lost)} of {len(sources)} are missing: {lost[0]}",
            "put them back, or add the frames from their new place",
        )
    else:
        yield Check("frame files", "ok", f"{len(sources)} files, none is missing")
    unfinished = [m.run_id for m in project.runs() if m.status != "finished"]
    if unfinished:
        yield Check(
            "runs",
            "warn",
            f"not finished: {', '.join(unfinished)}",
            "predict again with the same arguments; finished parts are kept",
        )


def _trusted(project: ProjectStore) -> Iterator[Check]:
    """The names of pickle files that somebody has trusted."""
    from labkit.models.weights import TRUST_FILE

    path = project.root / TRUST_FILE
    if not path.exists():
        return
    try:
        names = sorted(set(json.loads(path.read_text("utf-8")).values()))
        yield Check("weights", "ok", f"trusted by somebody (--trust): {', '.join(names)}")
    except (OSError, ValueError, TypeError, AttributeError) as exc:
        yield Check("weights", "warn", f"{path.name} cannot be read: {exc}", f"remove {path}")


def _disk(project: ProjectStore) -> Iterator[Check]:
    kind = network_disk(project.root)
    backend = project.ledger.url.get_backend_name()
    if kind and backend == "sqlite":
        yield Check(
            "ledger",
            "warn",
            f"SQLite on a network disk ({kind}) loses decisions when two write at once",
            "move the project to a local disk, or share a PostgreSQL ledger",
        )
    else:
        yield Check("ledger", "ok", f"{backend} opens")
    if os.access(project.root, os.W_OK):
        yield Check("permission", "ok", "the folder can be written")
    else:
        yield Check(
            "permission",
            "warn",
            "the folder cannot be written: you can look, but not decide",
            "chmod u+w",
        )
    yield disk_space(project.root)

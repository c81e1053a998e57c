"""``labkit predict``: a model proposes objects on a project's frames."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.cli.common import (
    Device,
    LabelMapFile,
    ProjectFolder,
    Replace,
    Resume,
    Trust,
    exit_code,
    opened,
    split_names,
)
from labkit.cli.text import safe
from labkit.core.errors import InputError, LabkitError, NotFoundError

if TYPE_CHECKING:
    from labkit.core.types import FrameFailure
    from labkit.project import Project

__all__ = ["command", "run_line"]


def command(
    project: ProjectFolder,
    weights: Annotated[
        str,
        typer.Option(
            "--weights", "-w", help="A weights file, or a name such as yolo11n.pt or yolo-nano."
        ),
    ],
    frames: Annotated[
        list[str] | None,
        typer.Option(
            "--frames", "-f", help="Folder, glob, image, video or dataset to add first; repeatable."
        ),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(help="Labels of a new project, a,b,c; default: the model's."),
    ] = None,
    conf: Annotated[
        float, typer.Option(help="Score from which reviewers are shown objects.")
    ] = 0.5,
    iou: Annotated[float, typer.Option(help="NMS: boxes with a higher IoU are one object.")] = 0.7,
    imgsz: Annotated[int | None, typer.Option(help="Input size of the model, pixels.")] = None,
    device: Device = None,
    classes: Annotated[
        list[str] | None, typer.Option(help="Only these of the model's labels, a,b,c.")
    ] = None,
    label_map: LabelMapFile = None,
    store_above: Annotated[float, typer.Option(help="The lowest score that is stored.")] = 0.05,
    masks_to_polygons: Annotated[
        bool, typer.Option("--masks-to-polygons", help="Store masks as polygons, too.")
    ] = False,
    replace: Replace = False,
    batch: Annotated[int | None, typer.Option(help="Frames per batch.")] = None,
    resume: Resume = True,
    trust: Trust = False,
) -> int:
    """Let a model propose objects; with --frames also makes the project and adds frames."""
    is_new = not project.exists()
    with _opened_or_made(project, frames, labels) as p:
        try:
            failures = _add(p, frames)
        except LabkitError:
            if is_new:  # nothing came of it
                p.close()
                shutil.rmtree(project, ignore_errors=True)
            raise
        run_id = p.predict(
            weights,
            conf=conf,
            iou=iou,
            imgsz=imgsz,
            device=device,
            classes=_classes(classes),
            label_map=label_map,
            store_above=store_above,
            masks_to_polygons=masks_to_polygons,
            replace=replace,
            batch=batch,
            resume=resume,
            trust=trust,
        )
        manifest = p.run(run_id).manifest
        print(run_line(p, run_id))
        return exit_code([*failures, *manifest.failures])


def _opened_or_made(folder: Path, frames: list[str] | None, labels: list[str] | None) -> Project:
    from labkit.project import Project

    if frames and not (folder / "project.toml").exists():
        return Project.create(folder, labels=split_names(labels) or ())
    try:
        return opened(folder)
    except NotFoundError as exc:
        raise NotFoundError(exc.what, exc.why, "pass --frames to make one here") from exc


def _add(project: Project, frames: list[str] | None) -> list[FrameFailure]:
    if not frames:
        return []
    report = project.add_frames(frames)
    if report.failures and project.frames().empty:
        first = report.failures[0]
        raise InputError(f"{first.uri!r} cannot be added", first.reason, "check the path")
    print(report)
    return list(report.failures)


def _classes(given: list[str] | None) -> list[str | int] | None:
    names = split_names(given)
    return None if names is None else [int(n) if n.isdecimal() else n for n in names]


def run_line(project: Project, run_id: str) -> str:
    """What a run found, in one line."""
    manifest: Any = project.run(run_id).manifest
    shown = len(project.proposals(run_id, min_score=manifest.conf))
    text = (
        f"{run_id}: {manifest.proposals} proposals on {manifest.frames} frames, "
        f"{shown} of them at or above {manifest.conf:g}"
    )
    dropped = sum(manifest.dropped.values())
    if dropped:
        names = [name for name, count in manifest.dropped.items() if count]
        text += f"; {dropped} dropped by the label map ({', '.join(names[:5])})"
    return safe(text)

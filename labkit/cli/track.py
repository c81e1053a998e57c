"""``labkit track``: objects of one frame, followed over the next ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from labkit.cli.common import Device, ProjectFolder, Resume, RunName, exit_code, opened, split_names
from labkit.cli.text import safe
from labkit.core.errors import InputError
from labkit.core.registry import unknown

if TYPE_CHECKING:
    import pandas as pd

    from labkit.project import Project

__all__ = ["command"]


def command(
    project: ProjectFolder,
    run: RunName = None,
    frame: Annotated[
        list[str] | None,
        typer.Option(
            "--frame",
            help="Where the objects are: a frame's id, or its number in the order of adding, "
            "from 0; repeatable. Default: the run's first frame with objects.",
        ),
    ] = None,
    objects: Annotated[
        list[str] | None, typer.Option("--object", help="An object's id; repeatable.")
    ] = None,
    labels: Annotated[
        list[str] | None, typer.Option("--label", help="Only objects with these labels, a,b,c.")
    ] = None,
    tracker: Annotated[
        str | None,
        typer.Option(help="sam2, sam2-nano, flow, mil, linear, or weights of SAM2; default: sam2."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="How many frames, or the id of the last one; default: to the end."),
    ] = None,
    backward: Annotated[bool, typer.Option("--backward", help="Track backward in time.")] = False,
    conf: Annotated[
        float | None, typer.Option(help="The lowest score of the objects; default: the run's.")
    ] = None,
    device: Device = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Hide what detectors propose on these frames.")
    ] = False,
    corrected: Annotated[
        bool,
        typer.Option("--corrected", help="Track again what reviewers corrected in a track run."),
    ] = False,
    resume: Resume = True,
) -> int:
    """Follow objects over frames, or with --corrected again where they were corrected."""
    with opened(project) as p:
        if corrected:
            _alone(frame=frame, object=objects, label=labels, to=to)
            source = p.run(run or _newest_tracks(p)).run_id
            done = p.retrack(source, tracker=tracker, device=device, resume=resume)
        else:
            done = p.track(
                _chosen(p, run, frame, split_names(objects), split_names(labels), conf),
                tracker=tracker or "sam2",
                to=_target(to),
                direction="backward" if backward else "auto",
                device=device,
                replace=replace,
                resume=resume,
            )
        print(_line(p, done))
        return exit_code(p.run(done).manifest.failures)


def _newest_tracks(p: Project) -> str | None:
    tracks = [m for m in p.runs() if m.status == "finished" and m.kind == "tracker"]
    asked_for = [m.run_id for m in tracks if not m.is_live]
    return asked_for[-1] if asked_for else None


def _alone(**options: Any) -> None:
    for name, value in options.items():
        if value:
            raise InputError(
                f"--{name} cannot be used with --corrected", "the corrections say what and where"
            )


def _target(to: str | None) -> str | int | None:
    if to is None:
        return None
    digits = to.removeprefix("-")
    # a frame's id has sixteen hex digits, which may all be decimal
    return int(to) if digits.isdecimal() and len(digits) < 16 else to


def _chosen(
    p: Project,
    run: str | None,
    frames: list[str] | None,
    objects: list[str] | None,
    labels: list[str] | None,
    conf: float | None,
) -> pd.DataFrame | list[str]:
    """The objects to start from: those named, or those on a frame that reviewers would see."""
    if objects and not (frames or labels):
        return objects
    store = p.run(run)
    least = store.manifest.conf if conf is None else conf
    df = p.annotations(store.run_id)
    df = df[(df["state"] != "rejected") & df["frame_id"].isin(store.frame_ids)]
    df = df[(df["state"] != "proposed") | (df["score"] >= least)]
    for name in labels or ():
        if name not in p.labels:
            raise unknown("label", name, p.labels)
    if labels:
        df = df[df["label"].isin(labels)]
    if objects:
        df = df[df["object_id"].isin(objects)]
    if frames:
        df = df[df["frame_id"].isin([_frame(p, name) for name in frames])]
    elif len(df):
        there = set(df["frame_id"])
        df = df[df["frame_id"] == next(f for f in store.frame_ids if f in there)]
    if not len(df):
        raise InputError(
            "There is nothing to track",
            f"run {store.run_id!r} has no such object there",
            "see --frame, --label and --conf",
        )
    return df


def _frame(p: Project, name: str) -> str:
    ids = p.frames()["frame_id"].tolist()
    if name in ids:
        return name
    if name.isdecimal() and int(name) < len(ids):
        return str(ids[int(name)])
    raise unknown("frame", name, ids)


def _line(p: Project, run_id: str) -> str:
    """What a track run found, in one line."""
    manifest, tracks = p.run(run_id).manifest, p.tracks(run_id)
    text = (
        f"{run_id}: {len(tracks)} tracks, {manifest.proposals} proposals on "
        f"{manifest.frames} frames"
    )
    look = int((p.queue(run_id, order="drift", decided=None)["score"] > 0).sum())
    if look:
        text += f"; {look} frames to look at: labkit queue {p.root} --run {run_id.split('-')[0]} "
        text += "--order drift"
    return safe(text)

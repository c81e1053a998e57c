"""What is exported: the frames a person has accepted, and only by name anything else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from labkit.core.errors import Argument, InputError
from labkit.core.registry import unknown
from labkit.core.visibility import is_shown
from labkit.exchange.base import EncodedFrames, ExportBundle
from labkit.exchange.names import frame_stems
from labkit.exchange.splits import SplitBy, assign_splits
from labkit.ledger.fold import fold, frame_states
from labkit.store.thresholds import proposes_detections

if TYPE_CHECKING:
    import pandas as pd

    from labkit.store import ProjectStore

__all__ = ["Gathered", "Include", "gather"]

Include = Literal["human", "scripted", "all"]
"""``human``: frames that a person has accepted. ``scripted``: those that a script has, too.
``all``: the frames nobody has accepted, too, with what a review would show there: the proposals
of the newest run that detected on the frame, from the run's ``conf`` up, and those of trackers."""

_ALIAS = {"decided": "human"}


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """The bundle, the frames on the hand-label list, and what the report says about the choice."""

    bundle: ExportBundle
    hand: tuple[str, ...]
    notes: tuple[str, ...]


def _accepted(states: pd.DataFrame, annotations: pd.DataFrame) -> pd.DataFrame:
    """Accepted frames; ``scripted`` also where a script changed an object after the person."""
    out = states[states["state"] == "accepted"].set_index("frame_id")
    by_script = annotations[annotations["scripted"].astype(bool)]
    last = by_script.groupby(by_script["frame_id"].astype(object), observed=True)["revision"].max()
    later = last.reindex(out.index).fillna(0).astype("int64") > out["seq"]
    return out.assign(scripted=out["scripted"].astype(bool) | later)


def _predicted(
    project: ProjectStore, runs: Sequence[str] | None
) -> tuple[set[str], dict[str, str], set[str]]:
    """Frames that a run has done; by frame, the newest run that detected; runs that detect."""
    manifests = project.runs()
    by_id = {m.run_id: m for m in manifests}
    done: set[str] = set()
    newest: dict[str, str] = {}
    detect: set[str] = set()
    for manifest in manifests:
        if manifest.status != "finished" or (runs is not None and manifest.run_id not in runs):
            continue
        run = project.run(manifest.run_id)
        frames = set(run.frame_ids) - run.failed_frames()
        done |= frames
        if proposes_detections(manifest, by_id):
            detect.add(manifest.run_id)
            newest |= dict.fromkeys(frames, manifest.run_id)
    return done, newest, detect


def _count_notes(include: str, states: pd.DataFrame, accepted: pd.DataFrame) -> list[str]:
    n_scripted, state = int(accepted["scripted"].sum()), states["state"]
    notes: list[str] = []
    if include == "human" and n_scripted:
        notes.append(
            f"{n_scripted} frames rest on scripted decisions and are left out "
            "(" + Argument("include", "scripted") + " exports them, marked)"
        )
    elif n_scripted:
        notes.append(f"{n_scripted} frames rest on scripted decisions, marked so in the provenance")
    for name, words in (("open", "were begun but not accepted"), ("skipped", "were skipped")):
        if include != "all" and (n := int((state == name).sum())):
            notes.append(f"{n} frames {words} and are left out")
    return notes


def _choose(
    project: ProjectStore,
    include: str,
    frames: pd.DataFrame,
    states: pd.DataFrame,
    annotations: pd.DataFrame,
    threshold: float,
    runs: Sequence[str] | None,
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """The frames (with their verdict) and objects to export, and the notes about the choice."""
    accepted = _accepted(states, annotations)
    notes = _count_notes(include, states, accepted)
    if include == "human":
        accepted = accepted[~accepted["scripted"]]
    verdict = accepted[["reviewer", "time", "scripted"]].assign(verdict="accepted")
    frames = frames.join(verdict, on="frame_id")
    of_frame = annotations["frame_id"].astype(object)
    decided = annotations["state"].isin(["accepted", "edited", "added"])
    chosen = frames["verdict"].notna()
    keep = decided & of_frame.isin(frames.loc[chosen, "frame_id"])
    if include == "all":
        hand = states.loc[states["state"] == "hand", "frame_id"]
        touched = states.loc[states["state"].isin(["open", "skipped"]), "frame_id"]
        done, newest, detect = _predicted(project, runs)
        rest = frames["frame_id"].isin(done | set(touched))
        rest &= ~chosen & ~frames["frame_id"].isin(hand)
        on_rest = of_frame.isin(frames.loc[rest, "frame_id"])
        shown = is_shown(annotations["shown_from"].to_numpy(), threshold)
        undecided = (annotations["state"] == "proposed") & shown & on_rest
        # two detectors' proposals of one frame are two opinions on the same objects, not twice as
        # many objects: those of the newest run count, as in a review
        run = annotations["run_id"].astype(object)
        undecided &= ~run.isin(detect) | (run == of_frame.map(newest))
        keep |= (decided | undecided) & on_rest
        chosen |= rest
        if n := int(rest.sum()):
            proposed = sorted(set(annotations.loc[undecided, "run_id"].astype(str)))
            notes.append(
                f"{n} frames that nobody has accepted are exported with {int(undecided.sum())} "
                f"undecided proposals ({', '.join(proposed) or 'of no run'}), verdict 'none'"
            )
    frames = frames[chosen]
    frames = frames.assign(
        verdict=frames["verdict"].fillna("none"),
        scripted=frames["scripted"].astype(object).where(frames["scripted"].notna(), False),
    )
    return frames, annotations[keep], notes


def _nothing(include: str, states: pd.DataFrame) -> InputError:
    scripted = bool((states["scripted"].astype(bool) & (states["state"] == "accepted")).any())
    if include == "human" and scripted:
        why = "all accepted frames were accepted by scripts"
        remedy = "use " + Argument("include", "scripted")
    else:
        why = "no frame has been accepted"
        remedy = "review frames first, or use " + Argument("include", "all")
    return InputError("There is nothing to export", why, remedy)


def _decided_by(reviewer: str, decisions: pd.DataFrame) -> pd.DataFrame:
    """The decisions of one person."""
    names = decisions["reviewer"].astype(str)
    if not (names == reviewer).any():
        raise unknown("reviewer", reviewer, sorted(names.unique()))
    return decisions[(names == reviewer).to_numpy()]


def _run_ids(project: ProjectStore, run: str | Sequence[str]) -> list[str]:
    return [project.run(name).run_id for name in ([run] if isinstance(run, str) else run)]


def gather(
    project: ProjectStore,
    reader: EncodedFrames,
    include: str = "human",
    split: Mapping[str, float] | None = None,
    seed: int = 0,
    by: SplitBy = "auto",
    on_progress: Callable[[int, int], None] | None = None,
    run: str | Sequence[str] | None = None,
    reviewer: str | None = None,
) -> Gathered:
    """Choose frames and objects, split them, and name their files.

    Raises
    ------
    InputError
        ``include`` or ``split`` is unknown or unusable, or there is nothing to export.
    NotFoundError
        There is no such run, or nobody of that name has decided anything.
    """
    include = _ALIAS.get(include, include)
    if include not in get_args(Include):
        raise unknown("choice for include", include, [*get_args(Include), *_ALIAS])
    decisions, frames = project.decisions(), project.frames()
    if reviewer is not None:
        decisions = _decided_by(reviewer, decisions)
    states = frame_states(decisions)
    runs = None if run is None else _run_ids(project, run)
    thresholds = project.thresholds(runs)
    annotations = fold(project.proposals(runs), decisions, thresholds)
    # names over all frames, so that the same frame has the same name in every export
    frames = frames.assign(stem=frame_stems(frames))
    frames, annotations, notes = _choose(
        project, include, frames, states, annotations, thresholds.base, runs
    )
    if frames.empty:
        raise _nothing(include, states)
    stranger = ~annotations["label"].astype(object).isin(project.labels)
    for label, n in annotations.loc[stranger, "label"].astype(object).value_counts().items():
        notes.append(f"{n} objects have the label {label!r}, which the project lacks: left out")
    annotations = annotations[~stranger]
    plan = assign_splits(frames, split, seed, by)
    bundle = ExportBundle(
        project=project.name,
        labels=tuple(project.labels),
        frames=frames.assign(split=frames["frame_id"].map(plan.of) if plan.names else ""),
        annotations=annotations,
        splits=plan.names,
        skeletons=dict(project.skeletons),
        reader=reader,
        path_of=project.path_of,
        on_progress=on_progress,
    )
    hand = tuple(states.loc[states["state"] == "hand", "frame_id"].astype(str))
    return Gathered(bundle, hand, (*notes, *plan.notes))

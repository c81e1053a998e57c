"""Follow objects: from frame to frame while one goes on, or over many frames as a job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import ipywidgets

from labkit.core.types import AnnotatedObject
from labkit.core.visibility import DRIFT
from labkit.frames.order import display_name
from labkit.models import trackers
from labkit.models.trackers.base import Tracker
from labkit.review import ReviewSession
from labkit.runs import Job, associate_job
from labkit.tracking import retrack_job, track_job, tracks_table
from labkit.widgets.jobs_panel import job_line
from labkit.widgets.looks import LOOKS
from labkit.widgets.markup import columns_text, line, table
from labkit.widgets.panel import Panel, button, field, listing, row, title
from labkit.widgets.progress import bar_of, show_bar

__all__ = ["TrackPanel", "drift_of", "tracker_names"]

_BEAT_S: Final = 0.3
_WIDTHS: Final = (2, 22, -6, -6, 12, 20, 0)
_HEAD: Final = ("", "object", "track", "score", "state", "followed by", "to look at")
_DIRECTIONS: Final[dict[str, Literal["auto", "forward", "backward", "both"]]] = {
    "where the target is": "auto", "forward": "forward", "backward": "backward",
    "both ways": "both",
}  # fmt: skip

RunWork = Callable[[Callable[[], None]], None]


def tracker_names() -> list[str]:
    """Trackers by name: those that need no weights first."""
    names = trackers.tracker_names()
    first = [n for n in ("flow", "sam2-nano", "mil") if n in names]
    return list(dict.fromkeys([*first, *names]))


def drift_of(o: AnnotatedObject) -> str:
    """Why a tracked object should be looked at, as the tracker's run says it."""
    return ", ".join(str(a.value) for a in o.attributes if a.name == DRIFT)


class TrackPanel(Panel):
    """The objects of the current frame, and what follows them.

    Parameters
    ----------
    session : ReviewSession
    perform : callable, optional
        Does work on the session on the thread of its gestures, and shows its result: a
        reviewer's ``controller.run``. By default it is done on the panel's own thread.
    on_done : callable, optional
        Called with the run's id, on the panel's thread, when a job has ended.

    Attributes
    ----------
    job : Job or None
        What is under way, or was last.

    Examples
    --------
    >>> panel = lk.TrackPanel(p.review(reviewer="ana"))
    >>> panel.title
    'Track'
    >>> panel.close()
    """

    title = "Track"

    def __init__(
        self,
        session: ReviewSession,
        perform: RunWork | None = None,
        on_done: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self.session, self._on_done = session, on_done
        self._perform: RunWork = perform or (lambda work: work())
        self.job: Job[Any] | None = None
        drop, check = ipywidgets.Dropdown, ipywidgets.Checkbox
        head = ipywidgets.HTML(line(columns_text(_HEAD, _WIDTHS)))
        head.add_class("lkp-head")
        self.where = ipywidgets.HTML()
        self.list = listing(ipywidgets.SelectMultiple, "Objects of the frame", rows=7)
        self.tracker = field(
            drop, "Tracker", options=tracker_names(), value=tracker_names()[0], width="33%"
        )
        self.help = ipywidgets.HTML(layout=ipywidgets.Layout(flex="1 1 200px"))
        self.follow = button(
            "Follow", "Carry the chosen objects along whenever you go to the next frame"
        )
        self.unfollow = button("Stop following", "What was tracked stays")
        self.direction = field(drop, "Direction", options=list(_DIRECTIONS), width="33%")
        self.target = field(
            ipywidgets.IntText, "Frames", "How many frames on; 0: to the end", value=0, width="25%"
        )
        self.replace = field(
            check, "Replace detections", "What detectors say on these frames counts no more",
            indent=False, width="auto",
        )  # fmt: skip
        self.convert = button(
            "Shapes to tracks",
            "Join what the newest detector's run found on all frames (ByteTrack)",
        )
        self.track = button("Track", "Follow the chosen objects over the frames", "primary")
        self.again = button("Track again", "What depends on your corrections, and no more")
        self.cancel = button("Cancel", "Stop within one part; the next call goes on there")
        self.cancel.disabled = True
        self.bar = bar_of("220px")
        self.state = ipywidgets.HTML(layout=ipywidgets.Layout(flex="1 1 200px"))
        self.tracks = ipywidgets.HTML()
        self.build(
            self.where, head, self.list,
            row(self.tracker, self.follow, self.unfollow, self.help),
            row(self.direction, self.target, self.replace),
            row(self.track, self.again, self.convert, self.cancel, self.bar, self.state),
            title("Tracks"), self.tracks,
        )  # fmt: skip
        for one, work in (
            (self.follow, self._follow), (self.unfollow, self._unfollow), (self.track, self._track),
            (self.again, self._again), (self.convert, self._convert),
        ):  # fmt: skip
            one.on_click(lambda _b, work=work: self.desk.post(work))
        self.cancel.on_click(lambda _b: self._cancel())
        self._seen: Any = None
        self._tracks_seen: Any = None

    def watch(self) -> None:
        """See where the session stands, a few times a second."""
        self.desk.every(_BEAT_S, self.refresh, "watch")

    # ---- on the desk

    def refresh(self) -> None:
        """Show the objects of the current frame, what follows them, and the job."""
        session = self.session
        with session.lock:
            view, objects = session.view, session.objects()
            held = {f.track_id: f for f in session.followed}
            place, total = session.position + 1, len(session.queue)
        now = (
            view.frame.frame_id,
            view.last_seq,
            tuple(held.items()),
            tuple(o.object_id for o in objects),
        )
        if now != self._seen:
            self._seen = now
            self._show(display_name(view.frame), place, total, objects, held)
        self._show_tracks()
        self._show_job()

    def _show(self, name: str, place: int, total: int, objects: Any, held: Any) -> None:
        self.where.value = line(f"Frame {place} of {total}: {name}", "dim")
        options = []
        for o in objects:
            by = held.get(o.track_id) if o.track_id is not None else None
            note = by.note if by is not None else ""
            cells = (
                LOOKS[o.state].mark,
                o.label,
                "" if o.track_id is None else f"#{o.track_id}",
                "" if o.score is None else f"{o.score:.2f}",
                LOOKS[o.state].word,
                by.tracker if by is not None else "",
                "; ".join(t for t in (drift_of(o), note) if t),
            )
            options.append((columns_text(cells, _WIDTHS), o.object_id))
        kept = self.list.value
        self.list.options = options
        self.list.value = tuple(v for v in kept if any(v == o[1] for o in options))

    def _show_tracks(self) -> None:
        project = self.session.project
        now = (project.ledger.last_seq(), len(project.runs()), self.job and self.job.state)
        if now == self._tracks_seen:
            return
        self._tracks_seen = now
        found = tracks_table(project)
        if found.empty:
            self.tracks.value = line("No track yet.", "dim")
            return
        head = ("track", "label", "frames", "keyframes", "to look at", "mean score", "run")
        rows = [
            (
                f"#{r.track_id}",
                r.label,
                r.frames,
                r.keyframes,
                r.drift or "",
                f"{r.score:.2f}",
                r.run,
            )
            for r in found.head(50).itertuples()
        ]
        self.tracks.value = table(head, rows, numbers=(2, 3, 4, 5))

    def _show_job(self) -> None:
        job = self.job
        if job is None:
            return
        show_bar(self.bar, job)
        kind = {"failed": "error", "finished": "good"}.get(job.state, "plain")
        state = "stopping" if job.cancelled.is_set() and not job.done else job.state
        said = job_line(job)
        self.state.value = line(f"{job.name}: {state}" + (f", {said}" if said else ""), kind)
        self.cancel.disabled = job.done
        for one in (self.track, self.again, self.convert):
            one.disabled = not job.done

    def _chosen(self) -> list[str]:
        ids = list(self.list.value)
        if not ids:
            self.say("Choose objects in the list first.", "error")
        return ids

    def _opened(self) -> Tracker:
        """The tracker, opened here and not on the thread of the gestures."""
        name, following = str(self.tracker.value), self.session.following
        if not following.has_open(name):
            self.say(f"Opening {name} ...")
        opened = following.tracker(name)
        self.help.value = line(opened.info.help, "dim")
        return opened

    def _follow(self) -> None:
        ids = self._chosen()
        if not ids:
            return
        tracker, session = self._opened(), self.session

        def work() -> None:
            for object_id in ids:
                session.follow(object_id, tracker)

        self._do(work, f"{len(ids)} followed by {tracker.info.name}: go to the next frame.")

    def _unfollow(self) -> None:
        session, chosen = self.session, set(self.list.value)

        def work() -> None:
            held = {f.track_id for f in session.followed}
            here = [o for o in session.objects() if o.track_id in held]
            some = [o.object_id for o in here if o.object_id in chosen]
            if not chosen:
                session.unfollow()
            for object_id in some:
                session.unfollow(object_id)

        self._do(work, "No longer followed.")

    def _do(self, work: Callable[[], None], said: str) -> None:
        def then() -> None:
            try:
                work()
            except Exception as exc:  # the person has to hear of it, on this panel
                problem = exc
                self.desk.post(lambda: self._failed(problem))
                raise
            self.desk.post(lambda: self.say(said))
            self.desk.post(self.refresh)

        self._perform(then)

    def _convert(self) -> None:
        self._run(associate_job(self.session.project, replace=True, progress=None))

    def _track(self) -> None:
        ids = self._chosen()
        if not ids:
            return
        job = track_job(
            self.session.project,
            ids,
            tracker=str(self.tracker.value),
            to=int(self.target.value) or None,
            direction=_DIRECTIONS[self.direction.value],
            replace=bool(self.replace.value),
            source=self.session.source,
            progress=None,
        )
        self._run(job)

    def _again(self) -> None:
        project = self.session.project
        runs = [m.run_id for m in project.runs() if m.kind == "tracker" and m.status == "finished"]
        if not runs:
            self.say("There is no track run yet.", "error")
            return
        self._run(retrack_job(project, runs[-1], progress=None))

    def _run(self, job: Job[Any]) -> None:
        self.job = job
        self.say()
        self._show_job()

        def ended() -> None:
            self.refresh()
            if job.state == "finished":
                self.say(f"Run {job.result()} has finished.", "good")
                if self._on_done is not None:
                    self._on_done(str(job.result()))

        job.on_update(lambda j: self.desk.post(ended, ("ended", j.id)) if j.done else None)

    def _cancel(self) -> None:
        if self.job is not None:
            self.job.cancel()

    # ---- without a front end

    def static_text(self) -> str:
        """What is followed."""
        count = len(tracks_table(self.session.project))
        return f"{count} tracks, {len(self.session.followed)} followed"

    def static_html(self) -> str:
        """The tracks as a table."""
        found = tracks_table(self.session.project)
        said = line(self.static_text())
        return (
            said
            if found.empty
            else said + table(list(found.columns), found.round(2).to_numpy().tolist())
        )

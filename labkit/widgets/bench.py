"""The whole bench: one reviewer, and around it the panels in tabs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import ipywidgets
import pandas as pd

from labkit.core.errors import InputError
from labkit.project import Project
from labkit.review import ReviewSession
from labkit.widgets.closing import Whole
from labkit.widgets.fallback import has_front_end, still
from labkit.widgets.jobs_panel import JobsPanel
from labkit.widgets.markup import line
from labkit.widgets.metrics_panel import MetricsPanel
from labkit.widgets.panel import Panel
from labkit.widgets.predict_panel import PredictPanel
from labkit.widgets.queue_panel import QueuePanel
from labkit.widgets.reviewer import Reviewer
from labkit.widgets.track_panel import TrackPanel

__all__ = ["Bench"]

log = logging.getLogger(__name__)


class Bench(Whole, ipywidgets.VBox):
    """Predict, queue, review, track and measure one project.

    An empty project begins with Predict; one with a run begins with the first undecided frame of
    its queue.

    Parameters
    ----------
    project : Project
    reviewer : str, optional
        Who decides.
    queue : DataFrame, optional
        From :meth:`labkit.Project.queue`: these frames in this order, and of the proposals those of
        its run, with what was tracked or refined since. By default the frames that are left to
        decide, and all proposals that count.
    keymap : {'default', 'cvat'}
        Named keys.
    keys : mapping, optional
        Changes to them: action → key, several keys or None; see :mod:`labkit.widgets.keymap`.
    height : int
        Height of the reviewer in CSS pixels.
    interactor : str
        What segments by clicks, at first: ``'sam2'``, ``'sam2-nano'`` (knows the drawn world
        only), ``'scissors'`` ...; another one can be chosen in the bench.
    tracker : str
        What T follows objects with, at first: ``'flow'``, ``'mil'``, ``'linear'``, ``'sam2'`` ...

    Attributes
    ----------
    reviewer : Reviewer or None
        None until there is something to review.
    panels : dict of str to Panel
        By title.

    Examples
    --------
    >>> bench = lk.Bench(p, reviewer="ana")
    >>> bench  # shows it, as the last line of a cell  # doctest: +SKIP
    >>> bench.static_text()
    'Review by ana: 0 of 6 frames decided, frame 1 is open'
    >>> bench.close()
    """

    def __init__(
        self,
        project: Project,
        reviewer: str | None = None,
        *,
        queue: pd.DataFrame | None = None,
        keymap: str = "default",
        keys: Mapping[str, str | Sequence[str] | None] | None = None,
        height: int = 620,
        interactor: str = "sam2-nano",
        tracker: str = "flow",
    ) -> None:
        if not isinstance(project, Project):
            raise InputError(
                "A Bench needs a project",
                f"this is a {type(project).__name__}",
                "write lk.Bench(lk.Project.open(folder))",
            )
        if queue is not None and not isinstance(queue, pd.DataFrame):
            raise InputError(
                "A Bench opens a queue",
                f"this is a {type(queue).__name__}",
                "write lk.Bench(project, queue=project.queue(run))",
            )
        self.project, self._who = project, reviewer
        self._reviewer_of = partial(
            Reviewer,
            keymap=keymap,
            keys=keys,
            height=height,
            interactor=interactor,
            tracker=tracker,
        )
        self._runs: list[str] = [] if queue is None else list(queue.attrs.get("runs", ()))
        self.reviewer: Reviewer | None = None
        self._displayed = False
        self.panels: dict[str, Panel] = {
            "Queue": QueuePanel(project, self._review),
            "Predict": PredictPanel(project, self._predicted),
            "Metrics": MetricsPanel(project),
            "Jobs": JobsPanel(),
        }
        self._top = ipywidgets.VBox(layout=ipywidgets.Layout(width="100%"))
        self.tabs = ipywidgets.Tab(layout=ipywidgets.Layout(width="100%"))
        super().__init__([self._top, self.tabs], layout=ipywidgets.Layout(width="100%"))
        self.add_class("labkit-bench")
        self._fill_tabs()
        first = self._first_queue() if queue is None else queue
        if first is not None and len(first):
            self._open(first, None)
        else:
            self._say_what_is_missing(asked=queue is not None)
            at = "Predict" if queue is None else "Queue"
            self.tabs.selected_index = list(self.panels).index(at)
        self.tabs.observe(lambda _change: self._look(), "selected_index")

    # ---- tabs

    def _fill_tabs(self) -> None:
        order = [n for n in ("Queue", "Track", "Predict", "Metrics", "Jobs") if n in self.panels]
        at = self.tabs.selected_index
        seen = self.tabs.titles[at] if at is not None else order[0]
        self.panels = {name: self.panels[name] for name in order}
        self.tabs.children = tuple(self.panels.values())
        self.tabs.titles = tuple(self.panels)
        self.tabs.selected_index = order.index(seen)

    def _look(self) -> None:
        """Only the panel that is seen keeps itself up to date."""
        for k, panel in enumerate(self.panels.values()):
            panel.show(on=self._displayed and k == self.tabs.selected_index)

    def _say_what_is_missing(self, *, asked: bool) -> None:
        """Say it above the tabs; ``asked`` where a queue was, which is empty."""
        frames = len(self.project.frames())
        if not frames:
            text = "This project has no frames yet. Add a folder, a glob or a video under Predict."
        elif asked:
            text = "This queue is empty. Choose other frames, or decided ones, under Queue."
        else:
            text = f"There are {frames} frames, but no proposals yet. Choose a model under Predict."
        note = ipywidgets.HTML(line(text))
        note.add_class("lkp-empty")
        self._top.children = (note,)

    # ---- the reviewer

    def _first_queue(self) -> pd.DataFrame | None:
        """What is left to decide; where nothing is, everything."""
        if not any(m.status == "finished" for m in self.project.runs()):
            return None
        queue = self.project.queue()
        queue = queue if len(queue) else self.project.queue(decided=None)
        return queue if len(queue) else None

    def _open(self, queue: pd.DataFrame, frame_id: str | None) -> None:
        old = self.reviewer
        session = self._session(queue)
        if frame_id is not None:
            session.goto(frame_id)
        self.reviewer = self._reviewer_of(session)
        self._top.children = (self.reviewer,)
        track = TrackPanel(session, self.reviewer.controller.run, self._tracked)
        following = self.reviewer.controller.follow_key
        if following.tracker in track.tracker.options:
            track.tracker.value = following.tracker
        track.tracker.observe(lambda c: setattr(following, "tracker", c["new"]), "value")
        gone = self.panels.get("Track")
        self.panels["Track"] = track
        self._fill_tabs()
        self._look()
        if old is not None:
            old.close()
            old.session.close()
        if gone is not None:
            gone.close()

    def _session(self, queue: pd.DataFrame) -> ReviewSession:
        """With all proposals that count now, tracks among them, or those that were asked for."""
        conf = self.project.run((queue.attrs.get("runs") or [None])[-1]).manifest.conf
        plain = queue.copy()
        plain.attrs = {}
        session = self.project.review(plain, self._who)
        session.threshold = conf
        if self._runs:
            session.take_proposals(self._proposals())
        return session

    def _proposals(self) -> pd.DataFrame:
        if self._runs:
            return self.project.proposals_shown(self._runs)
        return self.project.proposals()

    # ---- what panels ask for, on their threads

    def _review(self, queue: pd.DataFrame, frame_id: str) -> None:
        self._runs = self._runs and list(queue.attrs.get("runs", ()))
        self._open(queue, frame_id)

    def _predicted(self, run: str) -> None:
        """Open what there is to decide now; a queue that somebody works on stays in their hands."""
        if self.reviewer is not None:
            self._tracked(run)
            self.reviewer.controller.tell(f"Run {run} has finished: rank again under Queue")
            return
        self._runs = self._runs and [run]
        queue = self.project.queue(run)
        if not len(queue):
            queue = self.project.queue(run, decided=None)
        if len(queue):
            self._open(queue, None)

    def _tracked(self, run: str) -> None:
        if self.reviewer is None:
            return
        session, proposals = self.reviewer.session, self._proposals()
        self.reviewer.controller.run(lambda: session.take_proposals(proposals))
        log.info("run %s is shown", run)

    # ---- showing

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = {"text/plain": self.static_text(), "text/html": self.static_html()}
        if not has_front_end():
            return bundle
        self._displayed = True
        self._look()
        return {**super()._repr_mimebundle_(**kwargs), **still(bundle)}

    def static_text(self) -> str:
        """One line: how far the review is."""
        from labkit.widgets.fallback import static_text

        if self.reviewer is None:
            return self.panels["Predict"].static_text()
        return static_text(self.reviewer.session)

    def static_html(self) -> str:
        """The current frame, the queue and the numbers so far; all data escaped."""
        from labkit.widgets.fallback import static_html

        parts = [
            p.static_html() for n, p in self.panels.items() if n in ("Queue", "Metrics", "Predict")
        ]
        first = "" if self.reviewer is None else static_html(self.reviewer.session)
        return f'<div class="labkit-static">{first}{"".join(parts)}</div>'

    def close(self) -> None:
        """End the bench; what was decided is in the ledger, and jobs go on."""
        if "panels" in self.__dict__:  # ipywidgets closes what was never finished, too
            for panel in self.panels.values():
                panel.close()
            if self.reviewer is not None:
                self.reviewer.close()
                self.reviewer.session.close()
        self.close_children()
        super().close()

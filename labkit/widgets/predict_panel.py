"""Let a model propose: frames, weights, labels side by side, threshold, progress, cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import ipywidgets

from labkit.core.labelmap import LabelMap
from labkit.models.detectors.catalogue import catalogue
from labkit.project import Project
from labkit.runs import Job, Look, label_report, look_job
from labkit.widgets.jobs_panel import job_line
from labkit.widgets.markup import columns_text, line, table
from labkit.widgets.panel import Panel, button, field, listing, row, title
from labkit.widgets.progress import bar_of, show_bar

__all__ = ["PredictPanel"]

_STORE_ABOVE: Final = 0.05
_WIDTHS: Final = (24, 2, 24, 0)
_RULES: Final = {
    "exact": "same name",
    "case": "same but for spelling",
    "plural": "singular and plural",
    "synonym": "another name of it",
    "user": "you said so",
    "saved": "as in an earlier run",
    "model": "the model's own",
}


class PredictPanel(Panel):
    """Frames in, proposals out.

    Parameters
    ----------
    project : Project
    on_done : callable, optional
        Called with the run's id, on the panel's thread.

    Attributes
    ----------
    job : Job or None
        What is under way, or was last.
    map : LabelMap or None
        The label map as it stands, once the model has been opened.

    Examples
    --------
    >>> panel = lk.PredictPanel(p, on_done=print)
    >>> panel.title
    'Predict'
    >>> panel.close()
    """

    title = "Predict"

    def __init__(self, project: Project, on_done: Callable[[str], None] | None = None) -> None:
        super().__init__()
        self.project, self._on_done = project, on_done
        self.job: Job[Any] | None = None
        self.look: Look | None = None
        self.map: LabelMap | None = None
        self._known = {k.title: k for k in catalogue()}
        text, combo, check = ipywidgets.Text, ipywidgets.Combobox, ipywidgets.Checkbox
        self.frames = field(
            text, "Frames", placeholder="a folder, glob, video or dataset to add", width="60%"
        )
        self.add = button("Add frames", "Frames that are there already are not added twice")
        self.weights = field(
            combo, "Model", options=list(self._known), value=next(iter(self._known), ""),
            placeholder="a weights file, or a name such as yolo11n.pt", ensure_option=False,
            continuous_update=False, width="60%",
        )  # fmt: skip
        self.open = button("Open", "Open the model and look at its labels; fetches it if need be")
        self.help = button("?", "About this model")
        self.about = ipywidgets.HTML(layout=ipywidgets.Layout(display="none", margin="0 0 0 118px"))
        self.trust = field(check, "I trust this file", "A .pt file can run code when it is opened",
                           indent=False, width="auto")  # fmt: skip
        self._build_map()
        self.conf = field(
            ipywidgets.FloatSlider, "Shown from score", "Can be moved later; all from 0.05 is kept",
            value=0.5, min=0.0, max=1.0, step=0.01, readout_format=".2f", width="46%",
        )  # fmt: skip
        self.polygons = field(check, "Masks to polygons", indent=False, width="auto")
        self.replace = field(
            check, "Replace earlier proposals", "Decisions stay as they are",
            indent=False, width="auto",
        )  # fmt: skip
        self.start = button("Predict", "Let the model propose on all frames", "primary")
        self.cancel = button("Cancel", "Stop within one batch; the next call goes on there")
        self.cancel.disabled = True
        self.bar = bar_of("260px")
        self.state = ipywidgets.HTML(layout=ipywidgets.Layout(flex="1 1 200px"))
        self.counts = ipywidgets.HTML()
        self.build(
            row(self.frames, self.add, self.counts),
            row(self.weights, self.open, self.help, self.trust),
            self.about, self.mapping,
            row(self.conf, self.polygons, self.replace),
            row(self.start, self.cancel, self.bar, self.state),
        )  # fmt: skip
        self._wire()
        self.refresh()

    def _build_map(self) -> None:
        self.rows = listing(ipywidgets.SelectMultiple, "The model's labels", rows=8)
        self.targets = listing(ipywidgets.Select, "The project's labels", rows=8)
        self.assign = button("\u2190 means this", "The chosen labels of the model mean this label")
        self.drop = button("Drop", "The chosen labels of the model are not wanted")
        self.suggest = button("Take suggestions", "Wider labels as well, such as car for vehicle")
        self.dropped = ipywidgets.HTML()
        left = ipywidgets.VBox(
            [title("The model's labels, and what they become here"), self.rows],
            layout=ipywidgets.Layout(flex="3 1 0", min_width="0"),
        )
        right = ipywidgets.VBox(
            [title("The project's labels"), self.targets],
            layout=ipywidgets.Layout(flex="1 1 0", min_width="0"),
        )
        side = ipywidgets.HBox([left, right], layout=ipywidgets.Layout(width="100%"))
        self.mapping = ipywidgets.VBox(
            [side, row(self.assign, self.drop, self.suggest, self.dropped)],
            layout=ipywidgets.Layout(display="none", width="100%"),
        )

    def _wire(self) -> None:
        for one, work in (
            (self.add, self._add), (self.open, self._look), (self.help, self._help),
            (self.assign, self._assign), (self.drop, self._drop), (self.suggest, self._suggest),
            (self.start, self._start),
        ):  # fmt: skip
            one.on_click(lambda _b, work=work: self.desk.post(work))
        self.cancel.on_click(lambda _b: self._cancel())
        self.weights.observe(lambda _c: self.desk.post(self._chosen, "chosen"), "value")

    def watch(self) -> None:
        """Follow the job, also one that was begun before the page was loaded again."""
        self.desk.every(0.25, self.refresh, "watch")

    # ---- what is asked for

    @property
    def source(self) -> str:
        """The weights that are asked for, as ``Project.predict`` takes them."""
        known = self._known.get(self.weights.value)
        return known.weights if known else str(self.weights.value).strip()

    def options(self) -> dict[str, Any]:
        """What the form says, as the arguments of :meth:`labkit.Project.predict`."""
        conf = float(self.conf.value)
        return {
            "conf": conf,
            "store_above": min(_STORE_ABOVE, conf),
            "label_map": self.map.as_dict() if self.map is not None and self._mine else None,
            "masks_to_polygons": bool(self.polygons.value),
            "replace": bool(self.replace.value),
            "trust": bool(self.trust.value),
            "progress": None,
        }

    # ---- on the desk

    _mine = False

    def refresh(self) -> None:
        """Show the job and how many frames there are."""
        self.counts.value = line(f"{len(self.project.frames())} frames", "dim")
        job = self.job
        if job is None:
            return
        show_bar(self.bar, job)
        kind = {"failed": "error", "finished": "good"}.get(job.state, "plain")
        said = job_line(job)
        stopping = "stopping" if job.cancelled.is_set() and not job.done else job.state
        self.state.value = line(f"{job.name}: {stopping}" + (f", {said}" if said else ""), kind)
        self.cancel.disabled = job.done
        for one in (self.start, self.add, self.open):
            one.disabled = not job.done

    def _run(self, job: Job[Any], then: Callable[[Any], None]) -> None:
        self.job = job
        self.say()
        self.refresh()

        def ended() -> None:
            self.refresh()
            if job.state == "finished":
                then(job.result())

        job.on_update(lambda j: self.desk.post(ended, ("ended", j.id)) if j.done else None)

    def _cancel(self) -> None:
        if self.job is not None:
            self.job.cancel()

    def _add(self) -> None:
        what = str(self.frames.value).strip()
        if not what:
            self.say("Say where the frames are: a folder, a glob, a video.", "error")
            return
        project = self.project

        def work(context: Any) -> Any:
            def tell(done: int, total: int) -> None:
                context.update(done, total)
                context.check()

            return project.add_frames(what, on_progress=tell)

        job = Job(work, "add frames").start()
        self._run(job, lambda report: self.say(report, "good" if report.added else "plain"))

    def _chosen(self) -> None:
        self.look = self.map = None
        self._mine = False
        self.mapping.layout.display = "none"
        if self.about.layout.display != "none":
            self._show_about()

    def _help(self) -> None:
        hidden = self.about.layout.display == "none"
        if hidden:
            self._show_about()
        self.about.layout.display = "" if hidden else "none"

    def _show_about(self) -> None:
        known, look = self._known.get(self.weights.value), self.look
        rows: list[tuple[str, str]] = []
        if known is not None:
            rows = [("what", known.what), ("labels", known.labels), ("speed", known.speed),
                    ("licence", known.licence)]  # fmt: skip
        if look is not None:
            info = look.info
            labels = ", ".join(info.labels[:30]) + (" ..." if len(info.labels) > 30 else "")
            rows = [r for r in rows if r[0] != "labels"]
            rows.insert(1, ("labels", f"{len(info.labels)}: {labels}"))
            rows.append(("opened", f"{info.name}, {info.task}, input {info.params.get('imgsz')}"))
            if known is None:
                rows.append(("licence", info.licence or "the file does not say"))
            rows += self._measured(info.weights_sha256)
        if not rows:
            rows = [("what", "A file or name of yours. Open it to see its labels.")]
        self.about.value = table(("", "about this model"), rows)

    def _measured(self, sha256: str | None) -> list[tuple[str, str]]:
        """How fast it was here before."""
        import pandas as pd

        for m in reversed(self.project.runs()):
            if m.weights_sha256 == sha256 and m.finished and m.created and m.frames:
                took = (pd.Timestamp(m.finished) - pd.Timestamp(m.created)).total_seconds()
                return [
                    ("here", f"{m.frames} frames in {took:.1f} s, with opening it ({m.run_id})")
                ]
        return []

    def _look(self) -> None:
        if not self.source:
            self.say("Choose a model first.", "error")
            return
        job = look_job(self.project, self.source, trust=bool(self.trust.value))
        self._run(job, self._looked)

    def _looked(self, look: Look) -> None:
        self.look, self.map, self._mine = look, look.plan, False
        self.mapping.layout.display = ""
        self._show_map()
        self._show_about()

    # ---- the label map

    def _show_map(self) -> None:
        assert self.look is not None
        assert self.map is not None
        hints = {r.model_label: r for r in self.look.suggestions.rows}
        options = []
        for r in self.map.rows:
            why = _RULES.get(r.rule, "")
            if r.label is None:
                hint = hints[r.model_label]
                why = f"suggestion: {hint.label} (wider)" if hint.label else ""
                why = "you said so" if r.rule == "user" else why
            cells = (r.model_label, "\u2192", r.label or "dropped", why)
            options.append((columns_text(cells, _WIDTHS), r.model_label))
        kept = self.rows.value
        self.rows.options = options
        self.rows.value = tuple(v for v in kept if any(v == o[1] for o in options))
        targets = list(self.project.labels) or list(dict.fromkeys(self.look.info.labels))
        if list(self.targets.options) != targets:
            self.targets.options = targets
        self._show_dropped()

    def _show_dropped(self) -> None:
        assert self.map is not None
        gone = [r.model_label for r in self.map.rows if r.label is None]
        names = ", ".join(gone[:12]) + (f" and {len(gone) - 12} more" if len(gone) > 12 else "")
        kept = len(self.map.rows) - len(gone)
        said = f"{kept} labels kept, {len(gone)} dropped" + (f": {names}" if gone else "")
        self.dropped.value = line(said, "error" if not kept else "dim")

    def _override(self, mapping: dict[str, str | None]) -> None:
        if self.map is None or self.look is None:
            return
        if not mapping:
            self.say("Choose labels of the model on the left first.", "error")
            return
        labels = list(self.targets.options)
        self.map, self._mine = self.map.overridden(mapping, labels), True
        self.say()
        self._show_map()

    def _assign(self) -> None:
        if self.targets.value is None:
            self.say("Choose a label of the project on the right first.", "error")
            return
        self._override({name: str(self.targets.value) for name in self.rows.value})

    def _drop(self) -> None:
        self._override(dict.fromkeys(self.rows.value))

    def _suggest(self) -> None:
        if self.look is None or self.map is None:
            return
        open_rows = {r.model_label for r in self.map.rows if r.label is None}
        new: dict[str, str | None] = {r.model_label: r.label for r in self.look.suggestions.rows
               if r.label is not None and r.model_label in open_rows}  # fmt: skip
        if new:
            self._override(new)
        else:
            self.say("There is nothing more to suggest.")

    # ---- the run

    def _start(self) -> None:
        if not self.source:
            self.say("Choose a model first.", "error")
            return
        job = self.project.predict(self.source, wait=False, **self.options())
        self._run(job, self._finished)

    def _finished(self, run: str) -> None:
        rows = [r for r in label_report(self.project.run(run)) if r["dropped"]]
        gone = ", ".join(f"{r['model_label']} {r['dropped']}" for r in rows[:12])
        self.say(
            f"Run {run} has finished." + (f" Dropped proposals: {gone}" if gone else ""), "good"
        )
        if self._on_done is not None:
            self._on_done(run)

    # ---- without a front end

    def static_text(self) -> str:
        """What has been predicted."""
        return f"{len(self.project.frames())} frames, {len(self.project.runs())} runs"

    def static_html(self) -> str:
        """The runs as a table."""
        rows = [(m.run_id, m.model, m.status, m.frames, m.proposals) for m in self.project.runs()]
        head = ("run", "model", "status", "frames", "proposals")
        return line(self.static_text()) + table(head, rows, numbers=(3, 4))

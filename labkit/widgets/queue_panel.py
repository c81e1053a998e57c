"""Which frames come first, and why: the order, the filters, the queue as a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import ipywidgets
import pandas as pd

from labkit.core.errors import LabkitError
from labkit.frames.order import display_name
from labkit.project import Project
from labkit.queue import scores
from labkit.queue.order import orders
from labkit.widgets.markup import columns_text, line, table
from labkit.widgets.panel import Panel, button, field, listing, row

__all__ = ["QueuePanel", "order_choices"]

_MOST: Final = 500
_WIDTHS: Final = (-5, 30, -7, 15, 0)
_HEAD: Final = ("rank", "frame", "score", "rule", "reason")
_WAIT_S: Final = 0.25
_DECIDED: Final = {"undecided": False, "decided": True, "all frames": None}


def order_choices() -> list[tuple[str, str]]:
    """(What it is called, its name) of every order and score."""
    known = [(name.replace("-", " ").capitalize(), name) for name in orders.names()]
    return known + [(scores[name].title, name) for name in scores.names()]


class QueuePanel(Panel):
    """The queue under another order or filters, with the reason for each frame.

    Parameters
    ----------
    project : Project
    on_open : callable, optional
        Called with the queue and the chosen frame's id, on the panel's thread; by default a
        Reviewer opens below the panel.

    Attributes
    ----------
    queue : DataFrame or None
        As :meth:`labkit.Project.queue` gives it.

    Examples
    --------
    >>> panel = lk.QueuePanel(p)
    >>> panel.title
    'Queue'
    >>> panel.close()
    """

    title = "Queue"

    def __init__(
        self, project: Project, on_open: Callable[[pd.DataFrame, str], None] | None = None
    ) -> None:
        super().__init__()
        self.project, self._on_open = project, on_open
        self.queue: pd.DataFrame | None = None
        self._names: dict[str, str] = {}
        half = {"width": "31%"}
        drop, pick = ipywidgets.Dropdown, ipywidgets.SelectMultiple
        self.run = field(drop, "Run", **half)
        self.order = field(drop, "Order", options=order_choices(), value="four-rules", **half)
        self.other = field(drop, "Second run", "For the order 'Disagreement of two runs'", **half)
        self.decided = field(drop, "Frames", options=list(_DECIDED), **half)
        self.limit = field(ipywidgets.IntText, "At most", "0: no limit", value=0, **half)
        self.score = field(
            ipywidgets.FloatRangeSlider,
            "With a score",
            "Frames with an object that scores in this range",
            value=(0.0, 1.0), min=0.0, max=1.0, step=0.01, readout_format=".2f",
            continuous_update=False, **half,
        )  # fmt: skip
        self.labels = field(pick, "Labels", "Ctrl+click for several; none: all", rows=3, **half)
        self.groups = field(pick, "Folders", "Ctrl+click for several; none: all", rows=3, **half)
        self.about = ipywidgets.HTML(layout=ipywidgets.Layout(width="31%"))
        self.list = listing(ipywidgets.Select, "Frames of the queue", rows=12)
        head = ipywidgets.HTML(line(columns_text(_HEAD, _WIDTHS)))
        head.add_class("lkp-head")
        self.open = button(
            "Open in reviewer", "Review this queue from the chosen frame on", "primary"
        )
        self.again = button("Rank again", "With what has been decided meanwhile")
        self.count = ipywidgets.HTML()
        self._below = ipywidgets.VBox()
        self.build(
            row(self.run, self.order, self.other),
            row(self.decided, self.score, self.limit),
            row(self.labels, self.groups, self.about, align_items="flex-start"),
            head, self.list, row(self.open, self.again, self.count), self._below,
        )  # fmt: skip
        for one in (self.run, self.order, self.other, self.decided, self.limit, self.score,
                    self.labels, self.groups):  # fmt: skip
            one.observe(lambda _change: self._soon(), "value")
        self.again.on_click(lambda _b: self._soon())
        self.open.on_click(lambda _b: self.desk.post(self._open, "open"))

    def watch(self) -> None:
        """Look once a second whether there is a new run or label."""
        self.desk.every(1.0, self.refresh, "watch")

    # ---- on the desk

    def refresh(self) -> None:
        """Take in new runs, labels and folders; rank where something is new."""
        runs = [m for m in self.project.runs() if m.status == "finished"][::-1]
        names = [(f"{m.run_id}, {m.model}, {m.proposals} proposals", m.run_id) for m in runs]
        new = self._set(self.run, names)
        self._set(self.other, [("none", ""), *names])
        new |= self._set(self.labels, list(self.project.labels))
        new |= self._set(self.groups, self.project.frames()["group"].unique().tolist())
        if new or self.queue is None:
            self.rank()

    @staticmethod
    def _set(widget: Any, options: list[Any]) -> bool:
        if list(widget.options) == options:
            return False
        kept = widget.value
        widget.options = options
        values = [v[1] if isinstance(v, tuple) else v for v in options]
        if isinstance(kept, tuple):
            widget.value = tuple(v for v in kept if v in values)
        elif kept in values and kept is not None:
            widget.value = kept
        elif values:
            widget.value = values[0]
        return True

    def _soon(self) -> None:
        self.desk.post(self.rank, "rank", after=_WAIT_S)

    def options(self) -> dict[str, Any]:
        """What the form says, as the arguments of :meth:`labkit.Project.queue`."""
        low, high = self.score.value
        return {
            "run": self.run.value,
            "order": self.order.value,
            "other": (self.other.value or None) if self.order.value == "disagreement" else None,
            "decided": _DECIDED[self.decided.value],
            "labels": list(self.labels.value) or None,
            "groups": list(self.groups.value) or None,
            "score_range": None if (low, high) == (0.0, 1.0) else (low, high),
            "limit": self.limit.value if self.limit.value > 0 else None,
        }

    def rank(self) -> None:
        """Make the queue that the form asks for and list it."""
        if not self.run.options:
            self.queue = None
            self._list([], "No model has run over these frames yet: see Predict.")
            return
        order = self.order.value
        self.about.value = line(scores[order].description if order in scores else _FOUR, "dim")
        try:
            self.queue = self.project.queue(**self.options())
        except LabkitError as exc:
            self.queue = None
            self._list([], "")
            self.say(exc, "error")
            return
        self.say()
        self._list(self._rows(), f"{len(self.queue)} frames")

    def _rows(self, most: int = _MOST) -> list[tuple[str, str]]:
        """(Line, frame id) of the beginning of the queue."""
        assert self.queue is not None
        head = self.queue.head(most)
        frames = self.project.iter_frames([str(i) for i in head["frame_id"]])
        names = {f.frame_id: display_name(f) for f in frames}
        out = []
        for r in head.itertuples():
            cells = (r.rank, names[str(r.frame_id)], f"{r.score:.3g}", r.rule, r.reason)
            out.append((columns_text(cells, _WIDTHS), str(r.frame_id)))
        return out

    def _list(self, options: list[tuple[str, str]], said: str) -> None:
        if list(self.list.options) != options:
            self.list.options = options
        more = len(self.queue) - len(options) if self.queue is not None else 0
        self.count.value = line(
            said + (f", the first {len(options)} are listed" if more > 0 else ""), "dim"
        )
        self.open.disabled = not options

    def _open(self) -> None:
        if self.queue is None or not len(self.queue):
            return
        frame_id = self.list.value or str(self.queue["frame_id"].iloc[0])
        if self._on_open is not None:
            self._on_open(self.queue, frame_id)
            return
        from labkit.widgets.reviewer import Reviewer

        session = self.project.review(self.queue)
        session.goto(frame_id)
        for old in self._below.children:
            old.close()
        self._below.children = (Reviewer(session),)

    # ---- without a front end

    def static_text(self) -> str:
        """How long the queue is."""
        if self.queue is None:
            self.refresh()
        count = 0 if self.queue is None else len(self.queue)
        return f"Queue: {count} frames, order {self.order.value}"

    def static_html(self) -> str:
        """The beginning of the queue as a table."""
        said = line(self.static_text())
        if self.queue is None:
            return said
        head = self.queue.head(20).round(3)
        return said + table(list(head.columns), head.to_numpy().tolist())


_FOUR = (
    "Four rules take turns: borderline scores, crowded frames, two classes on one object, and "
    "some frames by chance, so that nothing is overlooked for good."
)

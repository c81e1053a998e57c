"""What a person does with the bench, and what they see, in a real browser."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from browser.jupyter import Lab

from labkit.project import Project

_READY = """() => {
  const widget = window.jupyterapp?.shell?.currentWidget;
  return Boolean(widget?.context?.isReady && widget.sessionContext?.isReady
    && widget.sessionContext.session?.kernel?.connectionStatus === "connected");
}"""
_OPEN = """([path, name]) => window.jupyterapp.commands.execute("docmanager:open",
  {path, factory: "Notebook", kernel: {name}})"""
_CELLS = """sources => {
  const cells = window.jupyterapp.shell.currentWidget.content.model.sharedModel;
  cells.deleteCellRange(0, cells.cells.length);
  cells.insertCells(0, sources.map(source => ({cell_type: "code", source})));
}"""
_RUN = """source => {
  const {content} = window.jupyterapp.shell.currentWidget;
  const {cells} = content.model.sharedModel;
  cells[cells.length - 1].setSource(source);
  content.activeCellIndex = cells.length - 1;
  void window.jupyterapp.commands.execute("notebook:run-cell");
}"""
_WAIT = """import os, time
with session.moving:
    while not os.path.exists({gate!r}):
        time.sleep(0.05)"""
_LEAVE = """() => {
  for (const widget of [...window.jupyterapp.shell.widgets("main")])
    if (!widget.context) widget.dispose();
}"""
_STATE = """() => JSON.stringify({
  place: document.querySelector(".lk-place")?.textContent,
  light: document.querySelector(".lk-light")?.textContent,
  heard: document.querySelector(".lk-heard")?.textContent,
  focus: document.activeElement.outerHTML.slice(0, 120),
})"""
CELL = """for name in ("reviewer", "bench"):
    if name in globals():
        globals().pop(name).close()
import labkit as lk
project = lk.Project.open({path!r})
session = project.review(reviewer="ana")
reviewer = lk.Reviewer(session{options})
reviewer"""

BENCH_CELL = """for name in ("reviewer", "bench"):
    if name in globals():
        globals().pop(name).close()
import labkit as lk
project = lk.Project.open({path!r})
bench = lk.Bench(project, reviewer="ana", height=480)
bench"""


class BenchPage:
    """A page with JupyterLab and one notebook, whose cells are written again for each flow."""

    def __init__(
        self, browser: Any, lab: Lab, name: str = "bench", kernel: str = "python3"
    ) -> None:
        self.lab, self.name, self.kernel = lab, name, kernel
        self.context = browser.new_context(viewport={"width": 1400, "height": 940})
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.opened = False
        self.page.on("pageerror", lambda e: self.errors.append(e.stack or str(e)))
        self.page.on("dialog", lambda d: self.errors.append(f"dialog {d.message}"))
        self.page.goto(f"{lab.url}/lab?reset")
        self.page.wait_for_function("() => window.jupyterapp?.started", timeout=60_000)

    # ---- opening

    def open(self, project: Path, *cells: str, options: str = "") -> None:
        """Run cells in the notebook, by default one that shows a Reviewer on a project."""
        self.project_path = project
        cells = cells or (CELL.format(path=str(project), options=options), "1 + 1")
        self.show(*cells)
        self.painted()

    def show(self, *cells: str) -> None:
        """Run these cells in place of those before."""
        if not self.opened:
            self.lab.notebook(self.name, "0", kernel=self.kernel)
            self.page.evaluate(_OPEN, [f"{self.name}.ipynb", self.kernel])
            self.page.wait_for_function(_READY, timeout=60_000)
            self.opened = True
        self.page.evaluate(_CELLS, list(cells))
        self.command("notebook:run-all-cells")

    def run(self, source: str) -> None:
        """Run other code in the last cell, and go back to the stage while it runs."""
        self.page.evaluate(_RUN, f"print('this cell', 'has begun')\n{source}")
        self.page.wait_for_selector(".jp-OutputArea-output:has-text('this cell has begun')")
        self.stage.focus()

    @contextmanager
    def unanswered(self) -> Iterator[None]:
        """Meanwhile the session works off nothing of what this page says."""
        gate = self.lab.folder / f"gate-{uuid.uuid4()}"
        self.run(_WAIT.format(gate=str(gate)))
        try:
            yield
        finally:
            gate.touch()

    def reload(self) -> None:
        self.command("docmanager:save")
        self.again()
        self.painted()

    def again(self) -> None:
        """Open the notebook as it was saved, in the kernel that it has."""
        self.page.goto(f"{self.lab.url}/lab/tree/{self.name}.ipynb?reset")
        self.page.wait_for_function(_READY, timeout=60_000)
        self.opened = True

    def painted(self) -> None:
        self.page.wait_for_selector(".lk-stage[data-painted]", timeout=60_000)
        self.stage.focus()

    def command(self, name: str) -> None:
        self.page.evaluate("name => window.jupyterapp.commands.execute(name)", name)

    def leave(self) -> None:
        """Close what was opened beside the notebook, and see that nothing went wrong."""
        self.page.evaluate(_LEAVE)
        self.command("notebook:clear-all-cell-outputs")
        self.page.wait_for_function("() => !document.querySelector('.lk-glass')")
        errors, self.errors = self.errors, []
        assert not errors, errors

    def close(self) -> None:
        self.context.close()
        self.lab.stop_kernels()

    def end(self) -> None:
        """Close the page and end its kernel, and leave those of other pages."""
        self.context.close()
        self.lab.stop_kernels(f"{self.name}.ipynb")

    # ---- seeing

    @property
    def stage(self) -> Any:
        return self.page.locator(".lk-stage").first

    @property
    def frame_id(self) -> str:
        return self.stage.get_attribute("data-frame")

    @property
    def place(self) -> int:
        return int(self.page.locator(".lk-place").first.inner_text().split()[0])

    def at(self, place: int) -> None:
        try:
            self.page.wait_for_function(
                "n => document.querySelector('.lk-place').textContent.startsWith(n + ' ')",
                arg=place,
            )
        except Exception as exc:
            raise AssertionError(f"not on frame {place}: {self.page.evaluate(_STATE)}") from exc

    def saved(self) -> None:
        self.page.wait_for_function(
            "() => document.querySelector('.lk-light').dataset.light === 'saved'", timeout=20_000
        )

    def progress(self, text: str) -> None:
        """Wait until the bar says so; it follows the light."""
        self.page.locator(".lk-progress", has_text=text).first.wait_for()

    def rows(self) -> list[str]:
        """The list of objects as a screen reader has it."""
        found = self.page.locator(".lk-glass").first.locator(".lk-row")
        return [found.nth(k).get_attribute("aria-label") for k in range(found.count())]

    def listed(self, rows: list[str]) -> None:
        """Wait until the list of objects says so; it follows the light."""
        self.page.wait_for_function(
            """rows => JSON.stringify([...document.querySelector(".lk-glass")
              .querySelectorAll(".lk-row")].map(e => e.getAttribute("aria-label")))
              === JSON.stringify(rows)""",
            arg=rows,
        )

    def followed(self) -> None:
        """Let a frame pass: by then a gesture is painted, and what stands around it follows."""
        self.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
        )

    def said(self, text: str) -> None:
        """Wait until it has been announced."""
        self.page.wait_for_function(
            """text => [...document.querySelectorAll('.lk-heard > *')]
              .some(e => e.textContent.includes(text))""",
            arg=text,
        )

    def covered(self, on: bool) -> None:
        self.followed()
        self.page.wait_for_selector(f".lk-stage[data-cover='{'on' if on else 'off'}']")

    # ---- doing

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point of the fitted frame as one of the page."""
        box = self.stage.bounding_box()
        width, height = self.frame_size
        k = min(box["width"] / width, box["height"] / height)
        return (
            float(box["x"] + (box["width"] - width * k) / 2 + x * k),
            float(box["y"] + (box["height"] - height * k) / 2 + y * k),
        )

    frame_size = (512, 384)

    def click(self, x: float, y: float, **options: Any) -> None:
        self.page.mouse.click(*self.point(x, y), **options)

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 8) -> None:
        self.page.mouse.move(*self.point(*start))
        self.page.mouse.down()
        self.page.mouse.move(*self.point(*end), steps=steps)
        self.page.mouse.up()

    def theme(self, name: str) -> None:
        """JupyterLab's 'Light' or 'Dark'; its splash screen cannot bear two changes at once."""
        whole = f"JupyterLab {name}"
        self.page.evaluate(
            "t => window.jupyterapp.commands.execute('apputils:change-theme', {theme: t})", whole
        )
        self.page.wait_for_function(
            """t => document.body.dataset.jpThemeName === t
              && !document.querySelector("#jupyterlab-splash")""",
            arg=whole,
            timeout=30_000,
        )

    def another_rejects(self, frame_id: str) -> None:
        """Somebody else, Ben, rejects the first object of a frame meanwhile."""
        with Project.open(self.project_path) as p:
            other = p.review(reviewer="ben")
            other.goto(frame_id)
            other.reject(other.objects()[0].object_id)

    # ---- what came of it

    def decisions(self) -> pd.DataFrame:
        with Project.open(self.project_path, read_only=True) as p:
            return p.decisions()

    def decided(self) -> pd.DataFrame:
        """Annotations that somebody has decided, in the order of the ledger."""
        with Project.open(self.project_path, read_only=True) as p:
            rows = p.annotations()
        return rows[rows["state"] != "proposed"].reset_index(drop=True)

    def top(self) -> pd.Series:
        """The best proposal on the current frame, which is the first row of the list."""
        with Project.open(self.project_path, read_only=True) as p:
            rows = p.proposals()
        return rows[rows["frame_id"] == self.frame_id].iloc[0]

    def cells(self) -> int:
        return self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.length"
        )

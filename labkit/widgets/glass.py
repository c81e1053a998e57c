"""The glass: an anywidget with one trait and messages both ways, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from labkit.widgets.messages import Config

__all__ = ["STATIC", "Glass", "is_built"]

STATIC = Path(__file__).with_name("static")

_NOT_BUILT = """
export default { render({ el }) {
  const p = document.createElement("p");
  p.className = "labkit-missing";
  p.setAttribute("role", "alert");
  p.textContent = "labkit's front end is not built: run `python extensions/build.py` in labkit's \
folder, then restart the kernel.";
  el.append(p);
} };
"""


def is_built() -> bool:
    """Whether the front end's files are there."""
    return (STATIC / "stage.js").is_file() and (STATIC / "stage.css").is_file()


def _read(name: str, otherwise: str) -> str:
    # text, not a path: anywidget would watch the file for changes
    return (STATIC / name).read_text("utf-8") if is_built() else otherwise


class Glass(anywidget.AnyWidget):
    """The pane over the canvas that takes every pointer and key.

    Attributes
    ----------
    config : dict
        Labels, keys, the cheat sheet and looks; replaced, never changed in place.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    config = traitlets.Dict().tag(sync=True)

    def __init__(self, config: Config) -> None:
        esm, css = _read("stage.js", _NOT_BUILT), _read("stage.css", "")
        self._guard = threading.Lock()
        self._handler: Callable[[dict[str, Any]], None] | None = None
        self._early: list[dict[str, Any]] = []
        super().__init__(config=config, _esm=esm, _css=css)

    def on_message(self, handler: Callable[[dict[str, Any]], None]) -> None:
        """Tell ``handler`` of every message, also of those that came before there was one.

        A glass that is made outside of a cell is shown, and says so, while it is being made.
        """
        with self._guard:
            self._handler, early, self._early = handler, self._early, []
        for content in early:
            handler(content)

    def _handle_custom_msg(self, content: Any, buffers: Any) -> None:
        with self._guard:
            handler = self._handler
            if handler is None:
                self._early.append(content)
        if handler is not None:
            handler(content)
        super()._handle_custom_msg(content, buffers)

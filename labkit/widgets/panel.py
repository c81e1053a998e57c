"""What all panels share: their looks, their desk, keys that stay in them, and a static fallback."""

from __future__ import annotations

from typing import Any, Final

import anywidget
import ipywidgets
import traitlets

from labkit.core.errors import LabkitError
from labkit.widgets.closing import Whole
from labkit.widgets.desk import Desk
from labkit.widgets.fallback import has_front_end, still
from labkit.widgets.glass import STATIC
from labkit.widgets.markup import escape, line

__all__ = ["FIELD", "Panel", "button", "field", "listing", "row", "title"]

_ASSETS: Final = STATIC.with_name("assets")
FIELD: Final = "118px"
"""Width of the words before a field."""


class Guard(anywidget.AnyWidget):
    """Keeps JupyterLab's shortcuts out of a panel, names its parts, and brings its style sheet."""

    _esm = traitlets.Unicode((_ASSETS / "guard.js").read_text("utf-8")).tag(sync=True)
    _css = traitlets.Unicode((_ASSETS / "panels.css").read_text("utf-8")).tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    pictures = traitlets.Dict().tag(sync=True)  # CSS class of a picture → what it shows


def title(text: str) -> ipywidgets.HTML:
    """A small heading; ``text`` is ours."""
    return ipywidgets.HTML(f'<h4 class="lkp-title">{escape(text)}</h4>')


def button(text: str, hint: str = "", style: str = "", icon: str = "") -> ipywidgets.Button:
    """A button as wide as its words."""
    made = ipywidgets.Button(
        description=text,
        tooltip=hint or text,
        button_style=style,
        icon=icon,
        layout=ipywidgets.Layout(width="auto", flex="0 0 auto"),
    )
    made.add_class("lkp-button")
    return made


def field(kind: type[Any], text: str, hint: str = "", **options: Any) -> Any:
    """A form field with its words before it."""
    layout = ipywidgets.Layout(width=options.pop("width", "100%"), min_width="0")
    style = {"description_width": options.pop("words", FIELD)}
    return kind(description=text, tooltip=hint or text, layout=layout, style=style, **options)


def listing(kind: type[Any], name: str, **options: Any) -> Any:
    """A list over the whole width; ``name`` is for screen readers alone."""
    made = kind(description=name, layout=ipywidgets.Layout(width="100%"), **options)
    made.add_class("lkp-list")
    return made


def row(*children: ipywidgets.Widget, **layout: Any) -> ipywidgets.HBox:
    """Widgets side by side, which wrap where it is narrow."""
    given = {"align_items": "center", "flex_flow": "row wrap", "width": "100%", **layout}
    made = ipywidgets.HBox(children, layout=ipywidgets.Layout(**given))
    made.add_class("lkp-row")
    return made


class Panel(Whole, ipywidgets.VBox):
    """A panel of the bench.

    A subclass builds its widgets, calls :meth:`build`, and says in :meth:`watch` what is repeated
    while somebody looks at it.

    Attributes
    ----------
    title : str
        What it is called.
    desk : Desk
        The only thread that writes its widgets.
    """

    title = ""

    def __init__(self) -> None:
        self.desk = Desk(self._failed)
        self.message = ipywidgets.HTML()
        self.message.add_class("lkp-message")
        self._guard = Guard(name=self.title)
        self._shown = False
        super().__init__(layout=ipywidgets.Layout(width="100%"))
        self.add_class("labkit-panel")

    def build(self, *children: ipywidgets.Widget) -> None:
        """Set what the panel consists of."""
        self.children = (*children, self.message, self._guard)

    def watch(self) -> None:
        """Begin what is repeated while somebody looks at the panel: ``self.desk.every(...)``."""

    def unwatch(self) -> None:
        """Stop it."""
        self.desk.stop("watch")

    def show(self, *, on: bool = True) -> None:
        """Say whether somebody looks at the panel; cheap to repeat."""
        if on != self._shown:
            self._shown = on
            (self.watch if on else self.unwatch)()

    def say(self, text: object = "", kind: str = "plain") -> None:
        """One line under the panel; from the desk."""
        self.message.value = line(text, kind)

    def _failed(self, exc: Exception) -> None:
        known = isinstance(exc, LabkitError)
        self.say(str(exc) if known else f"This could not be done: {exc!r}", "error")

    # ---- without a front end

    def static_text(self) -> str:
        """One line for a notebook that nobody can click in."""
        return self.title

    def static_html(self) -> str:
        """A table for a notebook that nobody can click in; all data escaped."""
        return line(self.static_text())

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = {
            "text/plain": self.static_text(),
            "text/html": f'<div class="labkit-static">{self.static_html()}</div>',
        }
        if not has_front_end():
            return bundle
        self.show()
        return {**super()._repr_mimebundle_(**kwargs), **still(bundle)}

    def close(self) -> None:
        """End the panel; jobs that it has started go on."""
        if "desk" in self.__dict__:  # ipywidgets closes what was never finished, too
            self.desk.close()
        self.close_children()
        super().close()

"""A hand on the mouse and a hand on the keys: the same deeds on the bench and in its panels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from browser.page import BenchPage

WHOLE: Final = ".labkit-bench"
KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accept_frame": "a", "reject_frame": "x", "undo": "z", "redo": "Shift+Z", "reject": "r",
        "accept": "Shift+A", "next": "f", "previous": "d",
    }
)  # fmt: skip
_HERE = "e => e === document.activeElement"
_BEHIND = """e => Boolean(
  document.activeElement.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_PRECEDING)"""


class Panels:
    """Where things are in the panels around a reviewer."""

    def __init__(self, bench: BenchPage) -> None:
        self.bench = bench

    def heading(self, name: str) -> Any:
        return self.bench.page.locator(WHOLE).get_by_role("tab", name=name, exact=True)

    @property
    def panel(self) -> Any:
        return self.bench.page.locator(".labkit-panel:visible")

    def button(self, name: str) -> Any:
        return self.panel.get_by_role("button", name=name, exact=True)

    def list(self, name: str) -> Any:
        return self.panel.get_by_label(name, exact=True)

    def box(self, name: str) -> Any:
        return self.panel.get_by_label(name, exact=True)


class Mouse(Panels):
    """Whoever has no keyboard."""

    tool = "mouse"

    def press(self, action: str) -> None:
        self.bench.page.click(f"[data-action={action}]")

    def choose(self, place: int) -> None:
        self.bench.page.locator(".lk-row").nth(place).click()

    def label(self, name: str) -> None:
        self.bench.page.click(f"[data-label={name}]")

    def segment(self, x: float, y: float) -> None:
        self.press("segment")
        self.bench.page.locator(".lk-pointstate", has_text="Click").wait_for(timeout=120_000)
        self.bench.click(x, y)
        keep = self.bench.page.locator(".lk-pointbar button:not([disabled])", has_text="Keep")
        keep.click(timeout=120_000)

    # ---- panels

    def tab(self, name: str) -> None:
        self.heading(name).click()

    def click(self, name: str) -> None:
        self.button(name).click()

    def pick(self, name: str, place: int, *, more: bool = False) -> None:
        """Choose a line of a list, beside those that are chosen where ``more``."""
        options = self.list(name).locator("option")
        options.nth(place).click(modifiers=["Control"] if more else [])

    def check(self, name: str) -> None:
        self.box(name).click()


class Keys(Panels):
    """Whoever has no mouse."""

    tool = "key"

    def press(self, action: str) -> None:
        self.bench.press(KEYS[action])

    def choose(self, place: int) -> None:
        self.bench.press("Escape", *["ArrowDown"] * (place + 1))

    def label(self, name: str) -> None:
        names = [b.get_attribute("data-label") for b in self.bench.page.locator(".lk-label").all()]
        self.bench.press(str(names.index(name) + 1))

    # ---- panels

    def reach(self, target: Any) -> None:
        """Go there by Tab, or by Shift+Tab where it lies before."""
        target.wait_for()
        key = "Shift+Tab" if target.evaluate(_BEHIND) else "Tab"
        for _ in range(120):
            if target.evaluate(_HERE):
                return
            self.bench.press(key)
        raise AssertionError(f"{key} does not lead to {target}")

    def tab(self, name: str) -> None:
        every = self.bench.page.locator(WHOLE).get_by_role("tab")
        names = every.all_inner_texts()
        now = [t.get_attribute("aria-selected") for t in every.all()].index("true")
        self.reach(every.nth(now))
        by = names.index(name) - now
        self.bench.press(*["ArrowRight" if by > 0 else "ArrowLeft"] * abs(by), "Enter")

    def click(self, name: str) -> None:
        self.reach(self.button(name))
        self.bench.press("Space")

    def pick(self, name: str, place: int, *, more: bool = False) -> None:
        """Choose a line of a list; with ``more`` all from the one that is chosen to it."""
        target = self.list(name)
        self.reach(target)
        if more:
            at = target.evaluate("e => e.selectedIndex")
            self.bench.press(*["Shift+ArrowDown"] * (place - at))
        else:
            self.bench.press("Home", *["ArrowDown"] * place)

    def check(self, name: str) -> None:
        self.reach(self.box(name))
        self.bench.press("Space")

"""A JupyterLab, a browser and links to it; all of it ends with the rig."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser.jupyter import ARGUMENTS, Lab, chromium, free_port  # noqa: E402
from browser.page import CELL, BenchPage  # noqa: E402

from _ui import world  # noqa: E402
from _ui.link import SlowLink  # noqa: E402

__all__ = ["ARGUMENTS", "CELL", "LINKS", "PROBE", "Probe", "Rig", "chromium", "free_port"]

LINKS = {"localhost": 0.0, "80 ms link": 0.04}
"""Each link's delay, one way, in seconds."""

PROBE = Path(__file__).with_name("probe.js").read_text("utf-8")
_INSTALL = f"""import sys
sys.path.insert(0, {str(ROOT / "benchmarks")!r})
from _ui import kernel
kernel.install()"""


class Probe:
    """One page with a bench, and what is measured in it."""

    def __init__(self, page: BenchPage, delay_s: float) -> None:
        self.bench, self.page, self.delay_s = page, page.page, delay_s
        self.sent: list[str] = []
        self.page.evaluate(PROBE)

    def listen(self, socket: Any) -> None:
        """Note the types of what the page sends to the kernel."""
        socket.on("framesent", lambda payload: self.sent.append(kind_of(payload)))

    def open(self, project: Path, *after: str, options: str = "") -> None:
        """Show a reviewer on a project and wait until it has settled."""
        self.bench.open(project, _INSTALL, CELL.format(path=str(project), options=options), *after)
        self.bench.covered(on=False)
        self.settle(1000)

    def show(self, *cells: str) -> None:
        """Run cells in place of those before."""
        self.bench.show(_INSTALL, *cells)

    def settle(self, ms: int = 250) -> None:
        """Let what is under way end."""
        self.page.wait_for_timeout(ms)

    def arm(self, name: str) -> None:
        """Measure what is done next."""
        self.page.evaluate("name => labkitProbe.arm(name)", name)

    def result(self) -> Any:
        """What came of it; a plain error where nothing came."""
        return self.page.evaluate(
            """() => Promise.race([labkitProbe.result(), new Promise((_, fail) =>
              setTimeout(() => fail(new Error("nothing was painted within 30 s")), 30000))])"""
        )

    def ask(self, what: str) -> Any:
        """Ask the kernel's side of the probe."""
        return self.page.evaluate("what => labkitProbe.ask(what)", what)

    def times(self) -> dict[str, list[float]]:
        """What the kernel's clocks took since the last call."""
        return dict(self.ask("times")["times"])

    def echoes(self, count: int = 30) -> list[float]:
        """Round trips: a message to a handler in the kernel that answers at once."""
        return [self.page.evaluate("() => labkitProbe.echo()") for _ in range(count)]


def kind_of(payload: str | bytes) -> str:
    """The type of a message in the kernel's websocket; a bench's by its own."""
    if isinstance(payload, str):
        return "text"
    try:
        count = int.from_bytes(payload[:8], "little")
        at = [int.from_bytes(payload[8 * k : 8 * k + 8], "little") for k in range(1, count + 1)]
        header = json.loads(payload[at[1] : at[2]])
        content = json.loads(payload[at[4] : at[5]])
    except (ValueError, IndexError):
        return "binary"
    inner = content.get("data", {}).get("content") if header["msg_type"] == "comm_msg" else None
    return str(inner.get("type", "comm_msg")) if isinstance(inner, dict) else header["msg_type"]


class Rig:
    """What all parts share.

    Parameters
    ----------
    frames : int
        Verdicts of a part that measures them.
    """

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self._stack = ExitStack()
        self._copies = 0

    def __enter__(self) -> Self:
        from playwright.sync_api import sync_playwright

        path = chromium()
        if path is None:
            sys.exit("chromium is not installed (or set LABKIT_CHROMIUM)")
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self.lab = Lab(self.folder / "lab")
            stack.callback(self.lab.close)
            playwright = stack.enter_context(sync_playwright())
            self.browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
            stack.callback(self.browser.close)
            self.ports = {name: self._port(stack, delay) for name, delay in LINKS.items()}
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _port(self, stack: ExitStack, delay_s: float) -> int:
        if not delay_s:
            return self.lab.port
        return stack.enter_context(SlowLink(self.lab.port, delay_s)).port

    @contextmanager
    def probe(self, link: str = "localhost", lab: Lab | None = None) -> Iterator[Probe]:
        """A page of its own, over a link; or of another JupyterLab."""
        lab = lab or self.lab
        url = lab.url
        if lab is self.lab:
            lab.url = f"http://127.0.0.1:{self.ports[link]}"
        try:
            page = BenchPage(self.browser, lab)
        finally:
            lab.url = url
        probe = Probe(page, LINKS[link])
        page.page.on("websocket", probe.listen)
        try:
            yield probe
            if page.errors:
                raise RuntimeError(f"the page reported {len(page.errors)}: {page.errors[0]}")
        finally:
            page.close()

    # ---- projects, made when they are first needed

    @cached_property
    def drawn(self) -> Path:
        """A dataset of drawn frames."""
        return world.draw(self.folder / "drawn", self.frames + 8)

    @cached_property
    def _plain(self) -> Path:
        return world.make_project(self.folder / "plain", self.drawn)

    @cached_property
    def _crowded(self) -> Path:
        coco = world.crowd(self.drawn, self.folder / "crowd", self.frames // 2 + 8)
        return world.make_project(self.folder / "crowded", coco)

    def plain(self) -> Path:
        """A fresh project of the drawn frames."""
        return self._copy(self._plain)

    def crowded(self) -> Path:
        """A fresh project of frames with a thousand objects each."""
        return self._copy(self._crowded)

    def long(self, frames: int) -> Path:
        """A project of very many frames."""
        self._copies += 1
        folder = self.folder / f"long{self._copies}"
        return world.make_project(folder / "project", world.repeat(self.drawn, folder, frames))

    def _copy(self, project: Path) -> Path:
        self._copies += 1
        return Path(shutil.copytree(project, self.folder / f"copy{self._copies}"))

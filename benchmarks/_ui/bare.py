"""Chromium without developer tools: for what the page itself holds in its process.

Playwright watches the network through DevTools, and the renderer keeps copies of all that it loads
for it. Here a page is driven through DevTools with ``Runtime.evaluate`` alone.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import urllib.request
from typing import Any, Self

import psutil
import websocket

from _ui.rig import ARGUMENTS, chromium, free_port

_PATIENCE_S = 90


class BarePage:
    """A page of a Chromium of its own, which ends with it."""

    def __init__(self, url: str) -> None:
        port, self._ids = free_port(), 0
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [
                *(str(chromium()), *ARGUMENTS, "--headless=new", "--disable-dev-shm-usage"),
                *(f"--remote-debugging-port={port}", "--remote-allow-origins=*"),
                *(f"--user-data-dir={self._folder.name}", "--window-size=1400,940", url),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._socket = websocket.create_connection(_address(port), timeout=600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(20)
        self._folder.cleanup()

    def command(self, method: str, **params: object) -> dict[str, Any]:
        """Send a command of the DevTools protocol; its result."""
        self._ids += 1
        self._socket.send(json.dumps({"id": self._ids, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._ids:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])

    def evaluate(self, script: str) -> Any:
        """The value of a script, awaited."""
        params = {"expression": script, "awaitPromise": True, "returnByValue": True}
        reply = self.command("Runtime.evaluate", **params)
        if "exceptionDetails" in reply:
            raise RuntimeError(
                reply["exceptionDetails"]["exception"].get("description", "an error")
            )
        return reply["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until a script says true."""
        end = time.monotonic() + _PATIENCE_S
        while not self.evaluate(f"Boolean({script})"):
            if time.monotonic() > end:
                raise RuntimeError(f"this has not come true: {script}")
            time.sleep(0.2)

    def resident_mb(self) -> float:
        """Resident memory of the page's process, after collecting garbage."""
        for _ in range(3):
            self.command("HeapProfiler.collectGarbage")
            time.sleep(0.3)
        self.command("Memory.simulatePressureNotification", level="critical")  # caches go
        time.sleep(1)
        family = psutil.Process(self._process.pid).children(recursive=True)
        pages = [p for p in family if "--type=renderer" in " ".join(p.cmdline())]
        busiest = max(pages, key=lambda p: p.cpu_times().user)
        return float(busiest.memory_info().rss / 2**20)


def _address(port: int) -> str:
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
                pages = [t for t in json.load(answer) if t["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
        except OSError:
            pass
        if time.monotonic() > end:
            raise RuntimeError("Chromium has not opened its port")
        time.sleep(0.2)

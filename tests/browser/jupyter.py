"""A real JupyterLab for tests: on a free port, in a folder of its own, ended by its own pid."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "labkit" / "labextension"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


def chromium() -> str | None:
    """Path of the system's chromium; playwright's own cannot be downloaded everywhere."""
    return os.environ.get("LABKIT_CHROMIUM") or shutil.which("chromium")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Lab:
    """A JupyterLab server on a folder, with or without labkit's JupyterLab extension."""

    def __init__(
        self, folder: Path, *options: str, dark: bool = False, extended: bool = False
    ) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        home = folder / ".home"
        settings = home / "user-settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
        theme = {"theme": "JupyterLab Dark" if dark else "JupyterLab Light"}
        (settings / "themes.jupyterlab-settings").write_text(json.dumps(theme))
        (home / "config" / "labconfig").mkdir(parents=True)
        if not extended:  # though it may be installed where these tests run
            self.disable("labkit-lab")
        if extended:
            (home / "data" / "labextensions").mkdir(parents=True)
            (home / "data" / "labextensions" / "labkit-lab").symlink_to(EXTENSION)
        self.env = {k: v for k, v in os.environ.items() if k not in ("CI", "JPY_SESSION_NAME")} | {
            "PYTHONPATH": str(ROOT),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_PREFER_ENV_PATH": "0",  # this tree's extension before one that is installed
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "user-settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "IPYTHONDIR": str(home / "ipython"),
            "LABKIT_LOG": str(home / "labkit.log"),
        }
        self.log = (home / "lab.log").open("wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *(f"--port={self.port}", "--ip=127.0.0.1", "--expose-app-in-browser"),
                *("--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"),
                *(f"--ServerApp.root_dir={folder}", "--ServerApp.terminals_enabled=False"),
                *options,
            ],
            env=self.env,
            cwd=folder,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        self._wait()

    def disable(self, *extensions: str) -> None:
        """Let pages that are opened from now on do without these extensions."""
        off = json.dumps({"disabledExtensions": dict.fromkeys(extensions, True)})
        (self.folder / ".home" / "config" / "labconfig" / "page_config.json").write_text(off)

    def _wait(self) -> None:
        end = time.monotonic() + 90
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/api/status", timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        self.close()
        raise RuntimeError(f"JupyterLab did not start: {self.text()[-2000:]}")

    def text(self) -> str:
        return Path(self.log.name).read_text(errors="replace")

    def add_kernel(self, name: str, *first: Path) -> None:
        """A kernel of this Python that looks for packages in some folders first."""
        folder = self.folder / ".home" / "data" / "kernels" / name
        folder.mkdir(parents=True)
        spec = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": name,
            "language": "python",
            "env": {"PYTHONPATH": os.pathsep.join(map(str, [*first, ROOT]))},
        }
        (folder / "kernel.json").write_text(json.dumps(spec))

    def notebook(self, name: str, *cells: str, kernel: str = "python3") -> str:
        """Write a notebook; its address in the lab."""
        made = [
            {
                "cell_type": "code", "id": f"cell{k}", "metadata": {}, "source": source,
                "outputs": [], "execution_count": None,
            }
            for k, source in enumerate(cells)
        ]  # fmt: skip
        spec = {"name": kernel, "display_name": kernel, "language": "python"}
        data = {"cells": made, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
        (self.folder / f"{name}.ipynb").write_text(json.dumps(data))
        return f"{self.url}/lab/tree/{name}.ipynb?reset"

    def stop_kernels(self, path: str = "") -> None:
        """End all kernels, or the one of a notebook."""
        with urllib.request.urlopen(f"{self.url}/api/sessions") as answer:
            sessions = json.load(answer)
        for session in sessions:
            if path not in ("", session["path"]):
                continue
            request = urllib.request.Request(
                f"{self.url}/api/sessions/{session['id']}", method="DELETE"
            )
            with suppress(urllib.error.HTTPError):  # a session may have ended with its kernel
                urllib.request.urlopen(request).close()

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

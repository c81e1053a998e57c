"""The one place that imports ultralytics, with its settings made first."""

from __future__ import annotations

import importlib
import os
import tempfile
import threading
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image

from labkit.core.config import cache_dir, offline
from labkit.core.errors import ModelUnavailableError

__all__ = ["asset_names", "download_asset", "ultralytics"]

_lock = threading.Lock()


def _writable_folder() -> str:
    folder = cache_dir() / "ultralytics"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return tempfile.mkdtemp(prefix="labkit-ultralytics-")
    return str(folder)


def ultralytics(module: str = "") -> ModuleType:
    """Import ``ultralytics`` or one of its modules: no auto-install, no banner, a folder to write.

    Ultralytics reads these variables once, when it is imported; what the user has set stays. It
    also replaces ``PIL.Image.open`` by one that wants to install a package when a file is no
    image, and changes how numpy prints arrays; both are put back.
    """
    with _lock:
        pillow_open, printed = Image.open, np.get_printoptions()
        defaults = {"YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}
        if offline():
            defaults["YOLO_OFFLINE"] = "true"
        # ultralytics would set OMP_NUM_THREADS to 1, and torch would use one core
        defaults["OMP_NUM_THREADS"] = str(os.cpu_count() or 1)
        for name, value in defaults.items():
            os.environ.setdefault(name, value)
        if "YOLO_CONFIG_DIR" not in os.environ:
            os.environ["YOLO_CONFIG_DIR"] = _writable_folder()
        try:
            return importlib.import_module(f"ultralytics.{module}" if module else "ultralytics")
        except ImportError as exc:
            raise ModelUnavailableError(
                "YOLO weights need the package 'ultralytics'",
                str(exc),
                "pip install ultralytics-opencv-headless",
            ) from exc
        finally:
            Image.open = pillow_open
            np.set_printoptions(**printed)


def asset_names() -> frozenset[str]:
    """Names of the weights that Ultralytics publishes and fetches itself."""
    return frozenset(ultralytics("utils.downloads").GITHUB_ASSETS_NAMES)


def download_asset(target: Path) -> None:
    """Let Ultralytics fetch the asset of the target's name to the target."""
    ultralytics("utils.downloads").attempt_download_asset(str(target), progress=False)

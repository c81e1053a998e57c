"""What ``labkit doctor`` looks at: each check is one function that gives :class:`Check` rows."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distributions, requires, version
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from labkit.core.config import cache_dir, offline
from labkit.core.registry import broken_plugins

__all__ = ["ENVIRONMENT", "Check", "environment", "network_disk"]

Status = Literal["ok", "warn", "fail"]

OPENCV = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
NETWORK_DISKS = ("nfs", "cifs", "smb", "9p", "sshfs", "lustre", "gpfs", "beegfs", "ceph", "gluster")
VIDEO_CODECS = ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg")
_WITH_PLUGINS = (
    "labkit.models.detectors",
    "labkit.models.interactors",
    "labkit.models.trackers",
    "labkit.queue",
    "labkit.exchange",
)
LOW_DISK_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the doctor's table."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


def _installed() -> dict[str, str]:
    """Version of every distribution in this environment, by its canonical name."""
    return {
        canonicalize_name(d.metadata["Name"]): d.version
        for d in distributions()
        if d.metadata["Name"]
    }


def _python() -> Iterator[Check]:
    where = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Check("python", "ok", f"{where}, {sys.executable}")


def _packages() -> Iterator[Check]:
    try:
        declared = [Requirement(text) for text in requires("labkit") or []]
    except PackageNotFoundError:
        yield Check(
            "packages", "warn", "labkit runs from a folder, it is not installed", "pip install -e ."
        )
        return
    have, sound = _installed(), []
    for need in declared:
        if need.marker is not None:
            continue
        found = have.get(canonicalize_name(need.name))
        if found is None:
            yield Check(need.name, "fail", "not installed", f"pip install '{need}'")
        elif not need.specifier.contains(found, prereleases=True):
            yield Check(need.name, "fail", f"{found} does not do", f"pip install '{need}'")
        else:
            sound.append(f"{need.name} {found}")
    yield Check("packages", "ok", f"{len(sound)} as required: {', '.join(sound)}")
    yield _extras(declared, have)


def _extras(declared: list[Requirement], have: dict[str, str]) -> Check:
    """Which optional dependencies are installed; none is required."""
    there: list[str] = []
    absent: list[str] = []
    for need in declared:
        if need.marker is None or 'extra == "dev"' in str(need.marker).replace("'", '"'):
            continue
        found = have.get(canonicalize_name(need.name))
        (there if found else absent).append(f"{need.name} {found}" if found else need.name)
    text = f"installed: {', '.join(there) or 'none'}; not installed: {', '.join(absent) or 'none'}"
    return Check("extras", "ok", text)


def _opencv() -> Iterator[Check]:
    have = _installed()
    found = [f"{name} {have[name]}" for name in OPENCV if name in have]
    if len(found) > 1:
        yield Check(
            "opencv",
            "fail",
            f"{' and '.join(found)} share one cv2 folder and overwrite each other",
            f"pip uninstall -y {' '.join(n for n in OPENCV if n in have)} && "
            "pip install 'opencv-python-headless<5'",
        )
    elif not found:
        yield Check("opencv", "fail", "not installed", "pip install 'opencv-python-headless<5'")
    else:
        yield Check("opencv", "ok", found[0])
    if {"ultralytics", "ultralytics-opencv-headless"} <= have.keys():
        yield Check(
            "ultralytics",
            "fail",
            "the packages ultralytics and ultralytics-opencv-headless are both installed",
            "pip uninstall -y ultralytics ultralytics-opencv-headless opencv-python && "
            "pip install ultralytics-opencv-headless",
        )


def _kernel() -> Iterator[Check]:
    try:
        found = version("ipykernel")
    except PackageNotFoundError:
        yield Check("ipykernel", "fail", "not installed", "pip install 'ipykernel!=7.0.*'")
        return
    if found.startswith("7.0."):
        yield Check(
            "ipykernel",
            "fail",
            f"{found} raises LookupError when a background job updates a widget",
            "pip install 'ipykernel!=7.0.*'",
        )
    else:
        yield Check("ipykernel", "ok", found)


def _device() -> Iterator[Check]:
    try:
        import torch
    except (ImportError, OSError) as exc:  # OSError: a shared library of CUDA is missing
        yield Check("torch device", "fail", str(exc), "pip install torch torchvision")
        return
    if torch.cuda.is_available():
        names = {torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())}
        text = f"cuda: {torch.cuda.device_count()} x {', '.join(sorted(names))}"
    elif torch.backends.mps.is_available():
        text = "mps"
    else:
        text = f"cpu, {torch.get_num_threads()} threads"
    yield Check("torch device", "ok", text)


def _video() -> Iterator[Check]:
    try:
        import av
    except (ImportError, OSError) as exc:
        yield Check("video", "fail", str(exc), "pip install av")
        return
    missing = [name for name in VIDEO_CODECS if name not in av.codecs_available]
    text = f"PyAV {av.__version__} decodes {', '.join(c for c in VIDEO_CODECS if c not in missing)}"
    if missing:
        yield Check(
            "video", "warn", f"{text}; not {', '.join(missing)}", "pip install --only-binary av av"
        )
    else:
        yield Check("video", "ok", text)


def _weights_folder() -> Iterator[Check]:
    folder = cache_dir()
    mode = "; LABKIT_OFFLINE is set, nothing is downloaded" if offline() else ""
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    if os.access(existing, os.W_OK):
        yield Check("cache", "ok", f"{folder}{mode}")
    else:
        yield Check(
            "cache", "warn", f"{folder} cannot be written", "set LABKIT_CACHE to a folder that can"
        )


def _plugins() -> Iterator[Check]:
    """Plug-ins of installed packages that cannot be used."""
    for module in _WITH_PLUGINS:
        import_module(module)
    broken = broken_plugins()
    if not broken:
        yield Check("plug-ins", "ok", "every plug-in that is installed can be used")
    for each in broken:
        remedy = f"update or remove the package {each.package!r}"
        yield Check("plug-ins", "warn", str(each), remedy)


ENVIRONMENT: tuple[Callable[[], Iterator[Check]], ...] = (
    _python,
    _packages,
    _opencv,
    _kernel,
    _device,
    _video,
    _weights_folder,
    _plugins,
)


def environment() -> Iterator[Check]:
    """All checks that do not need a project."""
    for check in ENVIRONMENT:
        yield from check()


def network_disk(folder: Path) -> str | None:
    """The kind of network file system that a folder lies on (``nfs4``), or None."""
    import psutil

    real, best, kind = folder.resolve(), Path(), ""
    for part in psutil.disk_partitions(all=True):
        mount = Path(part.mountpoint)
        if real.is_relative_to(mount) and len(mount.parts) >= len(best.parts):
            best, kind = mount, part.fstype.lower()
    return kind if any(name in kind for name in NETWORK_DISKS) else None


def disk_space(folder: Path) -> Check:
    """Free space on the project's disk."""
    free = shutil.disk_usage(folder).free
    text = f"{free / 1024**3:.1f} GB free"
    if free < LOW_DISK_BYTES:
        return Check("disk space", "warn", text, "free some; a full disk stops runs and reviews")
    return Check("disk space", "ok", text)

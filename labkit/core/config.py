"""Settings that come from the environment, read in one place."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

__all__ = ["cache_dir", "cores", "default_reviewer", "offline"]


def cache_dir() -> Path:
    """Where downloaded weights lie: ``LABKIT_CACHE``, else the user's cache folder."""
    named = os.environ.get("LABKIT_CACHE")
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(named) if named else (Path(base) if base else Path.home() / ".cache") / "labkit"


def cores() -> int:
    """Processor cores that this process may use; at most 16."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return min(16, len(affinity(0)) if affinity is not None else os.cpu_count() or 1)


def offline() -> bool:
    """Whether ``LABKIT_OFFLINE`` forbids every download."""
    return os.environ.get("LABKIT_OFFLINE", "").lower() in {"1", "true", "yes"}


def default_reviewer() -> str:
    """Who reviews when nobody is named: ``LABKIT_REVIEWER``, the hub's user, the login name."""
    for variable in ("LABKIT_REVIEWER", "JUPYTERHUB_USER"):
        if os.environ.get(variable):
            return os.environ[variable]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "reviewer"

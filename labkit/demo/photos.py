"""Two photos that every installation has: those that ship inside the ultralytics package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from labkit.core.errors import InputError

__all__ = ["shipped_photos"]


def shipped_photos() -> list[Path]:
    """Paths of ``bus.jpg`` and ``zidane.jpg`` in the ultralytics package, which is not imported.

    Raises
    ------
    InputError
        The package is not installed, or has no photos any more.
    """
    spec = find_spec("ultralytics")
    folders = [Path(p) / "assets" for p in (spec.submodule_search_locations or ())] if spec else []
    photos = sorted(p for folder in folders for p in folder.glob("*.jpg"))
    if not photos:
        raise InputError(
            "There are no photos to show", "the ultralytics package brings none", "name frames"
        )
    return photos

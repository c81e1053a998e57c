"""Optional dependencies: imported where they are needed; a missing one is named in one sentence."""

from __future__ import annotations

import importlib
from types import ModuleType

from labkit.core.errors import InputError

__all__ = ["require"]


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional module, or say which extra brings it.

    Parameters
    ----------
    module : str
        Its import name.
    extra : str
        The extra of labkit that installs it.
    purpose : str
        What needs it, as the subject of a sentence: ``'Export to FiftyOne'``.
    """
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        raise InputError(
            f"{purpose} needs the package {module.split('.')[0]!r}",
            str(exc),
            f"pip install 'labkit[{extra}]'",
        ) from exc

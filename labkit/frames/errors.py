"""What is raised where a frame's pixels are not available."""

from __future__ import annotations

from labkit.core.errors import LabkitError

__all__ = ["FrameError", "reason_of"]


class FrameError(LabkitError):
    """A frame cannot be read: its file is gone, changed or broken (exit code 2)."""


def reason_of(exc: BaseException) -> str:
    """Cause of an error in a few words, without the path that system errors repeat."""
    if isinstance(exc, FrameError):
        return exc.why or exc.what
    if isinstance(exc, FileNotFoundError):
        return "the file does not exist"
    text = getattr(exc, "strerror", None)  # of OSError, and of PyAV's errors
    if text:
        return str(text)[0].lower() + str(text)[1:]
    return " ".join(str(exc).split()) or type(exc).__name__

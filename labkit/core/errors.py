"""Errors that a user meets: one line, with what happened, why, and what to do."""

from __future__ import annotations

import errno
from typing import ClassVar

__all__ = [
    "CancelledError",
    "InputError",
    "LabkitError",
    "ModelUnavailableError",
    "NotFoundError",
    "StaleDecisionError",
    "StoreError",
    "store_error",
]


def _one_line(text: str) -> str:
    """Names from data may hold newlines; a message never does."""
    return " ".join(str(text).split())


class LabkitError(Exception):
    """An error with a remedy, rendered as one line.

    Parameters
    ----------
    what : str
        What could not be done, in the user's words.
    why : str, optional
        The cause.
    remedy : str, optional
        What the user can do about it.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        self.what, self.why, self.remedy = _one_line(what), _one_line(why), _one_line(remedy)
        super().__init__(self.what, self.why, self.remedy)

    def __str__(self) -> str:
        text = self.what
        if self.why:
            text += f": {self.why}"
        if self.remedy:
            text += f" ({self.remedy})"
        return text


class InputError(LabkitError):
    """An argument or an input file is not what it has to be (exit code 2)."""


class NotFoundError(InputError, KeyError):
    """A run, frame, object or label of that name does not exist (exit code 2)."""

    __str__ = LabkitError.__str__


class StoreError(LabkitError):
    """The project's files or ledger cannot be read or written (exit code 2)."""


class StaleDecisionError(LabkitError):
    """A decision was made on an older state than the ledger's; nothing was written."""


class ModelUnavailableError(LabkitError):
    """A model or its weights could not be had (exit code 3)."""

    exit_code = 3


class CancelledError(LabkitError):
    """The work was cancelled; what was finished is kept (exit code 5)."""

    exit_code = 5


def store_error(what: str, exc: BaseException) -> LabkitError:
    """An ``OSError`` or database error as one line with a remedy; our own errors pass."""
    if isinstance(exc, LabkitError):
        return exc
    code, text = getattr(exc, "errno", None), str(exc).splitlines()[0] if str(exc) else repr(exc)
    if code in (errno.ENOSPC, errno.EDQUOT) or "disk is full" in text:
        return StoreError(what, "the disk is full", "free some space and run it again")
    if code in (errno.EROFS, errno.EACCES, errno.EPERM) or "readonly" in text:
        return StoreError(what, "the folder cannot be written", "open it with read_only=True")
    return StoreError(what, text)

"""Errors that a user meets: one line, with what happened, why, and what to do."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, ClassVar

__all__ = [
    "Argument",
    "CancelledError",
    "InputError",
    "LabkitError",
    "ModelUnavailableError",
    "NotFoundError",
    "StaleDecisionError",
    "StoreError",
    "Wording",
    "one_line",
    "store_error",
]

_NO_VALUE = object()


class Argument:
    """An argument named in a message: ``conf=0.3`` in Python, ``--conf 0.3`` on the command line.

    It is joined with text by ``+``; an f-string would keep only Python's spelling.

    Parameters
    ----------
    name : str
        The argument's name in Python.
    value : object, optional
        Its value; without one only the name is written.

    Examples
    --------
    >>> print(InputError(Argument("conf", 1.5) + " cannot be used", "it has to be from 0 to 1"))
    conf=1.5 cannot be used: it has to be from 0 to 1
    """

    __slots__ = ("name", "value")

    def __init__(self, name: str, value: object = _NO_VALUE) -> None:
        self.name, self.value = name, value

    @property
    def has_value(self) -> bool:
        """Whether a value is written beside the name."""
        return self.value is not _NO_VALUE

    def __str__(self) -> str:
        if not self.has_value:
            return self.name
        value = self.value
        if isinstance(value, PurePath):
            value = str(value)
        elif type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0:
            value = value.item()  # type: ignore[attr-defined]  # 0.3, not np.float32(0.3)
        return f"{self.name}={one_line(repr(value))}"

    def __add__(self, text: str | Argument) -> Wording:
        return Wording(self, text)

    def __radd__(self, text: str) -> Wording:
        return Wording(text, self)

    def __reduce__(self) -> tuple[type[Argument], tuple[object, ...]]:
        return Argument, (self.name, self.value) if self.has_value else (self.name,)


class Wording(str):
    """A text that still knows which of its words are arguments; as a string it is Python's."""

    parts: tuple[str | Argument, ...]

    def __new__(cls, *parts: str | Argument) -> Wording:
        """Join parts; those that are themselves joined are taken apart."""
        flat: list[str | Argument] = []
        for part in parts:
            flat += part.parts if isinstance(part, Wording) else [part]
        out = super().__new__(cls, "".join(map(str, flat)))
        out.parts = tuple(flat)
        return out

    def spelled(self, spell: Callable[[Argument], str]) -> str:
        """The text with each argument as ``spell`` writes it."""
        return "".join(spell(p) if isinstance(p, Argument) else str(p) for p in self.parts)

    def __add__(self, text: str | Argument) -> Wording:
        return Wording(self, text)

    def __radd__(self, text: str) -> Wording:
        return Wording(text, self)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.parts


def one_line(text: str | Argument) -> str:
    """The text with single spaces and no newline, which names from data may hold."""
    if not isinstance(text, Wording | Argument):
        return " ".join(str(text).split())
    whole = Wording(text)
    return Wording(*(_inside(p) if isinstance(p, str) else p for p in whole.parts))


def _inside(part: str) -> str:
    """A part of a line: single spaces, those at its ends kept."""
    if part.isspace():
        return " "
    return f"{' ' * part[:1].isspace()}{' '.join(part.split())}{' ' * part[-1:].isspace()}"


def _spelled(text: str, spell: Callable[[Argument], str]) -> str:
    return text.spelled(spell) if isinstance(text, Wording) else text


class LabkitError(Exception):
    """An error with a remedy, rendered as one line.

    Parameters
    ----------
    what : str
        What could not be done, in the user's words. Arguments are named by :class:`Argument`.
    why : str, optional
        The cause.
    remedy : str, optional
        What the user can do about it.

    Examples
    --------
    >>> try:
    ...     p.frame("0123")
    ... except lk.LabkitError as error:
    ...     print(error.what)
    No frame is called '0123'
    """

    exit_code: ClassVar[int] = 2

    def __init__(
        self, what: str | Argument, why: str | Argument = "", remedy: str | Argument = ""
    ) -> None:
        self.what, self.why, self.remedy = one_line(what), one_line(why), one_line(remedy)
        super().__init__(self.what, self.why, self.remedy)

    def spelled(self, spell: Callable[[Argument], str]) -> str:
        """The line with each argument as ``spell`` writes it."""
        text = _spelled(self.what, spell)
        if self.why:
            text += f": {_spelled(self.why, spell)}"
        if self.remedy:
            text += f" ({_spelled(self.remedy, spell)})"
        return text

    def __str__(self) -> str:
        return self.spelled(str)


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
    """A model or its weights are not available (exit code 3)."""

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
        return StoreError(
            what, "the folder cannot be written", "open it with " + Argument("read_only", True)
        )
    return StoreError(what, text)

"""One registry for every kind of plug-in: detectors, scores, orders, formats, rules."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from labkit.core.errors import InputError, NotFoundError

__all__ = ["Registry", "nearest", "unknown"]

T = TypeVar("T")


def nearest(name: str, known: list[str]) -> str | None:
    """The known name most like ``name``, or None."""
    folded = {k.casefold(): k for k in known}
    hits = difflib.get_close_matches(str(name).casefold(), list(folded), n=1, cutoff=0.5)
    return folded[hits[0]] if hits else None


def unknown(kind: str, name: object, known: list[str], most: int = 12) -> NotFoundError:
    """The error for a name that is not there: it lists the known ones and the nearest."""
    listed = ", ".join(known[:most]) + (
        f" and {len(known) - most} more" if len(known) > most else ""
    )
    near = nearest(str(name), known)
    remedy = f"did you mean {near!r}?" if near else ""
    return NotFoundError(
        f"No {kind} is called {name!r}", f"known are {listed or 'none yet'}", remedy
    )


class Registry(Generic[T]):
    """Names to plug-ins; entry points of the group ``labkit.<group>`` are found on first need.

    Parameters
    ----------
    kind : str
        The word for one of them, used in messages: ``'score'``.
    group : str
        Entry-point group, without the prefix.
    """

    def __init__(self, kind: str, group: str) -> None:
        self.kind, self.group = kind, f"labkit.{group}"
        self._items: dict[str, T] = {}
        self._scanned = False

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that adds a plug-in under a name; a taken name is an error."""

        def add(item: T) -> T:
            if name in self._items:
                raise InputError(f"A {self.kind} called {name!r} is already registered")
            self._items[name] = item
            return item

        return add

    def _scan(self) -> None:
        if self._scanned:
            return
        self._scanned = True
        for point in entry_points(group=self.group):
            if point.name not in self._items:
                self._items[point.name] = point.load()

    def __getitem__(self, name: str) -> T:
        if name not in self._items:
            self._scan()
        if name not in self._items:
            raise unknown(self.kind, name, self.names())
        return self._items[name]

    def __contains__(self, name: object) -> bool:
        self._scan()
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def names(self) -> list[str]:
        """All known names, in the order of registration."""
        self._scan()
        return list(self._items)

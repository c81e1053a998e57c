"""One registry type for every kind of plug-in: detectors, formats, scores, orders ...

A plug-in is known by a name. It is registered in one of three ways: by a decorator
(:meth:`Registry.register`), by an entry point of an installed package (group
``labkit.<group>``), or, for what comes with labkit itself, in :mod:`labkit.core.declared`. The
last two are imported when they are first needed. A plug-in that cannot be imported is reported
once, by its name; the others still work.
"""

from __future__ import annotations

import difflib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from labkit.core.declared import DECLARED
from labkit.core.errors import InputError, NotFoundError

__all__ = ["BrokenPlugin", "Registry", "broken_plugins", "nearest", "unknown"]

T = TypeVar("T")
P = TypeVar("P")

_log = logging.getLogger("labkit")


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


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plug-in that cannot be used.

    Attributes
    ----------
    kind : str
        Of which kind it was to be: ``'score'``.
    name : str
    package : str
        The installed package that brings it.
    reason : str
        One line.
    """

    kind: str
    name: str
    package: str
    reason: str

    def __str__(self) -> str:
        return (
            f"The {self.kind} {self.name!r} of the package {self.package!r} cannot be used: "
            f"{self.reason}"
        )


_registries: list[Registry[Any]] = []


def broken_plugins() -> list[BrokenPlugin]:
    """Every plug-in that cannot be used, of all registries that have been imported."""
    return [broken for registry in list(_registries) for broken in registry.broken()]


class Registry(Generic[T]):
    """Names to plug-ins; entry points of the group ``labkit.<group>`` are found on first need.

    Parameters
    ----------
    kind : str
        The word for one of them, used in messages: ``'score'``.
    group : str
        Entry-point group, without the prefix.
    fits : callable, optional
        Whether an object is a plug-in of this kind.
    """

    def __init__(
        self, kind: str, group: str, fits: Callable[[object], bool] = lambda item: True
    ) -> None:
        self.kind, self.group, self._fits = kind, f"labkit.{group}", fits
        self._items: dict[str, T] = {}
        self._points: dict[str, EntryPoint] | None = None
        self._failed: dict[str, BrokenPlugin] = {}
        self._taken: list[BrokenPlugin] = []
        self._loading: set[str] = set()
        self._lock = threading.RLock()
        _registries.append(self)

    def register(self, name: str) -> Callable[[P], P]:
        """Decorator that adds a plug-in under a name; a taken name is an error.

        The same function or class, defined again, takes its own place: a notebook's cell can be
        run twice.
        """

        def add(item: P) -> P:
            if not self._fits(item):
                raise InputError(f"{item!r} is not a {self.kind}")
            with self._lock:
                if name in self._items and _origin(self._items[name]) != _origin(item):
                    raise InputError(f"A {self.kind} called {name!r} is already registered")
                self._items[name] = cast(T, item)
            return item

        return add

    def __getitem__(self, name: str) -> T:
        with self._lock:
            if name not in self._items and name in self._found():
                self._load(name)
            if name in self._items:
                return self._items[name]
            if name in self._failed:
                broken = self._failed[name]
                raise InputError(
                    f"The {self.kind} {name!r} cannot be used",
                    broken.reason,
                    f"update or remove the package {broken.package!r}",
                )
        raise unknown(self.kind, name, self.names())

    def __contains__(self, name: object) -> bool:
        with self._lock:
            if name not in self._items and name in self._found():
                self._load(str(name))
            return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def names(self) -> list[str]:
        """All names that can be used, in the order of registration."""
        with self._lock:
            for name in self._found():
                self._load(name)
            return list(self._items)

    def broken(self) -> list[BrokenPlugin]:
        """The plug-ins that are installed and cannot be used."""
        self.names()
        return [*self._failed.values(), *self._taken]

    # ---- entry points

    def _found(self) -> dict[str, EntryPoint]:
        """All entry points: labkit's own, then those of other packages; the first of a name."""
        if self._points is None:
            own = DECLARED.get(self.group, {})
            self._points = {n: EntryPoint(n, target, self.group) for n, target in own.items()}
            for point in entry_points(group=self.group):
                first = self._points.setdefault(point.name, point)
                if first.value != point.value:
                    reason = f"the package {_package(first)!r} brings one of the same name"
                    self._taken.append(self._report(point, reason))
        return self._points

    def _load(self, name: str) -> None:
        if name in self._items or name in self._failed or name in self._loading:
            return
        point = self._found()[name]
        self._loading.add(name)
        try:
            item, reason = point.load(), ""
        except (Exception, SystemExit) as exc:  # noqa: BLE001  it may raise anything
            first = next((line.strip() for line in str(exc).splitlines() if line.strip()), "")
            item, reason = None, f"{type(exc).__name__}: {first}"[:200]
        finally:
            self._loading.discard(name)
        if not reason and not self._fits(item):
            reason = f"{point.value} is not a {self.kind}"
        if reason:
            self._failed[name] = self._report(point, reason)
        else:
            self._items.setdefault(name, item)  # its module may have registered it already

    def _report(self, point: EntryPoint, reason: str) -> BrokenPlugin:
        broken = BrokenPlugin(self.kind, point.name, _package(point), reason)
        _log.warning("%s", broken)
        return broken


def _package(point: EntryPoint) -> str:
    """The name of the package that brings an entry point."""
    dist = getattr(point, "dist", None)
    return "labkit" if dist is None else str(dist.name)


def _origin(item: object) -> object:
    """Where a function or class was defined; anything else is only itself."""
    item = getattr(item, "__wrapped__", item)
    where = getattr(item, "__module__", None), getattr(item, "__qualname__", None)
    return where if None not in where else id(item)

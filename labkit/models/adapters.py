"""How a name becomes a model: a registered function, or an adapter that says it can open it.

Detectors, interactors and trackers are found in the same way:

1. a plug-in that is registered under the very name (or is an entry point of that name);
2. the adapter that says :meth:`Adapter.can_open`; those of plug-ins are asked before labkit's own,
   the newest first.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from labkit.core.errors import InputError, ModelUnavailableError, NotFoundError
from labkit.core.registry import Registry, nearest, unknown
from labkit.models.worker import Priority, worker

__all__ = ["Adapter", "find_plugin", "fits", "known_names", "open_model", "open_plugin"]

_log = logging.getLogger("labkit")


class Adapter:
    """Opens one family of models, under many names or from files.

    A subclass for detectors, interactors or trackers adds ``open``, which is called in the
    inference thread with what :meth:`find` gave.

    Attributes
    ----------
    files : str
        Which files it opens, for people: ``'.onnx files of Detectron'``; empty for none.
    """

    files: ClassVar[str] = ""

    def can_open(self, name: str) -> bool:
        """Whether a name or path is for this adapter; it is not opened, and need not exist."""
        raise NotImplementedError

    def names(self) -> Sequence[str]:
        """Names that it opens, paths aside."""
        return ()

    def more_names(self) -> Sequence[str]:
        """Names that it opens as well and that take long to list; used for suggestions only."""
        return ()

    def find(self, name: str, *, trust: bool = False, project: Path | None = None) -> Any:
        """Fetch and check what is to be opened; called in the caller's thread, as it may take long.

        Parameters
        ----------
        name : str
            As for :meth:`can_open`.
        trust : bool
            Whether a file may be opened that can run code then.
        project : Path, optional
            The project's folder, where trust is remembered.

        Returns
        -------
        object
            What ``open`` takes; by default the name.

        Raises
        ------
        ModelUnavailableError
            It is not there, or must not be opened.
        """
        del trust, project
        return name


def fits(item: object) -> bool:
    """Whether something can be registered: a function or class that opens, or an adapter."""
    return callable(item) or isinstance(item, Adapter)


def open_model(
    registry: Registry[Any],
    name: str | Path,
    *arguments: Any,
    trust: bool = False,
    project: Path | None = None,
    priority: Priority = Priority.BATCH,
) -> Any:
    """Open what a name or path means; any thread.

    Parameters
    ----------
    registry : Registry
        Of functions ``open(*arguments)`` and of adapters.
    name : str or Path
    *arguments
        What every model of this kind is opened with.
    trust, project
        As for :meth:`Adapter.find`.
    priority : Priority
        How urgently the inference thread opens it.

    Raises
    ------
    NotFoundError
        No plug-in has this name, and no adapter can open it.
    ModelUnavailableError
        It is the path of a file that no adapter can open.
    """
    plugin = find_plugin(registry, name)
    return open_plugin(plugin, name, *arguments, trust=trust, project=project, priority=priority)


def find_plugin(registry: Registry[Any], name: str | Path) -> Any:
    """The function or adapter that opens what a name or path means; errors as above."""
    text = str(name)
    if not text.strip() or "\0" in text:
        example = next(iter(known_names(registry)), "")
        remedy = f"give a file or a name such as {example!r}" if example else ""
        raise InputError(f"No {registry.kind} was named", remedy=remedy)
    if text in registry and _adapter(registry[text]) is None:
        return registry[text]
    for plugin in reversed(registry.names()):
        adapter = _adapter(registry[plugin])
        if adapter is not None and _can_open(adapter, plugin, text):
            return adapter
    raise _nothing(registry, text)


def open_plugin(
    plugin: Any,
    name: str | Path,
    *arguments: Any,
    trust: bool = False,
    project: Path | None = None,
    priority: Priority = Priority.BATCH,
) -> Any:
    """Open what a name means with the plug-in that was found for it; as :func:`open_model`."""
    if not isinstance(plugin, Adapter):
        return worker().call(plugin, *arguments, priority=priority)
    found = plugin.find(str(name), trust=trust, project=project)
    adapter: Any = plugin
    return worker().call(adapter.open, found, *arguments, priority=priority)


def known_names(registry: Registry[Any]) -> list[str]:
    """Every name that :func:`open_model` takes, paths aside."""
    out: list[str] = []
    for name in registry.names():
        adapter = _adapter(registry[name])
        out += [name] if adapter is None else adapter.names()
    return list(dict.fromkeys(out))


def _adapter(item: object) -> Adapter | None:
    """A registered adapter, or an instance of a registered adapter class."""
    if isinstance(item, type) and issubclass(item, Adapter):
        return item()
    return item if isinstance(item, Adapter) else None


def _can_open(adapter: Adapter, plugin: str, text: str) -> bool:
    """What the adapter says; one that fails to answer leaves the name to the others."""
    try:
        return bool(adapter.can_open(text))
    except Exception as exc:  # noqa: BLE001  a plug-in may raise anything
        _log.warning("The adapter %r failed on %r: %s: %s", plugin, text, type(exc).__name__, exc)
        return False


def _nothing(registry: Registry[Any], text: str) -> Exception:
    """The error for what nothing can open: a name, or a file."""
    if text in [broken.name for broken in registry.broken()]:
        try:
            registry[text]
        except InputError as exc:
            return exc
    opened = [_adapter(registry[name]) for name in registry.names()]
    adapters = [adapter for adapter in opened if adapter is not None]
    known, path = known_names(registry), Path(text).expanduser()
    near = nearest(text, [*known, *(n for adapter in adapters for n in adapter.more_names())])
    remedy = f"did you mean {near!r}?" if near else ""
    if not path.suffix and len(path.parts) == 1 and not path.exists():
        error = unknown(registry.kind, text, known)
        return NotFoundError(error.what, error.why, remedy)
    files = [adapter.files for adapter in adapters if adapter.files]
    return ModelUnavailableError(
        f"{path.name!r} cannot be opened as a {registry.kind}",
        f"labkit opens {'; '.join(files)}" if files else "no adapter opens files",
        remedy,
    )

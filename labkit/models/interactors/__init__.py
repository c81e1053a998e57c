"""Interactors: an image and prompts become masks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from labkit.core.registry import unknown
from labkit.models.interactors.base import INTERACTORS, ImageSource, Interactor

__all__ = ["interactor_names", "open_interactor"]


def open_interactor(
    name: str | Path,
    source: ImageSource,
    device: str | int | None = None,
    *,
    trust: bool = False,
    project: Path | None = None,
) -> Interactor:
    """Open an interactor; models are loaded here, so use the inference thread.

    Parameters
    ----------
    name : str or Path
        A name of the registry (``sam2``, ``dextr``, ``scissors`` ...), a model or checkpoint
        (``facebook/sam2.1-hiera-large``, ``sam2-nano``, ``mobile_sam.pt``), or a gesture over one
        (``dextr:sam2-nano``).
    source : ImageSource
        Gives the pixels.
    device : str or int, optional
        ``cpu``, ``cuda:0``, ``0``, ``mps``; the best there is by default.
    trust, project
        For local ``.pt`` files of Ultralytics' SAM family, which can run code when they are opened:
        as for :func:`labkit.models.weights.resolve`. SAM2's own are read without that danger.

    Raises
    ------
    NotFoundError
        No interactor has this name; the message lists the known and the nearest.
    ModelUnavailableError
        The weights cannot be had, or are not trusted.
    InputError
        The device is not there.
    """
    from labkit.models.interactors import ultralytics

    open_it = _opener(str(name))
    if ultralytics.handles(name):
        open_it = partial(open_it, trust=trust, project=project)
    return open_it(source, device=None if device is None else str(device))


def interactor_names() -> list[str]:
    """Names that :func:`open_interactor` knows, files aside."""
    from labkit.models.sam2 import names

    _register()
    return list(dict.fromkeys([*INTERACTORS.names(), *names.known()]))


def _opener(name: str) -> Callable[..., Interactor]:
    from labkit.models.interactors import ultralytics
    from labkit.models.sam2 import names

    _register()
    if name in INTERACTORS:
        return INTERACTORS[name]
    if ultralytics.handles(name):
        return partial(ultralytics.open_weights, name)
    if names.is_sam2(name):
        return _over("sam2", name)
    gesture, colon, weights = name.partition(":")
    if colon and gesture in ("dextr", "iog"):
        if not names.is_sam2(weights):
            raise unknown("SAM2 model", weights, names.known())
        return _over(gesture, weights)
    raise unknown("interactor", name, interactor_names())


def _over(adapter: str, weights: str) -> Callable[..., Interactor]:
    def open_it(source: ImageSource, **options: Any) -> Interactor:
        return INTERACTORS[adapter](source, weights=weights, **options)

    return open_it


def _register() -> None:
    """Import the adapters, which are light: each registers itself."""
    import labkit.models.interactors.gestures
    import labkit.models.interactors.grabcut
    import labkit.models.interactors.sam2
    import labkit.models.interactors.scissors
    import labkit.models.interactors.ultralytics  # noqa: F401

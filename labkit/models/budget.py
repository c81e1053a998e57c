"""Memory of models: what is in use, how it is freed, and what happens when it runs out."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from labkit.core.errors import Argument, InputError
from labkit.models.embeddings import embeddings
from labkit.models.worker import Priority, worker

__all__ = [
    "DeviceMemory",
    "Memory",
    "free_caches",
    "holds_models",
    "in_chunks",
    "is_out_of_memory",
    "memory",
    "release",
]

A = TypeVar("A")
B = TypeVar("B")

_log = logging.getLogger("labkit")


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """Bytes of one card: used by tensors, reserved by torch, free and in all."""

    device: str
    used: int
    reserved: int
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What models hold at the moment.

    Attributes
    ----------
    devices : tuple of DeviceMemory
        The cards; empty where torch sees none, or has not been loaded.
    embeddings_device, embeddings_host : int
        Bytes of cached frame embeddings, on cards and in main memory.
    models : tuple of str
        Open models.
    """

    devices: tuple[DeviceMemory, ...] = ()
    embeddings_device: int = 0
    embeddings_host: int = 0
    models: tuple[str, ...] = ()


def memory() -> Memory:
    """What models hold. It is cheap, loads nothing, and may be called in any thread."""
    on_device, on_host = embeddings().nbytes
    names = tuple(name for held in list(_holders) for name in held())
    return Memory(_devices(), on_device, on_host, names)


_holders: list[Callable[[], Sequence[str]]] = []


def holds_models(names: Callable[[], Sequence[str]], free: Callable[[], None]) -> None:
    """Say that a module keeps models open; called again, it changes nothing.

    Parameters
    ----------
    names : callable
        What is open, for :func:`memory`; called in any thread.
    free : callable
        Forgets it, for :func:`release`; called in the inference thread.
    """
    if names not in _holders:
        _holders.append(names)
    worker().on_release(free)


def _devices() -> tuple[DeviceMemory, ...]:
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is None or not cuda.is_initialized():
        return ()
    out = []
    for number in range(cuda.device_count()):
        free, total = cuda.mem_get_info(number)
        used, reserved = cuda.memory_allocated(number), cuda.memory_reserved(number)
        out.append(DeviceMemory(f"cuda:{number}", used, reserved, free, total))
    return tuple(out)


def release() -> None:
    """Free every model and cache of this process; the next call opens them again.

    Work that is queued at a higher priority is done first.
    """
    worker().call(_free, priority=Priority.PREFETCH)


def _free() -> None:
    worker().free()
    empty_device_cache()


def empty_device_cache() -> None:
    """Give memory that torch holds in reserve back to the card; the inference thread."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def free_caches() -> None:
    """Forget all embeddings and give reserved memory back; the inference thread."""
    embeddings().drop()
    empty_device_cache()


def is_out_of_memory(exc: BaseException) -> bool:
    """Whether an error says that memory ran out, of a card or of the machine."""
    if isinstance(exc, MemoryError):
        return True
    torch = sys.modules.get("torch")
    kind = getattr(torch, "OutOfMemoryError", None)
    if kind is not None and isinstance(exc, kind):
        return True
    text = str(exc).lower()
    return isinstance(exc, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text
    )


def in_chunks(
    items: Sequence[A],
    size: int,
    work: Callable[[Sequence[A]], Sequence[B]],
    *,
    remedy: str = "use a smaller model or " + Argument("device", "cpu"),
) -> list[B]:
    """Work on a few items at a time, on fewer when memory runs out; the inference thread.

    The first time that memory runs out the caches are dropped, then the chunks are halved, for
    these items and those that follow.

    Parameters
    ----------
    items : sequence
    size : int
        Items at a time, at first.
    work : callable
        Gives one result for each item.
    remedy : str
        What the message says people can do about it.

    Raises
    ------
    InputError
        There is not enough memory for one item. Nothing else is harmed.
    """
    out: list[B] = []
    dropped = False
    while len(out) < len(items):
        short = ""
        try:
            out += work(items[len(out) : len(out) + size])
        except Exception as exc:
            if not is_out_of_memory(exc):
                raise
            short = next(iter(str(exc).splitlines()), "") or type(exc).__name__
        if not short:
            continue
        # outside of the handler: the error's traceback held the tensors of the failed call
        if dropped and size <= 1:
            raise InputError("There is not enough memory for this", short[:160], remedy)
        size = size if not dropped else max(1, size // 2)
        free_caches()
        dropped = True
        _log.warning("out of memory: caches dropped, going on with %d at a time", size)
    return out

"""Frame embeddings in memory: on the model's device first, then in main memory, then gone."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, NamedTuple, Protocol, Self

import psutil

from labkit.models.worker import worker

__all__ = ["Embedding", "EmbeddingCache", "EmbeddingKey", "embeddings"]

DEVICE_BYTES = 2**30
"""Kept on a card by default: about 64 frames of a SAM2 of 1024 pixels."""

HOST_BYTES = 2 * 2**30
"""Kept in main memory by default, but never more than an eighth of it."""


class EmbeddingKey(NamedTuple):
    """What an embedding depends on."""

    frame: str
    """SHA-256 of the frame."""
    weights: str
    """SHA-256 of the weights."""
    filters: str = ""
    """Key of the filters through which the model sees the frame."""


class Embedding(Protocol):
    """What a model has computed of one frame."""

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        ...

    @property
    def device(self) -> str:
        """Where they are: ``cpu``, ``cuda:0`` ..."""
        ...

    def to(self, device: str) -> Self:
        """The same on another device."""
        ...


class EmbeddingCache:
    """Least recently used embeddings leave first, by bytes; safe to use from any thread.

    Embeddings of a card move to main memory when the card's share is full, and come back when they
    are asked for. The newest embedding stays even where it is larger than the limit, so that the
    clicks on one frame never compute it twice.

    Parameters
    ----------
    device_bytes, host_bytes : int
        Kept on devices, and in main memory.
    """

    def __init__(self, device_bytes: int = DEVICE_BYTES, host_bytes: int | None = None) -> None:
        share = psutil.virtual_memory().total // 8
        self._limits = (device_bytes, min(HOST_BYTES, share) if host_bytes is None else host_bytes)
        self._kept: OrderedDict[EmbeddingKey, Embedding] = OrderedDict()
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: object) -> bool:
        with self._lock:
            return key in self._kept

    @property
    def nbytes(self) -> tuple[int, int]:
        """Bytes on devices, and in main memory."""
        with self._lock:
            sizes = [(e.device == "cpu", e.nbytes) for e in self._kept.values()]
        return sum(n for host, n in sizes if not host), sum(n for host, n in sizes if host)

    def get(self, key: EmbeddingKey, device: str = "cpu") -> Any:
        """An embedding on a device, or None where it is not kept; the inference thread.

        It is the object that :meth:`put` was given with this key.
        """
        with self._lock:
            embedding = self._kept.get(key)
            if embedding is None:
                return None
            self._kept.move_to_end(key)
            if embedding.device != device:
                embedding = self._kept[key] = embedding.to(device)
                self._shrink()
            return embedding

    def put(self, key: EmbeddingKey, embedding: Embedding) -> None:
        """Keep an embedding, and drop older ones; the inference thread."""
        with self._lock:
            self._kept[key] = embedding
            self._kept.move_to_end(key)
            self._shrink()

    def drop(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()

    def _shrink(self) -> None:
        on_device, on_host = self.nbytes
        for key in list(self._kept)[:-1]:  # oldest first, never the newest
            if on_device <= self._limits[0]:
                break
            held = self._kept[key]
            if held.device != "cpu":
                moved = self._kept[key] = held.to("cpu")
                on_device, on_host = on_device - held.nbytes, on_host + moved.nbytes
        for key in list(self._kept)[:-1]:
            if on_host <= self._limits[1]:
                break
            if self._kept[key].device == "cpu":
                on_host -= self._kept.pop(key).nbytes


_cache: EmbeddingCache | None = None
_cache_lock = threading.Lock()


def embeddings() -> EmbeddingCache:
    """The cache of this process; :func:`labkit.models.release` empties it."""
    global _cache
    with _cache_lock:
        if _cache is None:
            _cache = EmbeddingCache()
            worker().on_release(_cache.drop)
        return _cache

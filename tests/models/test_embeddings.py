"""The cache of embeddings: by bytes, device before host, the newest always."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import pytest

from labkit.models.embeddings import EmbeddingCache, EmbeddingKey


@dataclass(frozen=True)
class Held:
    name: str
    nbytes: int = 10
    device: str = "card"

    def to(self, device):
        return replace(self, device=device)


def key(name, filters=""):
    return EmbeddingKey(name, "w", filters)


def test_full_cards_move_the_oldest_to_main_memory_and_full_memory_forgets_it():
    cache = EmbeddingCache(device_bytes=20, host_bytes=20)
    for name in "abcde":
        cache.put(key(name), Held(name))
    assert cache.nbytes == (20, 20)
    assert key("a") not in cache
    assert [n for n in "abcde" if key(n) in cache] == ["b", "c", "d", "e"]
    back = cache.get(key("b"), "card")
    assert back == Held("b")
    assert cache.nbytes == (20, 20)  # another one made room
    assert cache.get(key("a"), "card") is None


def test_what_is_used_stays():
    cache = EmbeddingCache(device_bytes=0, host_bytes=20)
    cache.put(key("a"), Held("a", device="cpu"))
    cache.put(key("b"), Held("b", device="cpu"))
    cache.get(key("a"))
    cache.put(key("c"), Held("c", device="cpu"))
    assert [n for n in "abc" if key(n) in cache] == ["a", "c"]


def test_the_newest_stays_even_where_it_is_too_large():
    cache = EmbeddingCache(device_bytes=5, host_bytes=5)
    cache.put(key("a"), Held("a"))
    assert cache.get(key("a"), "card") == Held("a")
    cache.put(key("b"), Held("b"))
    assert key("a") not in cache
    assert cache.get(key("b"), "card") == Held("b")


def test_another_filter_is_another_embedding_and_drop_forgets_all():
    cache = EmbeddingCache()
    cache.put(key("a"), Held("plain"))
    cache.put(key("a", "clahe"), Held("clahe"))
    assert cache.get(key("a", "clahe"), "card").name == "clahe"
    assert len(cache) == 2
    cache.drop()
    assert cache.nbytes == (0, 0)
    assert cache.get(key("a")) is None


def test_many_threads_leave_the_sums_right():
    cache = EmbeddingCache(device_bytes=50, host_bytes=50)
    errors = []

    def work(number):
        try:
            for k in range(200):
                name = str((number * 7 + k) % 23)
                if cache.get(key(name), "card") is None:
                    cache.put(key(name), Held(name))
                assert cache.nbytes <= (60, 60)
        except Exception as exc:  # noqa: BLE001
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not errors
    on_card, on_host = cache.nbytes
    assert on_card <= 50
    assert on_host <= 50
    assert on_card + on_host == 10 * len(cache)


def test_real_tensors_count_their_bytes():
    torch = pytest.importorskip("torch")
    pytest.importorskip("sam2")
    from labkit.models.sam2.embed import Sam2Embedding

    held = Sam2Embedding(torch.zeros(1, 8, 4, 4), (torch.zeros(1, 2, 16, 16),))
    assert held.nbytes == 4 * (8 * 16 + 2 * 256)
    assert held.device == "cpu"
    assert torch.equal(held.to("cpu").image, held.image)

"""One thread, most urgent first, newest wins, and errors go to who asked."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from concurrent.futures import CancelledError, Future, wait

import pytest

from labkit.models.worker import InferenceWorker, Priority, worker


class Gate:
    """Holds the worker until it is opened."""

    def __init__(self, target: InferenceWorker) -> None:
        self.entered, self.open = threading.Event(), threading.Event()
        self.future = target.submit(self._hold, priority=Priority.CLICK)
        assert self.entered.wait(5)

    def _hold(self) -> None:
        self.entered.set()
        self.open.wait(5)


def test_priorities_then_order_of_arrival() -> None:
    one = InferenceWorker()
    gate, order = Gate(one), []
    futures: list[Future[None]] = []
    for name, priority in [
        ("batch 1", Priority.BATCH),
        ("prefetch", Priority.PREFETCH),
        ("batch 2", Priority.BATCH),
        ("track", Priority.TRACK),
        ("click 1", Priority.CLICK),
        ("click 2", Priority.CLICK),
    ]:
        futures.append(one.submit(order.append, name, priority=priority))
    gate.open.set()
    wait(futures, 5)
    assert order == ["click 1", "click 2", "track", "prefetch", "batch 1", "batch 2"]


def test_the_newest_preview_wins() -> None:
    one = InferenceWorker()
    gate, seen = Gate(one), []
    futures = [
        one.submit(seen.append, k, priority=Priority.CLICK, replace_key="preview") for k in range(5)
    ]
    other = one.submit(seen.append, "commit", priority=Priority.CLICK)
    gate.open.set()
    futures[-1].result(5)
    other.result(5)
    assert seen == [4, "commit"]
    assert all(f.cancelled() for f in futures[:-1])
    with pytest.raises(CancelledError):
        futures[0].result()


def test_a_failure_reaches_the_asker_and_the_thread_goes_on() -> None:
    one = InferenceWorker()
    bad = one.submit(int, "x")
    with pytest.raises(ValueError, match="invalid literal"):
        bad.result(5)
    assert one.submit(int, "7").result(5) == 7


def test_everything_runs_on_one_thread_in_inference_mode() -> None:
    torch = pytest.importorskip("torch")
    names: list[str] = []

    def ask() -> None:
        names.append(worker().call(lambda: threading.current_thread().name))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(names) == 8
    assert len(set(names)) == 1
    assert worker().call(torch.is_inference_mode_enabled)
    assert not torch.is_inference_mode_enabled()
    # a call from the thread itself does not wait for itself
    assert worker().submit(lambda: worker().call(lambda: 3)).result(5) == 3


def test_results_are_not_kept_alive() -> None:
    class Big:
        pass

    one = InferenceWorker()
    big = Big()
    seen = weakref.ref(big)
    one.submit(lambda thing: None, big).result(5)
    del big
    deadline = time.monotonic() + 5
    while seen() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert seen() is None


def test_release_frees_what_was_registered() -> None:
    one, freed = InferenceWorker(), []

    def free() -> None:
        freed.append(threading.current_thread().name)

    one.on_release(free)
    one.on_release(free)
    one.release().result(5)
    assert freed == ["labkit-inference"]

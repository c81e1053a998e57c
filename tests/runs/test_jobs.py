"""Jobs: states, cancel, awaiting, interrupts, throttled updates."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from labkit.core.errors import CancelledError, InputError
from labkit.runs.jobs import Job, JobContext, jobs


def test_a_job_finishes() -> None:
    def work(context: JobContext) -> str:
        context.update(0, 3, "adding")
        context.update(3)
        return "done"

    job = Job(work, "adds")
    assert job.state == "queued"
    assert job.start().result(5) == "done"
    assert job.state == "finished"
    assert (job.progress.done, job.progress.total, job.progress.message) == (3, 3, "adding")
    assert job.progress.rate is not None
    assert job.progress.eta_s == 0
    assert job.error is None
    assert job in jobs()


def test_a_failure_is_kept_and_raised_to_who_asks() -> None:
    def work(context: JobContext) -> None:
        raise InputError("No", "because")

    job = Job(work).start().wait(5)
    assert job.state == "failed"
    assert str(job.error) == "No: because"
    with pytest.raises(InputError, match="because"):
        job.result()


def waiting(started: threading.Event):
    def work(context: JobContext) -> None:
        started.set()
        while True:
            context.check()
            time.sleep(0.005)

    return work


def test_cancel() -> None:
    started = threading.Event()
    job = Job(waiting(started)).start()
    assert started.wait(5)
    assert job.state == "running"
    job.cancel()
    assert job.wait(5).state == "cancelled"
    with pytest.raises(CancelledError):
        job.result()


def test_waiting_has_an_end() -> None:
    started = threading.Event()
    job = Job(waiting(started)).start()
    assert not job.wait(0.05).done
    with pytest.raises(TimeoutError):
        job.result(0.05)
    job.cancel()
    job.wait(5)


def test_an_interrupt_cancels_and_is_raised(monkeypatch) -> None:
    started = threading.Event()
    job = Job(waiting(started)).start()
    assert started.wait(5)
    calls = []
    join = job._join

    def interrupted(timeout: float | None) -> None:
        calls.append(timeout)
        if len(calls) == 1:
            raise KeyboardInterrupt
        join(timeout)

    monkeypatch.setattr(job, "_join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        job.wait()
    assert job.state == "cancelled"


def in_a_loop(coroutine):
    """Run it on a thread of its own: the tests' main thread may have a loop, as a kernel's has."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def test_await() -> None:
    async def main() -> tuple[int, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        task = asyncio.create_task(tick())
        value = await Job(lambda context: time.sleep(0.1) or 7).start()
        task.cancel()
        return value, ticks

    value, ticks = in_a_loop(main())
    assert value == 7
    assert ticks > 2


def test_await_raises_what_the_work_raised() -> None:
    async def main() -> None:
        await Job(lambda context: int("x")).start()

    with pytest.raises(ValueError, match="invalid literal"):
        in_a_loop(main())


def test_updates_are_throttled_and_the_end_is_told() -> None:
    seen: list[tuple[str, int]] = []

    def work(context: JobContext) -> None:
        for k in range(2001):
            context.update(k, 2000)

    began = time.monotonic()
    job = Job(work).on_update(lambda j: seen.append((j.state, j.progress.done))).start().wait(10)
    tenths = (time.monotonic() - began) / 0.1
    assert job.state == "finished"
    assert seen[-1] == ("finished", 2000)
    assert len(seen) <= tenths + 3
    late: list[str] = []
    job.on_update(lambda j: late.append(j.state))
    assert late == ["finished"]


def test_a_broken_display_does_not_stop_the_work() -> None:
    def broken(job: Job) -> None:
        raise RuntimeError("the browser is gone")

    job = Job(lambda context: context.update(1, 1) or 5).on_update(broken).start()
    assert job.result(5) == 5


def test_only_the_last_jobs_are_kept() -> None:
    for _ in range(60):
        Job(lambda context: None).start().wait(5)
    assert len(jobs()) <= 51

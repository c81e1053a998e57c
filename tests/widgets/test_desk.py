"""The thread on which panels work."""

import threading
import time

from labkit.widgets.desk import Desk


def test_newest_of_a_key_wins_and_nothing_runs_on_the_asking_thread():
    desk, done, gate = Desk(), [], threading.Event()
    desk.post(lambda: gate.wait(5))
    for k in range(100):
        desk.post(lambda k=k: done.append((k, threading.get_ident())), "slider")
    gate.set()
    assert desk.settle()
    ((last, thread),) = done
    assert last == 99
    assert thread != threading.get_ident()
    desk.close()


def test_an_error_is_told_and_work_goes_on():
    told, done = [], []
    desk = Desk(told.append)
    desk.post(lambda: 1 / 0)
    desk.post(lambda: done.append(1))
    assert desk.settle()
    assert [type(e) for e in told] == [ZeroDivisionError]
    assert done == [1]
    desk.close()


def test_what_is_done_again_and_again_can_be_stopped():
    desk, done = Desk(), []
    desk.every(0.01, lambda: done.append(1), "watch")
    desk.every(0.01, lambda: done.append(2), "watch")  # once is enough
    end = time.monotonic() + 10
    while len(done) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    desk.stop("watch")
    desk.settle()
    time.sleep(0.05)
    count = len(done)
    time.sleep(0.1)
    assert len(done) == count >= 3
    assert set(done) == {1}
    desk.close()


def test_a_closed_desk_takes_nothing():
    desk, done = Desk(), []
    desk.post(lambda: done.append(1))
    assert desk.settle()
    desk.close()
    desk.post(lambda: done.append(2))
    time.sleep(0.05)
    assert done == [1]

"""The inbox: one thread, in order, until it is closed."""

import sys
import threading

import pytest

from labkit.widgets import inbox as inbox_module
from labkit.widgets.inbox import Inbox, Rank


@pytest.fixture
def inbox():
    inbox = Inbox()
    yield inbox
    inbox.close()


def test_gestures_come_before_pictures_and_looks_each_in_their_order(inbox):
    go, seen = threading.Event(), []
    inbox.put(lambda: go.wait(20))
    for k, rank in enumerate((Rank.LOOK, Rank.GESTURE, Rank.PICTURE, Rank.GESTURE, Rank.LOOK)):
        inbox.put(lambda k=k: seen.append(k), rank)
    go.set()
    inbox.close()  # what has arrived is done
    assert seen == [1, 3, 2, 0, 4]


def test_what_goes_wrong_does_not_stop_what_comes_after_it(inbox, monkeypatch):
    done, logged = threading.Event(), []
    monkeypatch.setattr(inbox_module.log, "exception", lambda *_a: logged.append(sys.exc_info()[1]))
    inbox.put(lambda: 1 / 0)
    inbox.put(done.set)
    assert done.wait(20)
    (problem,) = logged
    assert isinstance(problem, ZeroDivisionError)


def test_after_it_is_closed_nothing_is_done_and_no_thread_begins(inbox):
    inbox.put(lambda: None)
    inbox.close()
    before, seen = set(threading.enumerate()), []
    inbox.put(lambda: seen.append(1))
    assert set(threading.enumerate()) <= before
    inbox.close()
    assert seen == []


def test_work_may_close_it(inbox):
    done = threading.Event()

    def work():
        inbox.close()
        done.set()

    inbox.put(work)
    assert done.wait(20)


def test_it_leaves_the_process_as_it_was(inbox):
    before = sys.getswitchinterval()
    done = threading.Event()
    inbox.put(done.set)
    assert done.wait(20)
    assert sys.getswitchinterval() == before

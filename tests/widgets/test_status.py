"""What a kernel says to JupyterLab's status bar."""

import sys
import threading
import types

import pytest

from labkit.runs.jobs import Job
from labkit.widgets import status


@pytest.fixture
def sent(monkeypatch):
    """The messages of a kernel; the thread that sends them is not started."""
    messages = []

    def send(socket, kind, content, **_):
        messages.append((socket, kind, content))

    targets = {}
    kernel = types.SimpleNamespace(
        session=types.SimpleNamespace(send=send),
        iopub_socket="iopub",
        comm_manager=types.SimpleNamespace(register_target=targets.__setitem__),
        targets=targets,
    )
    shell = types.SimpleNamespace(kernel=kernel)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(status, "_last", (0.0, None))
    monkeypatch.setattr(status, "_sessions", [])
    monkeypatch.setattr(status, "_thread", None)
    messages_of = types.SimpleNamespace(kernel=kernel, messages=messages)
    return messages_of


def said(sent):
    return [content["data"][status.MIME] for _socket, _kind, content in sent.messages]


class Session:
    done = 3

    def progress(self):
        return self.done, 24


def test_the_progress_of_the_session_that_is_open_is_sent_when_it_changes(sent):
    session = Session()
    status.watch(session)
    assert status.publish()
    assert not status.publish()
    session.done = 4
    assert status.publish()
    assert [(s["done"], s["total"]) for s in said(sent)] == [(3, 24), (4, 24)]


def test_a_session_that_nobody_holds_is_shown_no_more(sent):
    first, second = Session(), Session()
    first.done = 1
    status.watch(first)
    status.watch(second)
    assert status.current()["done"] == 3
    del second
    assert status.current()["done"] == 1
    del first
    assert status.current()["done"] is None


def test_a_job_is_shown_while_it_runs(sent):
    go, seen = threading.Event(), threading.Event()

    def work(context):
        context.update(12, 48)
        seen.set()
        go.wait(30)

    job = Job(work, "predict").start()
    assert seen.wait(30)
    assert status.publish()
    go.set()
    job.result(30)
    assert status.publish()
    rows = [[j for j in s["jobs"] if j["name"] == "predict"] for s in said(sent)]
    assert rows == [[{"name": "predict", "state": "running", "done": 12, "total": 48}], []]


def test_a_long_job_keeps_its_kernel_from_looking_idle(sent, monkeypatch):
    job = {"name": "track", "state": "running", "done": 0, "total": 0}
    monkeypatch.setattr(status, "_running", lambda: [job])
    clock = [1000.0]
    monkeypatch.setattr(status.time, "monotonic", lambda: clock[0])
    assert status.publish()
    clock[0] += 59
    assert not status.publish()
    clock[0] += 1
    assert status.publish()


def test_the_message_updates_a_display_that_nobody_has_made(sent):
    status.publish(again=True)
    ((socket, kind, content),) = sent.messages
    assert (socket, kind) == ("iopub", "update_display_data")
    assert content["transient"] == {"display_id": "labkit-status"}
    assert set(content["data"]) == {status.MIME}


def test_outside_of_a_jupyter_server_nothing_is_sent(sent, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    status.announce()
    assert not sent.kernel.targets
    assert not sent.messages
    monkeypatch.delitem(sys.modules, "IPython")
    assert not status.publish(again=True)

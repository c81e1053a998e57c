"""Who clicks, in a server that several people share."""

import sys
import types

import pandas as pd
import pytest

from labkit.core.errors import InputError
from labkit.widgets import visitor as visitors
from labkit.widgets.visitor import clicker, listen, remember, visitor

ANA = {"username": "ana", "name": "Ana Lima"}


@pytest.fixture(autouse=True)
def kernel(monkeypatch):
    """A kernel in which the page 'page-1' asks for something."""
    targets = {}
    kernel = types.SimpleNamespace(
        parent={"header": {"session": "page-1"}},
        get_parent=lambda _channel: kernel.parent,
        comm_manager=types.SimpleNamespace(register_target=targets.__setitem__),
        targets=targets,
    )
    shell = types.SimpleNamespace(kernel=kernel)
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setattr(visitors, "_visitors", type(visitors._visitors)())
    monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
    monkeypatch.delenv("LABKIT_REVIEWER", raising=False)
    return kernel


class Channel:
    def on_msg(self, heard):
        self.heard = heard

    def on_close(self, closed):
        self.closed = closed


def message(client, data):
    return {"header": {"session": client}, "content": {"data": data}}


def test_each_page_says_who_is_there(kernel):
    heard = []
    listen(kernel, lambda: heard.append(1))
    channel = Channel()
    kernel.targets[visitors.TARGET](channel, message("page-1", ANA))
    channel.heard(message("page-2", {"username": "bo", "name": ""}))
    assert visitor().name == "Ana Lima"
    kernel.parent = {"header": {"session": "page-2"}}
    assert (visitor().username, visitor().name) == ("bo", "bo")
    assert visitor("page-3") is None
    assert len(heard) == 2


@pytest.mark.parametrize("said", [{}, {"username": 7}, {"username": " "}, {"name": "Ana"}])
def test_a_page_that_says_nothing_usable_is_nobody(said):
    assert remember("page-1", said) is None
    assert visitor() is None


def test_names_are_cut_and_pages_forgotten():
    for k in range(200):
        remember(f"page-{k}", {"username": f"u{k}\n" + "x" * 500})
    assert visitor("page-0") is None
    assert len(visitor("page-199").username) <= 120
    assert "\n" not in visitor("page-199").username


def session(reviewer="owner", **given):
    fields = {"reviewer": reviewer, "scripted": False, "scope": "shared", "signed": None}
    return types.SimpleNamespace(**fields | given)


def test_in_a_hub_a_gesture_is_signed_by_who_clicks(monkeypatch):
    remember("page-1", ANA)
    assert clicker(session()) is None  # no hub: the random name of a page says nothing
    monkeypatch.setenv("JUPYTERHUB_USER", "owner")
    assert clicker(session()) == "ana"
    assert clicker(session("bo", signed="bo")) == "ana"


def test_a_name_that_was_given_stays(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "owner")
    remember("page-1", ANA)
    assert clicker(session("carl")) is None
    assert clicker(session(scope="own")) is None
    assert clicker(session(scripted=True)) is None
    monkeypatch.setenv("LABKIT_REVIEWER", "desk 3")
    assert clicker(session("desk 3")) is None


def test_without_the_extension_the_owner_decides(monkeypatch, kernel):
    monkeypatch.setenv("JUPYTERHUB_USER", "owner")
    assert clicker(session()) is None
    kernel.parent = {}
    assert visitor() is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert visitor() is None


def test_what_follows_a_signature_is_under_that_name_and_undone_by_its_owner(tmp_path):
    from labkit.demo import write_stills
    from labkit.project import Project
    from labkit.store.schema import PROPOSAL_COLUMNS

    with Project.create(tmp_path / "p", labels=["bolt"]) as p:
        frames = p.add_frames(write_stills(tmp_path / "scenes", 2, seed=1)).frame_ids
        queue = pd.DataFrame({"frame_id": list(frames)})
        from labkit.review import ReviewSession

        nothing = pd.DataFrame(columns=list(PROPOSAL_COLUMNS))
        with ReviewSession(p, queue, nothing, threshold=0.5, reviewer="owner") as s:
            s.accept_frame()
            s.sign("ana")
            s.next()
            s.accept_frame()
            assert p.decisions()["reviewer"].tolist() == ["owner", "ana"]
            s.undo()
            assert s.undo() is None  # the other decision is not hers
            s.sign("owner")
            assert s.undo() == frames[0]
        with (
            ReviewSession(p, queue, nothing, threshold=0.5, reviewer="a", scope="own") as own,
            pytest.raises(InputError),
        ):
            own.sign("b")

"""The examples in the docstrings of public names run, each on projects of its own."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import shutil

import pytest

import labkit as lk
from labkit.demo.files import write_stills
from labkit.demo.oracle import truth

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    names = [m.name for m in pkgutil.walk_packages(lk.__path__, "labkit.")]
    names.remove("labkit.__main__")  # it is the command line
    found = [t for name in names for t in finder.find(importlib.import_module(name), name)]
    return sorted((t for t in found if t.examples), key=lambda t: t.name)


def review(p: lk.Project) -> None:
    """Let a script that knows the truth review everything."""
    with p.review(reviewer="script", scripted=True) as session:
        lk.ScriptedReviewer(truth(p)).play(session)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with ``images/``, ``screws/`` and ``reviewed/``, as the examples take it to be."""
    root = tmp_path_factory.mktemp("examples")
    write_stills(root / "images", 6, seed=1)
    for name in ("screws", "reviewed"):
        with lk.Project.create(root / name, labels=["nut", "bolt", "washer"]) as p:
            p.add_frames(root / "images")
            p.predict("yolo-nano", progress=None)
            if name == "reviewed":
                review(p)
    return root


@pytest.mark.parametrize("example", examples(), ids=lambda t: t.name.removeprefix("labkit."))
def test_an_example_does_what_it_says(example, desk, tmp_path, monkeypatch):
    shutil.copytree(desk, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    with lk.Project.open("screws") as p, lk.Project.open("reviewed") as reviewed:
        example.globs.update(lk=lk, p=p, reviewed=reviewed)
        doctest.DocTestRunner(optionflags=FLAGS).run(example, out=said.append)
    assert not said, "".join(said)

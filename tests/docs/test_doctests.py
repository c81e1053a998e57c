"""The examples in the docstrings of public names run, each on a project of its own."""

from __future__ import annotations

import doctest
import importlib
import shutil

import pytest

import labkit as lk
from labkit.demo.files import write_stills

MODULES = [
    "labkit.core.errors",
    "labkit.project.exchanging",
    "labkit.project.frames",
    "labkit.project.models",
    "labkit.project.project",
    "labkit.project.reviewing",
    "labkit.project.tracks",
    "labkit.store.folder",
    "labkit.store.project",
    "labkit.widgets.bench",
    "labkit.widgets.reviewer",
]

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [t for m in MODULES for t in finder.find(importlib.import_module(m), m)]
    return sorted((t for t in found if t.examples), key=lambda t: t.name)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with ``images/`` and ``screws/``, as the examples take it to be."""
    root = tmp_path_factory.mktemp("examples")
    write_stills(root / "images", 6, seed=1)
    shutil.rmtree(root / "images" / "truth", ignore_errors=True)
    with lk.Project.create(root / "screws", labels=["nut", "bolt", "washer"]) as p:
        p.add_frames(root / "images")
        p.predict("yolo-nano", progress=None)
    return root


@pytest.mark.parametrize("example", examples(), ids=lambda t: t.name.removeprefix("labkit."))
def test_an_example_does_what_it_says(example, desk, tmp_path, monkeypatch):
    shutil.copytree(desk, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    with lk.Project.open("screws") as p:
        example.globs.update(lk=lk, p=p)
        doctest.DocTestRunner(optionflags=FLAGS).run(example, out=said.append)
    assert not said, "".join(said)

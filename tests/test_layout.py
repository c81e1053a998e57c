"""Tests are found by the name of the module that they test, and pages name files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"

TOPICS = {
    "browser": "the bench in a real browser",
    "compat": "projects that an earlier labkit made",
    "docs": "the pages' and docstrings' code, and what they have to name",
    "notebooks": "every notebook, under papermill",
    "services": "PostgreSQL",
    "training": "the scripts that make the small models",
}
"""Folders whose tests are about a topic, not about a module."""

CROSSING = {
    "test_kill.py": "a process is killed",
    "test_threads.py": "several threads at once",
    "test_real_models.py": "the models that come with labkit",
    "test_real_trackers.py": "the trackers that come with labkit",
    "test_progress.py": "what a job shows while it runs",
}
"""Files that test several modules of one package at once."""

ABOUT_THE_TREE = {"test_front_ends.py", "test_layout.py", "test_packaging.py", "test_wheel.py"}


def files() -> list[str]:
    return sorted(path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py"))


@pytest.mark.parametrize("file", files())
def test_a_test_file_is_named_after_a_module_or_a_topic(file: str) -> None:
    *folders, name = file.split("/")
    if not folders:
        assert name in ABOUT_THE_TREE
        return
    if folders[0] in TOPICS or name in CROSSING:
        return
    places = ROOT.joinpath("labkit", *folders), ROOT / "labkit" / folders[0]
    modules = [place / name.removeprefix("test_") for place in places]
    assert any(m.exists() or m.with_suffix("").is_dir() for m in modules)


def test_contributing_names_every_topic() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    names = [*(f"tests/{folder}" for folder in TOPICS), *CROSSING]
    assert [n for n in names if f"`{n}`" not in text] == []


def test_every_topic_is_still_there() -> None:
    assert [n for n in TOPICS if not list((TESTS / n).glob("test_*.py"))] == []
    assert [n for n in CROSSING if not list(TESTS.rglob(n))] == []


def test_the_pages_name_files_that_exist() -> None:
    pages = [ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    pattern = r"(?:labkit|extensions|tests|benchmarks)/[\w./-]+\.(?:py|ts|md)\b"
    named = {name for page in pages for name in re.findall(pattern, page.read_text("utf-8"))}
    assert len(named) >= 15
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_a_pressed_key_is_saved_by_eight_files_at_most() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    way = page.split("## A key is pressed")[1].split("```")[1]
    files = re.findall(r"^ (\d) +(\S+)", way, re.M)
    assert [int(number) for number, _ in files] == list(range(1, len(files) + 1))
    assert 1 <= len(files) <= 8
    for _, file in files:
        assert (ROOT / file).exists()
    functions = dict(re.findall(r"^ \d +(\S+) +(\w+)\(\)", way, re.M))
    assert len(functions) == len(files)
    for file, function in functions.items():
        assert re.search(rf"\b{function}\(", (ROOT / file).read_text("utf-8")), (file, function)

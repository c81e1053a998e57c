"""Public verbs spell out their arguments and show how they are called."""

from __future__ import annotations

import inspect
import re

import pytest

import labkit as lk

FORMAT_OPTIONS = {"Project.export", "Project.import_annotations", "Project.read_labels"}
"""A format's own options are open by design: they are the keyword arguments of its class."""


def methods(cls: type) -> dict[str, object]:
    found = {cls.__name__: cls}
    for name, raw in inspect.getmembers_static(cls):
        function = getattr(raw, "__func__", raw)
        ours = inspect.isfunction(function) and function.__module__.startswith("labkit.")
        if ours and not name.startswith("_"):
            found[f"{cls.__name__}.{name}"] = getattr(cls, name)
    return found


def verbs() -> dict[str, object]:
    found = {f"metrics.{name}": getattr(lk.metrics, name) for name in lk.metrics.__all__}
    for name in lk.__all__:
        value = getattr(lk, name)
        if inspect.isclass(value) and not issubclass(value, Exception):
            found |= methods(value)
        elif callable(value):
            found[name] = value
    return found


VERBS = verbs()
SHOWN = sorted(name for name in VERBS if name.startswith("Project"))


def test_the_public_names_are_those_of_the_design():
    assert {"Project", "Prompts", "Shape", "Which", "FrameReader", "Reviewer"} <= set(lk.__all__)
    assert {"Project.predict", "Project.export", "metrics.summary"} <= set(VERBS)


@pytest.mark.parametrize("name", sorted(VERBS))
def test_no_argument_hides_behind_two_stars(name):
    kinds = {p.kind for p in inspect.signature(VERBS[name]).parameters.values()}
    allowed = name in FORMAT_OPTIONS
    assert (inspect.Parameter.VAR_KEYWORD in kinds) <= allowed


@pytest.mark.parametrize("name", SHOWN)
def test_each_argument_is_described(name):
    verb = VERBS[name]
    if inspect.isclass(verb):
        return
    text = inspect.getdoc(verb) or ""
    section = re.search(r"Parameters\n-+\n(.*?)(\n\n[A-Z]|$)", text, re.DOTALL)
    said = set(re.findall(r"\w+", section[1])) if section else set()
    asked = [p for p in inspect.signature(verb).parameters if p not in ("self", "cls")]
    assert [p for p in asked if p not in said] == []


@pytest.mark.parametrize("name", SHOWN)
def test_there_is_an_example(name):
    assert "Examples\n-----" in (inspect.getdoc(VERBS[name]) or "")

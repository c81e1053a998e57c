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
FUNCTIONS = sorted(n for n in VERBS if n.startswith(("Project.", "metrics.")) or n == "jobs")
"""Verbs that explain themselves. The methods of a session and a widget are explained together, by
the text and the example of their class."""

CLASSES = sorted(name for name, verb in VERBS.items() if inspect.isclass(verb))


def test_the_public_names_are_those_of_the_design():
    assert {"Project", "Prompts", "Shape", "Which", "FrameReader", "Reviewer"} <= set(lk.__all__)
    assert {"Project.predict", "Project.export", "metrics.summary"} <= set(VERBS)


@pytest.mark.parametrize("name", sorted(VERBS))
def test_no_argument_hides_behind_two_stars(name):
    kinds = {p.kind for p in inspect.signature(VERBS[name]).parameters.values()}
    assert (inspect.Parameter.VAR_KEYWORD in kinds) == (name in FORMAT_OPTIONS)


def described(verb) -> set[str]:
    """The words of the section of a docstring that names the arguments."""
    text = inspect.getdoc(verb) or ""
    section = re.search(r"(?:Parameters|Attributes)\n-+\n(.*?)(?:\n\n[A-Z]|$)", text, re.DOTALL)
    return set(re.findall(r"\w+", section[1])) if section else set()


@pytest.mark.parametrize("name", [n for n in (*FUNCTIONS, *CLASSES) if n != "Project"])
def test_each_argument_is_described(name):
    asked = [p for p in inspect.signature(VERBS[name]).parameters if p not in ("self", "cls")]
    said = described(VERBS[name])
    assert [p for p in asked if p not in said] == []


@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES])
def test_there_is_an_example(name):
    result = {"metrics.Drift", "metrics.Roi", "metrics.ThresholdAdvice"}  # a verb's answers
    assert "Examples\n-----" in (inspect.getdoc(VERBS[name]) or "") or name in result

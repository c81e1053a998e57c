"""The project's verbs pass on each argument as it is, with the default of the work behind it."""

from __future__ import annotations

import inspect

import pytest

import labkit as lk
from labkit import exchange, queue, report, review, runs, tracking
from labkit.runs import refine

VERBS = {
    "predict": (runs, "predict_job"),
    "refine": (refine, "refine_job"),
    "track": (tracking, "track_job"),
    "retrack": (tracking, "retrack_job"),
    "associate": (runs, "associate_job"),
    "queue": (queue, "rank"),
    "rerank": (queue, "rerank"),
    "review": (review, "ReviewSession"),
    "export": (exchange, "export"),
    "import_annotations": (exchange, "import_annotations"),
    "read_labels": (exchange, "read_labels"),
    "report": (report, "write_report"),
}

GIVEN_BY_THE_PROJECT = {
    "queue": {"proposals", "frames", "states", "label_map", "walked"},
    "rerank": {"proposals", "frames", "states", "decisions", "label_map", "walked"},
    "review": {"proposals", "clock", "source"},
    "export": {"reader"},
}

OWN = {"weights", "wait", "run", "decided", "conf", "queue", "scripted", "path"}
"""What the project's verbs take in a way of their own."""


def parameters(call):
    return {n: p for n, p in inspect.signature(call).parameters.items() if n != "self"}


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_that_the_work_takes_is_missing_or_has_another_default(verb):
    module, name = VERBS[verb]
    mine = parameters(getattr(lk.Project, verb))
    there = parameters(getattr(module, name))
    given = GIVEN_BY_THE_PROJECT.get(verb, set())
    assert set(there) - set(mine) <= given | {"project", "detector", "options"}
    for key in set(mine) & set(there) - OWN:
        assert mine[key].default == there[key].default, key


@pytest.mark.parametrize("verb", ["predict", "refine", "track", "retrack", "associate"])
def test_each_argument_arrives(verb, tmp_path, monkeypatch):
    got = {}

    def record(*args, **named):
        got.update(inspect.signature(real).bind(*args, **named).arguments)
        return got

    module, name = VERBS[verb]
    real = getattr(module, name)
    monkeypatch.setattr(module, name, record)
    with lk.Project.create(tmp_path / "p") as project:
        given = {key: object() for key in parameters(getattr(lk.Project, verb))} | {"wait": False}
        assert getattr(project, verb)(**given) is got
        assert got.pop("project") is project
    given["detector"] = given.get("weights")
    assert all(given[key] is value for key, value in got.items())
    assert set(got) >= set(given) - {"wait", "weights", "detector"}

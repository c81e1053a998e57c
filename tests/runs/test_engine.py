"""The life of a run: recognised, replaced, locked, closed in whatever way it ends."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Generator, Mapping
from typing import Any

import fakes
import numpy as np
import pytest
from fakes import FakeDetector, GreyReader
from filelock import FileLock
from waiting import predict

from labkit.core.errors import CancelledError, InputError, StoreError
from labkit.core.types import Proposal, Shape
from labkit.runs.engine import OpenRun, Part, Spec, close_abandoned, new_manifest, start
from labkit.runs.jobs import JobContext
from labkit.store.proposals import RunStore

GIVEN = {"reader": GreyReader(), "progress": None, "batch": 4}


def detector(name: str = "fake", **params: Any) -> FakeDetector:
    made = FakeDetector()
    made.info = dataclasses.replace(made.info, name=name, params=params)
    return made


def test_a_run_is_recognised_whatever_types_its_parameters_have(make_project) -> None:
    project = make_project(6)
    odd = {"size": (32, 64), "scale": np.float32(0.5), "steps": np.arange(3), "none": None}
    first = predict(project, detector(**odd), **GIVEN)
    again = detector(**odd)
    assert predict(project, again, **GIVEN) == first
    assert again.batches == []  # nothing was done twice
    kept = json.loads((project.root / "runs" / first / "run.json").read_text())["params"]
    assert kept["size"] == [32, 64]
    assert kept["steps"] == [0, 1, 2]


def test_a_run_that_replaces_is_made_again_where_there_is_more_to_replace(make_project) -> None:
    project = make_project(6)
    first = predict(project, detector("a"), replace=True, **GIVEN)
    assert predict(project, detector("a"), replace=True, **GIVEN) == first  # nothing to replace
    other = predict(project, detector("b"), **GIVEN)
    newer = predict(project, detector("a"), replace=True, **GIVEN)
    assert newer != first
    assert set(project.proposals()["run_id"].astype(str)) == {newer}
    assert set(project.run(newer).manifest.replaces) == {first, other}
    assert predict(project, detector("a"), replace=True, **GIVEN) == newer
    assert predict(project, detector("a"), **GIVEN) == first  # it replaces nothing


class Numbers:
    """A step whose parts are empty, and which can be stopped before one of them."""

    def __init__(self, stop: BaseException | None = None, before: int = 2) -> None:
        self.stop, self.before = stop, before
        self.made: list[int] = []

    def parts(self, run: RunStore, context: JobContext) -> Generator[Part]:
        for part in run.missing_parts():
            if self.stop is not None and part == self.before:
                raise self.stop
            self.made.append(part)
            yield Part(part, [], dropped={"none": 1})

    def counts(self) -> Mapping[str, int]:
        return {"made": len(self.made)}

    def summary(self, run: RunStore) -> str:
        return f"{run.n_parts} parts"


def spec_of(project, **more: Any) -> Spec:
    manifest = new_manifest("numbers", "import", params={}, part_size=2)
    return Spec(manifest, tuple(project.frames()["frame_id"]), **more)


@pytest.mark.parametrize(
    ("stop", "status"),
    [
        (CancelledError("Stop"), "cancelled"),
        (StoreError("Full"), "failed"),
        (SystemExit(), "failed"),
    ],
)
def test_a_run_that_is_stopped_continues_at_the_first_missing_part(
    make_project, stop: BaseException, status: str
) -> None:
    project = make_project(8)
    with pytest.raises(type(stop)):
        start(project, "numbers", lambda _: (spec_of(project), Numbers(stop)), None).result()
    [manifest] = project.runs()
    assert manifest.status == status
    assert manifest.dropped == {"none": 2}
    step = Numbers()
    assert start(project, "numbers", lambda _: (spec_of(project), step), None).result() == (
        manifest.run_id
    )
    assert step.made == [2, 3]
    [manifest] = project.runs()
    assert (manifest.status, manifest.counts) == ("finished", {"made": 2})


def test_what_somebody_else_is_at_is_left_alone(make_project) -> None:
    project = make_project(4)
    held = OpenRun.find_or_create(project, spec_of(project))
    other = OpenRun.find_or_create(project, spec_of(project))
    assert other.store.run_id != held.store.run_id
    close_abandoned(project, lambda _manifest: True)
    assert {m.status for m in project.runs()} == {"running"}
    for run in (held, other):
        run.close()
    assert OpenRun.find_or_create(project, spec_of(project)).store.run_id == other.store.run_id


def test_where_another_process_takes_a_new_run_first_there_is_one_more(
    make_project, monkeypatch
) -> None:
    project, taken = make_project(4), []

    def quicker(store: RunStore) -> FileLock | None:
        if not taken:
            taken.append(FileLock(store.folder / ".lock"))
            taken[0].acquire(timeout=0)  # what the other process does
        return try_lock(store)

    try_lock = RunStore.try_lock
    monkeypatch.setattr(RunStore, "try_lock", quicker)
    with OpenRun.create(project, spec_of(project)) as run:
        assert run.store.run_id == "r0002-numbers"
    taken[0].release()


def test_a_run_whose_process_has_died_is_closed_with_its_parts(make_project) -> None:
    project = make_project(4)
    run = OpenRun.create(project, spec_of(project))
    run.write(Part(0, []))
    run.release()  # as the system does when a process dies
    close_abandoned(project, lambda manifest: manifest.kind == "import")
    [manifest] = project.runs()
    assert manifest.status == "finished"
    assert project.run(manifest.run_id).missing_parts() == [1]


def test_an_error_that_leaves_the_block_closes_the_run(make_project) -> None:
    project = make_project(4)
    with pytest.raises(ZeroDivisionError), OpenRun.create(project, spec_of(project)):
        _ = 1 / 0
    assert project.runs()[0].status == "failed"
    with OpenRun.create(project, spec_of(project)):
        pass
    assert project.runs()[1].status == "finished"


def test_the_frames_of_a_run_are_part_of_what_it_is(make_project) -> None:
    project = make_project(6)
    ids = [f.frame_id for f in fakes.frames(6)]
    whole = predict(project, detector(), **GIVEN)
    assert predict(project, detector(), frames=ids[:3], **GIVEN) != whole
    assert predict(project, detector(), frames=ids, **GIVEN) == whole


@pytest.mark.parametrize("score", [87.5, -0.1, float("nan")])
def test_a_score_that_is_none_ends_the_run_and_names_the_detector(make_project, score) -> None:
    project = make_project(3)
    wrong = detector("blobs")
    frame = fakes.frames(3)[0]
    found = [Proposal(frame.frame_id, 0, "cat", score, Shape((1, 1, 9, 9)))]
    wrong.detect = lambda images, frames: [found for _ in images]
    with pytest.raises(InputError, match="'blobs' cannot be used: it gave the score"):
        predict(project, wrong, **GIVEN)
    assert project.proposals(project.runs()[0].run_id).empty

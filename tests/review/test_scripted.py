"""A scripted reviewer leaves the truth behind when it makes no slips, and is always marked."""

from __future__ import annotations

import pytest
from review.conftest import queue_of

from labkit.core.errors import InputError
from labkit.core.matching import match_boxes
from labkit.review import ScriptedReviewer, Slips

EXACT = Slips(0, 0, 0, 0)
BOX = ["x1", "y1", "x2", "y2"]


def play(project, seed: int = 0, slips: Slips = EXACT, **more: object):
    session = project.review(queue_of(project, project.seen_run), "bot", scripted=True)
    reviewer = ScriptedReviewer(
        project.proposals(project.truth_run), seed=seed, slips=slips, **more
    )
    reviewer.play(session)
    return session


def kept(project):
    df = project.annotations(project.seen_run)
    return df[df["state"].isin(["accepted", "edited", "added"])]


def test_without_slips_the_truth_remains(project) -> None:
    session = play(project)
    assert session.progress() == (4, 4)
    truth = project.proposals(project.truth_run)
    found = kept(project)
    assert len(found) == len(truth)
    for frame_id, want in truth.groupby("frame_id", observed=True):
        have = found[found["frame_id"] == frame_id]
        pairs = match_boxes(
            have[BOX],
            want[BOX],
            0.75,
            have["label"].to_numpy(str),
            want["label"].astype(str).to_numpy(),
        )
        assert len(pairs.i) == len(want)


def test_it_is_marked_in_every_row(project) -> None:
    play(project)
    rows = project.decisions()
    assert rows["scripted"].all()
    assert set(rows["tool"]) == {"script"}
    assert rows["active_s"].sum() > 0


def test_a_session_for_people_is_refused(project) -> None:
    session = project.review(queue_of(project, project.seen_run), "ana")
    with pytest.raises(InputError, match="scripted=True"):
        ScriptedReviewer(project.proposals(project.truth_run)).play(session)
    assert not len(project.decisions())


def test_slips_are_made_at_their_rate(project) -> None:
    play(project, slips=Slips(1, 1, 1, 1))
    assert set(project.decisions()["kind"]) == {"accept_frame", "accept"}


def test_the_same_seed_plays_the_same(tmp_path) -> None:
    from review.conftest import make_project

    told = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        with make_project(tmp_path / name) as p:
            play(p, seed, Slips(0.5, 0.5, 0.5, 0.5, 3.0))
            told.append(kept(p)[["frame_id", "label", *BOX]].to_numpy().tolist())
    assert told[0] == told[1] != told[2]


def test_hopeless_frames_go_to_hand_labelling(project) -> None:
    play(project, hand_above=1)
    assert len(project.hand_list()) == 4


@pytest.mark.parametrize("bad", [{"mislabel": 1.5}, {"overlook_miss": -1}, {"jitter_px": -1}])
def test_impossible_slips(bad) -> None:
    with pytest.raises(InputError, match="must be in 0"):
        Slips(**bad)

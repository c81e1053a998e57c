"""Each score on frames whose answer can be counted by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import frames_frame, proposals_frame

from labkit.core.errors import InputError, NotFoundError
from labkit.core.tracks import Walked
from labkit.queue import build_context, rank, score_table, scores

A = (0, 0, 100, 100)
FAR = (300, 300, 400, 400)


def shifted(dx: float) -> tuple[float, float, float, float]:
    """The box A moved right: IoU with A is (100 - dx) / (100 + dx)."""
    return (dx, 0, 100 + dx, 100)


def scored(name: str, rows: list[dict], ids: list[str] | None = None, **more) -> list[float]:
    frames = frames_frame(ids or ["f0", "f1"])
    context = build_context(proposals_frame(rows), frames, **more)
    return scores[name](context).tolist()


def boxes(*values: float, frame: str = "f0", **more) -> list[dict]:
    return [
        {"frame_id": frame, "box": (200 * k, 0, 200 * k + 100, 100), "score": v, **more}
        for k, v in enumerate(values)
    ]


def video(*frames: list[dict], group: str = "v.mp4") -> tuple[list[dict], pd.DataFrame]:
    ids = [f"f{k}" for k in range(len(frames))]
    rows = [{"frame_id": ids[k], **row} for k, frame in enumerate(frames) for row in frame]
    table = frames_frame(ids, group=group)
    return rows, table.assign(index=range(len(ids)))


def flicker(*frames: list[dict], **more) -> list[float]:
    rows, table = video(*frames)
    return scores["flicker"](build_context(proposals_frame(rows), table, **more)).tolist()


def test_borderline_counts_both_ends_of_the_interval():
    assert scored("borderline", boxes(0.39, 0.4, 0.5, 0.6, 0.61)) == [3, 0]


def test_borderline_follows_the_interval_that_is_asked_for():
    assert scored("borderline", boxes(0.2, 0.3, 0.5), borderline=(0.2, 0.3)) == [2, 0]


def test_expected_errors_add_false_alarms_above_and_misses_below_the_threshold():
    assert scored("expected-errors", boxes(0.9, 0.5, 0.2)) == pytest.approx([0.1 + 0.5 + 0.2, 0])


def test_expected_errors_follow_the_threshold():
    assert scored("expected-errors", boxes(0.4), conf=0.3) == pytest.approx([0.6, 0])


def test_entropy_is_one_bit_at_a_half_and_nothing_for_sure_boxes():
    quarter = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))
    assert scored("entropy", boxes(0.5, 0.25)) == pytest.approx([1 + quarter, 0], abs=1e-6)
    assert scored("entropy", boxes(1.0)) == pytest.approx([0, 0], abs=1e-5)


def test_pressure_is_the_iou_of_kept_pairs_of_one_label():
    third = (100 - 50) / (100 + 50)
    pair = [{"frame_id": "f0", "box": A}, {"frame_id": "f0", "box": shifted(50)}]
    assert scored("nms-pressure", pair) == pytest.approx([third, 0])
    pair[1]["label"] = "other"
    assert scored("nms-pressure", pair) == [0, 0]
    slight = [{"frame_id": "f0", "box": A}, {"frame_id": "f0", "box": shifted(60)}]
    assert scored("nms-pressure", slight) == [0, 0]  # 0.25: apart enough


def test_crowding_adds_shown_boxes_and_pressure():
    rows = [
        {"frame_id": "f0", "box": A, "score": 0.9},
        {"frame_id": "f0", "box": shifted(50), "score": 0.1},
        {"frame_id": "f0", "box": FAR, "score": 0.5},
    ]
    assert scored("crowding", rows) == pytest.approx([2 + 1 / 3, 0])


def choices(score: float, label_2: str, score_2: float, **more) -> dict:
    return {
        "frame_id": "f0",
        "box": A,
        "label": "bus",
        "score": score,
        "label_2": label_2,
        "score_2": score_2,
        **more,
    }


def test_ambiguity_is_the_harmonic_mean_of_two_close_classes():
    close = 2 * 0.48 * 0.44 / (0.48 + 0.44)
    assert scored("ambiguity", [choices(0.48, "truck", 0.44)]) == pytest.approx([close, 0])


@pytest.mark.parametrize("row", [choices(0.48, "truck", 0.23), choices(0.2, "truck", 0.19)])
def test_a_distant_second_class_or_a_hardly_visible_object_is_not_ambiguous(row):
    assert scored("ambiguity", [row]) == [0, 0]


def test_labels_that_become_one_project_label_are_not_ambiguous():
    row = {**choices(0.48, "truck", 0.44), "label": "vehicle", "model_label": "bus"}
    merged = {"bus": "vehicle", "truck": "vehicle", "person": "person"}
    assert scored("ambiguity", [row], label_map=merged) == [0, 0]
    row |= {"label_3": "person", "score_3": 0.4}
    third = 2 * 0.48 * 0.4 / 0.88
    assert scored("ambiguity", [row], label_map=merged) == pytest.approx([third, 0])


def test_the_label_map_is_read_off_the_proposals_where_none_is_given():
    rows = [
        {**choices(0.48, "truck", 0.44), "label": "vehicle", "model_label": "bus"},
        {"frame_id": "f1", "box": A, "label": "vehicle", "model_label": "truck"},
    ]
    assert scored("ambiguity", rows) == [0, 0]


def test_a_dropped_class_is_still_another_class():
    row = choices(0.48, "truck", 0.44)
    assert scored("ambiguity", [row], label_map={"bus": "bus", "truck": None})[0] > 0.4


def test_without_class_scores_two_labels_on_one_object_are_ambiguous():
    def pair(label: str, dx: float) -> list[dict]:
        one = {"frame_id": "f0", "box": A, "label": "bus", "score": 0.5}
        return [one, {"frame_id": "f0", "box": shifted(dx), "label": label, "score": 0.4}]

    assert scored("ambiguity", pair("truck", 10)) == pytest.approx([0.4 / 0.9, 0])
    assert scored("ambiguity", pair("bus", 10)) == [0, 0]
    assert scored("ambiguity", pair("truck", 50)) == [0, 0]  # IoU 0.33: two objects


def test_a_blip_is_an_object_that_neither_neighbour_shows():
    assert flicker([], [{"box": A}], []) == [0, 1, 0]


def test_a_gap_is_an_object_that_only_the_middle_frame_lacks():
    assert flicker([{"box": A}], [{"box": FAR}], [{"box": shifted(10)}])[1] == 2  # and FAR's blip
    assert flicker([{"box": A}], [], [{"box": shifted(10)}]) == [0, 1, 0]
    assert flicker([{"box": A}], [], [{"box": FAR}]) == [0, 0, 0]


def test_steady_moving_entering_and_leaving_objects_do_not_flicker():
    steady = [[{"box": shifted(8 * k)}] for k in range(5)]
    assert flicker(*steady) == [0] * 5
    assert flicker([], [], [{"box": A}], [{"box": A}]) == [0] * 4
    assert flicker([{"box": A}], [{"box": A}], [], []) == [0] * 4


def test_an_object_that_changes_its_label_flickers():
    assert flicker([{"box": A}], [{"box": A, "label": "cat"}], [{"box": A}]) == [0, 2, 0]


def test_hidden_objects_count_as_gone():
    low = {"box": A, "score": 0.3}
    assert flicker([{"box": A}], [low], [{"box": A}]) == [0, 1, 0]
    assert flicker([{"box": A}], [low], [{"box": A}], conf=0.2) == [0, 0, 0]


def test_two_videos_are_not_neighbours_and_photos_never_flicker():
    rows, table = video([], [{"box": A}], [])
    apart = table.assign(group=["a", "a", "b"])
    assert scores["flicker"](build_context(proposals_frame(rows), apart)).tolist() == [0, 0, 0]
    photos = table.assign(index=0, group="photos")
    context = build_context(proposals_frame(rows), photos)
    assert scores["flicker"](context).tolist() == [0, 0, 0]
    context = build_context(proposals_frame(rows), photos, sequences=["photos"])
    assert scores["flicker"](context).tolist() == [0, 1, 0]


def test_flicker_follows_the_index_and_not_the_order_of_adding():
    rows, table = video([{"box": A}], [], [{"box": A}])
    mixed = table.iloc[[2, 0, 1]]
    context = build_context(proposals_frame(rows), mixed)
    assert dict(zip(mixed["frame_id"], scores["flicker"](context), strict=True))["f1"] == 1


def disagreement(one: list[dict], two: list[dict]) -> list[float]:
    return scored("disagreement", one, other=proposals_frame(two))


def test_runs_that_say_the_same_do_not_disagree():
    rows = boxes(0.9, 0.6, 0.3)
    assert disagreement(rows, rows) == [0, 0]


def test_disagreement_counts_lone_boxes_of_both_runs_and_unequal_labels():
    one = [{"frame_id": "f0", "box": A}, {"frame_id": "f1", "box": A, "label": "cat"}]
    two = [{"frame_id": "f0", "box": FAR}, {"frame_id": "f1", "box": shifted(5), "label": "dog"}]
    assert disagreement(one, two) == [2, 1]


def test_disagreement_matches_equal_labels_first():
    one = [
        {"frame_id": "f0", "box": A, "label": "cat"},
        {"frame_id": "f0", "box": A, "label": "dog"},
    ]
    two = [{"frame_id": "f0", "box": A, "label": "dog"}]
    assert disagreement(one, two) == [1, 0]


def test_disagreement_without_a_second_run_says_what_is_missing():
    with pytest.raises(InputError, match="needs a second run"):
        scored("disagreement", boxes(0.9))


def test_random_depends_on_seed_and_frame_alone():
    one = scored("random", boxes(0.9), ids=["f0", "f1"], seed=3)
    more = scored("random", [], ids=["f9", "f1", "f0"], seed=3)
    assert one == more[:0:-1]
    assert one != scored("random", boxes(0.9), seed=4)
    assert all(0 <= v < 1 for v in one)


def test_proposals_without_a_score_or_of_unknown_frames_are_left_out():
    rows = [*boxes(0.5, math.nan), *boxes(0.5, frame="elsewhere")]
    assert scored("borderline", rows) == [1, 0]
    assert scored("entropy", rows) == pytest.approx([1, 0], abs=1e-6)


def test_every_score_copes_with_no_proposals_one_frame_and_no_frames():
    empty = proposals_frame([])
    for ids in (["f0"], []):
        frames = frames_frame(ids)
        table = score_table(build_context(empty, frames, other=empty))
        assert list(table.columns) == scores.names()
        assert not table.drop(columns=["random", "drift"]).to_numpy().any()
        assert len(table) == len(ids)


def test_every_score_tells_its_range_and_keeps_to_it():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 200, (200, 2))
    rows = [
        {"frame_id": f"f{k % 9}", "box": (x, y, x + 80, y + 60), "score": s, "label": label}
        for k, ((x, y), s, label) in enumerate(
            zip(corner, rng.random(200), rng.choice(["a", "b"], 200), strict=True)
        )
    ]
    rows[7] |= {"track_id": 3, "attributes": '[["drift", "area", null]]'}
    frames = frames_frame([f"f{k}" for k in range(9)]).assign(index=range(9))
    other = proposals_frame(rows[::2])
    table = score_table(build_context(proposals_frame(rows), frames, other=other))
    for name in table:
        low, high = scores[name].range
        assert table[name].between(low, high).all(), name
        assert "0" in scores[name].description, name
    assert (table.sum() > 0).all()


def test_only_what_is_needed_may_be_there():
    few = pd.DataFrame(
        {"frame_id": ["f0"], "label": ["a"], "score": [0.5], "x1": 0, "y1": 0, "x2": 9, "y2": 9}
    )
    table = score_table(build_context(few, pd.DataFrame({"frame_id": ["f0"]})))
    assert table["borderline"].tolist() == [1]


def test_missing_columns_doubled_frames_and_unknown_scores_are_named():
    frames = frames_frame(["f0"])
    with pytest.raises(InputError, match="no column 'score'"):
        build_context(pd.DataFrame({"frame_id": [], "label": []}), frames)
    with pytest.raises(InputError, match="twice"):
        build_context(proposals_frame([]), frames_frame(["f0", "f0"]))
    with pytest.raises(NotFoundError, match="did you mean 'entropy'"):
        score_table(build_context(proposals_frame([]), frames), ["entropi"])


def test_all_scores_equal_the_plain_pandas_version(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    from rank import plain_scores, second_run, synthetic

    frames, proposals = synthetic(40, length=20, seed=5)
    other = second_run(proposals)
    mine = score_table(build_context(proposals, frames, other=other)).drop(
        columns=["random", "drift"]
    )
    plain = plain_scores(proposals, frames, other)
    for name in mine:
        np.testing.assert_allclose(mine[name], plain[name], rtol=1e-3, atol=1e-3, err_msg=name)


def tracked(rows: list[tuple[int, int, str | None]]) -> pd.DataFrame:
    """Proposals of tracks: frame, track, reason to look."""
    return proposals_frame(
        [
            {
                "frame_id": f"f{frame}",
                "box": (30, 30, 39, 39),
                "label": "bolt",
                "track_id": track,
                "attributes": None if reason is None else reason,
            }
            for frame, track, reason in rows
        ]
    )


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ('[["drift", "area", null], ["drift_area", 0.48, null]]', "its area halved"),
        ('[["drift", "area", null], ["drift_area", 0.2, null]]', "its area fell to 20 %"),
        ('[["drift", "area", null], ["drift_area", 2.2, null]]', "its area doubled"),
        (
            '[["drift", "area", null], ["drift_area", 7.01, null]]',
            "its area is 7.0 times the usual",
        ),
        (
            '[["iou", 0.4, null], ["drift", "iou", null], ["drift_iou", 0.4, null]]',
            "its mask is uncertain (0.40)",
        ),
        ('[["drift", "size", null]]', "the frames change their size here"),
        ('[["drift", "something new", null]]', "something new"),
    ],
)
def test_a_drifting_track_is_told_of_in_words(attributes, words):
    rows = [(k, 3, attributes if k == 2 else None) for k in range(5)]
    frames = frames_frame([f"f{k}" for k in range(5)]).assign(index=range(5))
    queue = rank(tracked(rows), frames, order="drift")
    assert queue["frame_id"][0] == "f2"
    assert queue["reason"][0] == f"track 3 (bolt): {words}"
    assert queue["score"].tolist() == [1, 0, 0, 0, 0]


def test_a_track_is_lost_where_it_is_gone_for_two_frames():
    rows = [(k, 3, None) for k in (0, 1, 2, 5, 6, 8, 9)] + [(k, 4, None) for k in range(10)]
    frames = frames_frame([f"f{k}" for k in range(10)]).assign(index=range(10))
    table = score_table(build_context(tracked(rows), frames), ["drift"])["drift"]
    assert table[table > 0].index.tolist() == ["f3"]


def lost(rows, walked=None, boxes=None):
    """Frames on which a track is lost, of ten."""
    frames = frames_frame([f"f{k}" for k in range(10)]).assign(index=range(10))
    df = tracked(rows)
    for k, box in (boxes or {}).items():
        df.loc[df["frame_id"].astype(str) == f"f{k}", ["x1", "y1", "x2", "y2"]] = box
    table = score_table(build_context(df, frames, walked=walked), ["drift"])["drift"]
    return table[table > 0].index.tolist()


def test_a_track_is_lost_in_the_direction_of_walking_and_as_far_as_it_was_followed():
    rows = [(k, 3, None) for k in range(4, 8)]
    assert lost(rows) == ["f8"]
    assert lost(rows, {3: Walked((("f4", "f9"),))}) == ["f8"]
    assert lost(rows, {3: Walked((("f4", "f7"),))}) == []
    assert lost(rows, {3: Walked((("f7", "f0"),))}) == ["f3"]
    assert lost(rows, {3: Walked((("f7", "f4"),))}) == []
    assert lost(rows, {3: Walked((("f5", "f9"), ("f5", "f0")))}) == ["f3", "f8"]
    assert lost(rows, {3: Walked((("f4", "f9"),), frozenset({"f8"}))}) == []
    # the keyframe itself may be an annotation, which no run proposes
    assert lost(rows, {3: Walked((("f3", "f7"),))}) == []


def test_an_object_that_leaves_at_the_edge_is_not_lost():
    rows = [(k, 3, None) for k in range(4, 8)]
    assert lost(rows, boxes={7: (0, 30, 9, 39)}) == []
    assert lost(rows, boxes={6: (600, 30, 615, 39), 7: (615, 30, 630, 39)}) == []
    assert lost(rows, boxes={6: (610, 30, 625, 39), 7: (615, 30, 630, 39)}) == ["f8"]
    assert lost(rows, {3: Walked((("f7", "f0"),))}, boxes={4: (30, 440, 39, 480)}) == []


def test_without_tracks_nothing_drifts():
    rows = proposals_frame([{"frame_id": "f0", "box": (0, 0, 9, 9)}])
    ctx = build_context(rows, frames_frame(["f0", "f1"]).assign(index=range(2)))
    assert score_table(ctx, ["drift"])["drift"].tolist() == [0, 0]

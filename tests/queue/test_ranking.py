"""A queue holds every frame once, in a stable order, with a rule and a reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from factories import frames_frame, proposals_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.errors import InputError, NotFoundError
from labkit.queue import QUEUE_COLUMNS, orders, rank, register_score, scores
from labkit.queue.order import Placed

ALONE = [name for name in scores if not scores[name].needs_other]


def at(frame: str, score: float, place: int = 0, label: str = "thing", **more) -> dict:
    box = (150 * place, 0, 150 * place + 100, 100)
    return {"frame_id": frame, "box": box, "score": score, "label": label, **more}


@pytest.fixture
def street() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames that each meet one rule, one that meets none, and one without a box."""
    rows = [at("border", v, k) for k, v in enumerate((0.41, 0.58, 0.5))]
    rows += [at("crowd", 0.95, k) for k in range(12)]
    rows.append(at("unclear", 0.38, label="bus", label_2="truck", score_2=0.34))
    rows.append(at("sure", 0.99))
    frames = frames_frame(["sure", "border", "crowd", "unclear", "empty"])
    return proposals_frame(rows), frames


def test_four_rules_gives_each_frame_its_rule_and_the_reason_in_words(street):
    queue = rank(*street)
    assert list(queue.columns) == list(QUEUE_COLUMNS)
    assert queue["rank"].tolist() == [1, 2, 3, 4, 5]
    by_frame = queue.set_index("frame_id")
    assert by_frame.loc[["border", "crowd", "unclear"], "rule"].tolist() == [
        "borderline",
        "crowding",
        "ambiguity",
    ]
    assert queue["frame_id"].tolist()[:3] == ["border", "crowd", "unclear"]
    assert by_frame.loc["border", "reason"] == "3 boxes at 0.41\N{EN DASH}0.58"
    assert by_frame.loc["crowd", "reason"] == "12 boxes"
    assert by_frame.loc["unclear", "reason"] == "bus 0.38 / truck 0.34"
    assert set(by_frame.loc[["sure", "empty"], "rule"]) <= {"random", "rest"}


def test_a_reason_names_all_that_speaks_for_a_frame():
    rows = [at("f", 0.41, 0), at("f", 0.58, 1)]
    rows.append(at("f", 0.48, 2, label="bus", label_2="truck", score_2=0.44))
    queue = rank(proposals_frame(rows), frames_frame(["f"]))
    assert queue["reason"].tolist() == ["3 boxes at 0.41\N{EN DASH}0.58; bus 0.48 / truck 0.44"]


def test_within_a_rule_the_frame_with_more_to_correct_comes_first():
    rows = [at("few", 0.5), *(at("many", 0.5, k) for k in range(3)), at("much", 0.5)]
    rows += [at("much", 0.35, k) for k in range(1, 9)]
    queue = rank(
        proposals_frame(rows), frames_frame(["few", "many", "much"]), quotas={"borderline": 1}
    )
    assert queue["frame_id"].tolist() == ["much", "many", "few"]


def test_every_beginning_of_the_queue_holds_the_quotas():
    n = 400
    rows = [at(f"b{k}", 0.5) for k in range(n)]
    rows += [at(f"a{k}", 0.39, label="bus", label_2="truck", score_2=0.3) for k in range(n)]
    ids = [f"{kind}{k}" for kind in "abc" for k in range(n)]
    queue = rank(
        proposals_frame(rows),
        frames_frame(ids),
        quotas={"borderline": 0.6, "ambiguity": 0.2, "random": 0.2},
    )
    for head in (50, 100, 200, 500):
        share = queue["rule"].head(head).value_counts() / head
        assert share["borderline"] == pytest.approx(0.6, abs=0.02)
        assert share["ambiguity"] == pytest.approx(0.2, abs=0.02)
        assert share["random"] == pytest.approx(0.2, abs=0.02)


def test_the_random_share_changes_with_the_seed_and_comes_from_frames_no_rule_claims():
    ids = [f"f{k}" for k in range(200)]
    proposals = proposals_frame([at(f"f{k}", 0.5) for k in range(100)])
    picked = []
    for seed in (0, 1):
        queue = rank(
            proposals, frames_frame(ids), seed=seed, quotas={"borderline": 0.9, "random": 0.1}
        )
        picked.append(queue.loc[queue["rule"] == "random", "frame_id"].head(9).tolist())
        assert not set(picked[-1]) & {f"f{k}" for k in range(100)}
    assert picked[0] != picked[1]


@pytest.mark.parametrize("order", [*ALONE, "four-rules", {"entropy": 1, "flicker": 0.5}])
def test_every_order_ranks_every_frame_once_and_gives_reasons(street, order):
    queue = rank(*street, order=order)
    assert sorted(queue["frame_id"]) == ["border", "crowd", "empty", "sure", "unclear"]
    assert (queue["reason"].str.len() > 0).all()
    if order != "four-rules":
        assert queue["score"].is_monotonic_decreasing


def test_expected_errors_as_order_says_how_many(street):
    queue = rank(*street, order="expected-errors")
    assert queue["frame_id"].iloc[0] == "border"
    assert queue["reason"].iloc[0] == "1.3 errors expected; 3 boxes at 0.41\N{EN DASH}0.58"
    assert queue.set_index("frame_id").loc["empty", "reason"] == "no boxes"


def test_a_mix_lies_between_its_scores(street):
    proposals, frames = street
    alone = rank(proposals, frames, order="crowding")["frame_id"].tolist()
    assert rank(proposals, frames, order={"crowding": 2})["frame_id"].tolist() == alone
    turned = rank(proposals, frames, order={"crowding": -1})["frame_id"].tolist()
    assert turned[-1] == "crowd"
    mixed = rank(proposals, frames, order={"crowding": 1, "borderline": 1})
    assert mixed["frame_id"].iloc[0] == "border"
    assert "12 boxes" in mixed.set_index("frame_id").loc["crowd", "reason"]


def test_a_function_can_be_an_order(street):
    def biggest(proposals: pd.DataFrame, frames: pd.DataFrame) -> pd.Series:
        area = (proposals["x2"] - proposals["x1"]) * proposals["score"]
        return area.groupby(proposals["frame_id"], observed=True).sum()

    queue = rank(*street, order=biggest)
    assert queue["frame_id"].tolist()[0] == "crowd"
    assert queue["frame_id"].tolist()[-1] == "empty"
    assert np.isnan(queue["score"].iloc[-1])
    assert queue["rule"].unique().tolist() == ["biggest"]


@pytest.mark.parametrize("answer", [3, pd.Series({"nobody": 1.0}), pd.Series([1, 2], ["a", "a"])])
def test_a_function_that_does_not_score_frames_is_refused(street, answer):
    with pytest.raises(InputError, match="Series"):
        rank(*street, order=lambda proposals, frames: answer)


def test_a_registered_score_is_an_order_and_part_of_mixes(street, monkeypatch):
    monkeypatch.setattr(scores, "_items", dict(scores._items))
    name = "boxes-at-all"
    register_score(name, "Boxes", "0: none.")(lambda ctx: ctx.per_frame())
    queue = rank(*street, order=name)
    assert queue["frame_id"].iloc[0] == "crowd"
    assert queue["reason"].iloc[0] == "12"
    assert rank(*street, order={name: 1})["frame_id"].iloc[0] == "crowd"


def test_unknown_names_list_the_known_and_the_nearest(street):
    with pytest.raises(NotFoundError, match=r"four-rules.*did you mean 'four-rules'"):
        rank(*street, order="four-rule")
    with pytest.raises(NotFoundError, match="did you mean 'flicker'"):
        rank(*street, order={"fliker": 1})
    with pytest.raises(NotFoundError, match="No rule is called 'bordeline'"):
        rank(*street, quotas={"bordeline": 1})
    with pytest.raises(NotFoundError, match="did you mean 'thing'"):
        rank(*street, labels=["think"])
    with pytest.raises(NotFoundError, match="No group is called 'h'"):
        rank(*street, groups=["h"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"conf": 1.5},
        {"conf": float("nan")},
        {"conf": None},
        {"borderline": (0.6, 0.4)},
        {"score_range": 0.4},
        {"limit": 0},
        {"limit": 2.5},
        {"order": 7},
        {"order": {}},
        {"order": {"entropy": float("nan")}},
        {"quotas": {"borderline": -1}},
        {"quotas": {"borderline": 0}},
        {"order": "disagreement"},
    ],
)
def test_arguments_that_cannot_be_used_are_refused_in_one_line(street, wrong):
    with pytest.raises(InputError) as caught:
        rank(*street, **wrong)
    assert "\n" not in str(caught.value)


def names(queue: pd.DataFrame) -> set[str]:
    return set(queue["frame_id"])


def test_filters_by_class_see_what_is_shown(street):
    assert names(rank(*street, labels=["bus"])) == set()  # 0.38 is hidden
    assert names(rank(*street, labels="bus", conf=0.3)) == {"unclear"}
    assert names(rank(*street, labels=["bus", "thing"], score_range=(0.3, 0.45))) == {
        "unclear",
        "border",
    }


def test_filters_by_score_range_and_group(street):
    proposals, frames = street
    assert names(rank(proposals, frames, score_range=(0.98, 1))) == {"sure"}
    frames = frames.assign(group=["a", "b", "b", "c", "c"])
    assert names(rank(proposals, frames, groups=["a", "c"])) == {"sure", "unclear", "empty"}
    assert names(rank(proposals, frames, groups="b", score_range=(0.4, 0.6))) == {"border"}


def test_filter_by_decided_and_skipped_frames_come_last(street):
    states = pd.Series({"border": "accepted", "sure": "hand", "crowd": "skipped", "empty": "open"})
    assert names(rank(*street, states=states, decided=True)) == {"border", "sure"}
    queue = rank(*street, states=states, decided=False)
    assert names(queue) == {"crowd", "unclear", "empty"}
    assert queue["frame_id"].iloc[-1] == "crowd"
    table = states.rename_axis("frame_id").rename("state").reset_index()
    pd.testing.assert_frame_equal(rank(*street, states=table, decided=False), queue)


def test_limit_gives_the_beginning(street):
    whole = rank(*street)
    pd.testing.assert_frame_equal(rank(*street, limit=2), whole.head(2))
    pd.testing.assert_frame_equal(rank(*street, limit=99), whole)


def test_names_in_any_script_with_quotes_and_newlines_are_only_names():
    label, other = "l'été \"x\"\n', DROP", "猫"
    rows = [at("../f'1\"", 0.48, label=label, label_2=other, score_2=0.44)]
    queue = rank(proposals_frame(rows), frames_frame(["../f'1\"", "ф"]))
    assert names(queue) == {"../f'1\"", "ф"}
    assert f"{label} 0.48 / {other} 0.44" in queue["reason"].iloc[0]
    assert names(
        rank(proposals_frame(rows), frames_frame(["../f'1\"", "ф"]), labels=label, conf=0.4)
    )


def test_nothing_to_rank_gives_an_empty_queue_and_empty_runs_are_ranked():
    nothing = rank(proposals_frame([]), frames_frame([]))
    assert list(nothing.columns) == list(QUEUE_COLUMNS)
    assert len(nothing) == 0
    for order in (*ALONE, "four-rules", {"entropy": 1}):
        queue = rank(proposals_frame([]), frames_frame(["a", "b"]), order=order, labels=None)
        assert names(queue) == {"a", "b"}
    one = rank(proposals_frame([]), frames_frame(["a"]), labels=["bus"])
    assert len(one) == 0


def test_orders_can_be_plugged_in(street, monkeypatch):
    monkeypatch.setattr(orders, "_items", dict(orders._items))
    orders.register("as-added")(
        lambda ctx, request: Placed(
            request.frames,
            np.zeros(len(request.frames)),
            np.full(len(request.frames), "as-added", dtype=object),
        )
    )
    queue = rank(*street, order="as-added")
    assert queue["frame_id"].tolist() == street[1]["frame_id"].tolist()


BOXES = st.tuples(
    st.integers(0, 6),
    st.floats(0, 1, width=32),
    st.integers(0, 30),
    st.sampled_from(["cat", "dog"]),
    st.floats(0, 1, width=32) | st.just(float("nan")),
)


@settings(max_examples=60, deadline=None)
@given(
    found=st.lists(BOXES, max_size=40),
    seed=st.integers(0, 2**31),
    order=st.sampled_from([*ALONE, "four-rules", "mix"]),
    shuffle=st.randoms(use_true_random=False),
    decided=st.sets(st.integers(0, 6)),
)
def test_a_queue_is_a_stable_permutation_of_the_frames_that_pass(
    found, seed, order, shuffle, decided
):
    order = {"entropy": 1, "ambiguity": 2} if order == "mix" else order
    rows = [
        {
            "frame_id": f"f{frame}",
            "box": (10 * place, 0, 10 * place + 50, 50),
            "score": score,
            "label": label,
            "label_2": "cow",
            "score_2": second * score,
        }
        for frame, score, place, label, second in found
    ]
    proposals = proposals_frame(rows)
    frames = frames_frame([f"f{k}" for k in range(7)]).assign(index=range(7))
    states = pd.Series({f"f{k}": "accepted" for k in decided}, dtype=object)
    options = {"order": order, "seed": seed, "states": states, "decided": False}
    queue = rank(proposals, frames, **options)
    assert queue["rank"].tolist() == list(range(1, len(queue) + 1))
    assert sorted(queue["frame_id"]) == [f"f{k}" for k in range(7) if k not in decided]
    mixed = list(range(len(proposals)))
    shuffle.shuffle(mixed)
    again = rank(proposals.iloc[mixed], frames, **options)
    pd.testing.assert_frame_equal(again, queue)

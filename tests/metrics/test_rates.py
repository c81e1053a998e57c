import numpy as np
import pandas as pd
import pytest
from factories import decision_row, decisions_frame, frames_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics.ledgers import RUN, added, judged, nothing, proposal_id, story, whole

from labkit.core.errors import InputError, NotFoundError
from labkit.ledger.fold import decided_objects
from labkit.metrics import frame_table, object_table, rates
from labkit.metrics.effort import FRAME_TABLE
from labkit.metrics.rates import COUNTS, RATES, headline
from labkit.metrics.verdicts import OBJECT_TABLE


def counts(row: pd.Series) -> dict[str, int]:
    return {name: int(row[name]) for name in COUNTS if row[name]}


def test_a_story_with_known_answers() -> None:
    row = rates(story()).iloc[0]
    assert counts(row) == {
        "n": 6,  # f1: 4, f2: 1 (the undone edit is not one), f5: 1
        "accepted": 3,
        "edited": 1,
        "relabelled": 1,
        "changed": 2,
        "rejected": 1,
        "corrected": 3,
        "confirmed": 4,
        "added": 2,  # a1, a3; a2 was taken back
        "hand_drawn": 2,
        "missed": 1,  # a1 alone: f3 is drawn by hand, f5 is still open
        "found": 3,  # f1/0, f1/3, f2/0
        "true_objects": 5,  # and f1/1 under another label, and a1
        "frames": 4,
        "frames_rejected": 2,
    }
    assert row["edit_rate"] == pytest.approx(2 / 6)
    assert row["shape_rate"] == pytest.approx(1 / 6)
    assert row["relabel_rate"] == pytest.approx(1 / 6)
    assert row["removal_rate"] == pytest.approx(1 / 6)
    assert row["correction_rate"] == pytest.approx(1 / 2)
    assert row["miss_rate"] == pytest.approx(1 / 5)
    assert row["precision"] == pytest.approx(4 / 6)
    assert row["recall"] == pytest.approx(3 / 5)
    assert row["reject_rate"] == pytest.approx(1 / 2)


def test_by_label_proposals_go_by_the_models_label_and_true_objects_by_the_final_one() -> None:
    table = rates(story(), "label").set_index("label")
    assert counts(table.loc["cat"]) == {
        "n": 5,
        "accepted": 2,
        "edited": 1,
        "relabelled": 1,
        "changed": 2,
        "rejected": 1,
        "corrected": 3,
        "confirmed": 3,
        "added": 1,
        "found": 2,
        "true_objects": 2,
    }
    dog = table.loc["dog"]
    assert (dog["n"], dog["found"], dog["missed"], dog["true_objects"]) == (1, 1, 1, 3)
    assert dog["precision"] == 1
    assert dog["recall"] == pytest.approx(1 / 3)
    assert np.isnan(dog["reject_rate"])


def test_the_final_verdict_counts_once() -> None:
    rows = [judged("accept", "f", 0), judged("edit", "f", 0), judged("accept", "f", 0)]
    assert object_table(decisions_frame(rows))["verdict"].tolist() == ["edited"]
    rows += [judged("reject", "f", 0)]
    assert object_table(decisions_frame(rows))["verdict"].tolist() == ["rejected"]
    rows += [judged("accept", "f", 0)]
    assert object_table(decisions_frame(rows))["verdict"].tolist() == ["accepted"]


def test_edited_and_relabelled_counts_in_both_and_once_as_corrected() -> None:
    rows = [judged("edit", "f", 0), judged("relabel", "f", 0, to="dog")]
    row = rates(decisions_frame(rows)).iloc[0]
    assert (row["n"], row["edited"], row["relabelled"], row["corrected"]) == (1, 1, 1, 1)
    assert (row["changed"], row["edit_rate"], row["shape_rate"], row["relabel_rate"]) == (
        1,
        1,
        1,
        1,
    )


def test_the_edit_rate_counts_what_was_kept_under_another_label() -> None:
    rows = [judged("relabel", "f", k, to="dog") for k in range(4)]
    rows += [judged("accept", "f", k) for k in range(4, 54)]
    row = rates(decisions_frame(rows)).iloc[0]
    assert row["edit_rate"] == pytest.approx(4 / 54)
    assert row["shape_rate"] == 0
    assert headline(row) == (
        "54 proposals judged: 7.4 % edited (0.0 % in shape or attributes, 7.4 % in label), "
        "0.0 % removed, 7.4 % edited or removed"
    )
    assert headline(rates(nothing()).iloc[0]) == "0 proposals judged"


def test_a_label_changed_and_changed_back_is_the_models() -> None:
    rows = [judged("relabel", "f", 0, to="dog"), judged("relabel", "f", 0, label="dog", to="cat")]
    assert rates(decisions_frame(rows)).iloc[0]["relabelled"] == 0


def test_undo_and_redo_in_any_number() -> None:
    rows = [judged("reject", "f", 0, step="s")]
    for move, n in (("undo", 0), ("redo", 1), ("undo", 0), ("redo", 1)):
        rows.append(whole(move, "f", target="s"))
        assert rates(decisions_frame(rows)).iloc[0]["rejected"] == n


def test_going_back_to_review_makes_added_objects_misses_again() -> None:
    by_hand = [whole("reject_frame", "f"), added("f", "x"), whole("accept_frame", "f")]
    row = rates(decisions_frame(by_hand)).iloc[0]
    assert (row["missed"], row["hand_drawn"], row["true_objects"]) == (0, 1, 0)
    assert row["reject_rate"] == 1
    back = [by_hand[0], judged("accept", "f", 0), *by_hand[1:]]
    row = rates(decisions_frame(back)).iloc[0]
    assert (row["missed"], row["hand_drawn"], row["true_objects"]) == (1, 0, 2)
    assert row["reject_rate"] == 0


def test_what_was_not_shown_is_not_reviewed() -> None:
    rows = [
        whole("accept_frame", "f", step="s"),
        judged("accept", "f", 0, step="s", score=0.8),
        judged("accept", "f", 1, step="s", score=0.6),
    ]
    assert rates(decisions_frame(rows)).iloc[0]["n"] == 2


def test_by_reviewer_each_has_their_own_verdicts_and_merged_the_last_word() -> None:
    rows = [
        judged("accept", "f", 0),
        whole("accept_frame", "f"),
        judged("reject", "f", 0, reviewer="bo"),
        added("f", "x", reviewer="bo"),
        whole("accept_frame", "f", reviewer="bo"),
        decision_row("edit", "f", object_id="x", after=added("f", "x")["after"]),
    ]
    ledger = decisions_frame(rows)
    mine = rates(ledger, "reviewer").set_index("reviewer")
    assert (mine.loc["ana", "accepted"], mine.loc["bo", "rejected"]) == (1, 1)
    assert (mine.loc["ana", "missed"], mine.loc["bo", "missed"]) == (0, 1)
    merged = rates(ledger).iloc[0]
    assert (merged["n"], merged["rejected"], merged["missed"]) == (1, 1, 1)


def test_who_only_draws_what_another_sent_away_reviewed_no_frame() -> None:
    rows = [
        whole("reject_frame", "f"),
        added("f", "x", reviewer="bo"),
        whole("accept_frame", "f", reviewer="bo"),
    ]
    mine = rates(decisions_frame(rows), "reviewer").set_index("reviewer")
    assert mine["frames"].to_dict() == {"ana": 1, "bo": 0}
    assert mine["frames_rejected"].to_dict() == {"ana": 1, "bo": 0}


def test_by_score_run_scripted_group_and_frame() -> None:
    rows = [
        judged("accept", "f1", 0, score=float(np.float32(0.4))),
        judged("reject", "f1", 1, score=1.0),
        judged("accept", "f2", 0, score=float(np.float32(0.3999)), scripted=True),
        added("f2", "x", scripted=True),
        whole("accept_frame", "f2", scripted=True),
    ]
    ledger = decisions_frame(rows)
    by_score = rates(ledger, "score")
    assert by_score["score"].dropna().tolist() == ["0.3-0.4", "0.4-0.5", "0.9-1.0"]
    assert by_score.loc[by_score["score"].isna(), "n"].tolist() == [0]  # the added one
    assert rates(ledger, "run")[["run", "n", "missed"]].to_numpy().tolist() == [[RUN, 3, 1]]
    assert rates(ledger, "scripted")["n"].tolist() == [2, 1]
    frames = pd.concat([frames_frame(["f1"], group="a"), frames_frame(["f2"], group="b")])
    by_group = rates(ledger, ["group", "label"], frames=frames)
    assert by_group["group"].tolist() == ["a", "b"]
    assert by_group["n"].tolist() == [2, 1]
    assert rates(ledger, "frame")["n"].tolist() == [2, 1]
    with pytest.raises(InputError, match="need the frames"):
        rates(ledger, "group")


@pytest.mark.parametrize(
    ("freq", "starts"),
    [
        ("D", ["2026-01-05", "2026-01-06"]),
        ("h", ["2026-01-05 09:00", "2026-01-06 09:00"]),
        ("W", ["2026-01-05"]),
        ("M", ["2026-01-01"]),
    ],
)
def test_by_time(freq: str, starts: list[str]) -> None:
    days = [pd.Timestamp("2026-01-05 09:30", tz="UTC"), pd.Timestamp("2026-01-06 09:30", tz="UTC")]
    ledger = decisions_frame([judged("accept", "f", k, time=t) for k, t in enumerate(days)])
    table = rates(ledger, "time", freq=freq)
    assert table["time"].tolist() == [pd.Timestamp(s, tz="UTC") for s in starts]
    assert table["n"].sum() == 2


def test_bad_arguments_are_named() -> None:
    with pytest.raises(NotFoundError, match="did you mean 'label'"):
        rates(story(), "lable")
    with pytest.raises(InputError, match="not a length of time"):
        rates(story(), "time", freq="fortnight")
    with pytest.raises(InputError, match="columns"):
        rates(pd.DataFrame({"a": [1]}))
    with pytest.raises(InputError, match="score ranges"):
        rates(story(), "score", bins=0)


def test_an_empty_ledger_gives_empty_tables_with_their_columns() -> None:
    assert object_table(nothing()).columns.tolist() == list(OBJECT_TABLE)
    assert frame_table(nothing()).columns.tolist() == list(FRAME_TABLE)
    for by in ("label", "run", "reviewer", "time", "score", "scripted", "frame"):
        table = rates(nothing(), by)
        assert not len(table)
        assert {by, *COUNTS, *RATES} <= set(table.columns)
    row = rates(nothing()).iloc[0]
    assert not row[list(COUNTS)].any()
    assert row[list(RATES)].isna().all()


def test_rows_out_of_order_are_put_in_order() -> None:
    ledger = story()
    mixed = ledger.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(rates(mixed), rates(ledger))


KINDS = ["accept", "edit", "relabel", "reject", "add", "accept_frame", "reject_frame", "skip"]


@st.composite
def ledgers(draw: st.DrawFn) -> pd.DataFrame:
    """Any mixture of gestures of two reviewers on two frames, some of them undone."""
    rows = []
    for k in range(draw(st.integers(1, 25))):
        kind, frame = draw(st.sampled_from(KINDS)), draw(st.sampled_from(["f1", "f2"]))
        given_ = {"reviewer": draw(st.sampled_from(["ana", "bo"])), "step": f"s{k}"}
        if kind == "add":
            rows.append(added(frame, f"a{k}", draw(st.sampled_from(["cat", "dog"])), **given_))
        elif kind in ("accept_frame", "reject_frame", "skip"):
            rows.append(whole(kind, frame, **given_))
        else:
            to = draw(st.sampled_from(["cat", "dog"])) if kind == "relabel" else None
            rows.append(judged(kind, frame, draw(st.integers(0, 2)), to=to, **given_))
        if draw(st.integers(0, 4)) == 0:
            target = f"s{draw(st.integers(0, k))}"
            rows.append(whole(draw(st.sampled_from(["undo", "redo"])), frame, target=target))
    return decisions_frame(rows)


@settings(deadline=None, max_examples=30)
@given(ledgers())
def test_any_ledger_gives_rates_in_range_that_agree_with_fold(ledger: pd.DataFrame) -> None:
    for by in ((), "label", ("reviewer", "frame")):
        table = rates(ledger, by)
        assert (table["n"] == table["accepted"] + table["corrected"]).all()
        for rate in RATES:
            known = table[table[rate].notna()]
            assert (known[f"{rate}_lo"] <= known[rate]).all()
            assert (known[rate] <= known[f"{rate}_hi"]).all()
            assert known[[f"{rate}_lo", f"{rate}_hi"]].stack().between(0, 1).all()
    states = decided_objects(ledger).set_index("object_id")["state"]
    for row in object_table(ledger).itertuples():
        expected = {"relabelled": {"edited", "accepted"}, "edited": {"edited"}}
        allowed = expected.get(row.verdict, {row.verdict})
        if row.verdict == "accepted":
            allowed = {"accepted", "edited"}  # relabelled and relabelled back
        assert states[row.object_id] in allowed
    total, split = rates(ledger).iloc[0], rates(ledger, "label")
    for name in ("n", "accepted", "edited", "rejected", "added", "missed", "true_objects"):
        assert split[name].sum() == total[name]


def test_an_object_that_was_only_commented_on_has_no_verdict() -> None:
    remark = decision_row("comment", "f", object_id=proposal_id("f", 9), comment="what is this?")
    rows = [remark, judged("accept", "f", 0), judged("reject", "f", 1), whole("accept_frame", "f")]
    for by in ((), "reviewer"):
        assert rates(decisions_frame(rows), by).iloc[0]["n"] == 2
    assert (
        len(object_table(decisions_frame(rows))) == len(decided_objects(decisions_frame(rows))) == 2
    )

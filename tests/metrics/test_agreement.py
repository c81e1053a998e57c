import krippendorff
import numpy as np
import pytest
from factories import decisions_frame, proposals_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from metrics.ledgers import RUN, added, judged, nothing, whole
from sklearn.metrics import cohen_kappa_score

from labkit.core.errors import InputError
from labkit.metrics import (
    agreement,
    agreement_f1,
    cohen_kappa,
    krippendorff_alpha,
    verdict_matrix,
)

_ = None
# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: four observers,
# twelve units, nominal categories; alpha is 0.743 there.
PUBLISHED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]


def test_alpha_of_the_published_example() -> None:
    assert round(krippendorff_alpha(PUBLISHED), 3) == 0.743


def test_kappa_of_the_published_example() -> None:
    # Cohen (1960), table 1, its proportions as counts of 200: kappa = 0.492
    table = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
    a = np.repeat([0, 0, 0, 1, 1, 1, 2, 2, 2], np.ravel(table))
    b = np.repeat([0, 1, 2] * 3, np.ravel(table))
    assert round(cohen_kappa(a, b), 3) == 0.492


ratings = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1)


@settings(deadline=None)
@given(ratings)
def test_kappa_equals_scikit_learn_and_is_symmetric(pairs: list[tuple[str, str]]) -> None:
    a, b = [p[0] for p in pairs], [p[1] for p in pairs]
    kappa = cohen_kappa(a, b)
    if len({*a, *b}) == 1:
        assert np.isnan(kappa)
    else:
        assert kappa == pytest.approx(cohen_kappa_score(a, b), abs=1e-12)
        assert kappa == pytest.approx(cohen_kappa(b, a), abs=1e-12)


@settings(deadline=None)
@given(
    st.integers(2, 5).flatmap(
        lambda raters: st.lists(
            st.lists(st.sampled_from([0, 1, 2, None]), min_size=raters, max_size=raters),
            min_size=2,
            max_size=15,
        )
    )
)
def test_alpha_equals_the_krippendorff_package(things: list[list[int | None]]) -> None:
    data = np.array(things, dtype=object).T
    pairable = [[v for v in thing if v is not None] for thing in things]
    used = {v for thing in pairable if len(thing) > 1 for v in thing}
    alpha = krippendorff_alpha(data)
    if len(used) < 2:
        assert np.isnan(alpha)
        return
    numbers = np.array([[np.nan if v is None else v for v in row] for row in data], dtype=float)
    theirs = krippendorff.alpha(numbers, level_of_measurement="nominal")
    assert alpha == pytest.approx(theirs, abs=1e-9)


@given(st.lists(st.sampled_from("abc"), min_size=2).filter(lambda v: len(set(v)) > 1))
def test_perfect_agreement_is_one(values: list[str]) -> None:
    assert krippendorff_alpha([values, values, values]) == pytest.approx(1)
    assert cohen_kappa(values, values) == pytest.approx(1)


def test_ratings_that_cannot_be_compared() -> None:
    assert np.isnan(cohen_kappa([None, "a"], ["a", None]))
    with pytest.raises(InputError):
        cohen_kappa(["a"], ["a", "b"])
    with pytest.raises(InputError):
        krippendorff_alpha(["a", "b"])


A, B, C = (0.0, 0.0, 10.0, 10.0), (20.0, 20.0, 30.0, 30.0), (40.0, 40.0, 50.0, 50.0)
PROPOSALS = proposals_frame([{"frame_id": "f", "box": b, "label": "cat"} for b in (A, B)], RUN)


def two_reviewers() -> list:
    """Both accept A; ana keeps B, bo rejects it; bo edits nothing else and adds C, ana adds C too
    as a dog."""
    bo = {"reviewer": "bo"}
    return [
        judged("accept", "f", 0, box=A),
        judged("accept", "f", 1, box=B),
        added("f", "x", "dog", C),
        whole("accept_frame", "f"),
        judged("accept", "f", 0, box=A, **bo),
        judged("reject", "f", 1, box=B, **bo),
        added("f", "y", "cat", C, **bo),
        whole("accept_frame", "f", **bo),
        judged("accept", "g", 0, box=A),  # only ana saw g
        whole("accept_frame", "g"),
    ]


def test_f1_of_two_reviewers() -> None:
    table = agreement_f1(PROPOSALS, decisions_frame(two_reviewers()), "ana", "bo")
    by = table.set_index("label")
    assert by.loc["cat", ["n_a", "n_b", "matched"]].tolist() == [2, 2, 1]
    assert by.loc["cat", "f1"] == 0.5
    assert by.loc["dog", "f1"] == 0
    assert by.loc["all", ["frames", "n_a", "n_b", "matched"]].tolist() == [1, 3, 2, 1]
    assert by.loc["all", "f1"] == pytest.approx(2 / 5)
    other = agreement_f1(PROPOSALS, decisions_frame(two_reviewers()), "bo", "ana")
    assert other["f1"].tolist() == table["f1"].tolist()


def test_f1_depends_on_the_iou_asked_for() -> None:
    moved = (0.0, 0.0, 10.0, 7.0)  # IoU 0.7 with A
    rows = [
        judged("accept", "f", 0, box=A),
        whole("accept_frame", "f"),
        judged("edit", "f", 0, box=moved, reviewer="bo"),
        whole("accept_frame", "f", reviewer="bo"),
    ]
    ledger = decisions_frame(rows)
    assert agreement_f1(PROPOSALS, ledger, "ana", "bo", 0.5).iloc[-1]["f1"] == 1
    assert agreement_f1(PROPOSALS, ledger, "ana", "bo", 0.5).iloc[-1]["mean_iou"] == pytest.approx(
        0.7
    )
    assert agreement_f1(PROPOSALS, ledger, "ana", "bo", 0.75).iloc[-1]["f1"] == 0


def test_undone_decisions_agree_with_nobody() -> None:
    rows = [
        judged("accept", "f", 0, box=A),
        whole("accept_frame", "f"),
        judged("reject", "f", 0, box=A, reviewer="bo", step="s"),
        whole("undo", "f", reviewer="bo", target="s"),
        judged("accept", "f", 0, box=A, reviewer="bo"),
        whole("accept_frame", "f", reviewer="bo"),
    ]
    assert agreement_f1(PROPOSALS, decisions_frame(rows), "ana", "bo").iloc[-1]["f1"] == 1


def test_agreement_of_all_pairs() -> None:
    ledger = decisions_frame(two_reviewers())
    table = agreement(PROPOSALS, ledger)
    assert table[["reviewer_a", "reviewer_b"]].to_numpy().tolist() == [["ana", "bo"]]
    row = table.iloc[0]
    assert (row["frames"], row["objects"]) == (1, 2)
    assert row["f1"] == pytest.approx(2 / 5)
    assert row["kappa"] == pytest.approx(
        cohen_kappa_score(["accepted", "accepted"], ["accepted", "rejected"])
    )
    matrix = verdict_matrix(ledger)
    assert matrix.loc["bo"].tolist() == ["accepted", "rejected"]  # what ana alone saw is not there
    assert table.attrs["alpha"] == pytest.approx(krippendorff_alpha(matrix))


def test_nobody_or_one_reviewer() -> None:
    for ledger in (nothing(), decisions_frame(two_reviewers()[:4])):
        table = agreement(PROPOSALS, ledger)
        assert not len(table)
        assert np.isnan(table.attrs["alpha"])
        assert "kappa" in table
    with pytest.raises(InputError, match="'cy' has decided nothing"):
        agreement_f1(PROPOSALS, decisions_frame(two_reviewers()), "ana", "cy")

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import decisions_frame, frames_frame
from metrics.ledgers import judged, nothing, story, story_proposals, whole

from labkit import metrics
from labkit.metrics.book import Book
from labkit.metrics.summary import SUMMARY_COLUMNS
from labkit.store.project import ProjectStore


class Project:
    """As much of a project as metrics ask for."""

    name = "streets"

    def __init__(self, decisions: pd.DataFrame, proposals: pd.DataFrame) -> None:
        self._decisions, self._proposals = decisions, proposals

    def decisions(self) -> pd.DataFrame:
        return self._decisions

    def proposals(self) -> pd.DataFrame:
        return self._proposals

    def frames(self) -> pd.DataFrame:
        return frames_frame([f"f{k}" for k in range(1, 8)])


def test_one_row_a_label_then_all() -> None:
    table = metrics.summary(story())
    assert table.columns.tolist() == list(SUMMARY_COLUMNS)
    assert table["label"].tolist() == ["cat", "dog", "all"]
    rows = table.set_index("label")
    total = metrics.rates(story()).iloc[0]
    assert rows.loc["all", list(total.index)].astype(float).equals(total.astype(float))
    times = metrics.timing(story()).iloc[0]
    assert rows.loc["all", "seconds_per_frame_median"] == times["seconds_per_frame_median"]
    # cats were judged on the finished frames f1 (9 s) and f2 (6 s), dogs on f1 alone
    assert rows.loc["cat", ["frames", "seconds"]].tolist() == [2, 15]
    assert rows.loc["dog", ["frames", "seconds"]].tolist() == [1, 9]
    assert rows.loc["cat", "seconds_per_frame_median"] == 7.5


def test_a_project_its_decisions_and_a_book_give_the_same() -> None:
    table = metrics.summary(story())
    pd.testing.assert_frame_equal(table, metrics.summary(Project(story(), story_proposals())))
    pd.testing.assert_frame_equal(table, metrics.summary(Book.of(story())))


def test_an_empty_ledger() -> None:
    table = metrics.summary(nothing())
    assert table.columns.tolist() == list(SUMMARY_COLUMNS)
    assert table["label"].tolist() == ["all"]
    assert table.iloc[0]["n"] == 0


def test_the_scripted_share_is_said() -> None:
    rows = [judged("accept", "f1", 0, scripted=True), whole("accept_frame", "f1", scripted=True)]
    rows += [judged("accept", "f1", 1), judged("accept", "f2", 2, "dog", scripted=True)]
    table = metrics.summary(decisions_frame(rows))
    assert table.set_index("label")["scripted_share"].to_dict() == {
        "cat": 0.5,
        "dog": 1.0,
        "all": pytest.approx(2 / 3),
    }
    assert table.attrs["scripted_share"] == 0.75


def test_the_ledger_given_is_not_changed() -> None:
    ledger = story()
    before = ledger.copy(deep=True)
    metrics.overview(Project(ledger, story_proposals()))
    pd.testing.assert_frame_equal(ledger, before)


def test_overview_is_plain_json() -> None:
    found = metrics.overview(Project(story(), story_proposals()))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["project"] == "streets"
    assert found["frames"] == {"accepted": 3, "hand": 1, "skipped": 0, "open": 1, "undecided": 2}
    assert found["total"]["edit_rate"] == pytest.approx(2 / 6)
    assert [row["label"] for row in found["labels"]] == ["cat", "dog"]
    assert found["labels"][0]["reject_rate"] is None
    assert found["roi"]["measured"] is True
    (advice,) = found["threshold"].values()
    assert advice["recommended"] is None
    assert "3 frames are accepted" in advice["reason"]
    assert found["decisions"] == 22
    assert found["standing"] == 18


def test_overview_of_nothing() -> None:
    found = metrics.overview(Project(nothing(), story_proposals().iloc[:0]))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["total"]["n"] == 0
    assert found["agreement"] == {"pairs": [], "alpha": None}


def test_a_real_empty_project(tmp_path: Path) -> None:
    project = ProjectStore.create(tmp_path / "p", labels=["cat"])
    assert metrics.summary(project)["n"].tolist() == [0]
    assert metrics.overview(project)["roi"]["objects"] == 0


def test_label_names_are_data() -> None:
    odd = ["all", "", "naïve <b>", "1"]
    rows = [judged("accept", "f", k, label) for k, label in enumerate(odd)]
    table = metrics.summary(decisions_frame(rows))
    assert table["label"].tolist() == [*sorted(odd), "all"]
    assert table["n"].tolist() == [1, 1, 1, 1, 4]


def test_importing_metrics_loads_no_plotting_and_no_scipy() -> None:
    code = (
        "import labkit.metrics, sys; heavy = {'matplotlib', 'scipy', 'torch', 'sklearn'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert out.stdout.strip() == "[]"


def test_a_large_ledger_agrees_with_a_plain_count() -> None:
    rng = np.random.default_rng(0)
    kinds = rng.choice(["accept", "edit", "reject"], 400, p=[0.7, 0.2, 0.1])
    rows = [judged(kind, f"f{k // 8}", k % 8) for k, kind in enumerate(kinds)]
    row = metrics.summary(decisions_frame(rows)).iloc[-1]
    for kind, name in (("accept", "accepted"), ("edit", "edited"), ("reject", "rejected")):
        assert row[name] == (kinds == kind).sum()

"""Which rows stand is one rule, for tables and for decisions."""

from __future__ import annotations

import pandas as pd
from factories import decision_row, decisions_frame
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.types import Decision
from labkit.ledger.undo import History, Undone, standing, standing_rows

ROWS = st.lists(
    st.tuples(st.sampled_from(["accept", "edit", "undo", "redo"]), st.integers(0, 5)), max_size=20
)


def ledger(rows: list[tuple[str, int]]) -> pd.DataFrame:
    return decisions_frame(
        [
            decision_row(kind, "f", step=f"move{k}", target=f"s{pick}")
            if kind in ("undo", "redo")
            else decision_row(kind, "f", step=f"s{pick}")
            for k, (kind, pick) in enumerate(rows)
        ]
    )


@given(ROWS.filter(len))
def test_tables_and_decisions_stand_alike(rows) -> None:
    table = ledger(rows)
    decisions = [
        Decision(r.decision_id, r.step, r.kind, "f", "ana", "s1", r.time, target=r.target)
        for r in table.astype(object).where(table.notna(), None).itertuples()
    ]
    kept = [d.decision_id for d in standing(decisions)]
    assert standing_rows(table)["decision_id"].tolist() == kept


def test_of_several_moves_of_one_step_the_last_holds() -> None:
    assert Undone([("undo", "a"), ("redo", "a"), ("undo", "a"), ("undo", "b")]).steps == {"a", "b"}
    assert Undone([("undo", "a"), ("redo", "a"), ("accept", None)]).steps == set()
    table = ledger([("accept", 0), ("undo", 0), ("redo", 0), ("edit", 1), ("undo", 1)])
    assert standing_rows(table)["kind"].tolist() == ["accept"]


def test_something_new_ends_what_could_be_done_again() -> None:
    history = History([("a", "accept", None, "f"), ("m", "undo", "a", "f")])
    assert (history.undoable, history.redoable) == (None, "a")
    history.note("b", "edit", None)
    assert (history.undoable, history.redoable) == ("b", None)

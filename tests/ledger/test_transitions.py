"""One table says what a decision makes of an object and of a frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.types import KINDS, OBJECT_VERDICTS
from labkit.ledger.transitions import FRAME_STATES, STATES, Status, decide, decide_all, frame_weight


def after(*kinds: str) -> tuple[str, bool]:
    now = Status()
    for kind in kinds:
        now = decide(now, kind)
    return now.state, now.edited


@pytest.mark.parametrize(
    ("kinds", "state", "edited"),
    [
        ((), "proposed", False),
        (("accept",), "accepted", False),
        (("edit",), "edited", True),
        (("relabel",), "edited", False),
        (("relabel", "edit", "accept"), "edited", True),
        (("edit", "reject"), "rejected", False),
        (("edit", "reject", "accept"), "accepted", False),
        (("reject", "relabel"), "edited", False),
        (("add",), "added", False),
        (("add", "edit", "accept"), "added", True),
        (("add", "reject", "accept"), "accepted", False),
    ],
)
def test_what_decisions_make_of_an_object(kinds, state: str, edited: bool) -> None:
    assert after(*kinds) == (state, edited)


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(OBJECT_VERDICTS)), min_size=1))
def test_a_whole_ledger_goes_the_same_way_as_one_object(rows) -> None:
    names = sorted({name for name, _ in rows})
    obj = np.array([names.index(name) for name, _ in rows], dtype=np.int64)
    kind = np.array([OBJECT_VERDICTS.index(k) for _, k in rows], dtype=np.int64)
    state, edited = decide_all(obj, kind, len(names))
    for k, name in enumerate(names):
        expected = after(*(verdict for one, verdict in rows if one == name))
        assert (STATES[state[k]], bool(edited[k])) == expected


def test_every_kind_has_a_weight_and_a_frame_verdict_outweighs_the_rest() -> None:
    weight = dict(zip(KINDS, frame_weight(KINDS).tolist(), strict=True))
    assert weight["accept_frame"] == weight["reject_frame"] > weight["skip"] > weight["edit"]
    assert weight["edit"] == weight["accept"] == 0 > weight["comment"] == weight["undo"]
    assert set(FRAME_STATES) == {k for k in KINDS if weight[k] > 0}

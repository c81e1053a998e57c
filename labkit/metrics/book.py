"""A ledger and the tables that all metrics are counted from, each made once."""

from __future__ import annotations

from functools import cached_property

import pandas as pd

from labkit.core.errors import InputError
from labkit.metrics.effort import frames_of
from labkit.metrics.rows import NEEDED, Rows
from labkit.metrics.verdicts import objects_of

__all__ = ["Book", "frame_table", "object_table"]


class Book(Rows):
    """A ledger with its object and frame tables, each computed when it is first asked for.

    Functions that take ``decisions`` take a book as well, so that several metrics of one ledger
    read it once.
    """

    @classmethod
    def of(cls, decisions: pd.DataFrame | Book) -> Book:
        """The book of a ledger; a book is returned as it is."""
        if isinstance(decisions, Book):
            return decisions
        missing = [c for c in NEEDED if c not in decisions.columns]
        if missing:
            raise InputError(
                "These decisions cannot be counted",
                f"the columns {', '.join(missing)} are missing",
                "pass what Project.decisions() returns",
            )
        raw = decisions
        if not raw["seq"].is_monotonic_increasing:
            raw = raw.sort_values("seq", kind="stable")
        return cls(raw.reset_index(drop=True))

    @cached_property
    def objects(self) -> pd.DataFrame:
        """One row per object: everybody's decisions on it merged in ledger order."""
        return objects_of(self, per_reviewer=False)

    @cached_property
    def reviewer_objects(self) -> pd.DataFrame:
        """One row per object and reviewer: the verdict of each reviewer's own decisions."""
        return objects_of(self, per_reviewer=True)

    @cached_property
    def frames(self) -> pd.DataFrame:
        """One row per frame, its effort added up over all who worked on it."""
        return frames_of(self, self.objects, per_reviewer=False)

    @cached_property
    def reviewer_frames(self) -> pd.DataFrame:
        """One row per frame and reviewer."""
        return frames_of(self, self.reviewer_objects, per_reviewer=True)


def object_table(decisions: pd.DataFrame | Book) -> pd.DataFrame:
    """One row per object that people decided on: its final verdict (see the module's text).

    Parameters
    ----------
    decisions : DataFrame
        The ledger, undone steps and all.

    Returns
    -------
    DataFrame
        ``OBJECT_TABLE``: ``verdict`` is exclusive (``relabelled`` before ``edited``), while the
        flags ``edited`` and ``relabelled`` may both be set. ``model_label`` is the proposal's
        label (none for added objects), ``label`` the final one (the model's where rejected).
        ``run_id`` of an added object is the run reviewed on its frame. ``complete`` says that the
        frame was accepted under review, so that what the model missed there is known.

    Examples
    --------
    >>> objects = lk.metrics.object_table(reviewed.decisions())
    >>> sorted(objects["verdict"].unique())
    ['accepted', 'rejected', 'relabelled']
    """
    return Book.of(decisions).objects


def frame_table(decisions: pd.DataFrame | Book) -> pd.DataFrame:
    """One row per frame in the ledger: state, effort, and how many objects came of it.

    Parameters
    ----------
    decisions : DataFrame
        The ledger, undone steps and all.

    Returns
    -------
    DataFrame
        ``FRAME_TABLE``. ``sent`` marks frames sent to hand-labelling that nobody took back to
        review; ``reviewed`` those with a row before that, which every frame has, but not every
        pair of frame and reviewer. ``review_s`` and ``clicks`` are active seconds and clicks of
        all rows, undone ones too (they cost time all the same), up to the moment a hand-labelled
        frame was sent away; ``hand_s`` and ``hand_clicks`` those after it. ``objects`` counts
        verdicts on proposals and objects added under review, ``true_objects`` those of them that
        were kept, ``drawn`` the objects drawn by hand.

    Examples
    --------
    >>> lk.metrics.frame_table(reviewed.decisions())["state"].tolist()
    ['accepted', 'accepted', 'accepted', 'accepted', 'accepted', 'accepted']
    """
    return Book.of(decisions).frames

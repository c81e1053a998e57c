"""A project on disk: its frames, runs and decisions. No model and no rule of reviewing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from labkit.core.errors import NotFoundError, store_error
from labkit.core.registry import unknown
from labkit.core.rows import frame_from_row
from labkit.core.types import Frame, Manifest
from labkit.core.visibility import Thresholds
from labkit.ledger.fold import fold
from labkit.store.files import write_atomic, write_lock
from labkit.store.folder import ProjectFolder
from labkit.store.proposals import RunStore, proposals_dataframe, read_manifest, run_number
from labkit.store.schema import FRAMES
from labkit.store.thresholds import proposes_detections, thresholds_of
from labkit.store.tracks import Hidden, claim_ids

__all__ = ["ProjectStore"]


class ProjectStore(ProjectFolder):
    """A project on disk. Use :meth:`create` and :meth:`open`.

    Its attributes are those of :class:`labkit.store.folder.ProjectFolder`.
    """

    def __init__(self, root: Path, settings: Mapping[str, Any], *, read_only: bool) -> None:
        super().__init__(root, settings, read_only=read_only)
        self._frames: tuple[int, pd.DataFrame, pd.Index[Any]] | None = None

    # ---- frames

    def frames(self) -> pd.DataFrame:
        """The frames in the order of adding, with the columns of ``frames.parquet``.

        Examples
        --------
        >>> p.frames()[["index", "width", "height"]].head(1)
           index  width  height
        0      0    512     384
        """
        return self._read_frames()[0].copy()

    def _read_frames(self) -> tuple[pd.DataFrame, pd.Index[Any]]:
        """The table and the index of its ids, read again when the file has changed."""
        path = self.root / "frames.parquet"
        stamp = path.stat().st_mtime_ns if path.exists() else 0
        if self._frames is None or self._frames[0] != stamp:
            df = self._frames_table().to_pandas()
            self._frames = (stamp, df, pd.Index(df["frame_id"]))
        return self._frames[1], self._frames[2]

    def _frames_table(self) -> pa.Table:
        path = self.root / "frames.parquet"
        if not path.exists():
            return FRAMES.empty_table()
        try:
            return pq.read_table(path, schema=FRAMES)
        except (OSError, pa.ArrowInvalid) as exc:
            raise store_error("Cannot read the list of frames", exc) from exc

    def append_frames(self, frames: Sequence[Frame]) -> list[Frame]:
        """Add frames whose ids are not there yet and return those.

        A known frame whose file is gone from its old place gets the new one: a folder that was
        moved is added again, and all decisions on it hold.

        Parameters
        ----------
        frames : sequence of Frame

        Examples
        --------
        >>> p.append_frames([next(p.iter_frames())])
        []
        """
        self.check_writable("These frames cannot be added")
        with write_lock(self.root):
            old = self._frames_table()
            place = dict(zip(old["frame_id"].to_pylist(), old["uri"].to_pylist(), strict=True))
            new: list[Frame] = []
            moved: dict[str, str] = {}
            for frame in frames:
                if frame.frame_id not in place:
                    place[frame.frame_id] = frame.uri
                    new.append(frame)
                elif frame.uri != (uri := place[frame.frame_id]) and not self._there(uri):
                    moved[frame.frame_id] = frame.uri
            if moved:
                uris = [moved.get(i, u) for i, u in place.items()][: len(old)]
                at = old.schema.get_field_index("uri")
                old = old.set_column(at, FRAMES.field("uri"), pa.array(uris, pa.string()))
            if new or moved:
                columns = {n: [getattr(f, n) for f in new] for n in FRAMES.names}
                table = pa.concat_tables([old, pa.table(columns, schema=FRAMES)])
                write_atomic(self.root / "frames.parquet", lambda f: pq.write_table(table, f))
        return new

    def _there(self, uri: str) -> bool:
        try:
            return (self.root / uri).exists()
        except (OSError, ValueError):
            return False

    def iter_frames(self, frame_ids: Iterable[str] | None = None) -> Iterator[Frame]:
        """Frames in the order of adding, or those asked for in the order of asking.

        Parameters
        ----------
        frame_ids : iterable of str, optional
            All frames by default.

        Examples
        --------
        >>> sum(frame.width > 500 for frame in p.iter_frames())
        6
        """
        df, known = self._read_frames()
        if frame_ids is not None:
            ids = list(frame_ids)
            position = known.get_indexer(pd.Index(ids))
            if (position < 0).any():
                raise unknown("frame", ids[int((position < 0).argmax())], known.tolist())
            df = df.iloc[position]
        for row in df.itertuples(index=False, name=None):
            yield frame_from_row(dict(zip(df.columns, row, strict=True)))

    def frame(self, frame_id: str) -> Frame:
        """One frame by its id.

        Parameters
        ----------
        frame_id : str

        Examples
        --------
        >>> p.frame(p.frames()["frame_id"][0]).height
        384
        """
        return next(self.iter_frames([frame_id]))

    def path_of(self, frame: Frame) -> Path:
        """Absolute path of the file that holds a frame.

        Parameters
        ----------
        frame : Frame

        Examples
        --------
        >>> p.path_of(next(p.iter_frames())).suffix
        '.jpg'
        """
        return self.root / frame.uri

    # ---- runs and proposals

    def runs(self) -> list[Manifest]:
        """Manifests of all runs, oldest first.

        Examples
        --------
        >>> [(run.run_id, run.status, run.conf) for run in p.runs()]
        [('r0001-yolo_nano', 'finished', 0.5)]
        """
        folders = [path.parent for path in (self.root / "runs").glob("r[0-9]*/run.json")]
        return [read_manifest(folder) for folder in sorted(folders, key=run_number)]

    def run(self, run: str | None = None) -> RunStore:
        """A run by its id or the unique beginning of it (``'r0001'``).

        Without a name it is the newest finished one that proposes detections; a run of a tracker
        only where there is no other.

        Parameters
        ----------
        run : str, optional
            The newest finished run by default.

        Raises
        ------
        NotFoundError
            There is no such run.

        Examples
        --------
        >>> p.run("r0001").manifest.frames
        6
        """
        manifests = self.runs()
        ids = [m.run_id for m in manifests]
        if run is None:
            # a live track was not asked for as a run
            finished = [m for m in manifests if m.status == "finished"]
            asked_for = [m for m in finished if not m.is_live]
            by_id = {m.run_id: m for m in manifests}
            named = [m for m in asked_for if proposes_detections(m, by_id)] or asked_for
            if not named:
                raise NotFoundError("This project has no finished run", remedy="use predict first")
            return RunStore(self.root / "runs" / named[-1].run_id)
        hits = [i for i in ids if i == run] or [i for i in ids if i.split("-")[0] == run]
        if not hits:
            raise unknown("run", run, ids)
        return RunStore(self.root / "runs" / hits[0])

    def proposals(
        self, run: str | Sequence[str] | None = None, min_score: float | None = None
    ) -> pd.DataFrame:
        """Proposals of one run, of several, or of all that count now.

        Parameters
        ----------
        run : str or sequence of str, optional
            Without it all finished runs, less the proposals on frames that a later run with
            ``replace=True`` has done again, and of tracks that were tracked again there.
        min_score : float, optional
            From this score up; everything stored by default.

        Returns
        -------
        DataFrame
            ``PROPOSAL_COLUMNS``; names are categorical.

        Examples
        --------
        >>> shown = p.proposals("r0001", min_score=0.5)
        >>> bool((shown["score"] >= 0.5).all()), sorted(shown["label"].unique())
        (True, ['bolt', 'nut', 'washer'])
        """
        if run is not None:
            names = [run] if isinstance(run, str) else list(run)
            return proposals_dataframe([self.run(name).table(min_score) for name in names])
        finished = [
            RunStore(self.root / "runs" / m.run_id) for m in self.runs() if m.status == "finished"
        ]
        hidden = Hidden(finished)
        return proposals_dataframe([hidden.keep(s.run_id, s.table(min_score)) for s in finished])

    def proposals_shown(self, runs: Sequence[str]) -> pd.DataFrame:
        """What a review of some runs shows: their proposals and what was made from them since.

        Parameters
        ----------
        runs : sequence of str
            The runs whose queue is reviewed.

        Returns
        -------
        DataFrame
            As :meth:`proposals` gives it: these runs, and the tracks and masks that count now.
            Other detectors' proposals are left out, and so is what was made in their place.

        Examples
        --------
        >>> len(p.proposals_shown(["r0001-yolo_nano"])) == len(p.proposals())
        True
        """
        finished = [m for m in self.runs() if m.status == "finished"]
        others = {m.run_id for m in finished if m.kind == "detector"}.difference(runs)

        def belongs(m: Manifest) -> bool:
            elsewhere = not others.isdisjoint(m.replaces) and {*runs}.isdisjoint(m.replaces)
            return m.run_id in runs or not (m.run_id in others or elsewhere)

        stores = [RunStore(self.root / "runs" / m.run_id) for m in finished if belongs(m)]
        hidden = Hidden(stores)
        return proposals_dataframe([hidden.keep(s.run_id, s.table()) for s in stores])

    def claim_tracks(self, wanted: Sequence[int | None], owner: str | None = None) -> list[int]:
        """Track ids for new tracks, which no other track of the project has or will have.

        Parameters
        ----------
        wanted : sequence of int or None
            For each track an id that it gets where it is free, or None.
        owner : str, optional
            The id of the run that they are for: asked again, after a kill, it gets the same ones.

        Examples
        --------
        >>> p.claim_tracks([7, None])
        [7, 8]
        """
        self.check_writable("There can be no new tracks")
        decisions = self.decisions()
        texts = [str(t) for name in ("before", "after") for t in decisions[name].dropna()]
        return claim_ids(self.root, wanted, texts, owner)

    # ---- decisions

    def decisions(self) -> pd.DataFrame:
        """The whole ledger, one row per decision, with ``DECISION_COLUMNS``.

        Examples
        --------
        >>> with p.review(reviewer="ana") as s:
        ...     _ = s.skip("out of focus")
        >>> p.decisions()[["kind", "reviewer", "comment"]]
           kind reviewer       comment
        0  skip      ana  out of focus
        """
        return self.ledger.dataframe()

    def annotations(
        self, run: str | Sequence[str] | None = None, *, reviewer: str | None = None
    ) -> pd.DataFrame:
        """All objects as they stand after all decisions, undecided proposals included.

        Parameters
        ----------
        run : str or sequence of str, optional
            As in :meth:`proposals`; decisions on other runs count in any case.
        reviewer : str, optional
            Fold the decisions of this person alone.

        Returns
        -------
        DataFrame
            ``ANNOTATION_COLUMNS``: see :func:`labkit.ledger.fold.fold`. What a review shows is
            where ``shown_from`` is at or above its threshold
            (:func:`labkit.core.visibility.is_shown`).

        Examples
        --------
        >>> with p.review(reviewer="ana") as s:
        ...     _ = s.reject(s.objects()[0].object_id)
        >>> p.annotations()["state"].value_counts()["rejected"]
        np.int64(1)
        """
        decisions = self.decisions()
        if reviewer is not None:
            decisions = decisions[decisions["reviewer"] == reviewer]
        proposals = self.proposals(run)
        runs = None if run is None else [str(r) for r in proposals["run_id"].unique()]
        return fold(proposals, decisions, self.thresholds(runs))

    def thresholds(
        self, runs: Iterable[str] | None = None, threshold: float | None = None
    ) -> Thresholds:
        """From which score the proposals of each run are shown.

        Parameters
        ----------
        runs : iterable of str, optional
            Ids of the runs that are shown; all by default.
        threshold : float, optional
            One threshold for all of them that propose detections, in place of each one's own.

        Examples
        --------
        >>> shown = p.annotations()["shown_from"]
        >>> conf = p.thresholds()
        >>> conf == p.thresholds(["r0001-yolo_nano"])
        True
        """
        return thresholds_of(self.runs(), runs, threshold)

"""A project on disk: its settings, frames, runs and ledger. No model and no rule of reviewing."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import tomli_w

from labkit.core.errors import InputError, NotFoundError, StoreError, store_error
from labkit.core.registry import unknown
from labkit.core.rows import frame_from_row
from labkit.core.skeleton import Skeleton, check_skeletons
from labkit.core.types import Frame, Manifest
from labkit.core.visibility import Thresholds
from labkit.ledger.fold import fold
from labkit.ledger.ledger import Ledger
from labkit.ledger.schema import PROJECT_SCHEMA
from labkit.store.files import write_atomic, write_lock
from labkit.store.proposals import RunStore, proposals_dataframe, read_manifest
from labkit.store.schema import FRAMES
from labkit.store.thresholds import proposes_detections, thresholds_of
from labkit.store.tracks import Hidden, claim_ids

__all__ = ["ProjectStore"]

_FILE = "project.toml"
_DEFAULT_LEDGER = "sqlite:///ledger.db"


def _check_labels(labels: Iterable[str]) -> list[str]:
    if isinstance(labels, str):
        raise InputError("Labels are a list of names", f"{labels!r} is one string", f"[{labels!r}]")
    out = [str(label).strip() for label in labels]
    for label in out:
        if not label or any(ord(c) < 32 for c in label):
            raise InputError("A label needs a name without control characters", f"{label!r}")
    if len(set(out)) < len(out):
        twice = sorted({label for label in out if out.count(label) > 1})
        raise InputError("A label can be listed only once", ", ".join(twice))
    return out


class ProjectStore:
    """A project's folder. Use :meth:`create` and :meth:`open`.

    Attributes
    ----------
    root : Path
        The folder.
    name : str
    labels : list of str
        The project's labels in order; exports number them so.
    skeletons : dict of str to Skeleton
        The keypoints of those labels that have any; see :meth:`set_skeleton`.
    ledger : Ledger
        The decisions.
    read_only : bool
        Whether every write is refused.
    """

    def __init__(self, root: Path, settings: Mapping[str, Any], *, read_only: bool) -> None:
        self.root, self.read_only = root, read_only
        self.name: str = settings["name"]
        self.labels: list[str] = list(settings["labels"])
        self.skeletons = check_skeletons(settings.get("skeletons"), self.labels)
        self._ledger_url: str = settings["ledger"]
        self.ledger = Ledger(self._ledger_url, root, read_only=read_only)
        self._frames: tuple[int, pd.DataFrame, pd.Index[Any]] | None = None

    @classmethod
    def create(
        cls,
        path: str | Path,
        labels: Iterable[str] = (),
        name: str | None = None,
        ledger: str | None = None,
        skeletons: Mapping[str, Any] | None = None,
    ) -> Self:
        """Make a new project in an empty or new folder.

        Parameters
        ----------
        path : str or Path
            The folder.
        labels : iterable of str
            In the order in which exports number them; may be left to the first model.
        name : str, optional
            The folder's name by default.
        ledger : str, optional
            SQLAlchemy URL of the ledger: SQLite in the folder by default,
            ``postgresql+psycopg://...`` to share it.
        skeletons : mapping, optional
            Label → its keypoints: see :meth:`set_skeleton`.

        Raises
        ------
        InputError
            There is a project already, or the labels or skeletons are not usable.
        StoreError
            The folder cannot be written.
        """
        root = Path(path).expanduser().resolve()
        checked = _check_labels(labels)
        if (root / _FILE).exists():
            raise InputError(
                f"There is a project in {str(root)!r} already", remedy="use Project.open"
            )
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise store_error(f"Cannot make the project folder {str(root)!r}", exc) from exc
        settings = {
            "name": name or root.name,
            "labels": checked,
            "ledger": ledger or _DEFAULT_LEDGER,
            "skeletons": check_skeletons(skeletons, checked),
        }
        with write_lock(root):
            (root / "runs").mkdir(exist_ok=True)
            project = cls(root, settings, read_only=False)
            project._write_settings()
        return project

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False) -> Self:
        """Open a project.

        Raises
        ------
        NotFoundError
            There is none in this folder.
        StoreError
            It was written by a newer labkit, or cannot be read.
        """
        root = Path(path).expanduser().resolve()
        try:
            settings = tomllib.loads((root / _FILE).read_text("utf-8"))
            schema = int(settings["schema"])
            if schema > PROJECT_SCHEMA:
                raise StoreError(
                    f"The project {root.name!r} cannot be opened",
                    f"it has schema {schema}, this labkit knows {PROJECT_SCHEMA}",
                    "update labkit",
                )
            return cls(root, settings, read_only=read_only)
        except FileNotFoundError as exc:
            raise NotFoundError(
                f"There is no project in {str(root)!r}", f"{_FILE} is missing", "use Project.create"
            ) from exc
        except (OSError, KeyError, TypeError, ValueError) as exc:
            raise StoreError(f"The project in {str(root)!r} cannot be read", str(exc)) from exc

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} at {str(self.root)!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the ledger's connections."""
        self.ledger.close()

    def check_writable(self, what: str) -> None:
        """Raise a :class:`StoreError` where the project is open read-only."""
        if self.read_only:
            raise StoreError(what, "the project is open read-only", "open it with read_only=False")

    def _write_settings(self) -> None:
        settings = {
            "name": self.name,
            "schema": PROJECT_SCHEMA,
            "labels": self.labels,
            "ledger": self._ledger_url,
        }
        if self.skeletons:
            settings["skeletons"] = {k: v.to_json() for k, v in self.skeletons.items()}
        write_atomic(self.root / _FILE, lambda f: tomli_w.dump(settings, f))

    def add_labels(self, labels: Iterable[str]) -> list[str]:
        """Append labels that are not there yet; the order of the old ones never changes."""
        self.check_writable("These labels cannot be added")
        with self._settings():
            self.labels += [x for x in _check_labels(labels) if x not in self.labels]
        return self.labels

    def set_skeleton(
        self, label: str, skeleton: Skeleton | str | Mapping[str, Any] | Iterable[str] | None
    ) -> None:
        """Say what the keypoints of a label are; None: it has none.

        Parameters
        ----------
        label : str
        skeleton : Skeleton, str, mapping, iterable of str or None
            ``'coco-person'``, ``{"names": ["head", "tip"], "limbs": [(0, 1)]}``, names alone, or
            a :class:`labkit.core.skeleton.Skeleton`.
        """
        self.check_writable("This skeleton cannot be set")
        with self._settings():
            if skeleton is None:
                self.skeletons.pop(label, None)
            else:
                self.skeletons |= check_skeletons({label: skeleton}, self.labels)

    @contextmanager
    def _settings(self) -> Iterator[None]:
        """Change the settings as they are on disk now, and write them."""
        with write_lock(self.root):
            now = tomllib.loads((self.root / _FILE).read_text("utf-8"))
            self.labels = list(now["labels"])
            self.skeletons = check_skeletons(now.get("skeletons"), self.labels)
            yield
            self._write_settings()

    # ---- frames

    def frames(self) -> pd.DataFrame:
        """The frames in the order of adding, with the columns of ``frames.parquet``."""
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
        """Frames in the order of adding, or those asked for in the order of asking."""
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
        """One frame by its id."""
        return next(self.iter_frames([frame_id]))

    def path_of(self, frame: Frame) -> Path:
        """Absolute path of the file that holds a frame."""
        return self.root / frame.uri

    # ---- runs and proposals

    def runs(self) -> list[Manifest]:
        """Manifests of all runs, oldest first."""
        folders = sorted((self.root / "runs").glob("r[0-9]*/run.json"))
        return [read_manifest(path.parent) for path in folders]

    def run(self, run: str | None = None) -> RunStore:
        """A run by its id or the unique beginning of it (``'r0001'``).

        Without a name it is the newest finished one that proposes detections; a run of a tracker
        only where there is no other.

        Raises
        ------
        NotFoundError
            There is no such run.
        """
        manifests = self.runs()
        ids = [m.run_id for m in manifests]
        if run is None:
            # what followed a reviewer is not a run that anybody asked for
            finished = [m for m in manifests if m.status == "finished"]
            asked_for = [m for m in finished if not m.params.get("follow")]
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
        """
        self.check_writable("There can be no new tracks")
        decisions = self.decisions()
        texts = [str(t) for name in ("before", "after") for t in decisions[name].dropna()]
        return claim_ids(self.root, wanted, texts, owner)

    # ---- decisions

    def decisions(self) -> pd.DataFrame:
        """The whole ledger, one row a decision, with ``DECISION_COLUMNS``."""
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
        """
        return thresholds_of(self.runs(), runs, threshold)

"""Track ids: unique in a project, over runs, decisions and processes. And what tracks hide."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from labkit.core.errors import StoreError
from labkit.store.files import write_atomic, write_lock
from labkit.store.proposals import RunStore

__all__ = ["Hidden", "claim_ids"]

_FILE = "tracks.json"
_IN_JSON = re.compile(r'"track_id":\s*(\d+)')


class Hidden:
    """Which proposals of each run no longer count, because later runs replaced them."""

    def __init__(self, finished: Iterable[RunStore]) -> None:
        self._all: dict[str, set[str]] = {}
        self._tracks: dict[str, dict[int, set[str]]] = {}
        for store in finished:
            if not store.manifest.replaces:
                continue
            done = store.done_frames()  # a follower is finished when it is switched off
            for old in store.manifest.replaces:
                if not store.manifest.tracks:
                    self._all.setdefault(old, set()).update(done)
                for track in store.manifest.tracks:
                    self._tracks.setdefault(old, {}).setdefault(int(track), set()).update(done)

    def keep(self, run_id: str, table: pa.Table) -> pa.Table:
        """The proposals of one run that count."""
        frames = self._all.get(run_id)
        if frames:
            gone = pc.is_in(table["frame_id"].cast(pa.string()), pa.array(sorted(frames)))
            table = table.filter(pc.invert(gone))
        for track, done in self._tracks.get(run_id, {}).items():
            same = pc.fill_null(pc.equal(table["track_id"], track), fill_value=False)
            gone = pc.is_in(table["frame_id"].cast(pa.string()), pa.array(sorted(done)))
            table = table.filter(pc.invert(pc.and_(same, gone)))
        return table


def claim_ids(
    root: Path, wanted: Sequence[int | None], decided: Iterable[str], owner: str | None = None
) -> list[int]:
    """Track ids that no other track of the project has, now or later.

    Parameters
    ----------
    root : Path
        The project's folder.
    wanted : sequence of int or None
        Ids to have where they are free; they are when they lie above all that were ever given.
    decided : iterable of str
        Objects of the ledger, as JSON.
    owner : str, optional
        A run's id: asked again, after a kill, it gets the same ids.
    """
    with write_lock(root):
        stored = _kept(root / _FILE)
        if owner is not None and owner in stored["given"]:
            return [int(i) for i in stored["given"][owner]]
        last = max([int(stored["last"]), _last_proposed(root), *_ids_in(decided)])
        claimed: list[int] = []
        taken: set[int] = set()
        high = max([last, *(w for w in wanted if w is not None)])
        for want in wanted:
            if want is None or want <= last or want in taken:
                high += 1
                want = high
            taken.add(want)
            claimed.append(want)
        if owner is not None:
            stored["given"][owner] = claimed
        stored["last"] = max([last, *claimed])
        text = json.dumps(stored).encode()
        write_atomic(root / _FILE, lambda f: f.write(text))
    return claimed


def _kept(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"last": 0, "given": {}}
    try:
        data = json.loads(path.read_text("utf-8"))
        return {"last": int(data["last"]), "given": dict(data["given"])}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise StoreError(f"{_FILE} cannot be read", str(exc), "delete it") from exc


def _ids_in(texts: Iterable[str]) -> Iterable[int]:
    return (int(m[1]) for text in texts if text and (m := _IN_JSON.search(text)))


def _last_proposed(root: Path) -> int:
    """The greatest track id in any run; detectors give none."""
    last = 0
    for path in sorted((root / "runs").glob("r[0-9]*")):
        if not (path / "run.json").exists() or RunStore(path).manifest.kind == "detector":
            continue
        for part in path.glob("part-*.parquet"):
            column = pq.read_table(part, columns=["track_id"])["track_id"]
            last = max(last, pc.max(column).as_py() or 0)
    return last

"""A project's folder: made, opened, its labels and skeletons; and the ledger that it names."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import tomli_w

from labkit.core.errors import Argument, InputError, NotFoundError, StoreError, store_error
from labkit.core.skeleton import Skeleton, check_skeletons
from labkit.ledger.ledger import Ledger
from labkit.ledger.schema import PROJECT_SCHEMA
from labkit.store.files import write_atomic, write_lock

__all__ = ["ProjectFolder"]

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


class ProjectFolder:
    """A project's folder: its settings, labels and ledger; the base of :class:`ProjectStore`.

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

        Examples
        --------
        >>> lk.Project.create("streets", labels=["person", "car"]).labels
        ['person', 'car']
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

        Parameters
        ----------
        path : str or Path
            The folder.
        read_only : bool
            Refuse every write.

        Raises
        ------
        NotFoundError
            There is no project in this folder.
        StoreError
            It was written by a newer labkit, or cannot be read.

        Examples
        --------
        >>> with lk.Project.open("screws", read_only=True) as p:
        ...     print(p.labels)
        ['nut', 'bolt', 'washer']
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
        """Close the ledger's connections.

        Examples
        --------
        >>> p.close()
        """
        self.ledger.close()

    def check_writable(self, what: str) -> None:
        """Raise a :class:`StoreError` where the project is open read-only.

        Parameters
        ----------
        what : str
            What could not be done, for the error.

        Examples
        --------
        >>> p.check_writable("These frames cannot be added")
        """
        if self.read_only:
            raise StoreError(
                what,
                "the project is open read-only",
                "open it with " + Argument("read_only", False),
            )

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
        """Append labels that the project lacks; the order of the old ones never changes.

        Parameters
        ----------
        labels : iterable of str

        Returns
        -------
        list of str
            All labels of the project.

        Examples
        --------
        >>> p.add_labels(["bolt", "spring"])
        ['nut', 'bolt', 'washer', 'spring']
        """
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

        Examples
        --------
        >>> p.set_skeleton("bolt", {"names": ["head", "tip"], "limbs": [(0, 1)]})
        >>> p.skeletons["bolt"].names
        ('head', 'tip')
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

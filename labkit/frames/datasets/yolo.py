"""YOLO: the folders and lists that a ``data.yaml`` names, and the label file of each image.

The layouts of Ultralytics, Roboflow, FiftyOne and labelImg.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import yaml

from labkit.core.errors import InputError
from labkit.frames.walk import IMAGE_SUFFIXES, Found, first_existing, natural_key, walk

__all__ = ["YoloDataset", "locate", "read_settings"]

_SPLITS: Final = ("train", "val", "validation", "test", "minival")
_NO_SPLITS: Final = {"path", "names", "nc", "download", "task"}
_EMPTY: Final = {"", "null", "Null", "NULL", "~"}
_NO_LABELS: Final = {"classes.txt", "train.txt", "val.txt", "test.txt"}


@dataclass(frozen=True, slots=True)
class YoloDataset:
    """Where a YOLO dataset lies.

    Attributes
    ----------
    root : Path
        The folder from which its names count.
    config : Path or None
        Its yaml file.
    settings : Mapping
        What the yaml file says. Every scalar is text as it is written, so that a class called
        ``02146`` or ``no`` keeps its name.
    places : tuple of Path
        Folders, lists and images of its splits in order, each once; only those that exist.
    missing : tuple of (Path, str)
        Places that do not exist, with the reason.
    """

    root: Path
    config: Path | None
    settings: Mapping[str, Any]
    places: tuple[Path, ...]
    missing: tuple[tuple[Path, str], ...] = ()

    def files(self, recursive: bool = True) -> Found:
        """Images and videos in order; those named by a list may be missing.

        Raises
        ------
        InputError
            A list of images cannot be read.
        OSError
            A folder cannot be read.
        """
        found = Found([], list(self.missing))
        for place in self.places:
            if place.is_dir():
                found += walk(place, recursive)
            elif place.suffix.lower() == ".txt":
                found.files += _listed(place, self.root)
            else:
                found.files.append(place)
        return found

    def labelled(self) -> Iterator[tuple[Path, Path]]:
        """Images with their label files, then label files whose image is missing.

        A label file may be absent. An image that is missing has the path that it would have, from
        a folder without suffix.

        Raises
        ------
        InputError, OSError
            As :meth:`files`.
        """
        taken: set[Path] = set()
        for image in dict.fromkeys(self.files().files):
            if image.suffix.lower() in IMAGE_SUFFIXES:
                label = self.label_of(image)
                taken.add(label)
                yield image, label
        folders = [p for p in self.places if p.is_dir()] + [p for p, _ in self.missing]
        for folder in folders:
            place = self.label_folder(folder) or folder
            found = place.rglob("*.txt") if place.is_dir() else ()
            alone = {p for p in found if p not in taken and p.name not in _NO_LABELS}
            taken |= alone
            for label in sorted(alone, key=natural_key):
                yield folder / label.relative_to(place).with_suffix(""), label

    def label_of(self, image: Path) -> Path:
        """The label file of an image, which may be absent.

        Ultralytics replaces the last folder ``images`` of the path by ``labels``. Here this holds
        for folders inside the dataset first; where there is no such file, one beside the image
        counts, and last one outside the dataset.
        """
        places = (place.with_suffix(".txt") for place in self._label_places(image))
        first = next(places)
        return first_existing(chain([first], places)) or first

    def label_folder(self, folder: Path) -> Path | None:
        """The folder ``labels`` that belongs to a folder of images, None where there is none."""
        return first_existing(p for p in self._label_places(folder) if p != folder)

    def _label_places(self, path: Path) -> Iterator[Path]:
        """Where labels of an image or of a folder may lie, the likeliest first."""
        try:
            inside = path.relative_to(self.root)
        except ValueError:
            yield _swapped(path) or path
            yield path
        else:
            if twin := _swapped(inside):
                yield self.root / twin
            yield path
            if twin := _swapped(path):
                yield twin


def locate(path: Path) -> YoloDataset:
    """Find a dataset from its yaml file, or from a folder with or without one.

    As in Ultralytics, ``path`` in the file is the dataset's folder (here: next to the yaml file
    where it is relative or does not exist). An entry is a folder, a ``.txt`` list of images or a
    list of these, and ``../train/images`` may also mean ``train/images`` (Roboflow's exports).

    Raises
    ------
    InputError
        The path does not exist, its yaml file cannot be read, or names no images.
    """
    if not path.exists():
        raise InputError(f"There is no dataset at {path}", "the path does not exist")
    config = _find_config(path) if path.is_dir() else path
    if config is None:
        images = path / "images"
        return YoloDataset(path, None, {}, (images if images.is_dir() else path,))
    settings = read_settings(config)
    named = settings.get("path")
    root = config.parent / named if isinstance(named, str) and named else config.parent
    root = root if root.is_dir() else config.parent
    places: dict[Path, None] = {}
    missing: list[tuple[Path, str]] = []
    for split, entry in _entries(settings):
        place = first_existing(_candidates(root, config.parent, entry))
        if place is not None and (split in _SPLITS or place.is_dir()):
            places.setdefault(place)
        elif place is None and split in _SPLITS:
            missing.append((root / entry, f"{split} of {config.name} does not exist"))
    if not places and not missing:
        raise InputError(f"{str(config)!r} is not a YOLO dataset", "it names no train, val or test")
    return YoloDataset(root, config, settings, tuple(places), tuple(dict.fromkeys(missing)))


def read_settings(path: Path) -> dict[str, Any]:
    """The content of a yaml file, every scalar as the text that is written there.

    Raises
    ------
    InputError
        It cannot be read, or is not a table of keys and values.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506 - it makes only text
    except (OSError, UnicodeDecodeError, ValueError, yaml.YAMLError, RecursionError) as exc:
        raise InputError(f"{str(path)!r} cannot be read as a YOLO dataset", str(exc)) from exc
    if not isinstance(data, dict):
        raise InputError(
            f"{str(path)!r} is not a YOLO dataset", "it is not a table of keys and values"
        )
    return {k: None if isinstance(v, str) and v in _EMPTY else v for k, v in data.items()}


def _find_config(folder: Path) -> Path | None:
    """The yaml file of a dataset's folder: by its usual names, else the only one with ``names``."""
    for name in ("data.yaml", "dataset.yaml", "data.yml"):
        if (folder / name).is_file():
            return folder / name
    named = [p for p in sorted(folder.glob("*.y*ml")) if "names" in read_settings(p)]
    return named[0] if len(named) == 1 else None


def _entries(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The splits of a yaml file with what they name; other keys may name folders of images, too."""
    for key in (*_SPLITS, *(k for k in settings if k not in _SPLITS and k not in _NO_SPLITS)):
        value = settings.get(key)
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, str) and entry:
                yield key, entry


def _candidates(root: Path, beside: Path, entry: str) -> list[Path]:
    places = [root / entry, beside / entry]
    if entry.startswith("../"):
        places.append(root / entry[3:])
    return places


def _listed(listing: Path, root: Path) -> list[Path]:
    """Images of a ``.txt`` list; relative names count from the list, else from the dataset."""
    try:
        lines = listing.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{str(listing)!r} cannot be read as a list of images", str(exc)) from exc
    names = [line.strip() for line in lines if line.strip()]
    near = listing.parent
    return [first_existing([near / name, root / name]) or near / name for name in names]


def _swapped(path: Path) -> Path | None:
    """The path with its last folder ``images`` replaced by ``labels``; None without one."""
    parts = list(path.parts)
    for k in reversed(range(len(parts))):
        if parts[k] == "images":
            return Path(*parts[:k], "labels", *parts[k + 1 :])
    return None

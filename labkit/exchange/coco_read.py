"""Reading COCO JSON: entries that are unusable are listed by their id, and the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.core.errors import InputError, LabkitError
from labkit.core.skeleton import Skeleton
from labkit.exchange.base import (
    ImportedDataset,
    ImportedImage,
    LabelledObject,
    SizeLookup,
)
from labkit.exchange.coco_entry import read_object
from labkit.exchange.images import image_size
from labkit.exchange.reports import Problem
from labkit.exchange.target import read_marker

__all__ = ["read_coco"]


@dataclass(slots=True)
class _Image:
    """An image's entry, while its annotations are collected."""

    name: str
    width: int
    height: int
    path: Path | None
    frame_id: str | None
    objects: list[LabelledObject] = field(default_factory=list)
    complete: bool = True


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"There is no dataset at {path}", "the path does not exist")
    marker = read_marker(path)
    if marker and marker.get("format") == "coco":
        return [path / str(name) for name in marker.get("files", [])]
    found = sorted(p for p in path.glob("*.json") if p.is_file())
    found = found or sorted(path.glob("annotations/*.json"))
    found = found or sorted(path.glob("*/_annotations.coco.json"))
    if not found:
        raise InputError(f"There is no COCO dataset at {path}", "it holds no JSON file")
    if len(found) > 1 and {p.name for p in found} != {"_annotations.coco.json"}:
        listed = ", ".join(p.name for p in found[:4])
        raise InputError(
            f"{path} holds {len(found)} JSON files", listed, "name the one to be imported"
        )
    return found


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as exc:
        raise InputError(f"{path} cannot be read", str(exc)) from exc
    if not isinstance(data, dict) or not isinstance(data.get("images"), list):
        raise InputError(f"{path} is no COCO dataset", "it has no list of images")
    for key in ("annotations", "categories"):
        if not isinstance(data.get(key, []), list):
            raise InputError(f"{path} is no COCO dataset", f"its {key} are no list")
    return data


class _Reader:
    """Reads one or several files into one dataset."""

    def __init__(self, size_of: SizeLookup | None, folders: Sequence[Path]) -> None:
        self._size_of, self._folders = size_of, folders
        self.images: list[_Image] = []
        self.labels: dict[str, None] = {}
        self.skeletons: dict[str, Skeleton] = {}
        self.problems: list[Problem] = []

    def _listed(self, entries: Any, kind: str, file: str) -> Iterator[Mapping[str, Any]]:
        for k, entry in enumerate(entries or []):
            if isinstance(entry, dict):
                yield entry
            else:
                self.problems.append(Problem(file, 0, f"{kind} number {k + 1} is no object"))

    def _find(self, json_file: Path, name: str) -> Path | None:
        """The image file: in the folders given, beside the JSON, or in COCO's usual places."""
        split = json_file.stem.rsplit("_", 1)[-1]
        inside = (".", "images", split, f"images/{split}")
        parents = (json_file.parent, json_file.parent.parent)
        places = [*self._folders, *(up / part for up in parents for part in inside)]
        return next((p / name for p in places if (p / name).is_file()), None)

    def _image(self, entry: Mapping[str, Any], json_file: Path) -> _Image:
        name = str(entry.get("file_name") or "").replace("\\", "/")
        if not name or "\0" in name:
            raise InputError("it has no usable file_name")
        path = self._find(json_file, name)
        size = entry.get("width"), entry.get("height")
        if not all(isinstance(v, int) and not isinstance(v, bool) and v > 0 for v in size):
            try:
                found = image_size(path) if path else None
            except OSError:
                found = None
            found = found or (self._size_of(name) if self._size_of else None)
            if found is None:
                raise InputError("its width and height are missing, and so is the image")
            size = found
        own = entry.get("labkit")
        frame_id = own.get("frame_id") if isinstance(own, dict) else None
        return _Image(
            name, int(size[0] or 0), int(size[1] or 0), path, str(frame_id) if frame_id else None
        )

    def file(self, json_file: Path) -> None:
        """Read one file."""
        data, file = _load(json_file), json_file.name
        names: dict[Any, str] = {}
        for entry in self._listed(data.get("categories"), "category", file):
            if isinstance(entry.get("name"), str) and isinstance(entry.get("id"), int):
                names[entry["id"]] = entry["name"]
                self.labels.setdefault(entry["name"])
                self._skeleton(entry, file)
            else:
                self.problems.append(Problem(file, 0, f"category {entry!r:.60} has no id and name"))
        by_id: dict[Any, _Image] = {}
        for entry in self._listed(data["images"], "image", file):
            number = entry.get("id")
            try:
                if not isinstance(number, int | str):
                    raise InputError("it has no id")
                if number in by_id:
                    raise InputError("its id is used twice")
                by_id[number] = self._image(entry, json_file)
            except (LabkitError, OSError, ValueError) as exc:
                self.problems.append(Problem(file, 0, f"image {number!r}: {exc}"))
        for entry in self._listed(data.get("annotations"), "annotation", file):
            self._annotation(entry, names, by_id, file)
        self.images += by_id.values()

    def _skeleton(self, category: Mapping[str, Any], file: str) -> None:
        if not category.get("keypoints"):
            return
        try:
            limbs = tuple((a - 1, b - 1) for a, b in category.get("skeleton") or ())
            self.skeletons[category["name"]] = Skeleton(tuple(category["keypoints"]), limbs)
        except (LabkitError, TypeError, ValueError) as exc:
            problem = f"the skeleton of {category['name']!r}: {exc}"
            self.problems.append(Problem(file, 0, problem))

    def _annotation(
        self,
        entry: Mapping[str, Any],
        names: Mapping[Any, str],
        by_id: Mapping[Any, _Image],
        file: str,
    ) -> None:
        where, category = entry.get("image_id"), entry.get("category_id")
        image = by_id.get(where) if isinstance(where, int | str) else None
        try:
            if image is None:
                raise InputError(f"its image_id {where!r} is no image of the file")
            if not isinstance(category, int) or category not in names:
                raise InputError(f"its category_id {category!r} is no category of the file")
            image.objects.append(read_object(entry, names[category], image.width, image.height))
        except (LabkitError, ValueError, TypeError, KeyError, OverflowError) as exc:
            if image is not None:
                image.complete = False
            self.problems.append(Problem(file, 0, f"annotation {entry.get('id')!r}: {exc}"))


def read_coco(
    path: Path, *, size_of: SizeLookup | None = None, images: Sequence[Path] = ()
) -> ImportedDataset:
    """See :meth:`labkit.exchange.coco.CocoFormat.read`."""
    reader = _Reader(size_of, images)
    for file in _files(path):
        reader.file(file)
    read = tuple(
        ImportedImage(
            i.name, i.width, i.height, tuple(i.objects), path=i.path, frame_id=i.frame_id,
            complete=i.complete,
        )
        for i in reader.images
    )  # fmt: skip
    return ImportedDataset(
        "coco", tuple(reader.labels), read, tuple(reader.problems), skeletons=reader.skeletons
    )

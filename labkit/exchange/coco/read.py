"""Reading COCO JSON: entries that cannot be used are listed by their id, and the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from labkit.core.errors import InputError
from labkit.core.skeleton import Skeleton
from labkit.exchange.coco.entry import read_object, read_track
from labkit.exchange.reader import DatasetReader, ImageLabels
from labkit.exchange.target import read_marker
from labkit.frames.datasets.coco import find_image, image_folders, image_name, load_json

__all__ = ["read_coco"]

_Id: TypeAlias = int | float | str


def read_coco(source: DatasetReader, folders: Sequence[Path]) -> None:
    """See :meth:`labkit.exchange.coco.CocoFormat.read`."""
    for json_file in _json_files(source.path):
        _JsonFile(source, json_file, folders).read()


def _json_files(path: Path) -> list[Path]:
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


class _JsonFile:
    """Reads one file: categories, then images, then annotations."""

    def __init__(self, source: DatasetReader, path: Path, folders: Sequence[Path]) -> None:
        self._source, self._path = source, path
        self._folders = [*folders, *image_folders(path)]
        # converters write ids as text, pandas as floats; 1.0 and 1 are one key
        self._labels: dict[_Id, str] = {}
        self._images: dict[_Id, ImageLabels] = {}

    def read(self) -> None:
        data, file = load_json(self._path), self._path.name
        for key in ("annotations", "categories"):
            if not isinstance(data.get(key) or [], list):
                raise InputError(
                    f"{str(self._path)!r} is not COCO JSON", f"its {key} are not a list"
                )
        for entry in self._entries(data, "categories", "category"):
            with self._source.attempt(file):
                self._category(entry)
        for entry in self._entries(data, "images", "image"):
            with self._source.attempt(file, what=f"image {entry.get('id')!r}"):
                self._image(entry)
        for entry in self._entries(data, "annotations", "annotation"):
            where = entry.get("image_id")
            image = self._images.get(where) if isinstance(where, _Id) else None
            with self._source.attempt(file, what=f"annotation {entry.get('id')!r}", image=image):
                self._annotation(entry, image)

    def _entries(self, data: Mapping[str, Any], key: str, what: str) -> Iterator[dict[str, Any]]:
        for number, entry in enumerate(data.get(key) or [], start=1):
            if isinstance(entry, dict):
                yield entry
            else:
                self._source.problem(self._path.name, f"{what} number {number} is not an object")

    def _category(self, entry: Mapping[str, Any]) -> None:
        name, number = entry.get("name"), entry.get("id")
        if not isinstance(name, str) or not isinstance(number, _Id):
            raise InputError(f"category {entry!r:.60} has no id and name")
        self._labels[number] = name
        self._source.label(name)
        if not entry.get("keypoints"):
            return
        with self._source.attempt(self._path.name, what=f"the skeleton of {name!r}"):
            limbs = tuple((a - 1, b - 1) for a, b in entry.get("skeleton") or ())
            self._source.skeletons[name] = Skeleton(tuple(entry["keypoints"]), limbs)

    def _image(self, entry: Mapping[str, Any]) -> None:
        number = entry.get("id")
        if not isinstance(number, _Id):
            raise InputError("it has no id")
        if number in self._images:
            raise InputError("its id is used twice")
        name = image_name(entry)
        if name is None:
            raise InputError("it has no usable file_name")
        own = entry.get("labkit")
        frame_id = own.get("frame_id") if isinstance(own, dict) else None
        width, height = (_pixels(entry.get(key)) for key in ("width", "height"))
        self._images[number] = self._source.new_image(
            name,
            path=find_image(name, self._folders) or self._folders[0] / name,
            width=width,
            height=height,
            frame_id=str(frame_id) if frame_id else None,
        )

    def _annotation(self, entry: Mapping[str, Any], image: ImageLabels | None) -> None:
        if image is None:
            raise InputError(f"its image_id {entry.get('image_id')!r} is not an image of the file")
        category = entry.get("category_id")
        if not isinstance(category, _Id) or category not in self._labels:
            raise InputError(f"its category_id {category!r} is not a category of the file")
        label = self._labels[category]
        image.objects.append(read_object(entry, label, image.width, image.height))
        read_track(entry)  # a track that cannot be used is listed, and the object stays


def _pixels(value: object) -> int | None:
    """A side of an image in pixels, None where the entry does not say it."""
    number = isinstance(value, int) and not isinstance(value, bool)
    return value if number and value > 0 else None  # type: ignore[operator, return-value]

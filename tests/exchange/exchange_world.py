"""A small project with real image files, and decisions on it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from PIL import Image

from labkit.core.types import AnnotatedObject, Decision, Frame, Manifest, Proposal, Shape
from labkit.store import ProjectStore, RunStore


class Encoded(NamedTuple):
    data: bytes
    mime: str = "image/jpeg"


class FakeReader:
    """Gives every frame of a video the same JPEG."""

    def __init__(self, data: bytes = b"\xff\xd8 not looked at") -> None:
        self.data = data

    def encoded(self, frame: Frame) -> Encoded:
        return Encoded(self.data)


def write_image(path: Path, size: tuple[int, int] = (64, 48), **save: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # the name in the picture: no two files are equal
    colour = tuple(hashlib.sha256(str(path).encode()).digest()[:3])
    Image.new("RGB", size, colour).save(path, **save)
    return path


def image_frame(path: Path, group: str | None = None, orientation: int = 1) -> Frame:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with Image.open(path) as image:
        image.load()  # Pillow turns TIFFs while it loads them, and nothing else
        turned = orientation >= 5 and image.format != "TIFF"
        size = image.size[::-1] if turned else image.size
    group = path.parent.as_posix() if group is None else group
    return Frame(
        digest[:16], digest, path.as_posix(), 0, *size, None, digest, group, orientation=orientation
    )


def video_frame(uri: str, index: int, size: tuple[int, int] = (64, 48)) -> Frame:
    source = hashlib.sha256(uri.encode()).hexdigest()
    own = hashlib.sha256(f"{uri}{index}".encode()).hexdigest()
    return Frame(own[:16], source, uri, index, *size, index / 25, own, uri)


def add_run(project: ProjectStore, proposals: Sequence[Proposal], conf: float = 0.5) -> str:
    ids = project.frames()["frame_id"].tolist()
    run = RunStore.create(project.root, Manifest("", "test", conf=conf, part_size=10**6), ids)
    run.write_part(0, proposals)
    run.finish()
    return run.run_id


def decide(project: ProjectStore, kind: str, frame_id: str, scripted: bool = False, **more) -> None:
    project.ledger.append(
        [
            Decision(
                uuid4().hex,
                more.pop("step", uuid4().hex),
                kind,
                frame_id,
                more.pop("reviewer", "robot" if scripted else "ana"),
                "s1",
                datetime.now(UTC),
                scripted=scripted,
                **more,
            )
        ]
    )


def accept(
    project: ProjectStore,
    frame_id: str,
    objects: Sequence[tuple[str, Shape]] = (),
    scripted: bool = False,
    **more,
) -> None:
    """A person draws the objects and accepts the frame."""
    for label, shape in objects:
        new = AnnotatedObject(uuid4().hex, frame_id, label, shape)
        after = new.to_json()
        decide(project, "add", frame_id, scripted, object_id=new.object_id, after=after, **more)
    decide(project, "accept_frame", frame_id, scripted, **more)

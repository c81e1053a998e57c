from __future__ import annotations

from pathlib import Path

import pytest
from exchange.exchange_world import image_frame, write_image

from labkit.store import ProjectStore


@pytest.fixture
def project(tmp_path: Path):
    """Three images in one folder; labels ``person``, ``car`` and one in another script."""
    with ProjectStore.create(tmp_path / "project", labels=["person", "car", "grüße: '\"é"]) as p:
        files = [write_image(tmp_path / "photos" / f"{n}.jpg") for n in ("a", "b", "c")]
        p.append_frames([image_frame(f) for f in files])
        yield p


@pytest.fixture
def ids(project: ProjectStore) -> list[str]:
    return project.frames()["frame_id"].tolist()

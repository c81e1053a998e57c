"""Projects of the drawn world; panels are driven by their widgets, without a browser."""

import shutil

import pytest

import labkit as lk
from labkit.demo import embedded_weights, write_stills


@pytest.fixture(scope="package")
def made(tmp_path_factory):
    """A folder with scenes and a project that has a run; tests must not change it."""
    folder = tmp_path_factory.mktemp("drawn")
    with lk.Project.create(folder / "project") as p:
        p.add_frames(write_stills(folder / "scenes", 8, seed=7))
        p.predict(embedded_weights(), conf=0.5, progress=None)
    return folder


@pytest.fixture
def project(made, tmp_path):
    with lk.Project.open(shutil.copytree(made / "project", tmp_path / "p")) as p:
        yield p


@pytest.fixture
def empty(tmp_path):
    with lk.Project.create(tmp_path / "empty", labels=["bolt", "vehicle"]) as p:
        yield p


@pytest.fixture
def closing():
    opened = []
    yield lambda panel: opened.append(panel) or panel
    for panel in opened:
        panel.close()

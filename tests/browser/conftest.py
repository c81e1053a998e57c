"""One JupyterLab and one browser for all flows; each flow has a project and a page of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.hands import Keys, Mouse
from browser.jupyter import ARGUMENTS, Lab, chromium
from browser.page import BenchPage

from labkit.demo import embedded_weights, write_stills
from labkit.project import Project
from labkit.widgets.glass import is_built

FRAMES = 24


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def browser() -> Iterator[object]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium()
    if path is None:
        pytest.skip("chromium is not installed (or set LABKIT_CHROMIUM)")
    if not is_built():
        pytest.skip("the front end is not built: python extensions/build.py")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture(scope="package")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of drawn frames with the small YOLO's proposals; tests must not change it."""
    folder = tmp_path_factory.mktemp("predicted")
    with Project.create(folder / "project") as p:
        p.add_frames(write_stills(folder / "scenes", FRAMES, seed=7))
        p.predict(embedded_weights(), conf=0.5)
    return folder


@pytest.fixture
def project(lab: Lab, predicted: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of that project under the lab's folder."""
    folder = lab.folder / request.node.name.replace("[", "-").replace("]", "")
    shutil.copytree(predicted, folder)
    return folder / "project"


@pytest.fixture(scope="package")
def page(browser, lab: Lab) -> Iterator[BenchPage]:
    page = BenchPage(browser, lab)
    yield page
    page.close()


@pytest.fixture
def bench(page: BenchPage, project: Path) -> Iterator[BenchPage]:
    """The bench on that project, painted, with the focus on its stage."""
    page.open(project)
    yield page
    page.leave()


@pytest.fixture(params=[Mouse, Keys], ids=["mouse", "keys"])
def hand(request: pytest.FixtureRequest, page: BenchPage) -> Mouse | Keys:
    """One who works with the mouse alone, and one with keys alone."""
    made: Mouse | Keys = request.param(page)
    return made

"""A front end of somebody else's is missing: a sentence with the remedy, and no blank cell."""

import shutil
from contextlib import contextmanager

import pytest
from browser.jupyter import Lab
from browser.page import BenchPage

CELL = """import labkit as lk
project = lk.Project.open({path!r})
shown = lk.{what}
shown"""
REVIEWER, BENCH = "Reviewer(project.review())", "Bench(project)"


@pytest.fixture(scope="module")
def lab(browser, tmp_path_factory):
    server = Lab(tmp_path_factory.mktemp("bare"))
    yield server
    server.close()


@contextmanager
def without(browser, lab, predicted, extension, what):
    """A page of a JupyterLab without an extension, with a widget in it."""
    folder = lab.folder / f"{extension.split('/')[-1]}-{what[:5]}"
    shutil.copytree(predicted, folder)
    lab.disable("labkit-lab", extension)
    page = BenchPage(browser, lab, folder.name)
    page.project_path = folder / "project"
    page.show(CELL.format(path=str(folder / "project"), what=what), "1 + 1")
    yield page
    page.end()


def test_without_anywidget_there_is_a_sentence_with_the_remedy(browser, lab, predicted):
    with without(browser, lab, predicted, "anywidget", BENCH) as page:
        said = page.page.locator(".labkit-starting")
        said.wait_for(timeout=60_000)
        page.page.locator(".jupyter-widgets-error-widget").first.wait_for(timeout=60_000)
        assert said.is_visible()
        assert "pip install anywidget ipycanvas" in said.inner_text()
        assert "load the page again" in said.inner_text()
        top = said.evaluate("""e => {
          const {x, y, width, height} = e.getBoundingClientRect();
          return e.contains(document.elementFromPoint(x + width / 2, y + height / 2));
        }""")
        assert top  # nothing lies over it


def test_without_ipycanvas_the_bench_works_and_says_what_is_missing(browser, lab, predicted):
    with without(browser, lab, predicted, "ipycanvas", REVIEWER) as page:
        said = page.page.locator(".lk-notice", has_text="pip install ipycanvas")
        said.wait_for(timeout=60_000)
        page.stage.focus()
        page.press("a", "x")
        page.at(3)
        page.saved()
        assert page.decisions()["kind"].iloc[-1] == "reject_frame"


def test_without_ipywidgets_there_is_a_picture_and_the_remedy(browser, lab, predicted):
    manager = "@jupyter-widgets/jupyterlab-manager"
    with without(browser, lab, predicted, manager, BENCH) as page:
        said = page.page.locator(".labkit-still")
        said.wait_for(timeout=60_000)
        assert "pip install ipywidgets" in said.inner_text()
        page.page.wait_for_function(
            "() => document.querySelector('.labkit-static img')?.naturalWidth > 100"
        )
        assert page.page.locator(".labkit-static table").first.inner_text().startswith("label")

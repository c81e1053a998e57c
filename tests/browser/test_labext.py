"""labkit's JupyterLab extension: launcher, palette, context menu, status bar, keys, visitor."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from browser.jupyter import EXTENSION, Lab
from browser.page import BenchPage

_SOURCES = """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells
  .map(cell => cell.source)"""
_NOTEBOOK = """part => {
  const widget = window.jupyterapp.shell.currentWidget;
  return Boolean(widget?.context?.isReady && widget.context.path.includes(part)
    && widget.sessionContext.session?.kernel?.connectionStatus === "connected");
}"""
_ITEM = ".jp-DirListing-item >> text='{}'"
_SHOWS = """text => (document.querySelector(".labkit-Status")?.textContent ?? "").includes(text)"""
_ABSENT = """() => {
  const item = document.querySelector(".labkit-Status");
  return !item || !item.textContent || item.classList.contains("lm-mod-hidden")
    || item.offsetParent === null;
}"""
_SETTING = "[id='jp-SettingsEditor-labkit-lab:plugin_{}']"
_OUTPUT = """text => [...document.querySelectorAll(".jp-OutputArea-output")]
  .some(e => e.textContent.includes(text))"""


@pytest.fixture(scope="module")
def lab(browser: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    if not (EXTENSION / "package.json").is_file():
        pytest.skip("the JupyterLab extension is not built: python extensions/build.py lab")
    server = Lab(tmp_path_factory.mktemp("extended"), extended=True)
    yield server
    server.close()


@pytest.fixture
def page(browser, lab: Lab) -> Iterator[BenchPage]:
    page = BenchPage(browser, lab)
    yield page
    errors = page.errors
    page.close()
    assert not errors


@pytest.fixture
def frames(lab: Lab, predicted, request: pytest.FixtureRequest) -> str:
    """A folder of six frames, as the file browser has it."""
    name = f"frames-{request.node.name.replace('_', '-')}"
    (lab.folder / name).mkdir()
    for path in sorted((predicted / "scenes").glob("*"))[:6]:
        if path.is_file():
            shutil.copy(path, lab.folder / name)
    return name


def answer(page: BenchPage, **answers: str) -> None:
    """Fill in the dialog and accept it."""
    page.page.wait_for_selector(".labkit-Form")
    for name, text in answers.items():
        page.page.fill(f".labkit-Form input[name={name}]", text)
    page.page.click(".jp-Dialog .jp-mod-accept")


def notebook(page: BenchPage, part: str) -> list[str]:
    """Wait for a notebook with its kernel; the sources of its cells."""
    page.page.wait_for_function(_NOTEBOOK, arg=part, timeout=60_000)
    return page.page.evaluate(_SOURCES)


def cells(page: BenchPage, name: str, *sources: str) -> None:
    """Open a notebook of these cells and run them."""
    page.lab.notebook(name, *sources)
    page.page.evaluate(
        "path => window.jupyterapp.commands.execute('docmanager:open', {path})", f"{name}.ipynb"
    )
    notebook(page, name)
    page.page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")


def test_jupyter_lists_it_as_enabled_and_ok(lab):
    said = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"],
        env=lab.env, capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    (line,) = [line for line in said.splitlines() if "labkit-lab" in line]
    assert "enabled" in line
    assert "OK" in line


def test_the_launcher_card_opens_a_notebook_that_runs_as_it_stands(page, frames):
    page.page.click(".jp-LauncherCard[title^='Open a notebook that predicts']")
    answer(page, folder=frames, weights="demo")
    sources = notebook(page, f"review-{frames}")
    assert len(sources) == 3
    assert sources[2].endswith("lk.Bench(p, queue=queue)")
    page.command("notebook:run-all-cells")
    page.page.wait_for_selector(".lk-stage[data-painted]", timeout=120_000)
    page.page.wait_for_function(_SHOWS, arg="0 / 6 frames")
    tabs = page.page.locator(".labkit-bench").get_by_role("tab").all_inner_texts()
    assert tabs == ["Queue", "Track", "Predict", "Metrics", "Jobs"]
    page.stage.focus()
    page.press("F8")  # a shortcut of the Settings editor
    page.at(2)
    page.saved()
    page.page.wait_for_function(_SHOWS, arg="1 / 6 frames")
    page.press("F2")
    page.at(1)


def test_the_palette_opens_a_project(page, project):
    page.command("apputils:activate-command-palette")
    page.page.fill(".lm-CommandPalette-input", "labkit")
    listed = page.page.locator(".lm-CommandPalette-itemLabel").all_inner_texts()
    assert {"Review a folder of frames", "Open project"} <= set(listed)
    page.page.fill(".lm-CommandPalette-input", "labkit open project")
    page.page.click(".lm-CommandPalette-item[data-command='labkit:open-project']")
    answer(page, folder=f"{project.parent.name}/project")
    first, second = notebook(page, "review-project")
    assert 'lk.Project.open("project")' in first
    assert second == "lk.Bench(p)"
    page.command("notebook:run-all-cells")
    page.painted()
    page.page.locator(".labkit-bench").get_by_role("tab", name="Queue").wait_for()
    page.page.locator(".jp-Cell").first.locator(".jp-InputPrompt").click()
    page.command("apputils:activate-command-palette")
    page.page.fill(".lm-CommandPalette-input", "go to the bench")
    page.page.click(".lm-CommandPalette-item[data-command='labkit:enter-bench']")
    page.press("a")
    page.at(2)


def test_the_settings_are_handed_on(page, lab, project):
    shutil.copytree(project, lab.folder / "chosen")
    settings(page, "labkit", ".jp-SettingsPanel")
    page.page.select_option(_SETTING.format("keymap"), "cvat")
    page.page.fill(_SETTING.format("reviewer"), 'O"Neil')
    # the editor saves a moment after the last key
    file = lab.folder / ".home/user-settings/labkit-lab/plugin.jupyterlab-settings"
    end = time.monotonic() + 30
    while not (file.exists() and "Neil" in file.read_text() and "cvat" in file.read_text()):
        assert time.monotonic() < end, "the settings were not saved"
        page.page.wait_for_timeout(100)
    page.page.evaluate("() => void window.jupyterapp.commands.execute('labkit:open-project')")
    answer(page, folder="chosen")
    cell = notebook(page, "review-chosen")[1]
    assert cell == r'lk.Bench(p, reviewer="O\"Neil", keymap="cvat")'
    page.command("notebook:run-all-cells")
    page.painted()
    page.press("Control+b")  # CVAT's key for a copy to the next frame
    page.said("Select an object first")
    page.press("a")
    page.saved()
    page.project_path = lab.folder / "chosen"
    assert set(page.decisions()["reviewer"]) == {'O"Neil'}


def test_the_settings_editor_lists_the_shortcuts(page):
    settings(page, "Keyboard Shortcuts", ".jp-Shortcuts-Row")
    rows = page.page.locator(".jp-Shortcuts-Row", has_text="labkit").all_inner_texts()
    listed = [" ".join(row.split()) for row in rows]
    for command, key in (
        ("Accept the Frame", "F8"), ("Hand-labelling", "Shift + F8"), ("Frame Before", "F2"),
        ("Next Frame", "F4"),
    ):  # fmt: skip
        assert any(command in row and key in row for row in listed), (command, listed)


def settings(page: BenchPage, query: str, shown: str) -> None:
    """Open the Settings editor on a plug-in's page."""
    page.page.evaluate(
        "query => void window.jupyterapp.commands.execute('settingeditor:open', {query})", query
    )
    page.page.locator(shown).first.wait_for()


def test_a_folder_without_a_project_is_refused_in_words(page, frames):
    page.page.evaluate("() => void window.jupyterapp.commands.execute('labkit:open-project', {})")
    answer(page, folder=frames)
    page.page.wait_for_selector(f"text=There is no project in '{frames}'")
    page.page.click(".jp-Dialog-footer button")


def test_the_context_menu_reviews_folders_projects_and_images_only(page, lab, frames, project):
    (lab.folder / "notes.txt").write_text("nothing to see")
    shutil.copytree(project, lab.folder / "ready")
    page.command("filebrowser:refresh")
    row = "li[data-command='labkit:review-chosen']"
    page.page.click(_ITEM.format("notes.txt"), button="right")
    page.page.wait_for_selector("li[data-command='filebrowser:delete']")
    assert not page.page.locator(row).is_visible()
    page.press("Escape")
    page.page.click(_ITEM.format(frames), button="right")
    page.page.click(row)
    answer(page, weights='C:\\models\\my "best".pt')
    first, second, _third = notebook(page, f"review-{frames}")
    assert f'p.add_frames("{frames}")' in first
    assert f'folder = Path("{frames}-review")' in first
    assert json.dumps('C:\\models\\my "best".pt') in second
    page.page.click(_ITEM.format("ready"), button="right")
    page.page.click(row)  # a project asks for nothing
    assert 'lk.Project.open("ready")' in notebook(page, "review-ready")[0]


def test_the_status_bar_shows_a_job_while_it_runs(page, lab):
    stop = lab.folder / "stop"
    cells(
        page,
        "job",
        "import labkit, pathlib, time\nfrom labkit.runs import Job",
        "def work(context):\n"
        "    context.update(12, 48)\n"
        f"    while not pathlib.Path({str(stop)!r}).exists():\n"
        "        time.sleep(0.1)\n"
        "job = Job(work, 'sorting <b>').start()\n"
        "job.wait(); print('over')",
    )
    page.page.wait_for_function(_SHOWS, arg="sorting <b> 25 %", timeout=60_000)
    cells(page, "other", "1 + 1")  # another kernel, which does not use labkit
    page.page.wait_for_function(_ABSENT)
    stop.touch()


def test_the_status_bar_shows_the_memory_of_cards_where_there_are_any(page):
    """No card here: the report of the memory is made up, at the border to torch."""
    report = (
        "import labkit\n"
        "from labkit.widgets import status\n"
        "status._cards = lambda: (%s, %s)\n"
        "status.publish(again=True)"
    )
    cells(page, "card", "import labkit", report % ("3 * 2**29", "8 * 2**30"))
    page.page.wait_for_function(_SHOWS, arg="VRAM 1.5 of 8.0 GB", timeout=60_000)
    cells(page, "no-card", "import labkit", report % (None, None))
    page.page.wait_for_function(_ABSENT)


def test_the_kernel_hears_who_visits_also_after_a_reload(page):
    look = (
        "from labkit.widgets.visitor import visitor\n"
        "v = visitor(); print(v and f'{v.username} is {v.name}')"
    )
    cells(page, "who", "import labkit")
    page.page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.model")
    who = "() => { const u = window.jupyterapp.serviceManager.user.identity; return %s; }"
    want = page.page.evaluate(who % "`${u.username} is ${u.display_name}`")
    visited(page, look, want)
    page.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.page.goto(f"{page.lab.url}/lab/tree/who.ipynb?reset")
    notebook(page, "who")
    visited(page, look, page.page.evaluate(who % "`${u.username} is ${u.display_name}`"))


def visited(page: BenchPage, look: str, want: str) -> None:
    """Run the cell until the kernel knows; what a page says travels for a moment."""
    page.page.evaluate(
        """source => {
          const cells = window.jupyterapp.shell.currentWidget.content.model.sharedModel;
          cells.deleteCellRange(0, cells.cells.length);
          cells.insertCells(0, [{cell_type: "code", source}]);
        }""",
        look,
    )
    from playwright.sync_api import TimeoutError as TooLate

    for _ in range(20):
        page.command("notebook:run-all-cells")
        with suppress(TooLate):
            page.page.wait_for_function(_OUTPUT, arg=want, timeout=1500)
            return
    raise AssertionError(f"the kernel has not heard of {want}")


def test_without_the_extension_the_kernel_knows_nobody_and_nothing_breaks(browser, tmp_path):
    plain = Lab(tmp_path)
    try:
        page = BenchPage(browser, plain)
        cells(page, "who", "import labkit\nfrom labkit.widgets.visitor import visitor\nvisitor()")
        cells(page, "next", "print('still', 'here')")
        page.page.wait_for_function(_OUTPUT, arg="still here", timeout=60_000)
        assert page.page.locator(".labkit-Status").count() == 0
        errors = page.errors
        page.close()
        assert not errors
    finally:
        plain.close()

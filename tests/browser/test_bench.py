"""The bench with its panels: from an empty project to decisions, and keys that stay in it."""

import shutil

from browser.page import BENCH_CELL

from labkit.demo import write_stills
from labkit.project import Project


def tab(page, name):
    page.page.locator(".labkit-bench .lm-TabBar-tab", has_text=name).click()


def panel(page):
    return page.page.locator(".labkit-panel:visible")


def button(page, name):
    return panel(page).get_by_role("button", name=name, exact=True)


def test_from_an_empty_project_to_decisions(page, lab):
    folder = lab.folder / "fresh"
    scenes = write_stills(folder / "scenes", 6, seed=5)[0].parent
    Project.create(folder / "project").close()
    page.project_path = folder / "project"
    page.show(BENCH_CELL.format(path=str(folder / "project")))
    page.page.get_by_text("This project has no frames yet").wait_for(timeout=60_000)
    page.page.get_by_placeholder("a folder, glob, video or dataset to add").fill(str(scenes))
    page.page.keyboard.press("Tab")
    button(page, "Add frames").click()
    page.page.get_by_text("6 frames added").wait_for(timeout=60_000)
    button(page, "Predict").click()
    page.painted()
    page.press("a")
    page.at(2)
    page.saved()
    assert page.decisions()["kind"].iloc[0] == "accept_frame"
    tab(page, "Metrics")
    panel(page).get_by_text("1 frame finished").first.wait_for(timeout=60_000)
    tab(page, "Jobs")
    panel(page).get_by_text("predict yolo-nano: finished").first.wait_for()
    page.leave()


def test_keys_in_a_panel_stay_in_it_and_a_frame_is_opened(page, lab, predicted):
    folder = lab.folder / "paneled"
    shutil.copytree(predicted, folder)
    page.open(folder / "project", BENCH_CELL.format(path=str(folder / "project")), "1 + 1")
    queue = page.page.locator(".labkit-panel:visible .lkp-list select")
    queue.locator("option").nth(5).wait_for(state="attached", timeout=60_000)
    cells = page.cells()
    button(page, "Rank again").focus()
    page.press("d", "d", "a", "x")
    assert page.cells() == cells  # "d d" would have deleted the cell
    queue.select_option(index=4)
    with Project.open(folder / "project", read_only=True) as p:
        wanted = p.queue()["frame_id"].iloc[4]
    button(page, "Open in reviewer").click()
    page.page.wait_for_selector(f".lk-stage[data-painted='{wanted}']", timeout=60_000)
    page.at(5)
    assert page.decisions().empty
    page.leave()

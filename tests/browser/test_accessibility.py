"""The bench without a mouse and with a screen reader: axe-core, names, announcements, focus."""

from __future__ import annotations

import shutil

import pytest
from browser.page import BENCH_CELL

TABS = ("Queue", "Track", "Predict", "Metrics", "Jobs")
WHOLE = ".labkit-bench"
_FOCUSED = """() => {
  const e = document.activeElement, label = e.getAttribute("aria-label") ?? e.textContent;
  const own = getComputedStyle(e), after = getComputedStyle(e, "::after");
  if (!e.closest(".labkit-bench, .lk-glass")) return null;
  const shown = (style, width) => style !== "none" && parseFloat(width) > 0;
  return {
    what: `${e.tagName} ${e.type ?? ""} ${e.className} ${label.slice(0, 40)}`,
    ring: shown(own.outlineStyle, own.outlineWidth)
      || (e.matches(".lk-stage") && shown(after.borderTopStyle, after.borderTopWidth)),
  };
}"""


def serious(page, selector):
    """Serious and critical findings of axe-core, one line per node; nothing is left out."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    found = axe.Axe().run(page, context=selector).response["violations"]
    return [
        f"{v['impact']} {v['id']}: {v['help']}; at {' '.join(map(str, node['target']))}: "
        f"{node['html'][:160]}; {' '.join(node['failureSummary'].split())}"
        for v in found
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]


@pytest.fixture
def whole(page, lab, predicted, request):
    """The bench with its panels, in JupyterLab's theme of the test's parameter."""
    theme = getattr(request, "param", "Light")
    folder = lab.folder / f"whole-{request.node.name.replace('[', '-').replace(']', '')}"
    shutil.copytree(predicted, folder)
    page.open(folder / "project", BENCH_CELL.format(path=str(folder / "project")), "1 + 1")
    page.theme(theme)
    yield page
    page.theme("Light")
    page.leave()


def tab(page, name):
    page.page.locator(WHOLE).get_by_role("tab", name=name, exact=True).click()


def fill(page, name):
    """Open a tab and wait for what is worth looking at in it."""
    tab(page, name)
    shown = page.page.locator(f".labkit-panel[aria-label='{name}']")
    shown.wait_for()
    if name == "Queue":
        shown.locator(".lkp-list option").nth(3).wait_for(state="attached", timeout=60_000)
    elif name == "Predict":
        shown.get_by_role("button", name="Open", exact=True).click()
        shown.get_by_role("button", name="?", exact=True).click()
        shown.get_by_text("labels kept").wait_for(timeout=60_000)
    elif name == "Track":
        shown.locator(".lkp-list option").nth(1).wait_for(state="attached", timeout=60_000)


@pytest.mark.parametrize("whole", ["Light", "Dark"], indirect=True)
def test_axe_finds_nothing_serious_in_the_bench(whole):
    page, found = whole, {}
    page.press("a", "x", "ArrowDown", "2", "ArrowDown", "r")
    page.at(3)
    page.saved()
    for name in TABS:
        fill(page, name)
        if name == "Metrics":
            page.page.locator(".lkp-plots img:visible").nth(1).wait_for(timeout=60_000)
        found[name] = serious(page.page, WHOLE)
    page.stage.focus()
    page.press("?")
    found["keys"] = serious(page.page, WHOLE)
    page.press("?", "s")
    page.page.locator(".lk-pointstate", has_text="Click").wait_for(timeout=120_000)
    found["segment"] = serious(page.page, WHOLE)
    page.press("Escape", "Escape", "b")
    found["brush"] = serious(page.page, WHOLE)
    page.press("Escape")
    lines = [f"{where}: {text}" for where, texts in found.items() for text in texts]
    assert not lines, "\n".join(lines)


def test_axe_finds_nothing_serious_in_a_reviewer_alone(bench):
    found = serious(bench.page, ".lk-glass")
    bench.press("e", "ArrowRight", "Shift+Enter")
    found += serious(bench.page, ".lk-glass")
    bench.press("Escape")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("whole", ["Light", "Dark"], indirect=True)
def test_every_control_shows_that_it_has_the_focus(whole):
    page, seen, bare = whole, set(), set()
    for name in TABS:
        fill(page, name)
        page.stage.focus()
        for _ in range(80):
            here = page.page.evaluate(_FOCUSED)
            if here is None:
                break
            seen.add(here["what"])
            if not here["ring"]:
                bare.add(here["what"])
            page.press("Tab")
        else:
            raise AssertionError(f"Tab stays in the bench while {name} is open")
    assert len(seen) > 40, sorted(seen)
    assert not bare, sorted(bare)


def test_verdicts_are_announced_and_refusals_at_once(bench):
    heard = bench.page.locator(".lk-heard")
    bench.press("a")
    bench.said("Accepted. Frame 2 of 24")
    assert "- status: Accepted. Frame 2 of 24" in heard.aria_snapshot()
    bench.press("x")
    bench.said("To hand-labelling. Frame 3 of 24")
    bench.press("ArrowDown")
    bench.said("1 of ")
    name = bench.rows()[0].split(",")[0]
    assert f"- status: {name}" in heard.aria_snapshot()
    bench.press("Escape", "r")
    bench.said("Select an object first")
    assert "- alert: Select an object first" in heard.aria_snapshot()
    bench.press("z", "z")
    bench.said("Undone on frame 1")
    bench.saved()


def test_a_screen_reader_has_the_frame_its_objects_and_the_tools(bench):
    bench.press("ArrowDown", "2")
    bench.saved()
    snapshot = bench.page.locator(".lk-glass").aria_snapshot()
    for part in (
        'region "labkit review"', 'toolbar "Verdicts and tools"', 'button "Accept the frame"',
        'button "Send the frame to hand-labelling"', 'application "Frame under review"',
        'complementary "Frame and objects"', 'slider "Show objects from this score on"',
        'group "Labels"', 'listbox "Objects"', 'option "bolt, edited', 'navigation "Queue"',
    ):  # fmt: skip
        assert part in snapshot, (part, snapshot)
    assert "[selected]" in snapshot.split('option "bolt, edited')[1].splitlines()[0]
    active = bench.page.evaluate(
        """() => document.getElementById(document.querySelector(".lk-objects")
          .getAttribute("aria-activedescendant")).getAttribute("aria-label")"""
    )
    assert active.startswith("bolt, edited")


def test_panels_are_named_and_say_what_happened(whole):
    page = whole
    tab(page, "Predict")
    shown = page.page.locator(".labkit-panel[aria-label='Predict']")
    shown.get_by_role("button", name="Add frames").focus()
    page.press("Enter")
    shown.get_by_text("Say where the frames are").wait_for()
    assert "Say where the frames are" in shown.get_by_role("status").inner_text()
    assert shown.get_by_role("slider", name="Shown from score").count() == 1
    tab(page, "Queue")
    queue = page.page.locator(".labkit-panel[aria-label='Queue']")
    assert queue.get_by_role("listbox", name="Frames of the queue").count() == 1
    assert queue.get_by_role("slider", name="With a score, from").count() == 1


def test_keys_on_a_tab_stay_in_the_bench_and_tabs_are_chosen_by_arrows(whole):
    page, cells = whole, whole.cells()
    page.page.locator(WHOLE).get_by_role("tab", name="Queue").focus()
    page.press("d", "d", "x")
    assert page.cells() == cells
    page.press("ArrowRight", "Enter")
    page.page.locator(".labkit-panel[aria-label='Track']").wait_for()


def test_the_sheet_closes_where_tab_leaves_it(bench):
    bench.press("?")
    sheet = bench.page.locator(".lk-sheet")
    sheet.wait_for()
    bench.press("Tab")
    sheet.wait_for(state="hidden")
    bench.stage.focus()


@pytest.mark.parametrize("width", [1400, 1200, 1000])
def test_every_button_of_the_bar_can_be_seen(bench, width):
    page = bench.page
    page.set_viewport_size({"width": width, "height": 940})
    try:
        page.wait_for_function(
            """() => {
              const bar = document.querySelector(".lk-bar").getBoundingClientRect();
              return [...document.querySelectorAll(".lk-bar button:not([hidden])")].every(e => {
                const b = e.getBoundingClientRect();
                const [x, y] = [(b.left + b.right) / 2, (b.top + b.bottom) / 2];
                return b.left >= bar.left && b.right <= bar.right && b.top >= bar.top
                  && b.bottom <= bar.bottom && e.contains(document.elementFromPoint(x, y));
              });
            }""",
            timeout=30_000,
        )
    finally:
        page.set_viewport_size({"width": 1400, "height": 940})

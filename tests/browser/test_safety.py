"""What must not happen: markup from data, lost or doubled decisions, blank cells."""

import shutil

import pytest
from browser.page import CELL

from labkit.demo import embedded_weights, write_stills
from labkit.project import Project

EVIL = '<img src=x onerror="window.pwned=1">'


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A project whose labels and file names are markup."""
    folder = tmp_path_factory.mktemp("hostile")
    scenes = write_stills(folder / "scenes", 4, seed=3)
    (folder / "named").mkdir()
    for k, path in enumerate(scenes):
        shutil.copy(path, folder / "named" / f"<b onmouseover=pwned()>{k}.jpg")
    labels = {"nut": EVIL, "bolt": "</script><script>window.pwned=1</script>", "washer": "a&b"}
    with Project.create(folder / "project", labels=list(labels.values())) as p:
        p.add_frames(folder / "named")
        p.predict(embedded_weights(), conf=0.3, label_map=labels)
    return folder


def test_labels_and_names_stay_text(page, lab, hostile):
    project = shutil.copytree(hostile, lab.folder / "hostile") / "project"
    page.open(project)
    page.press("ArrowDown", "1", "n")
    page.drag((40, 40), (90, 80))
    page.press("?", "?", "a")
    page.saved()
    bench = page.page.locator(".lk-glass")
    assert EVIL in bench.inner_text()
    assert bench.locator("img, script, b").count() == 0
    assert page.page.evaluate("() => window.pwned === undefined")
    assert page.page.locator(".jp-OutputArea img[src=x]").count() == 0
    page.leave()


def test_a_refused_decision_brings_its_frame_back(bench):
    first = bench.frame_id
    bench.another_rejects(first)
    bench.press("a")
    bench.said("was not saved")
    bench.at(1)
    assert bench.frame_id == first
    assert bench.page.locator(".lk-light").get_attribute("data-light") == "refused"
    bench.page.locator(".lk-row.lk-is-rejected").first.wait_for()
    assert set(bench.decisions()["reviewer"]) == {"ben"}
    bench.press("a")
    bench.at(2)
    bench.saved()
    assert (bench.decisions()["kind"] == "accept_frame").sum() == 1


def test_a_verdict_on_the_last_frame_fetched_can_be_given_again_when_refused(bench):
    with bench.unanswered():
        bench.press(*"aaaaa")
        bench.at(6)
        bench.press("a", "a")  # the next frame is not here yet: one verdict, not two
        bench.another_rejects(bench.frame_id)
    bench.said("was not saved")
    bench.at(6)
    bench.press("a")
    bench.at(7)
    bench.saved()
    assert (bench.decisions()["kind"] == "accept_frame").sum() == 6


def test_what_is_reviewed_at_once_is_decided_in_order(bench):
    """Faster than any answer: an edit, a relabel of it, a verdict, the next frame's verdict."""
    top = bench.top()
    bench.press("e", "ArrowRight", "Enter", "2", "a", "x", "a")
    bench.at(4)
    bench.saved()
    rows = bench.decisions()
    kinds = rows["kind"][rows["kind"] != "accept"].tolist()
    assert kinds == ["edit", "relabel", "accept_frame", "reject_frame", "accept_frame"]
    assert rows["object_id"].iloc[0] == top.object_id


def test_what_has_just_been_drawn_can_be_changed_before_it_is_saved(bench):
    bench.press("n")
    bench.drag((40, 40), (90, 80))
    bench.press("2", "e", "ArrowDown", "Enter")
    bench.saved()
    (row,) = bench.decided().itertuples()
    assert row.label == "bolt"
    assert row.y1 == pytest.approx(41, abs=1)
    assert bench.decisions()["kind"].tolist() == ["add", "relabel", "edit"]


def test_a_picture_that_cannot_be_read_says_so_and_stops_nothing(page, project):
    with Project.open(project) as p:
        queue = p.queue()
        broken = p.path_of(p.frame(str(queue["frame_id"].iloc[1])))
    broken.write_bytes(broken.read_bytes()[:2000])
    page.open(project)
    page.press("a")
    page.at(2)
    page.page.get_by_text("cannot be read").wait_for()
    page.press("x")
    page.at(3)
    page.covered(False)
    page.saved()
    page.leave()


def test_a_missing_front_end_is_a_notice(page, project):
    code = CELL.format(path=str(project), options="")
    page.project_path = project
    page.show(f"import labkit.widgets.glass as g\ng.is_built = lambda: False\n{code}")
    try:
        page.page.locator(".labkit-missing", has_text="extensions/build.py").wait_for()
    finally:
        page.show("import importlib; importlib.reload(g)")
    page.leave()


def test_cvat_keys(page, project):
    page.open(project, options=', keymap="cvat", keys={"accept_frame": "ctrl+enter"}')
    page.press("a")
    assert page.place == 1
    page.press("ArrowDown", "Delete", "Control+Enter")
    page.at(2)
    page.press("Control+z")
    page.at(1)
    page.saved()
    assert page.decisions()["kind"].iloc[0] == "reject"
    page.leave()

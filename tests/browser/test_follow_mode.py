"""Objects carried along from frame to frame of a video, by T and by the button."""

import shutil

import pytest
from browser.page import CELL

from labkit.demo import embedded_weights, write_video
from labkit.project import Project

IN_ORDER = """
frames = project.frames()[["frame_id"]]
frames.attrs["runs"] = [project.runs()[0].run_id]
session = project.review(frames, reviewer="ana")
reviewer"""


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """A drawn clip, with the small YOLO's proposals on its first frame."""
    folder = tmp_path_factory.mktemp("filmed")
    with Project.create(folder / "project") as p:
        added = p.add_frames(write_video(folder / "clip.mp4", 8, seed=4))
        p.predict(embedded_weights(), conf=0.5, frames=[added.frame_ids[0]])
    return folder


@pytest.fixture
def film(page, lab, filmed, request):
    folder = lab.folder / request.node.name
    shutil.copytree(filmed, folder)
    cell = CELL.format(path=str(folder / "project"), options="")
    cell = cell.replace('session = project.review(reviewer="ana")\nreviewer', IN_ORDER.strip())
    page.open(folder / "project", cell)
    yield page
    page.leave()


def followed(bench):
    return [row for row in bench.rows() if "followed by flow" in row]


def test_t_follows_corrects_on_the_way_and_ends(film):
    film.press("ArrowDown", "t")
    film.said("Object followed by flow")
    film.page.locator(".lk-row[aria-label*='followed by flow']").wait_for()
    assert len(followed(film)) == 1
    label = followed(film)[0].split(",")[0]
    film.press("f")
    film.at(2)
    film.page.locator(".lk-row[aria-label*='followed by flow']").wait_for()
    film.covered(False)  # the canvas below says it, too
    film.press("ArrowDown", "e", "ArrowRight", "ArrowRight", "Enter", "a")  # corrected
    film.at(3)
    film.page.locator(".lk-row[aria-label*='followed by flow']").wait_for()
    film.press("ArrowDown", "t")
    film.said("no longer followed")
    film.press("f")
    film.at(4)
    film.saved()
    assert film.rows() == []
    with Project.open(film.project_path, read_only=True) as p:
        (track,) = p.tracks().itertuples()
        edited = p.decisions().query("kind == 'edit'")
        rows = p.annotations()
    assert track.label == label
    assert len(edited) == 1
    order = p.frames()["frame_id"].tolist()
    rows = rows[rows["track_id"].notna()]
    rows = rows.assign(place=rows["frame_id"].astype(str).map(order.index)).sort_values("place")
    assert rows["place"].tolist() == [0, 1, 2]
    assert rows["state"].tolist()[1] == "edited"


def test_the_button_does_the_same_by_mouse(film):
    film.page.locator(".lk-row").first.click()
    film.page.click("[data-action=track]")
    film.said("Object followed by flow")
    film.page.locator(".lk-row[aria-label*='followed by flow']").wait_for()
    film.page.click("[data-action=next]")
    film.at(2)
    film.page.locator(".lk-row[aria-label*='followed by flow']").wait_for()
    film.page.locator(".lk-row").first.click()
    film.page.click("[data-action=track]")
    film.said("no longer followed")
    film.page.click("[data-action=next]")
    film.at(3)
    assert film.rows() == []


def test_without_a_chosen_object_it_says_so(film):
    film.press("t")
    film.said("Select an object to follow first")
    assert film.decisions().empty

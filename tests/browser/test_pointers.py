"""Fingers, a pen, and a screen with two pixels a pixel: real touch events of the browser."""

import io
import shutil

import numpy as np
import pytest
from browser.jupyter import Lab
from browser.page import BenchPage
from PIL import Image

from labkit.project import Project


class Tablet:
    """A browser whose pages are on a screen of high density that takes touches."""

    def __init__(self, browser):
        self.browser = browser

    def new_context(self, **options):
        return self.browser.new_context(**options, has_touch=True, device_scale_factor=2)


class TabletPage(BenchPage):
    """What fingers and a pen do."""

    def __init__(self, browser, lab):
        super().__init__(Tablet(browser), lab)
        self.devices = self.context.new_cdp_session(self.page)

    def touch(self, kind, *points):
        """Fingers as they are now; a finger that is up is not among them."""
        self.devices.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y, "id": k} for k, x, y in points]},
        )

    def finger(self, *path, steps=6):
        """Draw with one finger over these points of the page."""
        (x, y), *rest = path
        self.touch("touchStart", (0, x, y))
        for end in rest:
            for k in range(1, steps + 1):
                at = (x + (end[0] - x) * k / steps, y + (end[1] - y) * k / steps)
                self.touch("touchMove", (0, *at))
            x, y = end
        self.touch("touchEnd")

    def pen(self, kind, x, y, down=True):
        self.devices.send(
            "Input.dispatchMouseEvent",
            {
                "type": kind, "x": x, "y": y, "button": "left" if down else "none",
                "buttons": int(down and kind != "mouseReleased"), "clickCount": int(down),
                "pointerType": "pen",
            },
        )  # fmt: skip

    def boxes(self):
        """The boxes that have been drawn."""
        self.saved()
        return self.decided()[["x1", "y1", "x2", "y2"]].to_numpy()

    def scrolled(self):
        return self.page.evaluate(
            """() => [scrollX, scrollY, visualViewport.scale,
              ...[...document.querySelectorAll('.jp-WindowedPanel-outer')].map(e => e.scrollTop)]"""
        )


@pytest.fixture(scope="module")
def tablet(browser, tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("tablet"))
    page = TabletPage(browser, lab)
    yield page
    page.close()
    lab.close()


@pytest.fixture
def bench(tablet, predicted, request):
    folder = tablet.lab.folder / request.node.name
    shutil.copytree(predicted, folder)
    tablet.open(folder / "project")
    yield tablet
    tablet.leave()


def test_a_finger_draws_a_box_and_the_page_stays_where_it_is(bench):
    before = bench.scrolled()
    bench.press("n")
    bench.finger(bench.point(40, 40), bench.point(90, 140))
    bench.said("added")
    assert bench.boxes()[0] == pytest.approx([40, 40, 90, 140], abs=1.5)
    assert bench.scrolled() == before
    # a finger is thick: a corner can be taken from beside it
    x, y = bench.point(90, 140)
    bench.finger((x + 12, y + 9), (x + 52, y + 29))
    bench.said("Shape changed")
    bench.saved()
    changed = bench.boxes()[0]
    assert changed[:2] == pytest.approx([40, 40], abs=1.5)
    assert changed[2] > 110
    assert bench.scrolled() == before


def test_a_finger_draws_a_rotated_box_by_two_drags(bench):
    bench.press("Shift+N")
    bench.finger(bench.point(100, 100), bench.point(180, 100))
    bench.finger(bench.point(180, 120), bench.point(170, 150))
    bench.said("added")
    assert bench.boxes()[0] == pytest.approx([100, 100, 180, 150], abs=1.5)


def test_a_finger_that_rests_opens_no_menu(bench):
    bench.stage.evaluate(
        """e => e.dispatchEvent(new PointerEvent("contextmenu",
          {pointerType: "touch", bubbles: true, cancelable: true, clientX: 400, clientY: 300}))"""
    )
    assert bench.page.locator(".lm-Menu:visible").count() == 0


def test_two_fingers_zoom_and_move_and_draw_nothing(bench):
    bench.press("n")
    before = bench.scrolled()
    x, y = bench.point(256, 192)
    bench.touch("touchStart", (0, x - 40, y))
    bench.touch("touchMove", (0, x - 45, y + 3))  # a box has been begun by now
    bench.touch("touchStart", (0, x - 45, y), (1, x + 45, y))
    for k in range(1, 10):
        bench.touch("touchMove", (0, x - 45 - 5 * k, y), (1, x + 45 + 5 * k, y))
    for k in range(1, 6):  # and both to the right
        bench.touch("touchMove", (0, x - 90 + 10 * k, y), (1, x + 90 + 10 * k, y))
    bench.touch("touchEnd", (1, x + 140, y))
    bench.touch("touchMove", (1, x + 100, y + 50))
    bench.touch("touchEnd")
    assert bench.decisions().empty
    assert bench.scrolled() == before
    # what was under the middle of the fingers is under it still, twice as large
    bench.finger((x + 50, y), (x + 50 + 100, y + 100))
    bench.said("added")
    box = bench.stage.bounding_box()
    k = min(box["width"] / 512, box["height"] / 384)
    side = 100 / (2 * k)
    want = [256, 192, 256 + side, 192 + side]
    assert bench.boxes()[0] == pytest.approx(want, abs=3)


def test_a_pinch_leaves_what_is_being_painted(bench):
    bench.press("b")
    bench.finger(bench.point(100, 100), bench.point(200, 100))
    x, y = bench.point(256, 192)
    bench.touch("touchStart", (0, x - 40, y))
    bench.touch("touchStart", (0, x - 40, y), (1, x + 40, y))
    bench.touch("touchMove", (0, x - 60, y), (1, x + 60, y))
    bench.touch("touchEnd", (1, x + 60, y))
    bench.touch("touchEnd")
    bench.press("Enter")
    bench.said("added")
    x1, y1, x2, y2 = bench.boxes()[0]
    assert x1 < 100 < 200 < x2
    assert y2 - y1 < 30  # the first finger's dab is gone
    bench.press("Escape", "p")
    for at in ((300, 100), (350, 100), (350, 150)):
        bench.finger(bench.point(*at))
    bench.press("Escape", "Escape")


def test_a_pen_draws_and_the_palm_does_not(bench):
    bench.press("n")
    start, end = bench.point(40, 40), bench.point(90, 140)
    bench.pen("mouseMoved", *start, down=False)
    bench.pen("mousePressed", *start)
    bench.touch("touchStart", (5, *bench.point(300, 300)))
    for k in range(1, 6):
        x, y = (a + (b - a) * k / 5 for a, b in zip(start, end, strict=True))
        bench.pen("mouseMoved", x, y)
        bench.touch("touchMove", (5, *bench.point(300 + k, 300)))
    bench.pen("mouseReleased", *end)
    bench.touch("touchEnd")
    bench.said("added")
    boxes = bench.boxes()
    assert len(boxes) == 1
    assert boxes[0] == pytest.approx([40, 40, 90, 140], abs=1.5)


def test_the_other_end_of_a_pen_erases(bench):
    bench.press("b")
    bench.finger(bench.point(100, 100), bench.point(200, 100))
    x, y = bench.point(200, 100)
    bench.stage.evaluate(
        """(e, [x, y]) => {
          const pen = {pointerId: 1, pointerType: "pen", clientX: x, clientY: y, bubbles: true};
          e.dispatchEvent(new PointerEvent("pointerdown", {...pen, button: 5, buttons: 32}));
          e.dispatchEvent(new PointerEvent("pointerup", {...pen, button: 5}));
        }""",
        [x, y],
    )
    bench.press("Enter")
    bench.said("added")
    assert bench.boxes()[0][2] < 200


def test_the_picture_is_sharp_on_a_dense_screen(bench):
    box = bench.stage.bounding_box()
    size = [2 * round(box["width"]), 2 * round(box["height"])]
    canvases = bench.page.locator(".lk-stage canvas, .labkit-canvas canvas, canvas.labkit-canvas")
    assert canvases.count() >= 3
    for k in range(canvases.count()):
        found = canvases.nth(k).evaluate("e => [e.width, e.height]")
        assert found == pytest.approx(size, abs=2)
    with Project.open(bench.project_path) as p:
        picture = Image.open(p.path_of(p.frame(bench.frame_id))).convert("RGB")
    # one pixel of the frame on one of the screen, which are two to a CSS pixel
    bench.press("Shift+V")
    bench.covered(False)
    for _ in range(2):
        shot = Image.open(io.BytesIO(bench.stage.screenshot())).convert("RGB")
        assert best_match(np.asarray(picture, int), np.asarray(shot, int)) < 1
        # the same on the glass
        bench.page.locator(".lk-base").evaluate("e => { e.hidden = false; }")


def best_match(picture, shot):
    """The mean difference of a corner of the picture from where it is on the screen."""
    part = picture[2:62, 2:62]
    y, x = (shot.shape[0] - picture.shape[0]) // 2, (shot.shape[1] - picture.shape[1]) // 2
    found = [
        np.abs(shot[y + 2 + j : y + 62 + j, x + 2 + i : x + 62 + i] - part).mean()
        for j in range(-3, 4)
        for i in range(-3, 4)
    ]
    return min(found)


def test_another_pixel_ratio_repaints_the_stage(bench):
    width = bench.page.locator(".lk-live").evaluate("e => e.width")
    try:
        bench.devices.send(
            "Emulation.setDeviceMetricsOverride",
            {"width": 1400, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        bench.page.wait_for_function(
            "w => document.querySelector('.lk-live').width === Math.round(w / 2)", arg=width
        )
        bench.covered(False)
    finally:
        bench.devices.send("Emulation.clearDeviceMetricsOverride")
